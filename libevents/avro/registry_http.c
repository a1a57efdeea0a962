#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "avro/registry_internal.h"
#include "core/memory.h"

#define URL_MAX 2048
#define CONTENT_TYPE "Content-Type: application/vnd.schemaregistry.v1+json"
#define ACCEPT "Accept: application/vnd.schemaregistry.v1+json, application/json"

struct ev_registry_http {
    char *url; /* without a slash at the end */
    CURL *handle;
    struct curl_slist *headers;
    char message[CURL_ERROR_SIZE];
};

int ev_registry_http_create(const char *url, struct ev_registry_http **ret, struct ev_error *error)
{
    struct ev_str base = ev_str_of(url);
    while (base.length > 0 && base.data[base.length - 1] == '/')
        base.length--;
    if (!ev_str_starts_with(base, EV_STR("http://")) && !ev_str_starts_with(base, EV_STR("https://")))
        return ev_error_set(error, EV_ERR_INVALID, "the schema registry's URL must begin with http:// or https://");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ev_error_set(error, EV_ERR_INTERNAL, "libcurl can't be started");
    struct ev_registry_http *http = ev_memory_new(struct ev_registry_http);
    http->url = ev_memory_copy(base.data, base.length);
    http->handle = curl_easy_init();
    http->headers = curl_slist_append(NULL, CONTENT_TYPE);
    struct curl_slist *more = http->headers ? curl_slist_append(http->headers, ACCEPT) : NULL;
    if (!http->handle || !more) {
        ev_registry_http_destroy(http);
        return ev_error_set(error, EV_ERR_NO_MEMORY, "libcurl is out of memory");
    }
    *ret = http;
    return 0;
}

void ev_registry_http_destroy(struct ev_registry_http *http)
{
    if (!http)
        return;
    curl_slist_free_all(http->headers);
    curl_easy_cleanup(http->handle);
    curl_global_cleanup();
    free(http->url);
    free(http);
}

/* Taking less than was offered makes libcurl stop with CURLE_WRITE_ERROR. */
static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct ev_buffer *answer = context;
    size_t length = size * count;
    if (length > EV_REGISTRY_ANSWER_MAX || answer->length > EV_REGISTRY_ANSWER_MAX - length)
        return 0;
    ev_buffer_append(answer, data, length);
    return length;
}

static CURLcode set_options(struct ev_registry_http *http, const char *method, const char *url, struct ev_str body,
                            struct ev_buffer *answer)
{
    CURL *handle = http->handle;
    curl_easy_reset(handle); /* keeps the connection */
    CURLcode rc = CURLE_OK;
#define SET(option, value) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(handle, (option), (value)))
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CUSTOMREQUEST, method);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)EV_REGISTRY_TIMEOUT_MS);
    SET(CURLOPT_HTTPHEADER, http->headers);
    SET(CURLOPT_ERRORBUFFER, http->message);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, answer);
    if (body.data) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
        SET(CURLOPT_POSTFIELDS, body.data);
    }
#undef SET
    return rc;
}

int ev_registry_http_request(struct ev_registry_http *http, const char *method, const char *path, struct ev_str body,
                             struct ev_buffer *answer, struct ev_error *error)
{
    char url[URL_MAX];
    int length = snprintf(url, sizeof(url), "%s%s", http->url, path);
    if (length < 0 || (size_t)length >= sizeof(url))
        return ev_error_set(error, EV_ERR_LIMIT, "the schema registry's URL is too long");
    http->message[0] = '\0';
    CURLcode rc = set_options(http, method, url, body, answer);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(http->handle);
    const char *reason = http->message[0] ? http->message : curl_easy_strerror(rc);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return ev_error_set_retriable(error, EV_ERR_TIMEOUT, "schema registry: %s", reason);
    if (rc == CURLE_WRITE_ERROR)
        return ev_error_set(error, EV_ERR_LIMIT, "schema registry: an answer of more than %zu bytes",
                            EV_REGISTRY_ANSWER_MAX);
    if (rc != CURLE_OK)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "schema registry: %s", reason);
    long status = 0;
    curl_easy_getinfo(http->handle, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}
