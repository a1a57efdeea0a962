/* Repairs in MongoDB: one document at a time, each guarded by the very _offset that the wrong one carries, whatever
 * that is: a projection that has written the document since has changed it. */
#include "sinks/mongo_internal.h"

#define MONGO_DUPLICATE_KEY 11000

/* What lies there now: its _offset as load tells it (-1: there is no document), and the filter that means just that. */
static int mend_look(mongoc_collection_t *collection, const struct ev_sink_document *document, int64_t *ret_offset,
                     bson_t *filter, struct ev_error *error)
{
    _cleanup_bson_ bson_t *by_key = bson_new();
    bson_append_utf8(by_key, "_id", 3, document->key.data, (int)document->key.length);
    bson_append_utf8(filter, "_id", 3, document->key.data, (int)document->key.length);
    _cleanup_bson_ bson_t *options = BCON_NEW("projection", "{", "_offset", BCON_INT32(1), "}");
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, by_key, options, NULL);
    const bson_t *stored;
    bson_error_t fault = {0};
    bson_iter_t iter;
    *ret_offset = -1;
    if (!mongoc_cursor_next(cursor, &stored))
        return mongoc_cursor_error(cursor, &fault) ? mongo_fault(&fault, "read a document", error) : 0;
    if (bson_iter_init_find(&iter, stored, "_offset")) {
        *ret_offset = bson_iter_as_int64(&iter);
        BSON_APPEND_VALUE(filter, "_offset", bson_iter_value(&iter));
    } else {
        BCON_APPEND(filter, "_offset", "{", "$exists", BCON_BOOL(false), "}");
    }
    if (*ret_offset < 0)
        *ret_offset = 0; /* as load tells it */
    return 0;
}

static int64_t reply_count(const bson_t *reply, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, reply, name) ? bson_iter_as_int64(&iter) : 0;
}

static int mend_insert(mongoc_collection_t *collection, const bson_t *bson, struct ev_sink_document *document,
                       struct ev_error *error)
{
    bson_error_t fault = {0};
    document->result = EV_WRITE_DONE;
    if (mongoc_collection_insert_one(collection, bson, NULL, NULL, &fault))
        return 0;
    document->result = EV_WRITE_STALE;
    return fault.code == MONGO_DUPLICATE_KEY ? 0 : mongo_fault(&fault, "write a document", error);
}

/* `bson` NULL: the document is removed. */
static int mend_replace(mongoc_collection_t *collection, const bson_t *filter, const bson_t *bson,
                        struct ev_sink_document *document, struct ev_error *error)
{
    bson_error_t fault = {0};
    bson_t reply;
    bool done = bson ? mongoc_collection_replace_one(collection, filter, bson, NULL, &reply, &fault)
                     : mongoc_collection_delete_one(collection, filter, NULL, &reply, &fault);
    int64_t count = reply_count(&reply, bson ? "matchedCount" : "deletedCount");
    bson_destroy(&reply);
    document->result = count > 0 ? EV_WRITE_DONE : EV_WRITE_STALE;
    return done ? 0 : mongo_fault(&fault, "write a document", error);
}

static int mend_one(mongoc_collection_t *collection, const struct ev_view *view, struct ev_sink_document *document,
                    struct ev_arena *arena, struct ev_error *error)
{
    _cleanup_bson_ bson_t *filter = bson_new();
    _cleanup_bson_ bson_t *bson = NULL;
    int64_t offset = -1;
    int r = mend_look(collection, document, &offset, filter, error);
    if (r < 0)
        return r;
    document->result = EV_WRITE_STALE;
    if (offset != document->previous_offset)
        return 0;
    if (!document->removed && !(bson = mongo_document_bson(view, document, arena, &document->error))) {
        document->result = EV_WRITE_FAILED;
        return 0;
    }
    if (offset >= 0)
        return mend_replace(collection, filter, bson, document, error);
    return bson ? mend_insert(collection, bson, document, error) : 0;
}

int mongo_mend(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
               struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *collection = mongo_documents(mongo_of(sink), view);
    struct ev_arena arena;
    int r = 0;
    ev_arena_init(&arena, 0);
    for (size_t i = 0; i < count && r >= 0; i++) {
        ev_arena_reset(&arena);
        r = mend_one(collection, view, &documents[i], &arena, error);
    }
    ev_arena_finish(&arena);
    return r;
}
