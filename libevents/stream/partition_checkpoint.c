/* Taking checkpoints of a partition and going on from one.
 *
 * A cut is consistent because everything here happens on one loop, between records: the confirmed states, the commands
 * and the owner's mark all are what the records below next_offset amount to. What has changed since the cut before is
 * copied in slices, so that commands go on meanwhile; a stream that changes before its turn is copied first. The batch
 * is then written by the store's own thread, because a transaction ends with the disk's confirmation, which takes as
 * long as the disk likes. Until it is written nothing that is in it may be evicted. */
#include <inttypes.h>
#include <stdio.h>

#include "core/memory.h"
#include "log/mutant.h"
#include "stream/partition.h"

#define SLICE_STREAMS 1000                           /* per tick */
#define EVICTED_PER_TICK_MAX 1000                    /* of a partition */
#define CHANGED_BYTES_MAX ((size_t)32 * 1024 * 1024) /* of a partition; beyond, a checkpoint is taken at once */
#define BATCH_BYTES_MAX ((size_t)768 * 1024 * 1024)
#define RETRY_MIN_MS 5000 /* after a failure, doubled with each one in a row */
#define RETRY_MAX_MS 60000
#define BUSY_MS 1 /* until the next step of a cut */
#define POLL_MS 10
#define NOT_DUE_MS 1000

static void tell(const struct ev_partition *partition, const struct ev_checkpoint_news *news)
{
    const struct ev_executor_options *options = &partition->executor->options;
    if (options->on_checkpoint)
        options->on_checkpoint(options->context, partition->number, news);
}

/* --- going on from one --- */

static void throw_away(struct ev_partition *partition, enum ev_rebuild_reason reason, const struct ev_error *error)
{
    struct ev_checkpoint_news news = {.kind = EV_CHECKPOINT_THROWN_AWAY, .reason = reason, .error = error};
    partition->executor->stats.rebuilds[reason]++;
    tell(partition, &news);
}

/* A reason to throw it away; -1: there is none. */
static int judge_head(const struct ev_partition *partition, const struct ev_checkpoint_head *head)
{
    const struct ev_executor *executor = partition->executor;
    const char *topic_id = executor->options.topic_id ? executor->options.topic_id : "";
    if (head->deciders != executor->fingerprint)
        return EV_REBUILD_DECIDERS;
    if (!ev_str_equal(ev_str_of(head->topic_id), ev_str_of(topic_id)))
        return EV_REBUILD_TOPIC;
    if (partition->dedup.entries_max > head->entries_max || partition->dedup.window_ms > head->window_ms)
        return EV_REBUILD_WINDOW;
    if (head->mark.last_offset < 0 || head->mark.last_offset >= head->mark.next_offset)
        return EV_REBUILD_CORRUPT;
    return -1;
}

static void take_command(void *context, const struct ev_dedup_entry *entry)
{
    struct ev_partition *partition = context;
    ev_dedup_restore(&partition->dedup, entry);
}

static int read_stored(struct ev_partition *partition, struct ev_checkpoint_head *head, int *ret_reason,
                       struct ev_error *error)
{
    struct ev_checkpoint_port *port = partition->executor->options.checkpoints;
    int r = port->head(port, partition->number, head, error);
    *ret_reason = r == EV_ERR_UNSUPPORTED ? EV_REBUILD_FORMAT : EV_REBUILD_CORRUPT;
    if (r != 0)
        return r;
    int reason = judge_head(partition, head);
    if (reason >= 0) {
        *ret_reason = reason;
        return ev_error_set(error, EV_ERR_CONFLICT, "%s", ev_rebuild_reason_text((enum ev_rebuild_reason)reason));
    }
    ev_dedup_restore_at(&partition->dedup, head->commands_first);
    r = port->commands(port, partition->number, head, take_command, partition, error);
    if (r < 0)
        ev_dedup_clear(&partition->dedup);
    return r;
}

