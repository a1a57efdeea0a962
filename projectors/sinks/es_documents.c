/* Documents in Elasticsearch: loading, bulk writes guarded by external versions, scanning. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/map.h"
#include "sinks/es_internal.h"
#include "sinks/json_document.h"

#define ES_BULK_ANSWER "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,error,status"

static int64_t source_int64(yyjson_val *source, const char *name)
{
    return yyjson_get_sint(yyjson_obj_get(source, name));
}

/* Meta and Avro bytes out of a document's source. A body that can't be read is left empty, which no fold can open: it
 * parks that document and no other. */
static void document_read(struct es_sink *es, const struct ev_view *view, yyjson_val *source, struct ev_arena *arena,
                          struct ev_sink_document *ret)
{
    ret->meta = (struct ev_document_meta){
        .offset = source_int64(source, "_offset"),
        .partition = (int32_t)source_int64(source, "_partition"),
        .sequence = source_int64(source, "_sequence"),
    };
    ret->deleted = yyjson_get_bool(yyjson_obj_get(source, "_deleted"));
    ret->unreadable = false;
    ret->body = EV_STR("");
    if (!yyjson_is_int(yyjson_obj_get(source, "_offset"))) {
        ret->unreadable = true;
        ev_error_set(&ret->error, EV_ERR_CORRUPT, "it has no _offset");
        return;
    }
    if (ret->deleted)
        return;
    void *value = ev_arena_alloc(arena, view->document->size);
    ret->unreadable = sink_json_read(view->document, source, arena, value, &ret->error) < 0;
    if (ret->unreadable)
        return;
    ev_buffer_clear(&es->scratch);
    ev_record_encode(view->document, value, &es->scratch);
    ret->body = ev_arena_copy(arena, ev_buffer_str(&es->scratch));
}

/* Answer: {"docs": [{"_id", "found", "_source"}]}, in the order of the ids. */
static int es_load_some(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *documents,
                        size_t count, struct ev_arena *arena, struct ev_error *error)
{
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    struct ev_json_writer writer;
    struct es_answer answer;
    es_index_name(es, view, index);
    snprintf(path, sizeof(path), "/%s/_mget?filter_path=docs.found,docs._version,docs._source,docs.error,error,status",
             index);
    ev_buffer_clear(&es->body);
    es_line_begin(es, &writer);
    ev_json_key(&writer, EV_STR("ids"));
    ev_json_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        ev_json_string(&writer, documents[i].key);
    ev_json_array_end(&writer);
    ev_json_object_end(&writer);
    ev_arena_reset(&es->arena);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    yyjson_val *docs = answer.root ? yyjson_obj_get(answer.root, "docs") : NULL;
    if (answer.status != 200 || yyjson_arr_size(docs) != count)
        return es_http_refused(&answer, "read documents", error);
    size_t at, total;
    yyjson_val *doc;
    yyjson_arr_foreach (docs, at, total, doc) {
        yyjson_val *failed = yyjson_obj_get(doc, "error");
        if (failed) {
            struct ev_str reason = ev_json_str(yyjson_obj_get(failed, "reason"));
            return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "Elasticsearch can't read a document: %.*s",
                                          EV_STR_ARG(reason));
        }
        documents[at].meta = (struct ev_document_meta){.offset = -1};
        documents[at].deleted = documents[at].unreadable = false;
        documents[at].body = EV_STR_NULL;
        documents[at].revision = source_int64(doc, "_version");
        if (yyjson_get_bool(yyjson_obj_get(doc, "found")))
            document_read(es, view, yyjson_obj_get(doc, "_source"), arena, &documents[at]);
    }
    return 0;
}

int es_load(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
            struct ev_arena *arena, struct ev_error *error)
{
    for (size_t at = 0; at < count; at += ES_BULK_DOCUMENTS_MAX) {
        size_t some = count - at < ES_BULK_DOCUMENTS_MAX ? count - at : ES_BULK_DOCUMENTS_MAX;
        int r = es_load_some(es_of(sink), view, documents + at, some, arena, error);
        if (r < 0)
            return r;
    }
    return 0;
}

void es_bulk_action(struct es_sink *es, struct ev_str action, struct ev_str key, int64_t version)
{
    struct ev_json_writer writer;
    es_line_begin(es, &writer);
    ev_json_key(&writer, action);
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "_id", key);
    ev_json_kv_int64(&writer, "version", version);
    ev_json_kv_cstr(&writer, "version_type", "external");
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    es_line_end(es);
}

