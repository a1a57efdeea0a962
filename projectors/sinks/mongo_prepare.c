/* Collections and indexes of the MongoDB sink. */
#include <stdio.h>
#include <string.h>

#include "sinks/mongo_internal.h"

#define MONGO_NAMESPACE_EXISTS 48
#define MONGO_NAMESPACE_NOT_FOUND 26
#define MONGO_DUPLICATE_KEY 11000

/* What queries need. The guard's index is on every collection: {_id, _offset} is how a compare-and-set finds its
 * document, on a server that takes an index only for exactly its keys. */
static const struct mongo_index {
    const char *view; /* NULL: all */
    const char *name;
    bool unique;
    const char *keys; /* JSON */
} mongo_indexes[] = {
    {NULL, "guard", true, "{\"_id\": 1, \"_offset\": 1}"},
    {"orders", "by_customer", false, "{\"customer_id\": 1, \"placed_at\": 1, \"_id\": 1}"},
    {"orders", "by_time", false, "{\"placed_at\": 1, \"_id\": 1}"},
    {"orders", "by_kind", false, "{\"kind\": 1, \"placed_at\": 1, \"_id\": 1}"},
    {"sales_daily", "by_day", false, "{\"day\": 1}"},
    {"customers", "by_customer", false, "{\"customer_id\": 1}"},
};

/* 1: made; 0: was there. */
static int prepare_collection(struct mongo_sink *mongo, const char *name, struct ev_error *error)
{
    bson_error_t fault = {0};
    mongoc_database_t *database = mongoc_client_get_database(mongo->client, mongo->database);
    bool there = mongoc_database_has_collection(database, name, &fault);
    int r = 0;
    if (!there && fault.code) {
        r = mongo_fault(&fault, "list collections", error);
    } else if (!there) {
        mongoc_collection_t *made = mongoc_database_create_collection(database, name, NULL, &fault);
        if (made)
            r = 1;
        else if (fault.code != MONGO_NAMESPACE_EXISTS)
            r = mongo_fault(&fault, "create a collection", error);
        mongoc_collection_destroy(made);
    }
    mongoc_database_destroy(database);
    return r;
}

static int prepare_indexes(struct mongo_sink *mongo, const struct ev_view *view, const char *name,
                           struct ev_error *error)
{
    bson_t command, indexes;
    bson_error_t fault = {0};
    uint32_t count = 0;
    bson_init(&command);
    BSON_APPEND_UTF8(&command, "createIndexes", name);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &indexes);
    for (size_t i = 0; i < sizeof(mongo_indexes) / sizeof(mongo_indexes[0]); i++) {
        const struct mongo_index *index = &mongo_indexes[i];
        if (index->view && strcmp(index->view, view->name) != 0)
            continue;
        bson_t *keys = bson_new_from_json((const uint8_t *)index->keys, -1, &fault);
        char buffer[16];
        const char *position;
        bson_t item;
        bson_uint32_to_string(count++, &position, buffer, sizeof(buffer));
        bson_append_document_begin(&indexes, position, -1, &item);
        BSON_APPEND_DOCUMENT(&item, "key", keys);
        BSON_APPEND_UTF8(&item, "name", index->name);
        if (index->unique)
            BSON_APPEND_BOOL(&item, "unique", true);
        bson_append_document_end(&indexes, &item);
        bson_destroy(keys);
    }
    bson_append_array_end(&command, &indexes);
    bool done = mongoc_client_write_command_with_opts(mongo->client, mongo->database, &command, NULL, NULL, &fault);
    bson_destroy(&command);
    return done ? 0 : mongo_fault(&fault, "create indexes", error);
}

/* The first version of a view is live at once; later ones are made so by whoever proved them. */
static int prepare_live_version(struct mongo_sink *mongo, const struct ev_view *view, const char *name,
                                struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *views = mongo_collection(mongo, "_views");
    _cleanup_bson_ bson_t *document =
        BCON_NEW("_id", BCON_UTF8(view->name), "live", BCON_INT32(view->version), "collection", BCON_UTF8(name));
    bson_error_t fault = {0};
    if (mongoc_collection_insert_one(views, document, NULL, NULL, &fault) || fault.code == MONGO_DUPLICATE_KEY)
        return 0;
    return mongo_fault(&fault, "name the live version", error);
}

int mongo_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    char name[MONGO_NAME_MAX];
    mongo_collection_name(mongo, view, name);
    int r = prepare_collection(mongo, name, error);
    if (r > 0)
        r = mongo_forget_view(mongo, view, error);
    if (r >= 0)
        r = prepare_indexes(mongo, view, name, error);
    if (r >= 0)
        r = prepare_live_version(mongo, view, name, error);
    return r < 0 ? r : 0;
}

int mongo_reset(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    _cleanup_collection_ mongoc_collection_t *documents = mongo_documents(mongo, view);
    bson_error_t fault = {0};
    if (!mongoc_collection_drop(documents, &fault) && fault.code != MONGO_NAMESPACE_NOT_FOUND)
        return mongo_fault(&fault, "drop a collection", error);
    return mongo_forget_view(mongo, view, error);
}
