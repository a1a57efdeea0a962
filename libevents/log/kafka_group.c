/* librdkafka's consumer group without consuming: to every rebalance the answer is that nothing shall be fetched. Which
 * partitions are the member's is kept by the group's own state, so that the sticky assignor knows them all the same. */
#include "log/kafka_group.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "log/kafka_conf.h"

#define POLL_MS 500 /* librdkafka takes a member that doesn't poll for dead after max.poll.interval.ms */
#define CLOSE_POLL_MS 5
#define CLOSE_ANSWER_MS 100
#define MAX_POLL_INTERVAL_MS 60000

struct list {
    struct ev_kafka_group_partition *items;
    size_t count;
};

struct ev_kafka_group {
    struct ev_kafka_group_events events;
    char *topics[EV_KAFKA_GROUP_TOPICS_MAX];
    size_t topic_count;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int wake_fd;
    pthread_t thread;
    atomic_bool released, anew, leave, ending;

    /* The thread's own: */
    struct list owned; /* assigned, and the user wasn't told to give them up */
    struct list held;  /* of them, what is to be revoked when the pause is over */
    bool revoking;     /* librdkafka waits for us to agree to a revocation */
    bool releasing;    /* the user was told and hasn't called ev_kafka_group_released */
    bool rejoining;    /* from leaving to the next assignment */
    bool leaving, closing, left;
    int64_t hold_until_ms, release_deadline_ms, leave_deadline_ms, rejoin_ms;

    pthread_mutex_t lock; /* of the status */
    struct ev_kafka_group_status status;
};

static int64_t now(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static const uint64_t one = 1;

static void wake(struct ev_kafka_group *group)
{
    ssize_t written = write(group->wake_fd, &one, sizeof(one));
    (void)written; /* can fail only when the counter is at its end: then the descriptor is readable anyway */
}

static void note_error(struct ev_kafka_group *group, rd_kafka_resp_err_t err, const char *detail)
{
    pthread_mutex_lock(&group->lock);
    (void)ev_kafka_error(&group->status.last_error, err, "consumer group", detail);
    pthread_mutex_unlock(&group->lock);
}

static void note_membership(struct ev_kafka_group *group, bool member)
{
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(group->rk);
    pthread_mutex_lock(&group->lock);
    group->status.member = member;
    group->status.generation = metadata ? rd_kafka_consumer_group_metadata_generation_id(metadata) : -1;
    group->status.rebalances += member;
    if (member)
        group->status.last_error.code = EV_ERR_NONE;
    pthread_mutex_unlock(&group->lock);
    if (metadata)
        rd_kafka_consumer_group_metadata_destroy(metadata);
}

/* --- what the coordinator says --- */

static void list_clear(struct list *list)
{
    free(list->items);
    *list = (struct list){0};
}

/* The event's partitions by our topics' numbers; freed by the caller. */
static struct list partitions_of(const struct ev_kafka_group *group, const rd_kafka_topic_partition_list_t *told)
{
    size_t all = told ? (size_t)told->cnt : 0;
    struct list list = {.items = ev_memory_alloc_array(all + 1, sizeof(*list.items))};
    for (size_t i = 0; i < all; i++) {
        for (size_t topic = 0; topic < group->topic_count; topic++) {
            if (strcmp(group->topics[topic], told->elems[i].topic) == 0)
                list.items[list.count++] = (struct ev_kafka_group_partition){topic, told->elems[i].partition};
        }
    }
    return list;
}

static void list_add(struct list *list, const struct list *more)
{
    struct list sum = {.items = ev_memory_alloc_array(list->count + more->count + 1, sizeof(*sum.items))};
    for (size_t i = 0; i < list->count; i++)
        sum.items[sum.count++] = list->items[i];
    for (size_t i = 0; i < more->count; i++)
        sum.items[sum.count++] = more->items[i];
    list_clear(list);
    *list = sum;
}

static bool list_has(const struct list *list, const struct ev_kafka_group_partition *which)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].topic == which->topic && list->items[i].partition == which->partition)
            return true;
    }
    return false;
}

