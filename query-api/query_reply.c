/* Answers: documents and lists with their position, and problems. */
#include "query_internal.h"

#include <string.h>

#include "core/log.h"
#include "core/timestamp.h"
#include "document.h"

static struct ev_str query_time_text(const struct query *query, int64_t ms)
{
    char text[EV_TIMESTAMP_TEXT_MAX];
    size_t length = ev_timestamp_format(ms, text);
    return ev_arena_copy(query->arena, (struct ev_str){text, length});
}

/* --- answers --- */

static void query_observe(const struct query *query)
{
    if (query->asked_us > 0)
        ev_metric_observe_us(query->route->store_seconds, query_now_us() - query->asked_us);
}

/* The view's checkpoints as they were before the store was asked, and what the document itself reflects: it may be
 * ahead of the checkpoint, and a later read must not go back behind it. The null string where that is more than a token
 * holds. */
static struct ev_str query_position_token(const struct query *query, const struct query_answer *answer)
{
    struct ev_position positions[EV_POSITIONS_MAX];
    char token[EV_POSITION_TOKEN_MAX];
    size_t count, at = 0;
    if (!tracker_snapshot_positions(&query->view, query->resource->view, positions, &count))
        return EV_STR_NULL;
    if (answer->offset >= 0) {
        while (at < count && positions[at].partition != answer->partition)
            at++;
        if (at == EV_POSITIONS_MAX)
            return EV_STR_NULL;
        if (at == count)
            positions[count++] = (struct ev_position){.topic = ev_str_of(query_views[query->resource->view].topic),
                                                      .partition = answer->partition,
                                                      .offset = answer->offset};
        else if (positions[at].offset < answer->offset)
            positions[at].offset = answer->offset;
    }
    if (count == 0)
        return EV_STR_NULL;
    size_t length = ev_position_token_format(positions, count, token);
    return ev_arena_copy(query->arena, (struct ev_str){token, length});
}

/* If-None-Match: a list of entity tags or "*"; weak and strong compare alike (RFC 9110, 13.1.2). */
static bool query_etag_matches(struct ev_str header, struct ev_str etag)
{
    struct ev_str tag;
    while (ev_str_split(&header, ',', &tag)) {
        tag = ev_str_trim(tag);
        if (ev_str_equal(tag, EV_STR("*")))
            return true;
        if (ev_str_starts_with(tag, EV_STR("W/")))
            tag = (struct ev_str){tag.data + 2, tag.length - 2};
        if (ev_str_equal(tag, etag))
            return true;
    }
    return false;
}

/* The same query with the cursor of the next page. Raw text of the request goes into a header: what could end the link
 * there is percent-encoded. */
static struct ev_str query_next_link(const struct query *query, struct ev_str cursor)
{
    struct ev_buffer link = {0};
    struct ev_str rest = query->exchange->query, part;
    ev_buffer_printf(&link, "<%s?", query->resource->path);
    while (rest.length > 0 && ev_str_split(&rest, '&', &part)) {
        if (part.length == 0 || ev_str_starts_with(part, EV_STR("cursor=")) ||
            ev_str_starts_with(part, EV_STR("after=")))
            continue;
        for (size_t i = 0; i < part.length; i++) {
            unsigned char c = (unsigned char)part.data[i];
            if (c <= 0x20 || c >= 0x7F || c == '<' || c == '>' || c == '"')
                ev_buffer_printf(&link, "%%%02X", c);
            else
                ev_buffer_append_byte(&link, (char)c);
        }
        ev_buffer_append_byte(&link, '&');
    }
    ev_buffer_printf(&link, "cursor=%.*s>; rel=\"next\"", EV_STR_ARG(cursor));
    struct ev_str text = ev_arena_copy(query->arena, ev_buffer_str(&link));
    ev_buffer_finish(&link);
    return text;
}

/* Since when what is shown lacks what the log has: documents that go no further, or partitions that are read no
 * further; the first of them. 0: nothing does. */
static int64_t query_parked_since(const struct query *query, const struct query_answer *answer)
{
    int32_t partition = answer->offset >= 0 ? answer->partition : -1;
    int64_t stopped_at_ms = tracker_snapshot_stopped_at_ms(&query->view, partition);
    return document_first_parked(answer->parked_at_ms, stopped_at_ms);
}

static void query_add_parked(struct query *query, const struct query_answer *answer, struct http_reply *reply)
{
    int64_t since_ms = query_parked_since(query, answer);
    if (query->stale || since_ms > 0) {
        http_reply_add_header(reply, "x-stale", EV_STR("true"));
        http_reply_add_header(reply, "warning", EV_STR("110 - \"Response is Stale\""));
    }
    if (since_ms > 0)
        http_reply_add_header(reply, "x-parked-since", query_time_text(query, since_ms));
    /* A document whose first event parked it is in no list: that there are such ones is all that can be told. */
    if (answer->offset < 0 && query->view.parked.documents > 0)
        http_reply_add_header(reply, "x-parked-documents",
                              ev_arena_printf(query->arena, "%lld", (long long)query->view.parked.documents));
}

