#include "price_reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"

#define HEARTBEAT_MS 1000
/* While somebody waits for the list, the log is looked at in shorter turns. */
#define POLL_WAITED_FOR_MS 2
#define ARENA_MAX ((size_t)64 * 1024 * 1024)

struct price_reader {
    struct ev_reader *reader;
    struct ev_reader *asker; /* asks the leaders: on the other one's connections a question would wait behind a fetch */
    struct price_list *list;
    pthread_t thread;
    atomic_bool stopping;

    pthread_mutex_t lock;        /* for what follows up to the blank line */
    struct price_refresh *asked; /* no leader was asked on their behalf yet */
    struct price_reader_status status;

    /* The thread's own. */
    struct price_refresh *waiting; /* for the list to reach the targets */
    int64_t *targets;              /* by partition: next offset that the leader told */
    int32_t partitions;
    int64_t next_heartbeat_ms;
    int64_t retry_bounds_ms; /* no leader is asked before */
    struct ev_arena arena;
    struct ev_log_record records[PRICE_READER_BATCH_MAX];
};

static int64_t now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static void answer_all(struct price_refresh *first, int result)
{
    while (first) {
        struct price_refresh *next = first->next;
        first->result = result;
        first->done(first);
        first = next;
    }
}

/* Takes those past their deadline (or all) out of a list and returns them. */
static struct price_refresh *take_expired(struct price_refresh **list, int64_t now)
{
    struct price_refresh *expired = NULL;
    for (struct price_refresh **link = list; *link;) {
        struct price_refresh *refresh = *link;
        if (now < refresh->deadline_ms) {
            link = &refresh->next;
            continue;
        }
        *link = refresh->next;
        refresh->next = expired;
        expired = refresh;
    }
    return expired;
}

static void reader_expire(struct price_reader *reader, int64_t now)
{
    pthread_mutex_lock(&reader->lock);
    struct price_refresh *asked = take_expired(&reader->asked, now);
    pthread_mutex_unlock(&reader->lock);
    answer_all(asked, EV_ERR_TIMEOUT);
    answer_all(take_expired(&reader->waiting, now), EV_ERR_TIMEOUT);
}

/* How many records the list lacks of the targets. */
static int64_t reader_lag(const struct price_reader *reader)
{
    int64_t lag = 0;
    for (int32_t partition = 0; partition < reader->partitions; partition++) {
        struct ev_cursor cursor;
        if (ev_reader_cursor(reader->reader, partition, &cursor) == 0 &&
            reader->targets[partition] > cursor.next_offset)
            lag += reader->targets[partition] - cursor.next_offset;
    }
    return lag;
}

/* Asks the leader of every partition where its log ends. */
static bool reader_ask_leaders(struct price_reader *reader)
{
    struct ev_error error;
    for (int32_t partition = 0; partition < reader->partitions; partition++) {
        int64_t first;
        if (ev_reader_bounds(reader->asker, partition, PRICE_READER_BOUNDS_TIMEOUT_MS, &first,
                             &reader->targets[partition], &error) < 0)
            return false;
    }
    return true;
}

static struct price_refresh *take_asked(struct price_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    struct price_refresh *asked = reader->asked;
    reader->asked = NULL;
    pthread_mutex_unlock(&reader->lock);
    return asked;
}

static void give_back_asked(struct price_reader *reader, struct price_refresh *asked)
{
    pthread_mutex_lock(&reader->lock);
    while (asked) {
        struct price_refresh *next = asked->next;
        asked->next = reader->asked;
        reader->asked = asked;
        asked = next;
    }
    pthread_mutex_unlock(&reader->lock);
}

/* One round of questions serves all that were waiting before it began. */
static void reader_find_targets(struct price_reader *reader, int64_t now)
{
    if (reader->waiting || now < reader->retry_bounds_ms)
        return;
    struct price_refresh *asked = take_asked(reader);
    if (!asked && now < reader->next_heartbeat_ms)
        return;
    bool answered = reader_ask_leaders(reader);
    now = now_ms();
    if (answered) {
        reader->waiting = asked;
        reader->next_heartbeat_ms = now + HEARTBEAT_MS;
    } else {
        give_back_asked(reader, asked);
        reader->retry_bounds_ms = now + HEARTBEAT_MS / 4;
    }
    int64_t lag = reader_lag(reader);
    pthread_mutex_lock(&reader->lock);
    if (answered) {
        reader->status.seen_ms = now;
        reader->status.lag = lag;
    }
    pthread_mutex_unlock(&reader->lock);
}

static void reader_check_targets(struct price_reader *reader)
{
    if (reader->status.seen_ms == 0 || reader_lag(reader) > 0)
        return;
    if (!reader->status.caught_up) {
        pthread_mutex_lock(&reader->lock);
        reader->status.caught_up = true;
        reader->status.lag = 0;
        pthread_mutex_unlock(&reader->lock);
        ev_log(EV_LOG_INFO, "prices.ready", "the price list has caught up",
               ev_log_int("products", (int64_t)price_list_count(reader->list)));
    }
    struct price_refresh *reached = reader->waiting;
    reader->waiting = NULL;
    answer_all(reached, 0);
}

