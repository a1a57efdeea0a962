#include "mongo_pool.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"

struct mongo_pool {
    mongoc_client_pool_t *clients;
    char *database;
    struct store_state *state;
    const char *prefix;
    struct mongo_session tracker; /* the tracker's thread alone */
    pthread_t *threads;
    unsigned thread_count;
    struct ev_metric *depth;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct mongo_job *first, **last;
    size_t queued;
    bool stop;
};

/* --- the driver --- */

static void mongo_log_nothing(mongoc_log_level_t level, const char *domain, const char *message, void *context)
{
    (void)context;
    if (level <= MONGOC_LOG_LEVEL_CRITICAL)
        ev_log(EV_LOG_WARN, "mongodb.driver", message, ev_log_cstr("domain", domain));
}

static void mongo_set_default(mongoc_uri_t *uri, const char *option, int32_t value)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, value);
}

static int mongo_pool_open(struct mongo_pool *pool, const struct mongo_pool_options *options, struct ev_error *error)
{
    bson_error_t fault;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(options->uri, &fault);
    if (!uri)
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri: %s", fault.message);
    const char *database = mongoc_uri_get_database(uri);
    if (!database) {
        mongoc_uri_destroy(uri);
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri names no database: mongodb://HOST:PORT/DATABASE");
    }
    pool->database = ev_memory_copy(database, strlen(database));
    mongo_set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, MONGO_CONNECT_TIMEOUT_MS);
    mongo_set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGO_SELECTION_TIMEOUT_MS);
    mongo_set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, MONGO_SOCKET_TIMEOUT_MS);
    mongo_set_default(uri, MONGOC_URI_HEARTBEATFREQUENCYMS, MONGO_CONNECT_TIMEOUT_MS);
    if (!mongoc_uri_get_appname(uri))
        mongoc_uri_set_appname(uri, "orderlog-query-api");
    pool->clients = mongoc_client_pool_new_with_error(uri, &fault);
    mongoc_uri_destroy(uri);
    if (!pool->clients)
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri: %s", fault.message);
    mongoc_client_pool_max_size(pool->clients, options->workers + 1);
    mongoc_client_pool_set_error_api(pool->clients, MONGOC_ERROR_API_VERSION_2);
    return 0;
}

static void mongo_session_open(struct mongo_pool *pool, struct mongo_session *session)
{
    session->client = mongoc_client_pool_pop(pool->clients);
    session->database = mongoc_client_get_database(session->client, pool->database);
    session->state = pool->state;
}

static void mongo_session_close(struct mongo_pool *pool, struct mongo_session *session)
{
    if (!session->client)
        return;
    mongoc_database_destroy(session->database);
    mongoc_client_pool_push(pool->clients, session->client);
    session->client = NULL;
}

static int mongo_error_code(const bson_error_t *from)
{
    if (from->domain == MONGOC_ERROR_SERVER_SELECTION || from->domain == MONGOC_ERROR_STREAM)
        return EV_ERR_UNAVAILABLE;
    if (from->code == 50) /* MaxTimeMSExpired: the query is slow, the store is there */
        return EV_ERR_LIMIT;
    if (from->code == 91 || from->code == 189 || from->code == 10107 || from->code == 11600 || from->code == 13435 ||
        from->code == 13436) /* shutting down, stepped down, no primary, interrupted, recovering */
        return EV_ERR_UNAVAILABLE;
    return EV_ERR_INTERNAL;
}

int mongo_error(struct mongo_session *session, const bson_error_t *from, struct ev_error *error)
{
    struct ev_error local;
    int code = mongo_error_code(from);
    if (!error)
        error = &local;
    ev_error_set_retriable(error, (enum ev_error_code)code, "MongoDB: %s", from->message);
    if (store_error_means_away(error))
        store_state_set_away(session->state, error->message);
    return code;
}

int mongo_find_each(struct mongo_session *session, const char *collection, const bson_t *filter, const bson_t *options,
                    int (*each)(void *context, const bson_t *document, struct ev_error *error), void *context,
                    struct ev_error *error)
{
    bson_error_t fault;
    const bson_t *document;
    bson_t with_limit = BSON_INITIALIZER;
    int answer = 0;
    if (options)
        bson_concat(&with_limit, options);
    BSON_APPEND_INT64(&with_limit, "maxTimeMS", MONGO_QUERY_TIMEOUT_MS);
    mongoc_collection_t *from = mongoc_database_get_collection(session->database, collection);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(from, filter, &with_limit, NULL);
    while (answer == 0 && mongoc_cursor_next(cursor, &document))
        answer = each(context, document, error);
    if (answer == 0 && mongoc_cursor_error(cursor, &fault))
        answer = mongo_error(session, &fault, error);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(from);
    bson_destroy(&with_limit);
    return answer;
}

