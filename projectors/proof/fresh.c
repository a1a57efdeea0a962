#include "proof/fresh.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

#define FRESH_POLL_MS 200
#define FRESH_ENTRY_OVERHEAD ((size_t)64) /* what the map spends beside the key */

void fresh_init(struct fresh *fresh, const struct proof_options *options, int32_t partition_count)
{
    *fresh = (struct fresh){.options = options, .passes = 1, .partition_count = partition_count};
    const struct ev_batch_bounds bounds = {0};
    fresh->bytes_max = options->memory_bytes_max ? options->memory_bytes_max : PROOF_MEMORY_BYTES_DEFAULT;
    fresh->begun_ms = ev_clock_monotonic_ms(options->clock);
    for (int32_t i = 0; i < partition_count; i++) {
        fresh->cursors[i] = (struct ev_cursor){.partition = i, .last_offset = -1};
        ev_ledger_init(&fresh->cursors[i].ledger);
    }
    ev_map_init(&fresh->documents);
    ev_batch_init(&fresh->batch, &bounds);
    ev_arena_init(&fresh->arena, 0);
    ev_buffer_init(&fresh->scratch);
}

static void document_destroy(struct fresh_document *document)
{
    if (document)
        free(document->cause);
    free(document);
}

void fresh_finish(struct fresh *fresh)
{
    size_t cursor = 0;
    void *value;
    while (ev_map_next(&fresh->documents, &cursor, NULL, &value))
        document_destroy(value);
    ev_map_finish(&fresh->documents);
    ev_batch_finish(&fresh->batch);
    ev_arena_finish(&fresh->arena);
    ev_buffer_finish(&fresh->scratch);
    *fresh = (struct fresh){0};
}

bool fresh_takes(const struct fresh *fresh, struct ev_str key)
{
    if (fresh->wanted)
        return ev_map_get(fresh->wanted, key) != NULL;
    return fresh->passes <= 1 || ev_hash64(key) % fresh->passes == fresh->pass;
}

struct fresh_document *fresh_get(const struct fresh *fresh, struct ev_str key)
{
    return ev_map_get(&fresh->documents, key);
}

void fresh_describe(const struct fresh_document *document, struct ev_str key, struct ev_sink_document *ret)
{
    *ret = (struct ev_sink_document){.key = key, .meta.offset = -1, .previous_offset = -1, .body = EV_STR_NULL};
    if (!document)
        return;
    ret->meta = document->meta;
    ret->deleted = document->deleted;
    ret->body = (struct ev_str){document->bytes, document->length};
}

static size_t document_cost(struct ev_str key, const struct fresh_document *document)
{
    return sizeof(*document) + document->length + key.length + FRESH_ENTRY_OVERHEAD +
           (document->cause ? strlen(document->cause) + 1 : 0);
}

static void fresh_put(struct fresh *fresh, struct ev_str key, struct fresh_document *document)
{
    struct fresh_document *before = ev_map_put(&fresh->documents, key, document);
    if (before)
        fresh->bytes -= document_cost(key, before);
    document_destroy(before);
    fresh->bytes += document_cost(key, document);
}

static struct fresh_document *document_of(const struct ev_sink_document *from)
{
    struct fresh_document *document = ev_memory_alloc(sizeof(*document) + from->body.length);
    *document = (struct fresh_document){
        .meta = from->meta, .deleted = from->deleted, .stopped_at = -1, .length = from->body.length};
    if (document->length)
        memcpy(document->bytes, from->body.data, document->length);
    return document;
}

void fresh_take_over(struct fresh *fresh, struct ev_str key, const struct fresh_document *document)
{
    struct fresh_document *copy = ev_memory_alloc(sizeof(*copy) + document->length);
    memcpy(copy, document, sizeof(*copy) + document->length);
    copy->cause = document->cause ? ev_memory_copy(document->cause, strlen(document->cause)) : NULL;
    fresh_put(fresh, key, copy);
}

int fresh_pace(struct fresh *fresh, int64_t done, struct ev_error *error)
{
    const struct proof_options *options = fresh->options;
    int64_t wait_ms = 0;
    if (options->records_per_second_max > 0) {
        int64_t passed = ev_clock_monotonic_ms(options->clock) - fresh->begun_ms;
        wait_ms = done * 1000 / options->records_per_second_max - passed;
    }
    if (options->wait && !options->wait(options->context, wait_ms > 0 ? wait_ms : 0))
        return ev_error_set(error, EV_ERR_TIMEOUT, "stopped");
    return 0;
}