static void reader_fail(struct price_reader *reader, const struct ev_error *error)
{
    bool is_new = !reader->status.failed;
    pthread_mutex_lock(&reader->lock);
    reader->status.failed = true;
    snprintf(reader->status.fault, sizeof(reader->status.fault), "%s", error->message);
    pthread_mutex_unlock(&reader->lock);
    if (is_new)
        ev_log(EV_LOG_ERROR, "prices.failed", "the price list can't be kept up to date",
               ev_log_cstr("error", error->message));
}

static void reader_mend(struct price_reader *reader)
{
    if (!reader->status.failed)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->status.failed = false;
    pthread_mutex_unlock(&reader->lock);
}

static void reader_fold(struct price_reader *reader)
{
    struct ev_error error;
    ev_arena_reset(&reader->arena);
    int count = ev_reader_poll(reader->reader, &reader->arena, reader->records, PRICE_READER_BATCH_MAX,
                               reader->waiting ? POLL_WAITED_FOR_MS : PRICE_READER_POLL_MS, &error);
    if (count < 0) {
        if (count != EV_ERR_UNAVAILABLE)
            reader_fail(reader, &error);
        nanosleep(&(struct timespec){.tv_nsec = PRICE_READER_POLL_MS * 1000000L}, NULL);
        return;
    }
    int64_t wall_ms = ev_clock_wall_ms(&ev_clock_system);
    for (int i = 0; i < count; i++)
        for (size_t event = 0; event < reader->records[i].commit.event_count; event++)
            price_list_fold(reader->list, &reader->records[i].commit.events[event], wall_ms);
    if (count > 0)
        reader_mend(reader);
}

static void *reader_main(void *argument)
{
    struct price_reader *reader = argument;
    while (!atomic_load_explicit(&reader->stopping, memory_order_relaxed)) {
        reader_find_targets(reader, now_ms());
        reader_fold(reader);
        reader_check_targets(reader);
        reader_expire(reader, now_ms());
    }
    return NULL;
}

static int reader_start(struct price_reader *reader, struct ev_error *error)
{
    struct ev_cursor *cursors = ev_memory_alloc_array((size_t)reader->partitions, sizeof(*cursors));
    for (int32_t partition = 0; partition < reader->partitions; partition++) {
        cursors[partition] = (struct ev_cursor){.partition = partition, .last_offset = -1};
        ev_ledger_init(&cursors[partition].ledger);
    }
    int result = ev_reader_assign(reader->reader, cursors, (size_t)reader->partitions, error);
    free(cursors);
    if (result < 0)
        return result;
    int fault = pthread_create(&reader->thread, NULL, reader_main, reader);
    return fault ? ev_error_set(error, EV_ERR_IO, "a thread could not be started: %s", strerror(fault)) : 0;
}

static void reader_free(struct price_reader *reader)
{
    ev_reader_destroy(reader->asker);
    ev_reader_destroy(reader->reader);
    ev_arena_finish(&reader->arena);
    pthread_mutex_destroy(&reader->lock);
    free(reader->targets);
    free(reader);
}

int price_reader_create(const struct ev_kafka_config *kafka, const struct ev_topic_schema *topic, int32_t partitions,
                        struct ev_schema_source schemas, struct price_list *list, struct price_reader **ret,
                        struct ev_error *error)
{
    struct price_reader *reader = ev_memory_new(struct price_reader);
    reader->list = list;
    reader->partitions = partitions;
    reader->targets = ev_memory_alloc_array((size_t)partitions, sizeof(*reader->targets));
    ev_arena_init(&reader->arena, ARENA_MAX);
    pthread_mutex_init(&reader->lock, NULL);
    struct ev_reader_options options = {.kafka = *kafka, .topic = topic, .schemas = schemas};
    int result = ev_reader_create(&options, &reader->reader, error);
    if (result == 0)
        result = ev_reader_create(&options, &reader->asker, error);
    if (result == 0)
        result = reader_start(reader, error);
    if (result < 0) {
        reader_free(reader);
        return result;
    }
    *ret = reader;
    return 0;
}

void price_reader_destroy(struct price_reader *reader)
{
    if (!reader)
        return;
    atomic_store_explicit(&reader->stopping, true, memory_order_relaxed);
    pthread_join(reader->thread, NULL);
    answer_all(take_asked(reader), EV_ERR_TIMEOUT);
    answer_all(reader->waiting, EV_ERR_TIMEOUT);
    reader_free(reader);
}

void price_reader_refresh(struct price_reader *reader, struct price_refresh *refresh)
{
    pthread_mutex_lock(&reader->lock);
    refresh->next = reader->asked;
    reader->asked = refresh;
    pthread_mutex_unlock(&reader->lock);
}

void price_reader_status(struct price_reader *reader, struct price_reader_status *ret)
{
    pthread_mutex_lock(&reader->lock);
    *ret = reader->status;
    pthread_mutex_unlock(&reader->lock);
}
