#include "fold/projection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "fold/projection_internal.h"

struct ev_projection *ev_projection_create(const struct ev_projection_options *options)
{
    struct ev_projection *projection = ev_memory_new(struct ev_projection);
    projection->options = *options;
    projection->view = options->view;
    projection->sink = options->sink;
    projection->source = options->source;
    projection->started_at_ms = ev_clock_wall_ms(options->clock);
    projection->rate_since_ms = ev_clock_monotonic_ms(options->clock);
    for (int32_t i = 0; i < EV_PROJECTION_PARTITIONS_MAX; i++)
        projection->partitions[i].owned = !options->shared;
    ev_batch_init(&projection->batch, &options->batch);
    ev_arena_init(&projection->slice_arena, 0);
    ev_buffer_init(&projection->scratch);
    ev_document_cache_init(&projection->cache,
                           options->cache_bytes_max ? options->cache_bytes_max : EV_PROJECTION_CACHE_BYTES_DEFAULT);
    ev_map_init(&projection->parked);
    ev_skipped_init(&projection->skipped);
    pthread_mutex_init(&projection->lock, NULL);
    projection_register_metrics(projection);
    return projection;
}

void ev_projection_destroy(struct ev_projection *projection)
{
    if (!projection)
        return;
    ev_batch_finish(&projection->batch);
    ev_arena_finish(&projection->slice_arena);
    ev_buffer_finish(&projection->scratch);
    ev_document_cache_finish(&projection->cache);
    projection_forget_parked(&projection->parked);
    ev_skipped_finish(&projection->skipped);
    pthread_mutex_destroy(&projection->lock);
    free(projection);
}

int64_t ev_projection_pause_ms(const struct ev_projection *projection)
{
    return projection->pause_ms;
}

/* Doubles from step to step; jittered, so that projections which lost the same store don't come back all at once. */
static void projection_back_off(struct ev_projection *projection)
{
    int64_t next = projection->backoff_ms ? projection->backoff_ms * 2 : EV_PROJECTION_BACKOFF_MIN_MS;
    projection->backoff_ms = next < EV_PROJECTION_BACKOFF_MAX_MS ? next : EV_PROJECTION_BACKOFF_MAX_MS;
    int64_t half = projection->backoff_ms / 2;
    projection->pause_ms = half + (int64_t)ev_random_below(projection->options.random, (uint64_t)half + 1);
}

/* The step failed. `forget`: what the store holds is no longer known, so the next step starts anew. */
static int projection_fail(struct ev_projection *projection, bool forget, const struct ev_error *error)
{
    if (forget)
        projection->started = false;
    projection_back_off(projection);
    if (!error->retriable)
        projection->pause_ms = EV_PROJECTION_REFUSED_MS;
    projection_set_state(projection, error->retriable ? EV_PROJECTION_RETRYING : EV_PROJECTION_REFUSED, error);
    return error->code;
}

static void projection_went_well(struct ev_projection *projection)
{
    projection->pause_ms = projection->backoff_ms = 0;
    if (!projection->log_away)
        projection_set_state(projection, projection->behind ? EV_PROJECTION_BEHIND : EV_PROJECTION_LIVE, NULL);
}

/* Asks the log for its ends now and then, without waiting for the answer, so that nothing that is to be folded waits
 * for it either. When it doesn't answer, the last known ones stand, and that is told: a poll alone can't tell a log
 * that is away from one to which nothing was added. */
static void projection_ask_ends(struct ev_projection *projection)
{
    int64_t ends[EV_PROJECTION_PARTITIONS_MAX];
    struct ev_error error;
    int64_t now = ev_clock_monotonic_ms(projection->options.clock);
    if (!projection->asking_ends && now - projection->asked_ms < EV_PROJECTION_LAG_INTERVAL_MS)
        return;
    if (!projection->asking_ends)
        projection->asked_ms = now;
    int r = projection->source.ends(projection->source.context, projection->partition_count,
                                    EV_PROJECTION_ENDS_TIMEOUT_MS, ends, &error);
    projection->asking_ends = r == 0;
    if (r == 0)
        return;
    projection->log_away = r < 0;
    if (r < 0) {
        projection_set_state(projection, EV_PROJECTION_RETRYING, &error);
        return;
    }
    for (int32_t i = 0; i < projection->partition_count; i++)
        if (projection->partitions[i].owned)
            projection->partitions[i].end = ends[i];
    projection->ends_asked_ms = projection->asked_ms;
}

static int64_t projection_flush_due_ms(const struct ev_projection *projection)
{
    int64_t interval = projection->sink->flush_interval_ms;
    if (projection->behind && interval < EV_PROJECTION_FLUSH_BEHIND_MS)
        interval = EV_PROJECTION_FLUSH_BEHIND_MS;
    int64_t due = projection->flushed_ms + interval - ev_clock_monotonic_ms(projection->options.clock);
    return due > 0 ? due : 0;
}

