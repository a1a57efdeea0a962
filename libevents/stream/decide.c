/* Deciding one request: look up its command id, load the speculative state, ask the decider, append what it says. */
#include <inttypes.h>
#include <string.h>

#include "core/memory.h"
#include "log/mutant.h"
#include "stream/partition.h"

/* A stream as the next decision sees it: with all commits in flight. Borrowed. */
struct view {
    struct ev_stream *stream; /* NULL: there is none */
    struct ev_str encoded;    /* null for a hot one */
    bool is_hot;
    int64_t version;
};

int ev_executor_decider_of(const struct ev_executor *executor, struct ev_str stream_id)
{
    struct ev_str rest = stream_id, category;
    if (!ev_str_split(&rest, '-', &category) || rest.length == 0)
        return -1;
    for (size_t i = 0; i < executor->decider_count; i++) {
        if (ev_str_equal(category, ev_str_of(executor->options.deciders[i]->category)))
            return (int)i;
    }
    return -1;
}

static struct view view_of(struct ev_partition *partition, struct ev_stream *stream)
{
    struct view view = {.stream = stream};
    if (!view.stream)
        return view;
    view.version = view.stream->version;
    view.encoded = (struct ev_str){view.stream->encoded, view.stream->encoded_length};
    if (view.stream->newest_flight) {
        const struct ev_flight *flight = ev_flights_at(&partition->flights, view.stream->newest_flight);
        view.version = flight->version;
        view.encoded = (struct ev_str){flight->bytes, flight->length};
    }
    view.is_hot = ev_hot_take(partition, view.stream);
    if (view.is_hot)
        view.encoded = EV_STR_NULL;
    return view;
}

/* Of a hot stream it is the cache's; otherwise it is decoded into the arena. `encoded` must live as long. */
static int state_of(struct ev_partition *partition, const struct view *view, const struct ev_decider *decider,
                    struct ev_str encoded, struct ev_arena *arena, void **ret, struct ev_error *error)
{
    if (view->is_hot)
        return ev_hot_newest(partition, view->stream, ret, error);
    return ev_answer_state(decider, encoded.data, encoded.length, arena, ret, error);
}

static void hold(struct ev_partition *partition, struct ev_request *request, enum ev_outcome outcome, int64_t version)
{
    struct ev_answer answer = {.outcome = outcome, .version = version, .offset = EV_ANSWER_OFFSET_OPEN};
    ev_answer_hold(partition, request, &answer);
}

/* True when the command id is known: the request then waits or has got its answer. */
static bool is_known_command(struct ev_partition *partition, struct ev_request *request, const struct view *view)
{
    struct ev_dedup *dedup = &partition->dedup;
    uint64_t number;
    const struct ev_dedup_entry *entry = ev_dedup_find(dedup, &request->command_id, &number);
    if (!entry)
        return false;
    if (number >= dedup->settled) {
        uint64_t flight = partition->flights.head + (number - dedup->settled);
        ev_queue_push(&ev_flights_at(&partition->flights, flight)->followers, request);
        return true;
    }
    bool same = entry->request_hash == ev_dedup_short_hash(&request->request_hash);
    struct ev_answer answer = {
        .outcome = same ? EV_OUTCOME_DUPLICATE : EV_OUTCOME_REUSED,
        .version = entry->version,
        .offset = entry->offset,
    };
    /* The newest state, as for every answer that appends nothing: the confirmed one may be older than what was asked
     * before. */
    if (same && request->wants_state && view->stream) {
        const struct ev_decider *decider = partition->executor->options.deciders[view->stream->decider];
        struct ev_str copy = ev_arena_copy(request->arena, view->encoded);
        void *state;
        if (state_of(partition, view, decider, copy, request->arena, &state, NULL) == 0)
            answer.state = view->is_hot ? ev_answer_copy(decider, state, request->arena) : state;
    }
    ev_answer_hold(partition, request, &answer);
    return true;
}

static void hold_rejection(struct ev_partition *partition, struct ev_request *request, int rejection, int64_t version)
{
    const struct ev_decision *decision = &partition->executor->decision;
    struct ev_answer answer = {
        .outcome = EV_OUTCOME_REJECTED,
        .rejection = rejection,
        .version = version,
        .offset = EV_ANSWER_OFFSET_OPEN,
        .detail = ev_arena_copy(request->arena, ev_str_of(decision->detail)),
        .pointer = ev_arena_copy(request->arena, ev_str_of(decision->pointer)),
    };
    ev_answer_hold(partition, request, &answer);
}

static void hold_unchanged(struct ev_partition *partition, struct ev_request *request, const struct ev_decider *decider,
                           const void *state, int64_t version)
{
    struct ev_answer answer = {.outcome = EV_OUTCOME_UNCHANGED, .version = version, .offset = EV_ANSWER_OFFSET_OPEN};
    if (request->wants_state)
        answer.state = ev_answer_copy(decider, state, request->arena);
    ev_answer_hold(partition, request, &answer);
}

static struct ev_commit commit_of(const struct ev_partition *partition, const struct ev_request *request,
                                  int64_t version)
{
    const struct ev_events *events = &partition->executor->decision.events;
    struct ev_commit commit = {
        .stream_id = request->stream_id,
        .base_version = version,
        .command_id = request->command_id,
        .request_hash = request->request_hash,
        .correlation_id = request->correlation_id,
        .causation_id = request->causation_id,
        .actor = request->actor,
        .traceparent = request->traceparent,
        .occurred_at = request->now_ms,
        .events = events->items,
        .event_count = events->count,
    };
    ev_owner_stamp(&partition->owner, &commit);
    return commit;
}

