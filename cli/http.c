#include "cli/http.h"

#include <curl/curl.h>

static size_t collect(char *data, size_t size, size_t count, void *user)
{
    struct ev_buffer *buffer = user;
    if (buffer->length + size * count > HTTP_ANSWER_BYTES_MAX)
        return 0;
    ev_buffer_append(buffer, data, size * count);
    return size * count;
}

static struct curl_slist *make_headers(const struct http_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (request->body.data)
        list = curl_slist_append(list, "Content-Type: application/json");
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        list = curl_slist_append(list, request->headers[i]);
    return list;
}

int http_ask(const struct http_request *request, int *ret_status, struct ev_buffer *ret_body, struct ev_error *error)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return ev_error_set(error, EV_ERR_NO_MEMORY, "out of memory");
    struct curl_slist *headers = make_headers(request);
    long status = 0;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* an id of dots is the server's to refuse, not a step up */
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, ret_body);
    if (request->ret_headers) {
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, collect);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, request->ret_headers);
    }
    if (request->body.data) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
    }
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    *ret_status = (int)status;
    if (code == CURLE_OK)
        return 0;
    return ev_error_set_retriable(error, code == CURLE_OPERATION_TIMEDOUT ? EV_ERR_TIMEOUT : EV_ERR_UNAVAILABLE,
                                  "%s: %s", request->url, curl_easy_strerror(code));
}
