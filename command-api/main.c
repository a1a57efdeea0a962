/* The command API: takes commands by HTTP, decides on them and appends what follows to the log. Here is only what ties
 * the parts together: options, the order of starting and stopping, exit codes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoints.h"
#include "core/directory.h"
#include "forwarder.h"
#include "health.h"
#include "hints.h"
#include "http/routes.h"
#include "libhttp/server.h"
#include "offers.h"
#include "ownership.h"
#include "shard.h"
#include "topics.h"

#define EXIT_USAGE 2
#define PATH_MAX_LENGTH 4096

static const struct ev_config_option options[] = {
    EV_CONFIG_COMMON,
    {"listen", EV_CONFIG_STRING, "127.0.0.1:8080", "address of the public listener", 0, 0},
    {"private-listen", EV_CONFIG_STRING, "127.0.0.1:9080",
     "address of the private listener: health, metrics, and private commands besides the public ones", 0, 0},
    {"only", EV_CONFIG_STRING, NULL,
     "categories with commas between whose partitions this instance may own, e.g. cart (default: all); commands for "
     "others go to their owners",
     0, 0},
    {"advertise", EV_CONFIG_STRING, NULL,
     "URL at which other instances reach the private listener (default: made from private-listen)", 0, 0},
    {"forwards-max", EV_CONFIG_INT, "4096",
     "commands that wait for or are on the way to other instances; more are refused", 1, 1000000},
    {"threads", EV_CONFIG_INT, "1", "event loops; partitions are shared out among them", 1, COMMAND_THREADS_MAX},
    {"connections-max", EV_CONFIG_INT, "4096", "connections per listener; more wait", 64, 1000000},
    {"instance", EV_CONFIG_STRING, NULL, "name of this process in fences (default: host name and process id)", 0, 0},
    {"deadline-ms", EV_CONFIG_INT, "10000", "how long a command may take that says nothing by Prefer: wait", 100,
     60000},
    {"stop-delay-ms", EV_CONFIG_INT, "0",
     "how long after SIGTERM requests are still taken while /readyz says 503, so that the proxy before it notices", 0,
     60000},
    {"drain-ms", EV_CONFIG_INT, "20000", "how long running commands may take after SIGTERM", 0, 600000},
    {"group-session-ms", EV_CONFIG_INT, "6000",
     "an instance that the others' group hasn't heard of for so long has lost its partitions to them; the brokers' "
     "group.min.session.timeout.ms is the least",
     1000, 300000},
    {"standby", EV_CONFIG_BOOL, "true",
     "read on what other instances write, so that their partitions can be taken over within a second", 0, 0},
    {"start-timeout-ms", EV_CONFIG_INT, "60000",
     "how long Kafka and an unknown schema's registry are waited for at the start", 0, 3600000},
    {"bodies-max-mib", EV_CONFIG_INT, "64", "MiB of bodies of requests without an answer; more are refused", 1, 65536},
    {"requests-max", EV_CONFIG_INT, "4096", "commands waiting or in flight per partition; more are refused", 1,
     1000000},
    {"dedup-entries-max", EV_CONFIG_INT, "200000", "commands remembered per partition for deduplication", 1, 100000000},
    {"dedup-window-s", EV_CONFIG_INT, "86400", "how long commands are remembered", 1, 31536000},
    CHECKPOINT_OPTIONS,
    {"linger-ms", EV_CONFIG_INT, "0", "how long librdkafka waits for more records to send at once", 0, 1000},
    {"create-topics", EV_CONFIG_BOOL, "false", "make topics that are not there", 0, 0},
    {"partitions", EV_CONFIG_INT, "4", "partitions of topics that are made; fixed for ever", 1,
     EV_TOPIC_PARTITIONS_MAX},
    {"replication-factor", EV_CONFIG_INT, "1", "of topics that are made", 1, 15},
    {"min-insync-replicas", EV_CONFIG_INT, "1", "of topics that are made", 1, 15},
    {"register-schemas", EV_CONFIG_BOOL, "false", "register schemas that the registry doesn't know", 0, 0},
    {"routes", EV_CONFIG_BOOL, "false", "print the routes, one JSON object a line, and end", 0, 0},
    {0},
};
static const struct ev_config_program program = {
    .name = "command-api",
    .summary = "Takes commands by HTTP and appends their events to the log.",
    .usage = "[options]",
    .options = options,
};

static atomic_bool cancelled;
static _Atomic(struct command_app *) stoppable; /* its server runs or is about to */

