#include "fold/batch.h"

#include <stdlib.h>

#include "core/memory.h"

void ev_batch_init(struct ev_batch *batch, const struct ev_batch_bounds *bounds)
{
    *batch = (struct ev_batch){.bounds = *bounds};
    struct ev_batch_bounds *b = &batch->bounds;
    b->records_max = b->records_max ? b->records_max : EV_BATCH_RECORDS_MAX;
    b->bytes_max = b->bytes_max ? b->bytes_max : EV_BATCH_BYTES_MAX;
    b->time_ms = b->time_ms ? b->time_ms : EV_BATCH_TIME_MS;
    b->linger_ms = b->linger_ms ? b->linger_ms : EV_BATCH_LINGER_MS;
    batch->records = ev_memory_alloc_array(b->records_max, sizeof(*batch->records));
    ev_arena_init(&batch->arena, 0);
    ev_map_init(&batch->by_key);
}

void ev_batch_finish(struct ev_batch *batch)
{
    if (!batch)
        return;
    free(batch->records);
    ev_arena_finish(&batch->arena);
    ev_map_finish(&batch->by_key);
    *batch = (struct ev_batch){0};
}

void ev_batch_clear(struct ev_batch *batch)
{
    *batch = (struct ev_batch){
        .bounds = batch->bounds, .arena = batch->arena, .records = batch->records, .by_key = batch->by_key};
    ev_arena_reset(&batch->arena);
    ev_map_finish(&batch->by_key);
}

int ev_batch_collect(struct ev_batch *batch, const struct ev_commit_source *source, const struct ev_clock *clock,
                     int64_t timeout_ms, bool behind, struct ev_error *error)
{
    const struct ev_batch_bounds *bounds = &batch->bounds;
    int64_t closes_at = 0; /* known once the first record has come */

    while (batch->record_count < bounds->records_max && batch->bytes < bounds->bytes_max) {
        size_t room = bounds->records_max - batch->record_count;
        size_t most = room < EV_BATCH_POLL_RECORDS ? room : EV_BATCH_POLL_RECORDS;
        struct ev_log_record *records = batch->records + batch->record_count;
        int got = source->poll(source->context, &batch->arena, records, most, timeout_ms, error);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        batch->record_count += (size_t)got;
        for (int i = 0; i < got; i++)
            batch->bytes += records[i].raw.length;

        int64_t now = ev_clock_monotonic_ms(clock);
        if (closes_at == 0)
            closes_at = now + bounds->time_ms;
        if (now >= closes_at)
            break;
        timeout_ms = behind ? bounds->linger_ms : 0;
    }
    return 0;
}

static struct ev_batch_document *batch_document(struct ev_batch *batch, struct ev_str key, int32_t partition)
{
    struct ev_batch_document *document = ev_map_get(&batch->by_key, key);
    if (document)
        return document;
    document = ev_arena_new(&batch->arena, struct ev_batch_document);
    document->key = ev_arena_copy(&batch->arena, key);
    document->partition = partition;
    ev_map_put(&batch->by_key, key, document);
    *ev_array_push(&batch->arena, &batch->documents) = document;
    return document;
}

static void batch_add(struct ev_batch *batch, struct ev_str key, const struct ev_log_record *record,
                      const struct ev_event *event)
{
    struct ev_batch_document *document = batch_document(batch, key, record->partition);
    struct ev_batch_event *entry = ev_arena_new(&batch->arena, struct ev_batch_event);
    entry->record = record;
    entry->event = event;
    *(document->last ? &document->last->next : &document->first) = entry;
    document->last = entry;
}

/* One event stands for all of the commit: the document goes no further than that. */
static void batch_group_unreadable(struct ev_batch *batch, const struct ev_view *view,
                                   const struct ev_log_record *record)
{
    char key[EV_VIEW_KEY_MAX];
    size_t length = view->stream_key ? view->stream_key(record->commit.stream_id, key) : 0;
    if (length > 0)
        batch_add(batch, (struct ev_str){key, length}, record, NULL);
    batch->commit_count++;
}

static void batch_group_commit(struct ev_batch *batch, const struct ev_view *view, const struct ev_log_record *record)
{
    const struct ev_fold_context context = {
        .commit = &record->commit,
        .partition = record->partition,
        .offset = record->offset,
        .arena = &batch->arena,
    };
    for (size_t i = 0; i < record->commit.event_count; i++) {
        const struct ev_event *event = &record->commit.events[i];
        char key[EV_VIEW_KEY_MAX];
        size_t length = view->key_of(event, &context, key);
        if (length > 0)
            batch_add(batch, (struct ev_str){key, length}, record, event);
        else
            batch->not_applicable++;
    }
    batch->commit_count++;
    batch->event_count += record->commit.event_count;
}

void ev_batch_group(struct ev_batch *batch, const struct ev_view *view)
{
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct ev_log_record *record = &batch->records[i];
        switch (record->verdict) {
        case EV_VERDICT_COMMIT:
            if (record->unreadable)
                batch_group_unreadable(batch, view, record);
            else
                batch_group_commit(batch, view, record);
            break;
        case EV_VERDICT_FENCE:
            break;
        case EV_VERDICT_VOID:
        case EV_VERDICT_VOID_FENCE:
            batch->void_count++;
            break;
        }
    }
}

void ev_batch_ungroup(struct ev_batch *batch)
{
    batch->documents.count = 0;
    batch->commit_count = batch->event_count = batch->not_applicable = batch->void_count = 0;
    ev_map_finish(&batch->by_key);
}