/* Keeps what `other` has, or what it hasn't. */
static void list_keep(struct list *list, const struct list *other, bool has)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list_has(other, &list->items[i]) == has)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

static void check(struct ev_kafka_group *group, rd_kafka_error_t *fault)
{
    if (!fault)
        return;
    note_error(group, rd_kafka_error_code(fault), rd_kafka_error_string(fault));
    rd_kafka_error_destroy(fault);
}

static bool await_closed(const struct ev_kafka_group *group, int64_t wait_ms)
{
    int64_t until_ms = now() + wait_ms;
    while (!rd_kafka_consumer_closed(group->rk) && now() < until_ms)
        (void)poll(NULL, 0, CLOSE_POLL_MS);
    return rd_kafka_consumer_closed(group->rk);
}

/* Agrees to the rebalance at hand: fetch nothing more, or nothing at all. A closing consumer may ask and end in the
 * same breath, and the call would wait for ever for an answer that was thrown away with librdkafka's queue (2.15.1):
 * so there the end is waited for first. */
static void agree(struct ev_kafka_group *group, bool assigned)
{
    if (group->closing && await_closed(group, CLOSE_ANSWER_MS))
        return;
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
    check(group, assigned ? rd_kafka_incremental_assign(group->rk, nothing)
                          : rd_kafka_incremental_unassign(group->rk, nothing));
    rd_kafka_topic_partition_list_destroy(nothing);
}

/* Takes over `list`. */
static void begin_release(struct ev_kafka_group *group, struct list list, bool lost)
{
    list_keep(&group->owned, &list, false);
    group->releasing = true;
    group->release_deadline_ms = now() + EV_KAFKA_GROUP_RELEASE_TIMEOUT_MS;
    atomic_store(&group->released, false);
    group->events.revoked(group->events.context, list.items, list.count, lost);
    list_clear(&list);
}

static void on_assign(struct ev_kafka_group *group, struct list *list)
{
    agree(group, true);
    if (group->leaving)
        return; /* too late */
    group->rejoining = false;
    list_add(&group->owned, list);
    group->events.assigned(group->events.context, list->items, list->count);
    note_membership(group, true); /* not before the user knows its share */
}

static void on_rebalance(struct ev_kafka_group *group, rd_kafka_event_t *event)
{
    struct list list = partitions_of(group, rd_kafka_event_topic_partition_list(event));
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_assign(group, &list);
        list_clear(&list);
        return;
    }
    list_keep(&list, &group->owned, true);
    list_clear(&group->held);
    group->held = list;
    group->revoking = true;
    group->hold_until_ms = now() + EV_KAFKA_GROUP_HOLD_MS;
}

static void on_event(struct ev_kafka_group *group, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        on_rebalance(group, event);
    else if (rd_kafka_event_error(event))
        note_error(group, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
}

/* --- the thread --- */

static void subscribe(struct ev_kafka_group *group)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)group->topic_count);
    for (size_t i = 0; i < group->topic_count; i++)
        (void)rd_kafka_topic_partition_list_add(list, group->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(group->rk, list);
    if (err)
        note_error(group, err, NULL);
    rd_kafka_topic_partition_list_destroy(list);
}

/* A revocation: pause, have it released, agree. */
static void look_at_revocation(struct ev_kafka_group *group)
{
    if (!group->revoking || group->releasing)
        return;
    bool lost = rd_kafka_assignment_lost(group->rk) != 0;
    if (lost)
        note_membership(group, false);
    if (!lost && !group->leaving && !group->rejoining && now() < group->hold_until_ms)
        return;
    list_keep(&group->held, &group->owned, true); /* a leave may have come between */
    if (group->held.count > 0) {
        struct list list = group->held;
        group->held = (struct list){0};
        begin_release(group, list, lost);
        return;
    }
    list_clear(&group->held);
    group->revoking = false;
    agree(group, false);
}

static void look_at_release(struct ev_kafka_group *group)
{
    if (group->releasing && (atomic_load(&group->released) || now() >= group->release_deadline_ms))
        group->releasing = false;
}

