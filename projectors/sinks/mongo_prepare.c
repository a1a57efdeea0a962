/* Collections and indexes of the MongoDB sink. */
#include <stdio.h>
#include <string.h>

#include "sinks/generations.h"
#include "sinks/mongo_internal.h"

#define MONGO_NAMESPACE_EXISTS 48

/* What queries need, and projectors: {_id, _offset} is how a compare-and-set finds its document, on a server that takes
 * an index only for exactly its keys. While a replay fills a collection it has none of them: it only inserts. */
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

/* 1: made; 0: was there. What an earlier collection of the same name left behind goes first, so that a death between
 * the two leaves nothing that speaks of documents which aren't there. */
static int prepare_collection(struct mongo_sink *mongo, const char *name, struct ev_error *error)
{
    bson_error_t fault = {0};
    mongoc_database_t *database = mongoc_client_get_database(mongo->client, mongo->database);
    bool there = mongoc_database_has_collection(database, name, &fault);
    int r = 0;
    if (!there && fault.code) {
        r = mongo_fault(&fault, "list collections", error);
    } else if (!there && (r = mongo_forget_view(mongo, name + strlen(mongo->prefix), error)) >= 0) {
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

static int prepare_indexes(struct mongo_sink *mongo, const char *view, const char *name, struct ev_error *error)
{
    bson_t command, indexes;
    bson_error_t fault = {0};
    uint32_t count = 0;
    bson_init(&command);
    BSON_APPEND_UTF8(&command, "createIndexes", name);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &indexes);
    for (size_t i = 0; i < sizeof(mongo_indexes) / sizeof(mongo_indexes[0]); i++) {
        const struct mongo_index *index = &mongo_indexes[i];
        if (index->view && strcmp(index->view, view) != 0)
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
    if (!done && fault.domain == MONGOC_ERROR_STREAM) /* it goes on with them, and who asks again waits for them */
        return ev_error_set_retriable(error, EV_ERR_TIMEOUT, "MongoDB hasn't created the indexes yet: %s",
                                      fault.message);
    return done ? 0 : mongo_fault(&fault, "create indexes", error);
}

int mongo_prepare_collection(struct mongo_sink *mongo, const char *view, const char *name, bool indexes,
                             struct ev_error *error)
{
    int made = prepare_collection(mongo, name, error);
    int r = made < 0 || !indexes ? made : prepare_indexes(mongo, view, name, error);
    return r < 0 ? r : made;
}

/* What is live is made anew where it is gone. A kept generation that is gone was dropped. */
int mongo_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    char name[MONGO_NAME_MAX];
    bool live = false;
    int r = mongo_settle_generation(mongo, view, &live, error);
    if (r < 0 || !live)
        return r;
    mongo_collection_name(mongo, view, name);
    r = mongo_prepare_collection(mongo, view->name, name, true, error);
    return r < 0 ? r : 0;
}

/* The row goes too, so that a changed fold may make the documents anew. */
int mongo_reset(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct generation generation = {.version = view->version};
    const char *fingerprint = sink->fingerprint;
    bool live;
    sink->fingerprint = NULL; /* whichever fold made them: they go */
    int r = mongo_settle_generation(mongo_of(sink), view, &live, error);
    sink->fingerprint = fingerprint;
    if (r < 0)
        return r;
    snprintf(generation.view, sizeof(generation.view), "%s", view->name);
    generation.number = sink->generation;
    return mongo_generations.drop(sink, &generation, error);
}
