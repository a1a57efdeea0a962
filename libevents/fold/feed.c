#include "fold/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "fold/cloud_event.h"

/* The event that a record of the feed is of, and what a reader needs to start at its commit. */
struct feed_mark {
    int64_t offset, epoch, seq;
    size_t index;
    struct ev_uuid command_id;
};

struct feed_partition {
    bool resumes; /* the next record must be the mark's commit */
    struct feed_mark mark;
};

struct ev_feed {
    struct ev_feed_options options;
    struct feed_partition *partitions;
    int32_t partition_count;
    bool started;
    int64_t pause_ms, backoff_ms;
    atomic_bool well;
    struct ev_arena arena;
    struct ev_buffer value;
    struct ev_log_record records[EV_FEED_BATCH];
    struct ev_metric *events, *voids, *starts, *waiting, *up;
};

/* --- marks: "1 OFFSET INDEX EPOCH SEQ COMMAND-ID" --- */

#define MARK_VERSION 1

static void mark_format(const struct feed_mark *mark, char ret_text[EV_PUBLISHER_MARK_MAX])
{
    char id[EV_UUID_TEXT_LENGTH + 1];
    ev_uuid_format(&mark->command_id, id);
    snprintf(ret_text, EV_PUBLISHER_MARK_MAX, "%d %" PRId64 " %zu %" PRId64 " %" PRId64 " %s", MARK_VERSION,
             mark->offset, mark->index, mark->epoch, mark->seq, id);
}

static bool mark_parse(struct ev_str text, struct feed_mark *ret)
{
    int64_t numbers[5];
    struct ev_str rest = text, word;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (!ev_str_split(&rest, ' ', &word) || !ev_str_to_int64(word, &numbers[i]) || numbers[i] < 0)
            return false;
    ret->offset = numbers[1];
    ret->index = (size_t)numbers[2];
    ret->epoch = numbers[3];
    ret->seq = numbers[4];
    return numbers[0] == MARK_VERSION && numbers[2] < EV_COMMIT_EVENTS_MAX && rest.data &&
           ev_uuid_parse(rest, &ret->command_id);
}

/* --- life --- */

static const char *labels_of(const struct ev_feed_options *options, char text[128])
{
    snprintf(text, 128, "topic=\"%s\"", options->topic->name);
    return text;
}

struct ev_feed *ev_feed_create(const struct ev_feed_options *options)
{
    char labels[128];
    struct ev_feed *feed = ev_memory_new(struct ev_feed);
    feed->options = *options;
    labels_of(options, labels);
    feed->events =
        ev_metrics_counter(options->metrics, "orderlog_feed_events_total", labels, "events sent to the feed");
    feed->voids = ev_metrics_counter(options->metrics, "orderlog_feed_void_total", labels, "void records left out");
    feed->starts = ev_metrics_counter(options->metrics, "orderlog_feed_starts_total", labels,
                                      "times the feed has looked for where it was");
    feed->waiting = ev_metrics_gauge(options->metrics, "orderlog_feed_unacknowledged", labels,
                                     "events sent and not yet acknowledged");
    feed->up = ev_metrics_gauge(options->metrics, "orderlog_feed_up", labels, "1 while the feed works");
    feed->backoff_ms = EV_FEED_BACKOFF_MIN_MS;
    return feed;
}

void ev_feed_destroy(struct ev_feed *feed)
{
    if (!feed)
        return;
    ev_arena_finish(&feed->arena);
    ev_buffer_finish(&feed->value);
    free(feed->partitions);
    free(feed);
}

int64_t ev_feed_pause_ms(const struct ev_feed *feed)
{
    return feed->pause_ms;
}

bool ev_feed_is_well(const struct ev_feed *feed)
{
    return atomic_load(&feed->well);
}

/* --- starting --- */

static int resume_at(struct ev_feed *feed, int32_t partition, struct ev_str text, struct ev_cursor *ret,
                     struct ev_error *error)
{
    struct feed_partition *place = &feed->partitions[partition];
    *place = (struct feed_partition){0};
    *ret = (struct ev_cursor){.partition = partition, .last_offset = -1};
    ev_ledger_init(&ret->ledger);
    if (!text.data)
        return 0;
    if (!mark_parse(text, &place->mark))
        return ev_error_set(error, EV_ERR_CONFLICT, "partition %d: the feed's last record has a mark of another kind",
                            (int)partition);
    place->resumes = true;
    ret->next_offset = place->mark.offset;
    ret->ledger = (struct ev_ledger){.epoch = place->mark.epoch, .next_seq = place->mark.seq};
    return 0;
}

