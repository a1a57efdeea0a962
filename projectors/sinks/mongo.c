#include "sinks/mongo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "sinks/generations.h"
#include "sinks/mongo_internal.h"

struct mongo_pool {
    mongoc_uri_t *uri;
    mongoc_client_pool_t *clients;
};

static pthread_once_t mongo_once = PTHREAD_ONCE_INIT;

/* The driver would write to stderr what comes back as errors anyway. */
static void mongo_drop_log(mongoc_log_level_t level, const char *domain, const char *message, void *context)
{
    (void)level;
    (void)domain;
    (void)message;
    (void)context;
}

static void mongo_begin(void)
{
    mongoc_log_set_handler(mongo_drop_log, NULL);
    mongoc_init();
}

void mongo_bson_destroy(bson_t **bson)
{
    bson_destroy(*bson);
}

void mongo_collection_destroy_at(mongoc_collection_t **collection)
{
    mongoc_collection_destroy(*collection);
}

void mongo_cursor_destroy_at(mongoc_cursor_t **cursor)
{
    mongoc_cursor_destroy(*cursor);
}

int mongo_fault(const bson_error_t *fault, const char *what, struct ev_error *error)
{
    return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "MongoDB can't %s: %s", what,
                                  fault->message[0] ? fault->message : "no reason given");
}

static void uri_set_default(mongoc_uri_t *uri, const char *option, int32_t value)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, value);
}

/* Nothing is repeated behind the sink's back (sink.h says why). */
static void mongo_set_options(mongoc_uri_t *uri)
{
    uri_set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGO_SERVER_SELECTION_TIMEOUT_MS);
    uri_set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, MONGO_CONNECT_TIMEOUT_MS);
    uri_set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, MONGO_SOCKET_TIMEOUT_MS);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, false);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
    if (!mongoc_uri_get_appname(uri))
        mongoc_uri_set_appname(uri, "orderlog-projectors");

    mongoc_write_concern_t *concern = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(concern, MONGO_WRITE_CONCERN_TIMEOUT_MS);
    mongoc_uri_set_write_concern(uri, concern);
    mongoc_write_concern_destroy(concern);
}

int mongo_pool_create(const char *uri, struct mongo_pool **ret, struct ev_error *error)
{
    pthread_once(&mongo_once, mongo_begin);
    bson_error_t fault;
    mongoc_uri_t *parsed = mongoc_uri_new_with_error(uri, &fault);
    if (!parsed)
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri: %s", fault.message);
    if (!mongoc_uri_get_database(parsed)) {
        mongoc_uri_destroy(parsed);
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri names no database; write mongodb://HOST:PORT/DATABASE");
    }
    mongo_set_options(parsed);
    struct mongo_pool *pool = ev_memory_new(struct mongo_pool);
    pool->uri = parsed;
    pool->clients = mongoc_client_pool_new(parsed);
    if (!pool->clients) {
        mongo_pool_destroy(pool);
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri has options that the driver refuses");
    }
    mongoc_client_pool_set_error_api(pool->clients, MONGOC_ERROR_API_VERSION_2);
    *ret = pool;
    return 0;
}

void mongo_pool_destroy(struct mongo_pool *pool)
{
    if (!pool)
        return;
    if (pool->clients)
        mongoc_client_pool_destroy(pool->clients);
    mongoc_uri_destroy(pool->uri);
    free(pool);
}

void mongo_view_name(const struct mongo_sink *mongo, const struct ev_view *view, char ret_name[MONGO_NAME_MAX])
{
    generation_name('_', view->name, view->version, mongo->sink.generation, ret_name);
}

void mongo_collection_name(const struct mongo_sink *mongo, const struct ev_view *view, char ret_name[MONGO_NAME_MAX])
{
    char name[GENERATION_NAME_MAX];
    generation_name('_', view->name, view->version, mongo->sink.generation, name);
    snprintf(ret_name, MONGO_NAME_MAX, "%s%s", mongo->prefix, name);
}

mongoc_collection_t *mongo_collection(const struct mongo_sink *mongo, const char *name)
{
    char full[MONGO_NAME_MAX];
    snprintf(full, sizeof(full), "%s%s", mongo->prefix, name);
    return mongoc_client_get_collection(mongo->client, mongo->database, full);
}

mongoc_collection_t *mongo_documents(const struct mongo_sink *mongo, const struct ev_view *view)
{
    char name[MONGO_NAME_MAX];
    mongo_view_name(mongo, view, name);
    return mongo_collection(mongo, name);
}

/* One connection serves the whole projection; what MongoDB holds is visible as soon as it is acknowledged. */
static int mongo_flush(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    (void)sink;
    (void)view;
    (void)error;
    return 0;
}

static void mongo_destroy(struct ev_sink *sink)
{
    if (!sink)
        return;
    struct mongo_sink *mongo = mongo_of(sink);
    mongoc_client_pool_push(mongo->pool->clients, mongo->client);
    ev_buffer_finish(&mongo->scratch);
    free(mongo);
}

int mongo_sink_create(struct mongo_pool *pool, const char *topic_prefix, struct ev_sink **ret, struct ev_error *error)
{
    if (strlen(topic_prefix) + 2 > sizeof(((struct mongo_sink *)NULL)->prefix))
        return ev_error_set(error, EV_ERR_INVALID, "the topic prefix is too long for MongoDB's collections");
    struct mongo_sink *mongo = ev_memory_new(struct mongo_sink);
    mongo->sink = (struct ev_sink){
        .name = "mongodb",
        .prepare = mongo_prepare,
        .load = mongo_load,
        .write = mongo_write,
        .mend = mongo_mend,
        .flush = mongo_flush,
        .load_checkpoint = mongo_load_checkpoint,
        .save_checkpoints = mongo_save_checkpoints,
        .save_parked = mongo_save_parked,
        .load_parked = mongo_load_parked,
        .remove_parked = mongo_remove_parked,
        .load_control = mongo_load_control,
        .change_control = mongo_change_control,
        .scan = mongo_scan,
        .reset = mongo_reset,
        .destroy = mongo_destroy,
    };
    mongo->pool = pool;
    mongo->database = mongoc_uri_get_database(pool->uri);
    mongo->client = mongoc_client_pool_pop(pool->clients);
    if (strcmp(topic_prefix, "orderlog") != 0)
        snprintf(mongo->prefix, sizeof(mongo->prefix), "%s_", topic_prefix);
    ev_buffer_init(&mongo->scratch);
    *ret = &mongo->sink;
    return 0;
}
