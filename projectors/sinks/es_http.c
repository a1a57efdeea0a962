#include "sinks/es_http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

struct es_http {
    CURL *curl;
    struct curl_slist *headers;
    char *url; /* without a '/' at its end */
    struct ev_buffer address, answer;
    struct ev_str unsent; /* of the request's body */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t answer_take(char *data, size_t size, size_t count, void *context)
{
    struct ev_buffer *answer = context;
    if (answer->length + size * count > ES_RESPONSE_BYTES_MAX)
        return 0;
    ev_buffer_append(answer, data, size * count);
    return size * count;
}

/* libcurl sends a request again by itself where a connection that it has used before breaks without an answer: a bulk
 * could so be taken twice, and the second answer would be the one that is believed (sink.h says what must not be). It
 * can't where the body comes from a function and there is none to go back to its beginning. */
static size_t body_give(char *to, size_t size, size_t count, void *context)
{
    struct ev_str *unsent = context;
    size_t length = size * count < unsent->length ? size * count : unsent->length;
    memcpy(to, unsent->data, length);
    unsent->data += length;
    unsent->length -= length;
    return length;
}

int es_http_create(const char *url, struct es_http **ret, struct ev_error *error)
{
    pthread_once(&curl_once, curl_begin);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return ev_error_set(error, EV_ERR_INVALID, "elasticsearch-url is no http:// or https:// address: %s", url);
    struct es_http *http = ev_memory_new(struct es_http);
    http->url = ev_memory_copy(url, strlen(url));
    for (size_t length = strlen(url); length > 0 && http->url[length - 1] == '/'; length--)
        http->url[length - 1] = '\0';
    ev_buffer_init(&http->address);
    ev_buffer_init(&http->answer);
    http->headers = curl_slist_append(http->headers, "Content-Type: application/x-ndjson");
    http->headers = curl_slist_append(http->headers, "Expect:"); /* no round trip before a body */
    http->curl = curl_easy_init();
    if (!http->curl || !http->headers) {
        es_http_destroy(http);
        return ev_error_set(error, EV_ERR_NO_MEMORY, "libcurl gives no handle");
    }
    curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)ES_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)ES_REQUEST_TIMEOUT_MS);
    curl_easy_setopt(http->curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(http->curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &http->answer);
    curl_easy_setopt(http->curl, CURLOPT_READFUNCTION, body_give);
    curl_easy_setopt(http->curl, CURLOPT_READDATA, &http->unsent);
    curl_easy_setopt(http->curl, CURLOPT_USERAGENT, "orderlog");
    *ret = http;
    return 0;
}

void es_http_destroy(struct es_http *http)
{
    if (!http)
        return;
    if (http->curl)
        curl_easy_cleanup(http->curl);
    curl_slist_free_all(http->headers);
    ev_buffer_finish(&http->address);
    ev_buffer_finish(&http->answer);
    free(http->url);
    free(http);
}

int es_http_request(struct es_http *http, const char *method, const char *path, struct ev_str body,
                    struct ev_arena *arena, struct es_answer *ret, struct ev_error *error)
{
    ev_buffer_clear(&http->answer);
    ev_buffer_clear(&http->address);
    ev_buffer_printf(&http->address, "%s%s", http->url, path);
    curl_easy_setopt(http->curl, CURLOPT_URL, http->address.data);
    curl_easy_setopt(http->curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    if (body.data) {
        curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
        http->unsent = body;
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
    } else if (strcmp(method, "HEAD") != 0) {
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, method);

    CURLcode code = curl_easy_perform(http->curl);
    if (code != CURLE_OK)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "Elasticsearch can't be reached: %s",
                                      curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    *ret = (struct es_answer){.status = (int)status};
    if (http->answer.length == 0)
        return 0;
    struct ev_error fault;
    if (ev_json_parse(ev_buffer_str(&http->answer), arena, &ret->root, &fault) < 0)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE,
                                      "Elasticsearch answered %ld with something else than JSON", status);
    return 0;
}

int es_http_refused(const struct es_answer *answer, const char *what, struct ev_error *error)
{
    yyjson_val *cause = answer->root ? yyjson_obj_get(answer->root, "error") : NULL;
    struct ev_str type = ev_json_str(yyjson_obj_get(cause, "type"));
    struct ev_str reason = ev_json_str(yyjson_obj_get(cause, "reason"));
    if (answer->status == 400)
        return ev_error_set(error, EV_ERR_INVALID, "Elasticsearch refuses to %s: %.*s: %.*s", what, EV_STR_ARG(type),
                            EV_STR_ARG(reason));
    return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "Elasticsearch can't %s: status %d %.*s: %.*s", what,
                                  answer->status, EV_STR_ARG(type), EV_STR_ARG(reason));
}
