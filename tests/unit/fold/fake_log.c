#include "fake_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

struct fake_record {
    struct ev_commit commit;
    int64_t timestamp_ms;
    bool garbage, unreadable;
};

#define FAKE_RECORD_BYTES 100 /* what each counts against a batch's bound */

void fake_log_init(struct fake_log *log, int32_t partitions)
{
    *log = (struct fake_log){.partition_count = partitions, .now_ms = 1000};
    snprintf(log->topic_id, sizeof(log->topic_id), "first");
    ev_arena_init(&log->arena, 0);
}

void fake_log_finish(struct fake_log *log)
{
    for (int i = 0; i < FAKE_LOG_PARTITIONS_MAX; i++)
        free(log->partitions[i].records);
    ev_arena_finish(&log->arena);
}

void fake_log_recreate(struct fake_log *log)
{
    snprintf(log->topic_id, sizeof(log->topic_id), "second");
    for (int i = 0; i < FAKE_LOG_PARTITIONS_MAX; i++) {
        struct fake_partition *p = &log->partitions[i];
        p->count = 0;
        p->epoch = p->next_seq = 0;
    }
}

void fake_log_cut(struct fake_log *log, int32_t partition, int64_t offset)
{
    struct fake_partition *p = &log->partitions[partition];
    p->count = (size_t)offset;
    p->epoch = p->next_seq = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct ev_commit *commit = &p->records[i].commit;
        if (ev_commit_is_fence(commit)) {
            p->epoch = commit->epoch;
            p->next_seq = 0;
        } else if (commit->epoch == p->epoch && commit->seq == p->next_seq) {
            p->next_seq++;
        }
    }
}

static struct fake_record *append(struct fake_log *log, int32_t partition)
{
    struct fake_partition *p = &log->partitions[partition];
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : 16;
        p->records = ev_memory_resize(p->records, p->capacity * sizeof(*p->records));
    }
    struct fake_record *record = &p->records[p->count++];
    *record = (struct fake_record){.timestamp_ms = log->now_ms};
    record->commit.occurred_at = log->now_ms;
    return record;
}

void fake_log_fence(struct fake_log *log, int32_t partition)
{
    struct fake_partition *p = &log->partitions[partition];
    p->epoch++;
    p->next_seq = 0;
    struct ev_commit *commit = &append(log, partition)->commit;
    commit->stream_id = EV_STR("");
    commit->epoch = p->epoch;
    commit->actor = EV_STR("writer");
}

/* Ids that differ between histories: a commit written anew at an old offset is another one. */
static struct ev_uuid command_id(void)
{
    static int64_t count;
    char name[32];
    int length = snprintf(name, sizeof(name), "command %" PRId64, count++);
    return ev_uuid_v5(&ev_uuid_namespace_orderlog, (struct ev_str){name, (size_t)length});
}

static struct ev_event copy_event(const struct ev_event *event, struct ev_arena *arena)
{
    void *body = ev_arena_alloc(arena, event->type->record->size);
    ev_record_copy(event->type->record, event->body, body, arena);
    return (struct ev_event){.type = event->type, .body = body};
}

static int64_t versions_of(const struct fake_partition *p, struct ev_str stream_id)
{
    int64_t count = 0;
    for (size_t i = 0; i + 1 < p->count; i++)
        count += !p->records[i].garbage && ev_str_equal(p->records[i].commit.stream_id, stream_id);
    return count;
}

int64_t fake_log_commit(struct fake_log *log, int32_t partition, const char *stream_id, const struct ev_event *events,
                        size_t count)
{
    struct fake_partition *p = &log->partitions[partition];
    struct ev_commit *commit = &append(log, partition)->commit;
    struct ev_event *copies = ev_arena_new_array(&log->arena, struct ev_event, count);
    for (size_t i = 0; i < count; i++)
        copies[i] = copy_event(&events[i], &log->arena);
    commit->stream_id = ev_arena_copy(&log->arena, ev_str_of(stream_id));
    commit->base_version = versions_of(p, commit->stream_id);
    commit->epoch = p->epoch;
    commit->seq = p->next_seq++;
    commit->command_id = command_id();
    commit->events = copies;
    commit->event_count = count;
    return (int64_t)p->count - 1;
}

int64_t fake_log_void(struct fake_log *log, int32_t partition, const char *stream_id, const struct ev_event *event)
{
    struct fake_partition *p = &log->partitions[partition];
    int64_t offset = fake_log_commit(log, partition, stream_id, event, 1);
    p->next_seq--;
    p->records[offset].commit.epoch = p->epoch - 1;
    p->records[offset].commit.base_version = 999;
    return offset;
}

int64_t fake_log_garbage(struct fake_log *log, int32_t partition)
{
    append(log, partition)->garbage = true;
    return (int64_t)log->partitions[partition].count - 1;
}

void fake_log_set_unreadable(struct fake_log *log, int32_t partition, int64_t offset, bool unreadable)
{
    log->partitions[partition].records[offset].unreadable = unreadable;
}