void ev_partition_restore(struct ev_partition *partition)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_executor *executor = partition->executor;
    struct ev_checkpoint_head head;
    struct ev_error error = {0};
    int reason;
    if (!executor->options.checkpoints || checkpoint->looked)
        return;
    checkpoint->looked = true;
    checkpoint->taken_ms = ev_clock_monotonic_ms(&executor->options.clock);
    checkpoint->next_ms = checkpoint->taken_ms + executor->options.checkpoint_every_ms;
    int r = read_stored(partition, &head, &reason, &error);
    if (r < 0)
        throw_away(partition, (enum ev_rebuild_reason)reason, &error);
    if (r != 0)
        return;
    ev_owner_restore(&partition->owner, &head.mark);
    checkpoint->base = true;
    checkpoint->offset = head.mark.next_offset;
    checkpoint->commands_stored = head.commands_next;
    struct ev_checkpoint_news news = {.kind = EV_CHECKPOINT_RESTORED, .offset = checkpoint->offset};
    tell(partition, &news);
}

void ev_partition_checkpoint_reset(struct ev_partition *partition)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    enum ev_rebuild_reason reason = checkpoint->misfits     ? EV_REBUILD_MISFIT
                                    : checkpoint->untrusted ? EV_REBUILD_CORRUPT
                                                            : EV_REBUILD_LOG;
    bool was_base = checkpoint->base;
    checkpoint->base = checkpoint->untrusted = checkpoint->misfits = false;
    checkpoint->offset = -1;
    checkpoint->commands_stored = 0;
    if (checkpoint->phase == EV_CUT_WRITING) {
        checkpoint->stale = true;
    } else {
        ev_checkpoint_batch_destroy(EV_TAKE(checkpoint->batch));
        checkpoint->phase = EV_CUT_NONE;
    }
    if (was_base)
        throw_away(partition, reason, &partition->owner.last_error);
}

void ev_partition_checkpoint_finish(struct ev_partition *partition)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_checkpoint_port *port = partition->executor->options.checkpoints;
    if (checkpoint->phase == EV_CUT_WRITING)
        port->abandon(port, EV_TAKE(checkpoint->batch));
    ev_checkpoint_batch_destroy(EV_TAKE(checkpoint->batch));
    checkpoint->phase = EV_CUT_NONE;
}

/* --- the cut --- */

static bool has_changed(const struct ev_partition *partition)
{
    const struct ev_owner *owner = &partition->owner;
    return !owner->unproved && owner->last.last_offset >= 0 &&
           owner->last.last_offset + 1 != partition->checkpoint.offset;
}

static bool is_due(const struct ev_partition *partition, int64_t now_ms)
{
    const struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    const struct ev_executor_options *options = &partition->executor->options;
    size_t changed = partition->streams.lists[checkpoint->changed].bytes;
    int64_t records = partition->owner.next_offset - (checkpoint->offset > 0 ? checkpoint->offset : 0);
    if (!has_changed(partition) || now_ms < checkpoint->retry_ms)
        return false;
    return now_ms >= checkpoint->next_ms || records >= options->checkpoint_every_records ||
           changed >= CHANGED_BYTES_MAX || (changed > 0 && ev_executor_is_over(partition->executor, false));
}

static struct ev_checkpoint_head head_of(const struct ev_partition *partition)
{
    const struct ev_executor *executor = partition->executor;
    struct ev_checkpoint_head head = {
        .deciders = executor->fingerprint,
        .commands_first = partition->dedup.first,
        .commands_next = partition->dedup.settled,
        .entries_max = partition->dedup.entries_max,
        .window_ms = partition->dedup.window_ms,
        .taken_at = ev_clock_wall_ms(&executor->options.clock),
    };
    snprintf(head.topic_id, sizeof(head.topic_id), "%s", executor->options.topic_id ? executor->options.topic_id : "");
    ev_owner_mark(&partition->owner, &head.mark);
    return head;
}

