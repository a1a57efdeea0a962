#include "http/command.h"

static const char invalid_header_title[] = "A header of the request can't be used";

static bool refuse_header(struct command_run *run, const char *detail)
{
    command_refuse(run, "invalid-header", invalid_header_title, ev_str_of(detail));
    return false;
}

/* The header's value, or the null string; false when it is there more than once. */
static bool find_single(const struct http_exchange *exchange, const char *name, struct ev_str *ret)
{
    *ret = EV_STR_NULL;
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (!ev_str_equal(exchange->headers[i].name, ev_str_of(name)))
            continue;
        if (ret->data)
            return false;
        *ret = exchange->headers[i].value;
    }
    return true;
}

static bool is_printable(struct ev_str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < 0x21 || text.data[i] > 0x7e)
            return false;
    return true;
}

static bool read_key(struct command_run *run)
{
    struct http_exchange *exchange = run->exchange;
    if (!find_single(exchange, "idempotency-key", &run->key))
        return refuse_header(run, "Idempotency-Key is there more than once.");
    if (run->key.data && (run->key.length == 0 || run->key.length > COMMAND_KEY_MAX))
        return refuse_header(run, "Idempotency-Key has 1 to 64 bytes.");
    if (!run->key.data) {
        char *text = ev_arena_alloc(&exchange->arena, EV_UUID_TEXT_LENGTH + 1);
        struct ev_uuid made = ev_uuid_v7(&ev_clock_system, http_loop_random(exchange->loop));
        ev_uuid_format(&made, text);
        run->key = (struct ev_str){text, EV_UUID_TEXT_LENGTH};
    }
    return true;
}

/* If-Match: "3" asks for that version; * asks that there is one, which every command but a creation does by itself. */
static bool read_if_match(struct command_run *run)
{
    struct ev_str value;
    int64_t version;
    run->shard.request.expected_version = -1;
    if (!find_single(run->exchange, "if-match", &value))
        return refuse_header(run, "If-Match is there more than once.");
    if (!value.data)
        return true;
    if (ev_str_equal(value, EV_STR("*"))) {
        if (run->route->type->creates)
            return refuse_header(run, "If-Match: * contradicts a command that creates.");
        return true;
    }
    if (value.length < 3 || value.data[0] != '"' || value.data[value.length - 1] != '"' || value.data[1] == '+' ||
        !ev_str_to_int64((struct ev_str){value.data + 1, value.length - 2}, &version) || version < 0)
        return refuse_header(run, "If-Match is one version in quotes, as ETag gave it, or *.");
    run->shard.request.expected_version = version;
    return true;
}

/* RFC 7240: preferences that aren't understood are ignored. */
static void read_prefer(struct command_run *run)
{
    struct ev_str rest = http_exchange_header(run->exchange, "prefer"), part, name;
    int64_t seconds;
    while (ev_str_split(&rest, ',', &part)) {
        part = ev_str_trim(part);
        if (ev_str_split(&part, '=', &name) && ev_str_equal(ev_str_trim(name), EV_STR("wait")) &&
            ev_str_to_int64(ev_str_trim(part), &seconds) && seconds >= 1 && seconds <= COMMAND_WAIT_MAX_S)
            run->wait_s = seconds;
    }
}

/* Who asks. Only the private listener's callers are believed what they say of themselves. */
static bool read_actor(struct command_run *run)
{
    struct ev_str given = run->exchange->is_private ? http_exchange_header(run->exchange, "x-actor") : EV_STR_NULL;
    run->shard.request.actor = given.data ? given : EV_STR("anonymous");
    if (given.data && (given.length == 0 || given.length > COMMAND_ACTOR_MAX || !is_printable(given)))
        return refuse_header(run, "X-Actor has 1 to 64 printable characters.");
    return true;
}

static bool read_related(struct command_run *run, const char *name, struct ev_str *ret)
{
    *ret = http_exchange_header(run->exchange, name);
    if (ret->data && (ret->length == 0 || ret->length > COMMAND_CORRELATION_MAX || !is_printable(*ret)))
        return refuse_header(run, "X-Correlation-Id and X-Causation-Id have 1 to 64 printable characters.");
    return true;
}

bool command_read_headers(struct command_run *run)
{
    static const char *const none[] = {NULL};
    struct http_exchange *exchange = run->exchange;
    struct ev_request *request = &run->shard.request;
    struct ev_str unknown = http_exchange_unknown_query(exchange, none);
    if (unknown.data) {
        command_refuse(run, "unknown-parameter", "The query has a parameter that is unknown here",
                       EV_STR("A command takes no query parameters."));
        return false;
    }
    if (!read_key(run) || !read_if_match(run) || !read_actor(run) ||
        !read_related(run, "x-correlation-id", &request->correlation_id) ||
        !read_related(run, "x-causation-id", &request->causation_id))
        return false;
    read_prefer(run);
    if (!request->correlation_id.data)
        request->correlation_id = ev_str_of(exchange->request_id);
    request->traceparent = ev_str_of(exchange->traceparent);
    return true;
}
