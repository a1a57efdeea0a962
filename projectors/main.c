/* The projectors: keep the views in MongoDB and Elasticsearch up to date with the log. Here is only what ties the parts
 * together: options, signals, the order of starting and stopping, exit codes. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor.h"
#include "avro/registry.h"
#include "choice.h"
#include "core/config.h"
#include "core/directory.h"
#include "core/log.h"
#include "feeds.h"
#include "lag.h"
#include "sinks/elasticsearch.h"
#include "sinks/mongo.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define PATH_LENGTH_MAX 4096
#define DRAIN_MS 2000
#define CONNECTIONS_MAX 256

static const struct ev_config_option options[] = {
    EV_CONFIG_COMMON,
    {"private-listen", EV_CONFIG_STRING, "127.0.0.1:9082",
     "address of the private listener: health, metrics and GET /v1/lag", 0, 0},
    {"only", EV_CONFIG_STRING, NULL, "views to keep, VIEW or VIEW/SINK with commas between, or none (default: all)", 0,
     0},
    {"feed", EV_CONFIG_STRING, NULL,
     "topics whose events are written to PREFIX.feed.TOPIC as CloudEvents for others, with commas between, or all "
     "(default: none)",
     0, 0},
    {"rebuild", EV_CONFIG_STRING, NULL,
     "remove what the stores hold of these views (VIEW or VIEW/SINK, with commas between), and end: the next start "
     "builds "
     "them anew from the log. Stop the projectors first",
     0, 0},
    {"keep-generations-s", EV_CONFIG_INT, "86400",
     "how long a generation of a view is kept, and fed, after a replay's took its place", 60, 315360000},
    {"replay-memory-mebibytes", EV_CONFIG_INT, "256",
     "folded documents kept in memory while a new version of a view is built; more go to a scratch file", 1, 1048576},
    {"cache-mebibytes", EV_CONFIG_INT, "32", "documents kept in memory, for each view and sink", 1, 65536},
    {"share", EV_CONFIG_BOOL, "false",
     "share the partitions of each view with other processes of projectors that say so too, by a consumer group", 0, 0},
    {"audit-every-s", EV_CONFIG_INT, "0",
     "compare each view and sink with the log once in so many seconds, one after the other (0: never); one process of "
     "an installation is enough",
     0, 31536000},
    {"audit-records-per-second", EV_CONFIG_INT, "1000", "how fast that reads, of log and stores", 200, 1000000},
    {"routes", EV_CONFIG_BOOL, "false", "print the routes, one JSON object a line, and end", 0, 0},
    {0},
};
static const struct ev_config_program program = {
    .name = "projectors",
    .summary = "Keeps the views in MongoDB and Elasticsearch up to date with the log.",
    .usage = "[options]",
    .options = options,
};

struct app {
    const struct ev_config *config;
    struct ev_registry *registry;
    struct mongo_pool *mongo;
    struct ev_metrics *metrics;
    char scratch[PATH_LENGTH_MAX]; /* of replays */
    struct keeper_table table;
    struct http_health health;
    struct feeds feeds;
    struct auditor auditor;
    struct http_server *server;
    sigset_t signals;
    pthread_t stopper;
};

static int app_open_registry(struct app *app, struct ev_error *error)
{
    char cache[PATH_LENGTH_MAX];
    const char *directory = ev_config_string(app->config, "data-dir");
    int r = ev_directory_make(directory, error);
    if (r < 0)
        return r;
    if ((size_t)snprintf(cache, sizeof(cache), "%s/projectors-schemas.cache", directory) >= sizeof(cache))
        return ev_error_set(error, EV_ERR_INVALID, "the name of the data directory is too long");
    return ev_registry_create(ev_config_string(app->config, "schema-registry-url"), cache, &app->registry, error);
}

static int app_make_sink(struct app *app, const struct choice *choice, struct ev_sink **ret, struct ev_error *error)
{
    const char *prefix = ev_config_string(app->config, "topic-prefix");
    switch (choice->store) {
    case CHOICE_MONGODB:
        return mongo_sink_create(app->mongo, prefix, ret, error);
    case CHOICE_ELASTICSEARCH:
        return elasticsearch_sink_create(ev_config_string(app->config, "elasticsearch-url"), prefix, ret, error);
    }
    return ev_error_set(error, EV_ERR_INTERNAL, "no such store");
}

static int app_make_audit_sink(void *context, const struct choice *choice, struct ev_sink **ret, struct ev_error *error)
{
    return app_make_sink(context, choice, ret, error);
}

