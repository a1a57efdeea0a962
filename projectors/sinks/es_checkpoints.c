/* Checkpoints and parked entries in Elasticsearch: indexes "checkpoints" and "parked". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "sinks/es_internal.h"

#define ES_CHECKPOINT_ID_MAX (ES_NAME_MAX + 16)
#define ES_PARKED_PAGE ((size_t)1000) /* entries read at a time */

static void checkpoint_id(const struct es_sink *es, const struct ev_view *view, int32_t partition,
                          char ret_id[ES_CHECKPOINT_ID_MAX])
{
    char name[ES_NAME_MAX];
    es_view_name(es, view, name);
    snprintf(ret_id, ES_CHECKPOINT_ID_MAX, "%s/%" PRId32, name, partition);
}

/* What lies there of one checkpoint, and where in the index's history: the guard of the next write. */
struct stored_checkpoint {
    bool found;
    bool current; /* of the index as it is now, and not of one that was before */
    struct ev_checkpoint checkpoint;
    int64_t seq_no, primary_term;
};

static int64_t source_int64(yyjson_val *source, const char *name)
{
    return yyjson_get_sint(yyjson_obj_get(source, name));
}

static int checkpoint_read(const struct es_sink *es, yyjson_val *doc, int32_t partition, struct stored_checkpoint *ret,
                           struct ev_error *error)
{
    *ret = (struct stored_checkpoint){.found = yyjson_get_bool(yyjson_obj_get(doc, "found"))};
    if (!ret->found)
        return 0;
    yyjson_val *source = yyjson_obj_get(doc, "_source");
    ret->seq_no = source_int64(doc, "_seq_no");
    ret->primary_term = source_int64(doc, "_primary_term");
    ret->current = ev_str_equal(ev_json_str(yyjson_obj_get(source, "index_uuid")), ev_str_of(es->index_uuid));
    struct ev_checkpoint *checkpoint = &ret->checkpoint;
    checkpoint->cursor = (struct ev_cursor){
        .partition = partition,
        .next_offset = source_int64(source, "next_offset"),
        .ledger = {.epoch = source_int64(source, "epoch"), .next_seq = source_int64(source, "next_seq")},
        .last_offset = source_int64(source, "last_offset"),
    };
    checkpoint->updated_at_ms = source_int64(source, "updated_at_ms");
    checkpoint->log_time_ms = source_int64(source, "log_time_ms");
    struct ev_str topic_id = ev_json_str(yyjson_obj_get(source, "topic_id"));
    snprintf(checkpoint->topic_id, sizeof(checkpoint->topic_id), "%.*s", EV_STR_ARG(topic_id));
    struct ev_str command_id = ev_json_str(yyjson_obj_get(source, "last_command_id"));
    if (!ev_uuid_parse(command_id, &checkpoint->cursor.last_command_id))
        return ev_error_set(error, EV_ERR_CORRUPT, "a checkpoint in Elasticsearch holds no command id");
    return 0;
}

/* Reads the stored checkpoints of the partitions, in their order. They lie in es->arena. */
static int checkpoints_read(struct es_sink *es, const struct ev_view *view, const int32_t *partitions, size_t count,
                            struct stored_checkpoint *ret, struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct ev_json_writer writer;
    struct es_answer answer;
    snprintf(path, sizeof(path), "/%scheckpoints/_mget", es->prefix);
    ev_buffer_clear(&es->body);
    es_line_begin(es, &writer);
    ev_json_key(&writer, EV_STR("ids"));
    ev_json_array_begin(&writer);
    for (size_t i = 0; i < count; i++) {
        char id[ES_CHECKPOINT_ID_MAX];
        checkpoint_id(es, view, partitions[i], id);
        ev_json_string(&writer, ev_str_of(id));
    }
    ev_json_array_end(&writer);
    ev_json_object_end(&writer);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    yyjson_val *docs = answer.root ? yyjson_obj_get(answer.root, "docs") : NULL, *doc;
    if (answer.status != 200 || yyjson_arr_size(docs) != count)
        return es_http_refused(&answer, "read checkpoints", error);
    size_t at, total;
    yyjson_arr_foreach (docs, at, total, doc) {
        r = checkpoint_read(es, doc, partitions[at], &ret[at], error);
        if (r < 0)
            return r;
    }
    return 0;
}

int es_load_checkpoint(struct ev_sink *sink, const struct ev_view *view, int32_t partition, struct ev_checkpoint *ret,
                       struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    struct stored_checkpoint stored;
    ev_arena_reset(&es->arena);
    int r = checkpoints_read(es, view, &partition, 1, &stored, error);
    if (r < 0)
        return r;
    if (!stored.found || !stored.current)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no checkpoint");
    *ret = stored.checkpoint;
    return 0;
}

