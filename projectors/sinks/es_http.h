/* Requests to Elasticsearch over one kept-alive connection. One thread at a time. */
#pragma once

#include "core/buffer.h"
#include "core/error.h"
#include "core/json.h"

#define ES_CONNECT_TIMEOUT_MS 2000
#define ES_REQUEST_TIMEOUT_MS 30000
#define ES_RESPONSE_BYTES_MAX ((size_t)128 * 1024 * 1024)

struct es_http;

/* `url` is the server's, with a path in front if it has one: "http://127.0.0.1:9200". */
int es_http_create(const char *url, struct es_http **ret, struct ev_error *error);
void es_http_destroy(struct es_http *http);

struct es_answer {
    int status;
    yyjson_val *root; /* in the arena; NULL where the answer has no body (HEAD) */
};
/* `path` begins with '/', and is encoded already. `body` may be the null string. 0 for any answer with JSON, whatever
 * its status; else UNAVAILABLE, retriable. */
int es_http_request(struct es_http *http, const char *method, const char *path, struct ev_str body,
                    struct ev_arena *arena, struct es_answer *ret, struct ev_error *error);
/* For an answer that is no success: says what Elasticsearch said. Retriable, unless it is of no use to ask again (400).
 */
int es_http_refused(const struct es_answer *answer, const char *what, struct ev_error *error);