static void app_make_auditor(struct app *app, const struct choice *choices, size_t count)
{
    const struct auditor_options auditor_options = {
        .kafka = {.brokers = ev_config_string(app->config, "kafka-brokers"),
                  .topic_prefix = ev_config_string(app->config, "topic-prefix"),
                  .properties = ev_config_kafka(app->config),
                  .client_id = program.name},
        .schemas = ev_registry_source(app->registry),
        .metrics = app->metrics,
        .every_ms = ev_config_int(app->config, "audit-every-s") * 1000,
        .records_per_second_max = ev_config_int(app->config, "audit-records-per-second"),
        .make_sink = app_make_audit_sink,
        .context = app,
    };
    if (auditor_options.every_ms > 0)
        auditor_init(&app->auditor, &auditor_options, choices, count);
}

static int app_open(struct app *app, struct ev_error *error)
{
    int r = mongo_pool_create(ev_config_string(app->config, "mongodb-uri"), &app->mongo, error);
    return r < 0 ? r : app_open_registry(app, error);
}

static int app_make_keepers(struct app *app, const struct choice *choices, size_t count, struct ev_error *error)
{
    const struct ev_config *config = app->config;
    const struct keeper_options keeper_options = {
        .worker = {.kafka = {.brokers = ev_config_string(config, "kafka-brokers"),
                             .topic_prefix = ev_config_string(config, "topic-prefix"),
                             .properties = ev_config_kafka(config),
                             .client_id = program.name},
                   .schemas = ev_registry_source(app->registry),
                   .metrics = app->metrics,
                   .cache_bytes_max = (size_t)ev_config_int(config, "cache-mebibytes") * 1024 * 1024,
                   .shared = ev_config_bool(config, "share")},
        .mongo = app->mongo,
        .elasticsearch_url = ev_config_string(config, "elasticsearch-url"),
        .scratch_directory = app->scratch,
        .replay_memory_bytes = (size_t)ev_config_int(config, "replay-memory-mebibytes") * 1024 * 1024,
        .keep_ms = ev_config_int(config, "keep-generations-s") * 1000,
    };
    if ((size_t)snprintf(app->scratch, sizeof(app->scratch), "%s/replay", ev_config_string(config, "data-dir")) >=
        sizeof(app->scratch))
        return ev_error_set(error, EV_ERR_INVALID, "the name of the data directory is too long");
    int r = ev_directory_make(app->scratch, error);
    return r < 0 ? r : keeper_table_init(&app->table, &keeper_options, choices, count, error);
}

static size_t app_make_routes(struct app *app, struct http_route routes[4])
{
    routes[0] = (struct http_route){
        .method = "GET",
        .path = "/v1/lag",
        .exposure = HTTP_PRIVATE,
        .name = "Lag",
        .summary = "How far each view is behind the log, in events and seconds",
        .handler = lag_handle,
        .context = &app->table,
    };
    app->health.metrics = app->metrics;
    for (size_t i = 0; i < app->table.count && app->health.count < HTTP_HEALTH_CHECKS_MAX; i++)
        app->health.checks[app->health.count++] = (struct http_health_check){.name = app->table.keepers[i].name,
                                                                             .required = true,
                                                                             .check = lag_check,
                                                                             .context = &app->table.keepers[i]};
    return 1 + http_health_routes(&app->health, routes + 1);
}

/* Signals are blocked everywhere and taken here, so that what they do needs no care for what it interrupts. */
static void *stopper_run(void *context)
{
    struct app *app = context;
    int number;
    sigwait(&app->signals, &number);
    ev_log(EV_LOG_INFO, "stopping", "told to stop: batches end and checkpoints are saved",
           ev_log_int("signal", number));
    keeper_table_stop(&app->table);
    http_server_stop(app->server);
    feeds_stop(&app->feeds);
    auditor_stop(&app->auditor);
    return NULL;
}

static int app_make_feeds(struct app *app, struct ev_error *error)
{
    const struct feed_options feed_options = {
        .kafka = {.brokers = ev_config_string(app->config, "kafka-brokers"),
                  .topic_prefix = ev_config_string(app->config, "topic-prefix"),
                  .properties = ev_config_kafka(app->config),
                  .client_id = program.name},
        .schemas = ev_registry_source(app->registry),
        .metrics = app->metrics,
    };
    int r = feeds_init(&app->feeds, ev_config_string(app->config, "feed"), &feed_options, error);
    for (size_t i = 0; i < app->feeds.count && app->health.count < HTTP_HEALTH_CHECKS_MAX; i++)
        app->health.checks[app->health.count++] = (struct http_health_check){
            .name = app->feeds.workers[i].name, .check = feed_check, .context = &app->feeds.workers[i]};
    return r;
}