void query_reply(struct query *query, const struct query_answer *answer)
{
    struct http_reply reply = {.status = 200};
    struct ev_str position = query_position_token(query, answer);
    query_observe(query);
    if (answer->offset >= 0)
        tracker_note_shown(query->api->trackers[query->resource->store], query->resource->view, &query->view,
                           answer->partition, answer->offset);
    if (position.data)
        http_reply_add_header(&reply, "position", position);
    if (answer->version > 0) {
        struct ev_str etag = ev_arena_printf(query->arena, "\"%lld\"", (long long)answer->version);
        http_reply_add_header(&reply, "etag", etag);
        if (answer->cacheable && query_etag_matches(http_exchange_header(query->exchange, "if-none-match"), etag))
            reply.status = 304;
    }
    /* Caches may keep nothing without asking: what a view reflects moves on at any time. */
    http_reply_add_header(&reply, "cache-control", EV_STR("no-cache"));
    query_add_parked(query, answer, &reply);
    if (answer->next_cursor.data)
        http_reply_add_header(&reply, "link", query_next_link(query, answer->next_cursor));
    if (answer->body) {
        if (reply.status == 200)
            reply.body = ev_arena_copy(query->arena, ev_buffer_str(answer->body));
        ev_buffer_finish(answer->body);
    }
    http_reply(query->exchange, &reply);
}

int query_next_cursor(const struct query *query, const struct ev_str *parts, size_t count, struct ev_str *ret,
                      struct ev_error *error)
{
    struct cursor next = {.fingerprint = query->fingerprint};
    for (size_t i = 0; i < count && i < CURSOR_PARTS_MAX; i++)
        next.parts[next.part_count++] = parts[i];
    *ret = next.part_count == count ? cursor_format(&next, query->arena) : EV_STR_NULL;
    return ret->data ? 0 : ev_error_set(error, EV_ERR_INTERNAL, "a key is longer than a cursor holds");
}

void query_write_next_cursor(struct ev_json_writer *writer, struct ev_str cursor)
{
    ev_json_kv_string(writer, "next_cursor", cursor);
}

/* --- problems --- */

static struct ev_str query_json_string(struct query *query, struct ev_str text)
{
    struct ev_buffer out = {0};
    struct ev_json_writer writer;
    ev_json_init(&writer, &out);
    ev_json_string(&writer, text);
    struct ev_str json = ev_arena_copy(query->arena, ev_buffer_str(&out));
    ev_buffer_finish(&out);
    return json;
}

void query_reply_not_found(struct query *query, const char *what, struct ev_str id)
{
    query_observe(query);
    if (query->parked) {
        http_reply_problem(
            query->exchange,
            &(struct http_problem){.status = 503,
                                   .slug = "parked",
                                   .title = "The view can't show it until an operator has looked",
                                   .detail = ev_arena_printf(query->arena, "an event of %s \"%.*s\" couldn't be folded",
                                                             what, EV_STR_ARG(id))});
        return;
    }
    struct http_problem problem = {.status = 404,
                                   .slug = "not-found",
                                   .title = "There is no such thing",
                                   .detail = ev_arena_printf(query->arena, "no %s \"%.*s\"", what, EV_STR_ARG(id))};
    int64_t stopped_at_ms = tracker_snapshot_stopped_at_ms(&query->view, -1);
    if (stopped_at_ms > 0)
        http_reply_problem_with(query->exchange, &problem, "x-parked-since", query_time_text(query, stopped_at_ms));
    else
        http_reply_problem(query->exchange, &problem);
}

void query_reply_parameter(struct query *query, const char *parameter, const char *detail)
{
    static const char *const names[] = {"parameter", NULL};
    struct ev_str json[] = {query_json_string(query, ev_str_of(parameter))};
    http_reply_problem(query->exchange,
                       &(struct http_problem){.status = 400,
                                              .slug = "invalid-parameter",
                                              .title = "A parameter of the query is not valid",
                                              .detail = ev_arena_printf(query->arena, "\"%s\" %s", parameter, detail),
                                              .extra_names = names,
                                              .extra_json = json});
}

static void query_log_fault(const struct query *query, const struct ev_error *error)
{
    ev_log(EV_LOG_WARN, "query.failed", "a query failed", ev_log_cstr("route", query->resource->name),
           ev_log_cstr("store", query_store_name(query->resource->store)),
           ev_log_cstr("code", ev_error_name(error->code)), ev_log_cstr("detail", error->message),
           ev_log_cstr("trace_id", query->exchange->trace_id));
}