int es_bulk_append(struct es_sink *es, const struct ev_view *view, const struct ev_sink_document *document,
                   int64_t version, struct ev_error *error)
{
    struct ev_json_writer writer;
    es_bulk_action(es, EV_STR("index"), document->key, version);
    es_line_begin(es, &writer);
    ev_json_kv_int64(&writer, "_offset", document->meta.offset);
    ev_json_kv_int64(&writer, "_partition", document->meta.partition);
    ev_json_kv_int64(&writer, "_sequence", document->meta.sequence);
    if (document->deleted)
        ev_json_kv_bool(&writer, "_deleted", true);
    ev_json_object_end(&writer);
    if (!document->deleted) {
        void *value = ev_arena_alloc(&es->arena, view->document->size);
        int r = ev_record_decode(view->document, document->body, &es->arena, value, error);
        if (r < 0)
            return r;
        /* Joins the two objects: the closing brace of the first becomes a comma, the opening one of the second goes. */
        size_t joint = es->body.length - 1;
        ev_json_init(&writer, &es->body);
        ev_record_print_plain(view->document, value, &writer);
        es->body.data[joint] = ',';
        memmove(es->body.data + joint + 1, es->body.data + joint + 2, es->body.length - joint - 2);
        es->body.length--;
    }
    es_line_end(es);
    return 0;
}

/* Books one item of the answer. Negative when the index is gone. */
static int bulk_take_item(yyjson_val *item, struct ev_sink_document *document, struct ev_error *error)
{
    yyjson_val *removed = yyjson_obj_get(item, "delete");
    yyjson_val *outcome = removed ? removed : yyjson_obj_get(item, "index");
    int status = (int)yyjson_get_sint(yyjson_obj_get(outcome, "status"));
    yyjson_val *cause = yyjson_obj_get(outcome, "error");
    struct ev_str type = ev_json_str(yyjson_obj_get(cause, "type"));
    struct ev_str reason = ev_json_str(yyjson_obj_get(cause, "reason"));
    switch (status) {
    case 200:
    case 201:
        document->result = EV_WRITE_DONE;
        return 0;
    case 409:
        document->result = EV_WRITE_STALE;
        return 0;
    case 404:
        document->result = EV_WRITE_DONE;
        if (removed)
            return 0;
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "the index is gone: %.*s", EV_STR_ARG(reason));
    case 400:
    case 413:
        document->result = EV_WRITE_FAILED;
        ev_error_set(&document->error, EV_ERR_INVALID, "Elasticsearch refuses it: %.*s: %.*s", EV_STR_ARG(type),
                     EV_STR_ARG(reason));
        return 0;
    default: /* throttled, no shard, blocked for writing …: none of it is the document's fault */
        document->result = EV_WRITE_BUSY;
        ev_error_set_retriable(&document->error, EV_ERR_UNAVAILABLE,
                               "Elasticsearch takes no writes for now: status %d %.*s: %.*s", status, EV_STR_ARG(type),
                               EV_STR_ARG(reason));
        return 0;
    }
}

static void bulk_set_all(struct ev_sink_document *const *documents, size_t count, enum ev_write_result result,
                         const struct ev_error *error)
{
    for (size_t i = 0; i < count; i++) {
        documents[i]->result = result;
        if (error)
            documents[i]->error = *error;
    }
}