static void checkpoint_append(struct es_sink *es, const struct ev_view *view, const struct ev_checkpoint *checkpoint,
                              const struct stored_checkpoint *stored)
{
    const struct ev_cursor *cursor = &checkpoint->cursor;
    char id[ES_CHECKPOINT_ID_MAX], name[ES_NAME_MAX], command_id[EV_UUID_TEXT_LENGTH + 1];
    struct ev_json_writer writer;
    checkpoint_id(es, view, cursor->partition, id);
    es_view_name(es, view, name);
    ev_uuid_format(&cursor->last_command_id, command_id);

    es_line_begin(es, &writer);
    ev_json_key(&writer, stored->found ? EV_STR("index") : EV_STR("create"));
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "_id", id);
    if (stored->found) {
        ev_json_kv_int64(&writer, "if_seq_no", stored->seq_no);
        ev_json_kv_int64(&writer, "if_primary_term", stored->primary_term);
    }
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    es_line_end(es);

    es_line_begin(es, &writer);
    ev_json_kv_cstr(&writer, "view", name);
    ev_json_kv_cstr(&writer, "index_uuid", es->index_uuid);
    ev_json_kv_cstr(&writer, "topic", view->topic->name);
    ev_json_kv_int64(&writer, "partition", cursor->partition);
    ev_json_kv_cstr(&writer, "topic_id", checkpoint->topic_id);
    ev_json_kv_int64(&writer, "next_offset", cursor->next_offset);
    ev_json_kv_int64(&writer, "epoch", cursor->ledger.epoch);
    ev_json_kv_int64(&writer, "next_seq", cursor->ledger.next_seq);
    ev_json_kv_cstr(&writer, "last_command_id", command_id);
    ev_json_kv_int64(&writer, "last_offset", cursor->last_offset);
    ev_json_kv_int64(&writer, "log_time_ms", checkpoint->log_time_ms);
    ev_json_kv_int64(&writer, "updated_at_ms", checkpoint->updated_at_ms);
    ev_json_object_end(&writer);
    es_line_end(es);
}

/* An item that lost against another writer's (409) is fine: that one has just moved the checkpoint. */
static int checkpoints_send(struct es_sink *es, struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct es_answer answer;
    snprintf(path, sizeof(path), "/%scheckpoints/_bulk", es->prefix);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return es_http_refused(&answer, "save checkpoints", error);
    size_t at, total;
    yyjson_val *item;
    yyjson_arr_foreach (yyjson_obj_get(answer.root, "items"), at, total, item) {
        yyjson_val *result = yyjson_obj_get(item, "index");
        result = result ? result : yyjson_obj_get(item, "create");
        int status = (int)yyjson_get_sint(yyjson_obj_get(result, "status"));
        if (status != 200 && status != 201 && status != 409) {
            struct es_answer refused = {.status = status, .root = result};
            return es_http_refused(&refused, "save a checkpoint", error);
        }
    }
    return 0;
}

int es_save_checkpoints(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoints,
                        size_t count, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    ev_arena_reset(&es->arena);
    struct stored_checkpoint *stored = ev_arena_new_array(&es->arena, struct stored_checkpoint, count);
    int32_t *partitions = ev_arena_new_array(&es->arena, int32_t, count);
    for (size_t i = 0; i < count; i++)
        partitions[i] = checkpoints[i].cursor.partition;
    int r = checkpoints_read(es, view, partitions, count, stored, error);
    if (r < 0)
        return r;
    ev_buffer_clear(&es->body);
    for (size_t i = 0; i < count; i++) {
        int64_t lies_at = stored[i].found && stored[i].current ? stored[i].checkpoint.cursor.next_offset : 0;
        if (lies_at < checkpoints[i].previous_offset)
            return ev_error_set_retriable(error, EV_ERR_CONFLICT,
                                          "a checkpoint of view %s in Elasticsearch is gone or went back", view->name);
        if (lies_at < checkpoints[i].cursor.next_offset)
            checkpoint_append(es, view, &checkpoints[i], &stored[i]);
    }
    return es->body.length ? checkpoints_send(es, error) : 0;
}

struct ev_str es_parked_id(struct es_sink *es, const struct ev_view *view, const struct ev_parked *parked)
{
    char name[ES_NAME_MAX];
    es_view_name(es, view, name);
    if (parked->skipped)
        return ev_arena_printf(&es->arena, "%s/%.*s#%" PRId64, name, EV_STR_ARG(parked->key), parked->offset);
    return ev_arena_printf(&es->arena, "%s/%.*s", name, EV_STR_ARG(parked->key));
}