/* What a flight carries: the state after its events, or for a hot stream the events. */
static void load_flight(struct ev_partition *partition, const struct view *view, void *state,
                        const struct ev_decider *decider, struct ev_flight *flight)
{
    struct ev_executor *executor = partition->executor;
    const struct ev_events *events = &executor->decision.events;
    flight->is_packed = view->is_hot;
    if (flight->is_packed) {
        flight->bytes = ev_hot_pack(partition, events->items, events->count, &flight->length);
        ev_hot_fly(partition, view->stream, (struct ev_str){flight->bytes, flight->length});
        return;
    }
    for (size_t i = 0; i < events->count; i++)
        decider->evolve(state, &events->items[i], &executor->arena);
    ev_buffer_clear(&executor->state);
    ev_record_encode(decider->state, state, &executor->state);
    flight->bytes = ev_memory_copy(executor->state.data, executor->state.length);
    flight->length = (uint32_t)executor->state.length;
}

/* The commit is on its way: what comes next on its stream is decided on the state after it. */
static void take_off(struct ev_partition *partition, struct ev_request *request, const struct view *view, void *state,
                     int decider_index, uint64_t tag)
{
    struct ev_executor *executor = partition->executor;
    struct ev_stream *stream = view->stream;
    if (!stream)
        stream = ev_streams_ensure(&partition->streams, request->stream_id, (uint16_t)decider_index);
    struct ev_flight flight = {
        .tag = tag,
        .request = request,
        .stream = stream,
        .version = view->version + 1,
    };
    load_flight(partition, view, state, executor->options.deciders[decider_index], &flight);
    stream->newest_flight = ev_flights_push(&partition->flights, &flight);
    struct ev_dedup_entry entry = {
        .command_id = request->command_id,
        .request_hash = ev_dedup_short_hash(&request->request_hash),
        .version = flight.version,
        .offset = -1,
        .occurred_at = request->now_ms,
    };
    (void)ev_dedup_push(&partition->dedup, &entry);
    if (EV_MUTANT(DELIVERY)) {
        ev_flights_at(&partition->flights, stream->newest_flight)->request = NULL;
        ev_answer_committed(partition, request, &flight, 0);
    }
}

static bool commit(struct ev_partition *partition, struct ev_request *request, const struct view *view, void *state,
                   int decider_index)
{
    struct ev_executor *executor = partition->executor;
    struct ev_str rest = request->stream_id, category;
    struct ev_error error = {0};
    uint64_t tag;
    struct ev_commit record = commit_of(partition, request, view->version);
    ev_buffer_clear(&executor->record);
    int r = ev_commit_encode(executor->options.topic, executor->options.schema_id, &record, &executor->record, &error);
    if (r < 0) {
        ev_answer_fail(partition, request, error.code, false, error.message);
        return true;
    }
    (void)ev_str_split(&rest, '-', &category); /* the key is what follows */
    r = ev_owner_append(&partition->owner, rest, ev_buffer_str(&executor->record), &record,
                        ev_clock_monotonic_ms(&executor->options.clock), &tag, &error);
    if (r < 0 && error.retriable)
        return false;
    if (r < 0) {
        ev_answer_fail(partition, request, error.code, false, error.message);
        return true;
    }
    take_off(partition, request, view, state, decider_index, tag);
    return true;
}

static int ask_decider(struct ev_executor *executor, const struct ev_decider *decider, const struct ev_request *request,
                       const void *state, int64_t version)
{
    struct ev_decision *decision = &executor->decision;
    struct ev_str key = request->stream_id, category;
    (void)ev_str_split(&key, '-', &category);
    struct ev_command command = {
        .type = request->type,
        .body = request->body,
        .stream_id = request->stream_id,
        .key = key,
        .now_ms = request->now_ms,
    };
    decision->events.arena = &executor->arena;
    decision->events.count = 0;
    decision->events.overflow = false;
    decision->detail[0] = decision->pointer[0] = '\0';
    return decider->decide(state, version, &command, decision);
}

bool ev_partition_decide(struct ev_partition *partition, struct ev_request *request)
{
    struct ev_executor *executor = partition->executor;
    struct ev_stream *stream;
    request->in_doubt = false; /* whatever it had in the log was read by now */
    if (ev_partition_stream(partition, request->stream_id, &stream, NULL) < 0)
        return false; /* until the partition is rebuilt */
    struct view view = view_of(partition, stream);
    if (is_known_command(partition, request, &view))
        return true;
    if (!stream && ev_partition_is_full(partition)) {
        executor->stats.refused_for_memory++;
        ev_answer_fail(partition, request, EV_ERR_LIMIT, true,
                       "no memory is left for another stream; nothing was written for this command");
        return true;
    }
    if (request->expected_version >= 0 && request->expected_version != view.version) {
        hold(partition, request, EV_OUTCOME_MISMATCH, view.version);
        return true;
    }
    int index = ev_executor_decider_of(executor, request->stream_id); /* was checked when submitted */
    const struct ev_decider *decider = executor->options.deciders[index];
    struct ev_error error = {0};
    void *state;
    ev_arena_reset(&executor->arena);
    if (state_of(partition, &view, decider, view.encoded, &executor->arena, &state, &error) < 0) {
        ev_answer_fail(partition, request, EV_ERR_INTERNAL, false, error.message);
        return true;
    }
    int r = ask_decider(executor, decider, request, state, view.version);
    if (r < 0)
        ev_answer_fail(partition, request, EV_ERR_INTERNAL, false, executor->decision.detail);
    else if (r > 0)
        hold_rejection(partition, request, r, view.version);
    else if (executor->decision.events.overflow)
        ev_answer_fail(partition, request, EV_ERR_LIMIT, false, "the command makes too many events");
    else if (executor->decision.events.count == 0)
        hold_unchanged(partition, request, decider, state, view.version);
    else
        return commit(partition, request, &view, state, index);
    return true;
}
