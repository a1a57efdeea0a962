/* Taking in history: a valid commit that somebody wrote earlier, read from the log. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/memory.h"
#include "stream/partition.h"

static int check(const struct ev_partition *partition, const struct ev_commit *commit, int64_t offset, int decider,
                 const struct ev_stream *stream, struct ev_error *error)
{
    int64_t version = stream ? stream->version : 0;
    if (decider < 0)
        return ev_error_set(error, EV_ERR_CORRUPT, "partition %d, offset %" PRId64 ": no decider for stream '%.*s'",
                            (int)partition->number, offset, EV_STR_ARG(commit->stream_id));
    if (commit->stream_id.length > EV_STREAM_ID_MAX)
        return ev_error_set(error, EV_ERR_CORRUPT, "partition %d, offset %" PRId64 ": a stream's id of %zu bytes",
                            (int)partition->number, offset, commit->stream_id.length);
    if (commit->base_version != version)
        return ev_error_set(
            error, EV_ERR_CORRUPT,
            "partition %d, offset %" PRId64 ": stream '%.*s' goes on at version %" PRId64 ", but is at %" PRId64,
            (int)partition->number, offset, EV_STR_ARG(commit->stream_id), commit->base_version, version);
    if (ev_flights_count(&partition->flights) > 0)
        return ev_error_set(error, EV_ERR_INTERNAL,
                            "partition %d, offset %" PRId64 ": history behind commits in flight",
                            (int)partition->number, offset);
    return 0;
}

/* A commit that doesn't fit the states: where they came from a checkpoint, that is to blame before the log is. */
static int misfit(struct ev_partition *partition, int64_t offset, int error)
{
    struct ev_partition_checkpoint *checkpoint = &partition->checkpoint;
    if (checkpoint->base && checkpoint->misfit != offset + 1) {
        checkpoint->misfits = true;
        checkpoint->misfit = offset + 1;
    }
    return error;
}

static void remember(struct ev_partition *partition, const struct ev_commit *commit, int64_t version, int64_t offset)
{
    struct ev_dedup_entry entry = {
        .command_id = commit->command_id,
        .request_hash = ev_dedup_short_hash(&commit->request_hash),
        .version = version,
        .offset = -1,
        .occurred_at = commit->occurred_at,
    };
    (void)ev_dedup_push(&partition->dedup, &entry);
    ev_dedup_settle(&partition->dedup, offset);
}

static int evolve(struct ev_partition *partition, struct ev_stream *stream, const struct ev_decider *decider,
                  const struct ev_commit *commit, struct ev_error *error)
{
    struct ev_executor *executor = partition->executor;
    void *state;
    if (ev_hot_take(partition, stream)) {
        uint32_t length;
        char *packed = ev_hot_pack(partition, commit->events, commit->event_count, &length);
        ev_hot_confirm(partition, stream, (struct ev_str){packed, length});
        ev_hot_drop_newest(partition, stream);
        free(packed);
        return 0;
    }
    int r = ev_answer_state(decider, stream->encoded, stream->encoded_length, &executor->arena, &state, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < commit->event_count; i++)
        decider->evolve(state, &commit->events[i], &executor->arena);
    ev_buffer_clear(&executor->state);
    ev_record_encode(decider->state, state, &executor->state);
    ev_streams_set_state(&partition->streams, stream, ev_memory_copy(executor->state.data, executor->state.length),
                         (uint32_t)executor->state.length);
    return 0;
}

int ev_partition_apply(struct ev_partition *partition, int64_t offset, struct ev_str record, struct ev_error *error)
{
    struct ev_executor *executor = partition->executor;
    struct ev_commit commit;
    ev_arena_reset(&executor->arena);
    int r = ev_commit_decode(executor->decoder, record, &executor->arena, &commit, error);
    if (r < 0)
        return r;
    int index = ev_executor_decider_of(executor, commit.stream_id);
    struct ev_stream *stream;
    r = ev_partition_stream(partition, commit.stream_id, &stream, error);
    if (r < 0)
        return r;
    if (!stream && ev_partition_is_full(partition) && partition->checkpoint.phase != EV_CUT_NONE)
        return ev_error_set_retriable(error, EV_ERR_LIMIT,
                                      "partition %d: no memory is left for states; reading goes on when a checkpoint "
                                      "is written",
                                      (int)partition->number);
    r = check(partition, &commit, offset, index, stream, error);
    if (r < 0)
        return misfit(partition, offset, r);
    const struct ev_decider *decider = executor->options.deciders[index];
    if (!stream)
        stream = ev_streams_ensure(&partition->streams, commit.stream_id, (uint16_t)index);
    ev_partition_changing(partition, stream);
    r = evolve(partition, stream, decider, &commit, error);
    if (r < 0)
        return r;
    ev_partition_changed(partition, stream, stream->version + 1, offset);
    remember(partition, &commit, stream->version, offset);
    return 0;
}