static int projection_flush(struct ev_projection *projection, struct ev_error *error)
{
    struct ev_checkpoint *checkpoints =
        ev_memory_alloc_array((size_t)projection->partition_count + 1, sizeof(*checkpoints));
    _cleanup_free_ void *owned = checkpoints;
    size_t count = 0;
    for (int32_t i = 0; i < projection->partition_count; i++) {
        const struct projection_partition *p = &projection->partitions[i];
        if (p->cursor.next_offset <= p->saved)
            continue;
        struct ev_checkpoint *checkpoint = &checkpoints[count++];
        memcpy(checkpoint->topic_id, projection->topic_id, sizeof(checkpoint->topic_id));
        checkpoint->cursor = p->cursor;
        checkpoint->previous_offset = p->saved;
        checkpoint->updated_at_ms = ev_clock_wall_ms(projection->options.clock);
        checkpoint->log_time_ms = p->log_time_ms;
    }
    int r = projection->sink->flush(projection->sink, projection->view, error);
    if (r >= 0 && count)
        r = projection->sink->save_checkpoints(projection->sink, projection->view, checkpoints, count, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        projection->partitions[checkpoints[i].cursor.partition].saved = checkpoints[i].cursor.next_offset;
    projection->dirty = false;
    projection->flushed_ms = ev_clock_monotonic_ms(projection->options.clock);
    return 0;
}

/* Reads and groups the next batch. An error of the log doesn't touch what is known of the store. */
static int projection_collect(struct ev_projection *projection, int64_t timeout_ms, struct ev_error *error)
{
    struct ev_batch *batch = &projection->batch;
    int r = projection->reassign ? projection_assign(projection, error) : 0;
    if (r < 0)
        return r;
    ev_batch_clear(batch);
    r = ev_batch_collect(batch, &projection->source, projection->options.clock, timeout_ms, projection->behind, error);
    projection->reassign = r < 0;
    if (r < 0 && batch->record_count == 0)
        return r;
    /* What came before the error is folded first. */
    r = projection_sift_batch(projection, error);
    if (r >= 0)
        r = projection_look_ahead(projection, error);
    if (r < 0) {
        projection->reassign = true;
        return r;
    }
    ev_batch_group(batch, projection->view);
    projection->batch_open = batch->record_count > 0;
    return 0;
}

static int projection_collect_failed(struct ev_projection *projection, struct ev_error *error)
{
    if ((error->code == EV_ERR_CORRUPT || error->code == EV_ERR_UNSUPPORTED) && !error->retriable) {
        struct ev_error cause = *error;
        if (projection_stop_at_failure(projection, &cause, error) < 0)
            return projection_fail(projection, true, error);
        projection_publish_lag(projection);
        return 0;
    }
    /* The log being away is no fault of the store: what is known of it stays. Anything else is looked at anew. */
    return projection_fail(projection, !error->retriable, error);
}

static int projection_write(struct ev_projection *projection, struct ev_error *error)
{
    int64_t before = ev_clock_monotonic_ms(projection->options.clock);
    int r = projection_write_batch(projection, error);
    if (r != 0)
        return r;
    if (projection->metrics.write_latency)
        ev_metric_observe_us(projection->metrics.write_latency,
                             (ev_clock_monotonic_ms(projection->options.clock) - before) * 1000);
    projection_move_on(projection);
    projection_count_batch(projection);
    projection->batch_open = false;
    return projection_forget_passed(projection, error);
}

/* Saves how far it got and looks again after a while. The open batch stays open. */
static int projection_stay_paused(struct ev_projection *projection, struct ev_error *error)
{
    int r = projection->dirty ? projection_flush(projection, error) : 0;
    if (r < 0)
        return projection_fail(projection, true, error);
    projection_ask_ends(projection);
    projection_publish_lag(projection);
    projection->backoff_ms = 0;
    projection->pause_ms = EV_PROJECTION_PAUSED_MS;
    projection_set_state(projection, EV_PROJECTION_PAUSED, NULL);
    return 0;
}

int ev_projection_step(struct ev_projection *projection, int64_t timeout_ms, struct ev_error *error)
{
    int r;
    int commits = 0;
    if (!projection->started) {
        projection->log_away = false;
        r = projection_start(projection, error);
        if (r < 0)
            return projection_fail(projection, true, error);
        projection_publish_lag(projection);
    }
    r = projection_follow_control(projection, error);
    if (r < 0)
        return projection_fail(projection, true, error);
    if (projection->control.paused)
        return projection_stay_paused(projection, error);
    if (!projection->batch_open) {
        int64_t due = projection_flush_due_ms(projection);
        r = projection_collect(projection, projection->dirty && due < timeout_ms ? due : timeout_ms, error);
        if (r < 0)
            return projection_collect_failed(projection, error);
    }
    if (projection->batch_open) {
        r = projection_write(projection, error);
        if (r != 0)
            return projection_fail(projection, r < 0, error);
        commits = (int)projection->batch.commit_count;
    }
    if (projection->dirty && projection_flush_due_ms(projection) == 0) {
        r = projection_flush(projection, error);
        if (r < 0)
            return projection_fail(projection, true, error);
    }
    projection_ask_ends(projection);
    projection_publish_lag(projection);
    projection_went_well(projection);
    return commits;
}

void ev_projection_own(struct ev_projection *projection, const bool owned[EV_PROJECTION_PARTITIONS_MAX])
{
    struct ev_error ignored; /* what isn't saved is folded again, by whoever has the partition then */
    if (projection->started && projection->dirty)
        (void)projection_flush(projection, &ignored);
    for (int32_t i = 0; i < EV_PROJECTION_PARTITIONS_MAX; i++)
        projection->partitions[i].owned = owned[i];
    projection->started = false;
    projection->pause_ms = 0;
}

int ev_projection_stop(struct ev_projection *projection, struct ev_error *error)
{
    int r = projection->started && projection->dirty ? projection_flush(projection, error) : 0;
    projection->started = false;
    if (r >= 0)
        projection_publish_lag(projection);
    projection_set_state(projection, EV_PROJECTION_STOPPED, r < 0 ? error : NULL);
    return r;
}
