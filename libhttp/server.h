/* The HTTP server of Orderlog's programs: h2o (HTTP/1.1) behind a small interface that the programs' handlers see. No
 * shop, no Kafka, no stores here.
 *
 * One event loop per thread. A request lives on its connection's loop; handlers run there. An answer may be given later
 * and from another thread: the exchange is found again by (loop, slot, generation), so that a client which went away is
 * harmless. Public and private routes are served by two listeners. */
#pragma once

#include "core/core.h"

#define HTTP_BODY_MAX ((size_t)256 * 1024)
#define HTTP_BODY_MAX_PRIVATE ((size_t)1024 * 1024) /* private commands: whole orders with given lines */
#define HTTP_HEADER_MAX 64
#define HTTP_PATH_VALUES_MAX 4
#define HTTP_BODIES_MAX ((size_t)64 * 1024 * 1024)
#define HTTP_RETRY_AFTER_S 1
#define HTTP_EXCHANGES_MAX 8192 /* per loop; beyond: 503 */
#define HTTP_URI_MAX ((size_t)8192)
#define HTTP_HEADER_BYTES_MAX ((size_t)32 * 1024) /* names and values of one request */

struct http_server;
struct http_loop;

enum http_exposure { HTTP_PUBLIC = 1, HTTP_PRIVATE = 2, HTTP_BOTH = 3 };

struct http_header {
    struct ev_str name; /* lower case */
    struct ev_str value;
};
struct http_path_value {
    struct ev_str name;
    struct ev_str value; /* percent-decoded, valid UTF-8 */
};

/* One request and its answer-to-be. Allocated with an arena of its own that stays until the answer was given (also when
 * the client has gone). */
struct http_exchange {
    struct ev_arena arena;
    struct http_loop *loop;
    uint32_t slot, generation;
    const struct http_route *route;
    struct ev_str method, path, query; /* query without '?', raw */
    struct ev_str body;
    struct http_path_value path_values[HTTP_PATH_VALUES_MAX];
    size_t path_value_count;
    struct http_header headers[HTTP_HEADER_MAX];
    size_t header_count;
    char trace_id[33];    /* from traceparent, or made here */
    char traceparent[56]; /* of this hop */
    char request_id[37];
    int64_t received_us;              /* monotonic */
    bool is_private;                  /* came in by the private listener */
    void *user;                       /* the handler's */
    struct http_header answer_header; /* on whatever answer is given; name null: none */
};

/* Runs on the exchange's loop; must lead to exactly one http_reply…, now or later, from any thread. */
typedef void (*http_handler)(struct http_exchange *exchange, void *context);

struct http_route {
    const char *method;
    const char *path; /* "/v1/carts/{cart_id}/items" */
    enum http_exposure exposure;
    const char *name; /* for --routes, logs and metrics */
    const char *summary;
    size_t body_max; /* 0: HTTP_BODY_MAX, or HTTP_BODY_MAX_PRIVATE on the private listener */
    http_handler handler;
    void *context;
};

struct http_server_options {
    const char *listen;         /* "127.0.0.1:8080" */
    const char *private_listen; /* NULL: none */
    unsigned threads;           /* loops, >= 1 */
    unsigned connections_max; /* per listener and process, shared out among the loops; more wait in the listen queue */
    size_t bodies_max;     /* bytes of bodies of requests without an answer, in all; beyond: 503. 0: HTTP_BODIES_MAX */
    int64_t stop_delay_ms; /* from http_server_leave until the listeners close */
    const char *service;   /* "command-api", in metrics, logs */
    const char *api;       /* "command" or "query", in --routes */
    struct ev_metrics *metrics;
    /* Called on a loop's own thread when it starts, and every time it wakes (after h2o's work); returns ms until it
     * wants to be woken (<= 100). May be NULL. */
    int (*loop_start)(struct http_loop *loop, void *context);
    int64_t (*loop_tick)(struct http_loop *loop, void *context);
    void (*loop_stop)(struct http_loop *loop, void *context);
    void *context;
};