static bool leaves_out(const void *context, struct ev_str key, int64_t offset)
{
    const struct fresh *fresh = context;
    return fresh->skipped && ev_skipped_holds(fresh->skipped, key, offset);
}

/* Remembers that an event lies beyond what is wanted of the key. */
static void note_next_event(struct fresh *fresh, const struct ev_batch_document *document, int64_t from)
{
    struct fresh_wanted *wanted = fresh->wanted ? ev_map_get(fresh->wanted, document->key) : NULL;
    for (const struct ev_batch_event *e = document->first; wanted && e; e = e->next)
        if (e->record->offset >= from && e->record->offset < wanted->next_event &&
            !leaves_out(fresh, document->key, e->record->offset))
            wanted->next_event = e->record->offset;
}

static void fold_one(struct fresh *fresh, const struct ev_batch_document *document)
{
    struct fresh_document *before = fresh_get(fresh, document->key);
    const struct fresh_wanted *wanted = fresh->wanted ? ev_map_get(fresh->wanted, document->key) : NULL;
    struct ev_document_folder folder = {
        .view = fresh->options->view,
        .arena = &fresh->arena,
        .scratch = &fresh->scratch,
        .limit = wanted ? wanted->limit : INT64_MAX,
        .leaves_out = leaves_out,
        .context = fresh,
    };
    struct ev_sink_document stored, folded;
    struct ev_document_stop stop;
    note_next_event(fresh, document, folder.limit);
    if (before && before->stopped_at >= 0)
        return;
    ev_arena_reset(&fresh->arena);
    fresh_describe(before, document->key, &stored);
    bool changed = ev_document_fold(&folder, document, &stored, &folded, &stop);
    if (!changed && stop.offset < 0)
        return;
    struct fresh_document *after = document_of(changed ? &folded : &stored);
    after->meta.partition = document->partition;
    after->stopped_at = stop.offset;
    if (stop.offset >= 0) {
        after->cause = ev_memory_copy(stop.cause, strlen(stop.cause));
        note_next_event(fresh, document, stop.offset);
    }
    fresh_put(fresh, document->key, after);
}

/* The partition is folded no further than this record. */
static void stop_before(struct fresh *fresh, int32_t partition, int64_t offset)
{
    fresh->until[partition] = offset;
    if (fresh->cursors[partition].next_offset < offset)
        fresh->cursors[partition].next_offset = offset;
}

static void leave_events_out(const struct fresh *fresh, struct ev_log_record *record)
{
    if (!fresh->skipped || !ev_skipped_holds_record(fresh->skipped, record->partition, record->offset))
        return;
    record->unreadable = NULL;
    record->commit.event_count = 0;
}

/* Keeps what lies before `until` and moves the cursors. */
static int take_records(struct fresh *fresh, struct ev_error *error)
{
    const int64_t *until = fresh->until;
    struct ev_batch *batch = &fresh->batch;
    size_t kept = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        struct ev_log_record *record = &batch->records[i];
        if (record->partition < 0 || record->partition >= fresh->partition_count)
            return ev_error_set(error, EV_ERR_INTERNAL, "a record of partition %" PRId32 " came", record->partition);
        struct ev_cursor *cursor = &fresh->cursors[record->partition];
        if (record->offset < cursor->next_offset)
            return ev_error_set(error, EV_ERR_CORRUPT, "offsets went back in partition %" PRId32, record->partition);
        if (record->offset >= until[record->partition]) {
            if (cursor->next_offset < until[record->partition])
                cursor->next_offset = until[record->partition]; /* nothing lies in between */
            continue;
        }
        leave_events_out(fresh, record);
        /* Nobody can tell what it changes in the view. */
        bool unplaced = record->unreadable && !fresh->options->view->stream_key;
        if (unplaced && !fresh->may_stop)
            return ev_error_set(error, EV_ERR_UNSUPPORTED, "offset %" PRId64 " of partition %" PRId32 ": %s",
                                record->offset, record->partition, record->unreadable);
        if (unplaced) {
            stop_before(fresh, record->partition, record->offset);
            continue;
        }
        if (ev_ledger_judge(&cursor->ledger, &record->commit) != record->verdict)
            return ev_error_set(error, EV_ERR_CORRUPT, "a record of partition %" PRId32 " got lost", record->partition);
        cursor->next_offset = record->offset + 1;
        batch->records[kept++] = *record;
    }
    batch->record_count = kept;
    fresh->records += (int64_t)kept;
    return 0;
}

