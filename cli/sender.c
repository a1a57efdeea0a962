#include "cli/sender.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define REQUEST_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 2000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 2000
#define ANSWER_BYTES_MAX ((size_t)1024 * 1024)
#define POLL_MS 50

struct slot {
    CURL *easy;
    struct curl_slist *headers;
    struct sender_job *job; /* NULL: free */
    int64_t retry_at_ms;    /* > 0: waits for its next try */
    struct ev_buffer body, answer, url;
};

struct sender {
    const struct sender_options *options;
    CURLM *multi;
    struct slot *slots;
    size_t slot_count;
    struct sender_job **jobs;
    size_t next_job, job_count;
    size_t busy;
    int64_t answered_ms; /* when the last final answer came */
    char waiting[160];   /* why tries fail at the moment; "" when they don't */
    struct sender_totals *totals;
};

static size_t collect_answer(char *data, size_t size, size_t count, void *user)
{
    struct slot *slot = user;
    if (slot->answer.length + size * count > ANSWER_BYTES_MAX)
        return 0;
    ev_buffer_append(&slot->answer, data, size * count);
    return size * count;
}

static int slot_init(struct slot *slot)
{
    slot->easy = curl_easy_init();
    if (!slot->easy)
        return EV_ERR_NO_MEMORY;
    ev_buffer_init(&slot->body);
    ev_buffer_init(&slot->answer);
    ev_buffer_init(&slot->url);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, collect_answer);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT_MS);
    curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(slot->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    return 0;
}

static void slot_finish(struct slot *slot)
{
    curl_easy_cleanup(slot->easy);
    curl_slist_free_all(slot->headers);
    ev_buffer_finish(&slot->body);
    ev_buffer_finish(&slot->answer);
    ev_buffer_finish(&slot->url);
}

static void slot_set_headers(struct slot *slot)
{
    char key[SENDER_KEY_MAX + 32];
    snprintf(key, sizeof(key), "Idempotency-Key: %s", slot->job->idempotency_key);
    curl_slist_free_all(slot->headers);
    slot->headers = curl_slist_append(NULL, "Content-Type: application/json");
    slot->headers = curl_slist_append(slot->headers, "Expect:");
    if (slot->job->idempotency_key[0])
        slot->headers = curl_slist_append(slot->headers, key);
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
}

static void slot_send(struct sender *sender, struct slot *slot)
{
    slot->retry_at_ms = 0;
    ev_buffer_clear(&slot->answer);
    curl_multi_add_handle(sender->multi, slot->easy);
    slot->job->tries++;
}

static void slot_take_job(struct sender *sender, struct slot *slot, struct sender_job *job)
{
    struct ev_json_writer json;
    slot->job = job;
    ev_buffer_clear(&slot->body);
    ev_json_init(&json, &slot->body);
    if (job->write_body)
        job->write_body(job, &json);
    ev_buffer_clear(&slot->url);
    ev_buffer_printf(&slot->url, "%s%.*s", sender->options->base_url, EV_STR_ARG(job->path));
    slot_set_headers(slot);
    curl_easy_setopt(slot->easy, CURLOPT_URL, slot->url.data);
    curl_easy_setopt(slot->easy, CURLOPT_PATH_AS_IS, 1L); /* an id of dots is the server's to refuse, not a step up */
    curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, job->method);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.length);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body.data ? slot->body.data : "");
    slot_send(sender, slot);
}

static void note_refusal(struct sender *sender, const struct slot *slot, int status)
{
    struct sender_totals *totals = sender->totals;
    if (totals->refused++ == 0)
        snprintf(totals->first_refusal, sizeof(totals->first_refusal), "%s %.*s: %d %.*s", slot->job->method,
                 EV_STR_ARG(slot->job->path), status, EV_STR_ARG(ev_buffer_str(&slot->answer)));
}

/* The slot's job has its final answer: on with what follows in its chain. */
static void slot_answered(struct sender *sender, struct slot *slot, int status)
{
    struct sender_job *job = slot->job;
    struct sender_job *instead = NULL;
    sender->waiting[0] = '\0';
    sender->answered_ms = ev_clock_monotonic_ms(&ev_clock_system);
    if (job->answered)
        instead = job->answered(job, status, ev_buffer_str(&slot->answer), sender->options->context);
    if (instead) {
        instead->chain = job->chain;
        slot_take_job(sender, slot, instead);
        return;
    }
    if (status >= 200 && status < 300)
        sender->totals->accepted++;
    else
        note_refusal(sender, slot, status);
    sender->totals->sent++;
    slot->job = NULL;
    if (job->chain)
        slot_take_job(sender, slot, job->chain);
    else
        sender->busy--;
}

