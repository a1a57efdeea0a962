/* One blocking HTTP request with a deadline, for subcommands that ask once. */
#pragma once

#include "core/core.h"

#define HTTP_ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct http_request {
    const char *method;
    const char *url;
    struct ev_str body;         /* null string: none */
    const char *const *headers; /* NULL-terminated "Name: value", may be NULL */
    int64_t timeout_ms;
    struct ev_buffer *ret_headers; /* raw header lines, may be NULL */
};

/* 0 and the status; UNAVAILABLE, TIMEOUT. The answer is appended to `ret_body`. */
int http_ask(const struct http_request *request, int *ret_status, struct ev_buffer *ret_body, struct ev_error *error);