static size_t partitions_left(const struct fresh *fresh)
{
    size_t left = 0;
    for (int32_t i = 0; i < fresh->partition_count; i++)
        left += fresh->cursors[i].next_offset < fresh->until[i];
    return left;
}

static int assign_left(struct fresh *fresh, struct ev_error *error)
{
    const struct ev_commit_source *source = &fresh->options->source;
    struct ev_cursor cursors[EV_PROJECTION_PARTITIONS_MAX];
    size_t count = 0;
    for (int32_t i = 0; i < fresh->partition_count; i++)
        if (fresh->cursors[i].next_offset < fresh->until[i])
            cursors[count++] = fresh->cursors[i];
    return source->assign(source->context, cursors, count, error);
}

/* A record that can't be decoded is of no interest when it lies beyond; what comes before it was handed out. */
static bool failure_is_beyond(struct fresh *fresh)
{
    const struct ev_commit_source *source = &fresh->options->source;
    int32_t partition = -1;
    int64_t offset = -1;
    if (!source->failed(source->context, &partition, &offset) || partition < 0 || partition >= fresh->partition_count)
        return false;
    if (offset < fresh->until[partition] && !fresh->may_stop)
        return false;
    stop_before(fresh, partition, offset < fresh->until[partition] ? offset : fresh->until[partition]);
    return true;
}

static int fold_batch(struct fresh *fresh, struct ev_error *error)
{
    struct ev_batch *batch = &fresh->batch;
    /* The first of several passes leaves room for the others, which may hold more. */
    size_t bound = fresh->passes > 1 && fresh->pass == 0 ? fresh->bytes_max / 2 : fresh->bytes_max;
    ev_batch_group(batch, fresh->options->view);
    for (size_t i = 0; i < batch->documents.count; i++) {
        if (fresh_takes(fresh, batch->documents.items[i]->key))
            fold_one(fresh, batch->documents.items[i]);
        if (fresh->bytes > bound && !fresh->wanted)
            return ev_error_set(error, EV_ERR_LIMIT, "the documents need more than %zu bytes", bound);
    }
    fresh->events += (int64_t)batch->event_count;
    return 0;
}

/* One batch of the log. */
static int fold_some(struct fresh *fresh, int64_t *heard_ms, struct ev_error *error)
{
    const struct ev_clock *clock = fresh->options->clock;
    ev_batch_clear(&fresh->batch);
    int r = ev_batch_collect(&fresh->batch, &fresh->options->source, clock, FRESH_POLL_MS, true, error);
    struct ev_error fault = *error;
    if (fresh->batch.record_count > 0)
        *heard_ms = ev_clock_monotonic_ms(clock);
    else if (ev_clock_monotonic_ms(clock) - *heard_ms > PROOF_STALL_MS)
        return ev_error_set(error, EV_ERR_TIMEOUT, "no record of topic %s came for %d s",
                            fresh->options->view->topic->name, PROOF_STALL_MS / 1000);
    int taken = take_records(fresh, error);
    if (taken >= 0)
        taken = fold_batch(fresh, error);
    if (taken < 0)
        return taken;
    if (r < 0 && !failure_is_beyond(fresh) && !fault.retriable) {
        *error = fault;
        return r;
    }
    if (r < 0 && partitions_left(fresh) > 0) {
        r = assign_left(fresh, error);
        if (r < 0 && !error->retriable)
            return r;
    }
    return fresh_pace(fresh, fresh->records, error);
}

int fresh_fold(struct fresh *fresh, const int64_t *until, struct ev_error *error)
{
    int64_t heard_ms = ev_clock_monotonic_ms(fresh->options->clock);
    memcpy(fresh->until, until, (size_t)fresh->partition_count * sizeof(*until));
    if (partitions_left(fresh) == 0)
        return 0;
    int r = assign_left(fresh, error);
    while (r >= 0 && partitions_left(fresh) > 0)
        r = fold_some(fresh, &heard_ms, error);
    return r;
}