void query_reply_fault(struct query *query, const struct ev_error *error)
{
    static const char *const names[] = {"store", NULL};
    const char *store = query_store_name(query->resource->store);
    struct ev_str json[] = {query_json_string(query, ev_str_of(store))};
    struct http_problem problem = {.extra_names = names, .extra_json = json};
    query_observe(query);
    if (store_error_means_away(error)) {
        problem.status = 503;
        problem.slug = "store-unavailable";
        problem.title = "A store that this query needs is away";
        problem.detail = ev_arena_printf(query->arena, "%s does not answer: %s", store, error->message);
        problem.retry_after_s = STORE_RETRY_AFTER_S;
    } else if (error->code == EV_ERR_LIMIT && !error->retriable) {
        problem.status = 422;
        problem.slug = "query-too-large";
        problem.title = "The query asks for more than can be answered";
        problem.detail = ev_arena_copy(query->arena, ev_str_of(error->message));
    } else if (error->code == EV_ERR_LIMIT) {
        problem.status = 503;
        problem.slug = "overloaded";
        problem.title = "The query can't be answered now";
        problem.detail = ev_arena_copy(query->arena, ev_str_of(error->message));
        problem.retry_after_s = QUERY_BUSY_RETRY_AFTER_S;
        query_log_fault(query, error);
    } else {
        problem.status = 500;
        problem.slug = "internal";
        problem.title = "The query failed";
        problem.detail = EV_STR("this is a fault of the server; its log has the details under the trace id");
        query_log_fault(query, error);
    }
    http_reply_problem(query->exchange, &problem);
}

void query_reply_view_missing(struct query *query)
{
    static const char *const names[] = {"view", "store", NULL};
    const char *view = query_views[query->resource->view].name, *store = query_store_name(query->resource->store);
    struct ev_str json[] = {query_json_string(query, ev_str_of(view)), query_json_string(query, ev_str_of(store))};
    http_reply_problem(
        query->exchange,
        &(struct http_problem){
            .status = 503,
            .slug = "view-missing",
            .title = "The view has not been made yet",
            .detail = ev_arena_printf(query->arena, "no projector has made the view %s in %s yet", view, store),
            .retry_after_s = STORE_RETRY_AFTER_S,
            .extra_names = names,
            .extra_json = json});
}

/* Since when a partition of the positions that are waited for stands at a record that can't be decoded, as JSON. */
static struct ev_str query_wanted_stopped(struct query *query)
{
    int64_t first_ms = 0;
    for (size_t i = 0; i < query->wanted_count; i++)
        if (query->wanted[i].partition >= 0 &&
            ev_str_equal(query->wanted[i].topic, ev_str_of(query_views[query->resource->view].topic)))
            first_ms = document_first_parked(first_ms,
                                             tracker_snapshot_stopped_at_ms(&query->view, query->wanted[i].partition));
    return first_ms > 0 ? query_json_string(query, query_time_text(query, first_ms)) : EV_STR("null");
}

void query_reply_behind(struct query *query)
{
    static const char *const names[] = {"view",     "store",         "lag_events", "lag_seconds",
                                        "position", "stopped_since", NULL};
    const char *view = query_views[query->resource->view].name;
    struct tracker_snapshot *now = &query->view;
    tracker_snapshot(query->api->trackers[query->resource->store], query->resource->view, now);
    int64_t events = tracker_snapshot_missing(now, query->resource->view, query->wanted, query->wanted_count);
    int64_t lag_ms = tracker_snapshot_lag_ms(now);
    struct ev_str json[] = {
        query_json_string(query, ev_str_of(view)),
        query_json_string(query, ev_str_of(query_store_name(query->resource->store))),
        ev_arena_printf(query->arena, "%lld", (long long)events),
        ev_arena_printf(query->arena, "%lld.%03lld", (long long)(lag_ms / 1000), (long long)(lag_ms % 1000)),
        query_json_string(query, query_position_token(query, &QUERY_ANSWER_NONE)),
        query_wanted_stopped(query),
    };
    http_reply_problem(query->exchange, &(struct http_problem){.status = 503,
                                                               .slug = "view-behind",
                                                               .title = "The view does not reflect the position yet",
                                                               .detail = ev_arena_printf(
                                                                   query->arena,
                                                                   "%s is %lld records behind the position asked "
                                                                   "for; wait longer (Prefer: wait=SECONDS, at "
                                                                   "most %d) or allow a stale answer (stale-ok=true)",
                                                                   view, (long long)events, QUERY_WAIT_MAX_MS / 1000),
                                                               .retry_after_s = QUERY_BEHIND_RETRY_AFTER_S,
                                                               .extra_names = names,
                                                               .extra_json = json});
}