static void cut_begin(struct ev_partition *partition, int64_t now_ms)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_checkpoint_batch *batch = ev_checkpoint_batch_create();
    batch->partition = partition->number;
    batch->clear = !checkpoint->base;
    batch->head = head_of(partition);
    batch->commands_from = partition->dedup.first;
    uint64_t stored = checkpoint->commands_stored / EV_CHECKPOINT_COMMANDS_PER_VALUE * EV_CHECKPOINT_COMMANDS_PER_VALUE;
    if (checkpoint->base && stored > batch->commands_from)
        batch->commands_from = stored;
    for (uint64_t number = batch->commands_from; number != partition->dedup.settled; number++)
        ev_buffer_append(&batch->commands, ev_dedup_at(&partition->dedup, number), sizeof(struct ev_dedup_entry));
    checkpoint->batch = batch;
    checkpoint->gathering = checkpoint->changed;
    checkpoint->changed = checkpoint->changed == EV_LIST_CHANGED ? EV_LIST_CHANGED_TOO : EV_LIST_CHANGED;
    checkpoint->stale = checkpoint->failed = false;
    checkpoint->began_ms = now_ms;
    checkpoint->phase = EV_CUT_GATHERING;
}

static void gather(struct ev_partition *partition, struct ev_stream *stream)
{
    ev_hot_encode(partition, stream);
    struct ev_checkpoint_stream copy = {stream->version, stream->offset, {stream->encoded, stream->encoded_length}};
    ev_checkpoint_batch_add(partition->checkpoint.batch, (struct ev_str){stream->id, stream->id_length}, &copy);
    ev_streams_touch(&partition->streams, stream, EV_LIST_WRITTEN);
}

/* What the cut at hand is to hold of it is copied before it is too late. */
void ev_partition_changing(struct ev_partition *partition, struct ev_stream *stream)
{
    if (!EV_MUTANT(CUT) && partition->checkpoint.phase == EV_CUT_GATHERING &&
        stream->list == partition->checkpoint.gathering)
        gather(partition, stream);
}

static void failed(struct ev_partition *partition, int64_t now_ms, const struct ev_error *error)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_checkpoint_news news = {.kind = EV_CHECKPOINT_FAILED, .error = error};
    int64_t pause = checkpoint->retry_pause_ms ? 2 * checkpoint->retry_pause_ms : RETRY_MIN_MS;
    checkpoint->retry_pause_ms = pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS;
    checkpoint->retry_ms = now_ms + checkpoint->retry_pause_ms;
    checkpoint->failed = true;
    partition->executor->stats.checkpoint_failures++;
    tell(partition, &news);
}

static void gather_slice(struct ev_partition *partition, size_t max, int64_t now_ms)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_checkpoint_port *port = partition->executor->options.checkpoints;
    struct ev_stream_list *list = &partition->streams.lists[checkpoint->gathering];
    for (size_t i = 0; i < max && list->oldest && checkpoint->batch->streams.length < BATCH_BYTES_MAX; i++)
        gather(partition, list->oldest);
    if (!list->oldest) {
        checkpoint->phase = EV_CUT_WRITING;
        port->write(port, checkpoint->batch);
    } else if (checkpoint->batch->streams.length >= BATCH_BYTES_MAX) {
        struct ev_error error = {0};
        (void)ev_error_set(&error, EV_ERR_LIMIT, "partition %d: more than %zu bytes have changed",
                           (int)partition->number, BATCH_BYTES_MAX);
        failed(partition, now_ms, &error);
        ev_checkpoint_batch_destroy(EV_TAKE(checkpoint->batch));
        checkpoint->phase = EV_CUT_SETTLING;
    }
}

static void written(struct ev_partition *partition, const struct ev_checkpoint_batch *batch, int64_t now_ms)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_executor_stats *stats = &partition->executor->stats;
    checkpoint->base = true;
    checkpoint->offset = batch->head.mark.next_offset;
    checkpoint->commands_stored = batch->head.commands_next;
    checkpoint->taken_ms = checkpoint->began_ms;
    checkpoint->retry_ms = checkpoint->retry_pause_ms = 0;
    stats->checkpoints++;
    stats->checkpoint_bytes += batch->written_bytes;
    stats->checkpoint_ms += now_ms - checkpoint->began_ms;
    struct ev_checkpoint_news news = {
        .kind = EV_CHECKPOINT_WRITTEN,
        .offset = checkpoint->offset,
        .bytes = batch->written_bytes,
        .took_ms = now_ms - checkpoint->began_ms,
        .streams = batch->stream_count,
    };
    tell(partition, &news);
}