/* --- workers --- */

static struct mongo_job *mongo_pool_next(struct mongo_pool *pool, bool *ret_stop)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->stop)
        pthread_cond_wait(&pool->wake, &pool->lock);
    struct mongo_job *job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->queued--;
        ev_metric_set(pool->depth, (int64_t)pool->queued);
    }
    *ret_stop = pool->stop;
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *mongo_pool_run(void *context)
{
    struct mongo_pool *pool = context;
    struct mongo_session session = {0};
    struct mongo_job *job;
    bool stop;
    mongo_session_open(pool, &session);
    while ((job = mongo_pool_next(pool, &stop))) {
        bool late = ev_clock_monotonic_ms(&ev_clock_system) - job->queued_ms > MONGO_QUEUE_WAIT_MAX_MS;
        job->work(stop || late ? NULL : &session, job->context); /* the job is gone afterwards */
    }
    mongo_session_close(pool, &session);
    return NULL;
}

int mongo_pool_submit(struct mongo_pool *pool, struct mongo_job *job)
{
    int answer = EV_ERR_LIMIT;
    job->next = NULL;
    job->queued_ms = ev_clock_monotonic_ms(&ev_clock_system);
    pthread_mutex_lock(&pool->lock);
    if (pool->queued < MONGO_QUEUE_MAX && !pool->stop) {
        *pool->last = job;
        pool->last = &job->next;
        pool->queued++;
        ev_metric_set(pool->depth, (int64_t)pool->queued);
        pthread_cond_signal(&pool->wake);
        answer = 0;
    }
    pthread_mutex_unlock(&pool->lock);
    return answer;
}

int mongo_pool_create(const struct mongo_pool_options *options, struct mongo_pool **ret, struct ev_error *error)
{
    struct mongo_pool *pool = ev_memory_new(struct mongo_pool);
    mongoc_init();
    mongoc_log_set_handler(mongo_log_nothing, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->last = &pool->first;
    pool->state = options->state;
    pool->prefix = options->prefix;
    pool->depth =
        ev_metrics_gauge(options->metrics, "orderlog_query_mongodb_queue", "", "queries that wait for a worker");
    int fault = mongo_pool_open(pool, options, error);
    if (fault) {
        mongo_pool_destroy(pool);
        return fault;
    }
    pool->threads = ev_memory_alloc_array(options->workers, sizeof(pool->threads[0]));
    for (unsigned i = 0; i < options->workers; i++) {
        if (pthread_create(&pool->threads[i], NULL, mongo_pool_run, pool) != 0) {
            mongo_pool_destroy(pool);
            return ev_error_set(error, EV_ERR_INTERNAL, "no thread for a MongoDB worker");
        }
        pool->thread_count++;
    }
    *ret = pool;
    return 0;
}

void mongo_pool_destroy(struct mongo_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    mongo_session_close(pool, &pool->tracker);
    if (pool->clients)
        mongoc_client_pool_destroy(pool->clients);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    ev_memory_free_at(&pool->threads);
    ev_memory_free_at(&pool->database);
    ev_memory_free_at(&pool);
    mongoc_cleanup();
}

/* --- the tracker's source --- */

static int64_t mongo_int(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, name) ? bson_iter_as_int64(&iter) : 0;
}

static struct ev_str mongo_text(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    uint32_t length;
    if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_UTF8(&iter))
        return EV_STR_NULL;
    const char *text = bson_iter_utf8(&iter, &length);
    return (struct ev_str){text, length};
}

struct mongo_tracking {
    struct mongo_pool *pool;
    struct tracker_table *table;
};

static int mongo_take_version(void *context, const bson_t *document, struct ev_error *error)
{
    struct mongo_tracking *tracking = context;
    enum query_view_id id;
    (void)error;
    int64_t version = mongo_int(document, "live");
    if (!query_view_find(mongo_text(document, "_id"), &id) || version < 1 || version > INT32_MAX)
        return 0;
    struct tracker_view *view = &tracking->table->views[id];
    view->version = (int)version;
    int64_t generation = mongo_int(document, "generation"); /* rows from before there were any name none */
    view->generation = generation > 1 && generation <= INT32_MAX ? (int)generation : 1;
    view_versioned_collection_name(tracking->pool->prefix, id, view->version, view->generation, view->target);
    return 0;
}