static void on_stop_signal(int number)
{
    (void)number;
    atomic_store(&cancelled, true);
    struct command_app *running = atomic_load(&stoppable);
    if (!running)
        return;
    http_server_leave(running->server);
    if (!ownership_stop(running))
        http_server_stop(running->server);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int print_routes(void)
{
    struct command_app app = {0};
    struct command_routes routes;
    app.metrics = ev_metrics_create();
    command_routes_init(&routes, &app, NULL);
    http_routes_print(routes.items, routes.count, "command");
    command_routes_finish(&routes);
    ev_metrics_destroy(app.metrics);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void name_instance(struct command_app *app, const struct ev_config *config)
{
    const char *given = ev_config_string(config, "instance");
    char host[64] = "localhost";
    if (given) {
        snprintf(app->owner_id, sizeof(app->owner_id), "%s", given);
        return;
    }
    gethostname(host, sizeof(host) - 1);
    snprintf(app->owner_id, sizeof(app->owner_id), "command-api@%s/%d", host, (int)getpid());
}

static int open_registry(struct command_app *app, const struct ev_config *config, struct ev_error *error)
{
    char cache[PATH_MAX_LENGTH];
    const char *directory = ev_config_string(config, "data-dir");
    int result = ev_directory_make(directory, error);
    if (result < 0)
        return result;
    if ((size_t)snprintf(cache, sizeof(cache), "%s/command-api-schemas.cache", directory) >= sizeof(cache))
        return ev_error_set(error, EV_ERR_INVALID, "the name of the data directory is too long");
    result = ev_registry_create(ev_config_string(config, "schema-registry-url"), cache, &app->registry, error);
    if (result == 0)
        app->schemas = ev_registry_source(app->registry);
    return result;
}

static void app_configure(struct command_app *app, const struct ev_config *config)
{
    app->kafka = (struct ev_kafka_config){
        .brokers = ev_config_string(config, "kafka-brokers"),
        .topic_prefix = ev_config_string(config, "topic-prefix"),
        .properties = ev_config_kafka(config),
        .client_id = program.name,
    };
    app->limits = (struct command_limits){
        .deadline_ms = ev_config_int(config, "deadline-ms"),
        .requests_max = (size_t)ev_config_int(config, "requests-max"),
        .dedup_entries_max = (size_t)ev_config_int(config, "dedup-entries-max"),
        .dedup_window_ms = ev_config_int(config, "dedup-window-s") * 1000,
        .linger_ms = ev_config_int(config, "linger-ms"),
        .forwards_max = (size_t)ev_config_int(config, "forwards-max"),
    };
    app->threads = (unsigned)ev_config_int(config, "threads");
    app->metrics = ev_metrics_create();
    name_instance(app, config);
}

/* The forwarder before the hints: it is woken by them. */
static int open_forwarding(struct command_app *app, const struct ev_config *config, struct ev_error *error)
{
    struct forwarder_options wanted = {.app = app, .forwards_max = app->limits.forwards_max, .metrics = app->metrics};
    int result = forwarder_create(&wanted, &app->forwarder, error);
    if (result < 0)
        return result;
    return hints_open(app, ev_config_string(config, "advertise"), ev_config_string(config, "private-listen"), error);
}

static int app_prepare(struct command_app *app, const struct ev_config *config, struct ev_error *error)
{
    struct topics_options wanted = {
        .create = ev_config_bool(config, "create-topics"),
        .register_schemas = ev_config_bool(config, "register-schemas"),
        .partitions = (int32_t)ev_config_int(config, "partitions"),
        .replication_factor = (int32_t)ev_config_int(config, "replication-factor"),
        .min_insync_replicas = (int32_t)ev_config_int(config, "min-insync-replicas"),
        .timeout_ms = ev_config_int(config, "start-timeout-ms"),
        .only = ev_config_string(config, "only"),
        .cancelled = &cancelled,
    };
    int result = open_registry(app, config, error);
    if (result == 0)
        result = topics_prepare(app, &wanted, error);
    if (result == 0)
        result = checkpoints_open(app, config, &cancelled, error);
    if (result < 0)
        return result;
    struct ownership_options sharing = {.session_ms = ev_config_int(config, "group-session-ms"),
                                        .standby = ev_config_bool(config, "standby")};
    ownership_init(app, &sharing);
    const struct command_topic *products = command_topic_of(app, "product");
    result = open_forwarding(app, config, error);
    if (result < 0)
        return result;
    app->prices = price_list_create();
    offers_init(app->prices);
    return price_reader_create(&app->kafka, products->schema, products->partitions, app->schemas, app->prices,
                               &app->price_reader, error);
}

static int app_serve(struct command_app *app, const struct ev_config *config, struct ev_error *error)
{
    struct http_health health;
    struct command_routes routes;
    command_health_init(&health, app);
    command_routes_init(&routes, app, &health);
    struct http_server_options server_options = {
        .listen = ev_config_string(config, "listen"),
        .private_listen = ev_config_string(config, "private-listen"),
        .threads = app->threads,
        .connections_max = (unsigned)ev_config_int(config, "connections-max"),
        .bodies_max = (size_t)ev_config_int(config, "bodies-max-mib") << 20,
        .stop_delay_ms = ev_config_int(config, "stop-delay-ms"),
        .service = program.name,
        .api = "command",
        .metrics = app->metrics,
        .loop_start = shard_start,
        .loop_tick = shard_tick,
        .loop_stop = shard_stop,
        .context = app,
    };
    int result = http_server_create(&server_options, routes.items, routes.count, &app->server, error);
    if (result == 0) {
        atomic_store(&stoppable, app);
        if (atomic_load(&cancelled)) {
            (void)ownership_stop(app);
            http_server_stop(app->server);
        }
        ev_log(EV_LOG_INFO, "start", "listening", ev_log_cstr("listen", server_options.listen),
               ev_log_cstr("private_listen", server_options.private_listen), ev_log_int("threads", app->threads),
               ev_log_cstr("instance", app->owner_id));
        result = http_server_run(app->server, ev_config_int(config, "drain-ms"), error);
        atomic_store(&stoppable, NULL);
    }
    forwarder_stop(app->forwarder); /* its thread looks at who owns what */
    ownership_end(app);             /* its group's thread knows the server */
    /* Before the server: who waits for the price list is answered by its loops, which have ended with nobody waiting.
     */
    price_reader_destroy(app->price_reader);
    app->price_reader = NULL;
    http_server_destroy(app->server);
    command_routes_finish(&routes);
    return result;
}

static void app_finish(struct command_app *app)
{
    price_reader_destroy(app->price_reader);
    price_list_destroy(app->prices);
    forwarder_stop(app->forwarder);
    ev_owner_hints_destroy(app->hints);
    forwarder_destroy(app->forwarder);
    ownership_finish(app);
    checkpoints_close(app);
    ev_registry_destroy(app->registry);
    ev_metrics_destroy(app->metrics);
}

static int run(const struct ev_config *config)
{
    static struct command_app app;
    struct ev_error error = {0};
    catch_signals();
    app_configure(&app, config);
    int result = app_prepare(&app, config, &error);
    if (result == 0)
        result = app_serve(&app, config, &error);
    app_finish(&app);
    if (result < 0 && atomic_load(&cancelled) && !app.server)
        result = 0; /* told to stop while it waited for its servers */
    if (result < 0)
        ev_log(EV_LOG_ERROR, "stop", "ended by an error", ev_log_cstr("error", error.message));
    else
        ev_log(EV_LOG_INFO, "stop", "ended");
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct ev_config *config = NULL;
    struct ev_error error = {0};
    enum ev_log_level level = EV_LOG_INFO;
    int result = ev_config_load(&program, argc, argv, &config, &error);
    if (result > 0)
        return EXIT_SUCCESS;
    if (result < 0) {
        fprintf(stderr, "command-api: %s\nSee command-api --help.\n", error.message);
        return EXIT_USAGE;
    }
    int status = EXIT_USAGE;
    const char *const *positional;
    if (ev_config_positional(config, &positional) > 0) {
        fprintf(stderr, "command-api: \"%s\" is not an option. See command-api --help.\n", positional[0]);
    } else if (!ev_log_level_parse(ev_str_of(ev_config_string(config, "log-level")), &level)) {
        fprintf(stderr, "command-api: log-level is debug, info, warn or error. See command-api --help.\n");
    } else {
        ev_log_init(program.name, level);
        status = ev_config_bool(config, "routes") ? print_routes() : run(config);
    }
    ev_config_destroy(config);
    return status;
}
