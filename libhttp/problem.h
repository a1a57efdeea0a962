/* RFC 9457 problem documents: {"type":"urn:orderlog:problem:SLUG"…}: stable type, title, status, detail, instance,
 * trace_id, and `errors` with JSON Pointers where fields are to blame. */
#pragma once

#include "libhttp/server.h"

#define HTTP_PROBLEM_TYPE_PREFIX "urn:orderlog:problem:"

struct http_problem_error {
    struct ev_str pointer, code, detail;
};
struct http_problem {
    int status;
    const char *slug; /* "validation-failed" */
    const char *title;
    struct ev_str detail;
    const struct http_problem_error *errors;
    size_t error_count;
    size_t error_total; /* may be more than are listed */
    int retry_after_s;  /* > 0: Retry-After */
    /* further members, NULL-terminated names with JSON values; may be NULL */
    const char *const *extra_names;
    const struct ev_str *extra_json;
};
void http_reply_problem(struct http_exchange *exchange, const struct http_problem *problem);
/* The same with one header of its own (lower-case name; value static or in the exchange's arena). */
void http_reply_problem_with(struct http_exchange *exchange, const struct http_problem *problem, const char *name,
                             struct ev_str value);
