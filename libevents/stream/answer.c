#include <stdio.h>
#include <string.h>

#include "stream/partition.h"

static void answer(struct ev_partition *partition, struct ev_request *request, struct ev_result *result)
{
    partition->pending--;
    partition->executor->stats.pending--;
    result->partition = partition->number;
    request->answer = NULL;
    request->done(request, result);
}

void ev_answer_fail(struct ev_partition *partition, struct ev_request *request, enum ev_error_code code, bool retriable,
                    const char *why)
{
    struct ev_result result = {.outcome = EV_OUTCOME_FAILED, .offset = -1};
    result.error.code = code;
    result.error.retriable = retriable;
    snprintf(result.error.message, sizeof(result.error.message), "%s", why);
    answer(partition, request, &result);
}

int ev_answer_state(const struct ev_decider *decider, const char *state, size_t length, struct ev_arena *arena,
                    void **ret, struct ev_error *error)
{
    *ret = ev_arena_alloc(arena, decider->state->size);
    if (!state) {
        ev_record_init(decider->state, *ret, arena);
        return 0;
    }
    return ev_record_decode(decider->state, (struct ev_str){state, length}, arena, *ret, error);
}

const void *ev_answer_copy(const struct ev_decider *decider, const void *state, struct ev_arena *arena)
{
    void *copy = ev_arena_alloc(arena, decider->state->size);
    ev_record_copy(decider->state, state, copy, arena);
    return copy;
}

/* The state after a flight that was just confirmed, for the caller: with strings that live as long as the arena. What
 * was encoded here can be decoded; if not, memory was overwritten, and NULL says no more than that there is no state to
 * show. */
static const void *state_for(struct ev_partition *partition, struct ev_request *request, const struct ev_flight *flight)
{
    void *decoded;
    if (!request->wants_state)
        return NULL;
    const struct ev_decider *decider = partition->executor->options.deciders[flight->stream->decider];
    if (flight->is_packed)
        return ev_answer_copy(decider, ev_hot_confirmed(partition, flight->stream), request->arena);
    struct ev_str copy = ev_arena_copy(request->arena, (struct ev_str){flight->bytes, flight->length});
    int r = ev_answer_state(decider, copy.data, copy.length, request->arena, &decoded, NULL);
    return r < 0 ? NULL : decoded;
}

void ev_answer_committed(struct ev_partition *partition, struct ev_request *request, const struct ev_flight *flight,
                         int64_t offset)
{
    struct ev_result result = {
        .outcome = EV_OUTCOME_COMMITTED,
        .version = flight->version,
        .offset = offset,
        .state = state_for(partition, request, flight),
    };
    answer(partition, request, &result);
}

/* Needs no confirmation: that the command is in the log, and the state after it, are facts that no other writer can
 * change. */
void ev_answer_follower(struct ev_partition *partition, struct ev_request *request, const struct ev_flight *flight,
                        const struct ev_dedup_entry *entry)
{
    bool same = ev_dedup_short_hash(&request->request_hash) == entry->request_hash;
    struct ev_result result = {
        .outcome = same ? EV_OUTCOME_DUPLICATE : EV_OUTCOME_REUSED,
        .version = flight->version,
        .offset = entry->offset,
    };
    if (same) {
        partition->executor->stats.duplicates++;
        result.state = state_for(partition, request, flight);
    }
    answer(partition, request, &result);
}

void ev_answer_hold(struct ev_partition *partition, struct ev_request *request, const struct ev_answer *decided)
{
    struct ev_executor *executor = partition->executor;
    request->answer = ev_arena_new(request->arena, struct ev_answer);
    *request->answer = *decided;
    request->answer->ticket = ev_owner_confirm(&partition->owner, ev_clock_monotonic_ms(&executor->options.clock));
    if (request->answer->ticket)
        ev_queue_push(&partition->held, request);
    else
        ev_answer_held(partition, request);
}

/* What an answer without a commit reflects: the stream's last commit, or for a stream that isn't there all that is
 * known of the partition. */
static int64_t reflected_offset(struct ev_partition *partition, struct ev_str stream_id)
{
    struct ev_stream *stream;
    (void)ev_partition_stream(partition, stream_id, &stream, NULL); /* NULL as well when it can't be had */
    return stream && stream->version > 0 ? stream->offset : partition->owner.next_offset - 1;
}

static void count_held(struct ev_executor_stats *stats, enum ev_outcome outcome)
{
    stats->rejected += outcome == EV_OUTCOME_REJECTED;
    stats->unchanged += outcome == EV_OUTCOME_UNCHANGED;
    stats->duplicates += outcome == EV_OUTCOME_DUPLICATE;
}

void ev_answer_held(struct ev_partition *partition, struct ev_request *request)
{
    struct ev_executor *executor = partition->executor;
    const struct ev_answer *decided = request->answer;
    struct ev_result result = {
        .outcome = decided->outcome,
        .rejection = decided->rejection,
        .version = decided->version,
        .offset = decided->offset == EV_ANSWER_OFFSET_OPEN ? reflected_offset(partition, request->stream_id)
                                                           : decided->offset,
        .state = decided->state,
    };
    if (decided->outcome == EV_OUTCOME_REJECTED) {
        struct ev_decision *decision = &executor->decision;
        decision->events.count = 0;
        snprintf(decision->detail, sizeof(decision->detail), "%.*s", EV_STR_ARG(decided->detail));
        snprintf(decision->pointer, sizeof(decision->pointer), "%.*s", EV_STR_ARG(decided->pointer));
        result.decision = decision;
    }
    count_held(&executor->stats, decided->outcome);
    answer(partition, request, &result);
}
