#include "forwarder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "forwarder_internal.h"
#include "ownership.h"

#define IDLE_MS 1000

#define FORWARDER_METRICS(X)                                                                                           \
    X(answered, counter, "orderlog_forwards_answered_total", "Commands that another instance has answered.")           \
    X(came_here, counter, "orderlog_forwards_here_total", "Commands that waited until their partition came here.")     \
    X(expired, counter, "orderlog_forwards_expired_total", "Commands whose deadline passed on the way.")               \
    X(repeated, counter, "orderlog_forwards_repeated_total", "Requests to owners that led to no answer.")              \
    X(waiting_now, gauge, "orderlog_forwards_waiting", "Commands that wait for an owner or a connection.")             \
    X(in_flight_now, gauge, "orderlog_forwards_in_flight", "Commands on the way to their owners.")

struct forwarder {
    const struct command_app *app;
    size_t forwards_max;
    atomic_size_t count;
    atomic_bool stopping, looks_again;
    struct forward_events events;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    struct forward *submitted, **submitted_last; /* under the lock */

    /* The thread's own. */
    struct forward *waiting;    /* in the order of their coming */
    struct transfer *in_flight; /* at most FORWARDS_IN_FLIGHT_MAX */
    struct transfer *idle;
    size_t in_flight_count;
    int64_t next_look_ms;
    int64_t left_ms; /* when this instance was seen to have left the group; 0: it hasn't */
#define X(name, type, metric, help) struct ev_metric *name;
    FORWARDER_METRICS(X)
#undef X
};

static int64_t now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static void end(struct forwarder *forwarder, struct forward *forward, enum forward_end how, struct ev_metric *counter)
{
    ev_metric_add(counter, 1);
    atomic_fetch_sub(&forwarder->count, 1);
    forward->end = how;
    forward->done(forward);
}

static bool is_here(const struct forwarder *forwarder, const struct forward *forward)
{
    return ownership_look(forwarder->app, forward->topic, forward->partition).place == OWNERSHIP_HERE;
}

/* Whom to ask; false: nobody yet. */
static bool find_owner(const struct forwarder *forwarder, const struct forward *forward, struct ev_owner_hint *ret)
{
    const struct command_app *app = forwarder->app;
    return ev_owner_hints_find(app->hints, (size_t)(forward->topic - app->topics), forward->partition, ret) &&
           strcmp(ret->instance, app->owner_id) != 0;
}

static void transfer_put_away(struct forwarder *forwarder, struct transfer *transfer)
{
    struct transfer **link = &forwarder->in_flight;
    while (*link != transfer)
        link = &(*link)->next;
    *link = transfer->next;
    curl_multi_remove_handle(forwarder->events.multi, transfer->handle);
    transfer->forward = NULL;
    transfer->next = forwarder->idle;
    forwarder->idle = transfer;
    forwarder->in_flight_count--;
}

/* False: not now. */
static bool start_transfer(struct forwarder *forwarder, struct forward *forward, const struct ev_owner_hint *hint,
                           int64_t now)
{
    struct transfer *transfer = forwarder->idle;
    if (forwarder->in_flight_count == FORWARDS_IN_FLIGHT_MAX)
        return false;
    if (transfer)
        forwarder->idle = transfer->next;
    else if (!(transfer = transfer_create()))
        return false;
    if (!transfer_prepare(transfer, forward, hint, now) ||
        curl_multi_add_handle(forwarder->events.multi, transfer->handle) != CURLM_OK) {
        transfer_destroy(transfer);
        return false;
    }
    transfer->next = forwarder->in_flight;
    forwarder->in_flight = transfer;
    forwarder->in_flight_count++;
    forward->tried_version = hint->version;
    return true;
}

/* True: the forward is no longer one that waits. */
static bool advance(struct forwarder *forwarder, struct forward *forward, int64_t now)
{
    struct ev_owner_hint hint;
    if (now >= forward->deadline_ms) {
        end(forwarder, forward, FORWARD_EXPIRED, forwarder->expired);
        return true;
    }
    if (is_here(forwarder, forward)) {
        end(forwarder, forward, FORWARD_HERE, forwarder->came_here);
        return true;
    }
    bool has_owner = find_owner(forwarder, forward, &hint);
    if (!has_owner && forwarder->left_ms && now - forwarder->left_ms > FORWARD_LEFT_MS) {
        end(forwarder, forward, FORWARD_EXPIRED, forwarder->expired);
        return true;
    }
    if (forward->stays || !has_owner)
        return false;
    if (hint.version == forward->tried_version && now < forward->retry_ms)
        return false;
    return start_transfer(forwarder, forward, &hint, now);
}

/* `whole`: also those that can't be sent because all connections are taken; they may have come here, or expired. */
static void advance_waiting(struct forwarder *forwarder, int64_t now, bool whole)
{
    for (struct forward **link = &forwarder->waiting, *forward; (forward = *link);) {
        struct forward *next = forward->next; /* who has ended may be gone, who was sent is in no list */
        if (!whole && forwarder->in_flight_count == FORWARDS_IN_FLIGHT_MAX)
            return;
        if (advance(forwarder, forward, now))
            *link = next;
        else
            link = &forward->next;
    }
}

static void wait_again(struct forwarder *forwarder, struct forward *forward, int64_t retry_ms)
{
    ev_metric_add(forwarder->repeated, 1);
    forward->retry_ms = retry_ms;
    forward->next = forwarder->waiting;
    forwarder->waiting = forward;
}