static int mongo_take_checkpoint(void *context, const bson_t *document, struct ev_error *error)
{
    struct mongo_tracking *tracking = context;
    enum query_view_id id;
    int version, generation;
    int32_t partition;
    (void)error;
    if (!view_checkpoint_key_parse(mongo_text(document, "_id"), &id, &version, &generation, &partition))
        return 0;
    struct tracker_view *view = &tracking->table->views[id];
    if (version != view->version || generation != view->generation || partition >= TRACKER_PARTITIONS_MAX)
        return 0;
    view->partitions[partition] = (struct tracker_checkpoint){
        .present = true,
        .next_offset = mongo_int(document, "next_offset"),
        .last_offset = mongo_int(document, "last_offset"),
        .log_time_ms = mongo_int(document, "log_time_ms"),
        .updated_at_ms = mongo_int(document, "updated_at_ms"),
    };
    if ((size_t)partition >= view->partition_count)
        view->partition_count = (size_t)partition + 1;
    return 0;
}

static int mongo_read_all(struct mongo_pool *pool, const char *collection, struct tracker_table *table,
                          int (*take)(void *context, const bson_t *document, struct ev_error *error),
                          struct ev_error *error)
{
    struct mongo_tracking tracking = {.pool = pool, .table = table};
    char name[VIEW_NAME_MAX];
    bson_t everything = BSON_INITIALIZER;
    if (!pool->tracker.client)
        mongo_session_open(pool, &pool->tracker);
    view_collection_name(pool->prefix, collection, name);
    int answer = mongo_find_each(&pool->tracker, name, &everything, NULL, take, &tracking, error);
    bson_destroy(&everything);
    return answer;
}

static int mongo_read_versions(void *context, struct tracker_table *table, struct ev_error *error)
{
    for (size_t i = 0; i < QUERY_VIEWS; i++)
        table->views[i].version = 0;
    return mongo_read_all(context, "_views", table, mongo_take_version, error);
}

static int mongo_read_checkpoints(void *context, bool all, struct tracker_table *table, struct ev_error *error)
{
    (void)all; /* one query for a few dozen documents either way */
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        table->views[i].partition_count = 0;
        memset(table->views[i].partitions, 0, sizeof(table->views[i].partitions));
    }
    return mongo_read_all(context, "_checkpoints", table, mongo_take_checkpoint, error);
}

static int mongo_take_parked(void *context, const bson_t *document, struct ev_error *error)
{
    struct mongo_tracking *tracking = context;
    char name[VIEW_NAME_MAX];
    (void)error;
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        struct tracker_view *view = &tracking->table->views[i];
        view_generation_key((enum query_view_id)i, view->version, view->generation, name);
        if (ev_str_equal(mongo_text(document, "view"), ev_str_of(name)))
            tracker_note_parked(&view->parked, mongo_text(document, "key"), mongo_int(document, "partition"),
                                mongo_int(document, "parked_at_ms"));
    }
    return 0;
}

/* {"view": {"$in": […]}, "skipped": {"$ne": 1}}; false when there is no view yet. */
static bool mongo_parked_filter(const struct tracker_table *table, bson_t *filter)
{
    bson_t in, list, not_skipped;
    char name[VIEW_NAME_MAX], at[16];
    uint32_t count = 0;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "view", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        const struct tracker_view *view = &table->views[i];
        if (view->version == 0)
            continue;
        view_generation_key((enum query_view_id)i, view->version, view->generation, name);
        snprintf(at, sizeof(at), "%u", count++);
        BSON_APPEND_UTF8(&list, at, name);
    }
    bson_append_array_end(&in, &list);
    bson_append_document_end(filter, &in);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "skipped", &not_skipped);
    BSON_APPEND_INT32(&not_skipped, "$ne", 1);
    bson_append_document_end(filter, &not_skipped);
    return count > 0;
}

static int mongo_read_parked(void *context, struct tracker_table *table, struct ev_error *error)
{
    struct mongo_pool *pool = context;
    struct mongo_tracking tracking = {.pool = pool, .table = table};
    char collection[VIEW_NAME_MAX];
    bson_t filter = BSON_INITIALIZER, options = BSON_INITIALIZER, fields;
    for (size_t i = 0; i < QUERY_VIEWS; i++)
        table->views[i].parked = (struct tracker_parked){0};
    BSON_APPEND_DOCUMENT_BEGIN(&options, "projection", &fields);
    BSON_APPEND_INT32(&fields, "cause", 0);
    bson_append_document_end(&options, &fields);
    view_collection_name(pool->prefix, "_parked", collection);
    int answer = 0;
    if (mongo_parked_filter(table, &filter))
        answer = mongo_find_each(&pool->tracker, collection, &filter, &options, mongo_take_parked, &tracking, error);
    bson_destroy(&filter);
    bson_destroy(&options);
    return answer;
}

struct tracker_source mongo_pool_tracker_source(struct mongo_pool *pool)
{
    return (struct tracker_source){.busy_ms = MONGO_TRACKER_BUSY_MS,
                                   .read_versions = mongo_read_versions,
                                   .read_checkpoints = mongo_read_checkpoints,
                                   .read_parked = mongo_read_parked,
                                   .context = pool};
}