/* Routes are copied. Unknown path: 404 problem; known path with another method: 405 with Allow. */
int http_server_create(const struct http_server_options *options, const struct http_route *routes, size_t route_count,
                       struct http_server **ret, struct ev_error *error);
/* Runs until http_server_stop (from any thread or a signal handler): closes listeners, lets running exchanges end (at
 * most drain_ms), returns. TIMEOUT when some had no answer by then: their connections stay open and http_server_destroy
 * leaves the memory to the end of the process. */
int http_server_run(struct http_server *server, int64_t drain_ms, struct ev_error *error);
void http_server_stop(struct http_server *server);
/* To be called before http_server_stop where a proxy sends the requests: from now on /readyz is 503 and each answer
 * ends its connection, but requests are taken as before. The listeners close when http_server_stop was called and
 * stop_delay_ms have passed, in which the proxy has noticed. From any thread or a signal handler. */
void http_server_leave(struct http_server *server);
void http_server_destroy(struct http_server *server);
/* One JSON object a line: {"method":…,"path":…,"exposure":"public","api":"command","name":…}; for the gateway and the
 * documentation. Routes without a summary (health, metrics) belong to the operator of this one process and are left
 * out. */
void http_routes_print(const struct http_route *routes, size_t count, const char *api);

bool http_loop_is_leaving(const struct http_loop *loop);
unsigned http_loop_index(const struct http_loop *loop);
void *http_loop_user(struct http_loop *loop);
void http_loop_set_user(struct http_loop *loop, void *user);
/* Watches a file descriptor (which stays the caller's) for reading on this loop (level-triggered callback on the loop's
 * thread). Call from the loop's thread. */
int http_loop_watch(struct http_loop *loop, int fd, void (*readable)(void *context), void *context,
                    struct ev_error *error);
/* Runs `function` on the loop's thread soon. From any thread. */
void http_loop_post(struct http_loop *loop, void (*function)(void *context), void *context);
/* The same with memory of the caller's, which must stay until the function is called; it may be reused from within it.
 */
struct http_post {
    struct http_post *next;
    void (*function)(void *context);
    void *context;
};
void http_loop_post_node(struct http_loop *loop, struct http_post *post);
struct http_loop *http_server_loop(struct http_server *server, unsigned index);
/* The port that is listened on, for listeners that were given port 0; 0: no such listener. */
unsigned http_server_port(const struct http_server *server, bool is_private);
/* Random bytes for ids, drawn from the system in blocks. For the loop's thread alone. */
const struct ev_random *http_loop_random(struct http_loop *loop);
/* An exchange that is still without answer, by the numbers it carries; NULL when it was answered. For the loop's thread
 * alone. */
struct http_exchange *http_loop_exchange(struct http_loop *loop, uint32_t slot, uint32_t generation);

struct ev_str http_exchange_header(const struct http_exchange *exchange,
                                   const char *lower_case_name); /* null string: absent */
/* A query parameter, percent-decoded into the arena; null string: absent. More than one of a name: false. */
bool http_exchange_query(struct http_exchange *exchange, const char *name, struct ev_str *ret_value);
/* A parameter that no row names: its name, or the null string; for strict APIs. `known` ends with NULL. */
struct ev_str http_exchange_unknown_query(struct http_exchange *exchange, const char *const *known);

#define HTTP_REPLY_HEADERS_MAX 8
struct http_reply {
    int status;
    const char *content_type;                           /* NULL: application/json */
    struct http_header headers[HTTP_REPLY_HEADERS_MAX]; /* values may lie in the exchange's arena */
    size_t header_count;
    struct ev_str body; /* in the exchange's arena, or static */
};
/* From any thread; the exchange (and its arena) must not be touched afterwards. */
void http_reply(struct http_exchange *exchange, const struct http_reply *reply);
void http_reply_add_header(struct http_reply *reply, const char *name, struct ev_str value);