static void look_at_anew(struct ev_kafka_group *group)
{
    if (group->leaving || group->releasing || group->revoking || now() < group->rejoin_ms ||
        !atomic_exchange(&group->anew, false))
        return;
    group->rejoin_ms = now() + EV_KAFKA_GROUP_REJOIN_MIN_MS;
    group->rejoining = true;
    rd_kafka_resp_err_t err = rd_kafka_unsubscribe(group->rk);
    if (err)
        note_error(group, err, NULL);
    note_membership(group, false);
    subscribe(group);
}

/* Everything is given up first, then the group is left: librdkafka itself may leave a revocation out. */
static void look_at_leave(struct ev_kafka_group *group)
{
    if (!group->leaving && atomic_load(&group->leave)) {
        group->leaving = true;
        /* One release may be going on, another one follows. */
        group->leave_deadline_ms = now() + 2 * EV_KAFKA_GROUP_RELEASE_TIMEOUT_MS + EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS;
        note_membership(group, false);
    }
    if (!group->leaving || group->left || group->releasing)
        return;
    if (group->owned.count > 0) {
        struct list all = {0};
        list_add(&all, &group->owned);
        begin_release(group, all, false);
    } else if (!group->closing && !group->revoking) { /* what is asked is answered first */
        group->closing = true;
        check(group, rd_kafka_consumer_close_queue(group->rk, group->queue));
    }
    group->left = (group->closing && rd_kafka_consumer_closed(group->rk)) || now() >= group->leave_deadline_ms;
    if (group->left)
        group->events.left(group->events.context);
}

static int wait_ms(const struct ev_kafka_group *group)
{
    /* That the consumer is closed is told by nobody. */
    return group->left                                                        ? POLL_MS
           : group->leaving                                                   ? 5
           : group->releasing || group->revoking || atomic_load(&group->anew) ? 20
                                                                              : POLL_MS;
}

static void *run(void *argument)
{
    struct ev_kafka_group *group = argument;
    while (!atomic_load(&group->ending)) {
        struct pollfd waiting = {.fd = group->wake_fd, .events = POLLIN};
        uint64_t wakes;
        (void)poll(&waiting, 1, wait_ms(group));
        ssize_t got = read(group->wake_fd, &wakes, sizeof(wakes)); /* before looking: what comes later wakes again */
        (void)got;
        rd_kafka_event_t *event;
        while (!group->left && (event = rd_kafka_queue_poll(group->queue, 0))) {
            on_event(group, event);
            rd_kafka_event_destroy(event);
        }
        look_at_release(group);
        look_at_revocation(group);
        look_at_leave(group);
        look_at_anew(group);
    }
    return NULL;
}

/* --- life --- */

static int create_client(struct ev_kafka_group *group, const struct ev_kafka_group_options *options,
                         struct ev_error *error)
{
    char session[24], heartbeat[24], interval[24];
    int64_t interval_ms = options->session_ms > MAX_POLL_INTERVAL_MS ? options->session_ms : MAX_POLL_INTERVAL_MS;
    snprintf(session, sizeof(session), "%lld", (long long)options->session_ms);
    snprintf(heartbeat, sizeof(heartbeat), "%d", EV_KAFKA_GROUP_HEARTBEAT_MS);
    snprintf(interval, sizeof(interval), "%lld", (long long)interval_ms);
    const char *const defaults[] = {"socket.nagle.disable",
                                    "true",
                                    "reconnect.backoff.ms",
                                    "50",
                                    "reconnect.backoff.max.ms",
                                    "1000",
                                    "topic.metadata.propagation.max.ms",
                                    "5000",
                                    NULL};
    const char *const required[] = {"group.id",
                                    options->name,
                                    "session.timeout.ms",
                                    session,
                                    "heartbeat.interval.ms",
                                    heartbeat,
                                    "max.poll.interval.ms",
                                    interval,
                                    "partition.assignment.strategy",
                                    "cooperative-sticky",
                                    "enable.auto.commit",
                                    "false",
                                    NULL};
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(&options->kafka, defaults, required, &conf, error);
    if (r < 0)
        return r;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR);
    r = ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, &group->rk, error);
    if (r < 0)
        return r;
    (void)rd_kafka_poll_set_consumer(group->rk);
    group->queue = rd_kafka_queue_get_consumer(group->rk);
    rd_kafka_queue_io_event_enable(group->queue, group->wake_fd, &one, sizeof(one));
    return 0;
}

