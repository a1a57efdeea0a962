#include <stdio.h>
#include <string.h>

#include "libhttp/internal.h"

/* h2o answers by itself what it can't hand to a handler: broken or too large bodies. Such an answer is plain text; this
 * filter puts a problem document in its place. (What is no HTTP at all gets h2o's fixed "400 Bad Request", which no filter
 * sees; the gateway refuses such requests before.) */

struct error_stream {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static const char *error_slug(int status)
{
    return status == 413 ? "body-too-large" : status == 503 ? "busy" : status < 500 ? "bad-request" : "internal-error";
}

static h2o_iovec_t error_body(h2o_req_t *req)
{
    static const char format[] = "{\"type\":\"" HTTP_PROBLEM_TYPE_PREFIX "%s\",\"title\":\"%s\",\"status\":%d}";
    const char *slug = error_slug(req->res.status), *title = http_status_reason(req->res.status);
    size_t size = sizeof(format) + strlen(slug) + strlen(title) + 16;
    char *text = h2o_mem_alloc_pool(&req->pool, size);
    int length = snprintf(text, size, format, slug, title, req->res.status);
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
        stream->body = error_body(req);
        req->res.content_length = stream->body.len;
        req->res.headers.entries[type].value = h2o_iovec_init(H2O_STRLIT("application/problem+json"));
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
    h2o_iovec_t body = error_body(req);
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/problem+json"));
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("retry-after"), 0, NULL, H2O_STRLIT("1"));
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
}