static void look_at_batch(struct ev_partition *partition, int64_t now_ms)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    if (!atomic_load(&checkpoint->batch->done))
        return;
    struct ev_checkpoint_batch *batch = EV_TAKE(checkpoint->batch);
    checkpoint->next_ms = now_ms + partition->executor->options.checkpoint_every_ms;
    checkpoint->phase = EV_CUT_NONE;
    if (!checkpoint->stale) {
        checkpoint->phase = EV_CUT_SETTLING;
        if (batch->error.code)
            failed(partition, now_ms, &batch->error);
        else
            written(partition, batch, now_ms);
    }
    ev_checkpoint_batch_destroy(batch);
}

static void settle_list(struct ev_partition *partition, enum ev_partition_list from, size_t *left)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    struct ev_stream_list *list = &partition->streams.lists[from];
    for (; *left > 0 && list->oldest; (*left)--)
        ev_streams_touch(&partition->streams, list->oldest, checkpoint->failed ? checkpoint->changed : EV_LIST_CLEAN);
}

static void settle_slice(struct ev_partition *partition, size_t max)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    settle_list(partition, EV_LIST_WRITTEN, &max);
    if (checkpoint->failed)
        settle_list(partition, checkpoint->gathering, &max); /* what was not even gathered */
    if (max > 0)
        checkpoint->phase = EV_CUT_NONE;
}

/* --- time --- */

int64_t ev_partition_checkpoint_tick(struct ev_partition *partition, int64_t now_ms)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    if (!checkpoint->looked)
        return NOT_DUE_MS;
    if (checkpoint->untrusted || checkpoint->misfits)
        ev_owner_rebuild(&partition->owner, now_ms,
                         "what was loaded from the checkpoint is corrupt or does not fit the log");
    if (ev_executor_is_over(partition->executor, false))
        ev_partition_evict(partition, EVICTED_PER_TICK_MAX);
    switch (checkpoint->phase) {
    case EV_CUT_NONE:
        if (!is_due(partition, now_ms))
            return NOT_DUE_MS;
        cut_begin(partition, now_ms);
        return BUSY_MS;
    case EV_CUT_GATHERING:
        gather_slice(partition, SLICE_STREAMS, now_ms);
        return BUSY_MS;
    case EV_CUT_WRITING:
        look_at_batch(partition, now_ms);
        return POLL_MS;
    case EV_CUT_SETTLING:
        settle_slice(partition, SLICE_STREAMS);
        return BUSY_MS;
    }
    return NOT_DUE_MS;
}

void ev_partition_checkpoint_now(struct ev_partition *partition, int64_t now_ms)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    if (!checkpoint->looked)
        return;
    if (checkpoint->phase == EV_CUT_SETTLING)
        settle_slice(partition, SIZE_MAX);
    if (checkpoint->phase == EV_CUT_NONE && has_changed(partition))
        cut_begin(partition, now_ms);
    if (checkpoint->phase == EV_CUT_GATHERING)
        gather_slice(partition, SIZE_MAX, now_ms);
}

bool ev_partition_checkpoint_wait(struct ev_partition *partition, int64_t deadline_ms)
{
    struct ev_checkpoint_port *port = partition->executor->options.checkpoints;
    const struct ev_clock *clock = &partition->executor->options.clock;
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    int64_t now_ms = ev_clock_monotonic_ms(clock);
    if (checkpoint->phase != EV_CUT_WRITING)
        return !checkpoint->looked || !has_changed(partition);
    if (!port->wait(port, checkpoint->batch, deadline_ms > now_ms ? deadline_ms - now_ms : 0))
        return false;
    look_at_batch(partition, ev_clock_monotonic_ms(clock));
    return !has_changed(partition);
}