/* The feed's end may lie behind the log's: then the log isn't the one that it was made from. */
static int check_bounds(struct ev_feed *feed, int32_t partition, int64_t offset, struct ev_error *error)
{
    int64_t first, next;
    int r =
        feed->options.source.bounds(feed->options.source.context, partition, EV_FEED_TIMEOUT_MS, &first, &next, error);
    if (r < 0)
        return r;
    if (offset >= next)
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "partition %d: the feed reflects offset %" PRId64 ", but the log ends at %" PRId64
                            ": its tail was lost, or it was made anew",
                            (int)partition, offset, next);
    return 0;
}

static int start(struct ev_feed *feed, struct ev_error *error)
{
    const struct ev_commit_source *source = &feed->options.source;
    struct ev_publisher *publisher = feed->options.publisher;
    char topic_id[64];
    struct ev_cursor *cursors = NULL;
    int r = source->describe(source->context, EV_FEED_TIMEOUT_MS, &feed->partition_count, topic_id, error);
    if (r >= 0 && feed->partition_count > EV_FEED_PARTITIONS_MAX)
        r = ev_error_set(error, EV_ERR_LIMIT, "more than %d partitions", EV_FEED_PARTITIONS_MAX);
    if (r >= 0)
        r = publisher->open(publisher, feed->partition_count, EV_FEED_TIMEOUT_MS, error);
    if (r < 0)
        return r;
    free(feed->partitions);
    feed->partitions = ev_memory_alloc_array((size_t)feed->partition_count, sizeof(*feed->partitions));
    cursors = ev_memory_alloc_array((size_t)feed->partition_count, sizeof(*cursors));
    ev_arena_reset(&feed->arena);
    for (int32_t i = 0; i < feed->partition_count && r >= 0; i++) {
        struct ev_str mark;
        r = publisher->last_mark(publisher, i, EV_FEED_TIMEOUT_MS, &feed->arena, &mark, error);
        if (r >= 0)
            r = resume_at(feed, i, mark, &cursors[i], error);
        if (r >= 0 && feed->partitions[i].resumes)
            r = check_bounds(feed, i, feed->partitions[i].mark.offset, error);
    }
    if (r >= 0)
        r = source->assign(source->context, cursors, (size_t)feed->partition_count, error);
    free(cursors);
    if (r >= 0)
        ev_metric_add(feed->starts, 1);
    return r < 0 ? r : 0;
}

/* --- sending --- */

static int send_event(struct ev_feed *feed, const struct ev_log_record *record, size_t index, struct ev_error *error)
{
    struct ev_publisher *publisher = feed->options.publisher;
    const struct ev_commit *commit = &record->commit;
    const struct ev_cloud_event_place place = {feed->options.topic_name, record->partition, record->offset, index};
    const struct feed_mark mark = {record->offset, commit->epoch, commit->seq, index, commit->command_id};
    char text[EV_PUBLISHER_MARK_MAX];
    mark_format(&mark, text);
    ev_buffer_clear(&feed->value);
    ev_cloud_event_write(commit, &place, &feed->value);
    for (;;) {
        int r = publisher->send(publisher, record->partition, ev_cloud_event_key(commit), ev_buffer_str(&feed->value),
                                text, error);
        if (r != EV_ERR_LIMIT || !error->retriable)
            return r;
        if (feed->options.should_stop && feed->options.should_stop(feed->options.context))
            return r;
        r = publisher->serve(publisher, EV_FEED_FULL_WAIT_MS, error);
        if (r < 0)
            return r;
    }
}

