#include <string.h>

#include "libhttp/identity.h"
#include "libhttp/internal.h"

/* What a request may take from its exchange's arena: a parsed body needs at most 17 times its length (core/json.h), the
 * command that is made of it less, and there is room for an answer. */
#define ARENA_BASE ((size_t)1024 * 1024)
#define ARENA_PER_BODY_BYTE 24

struct request_handler {
    h2o_handler_t super;
    struct http_server *server;
    struct http_side *side;
};

static char *append(char **at, const char *bytes, size_t length)
{
    char *start = *at;
    memcpy(start, bytes, length);
    start[length] = '\0';
    *at += length + 1;
    return start;
}

static struct ev_str copy(char **at, h2o_iovec_t text)
{
    return (struct ev_str){append(at, text.base ? text.base : "", text.len), text.len};
}

static size_t headers_size(const h2o_req_t *req)
{
    size_t size = 0;
    for (size_t i = 0; i < req->headers.size; i++)
        size += req->headers.entries[i].name->len + req->headers.entries[i].value.len + 2;
    return size;
}

/* Everything that a handler may look at is copied in one piece: the request dies with the client, the exchange doesn't.
 */
static void exchange_fill(struct http_exchange *exchange, const h2o_req_t *req, bool with_headers)
{
    size_t path_length = req->input.path.len < HTTP_URI_MAX ? req->input.path.len : HTTP_URI_MAX;
    size_t size = req->input.method.len + path_length + req->entity.len + 3;
    exchange->arena.limit = 0;
    char *at = ev_arena_try_alloc_raw(&exchange->arena, size + (with_headers ? headers_size(req) : 0));
    exchange->arena.limit = ARENA_BASE + req->entity.len * ARENA_PER_BODY_BYTE;
    exchange->method = copy(&at, req->input.method);
    exchange->path = copy(&at, h2o_iovec_init(req->input.path.base, path_length));
    exchange->body = copy(&at, req->entity);
    const char *question = memchr(exchange->path.data, '?', exchange->path.length);
    if (question) {
        exchange->query =
            (struct ev_str){question + 1, (size_t)(exchange->path.data + exchange->path.length - question - 1)};
        exchange->path.length = (size_t)(question - exchange->path.data);
    }
    for (size_t i = 0; with_headers && i < req->headers.size; i++) {
        const h2o_header_t *header = &req->headers.entries[i];
        struct http_header *filled = &exchange->headers[exchange->header_count++];
        filled->name = copy(&at, *header->name);
        filled->value = copy(&at, header->value);
    }
}

static bool is_json(struct ev_str content_type)
{
    static const struct ev_str json = {"application/json", sizeof("application/json") - 1};
    if (content_type.length < json.length || !h2o_lcstris(content_type.data, json.length, json.data, json.length))
        return false;
    return content_type.length == json.length || content_type.data[json.length] == ';' ||
           content_type.data[json.length] == ' ';
}

static void refuse(struct http_exchange *exchange, int status, const char *slug, const char *title,
                   struct ev_str detail)
{
    http_reply_problem(exchange,
                       &(struct http_problem){.status = status, .slug = slug, .title = title, .detail = detail});
}

static size_t body_max(const struct http_exchange *exchange)
{
    if (exchange->route->body_max)
        return exchange->route->body_max;
    return exchange->is_private ? HTTP_BODY_MAX_PRIVATE : HTTP_BODY_MAX;
}

static bool check_body(struct http_exchange *exchange)
{
    if (exchange->body.length == 0)
        return true;
    size_t max = body_max(exchange);
    if (exchange->body.length > max) {
        refuse(exchange, 413, "body-too-large", "The request's body is too large",
               ev_arena_printf(&exchange->arena, "The body has %zu bytes; this route takes at most %zu.",
                               exchange->body.length, max));
        return false;
    }
    if (!is_json(http_exchange_header(exchange, "content-type"))) {
        refuse(exchange, 415, "unsupported-media-type", "The body's media type is not supported",
               EV_STR("Send the body as application/json."));
        return false;
    }
    if (http_exchange_header(exchange, "content-encoding").data) {
        refuse(exchange, 415, "unsupported-media-type", "The body's encoding is not supported",
               EV_STR("Send the body without Content-Encoding."));
        return false;
    }
    return true;
}