static void on_transfer_done(struct forwarder *forwarder, struct transfer *transfer, CURLcode code, int64_t now)
{
    struct forward *forward = transfer->forward;
    enum transfer_result result = transfer_judge(transfer, code);
    forward->was_sent = forward->was_sent || result == TRANSFER_DOUBT;
    transfer_put_away(forwarder, transfer);
    if (result == TRANSFER_FINAL)
        end(forwarder, forward, FORWARD_ANSWERED, forwarder->answered);
    else
        wait_again(forwarder, forward, now + FORWARD_PAUSE_MS);
}

static void read_answers(struct forwarder *forwarder, int64_t now)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(forwarder->events.multi, &left))) {
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        on_transfer_done(forwarder, transfer, code, now);
    }
}

/* The owner that a request went to isn't the owner any more: it may be dead or paused, so its answer isn't awaited. */
static void recall_moved(struct forwarder *forwarder, int64_t now)
{
    for (struct transfer *transfer = forwarder->in_flight, *next; transfer; transfer = next) {
        struct forward *forward = transfer->forward;
        struct ev_owner_hint hint;
        next = transfer->next;
        bool moved =
            is_here(forwarder, forward) || (find_owner(forwarder, forward, &hint) &&
                                            hint.version != transfer->version && strcmp(hint.url, transfer->url) != 0);
        if (!moved)
            continue;
        forward->was_sent = true;
        transfer_put_away(forwarder, transfer);
        wait_again(forwarder, forward, now);
    }
}

static void take_submitted(struct forwarder *forwarder)
{
    pthread_mutex_lock(&forwarder->lock);
    struct forward *submitted = forwarder->submitted;
    forwarder->submitted = NULL;
    forwarder->submitted_last = &forwarder->submitted;
    pthread_mutex_unlock(&forwarder->lock);
    struct forward **link = &forwarder->waiting;
    while (*link)
        link = &(*link)->next;
    *link = submitted;
}

static void report(const struct forwarder *forwarder)
{
    ev_metric_set(forwarder->in_flight_now, (int64_t)forwarder->in_flight_count);
    ev_metric_set(forwarder->waiting_now, (int64_t)(atomic_load(&forwarder->count) - forwarder->in_flight_count));
}

static void turn(struct forwarder *forwarder)
{
    forward_events_run(&forwarder->events, forwarder->waiting || forwarder->in_flight ? FORWARD_LOOK_MS : IDLE_MS);
    int64_t now = now_ms();
    read_answers(forwarder, now);
    take_submitted(forwarder);
    bool whole = atomic_exchange(&forwarder->looks_again, false) || now >= forwarder->next_look_ms;
    if (whole) {
        if (!forwarder->left_ms && ownership_has_left(forwarder->app))
            forwarder->left_ms = now;
        recall_moved(forwarder, now);
        report(forwarder);
        forwarder->next_look_ms = now + FORWARD_LOOK_MS;
    }
    advance_waiting(forwarder, now, whole);
}

static void *forwarder_main(void *context)
{
    struct forwarder *forwarder = context;
    while (!atomic_load(&forwarder->stopping))
        turn(forwarder);
    return NULL;
}

int forwarder_create(const struct forwarder_options *options, struct forwarder **ret, struct ev_error *error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ev_error_set(error, EV_ERR_INTERNAL, "libcurl can't be started");
    struct forwarder *forwarder = ev_memory_new(struct forwarder);
    forwarder->app = options->app;
    forwarder->forwards_max = options->forwards_max;
    forwarder->submitted_last = &forwarder->submitted;
    pthread_mutex_init(&forwarder->lock, NULL);
#define X(name, type, metric, help) forwarder->name = ev_metrics_##type(options->metrics, metric, "", help);
    FORWARDER_METRICS(X)
#undef X
    int r = forward_events_init(&forwarder->events, error);
    if (r < 0) {
        forwarder_destroy(forwarder);
        return r;
    }
    if (pthread_create(&forwarder->thread, NULL, forwarder_main, forwarder) != 0) {
        forwarder_destroy(forwarder);
        return ev_error_set(error, EV_ERR_IO, "the thread that forwards commands could not be started");
    }
    forwarder->started = true;
    *ret = forwarder;
    return 0;
}

void forwarder_stop(struct forwarder *forwarder)
{
    if (!forwarder || !forwarder->started)
        return;
    atomic_store(&forwarder->stopping, true);
    forwarder_wake(forwarder);
    pthread_join(forwarder->thread, NULL);
    forwarder->started = false;
}

void forwarder_destroy(struct forwarder *forwarder)
{
    if (!forwarder)
        return;
    forwarder_stop(forwarder);
    for (struct transfer *transfer = forwarder->in_flight, *next; transfer; transfer = next) {
        next = transfer->next;
        curl_multi_remove_handle(forwarder->events.multi, transfer->handle);
        transfer_destroy(transfer);
    }
    for (struct transfer *transfer = forwarder->idle, *next; transfer; transfer = next) {
        next = transfer->next;
        transfer_destroy(transfer);
    }
    forward_events_finish(&forwarder->events);
    pthread_mutex_destroy(&forwarder->lock);
    free(forwarder);
    curl_global_cleanup();
}

bool forwarder_submit(struct forwarder *forwarder, struct forward *forward)
{
    if (atomic_fetch_add(&forwarder->count, 1) >= forwarder->forwards_max) {
        atomic_fetch_sub(&forwarder->count, 1);
        return false;
    }
    forward->next = NULL;
    pthread_mutex_lock(&forwarder->lock);
    bool was_empty = !forwarder->submitted;
    *forwarder->submitted_last = forward;
    forwarder->submitted_last = &forward->next;
    pthread_mutex_unlock(&forwarder->lock);
    if (was_empty)
        forward_events_wake(&forwarder->events);
    return true;
}

void forwarder_wake(struct forwarder *forwarder)
{
    atomic_store(&forwarder->looks_again, true);
    forward_events_wake(&forwarder->events);
}