/* At which event of the commit to begin; negative when the log isn't what the feed was made from. */
static int64_t first_event(struct ev_feed *feed, const struct ev_log_record *record, struct ev_error *error)
{
    struct feed_partition *place = &feed->partitions[record->partition];
    if (!place->resumes)
        return 0;
    if (record->offset != place->mark.offset || record->verdict != EV_VERDICT_COMMIT ||
        !ev_uuid_equal(&record->commit.command_id, &place->mark.command_id))
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "partition %d, offset %" PRId64
                            ": the log has another record there than the feed was made from",
                            (int)record->partition, place->mark.offset);
    place->resumes = false;
    return (int64_t)place->mark.index + 1;
}

/* How many events were sent, or an error. */
static int take(struct ev_feed *feed, const struct ev_log_record *record, struct ev_error *error)
{
    int64_t index = first_event(feed, record, error);
    if (index < 0)
        return (int)index;
    if (record->verdict == EV_VERDICT_VOID || record->verdict == EV_VERDICT_VOID_FENCE)
        ev_metric_add(feed->voids, 1);
    if (record->verdict != EV_VERDICT_COMMIT)
        return 0;
    int count = 0;
    for (; (size_t)index < record->commit.event_count; index++, count++) {
        int r = send_event(feed, record, (size_t)index, error);
        if (r < 0)
            return r;
        ev_metric_add(feed->events, 1);
    }
    return count;
}

static int work(struct ev_feed *feed, int64_t timeout_ms, struct ev_error *error)
{
    const struct ev_commit_source *source = &feed->options.source;
    struct ev_publisher *publisher = feed->options.publisher;
    int sent = 0;
    ev_arena_reset(&feed->arena);
    int count = source->poll(source->context, &feed->arena, feed->records, EV_FEED_BATCH, timeout_ms, error);
    if (count < 0)
        return count;
    for (int i = 0; i < count; i++) {
        int r = take(feed, &feed->records[i], error);
        if (r < 0)
            return r;
        sent += r;
    }
    int r = publisher->serve(publisher, 0, error);
    return r < 0 ? r : sent;
}

/* --- steps --- */

/* What is on its way arrives before the end is looked for again, if it can. */
static int settle(struct ev_feed *feed, int64_t timeout_ms, struct ev_error *error)
{
    struct ev_publisher *publisher = feed->options.publisher;
    int64_t until = ev_clock_monotonic_ms(feed->options.clock) + timeout_ms, left = timeout_ms;
    int r = 0;
    while (publisher->unacknowledged(publisher) > 0 && left > 0 && r >= 0) {
        r = publisher->serve(publisher, left, error);
        left = until - ev_clock_monotonic_ms(feed->options.clock);
    }
    if (r >= 0 && publisher->unacknowledged(publisher) > 0)
        r = ev_error_set_retriable(error, EV_ERR_TIMEOUT, "%zu events weren't acknowledged in %" PRId64 " ms",
                                   publisher->unacknowledged(publisher), timeout_ms);
    return r;
}

static void note_failure(struct ev_feed *feed)
{
    struct ev_error ignored;
    if (feed->started)
        (void)settle(feed, EV_FEED_TIMEOUT_MS, &ignored);
    feed->started = false;
    feed->pause_ms = feed->backoff_ms / 2 + (int64_t)ev_random_below(feed->options.random, (uint64_t)feed->backoff_ms);
    feed->backoff_ms = feed->backoff_ms * 2 > EV_FEED_BACKOFF_MAX_MS ? EV_FEED_BACKOFF_MAX_MS : feed->backoff_ms * 2;
}

int ev_feed_step(struct ev_feed *feed, int64_t timeout_ms, struct ev_error *error)
{
    feed->pause_ms = 0;
    int r = feed->started ? 0 : start(feed, error);
    if (r >= 0) {
        feed->started = true;
        r = work(feed, timeout_ms, error);
    }
    atomic_store(&feed->well, r >= 0);
    ev_metric_set(feed->up, r >= 0);
    ev_metric_set(feed->waiting, (int64_t)feed->options.publisher->unacknowledged(feed->options.publisher));
    if (r < 0)
        note_failure(feed);
    else
        feed->backoff_ms = EV_FEED_BACKOFF_MIN_MS;
    return r;
}

int ev_feed_stop(struct ev_feed *feed, struct ev_error *error)
{
    return feed->started ? settle(feed, EV_FEED_TIMEOUT_MS, error) : 0;
}
