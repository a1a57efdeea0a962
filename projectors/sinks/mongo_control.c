/* What operators ask of a view in MongoDB (collection _control), and the marks of parked documents. */
#include <stdio.h>

#include "sinks/mongo_internal.h"

static int64_t field_int64(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, name) ? bson_iter_as_int64(&iter) : 0;
}

int mongo_load_control(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret, struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo_of(sink), "_control");
    _cleanup_bson_ bson_t *filter = BCON_NEW("_id", BCON_UTF8(view->name));
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t fault = {0};
    *ret = (struct ev_control){0};
    if (mongoc_cursor_next(cursor, &document)) {
        ret->paused = field_int64(document, "paused") != 0;
        ret->revision = field_int64(document, "revision");
        return 0;
    }
    return mongoc_cursor_error(cursor, &fault) ? mongo_fault(&fault, "read what is asked of a view", error) : 0;
}

int mongo_change_control(struct ev_sink *sink, const struct ev_view *view, enum ev_control_change change,
                         struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo_of(sink), "_control");
    _cleanup_bson_ bson_t *filter = BCON_NEW("_id", BCON_UTF8(view->name));
    _cleanup_bson_ bson_t *upsert = BCON_NEW("upsert", BCON_BOOL(true));
    _cleanup_bson_ bson_t *update = BCON_NEW("$inc", "{", "revision", BCON_INT64(1), "}");
    bson_error_t fault = {0};
    if (change != EV_CONTROL_LOOK_AGAIN)
        BCON_APPEND(update, "$set", "{", "paused", BCON_INT32(change == EV_CONTROL_PAUSE), "}");
    if (!mongoc_collection_update_one(collection, filter, update, upsert, NULL, &fault))
        return mongo_fault(&fault, "write what is asked of a view", error);
    return 0;
}

int mongo_mark_parked(struct mongo_sink *mongo, const struct ev_view *view, const struct ev_parked *parked,
                      struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *collection = mongo_documents(mongo, view);
    _cleanup_bson_ bson_t *filter = bson_new();
    _cleanup_bson_ bson_t *update =
        BCON_NEW("$set", "{", "_parked", "{", "offset", BCON_INT64(parked->offset), "at_ms",
                 BCON_INT64(parked->parked_at_ms), "cause", BCON_UTF8(parked->cause), "}", "}");
    bson_error_t fault = {0};
    bson_append_utf8(filter, "_id", 3, parked->key.data, (int)parked->key.length);
    if (!mongoc_collection_update_one(collection, filter, update, NULL, NULL, &fault))
        return mongo_fault(&fault, "mark a parked document", error);
    return 0;
}

int mongo_remove_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                        struct ev_error *error)
{
    char id[MONGO_PARKED_ID_MAX];
    mongo_parked_id(mongo_of(sink), view, parked, id);
    _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo_of(sink), "_parked");
    _cleanup_bson_ bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    bson_error_t fault = {0};
    if (!mongoc_collection_delete_one(collection, filter, NULL, NULL, &fault))
        return mongo_fault(&fault, "remove a parked entry", error);
    return 0;
}