int es_save_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                   struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char name[ES_NAME_MAX], path[ES_PATH_MAX];
    struct ev_json_writer writer;
    struct es_answer answer;
    es_view_name(es, view, name);
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    es_line_begin(es, &writer);
    ev_json_key(&writer, EV_STR("index"));
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "_id", es_parked_id(es, view, parked));
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    es_line_end(es);
    es_line_begin(es, &writer);
    ev_json_kv_cstr(&writer, "view", name);
    ev_json_kv_cstr(&writer, "index_uuid", es->index_uuid);
    ev_json_kv_string(&writer, "key", parked->key);
    ev_json_kv_int64(&writer, "partition", parked->partition);
    ev_json_kv_int64(&writer, "offset", parked->offset);
    ev_json_kv_cstr(&writer, "cause", parked->cause);
    ev_json_kv_int64(&writer, "parked_at_ms", parked->parked_at_ms);
    ev_json_kv_int64(&writer, "redriven_to", parked->redriven_to);
    ev_json_kv_bool(&writer, "skipped", parked->skipped);
    ev_json_object_end(&writer);
    es_line_end(es);
    snprintf(path, sizeof(path), "/%sparked/_bulk?refresh=true", es->prefix);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status != 200 || yyjson_get_bool(yyjson_obj_get(answer.root, "errors")))
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "Elasticsearch can't park a document: status %d",
                                      answer.status);
    return parked->skipped || parked->redriven_to > 0 ? 0 : es_mark_parked(es, view, parked, error);
}

/* What lies behind `after` (the sort values of an entry, as JSON; empty: the first ones), as hits. */
static int parked_page(struct es_sink *es, const struct ev_view *view, bool skipped, struct ev_str after,
                       yyjson_val **ret_hits, struct ev_error *error)
{
    char name[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    es_view_name(es, view, name);
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    ev_buffer_printf(&es->body,
                     "{\"size\":%d,\"query\":{\"bool\":{\"filter\":[{\"term\":{\"view\":\"%s\"}},"
                     "{\"term\":{\"index_uuid\":\"%s\"}},{\"term\":{\"skipped\":%s}}]}},"
                     "\"sort\":[{\"offset\":\"asc\"},{\"key\":\"asc\"}]",
                     (int)ES_PARKED_PAGE, name, es->index_uuid, skipped ? "true" : "false");
    if (after.length > 0)
        ev_buffer_printf(&es->body, ",\"search_after\":%.*s", EV_STR_ARG(after));
    ev_buffer_append_byte(&es->body, '}');
    snprintf(path, sizeof(path), "/%sparked/_search", es->prefix);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return es_http_refused(&answer, "read parked entries", error);
    *ret_hits = yyjson_obj_get(yyjson_obj_get(answer.root, "hits"), "hits");
    return 0;
}

static void parked_read(yyjson_val *source, struct ev_parked *ret)
{
    *ret = (struct ev_parked){
        .key = ev_json_str(yyjson_obj_get(source, "key")),
        .partition = (int32_t)source_int64(source, "partition"),
        .offset = source_int64(source, "offset"),
        .parked_at_ms = source_int64(source, "parked_at_ms"),
        .redriven_to = source_int64(source, "redriven_to"),
        .skipped = yyjson_get_bool(yyjson_obj_get(source, "skipped")),
    };
    struct ev_str cause = ev_json_str(yyjson_obj_get(source, "cause"));
    snprintf(ret->cause, sizeof(ret->cause), "%.*s", EV_STR_ARG(cause));
}

/* Those that are parked, or those that are left out. */
static int load_parked(struct es_sink *es, const struct ev_view *view, bool skipped,
                       int (*each)(void *context, const struct ev_parked *parked), void *context,
                       struct ev_error *error)
{
    struct ev_buffer after = {0};
    size_t at, count = ES_PARKED_PAGE;
    int r = 0;
    while (r == 0 && count == ES_PARKED_PAGE) {
        yyjson_val *hits = NULL, *hit, *last = NULL;
        r = parked_page(es, view, skipped, ev_buffer_str(&after), &hits, error);
        count = yyjson_arr_size(hits);
        yyjson_arr_foreach (hits, at, count, hit) {
            struct ev_parked parked;
            parked_read(yyjson_obj_get(hit, "_source"), &parked);
            r = r == 0 ? each(context, &parked) : r;
            last = hit;
        }
        _cleanup_free_ char *sort = yyjson_val_write(yyjson_obj_get(last, "sort"), YYJSON_WRITE_NOFLAG, NULL);
        ev_buffer_clear(&after);
        ev_buffer_append_str(&after, ev_str_of(sort ? sort : ""));
    }
    ev_buffer_finish(&after);
    return r;
}

int es_load_parked(struct ev_sink *sink, const struct ev_view *view,
                   int (*each)(void *context, const struct ev_parked *parked), void *context, struct ev_error *error)
{
    int r = load_parked(es_of(sink), view, false, each, context, error);
    return r != 0 ? r : load_parked(es_of(sink), view, true, each, context, error);
}