static int away(const struct fake_log *log, struct ev_error *error)
{
    return log->away || log->silent ? ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "the log is away") : 0;
}

static int source_describe(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                           struct ev_error *error)
{
    (void)timeout_ms;
    const struct fake_log *log = ((const struct fake_reader *)context)->log;
    *ret_partitions = log->partition_count;
    memcpy(ret_topic_id, log->topic_id, sizeof(log->topic_id));
    return away(log, error);
}

static int source_assign(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    struct fake_reader *reader = context;
    (void)error;
    reader->failed = false;
    memset(reader->assigned, 0, sizeof(reader->assigned));
    for (size_t i = 0; i < count; i++) {
        reader->cursors[cursors[i].partition] = cursors[i];
        reader->assigned[cursors[i].partition] = true;
    }
    return 0;
}

static void hand_out(const struct fake_record *record, struct ev_cursor *cursor, struct ev_arena *arena,
                     struct ev_log_record *ret)
{
    *ret = (struct ev_log_record){.partition = cursor->partition,
                                  .offset = cursor->next_offset,
                                  .timestamp_ms = record->timestamp_ms,
                                  .raw = {ev_arena_alloc(arena, FAKE_RECORD_BYTES), FAKE_RECORD_BYTES},
                                  .commit = record->commit};
    ret->verdict = ev_ledger_judge(&cursor->ledger, &ret->commit);
    ret->commit.stream_id = ev_arena_copy(arena, ret->commit.stream_id);
    ret->commit.events = NULL;
    ret->commit.event_count = 0;
    if (ret->verdict == EV_VERDICT_COMMIT && record->unreadable) {
        ret->unreadable = "the event isn't known here";
    } else if (ret->verdict == EV_VERDICT_COMMIT) {
        size_t count = record->commit.event_count;
        struct ev_event *events = ev_arena_new_array(arena, struct ev_event, count);
        for (size_t i = 0; i < count; i++)
            events[i] = copy_event(&record->commit.events[i], arena);
        ret->commit.events = events;
        ret->commit.event_count = count;
    }
    cursor->next_offset++;
}

static int source_poll(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max, int64_t timeout_ms,
                       struct ev_error *error)
{
    struct fake_reader *reader = context;
    struct fake_log *log = reader->log;
    (void)timeout_ms;
    if (log->away)
        return away(log, error);
    if (log->silent)
        return 0;
    size_t most = log->poll_max && log->poll_max < max ? log->poll_max : max, count = 0;
    for (int32_t idle = 0; count < most && idle < log->partition_count;) {
        int32_t partition = (int32_t)(reader->turn % (size_t)log->partition_count);
        const struct fake_partition *p = &log->partitions[partition];
        struct ev_cursor *cursor = &reader->cursors[partition];
        if (!reader->assigned[partition] || cursor->next_offset >= (int64_t)p->count) {
            reader->turn++;
            idle++;
            continue;
        }
        idle = 0;
        if (p->records[cursor->next_offset].garbage) {
            if (count > 0)
                break;
            reader->failed = true;
            reader->failed_partition = partition;
            reader->failed_offset = cursor->next_offset;
            return ev_error_set(error, EV_ERR_CORRUPT, "it can't be decoded");
        }
        hand_out(&p->records[cursor->next_offset], cursor, arena, &ret[count++]);
        reader->turn++;
    }
    if (log->poll_failures > 0) {
        log->poll_failures--;
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "the broker went away in between");
    }
    return (int)count;
}

static bool source_failed(void *context, int32_t *ret_partition, int64_t *ret_offset)
{
    const struct fake_reader *reader = context;
    *ret_partition = reader->failed_partition;
    *ret_offset = reader->failed_offset;
    return reader->failed;
}

static int source_bounds(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                         struct ev_error *error)
{
    struct fake_reader *reader = context;
    const struct fake_log *log = reader->log;
    (void)timeout_ms;
    reader->bounds_asked++;
    *ret_first = 0;
    *ret_next = (int64_t)log->partitions[partition].count;
    return away(log, error);
}

static int source_ends(void *context, int32_t partitions, int64_t timeout_ms, int64_t *ret, struct ev_error *error)
{
    struct fake_reader *reader = context;
    const struct fake_log *log = reader->log;
    (void)timeout_ms;
    if (reader->ends_asked++ < log->ends_late)
        return 0;
    reader->ends_asked = 0;
    for (int32_t i = 0; i < partitions; i++)
        ret[i] = (int64_t)log->partitions[i].count;
    int r = away(log, error);
    return r < 0 ? r : 1;
}

struct ev_commit_source fake_reader_source(struct fake_reader *reader, struct fake_log *log)
{
    *reader = (struct fake_reader){.log = log};
    return (struct ev_commit_source){
        .describe = source_describe,
        .assign = source_assign,
        .poll = source_poll,
        .failed = source_failed,
        .bounds = source_bounds,
        .ends = source_ends,
        .context = reader,
    };
}
