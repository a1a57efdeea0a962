#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/fatal.h"
#include "libhttp/internal.h"

#define HTTP_STATUSES(X)                                                                                               \
    X(200, "OK")                                                                                                       \
    X(201, "Created")                                                                                                  \
    X(202, "Accepted")                                                                                                 \
    X(204, "No Content")                                                                                               \
    X(304, "Not Modified")                                                                                             \
    X(400, "Bad Request")                                                                                              \
    X(401, "Unauthorized")                                                                                             \
    X(403, "Forbidden")                                                                                                \
    X(404, "Not Found")                                                                                                \
    X(405, "Method Not Allowed")                                                                                       \
    X(409, "Conflict")                                                                                                 \
    X(412, "Precondition Failed")                                                                                      \
    X(413, "Content Too Large")                                                                                        \
    X(414, "URI Too Long")                                                                                             \
    X(415, "Unsupported Media Type")                                                                                   \
    X(421, "Misdirected Request")                                                                                      \
    X(422, "Unprocessable Content")                                                                                    \
    X(429, "Too Many Requests")                                                                                        \
    X(431, "Request Header Fields Too Large")                                                                          \
    X(500, "Internal Server Error")                                                                                    \
    X(503, "Service Unavailable")                                                                                      \
    X(504, "Gateway Timeout")

const char *http_status_reason(int status)
{
    switch (status) {
#define X(number, reason)                                                                                              \
    case number:                                                                                                       \
        return reason;
        HTTP_STATUSES(X)
#undef X
    default:
        return "Status";
    }
}

int64_t http_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void http_route_metrics_init(struct http_route_metrics *ret, struct ev_metrics *metrics, const char *service,
                             const char *route)
{
    char labels[256];
    for (int class = 2; class <= 5; class ++) {
        snprintf(labels, sizeof(labels), "service=\"%s\",route=\"%s\",class=\"%dxx\"", service, route, class);
        ret->by_class[class - 2] =
            ev_metrics_counter(metrics, "orderlog_http_requests_total", labels, "Requests answered, by status class.");
    }
    snprintf(labels, sizeof(labels), "service=\"%s\",route=\"%s\"", service, route);
    ret->seconds = ev_metrics_histogram(metrics, "orderlog_http_request_seconds", labels,
                                        "Time from a request's last byte to its answer.");
}

static void count(const struct http_exchange *exchange, int status)
{
    const struct http_server *server = exchange->loop->server;
    size_t index = exchange->route ? (size_t)(exchange->route - server->routes) : server->route_count;
    const struct http_route_metrics *metrics = &server->route_metrics[index];
    int class = status / 100;
    if (class >= 2 && class <= 5)
        ev_metric_add(metrics->by_class[class - 2], 1);
    ev_metric_observe_us(metrics->seconds, http_monotonic_us() - exchange->received_us);
}

static void set_header(h2o_header_t *header, h2o_iovec_t *name, struct ev_str value)
{
    header->name = name;
    header->orig_name = NULL;
    header->value = h2o_iovec_init(value.data ? value.data : "", value.length);
}

/* Names must outlive the request; those of the reply's own headers are copied into its pool, values lie in the arena.
 */
static void set_headers(const struct http_slot *slot, const struct http_reply *reply, h2o_req_t *req)
{
    static h2o_iovec_t request_id_name = {H2O_STRLIT("x-request-id")}, traceparent_name = {H2O_STRLIT("traceparent")};
    const struct http_exchange *exchange = &slot->exchange;
    h2o_headers_t *headers = &req->res.headers;
    h2o_vector_reserve(&req->pool, headers, 4 + HTTP_REPLY_HEADERS_MAX);
    const char *type = reply->content_type ? reply->content_type : "application/json";
    set_header(&headers->entries[0], &H2O_TOKEN_CONTENT_TYPE->buf, ev_str_of(type));
    set_header(&headers->entries[1], &request_id_name, ev_str_of(exchange->request_id));
    set_header(&headers->entries[2], &traceparent_name, ev_str_of(exchange->traceparent));
    headers->size = 3;
    bool has_own = exchange->answer_header.name.data;
    size_t total = reply->header_count + has_own;
    if (total == 0)
        return;
    h2o_iovec_t *names = h2o_mem_alloc_pool(&req->pool, total * sizeof(*names));
    for (size_t i = 0; i < total; i++) {
        const struct http_header *header = i < reply->header_count ? &reply->headers[i] : &exchange->answer_header;
        names[i] = h2o_iovec_init(header->name.data, header->name.length);
        set_header(&headers->entries[headers->size++], &names[i], header->value);
    }
}

static void reply_now(struct http_slot *slot, const struct http_reply *reply)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *req = slot->req;
    count(&slot->exchange, reply->status);
    if (!req) { /* the client has gone */
        http_pool_release(&slot->exchange.loop->exchanges, slot);
        return;
    }
    bool has_body = reply->status != 204 && reply->status != 304;
    req->res.status = reply->status;
    req->res.reason = http_status_reason(reply->status);
    if (http_loop_is_leaving(slot->exchange.loop))
        req->http1_is_persistent = 0;
    if (has_body)
        req->res.content_length = reply->body.length;
    set_headers(slot, reply, req);
    slot->state = HTTP_SLOT_SENT;
    h2o_iovec_t body = h2o_iovec_init(reply->body.data, reply->body.length);
    h2o_start_response(req, &generator);
    bool is_head = ev_str_equal(slot->exchange.method, EV_STR("HEAD")); /* told how long it would be, no more */
    h2o_send(req, &body, has_body && !is_head && body.len > 0 ? 1 : 0, H2O_SEND_STATE_FINAL);
}

static void on_posted_reply(void *context)
{
    struct http_slot *slot = context;
    reply_now(slot, &slot->reply);
}

void http_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct http_slot *slot = http_slot_of(exchange);
    if (slot->state != HTTP_SLOT_RUNNING)
        ev_fatal("exchange %u was answered twice", exchange->slot);
    if (http_loop_is_current(exchange->loop)) {
        reply_now(slot, reply);
        return;
    }
    slot->reply = *reply;
    slot->post = (struct http_post){.function = on_posted_reply, .context = slot};
    http_loop_post_node(exchange->loop, &slot->post);
}

void http_reply_add_header(struct http_reply *reply, const char *name, struct ev_str value)
{
    if (reply->header_count == HTTP_REPLY_HEADERS_MAX)
        ev_fatal("an answer has more than %d headers", HTTP_REPLY_HEADERS_MAX);
    reply->headers[reply->header_count++] = (struct http_header){ev_str_of(name), value};
}