static void slot_retry_later(struct sender *sender, struct slot *slot, CURLcode code, long status)
{
    int shift = slot->job->tries < 6 ? slot->job->tries - 1 : 5;
    int64_t wait_ms = (int64_t)BACKOFF_FIRST_MS << shift;
    if (wait_ms > BACKOFF_MAX_MS)
        wait_ms = BACKOFF_MAX_MS;
    wait_ms = wait_ms / 2 + (int64_t)ev_random_below(&ev_random_system, (uint64_t)wait_ms / 2 + 1);
    slot->retry_at_ms = ev_clock_monotonic_ms(&ev_clock_system) + wait_ms;
    sender->totals->retries++;
    if (code != CURLE_OK)
        snprintf(sender->waiting, sizeof(sender->waiting), "%s: %s", sender->options->base_url,
                 curl_easy_strerror(code));
    else
        snprintf(sender->waiting, sizeof(sender->waiting), "the command API answers %ld", status);
}

static bool is_worth_a_retry(CURLcode code, long status)
{
    return code != CURLE_OK || status == 408 || status == 425 || status == 429 || status >= 500;
}

static void handle_finished(struct sender *sender)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(sender->multi, &left))) {
        struct slot *slot = NULL;
        long status = 0;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(sender->multi, slot->easy);
        if (is_worth_a_retry(code, status))
            slot_retry_later(sender, slot, code, status);
        else
            slot_answered(sender, slot, (int)status);
    }
}

static void fill_slots(struct sender *sender)
{
    int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
    for (size_t i = 0; i < sender->slot_count; i++) {
        struct slot *slot = &sender->slots[i];
        if (!slot->job && sender->next_job < sender->job_count) {
            sender->busy++;
            slot_take_job(sender, slot, sender->jobs[sender->next_job++]);
        } else if (slot->job && slot->retry_at_ms > 0 && slot->retry_at_ms <= now_ms) {
            slot_send(sender, slot);
        }
    }
}

static int run_until_sent(struct sender *sender, struct ev_error *error)
{
    sender->answered_ms = ev_clock_monotonic_ms(&ev_clock_system);
    while (sender->busy > 0 || sender->next_job < sender->job_count) {
        int running = 0;
        fill_slots(sender);
        curl_multi_perform(sender->multi, &running);
        handle_finished(sender);
        if (sender->options->progressed)
            sender->options->progressed(sender->options->context, sender->totals->sent,
                                        sender->waiting[0] ? sender->waiting : NULL);
        if (cli_interrupted())
            return ev_error_set(error, EV_ERR_TIMEOUT, "interrupted; run it again to go on");
        if (ev_clock_monotonic_ms(&ev_clock_system) - sender->answered_ms > sender->options->patience_ms)
            return ev_error_set(error, EV_ERR_UNAVAILABLE, "no answer for %lld s (%s); run it again to go on",
                                (long long)(sender->options->patience_ms / 1000), sender->waiting);
        curl_multi_poll(sender->multi, NULL, 0, POLL_MS, NULL);
    }
    return 0;
}

int sender_run(const struct sender_options *options, struct sender_job **jobs, size_t count,
               struct sender_totals *ret_totals, struct ev_error *error)
{
    struct sender sender = {.options = options, .jobs = jobs, .job_count = count, .totals = ret_totals};
    int result = 0;
    memset(ret_totals, 0, sizeof(*ret_totals));
    sender.multi = curl_multi_init();
    sender.slots = calloc(options->in_flight, sizeof(*sender.slots));
    if (!sender.multi || !sender.slots)
        result = ev_error_set(error, EV_ERR_NO_MEMORY, "out of memory");
    curl_multi_setopt(sender.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->in_flight);
    while (result == 0 && sender.slot_count < options->in_flight) {
        result = slot_init(&sender.slots[sender.slot_count]);
        if (result == 0)
            sender.slot_count++;
    }
    if (result == 0)
        result = run_until_sent(&sender, error);
    for (size_t i = 0; i < sender.slot_count; i++) {
        if (sender.slots[i].job && sender.slots[i].retry_at_ms == 0)
            curl_multi_remove_handle(sender.multi, sender.slots[i].easy);
        slot_finish(&sender.slots[i]);
    }
    free(sender.slots);
    curl_multi_cleanup(sender.multi);
    return result;
}

struct ev_str sender_encode_segment(struct ev_arena *arena, struct ev_str segment)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = ev_arena_alloc(arena, segment.length * 3 + 1);
    size_t length = 0;
    for (size_t i = 0; i < segment.length; i++) {
        unsigned char c = (unsigned char)segment.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        if (plain) {
            out[length++] = (char)c;
        } else {
            out[length++] = '%';
            out[length++] = hex[c >> 4];
            out[length++] = hex[c & 15];
        }
    }
    return (struct ev_str){out, length};
}
