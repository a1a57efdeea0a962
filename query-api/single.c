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
    return load.found == key_count ? 1 : 0;
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
                                              .offset = meta->offset});
}