static int app_serve(struct app *app, struct ev_error *error)
{
    struct http_route routes[4];
    int r = app_make_feeds(app, error);
    if (r < 0)
        return r;
    size_t count = app_make_routes(app, routes);
    const struct http_server_options server_options = {
        .private_listen = ev_config_string(app->config, "private-listen"),
        .threads = 1,
        .connections_max = CONNECTIONS_MAX,
        .service = program.name,
        .api = "projectors",
        .metrics = app->metrics,
    };
    r = http_server_create(&server_options, routes, count, &app->server, error);
    if (r < 0)
        return r;
    r = pthread_create(&app->stopper, NULL, stopper_run, app);
    if (r)
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for signals: %s", strerror(r));
    r = keeper_table_start(&app->table, error);
    if (r >= 0) {
        ev_log(EV_LOG_INFO, "start", "projecting", ev_log_int("projections", (int64_t)app->table.count),
               ev_log_cstr("private_listen", server_options.private_listen));
        r = feeds_start(&app->feeds, error);
        if (r >= 0)
            r = auditor_start(&app->auditor, error);
        if (r >= 0)
            r = http_server_run(app->server, DRAIN_MS, error);
    }
    pthread_kill(app->stopper, SIGTERM); /* in case that it ended by itself */
    pthread_join(app->stopper, NULL);
    return r;
}

static void app_close(struct app *app)
{
    auditor_finish(&app->auditor);
    keeper_table_finish(&app->table);
    http_server_destroy(app->server);
    feeds_stop(&app->feeds);
    feeds_finish(&app->feeds);
    ev_registry_destroy(app->registry);
    mongo_pool_destroy(app->mongo);
    ev_metrics_destroy(app->metrics);
}

static int app_rebuild(struct app *app, const struct choice *choices, size_t count, struct ev_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct ev_sink *sink;
        int r = app_make_sink(app, &choices[i], &sink, error);
        if (r < 0)
            return r;
        r = sink->reset(sink, choices[i].view, error);
        sink->destroy(sink);
        if (r < 0)
            return r;
        printf("%s is no more in %s; the next start of the projectors builds it anew\n", choices[i].view->name,
               choice_store_name(choices[i].store));
    }
    return 0;
}

static int run(const struct ev_config *config, const struct choice *choices, size_t count)
{
    static struct app app;
    struct ev_error error = {0};
    app.config = config;
    app.metrics = ev_metrics_create();
    sigemptyset(&app.signals);
    sigaddset(&app.signals, SIGTERM);
    sigaddset(&app.signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &app.signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    int r = app_open(&app, &error);
    if (r >= 0 && ev_config_string(config, "rebuild"))
        r = app_rebuild(&app, choices, count, &error);
    else if (r >= 0 && (r = app_make_keepers(&app, choices, count, &error)) >= 0) {
        app_make_auditor(&app, choices, count);
        r = app_serve(&app, &error);
    }
    app_close(&app);
    if (r >= 0) {
        ev_log(EV_LOG_INFO, "stopped", "stopped");
        return EXIT_OK;
    }
    ev_log(EV_LOG_ERROR, "failed", error.message, ev_log_cstr("code", ev_error_name(r)));
    return r == EV_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

static int print_routes(void)
{
    static struct app app;
    struct http_route routes[4];
    http_routes_print(routes, app_make_routes(&app, routes), "projectors");
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct ev_config *config = NULL;
    struct ev_error error = {0};
    enum ev_log_level level;
    struct choice choices[CHOICE_MAX];
    size_t count = 0;
    int answer = ev_config_load(&program, argc, argv, &config, &error);
    if (answer > 0)
        return EXIT_OK;
    if (answer == 0 && !ev_log_level_parse(ev_str_of(ev_config_string(config, "log-level")), &level))
        answer = ev_error_set(&error, EV_ERR_INVALID, "log-level is debug, info, warn or error");
    if (answer == 0 && ev_config_positional(config, &(const char *const *){NULL}) > 0)
        answer = ev_error_set(&error, EV_ERR_INVALID, "projectors takes options only");
    if (answer == 0) {
        const char *rebuild = ev_config_string(config, "rebuild");
        answer = choice_parse(rebuild ? rebuild : ev_config_string(config, "only"), choices, &count, &error);
    }
    if (answer < 0) {
        fprintf(stderr, "projectors: %s\nTry: projectors --help\n", error.message);
        ev_config_destroy(config);
        return EXIT_USAGE;
    }
    ev_log_init(program.name, level);
    answer = ev_config_bool(config, "routes") ? print_routes() : run(config, choices, count);
    ev_config_destroy(config);
    return answer;
}
