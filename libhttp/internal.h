/* What the files of libhttp share. Nobody else includes this. */
#pragma once

#include <h2o.h>
#include <pthread.h>
#include <stdatomic.h>

#include "libhttp/path.h"
#include "libhttp/pool.h"
#include "libhttp/problem.h"
#include "libhttp/route.h"

#define HTTP_LOOPS_MAX 64
#define HTTP_WATCHES_MAX 16
#define HTTP_RANDOM_BLOCK 4096
/* How long a loop sleeps at most, so that paused listeners and deadlines are looked at. */
#define HTTP_LOOP_WAIT_MAX_MS 100
/* A request, or the pause between two on one connection, must be over by then. */
#define HTTP_REQUEST_TIMEOUT_MS (30 * 1000)
/* What the peer hasn't acknowledged by then ends the connection (h2o has no time-out for writing). */
#define HTTP_WRITE_TIMEOUT_MS (30 * 1000)

struct http_connection;

/* One of the two listeners, as one loop has it. */
struct http_listener {
    struct http_loop *loop;
    h2o_accept_ctx_t accept;
    h2o_hostconf_t *hosts[2]; /* one and NULL, so that h2o doesn't choose by the Host header */
    h2o_socket_t *socket;     /* NULL: no such listener, or closed */
    unsigned connections, connections_max;
    bool paused; /* at the bound, or out of file descriptors */
};

struct http_watch {
    h2o_socket_t *socket;
    void (*readable)(void *context);
    void *context;
};

struct http_random {
    struct ev_random port;
    size_t used;
    uint8_t block[HTTP_RANDOM_BLOCK];
};

struct http_loop {
    struct http_server *server;
    unsigned index;
    pthread_t thread;
    void *user;
    h2o_context_t context; /* a request leads here from its connection's context */
    h2o_evloop_t *evloop;
    struct http_listener listeners[2]; /* public, private */
    struct http_connection *connections;
    struct http_pool exchanges;
    struct http_random random;
    struct http_watch watches[HTTP_WATCHES_MAX];
    size_t watch_count;
    _Atomic(struct http_post *) posts; /* newest first */
    int wake_fd;
    bool draining, drained;
    bool undrained; /* exchanges without an answer were left at the deadline */
    int start_result;
};

struct http_side {
    int fd; /* -1: none */
    unsigned port;
    struct http_router router;
    h2o_hostconf_t *host;
};

struct http_server {
    struct http_server_options options;
    h2o_globalconf_t config;
    struct http_side sides[2]; /* public, private */
    struct http_route *routes;
    size_t route_count;
    struct http_route_metrics *route_metrics; /* by index of the route, the last one for requests that match none */
    struct http_loop *loops;
    int64_t drain_ms;
    atomic_bool stopping;
    _Atomic int64_t left_us;     /* monotonic; 0: requests are welcome */
    atomic_uint undrained_loops; /* a loop runs on until this is 0: others may need it for their last answers */
};

/* connection.c: a client's connection and the one exchange that may run on it. */
struct http_connection {
    struct http_connection *next, **link;
    struct http_listener *listener;
    h2o_socket_t *socket;
    struct http_slot *slot; /* NULL: between requests */
};
int http_side_listen(struct http_side *side, const char *address, struct ev_error *error);
void http_listener_open(struct http_listener *listener, struct http_loop *loop, const struct http_side *side,
                        unsigned connections_max);
void http_listener_resume(struct http_listener *listener);
void http_listener_close(struct http_listener *listener);
/* No more requests are read from it; what was read is answered. */
void http_connection_shut_reading(struct http_connection *connection);
struct http_connection *http_connection_of(h2o_req_t *req);
/* h2o stops to watch a connection when a request was read and starts again when it was answered, which costs two calls
 * of epoll_ctl for every answer that takes a while. Resting, it stays watched with nothing being read. Not before the
 * handler has returned; _wake before h2o goes on with the connection. */
void http_connection_rest(struct http_connection *connection);
void http_connection_wake(struct http_connection *connection);
static inline bool http_connection_is_private(const struct http_connection *connection)
{
    return connection->listener == &connection->listener->loop->listeners[1];
}

/* loop.c */
void http_loop_init(struct http_loop *loop, struct http_server *server, unsigned index);
void http_loop_finish(struct http_loop *loop);
void *http_loop_main(void *loop);
void http_loop_wake(struct http_loop *loop); /* async-signal-safe */
bool http_loop_is_current(const struct http_loop *loop);

/* request.c: from a request to its handler. */
void http_request_register(struct http_server *server, struct http_side *side);

/* error_filter.c: answers that h2o gives by itself become problems. */
void http_error_filter_register(h2o_pathconf_t *pathconf);
/* Answers without an exchange, for when there is none to be had. */
void http_refuse_busy(h2o_req_t *req);

/* sanitizer.c: what the sanitizers need to know of h2o. */
void http_sanitizer_tell(void);

/* reply.c */
struct http_route_metrics {
    struct ev_metric *by_class[4]; /* 2xx to 5xx */
    struct ev_metric *seconds;
};
void http_route_metrics_init(struct http_route_metrics *ret, struct ev_metrics *metrics, const char *service,
                             const char *route);
const char *http_status_reason(int status);
int64_t http_monotonic_us(void);
