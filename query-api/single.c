#include "single.h"

#include <string.h>

struct single_load {
    struct query *query;
    const struct ev_record *record;
    const struct ev_str *keys;
    size_t key_count;
    size_t found; /* index of the key whose document is in `ret`; key_count: none yet */
    void *ret;
    struct document_meta *meta;
};

static int single_take(void *context, const bson_t *document, struct ev_error *error)
{
    struct single_load *load = context;
    bson_iter_t iter;
    uint32_t length;
    if (!bson_iter_init_find(&iter, document, "_id") || !BSON_ITER_HOLDS_UTF8(&iter))
        return ev_error_set(error, EV_ERR_CORRUPT, "a stored document has no text as its _id");
    const char *id = bson_iter_utf8(&iter, &length);
    size_t at = 0;
    while (at < load->key_count && !ev_str_equal(load->keys[at], (struct ev_str){id, length}))
        at++;
    if (at >= load->found)
        return 0;
    void *found = ev_arena_alloc(load->query->arena, load->record->size);
    struct document_meta meta;
    int fault = document_from_bson(load->record, document, load->query->arena, found, &meta, error);
    if (fault || meta.deleted)
        return fault;
    load->found = at;
    memcpy(load->ret, found, load->record->size);
    *load->meta = meta;
    return 0;
}

static void single_filter(const struct ev_str *keys, size_t key_count, bson_t *filter)
{
    bson_t in, list;
    if (key_count == 1) {
        bson_append_utf8(filter, "_id", 3, keys[0].data, (int)keys[0].length);
        return;
    }
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    for (size_t i = 0; i < key_count; i++) {
        char index[2] = {(char)('0' + i), '\0'};
        bson_append_utf8(&list, index, 1, keys[i].data, (int)keys[i].length);
    }
    bson_append_array_end(&in, &list);
    bson_append_document_end(filter, &in);
}

static int parked_take(void *context, const bson_t *document, struct ev_error *error)
{
    bson_iter_t iter;
    (void)error;
    if (!bson_iter_init_find(&iter, document, "skipped") || bson_iter_as_int64(&iter) == 0)
        ((struct query *)context)->parked = true;
    return 0;
}

/* Parked entries lie under "<view>_v<version>[_g<generation>]/KEY" (projectors/sinks). */
static int single_look_for_parked(struct query *query, struct mongo_session *session, struct ev_str key,
                                  struct ev_error *error)
{
    char collection[VIEW_NAME_MAX], name[VIEW_NAME_MAX];
    bson_t filter = BSON_INITIALIZER;
    view_collection_name(query->api->prefix, "_parked", collection);
    view_generation_key(query->resource->view, query->view.version, query->view.generation, name);
    struct ev_str id = ev_arena_printf(query->arena, "%s/%.*s", name, EV_STR_ARG(key));
    bson_append_utf8(&filter, "_id", 3, id.data, (int)id.length);
    int fault = mongo_find_each(session, collection, &filter, NULL, parked_take, query, error);
    bson_destroy(&filter);
    return fault;
}

int single_load(struct query *query, struct mongo_session *session, const struct ev_record *record,
                const struct ev_str *keys, size_t key_count, void *ret, struct document_meta *ret_meta,
                struct ev_error *error)
{
    struct single_load load = {.query = query,
                               .record = record,
                               .keys = keys,
                               .key_count = key_count,
                               .found = key_count,
                               .ret = ret,
                               .meta = ret_meta};
    bson_t filter = BSON_INITIALIZER;
    single_filter(keys, key_count, &filter);
    int fault = mongo_find_each(session, query->view.target, &filter, NULL, single_take, &load, error);
    bson_destroy(&filter);
    if (fault)
        return fault;
    if (load.found < key_count)
        return 0;
    for (size_t i = 0; i < key_count && !fault; i++)
        fault = single_look_for_parked(query, session, keys[i], error);
    return fault ? fault : 1;
}

void single_reply(struct query *query, const struct ev_record *record, const void *document,
                  const struct document_meta *meta, int64_t version, bool cacheable)
{
    struct ev_buffer body = {0};
    struct ev_json_writer writer;
    ev_json_init(&writer, &body);
    ev_record_print(record, document, &writer);
    query_reply(query, &(struct query_answer){.body = &body,
                                              .version = version,
                                              .cacheable = cacheable,
                                              .partition = meta->partition,
                                              .offset = meta->offset,
                                              .parked_at_ms = meta->parked_at_ms});
}
