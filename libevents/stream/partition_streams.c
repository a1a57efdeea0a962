/* A partition's streams: those in memory, those that lie in the checkpoint until somebody asks for them, and the bound
 * on the memory of all. */
#include <stdlib.h>

#include "core/memory.h"
#include "stream/partition.h"

static int load(struct ev_partition *partition, struct ev_str id, struct ev_stream **ret, struct ev_error *error)
{
    struct ev_executor *executor = partition->executor;
    struct ev_checkpoint_port *port = executor->options.checkpoints;
    struct ev_checkpoint_stream stored;
    int decider = ev_executor_decider_of(executor, id);
    if (!partition->checkpoint.base || decider < 0)
        return 1;
    int r = partition->checkpoint.untrusted
                ? ev_error_set_retriable(error, EV_ERR_CORRUPT, "partition %d is about to be rebuilt",
                                         (int)partition->number)
                : port->stream(port, partition->number, id, &stored, error);
    if (r < 0)
        partition->checkpoint.untrusted = true;
    if (r != 0)
        return r;
    struct ev_stream *stream = ev_streams_ensure(&partition->streams, id, (uint16_t)decider);
    ev_streams_set_state(&partition->streams, stream, ev_memory_copy(stored.state.data, stored.state.length),
                         (uint32_t)stored.state.length);
    stream->version = stored.version;
    stream->offset = stored.offset;
    executor->stats.loads++;
    *ret = stream;
    return 0;
}

int ev_partition_stream(struct ev_partition *partition, struct ev_str id, struct ev_stream **ret,
                        struct ev_error *error)
{
    struct ev_stream *stream = ev_streams_find(&partition->streams, id);
    *ret = stream;
    if (!stream)
        return load(partition, id, ret, error);
    if (stream->list == EV_LIST_CLEAN)
        ev_streams_touch(&partition->streams, stream, EV_LIST_CLEAN);
    return 0;
}

void ev_partition_changed(struct ev_partition *partition, struct ev_stream *stream, int64_t version, int64_t offset)
{
    stream->version = version;
    stream->offset = offset;
    ev_streams_touch(&partition->streams, stream, partition->checkpoint.changed);
}

void ev_partition_evict(struct ev_partition *partition, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        struct ev_stream *oldest = partition->streams.lists[EV_LIST_CLEAN].oldest;
        if (!oldest)
            return;
        if (oldest->newest_flight) {
            ev_streams_touch(&partition->streams, oldest, EV_LIST_CLEAN);
        } else {
            ev_hot_forget(partition, oldest);
            ev_streams_remove(&partition->streams, oldest);
            partition->executor->stats.evictions++;
        }
    }
}

/* --- the bound --- */

void ev_executor_charge(struct ev_executor *executor)
{
    size_t bytes = 0;
    if (!executor->options.memory)
        return;
    for (int32_t i = 0; i < executor->options.partition_count; i++) {
        const struct ev_partition *partition = &executor->partitions[i];
        bytes += partition->streams.bytes + ev_hot_bytes(partition);
        if (partition->checkpoint.batch)
            bytes += ev_checkpoint_batch_bytes(partition->checkpoint.batch);
    }
    atomic_fetch_add(&executor->options.memory->used, bytes - executor->charged); /* modulo 2^n: may go down */
    executor->charged = bytes;
}

bool ev_executor_is_over(const struct ev_executor *executor, bool hard)
{
    struct ev_state_memory *memory = executor->options.memory;
    return memory && atomic_load(&memory->used) > (hard ? memory->hard_max : memory->soft_max);
}

/* Looks closely only when it seems so. */
bool ev_partition_is_full(struct ev_partition *partition)
{
    enum { EVICT_AT_ONCE = 64 };
    struct ev_executor *executor = partition->executor;
    if (!ev_executor_is_over(executor, true))
        return false;
    ev_partition_evict(partition, EVICT_AT_ONCE);
    ev_executor_charge(executor);
    return ev_executor_is_over(executor, true);
}
