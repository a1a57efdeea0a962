#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "forwarder_internal.h"

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct ev_buffer *headers = &transfer->forward->answer_headers;
    size_t length = size * count;
    if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* a new answer, perhaps after a 100 */
        ev_buffer_clear(headers);
        return length;
    }
    if (headers->length + length > FORWARD_ANSWER_HEADERS_MAX) {
        transfer->too_large = true;
        return 0;
    }
    char *at = ev_buffer_reserve(headers, length);
    bool in_name = true;
    for (size_t i = 0; i < length; i++) {
        in_name = in_name && data[i] != ':';
        at[i] = in_name && data[i] >= 'A' && data[i] <= 'Z' ? (char)(data[i] - 'A' + 'a') : data[i];
    }
    headers->length += length;
    return length;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct ev_buffer *body = &transfer->forward->answer_body;
    size_t length = size * count;
    if (body->length + length > FORWARD_ANSWER_MAX) {
        transfer->too_large = true;
        return 0;
    }
    ev_buffer_append(body, data, length);
    return length;
}

struct ev_str forward_header(const struct forward *forward, const char *name)
{
    struct ev_str rest = ev_buffer_str(&forward->answer_headers), line, wanted = ev_str_of(name);
    while (ev_str_split(&rest, '\n', &line))
        if (line.length > wanted.length && line.data[wanted.length] == ':' && ev_str_starts_with(line, wanted))
            return ev_str_trim((struct ev_str){line.data + wanted.length + 1, line.length - wanted.length - 1});
    return EV_STR_NULL;
}

void forward_finish(struct forward *forward)
{
    ev_buffer_finish(&forward->answer_headers);
    ev_buffer_finish(&forward->answer_body);
}

#define SET(option, value) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(transfer->handle, (option), (value)))

/* What is the same in all requests. */
static bool set_up(struct transfer *transfer)
{
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)FORWARD_CONNECT_MS);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_PRIVATE, transfer);
    return rc == CURLE_OK;
}

struct transfer *transfer_create(void)
{
    CURL *handle = curl_easy_init();
    if (!handle)
        return NULL;
    struct transfer *transfer = ev_memory_new(struct transfer);
    transfer->handle = handle;
    if (set_up(transfer))
        return transfer;
    transfer_destroy(transfer);
    return NULL;
}

void transfer_destroy(struct transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->handle);
    free(transfer);
}

static bool add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static bool set_headers(struct transfer *transfer, const struct forward *forward, int64_t now_ms)
{
    char deadline[64];
    snprintf(deadline, sizeof(deadline), FORWARD_DEADLINE ": %lld", (long long)(forward->deadline_ms - now_ms));
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    bool good = add_header(transfer, "Expect:") && add_header(transfer, deadline) &&
                add_header(transfer, forward->body.length ? "Content-Type: application/json" : "Content-Type:");
    for (size_t i = 0; i < forward->header_count; i++)
        good = good && add_header(transfer, forward->headers[i]);
    return good;
}

/* A handle counts how often it has sent a request again because a kept connection turned out to be dead, and after five
 * times doesn't any more; only a reset begins anew. So it gets one whenever it had to connect. */
static bool renew(struct transfer *transfer)
{
    long connects = 0;
    curl_easy_getinfo(transfer->handle, CURLINFO_NUM_CONNECTS, &connects);
    if (connects == 0)
        return true;
    curl_easy_reset(transfer->handle);
    return set_up(transfer);
}

bool transfer_prepare(struct transfer *transfer, struct forward *forward, const struct ev_owner_hint *hint,
                      int64_t now_ms)
{
    transfer->forward = forward;
    transfer->version = hint->version;
    transfer->too_large = false;
    memcpy(transfer->url, hint->url, sizeof(transfer->url));
    ev_buffer_clear(&forward->answer_headers);
    ev_buffer_clear(&forward->answer_body);
    if (!set_headers(transfer, forward, now_ms) || !renew(transfer))
        return false;
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_URL, transfer->url);
    SET(CURLOPT_TIMEOUT_MS, (long)(forward->deadline_ms - now_ms + FORWARD_GRACE_MS));
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)forward->body.length);
    SET(CURLOPT_POSTFIELDS, forward->body.length ? forward->body.data : "");
    SET(CURLOPT_CUSTOMREQUEST, forward->method);
    SET(CURLOPT_REQUEST_TARGET, forward->path);
    return rc == CURLE_OK;
}

#undef SET

/* Refused before anybody has looked at it, e.g. because too much waits there: the client is to come back later. */
static bool is_refusal(const struct forward *forward, long status)
{
    return status == 503 && forward_header(forward, "retry-after").data &&
           ev_str_equal(forward_header(forward, "content-type"), EV_STR("application/problem+json"));
}

enum transfer_result transfer_judge(const struct transfer *transfer, CURLcode code)
{
    struct forward *forward = transfer->forward;
    long status = 0, sent = 0;
    curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->handle, CURLINFO_REQUEST_SIZE, &sent);
    if (code != CURLE_OK)
        return sent > 0 ? TRANSFER_DOUBT : TRANSFER_UNSENT;
    struct ev_str mark = forward_header(forward, FORWARD_MARK);
    if (!mark.data && is_refusal(forward, status))
        mark = EV_STR(FORWARD_MARK_FINAL);
    if (ev_str_equal(mark, EV_STR(FORWARD_MARK_NOT_HERE)))
        return TRANSFER_NOT_HERE;
    if (!ev_str_equal(mark, EV_STR(FORWARD_MARK_FINAL)))
        return TRANSFER_DOUBT;
    forward->status = (int)status;
    return TRANSFER_FINAL;
}
