#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "libhttp/internal.h"

static size_t server_body_max(const struct http_server *server)
{
    size_t max = server->options.private_listen ? HTTP_BODY_MAX_PRIVATE : HTTP_BODY_MAX;
    for (size_t i = 0; i < server->route_count; i++)
        max = server->routes[i].body_max > max ? server->routes[i].body_max : max;
    return max;
}

static void server_configure(struct http_server *server)
{
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init("", 0);
    /* h2o refuses beyond this while reading, and closes the connection under a client that is still sending. What is a
     * little too large is therefore read, and refused by the route's own bound with an answer that arrives. */
    server->config.max_request_entity_size = server_body_max(server) * 2;
    server->config.http1.upgrade_to_http2 = 0;
    server->config.http2.callbacks.request_shutdown = NULL; /* its timer would outlive a loop that has ended */
    server->config.http1.req_timeout = HTTP_REQUEST_TIMEOUT_MS;
    static const char *const host_names[] = {"public", "private"};
    for (size_t i = 0; i < 2; i++) {
        server->sides[i].host =
            h2o_config_register_host(&server->config, h2o_iovec_init(host_names[i], strlen(host_names[i])), 65535);
        http_request_register(server, &server->sides[i]);
    }
}

static void server_copy_routes(struct http_server *server, const struct http_route *routes, size_t count)
{
    server->routes = ev_memory_alloc_array(count, sizeof(*routes));
    for (size_t i = 0; i < count; i++)
        server->routes[i] = routes[i];
    server->route_count = count;
    server->route_metrics = ev_memory_alloc_array(count + 1, sizeof(*server->route_metrics));
    for (size_t i = 0; i <= count; i++)
        http_route_metrics_init(&server->route_metrics[i], server->options.metrics, server->options.service,
                                i < count ? routes[i].name : "none");
}

static int server_open(struct http_server *server, struct ev_error *error)
{
    static const enum http_exposure exposures[] = {HTTP_PUBLIC, HTTP_PRIVATE};
    const char *addresses[] = {server->options.listen, server->options.private_listen};
    for (size_t i = 0; i < 2; i++) {
        int result =
            http_router_init(&server->sides[i].router, server->routes, server->route_count, exposures[i], error);
        if (result == 0 && addresses[i])
            result = http_side_listen(&server->sides[i], addresses[i], error);
        if (result < 0)
            return result;
    }
    return 0;
}

int http_server_create(const struct http_server_options *options, const struct http_route *routes, size_t route_count,
                       struct http_server **ret, struct ev_error *error)
{
    if (options->threads < 1 || options->threads > HTTP_LOOPS_MAX || options->connections_max < options->threads)
        return ev_error_set(error, EV_ERR_INVALID, "1 to %d threads and as many connections at least are needed",
                            HTTP_LOOPS_MAX);
    http_sanitizer_tell();
    signal(SIGPIPE, SIG_IGN); /* a client that has gone shows in write()'s result */
    struct http_server *server = ev_memory_new(struct http_server);
    server->options = *options;
    server->sides[0].fd = server->sides[1].fd = -1;
    server_copy_routes(server, routes, route_count);
    server_configure(server);
    server->loops = ev_memory_alloc_array(options->threads, sizeof(*server->loops));
    for (unsigned i = 0; i < options->threads; i++)
        http_loop_init(&server->loops[i], server, i);
    int result = server_open(server, error);
    if (result < 0) {
        http_server_destroy(server);
        return result;
    }
    *ret = server;
    return 0;
}

static int server_result(const struct http_server *server, struct ev_error *error)
{
    for (unsigned i = 0; i < server->options.threads; i++) {
        const struct http_loop *loop = &server->loops[i];
        if (loop->start_result < 0)
            return ev_error_set(error, (enum ev_error_code)loop->start_result, "loop %u could not start", i);
        if (loop->undrained)
            return ev_error_set(error, EV_ERR_TIMEOUT, "%u exchanges had no answer within the %lld ms given to drain",
                                loop->exchanges.in_use, (long long)server->drain_ms);
    }
    return 0;
}

int http_server_run(struct http_server *server, int64_t drain_ms, struct ev_error *error)
{
    server->drain_ms = drain_ms;
    atomic_store(&server->undrained_loops, server->options.threads);
    unsigned started = 1;
    int fault = 0;
    while (started < server->options.threads && fault == 0) {
        fault = pthread_create(&server->loops[started].thread, NULL, http_loop_main, &server->loops[started]);
        if (fault == 0)
            started++;
    }
    if (fault) {
        atomic_store(&server->undrained_loops, started);
        http_server_stop(server);
    }
    http_loop_main(&server->loops[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(server->loops[i].thread, NULL);
    if (fault)
        return ev_error_set(error, EV_ERR_IO, "a thread could not be started: %s", strerror(fault));
    return server_result(server, error);
}

void http_server_stop(struct http_server *server)
{
    atomic_store_explicit(&server->stopping, true, memory_order_relaxed);
    for (unsigned i = 0; i < server->options.threads; i++)
        http_loop_wake(&server->loops[i]);
}

void http_server_leave(struct http_server *server)
{
    int64_t never = 0;
    (void)atomic_compare_exchange_strong(&server->left_us, &never, http_monotonic_us());
}

/* Keeps the last server that could not be drained from being taken for a leak. */
static struct http_server *abandoned;

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    for (unsigned i = 0; i < server->options.threads; i++) {
        if (!server->loops[i].undrained)
            continue;
        /* Whoever owes an answer may still give it, into memory that is there; the process is about to end anyway. */
        abandoned = server;
        return;
    }
    for (unsigned i = 0; i < server->options.threads; i++)
        http_loop_finish(&server->loops[i]);
    for (size_t i = 0; i < 2; i++) {
        http_router_finish(&server->sides[i].router);
        if (server->sides[i].fd >= 0)
            close(server->sides[i].fd);
    }
    server->config.server_name = (h2o_iovec_t){NULL, 0};
    h2o_config_dispose(&server->config);
    free(server->loops);
    free(server->route_metrics);
    free(server->routes);
    free(server);
}

struct http_loop *http_server_loop(struct http_server *server, unsigned index)
{
    return &server->loops[index];
}

unsigned http_server_port(const struct http_server *server, bool is_private)
{
    return server->sides[is_private ? 1 : 0].port;
}

void http_routes_print(const struct http_route *routes, size_t count, const char *api)
{
    struct ev_buffer out = {0};
    for (size_t i = 0; i < count; i++) {
        if (!routes[i].summary)
            continue;
        struct ev_json_writer writer;
        ev_json_init(&writer, &out);
        ev_json_object_begin(&writer);
        ev_json_kv_cstr(&writer, "method", routes[i].method);
        ev_json_kv_cstr(&writer, "path", routes[i].path);
        ev_json_kv_cstr(&writer, "exposure", routes[i].exposure & HTTP_PUBLIC ? "public" : "private");
        ev_json_kv_cstr(&writer, "api", api);
        ev_json_kv_cstr(&writer, "name", routes[i].name);
        ev_json_kv_cstr(&writer, "summary", routes[i].summary);
        ev_json_object_end(&writer);
        ev_buffer_append_byte(&out, '\n');
    }
    fwrite(out.data, 1, out.length, stdout);
    ev_buffer_finish(&out);
}