static bool find_route(struct http_exchange *exchange, const struct http_side *side)
{
    struct http_matched matched;
    switch (http_router_match(&side->router, exchange->method, exchange->path, &exchange->arena, &matched)) {
    case HTTP_MATCH_FOUND:
        exchange->route = matched.route;
        exchange->path_value_count = matched.value_count;
        memcpy(exchange->path_values, matched.values, sizeof(matched.values));
        return true;
    case HTTP_MATCH_NO_PATH:
        refuse(exchange, 404, "no-such-resource", "There is nothing at this path", EV_STR_NULL);
        return false;
    case HTTP_MATCH_NO_METHOD:
        http_reply_problem_with(exchange,
                                &(struct http_problem){.status = 405,
                                                       .slug = "method-not-allowed",
                                                       .title = "The method is not allowed here",
                                                       .detail = ev_arena_printf(&exchange->arena, "Allowed: %.*s.",
                                                                                 EV_STR_ARG(matched.allow))},
                                "allow", matched.allow);
        return false;
    case HTTP_MATCH_BAD_PATH:
        refuse(exchange, 400, "bad-path", "The path can't be read",
               EV_STR("A percent-escape is broken, the decoded text is no UTF-8, or there is a dot segment."));
        return false;
    }
    return false;
}

/* Bodies take the memory that requests hold while they wait, so their sum has a bound. */
static bool check_room(struct http_exchange *exchange)
{
    const struct http_server_options *options = &exchange->loop->server->options;
    size_t max = (options->bodies_max ? options->bodies_max : HTTP_BODIES_MAX) / options->threads;
    if (exchange->body.length == 0 || exchange->loop->exchanges.body_bytes <= max)
        return true;
    http_reply_problem(exchange,
                       &(struct http_problem){.status = 503,
                                              .slug = "overloaded",
                                              .title = "Too much is waiting",
                                              .detail = EV_STR("Nothing was carried out. Send it again later."),
                                              .retry_after_s = HTTP_RETRY_AFTER_S});
    return false;
}

/* Problems need an identity, hence after http_identify. */
static bool check_head(struct http_exchange *exchange, const h2o_req_t *req, bool headers_fit)
{
    if (req->input.path.len > HTTP_URI_MAX) {
        refuse(exchange, 414, "uri-too-long", "The request's URI is too long",
               ev_arena_printf(&exchange->arena, "At most %zu bytes are taken.", HTTP_URI_MAX));
        return false;
    }
    if (!headers_fit) {
        refuse(exchange, 431, "headers-too-large", "The request's headers are too many or too large",
               ev_arena_printf(&exchange->arena, "At most %d headers with %zu bytes are taken.", HTTP_HEADER_MAX,
                               HTTP_HEADER_BYTES_MAX));
        return false;
    }
    return true;
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    const struct request_handler *handler = (const struct request_handler *)self;
    struct http_connection *connection = http_connection_of(req);
    struct http_loop *loop = connection->listener->loop;
    struct http_slot *slot = http_pool_take(&loop->exchanges, loop);
    if (!slot) {
        http_refuse_busy(req);
        return 0;
    }
    struct http_exchange *exchange = &slot->exchange;
    slot->req = req;
    connection->slot = slot;
    exchange->received_us = http_monotonic_us();
    exchange->is_private = http_connection_is_private(connection);
    bool headers_fit = req->headers.size <= HTTP_HEADER_MAX && headers_size(req) <= HTTP_HEADER_BYTES_MAX;
    exchange_fill(exchange, req, headers_fit);
    loop->exchanges.body_bytes += exchange->body.length;
    http_identify(exchange, &loop->random.port);
    if (check_room(exchange) && check_head(exchange, req, headers_fit) && find_route(exchange, handler->side) &&
        check_body(exchange))
        exchange->route->handler(exchange, exchange->route->context);
    if (connection->slot == slot && slot->state == HTTP_SLOT_RUNNING)
        http_connection_rest(connection);
    return 0;
}

/* h2o calls its loggers when a request ends, however it ends: the one place to learn that it is gone. */
static void on_request_end(h2o_logger_t *self, h2o_req_t *req)
{
    (void)self;
    struct http_connection *connection = http_connection_of(req);
    struct http_slot *slot = connection ? connection->slot : NULL;
    if (!slot)
        return;
    connection->slot = NULL;
    http_connection_wake(connection);
    if (slot->state == HTTP_SLOT_SENT)
        http_pool_release(&slot->exchange.loop->exchanges, slot);
    else
        slot->req = NULL;
}

static void register_path(struct http_server *server, struct http_side *side, h2o_pathconf_t *pathconf)
{
    struct request_handler *handler = (struct request_handler *)h2o_create_handler(pathconf, sizeof(*handler));
    handler->super.on_req = on_request;
    handler->server = server;
    handler->side = side;
    h2o_create_logger(pathconf, sizeof(h2o_logger_t))->log_access = on_request_end;
}

void http_request_register(struct http_server *server, struct http_side *side)
{
    register_path(server, side, h2o_config_register_path(side->host, "/", 0));
    register_path(server, side, &side->host->fallback_path);
    http_error_filter_register(&side->host->fallback_path);
}
