#include <stdio.h>
#include <string.h>

#include "libhttp/identity.h"
#include "libhttp/internal.h"

/* h2o answers by itself what it can't hand to a handler: broken or too large bodies. Such an answer is plain text; this
 * filter puts a problem document in its place. (What is no HTTP at all gets h2o's fixed "400 Bad Request", which no
 * filter sees; the gateway refuses such requests before.) */

struct error_stream {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static const char *error_slug(int status)
{
    return status == 413 ? "body-too-large" : status == 503 ? "busy" : status < 500 ? "bad-request" : "internal-error";
}

/* There is no exchange, so the answer gets an identity made for it alone. */
static void identify_anew(h2o_req_t *req, struct http_exchange *ret)
{
    const struct http_connection *connection = http_connection_of(req);
    http_identify(ret, &connection->listener->loop->random.port);
}

static h2o_iovec_t pool_copy(h2o_req_t *req, const char *text)
{
    return h2o_strdup(&req->pool, text, strlen(text));
}

/* Makes the response a problem with the status that it has; returns its body. */
static h2o_iovec_t make_problem(h2o_req_t *req)
{
    static const char format[] = "{\"type\":\"" HTTP_PROBLEM_TYPE_PREFIX
                                 "%s\",\"title\":\"%s\",\"status\":%d,\"request_id\":\"%s\",\"trace_id\":\"%s\"}";
    struct http_exchange *identity = h2o_mem_alloc_pool(&req->pool, sizeof(*identity));
    memset(identity, 0, sizeof(*identity));
    identify_anew(req, identity);
    const char *slug = error_slug(req->res.status), *title = http_status_reason(req->res.status);
    size_t size =
        sizeof(format) + strlen(slug) + strlen(title) + sizeof(identity->request_id) + sizeof(identity->trace_id) + 16;
    char *text = h2o_mem_alloc_pool(&req->pool, size);
    int length = snprintf(text, size, format, slug, title, req->res.status, identity->request_id, identity->trace_id);
    h2o_headers_t *headers = &req->res.headers;
    h2o_iovec_t request_id = pool_copy(req, identity->request_id), traceparent = pool_copy(req, identity->traceparent);
    h2o_add_header(&req->pool, headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/problem+json"));
    h2o_add_header_by_str(&req->pool, headers, H2O_STRLIT("x-request-id"), 0, NULL, request_id.base, request_id.len);
    h2o_add_header_by_str(&req->pool, headers, H2O_STRLIT("traceparent"), 0, NULL, traceparent.base, traceparent.len);
    req->res.content_length = (size_t)length;
    return h2o_iovec_init(text, (size_t)length);
}

static void error_send(h2o_ostream_t *super, h2o_req_t *req, h2o_iovec_t *buffers, size_t count, h2o_send_state_t state)
{
    struct error_stream *self = (struct error_stream *)super;
    (void)buffers;
    (void)count;
    h2o_ostream_send_next(&self->super, req, &self->body, 1, state);
}

static void on_setup_ostream(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)self;
    ssize_t type = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);
    if (req->res.status >= 400 && type >= 0 &&
        h2o_memis(req->res.headers.entries[type].value.base, strlen("text/plain"), H2O_STRLIT("text/plain"))) {
        struct error_stream *stream = (struct error_stream *)h2o_add_ostream(req, sizeof(*stream), slot);
        stream->super.do_send = error_send;
        memset(&req->res.headers, 0, sizeof(req->res.headers));
        stream->body = make_problem(req);
        slot = &stream->super.next;
    }
    h2o_setup_next_ostream(req, slot);
}

void http_error_filter_register(h2o_pathconf_t *pathconf)
{
    h2o_create_filter(pathconf, sizeof(h2o_filter_t))->on_setup_ostream = on_setup_ostream;
}

void http_refuse_busy(h2o_req_t *req)
{
    static h2o_generator_t generator = {NULL, NULL};
    req->res.status = 503;
    req->res.reason = http_status_reason(503);
    h2o_iovec_t body = make_problem(req);
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("retry-after"), 0, NULL, H2O_STRLIT("1"));
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
}