/* Signals are for the program's own threads. */
static int start_thread(struct ev_kafka_group *group)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int fault = pthread_create(&group->thread, NULL, run, group);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fault;
}

/* librdkafka never ends a consumer that was assigned something and hasn't heard what becomes of it (2.15.1; also with
 * RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE). So the consumer is closed first, and whatever it asks meanwhile is answered;
 * once it is closing, it asks for no more assignments. */
static void close_client(struct ev_kafka_group *group)
{
    int64_t deadline_ms = now() + EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS;
    if (!group->closing)
        check(group, rd_kafka_consumer_close_queue(group->rk, group->queue));
    group->closing = true;
    if (group->revoking)
        agree(group, false);
    while (!rd_kafka_consumer_closed(group->rk) && now() < deadline_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(group->queue, CLOSE_POLL_MS);
        if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            agree(group, rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
        if (event)
            rd_kafka_event_destroy(event);
    }
}

static void destroy_parts(struct ev_kafka_group *group)
{
    if (group->rk && group->queue)
        close_client(group);
    if (group->queue) {
        rd_kafka_queue_io_event_enable(group->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(group->queue);
    }
    if (group->rk)
        rd_kafka_destroy_flags(group->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    list_clear(&group->held);
    list_clear(&group->owned);
    for (size_t i = 0; i < group->topic_count; i++)
        free(group->topics[i]);
    if (group->wake_fd >= 0)
        close(group->wake_fd);
    pthread_mutex_destroy(&group->lock);
    free(group);
}

int ev_kafka_group_join(const struct ev_kafka_group_options *options, struct ev_kafka_group **ret,
                        struct ev_error *error)
{
    if (options->topic_count == 0 || options->topic_count > EV_KAFKA_GROUP_TOPICS_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "a group shares 1 to %d topics", EV_KAFKA_GROUP_TOPICS_MAX);
    struct ev_kafka_group *group = ev_memory_new(struct ev_kafka_group);
    group->events = options->events;
    group->status.generation = -1;
    pthread_mutex_init(&group->lock, NULL);
    for (size_t i = 0; i < options->topic_count; i++)
        group->topics[group->topic_count++] = ev_memory_copy(options->topics[i], strlen(options->topics[i]));
    group->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int r = group->wake_fd < 0 ? ev_error_set(error, EV_ERR_IO, "eventfd: %s", strerror(errno))
                               : create_client(group, options, error);
    if (r == 0) {
        subscribe(group);
        int fault = start_thread(group);
        if (fault)
            r = ev_error_set(error, EV_ERR_IO, "a thread could not be started: %s", strerror(fault));
    }
    if (r < 0) {
        destroy_parts(group);
        return r;
    }
    *ret = group;
    return 0;
}

void ev_kafka_group_destroy(struct ev_kafka_group *group)
{
    if (!group)
        return;
    atomic_store(&group->ending, true);
    wake(group);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS / 1000;
    /* A thread that is stuck in librdkafka keeps what it uses; the process is about to end. */
    if (pthread_timedjoin_np(group->thread, NULL, &until) == 0)
        destroy_parts(group);
}

void ev_kafka_group_released(struct ev_kafka_group *group)
{
    atomic_store(&group->released, true);
    wake(group);
}

void ev_kafka_group_ask_anew(struct ev_kafka_group *group)
{
    atomic_store(&group->anew, true);
    wake(group);
}

void ev_kafka_group_leave(struct ev_kafka_group *group)
{
    atomic_store(&group->leave, true);
    wake(group);
}

void ev_kafka_group_status(struct ev_kafka_group *group, struct ev_kafka_group_status *ret)
{
    pthread_mutex_lock(&group->lock);
    *ret = group->status;
    pthread_mutex_unlock(&group->lock);
}
