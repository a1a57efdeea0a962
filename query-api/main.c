/* query-api: options, signals, exit codes. Everything else is in the library. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "core/log.h"
#include "core/memory.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct stopper {
    struct query_service *service;
    struct http_server *server;
    sigset_t signals;
    pthread_t thread;
    int64_t stop_delay_ms; /* while /readyz says 503 and requests are still taken */
};

/* Signals are blocked everywhere and taken here, so that what they do needs no care for what it interrupts. */
static void *stopper_run(void *context)
{
    struct stopper *stopper = context;
    int signal;
    sigwait(&stopper->signals, &signal);
    ev_log(EV_LOG_INFO, "stopping", "told to stop: running requests end, no new ones are taken",
           ev_log_int("signal", signal));
    struct timespec delay = {.tv_sec = stopper->stop_delay_ms / 1000,
                             .tv_nsec = stopper->stop_delay_ms % 1000 * 1000 * 1000};
    http_server_leave(stopper->server);
    if (stopper->stop_delay_ms)
        (void)sigtimedwait(&stopper->signals, NULL, &delay); /* a second signal ends it */
    query_service_stop_waits(stopper->service);
    http_server_stop(stopper->server);
    return NULL;
}

static void block_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int serve(struct query_service *service, const struct ev_config *config, struct stopper *stopper,
                 struct ev_error *error)
{
    const struct http_server_options options = {
        .listen = ev_config_string(config, "listen"),
        .private_listen = ev_config_string(config, "private-listen"),
        .threads = (unsigned)ev_config_int(config, "threads"),
        .connections_max = (unsigned)ev_config_int(config, "connections-max"),
        .service = "query-api",
        .api = "query",
        .metrics = service->api.metrics,
    };
    stopper->stop_delay_ms = ev_config_int(config, "stop-delay-ms");
    int fault = http_server_create(&options, service->routes, service->route_count, &stopper->server, error);
    if (fault)
        return fault;
    fault = pthread_create(&stopper->thread, NULL, stopper_run, stopper);
    if (fault)
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for signals: %s", strerror(fault));
    ev_log(EV_LOG_INFO, "serving", "queries are served", ev_log_cstr("listen", options.listen),
           ev_log_cstr("private_listen", options.private_listen));
    fault = http_server_run(stopper->server, ev_config_int(config, "drain-seconds") * 1000, error);
    if (fault) /* it ended by itself: the thread still waits for a signal */
        pthread_kill(stopper->thread, SIGTERM);
    pthread_join(stopper->thread, NULL);
    return fault;
}

static int run(const struct ev_config *config)
{
    struct query_service *service = ev_memory_new(struct query_service);
    struct stopper stopper = {.service = service};
    struct ev_error error = {0};
    block_signals(&stopper.signals);
    int fault = query_service_start(service, config, &error);
    bool usage = fault == EV_ERR_INVALID;
    if (!fault)
        fault = serve(service, config, &stopper, &error);
    query_service_finish(service);
    http_server_destroy(stopper.server);
    ev_metrics_destroy(service->api.metrics);
    ev_memory_free_at(&service);
    if (!fault) {
        ev_log(EV_LOG_INFO, "stopped", "stopped");
        return EXIT_OK;
    }
    ev_log(EV_LOG_ERROR, "failed", error.message, ev_log_cstr("code", ev_error_name(fault)));
    return usage ? EXIT_USAGE : EXIT_FAILED;
}

static int print_routes(void)
{
    struct query_service *service = ev_memory_new(struct query_service);
    query_service_make_routes(service);
    http_routes_print(service->routes, service->route_count, "query");
    ev_memory_free_at(&service);
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    struct ev_config *config = NULL;
    struct ev_error error = {0};
    enum ev_log_level level;
    int answer = ev_config_load(&query_api_program, argc, argv, &config, &error);
    if (answer > 0)
        return EXIT_OK;
    if (answer == 0 && !ev_log_level_parse(ev_str_of(ev_config_string(config, "log-level")), &level))
        answer = ev_error_set(&error, EV_ERR_INVALID, "log-level is debug, info, warn or error");
    if (answer == 0 && ev_config_positional(config, &(const char *const *){NULL}) > 0)
        answer = ev_error_set(&error, EV_ERR_INVALID, "query-api takes options only");
    if (answer < 0) {
        fprintf(stderr, "query-api: %s\nTry: query-api --help\n", error.message);
        ev_config_destroy(config);
        return EXIT_USAGE;
    }
    ev_log_init("query-api", level);
    answer = ev_config_bool(config, "routes") ? print_routes() : run(config);
    ev_config_destroy(config);
    return answer;
}