int es_bulk_send(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *const *documents,
                 size_t count, struct ev_error *error)
{
    char alias[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    es_write_alias(es, view, alias);
    snprintf(path, sizeof(path), "/%s/_bulk?require_alias=true&" ES_BULK_ANSWER, alias);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status == 413)
        return 1;
    if (answer.status == 429) {
        es_http_refused(&answer, "take a bulk", error);
        bulk_set_all(documents, count, EV_WRITE_BUSY, error);
        return 0;
    }
    if (answer.status != 200)
        return es_http_refused(&answer, "take a bulk", error);
    if (!yyjson_get_bool(yyjson_obj_get(answer.root, "errors"))) {
        bulk_set_all(documents, count, EV_WRITE_DONE, NULL);
        return 0;
    }
    yyjson_val *items = yyjson_obj_get(answer.root, "items"), *item;
    if (yyjson_arr_size(items) != count)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "Elasticsearch answered a bulk of %zu with %zu items",
                                      count, yyjson_arr_size(items));
    size_t at, total;
    yyjson_arr_foreach (items, at, total, item) {
        r = bulk_take_item(item, documents[at], error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Writes documents from *at on, as many as one bulk takes. */
static int es_write_some(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *documents,
                         size_t count, size_t *at, struct ev_error *error)
{
    struct ev_sink_document *sent[ES_BULK_DOCUMENTS_MAX];
    size_t sent_count = 0, end = *at;
    ev_buffer_clear(&es->body);
    ev_arena_reset(&es->arena);
    while (end < count && sent_count < ES_BULK_DOCUMENTS_MAX && es->body.length < es->bulk_bytes_max) {
        struct ev_sink_document *document = &documents[end++];
        size_t before = es->body.length;
        if (es_bulk_append(es, view, document, es_version(document->meta.offset), &document->error) < 0) {
            es->body.length = before;
            document->result = EV_WRITE_FAILED;
            continue;
        }
        sent[sent_count++] = document;
    }
    int r = sent_count ? es_bulk_send(es, view, sent, sent_count, error) : 0;
    if (r > 0 && sent_count > 1) {
        es->bulk_bytes_max = es->body.length / 2; /* and once more from the same document on */
        return 0;
    }
    if (r > 0) {
        sent[0]->result = EV_WRITE_FAILED;
        ev_error_set(&sent[0]->error, EV_ERR_LIMIT, "the document is larger than Elasticsearch takes");
    }
    *at = end;
    return r < 0 ? r : 0;
}

int es_write(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
             struct ev_error *error)
{
    for (size_t at = 0; at < count;) {
        int r = es_write_some(es_of(sink), view, documents, count, &at, error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int scan_hits(struct es_sink *es, const struct ev_view *view, yyjson_val *hits, struct ev_arena *arena,
                     int (*each)(void *context, const struct ev_sink_document *document), void *context)
{
    size_t at, total;
    yyjson_val *hit;
    yyjson_arr_foreach (hits, at, total, hit) {
        struct ev_sink_document document = {.key = ev_json_str(yyjson_obj_get(hit, "_id")), .previous_offset = -1};
        document_read(es, view, yyjson_obj_get(hit, "_source"), arena, &document);
        int r = each(context, &document);
        if (r != 0)
            return r;
    }
    return 0;
}

static void scan_end(struct es_sink *es, struct ev_str scroll_id)
{
    struct es_answer answer;
    struct ev_error ignored;
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    ev_buffer_printf(&es->body, "{\"scroll_id\":\"%.*s\"}", EV_STR_ARG(scroll_id));
    es_http_request(es->http, "DELETE", "/_search/scroll", ev_buffer_str(&es->body), &es->arena, &answer, &ignored);
}

/* A page lies in an arena of its own: `each` may use the sink meanwhile, e.g. to say that a replay is alive. */
int es_scan(struct ev_sink *sink, const struct ev_view *view,
            int (*each)(void *context, const struct ev_sink_document *document), void *context, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char index[ES_NAME_MAX], path[ES_PATH_MAX], scroll_id[ES_PATH_MAX] = "";
    struct ev_arena page, arena; /* arena: of the documents */
    int r = es->sink.flush(sink, view, error);
    if (r < 0)
        return r;
    ev_arena_init(&page, 0);
    ev_arena_init(&arena, 0);
    es_index_name(es, view, index);
    snprintf(path, sizeof(path), "/%s/_search?scroll=1m&size=%d&sort=_doc", index, ES_SCAN_SIZE);
    ev_buffer_clear(&es->body);
    ev_buffer_append_str(&es->body, EV_STR("{}"));
    for (;;) {
        struct es_answer answer;
        ev_arena_reset(&page);
        ev_arena_reset(&arena);
        r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &page, &answer, error);
        if (r >= 0 && answer.status != 200)
            r = es_http_refused(&answer, "scan an index", error);
        if (r < 0)
            break;
        yyjson_val *hits = yyjson_obj_get(yyjson_obj_get(answer.root, "hits"), "hits");
        struct ev_str id = ev_json_str(yyjson_obj_get(answer.root, "_scroll_id"));
        snprintf(scroll_id, sizeof(scroll_id), "%.*s", EV_STR_ARG(id));
        if (yyjson_arr_size(hits) == 0)
            break;
        r = scan_hits(es, view, hits, &arena, each, context);
        if (r != 0)
            break;
        snprintf(path, sizeof(path), "/_search/scroll");
        ev_buffer_clear(&es->body);
        ev_buffer_printf(&es->body, "{\"scroll\":\"1m\",\"scroll_id\":\"%s\"}", scroll_id);
    }
    if (scroll_id[0])
        scan_end(es, ev_str_of(scroll_id));
    ev_arena_finish(&page);
    ev_arena_finish(&arena);
    return r;
}
