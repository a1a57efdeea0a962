#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fold/projection_internal.h"

#define START_REBUILD_HINT "; to build the view anew, stop the projectors and run: projectors --rebuild %s/%s"

/* Where a checkpoint doesn't fit the log, going on would leave events out or take foreign ones in. */
static int start_refuse(const struct ev_projection *projection, struct ev_error *error, int32_t partition,
                        const char *why)
{
    return ev_error_set(
        error, EV_ERR_CONFLICT,
        "the checkpoint of view %s, partition %" PRId32 " in %s doesn't fit the log: %s" START_REBUILD_HINT,
        projection->view->name, partition, projection->sink->name, why, projection->view->name, projection->sink->name);
}

static int start_describe(struct ev_projection *projection, struct ev_error *error)
{
    int32_t count = 0;
    int r = projection->source.describe(projection->source.context, EV_PROJECTION_DESCRIBE_TIMEOUT_MS, &count,
                                        projection->topic_id, error);
    if (r == EV_ERR_NOT_FOUND) {
        error->retriable = true; /* topics are made by the write side, which may start later */
        return r;
    }
    if (r < 0)
        return r;
    if (count > EV_PROJECTION_PARTITIONS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "topic %s has %" PRId32 " partitions, a projection takes at most %d",
                            projection->view->topic->name, count, EV_PROJECTION_PARTITIONS_MAX);
    projection->partition_count = count;
    return 0;
}

/* Reads the commit that the checkpoint names and compares its id: the offset alone would not tell that the log's tail
 * was lost and written anew. */
static int start_verify_commit(struct ev_projection *projection, const struct ev_cursor *cursor, struct ev_error *error)
{
    const struct ev_commit_source *source = &projection->source;
    const struct ev_clock *clock = projection->options.clock;
    const struct ev_cursor at = {
        .partition = cursor->partition,
        .next_offset = cursor->last_offset,
        .ledger = {.epoch = cursor->ledger.epoch, .next_seq = cursor->ledger.next_seq - 1},
        .last_offset = -1,
    };
    int r = source->assign(source->context, &at, 1, error);
    if (r < 0)
        return r;

    int64_t deadline = ev_clock_monotonic_ms(clock) + EV_PROJECTION_VERIFY_TIMEOUT_MS;
    struct ev_log_record record;
    do {
        int64_t left = deadline - ev_clock_monotonic_ms(clock);
        r = source->poll(source->context, &projection->batch.arena, &record, 1, left > 0 ? left : 0, error);
    } while (r == 0 && ev_clock_monotonic_ms(clock) < deadline);
    if (r < 0)
        return r;
    if (r == 0)
        return ev_error_set_retriable(error, EV_ERR_TIMEOUT,
                                      "the commit at offset %" PRId64 " of %s/%" PRId32
                                      ", which the checkpoint names, could not be read in time",
                                      cursor->last_offset, projection->view->topic->name, cursor->partition);
    if (record.offset != cursor->last_offset || !ev_uuid_equal(&record.commit.command_id, &cursor->last_command_id))
        return start_refuse(
            projection, error, cursor->partition,
            "another commit lies where the last one folded was (the log's tail was lost and written anew)");
    return 0;
}

static int start_verify_checkpoint(struct ev_projection *projection, const struct ev_checkpoint *checkpoint,
                                   int64_t first, int64_t next, struct ev_error *error)
{
    const struct ev_cursor *cursor = &checkpoint->cursor;
    if (strcmp(checkpoint->topic_id, projection->topic_id) != 0)
        return start_refuse(projection, error, cursor->partition, "the topic was made anew since (its id differs)");
    if (cursor->next_offset > next)
        return start_refuse(projection, error, cursor->partition, "the log ends before it (the log's tail was lost)");
    if (cursor->next_offset < first)
        return start_refuse(projection, error, cursor->partition,
                            "the log begins after it (records were deleted that the view hasn't read)");
    /* What lies before the log's begin can't be compared. */
    if (cursor->last_offset < first)
        return 0;
    return start_verify_commit(projection, cursor, error);
}

static int start_partition(struct ev_projection *projection, int32_t partition, struct ev_error *error)
{
    struct projection_partition *p = &projection->partitions[partition];
    int64_t first = 0, next = 0;
    if (!p->owned) {
        p->cursor = (struct ev_cursor){.partition = partition, .last_offset = -1};
        p->saved = 0;
        p->end = -1;
        p->stopped = false;
        return 0;
    }
    int r = projection->source.bounds(projection->source.context, partition, EV_PROJECTION_BOUNDS_TIMEOUT_MS, &first,
                                      &next, error);
    if (r < 0)
        return r;

    struct ev_checkpoint checkpoint = {.cursor = {.partition = partition, .last_offset = -1}};
    ev_ledger_init(&checkpoint.cursor.ledger);
    r = projection->sink->load_checkpoint(projection->sink, projection->view, partition, &checkpoint, error);
    if (r == EV_ERR_NOT_FOUND) {
        if (first > 0)
            return ev_error_set(error, EV_ERR_CONFLICT,
                                "topic %s, partition %" PRId32 " begins at offset %" PRId64
                                ": its first events are gone (retention?), so the view %s can't be built",
                                projection->view->topic->name, partition, first, projection->view->name);
    } else if (r < 0 || (r = start_verify_checkpoint(projection, &checkpoint, first, next, error)) < 0) {
        return r;
    }
    p->cursor = checkpoint.cursor;
    p->saved = checkpoint.cursor.next_offset;
    p->log_time_ms = checkpoint.log_time_ms;
    p->end = next;
    p->stopped = false;
    return 0;
}

int projection_assign(struct ev_projection *projection, struct ev_error *error)
{
    struct ev_cursor cursors[EV_PROJECTION_PARTITIONS_MAX];
    size_t count = 0;
    for (int32_t i = 0; i < projection->partition_count; i++)
        if (projection->partitions[i].owned && !projection->partitions[i].stopped)
            cursors[count++] = projection->partitions[i].cursor;
    projection->reassign = false;
    return projection->source.assign(projection->source.context, cursors, count, error);
}

int projection_start(struct ev_projection *projection, struct ev_error *error)
{
    ev_document_cache_clear(&projection->cache);
    ev_batch_clear(&projection->batch);
    projection->batch_open = false;
    projection->dirty = false;

    int r = start_describe(projection, error);
    if (r < 0)
        return r;
    r = projection->sink->prepare(projection->sink, projection->view, error);
    if (r < 0)
        return r;
    for (int32_t i = 0; i < projection->partition_count; i++) {
        r = start_partition(projection, i, error);
        if (r < 0)
            return r;
    }
    ev_batch_clear(&projection->batch);
    projection_forget_parked(&projection->parked);
    r = projection_look_at_parked(projection, error);
    if (r >= 0)
        r = projection->sink->load_control(projection->sink, projection->view, &projection->control, error);
    if (r < 0)
        return r;
    projection->control_asked_ms = ev_clock_monotonic_ms(projection->options.clock);
    r = projection_assign(projection, error);
    if (r < 0)
        return r;
    projection->started = true;
    return 0;
}
