#include "stream/hot.h"

#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"
#include "stream/partition.h"

/* Before each event's body. */
struct packed_head {
    const struct ev_event_type *type;
    uint32_t length;
};

static struct ev_hot_stream *find(struct ev_partition *partition, const struct ev_stream *stream)
{
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++)
        if (stream && partition->hot.streams[i].stream == stream)
            return &partition->hot.streams[i];
    return NULL;
}

static struct ev_hot_stream *must_find(struct ev_partition *partition, const struct ev_stream *stream)
{
    struct ev_hot_stream *hot = find(partition, stream);
    if (!hot)
        ev_fatal("partition %d: a stream isn't hot that should be", (int)partition->number);
    return hot;
}

static const struct ev_decider *decider_of(const struct ev_partition *partition, const struct ev_stream *stream)
{
    return partition->executor->options.deciders[stream->decider];
}

/* --- one decoded state --- */

static void state_clear(struct ev_hot_state *one)
{
    ev_arena_finish(&one->arena);
    one->valid = false;
}

/* `encoded` is copied; null: of a stream without a commit. */
static int state_decode(struct ev_hot_state *one, const struct ev_decider *decider, struct ev_str encoded,
                        struct ev_error *error)
{
    ev_arena_reset(&one->arena);
    one->valid = false;
    struct ev_str copy = ev_arena_copy(&one->arena, encoded);
    int r = ev_answer_state(decider, copy.data, copy.length, &one->arena, &one->state, error);
    if (r < 0)
        return r;
    one->fresh = one->arena.total;
    one->valid = true;
    return 0;
}

static struct ev_str state_encode(struct ev_partition *partition, const struct ev_hot_state *one,
                                  const struct ev_decider *decider)
{
    struct ev_buffer *out = &partition->executor->state;
    ev_buffer_clear(out);
    ev_record_encode(decider->state, one->state, out);
    return ev_buffer_str(out);
}

/* What was encoded here can be decoded; if not, memory was overwritten. */
static void must_decode(int r, const struct ev_error *error)
{
    if (r < 0)
        ev_fatal("a hot stream's state can't be read: %s", error->message);
}

/* Events leave garbage behind: once it is as much as the state, the state moves to a clean arena, which costs a
 * constant for each event when spread over them. */
static void state_clean(struct ev_partition *partition, struct ev_hot_state *one, const struct ev_decider *decider)
{
    struct ev_error error = {0};
    size_t allowed = one->fresh > EV_HOT_GARBAGE_MIN ? one->fresh : EV_HOT_GARBAGE_MIN;
    if (one->arena.total - one->fresh > allowed)
        must_decode(state_decode(one, decider, state_encode(partition, one, decider), &error), &error);
}

static void state_evolve(struct ev_partition *partition, struct ev_hot_state *one, const struct ev_decider *decider,
                         struct ev_str packed)
{
    struct ev_error error = {0};
    struct ev_str rest = ev_arena_copy(&one->arena, packed);
    while (rest.length > 0) {
        struct packed_head head;
        memcpy(&head, rest.data, sizeof(head));
        struct ev_str body = {rest.data + sizeof(head), head.length};
        void *decoded = ev_arena_alloc(&one->arena, head.type->record->size);
        must_decode(ev_record_decode(head.type->record, body, &one->arena, decoded, &error), &error);
        const struct ev_event event = {head.type, decoded};
        decider->evolve(one->state, &event, &one->arena);
        rest = (struct ev_str){body.data + body.length, rest.length - sizeof(head) - body.length};
    }
    state_clean(partition, one, decider);
}

/* --- places --- */

static void place_clear(struct ev_hot_stream *hot)
{
    state_clear(&hot->confirmed);
    state_clear(&hot->newest);
    *hot = (struct ev_hot_stream){0};
}

/* A free one, or the one that was used longest ago, if nothing of it is in flight. NULL: all are busy. */
static struct ev_hot_stream *place_for_another(struct ev_partition *partition)
{
    struct ev_hot_stream *oldest = NULL;
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++) {
        struct ev_hot_stream *hot = &partition->hot.streams[i];
        if (!hot->stream)
            return hot;
        if (!hot->stream->newest_flight && (!oldest || hot->used < oldest->used))
            oldest = hot;
    }
    /* Many streams that take turns would do nothing but decode and encode. */
    if (!oldest || partition->hot.uses - oldest->used < EV_HOT_IDLE_USES)
        return NULL;
    ev_hot_encode(partition, oldest->stream);
    place_clear(oldest);
    return oldest;
}

static size_t newest_length(const struct ev_partition *partition, const struct ev_stream *stream)
{
    return stream->newest_flight ? ev_flights_at(&partition->flights, stream->newest_flight)->length
                                 : stream->encoded_length;
}

bool ev_hot_take(struct ev_partition *partition, struct ev_stream *stream)
{
    size_t least = partition->executor->options.hot_bytes_min;
    struct ev_hot_stream *hot = find(partition, stream);
    if (!hot && newest_length(partition, stream) < (least ? least : EV_HOT_BYTES_DEFAULT))
        return false;
    partition->hot.uses++;
    if (!hot)
        hot = place_for_another(partition);
    if (!hot)
        return false;
    hot->stream = stream;
    hot->used = partition->hot.uses;
    return true;
}

/* --- states --- */

static struct ev_hot_state *confirmed_of(struct ev_partition *partition, struct ev_hot_stream *hot)
{
    struct ev_error error = {0};
    const struct ev_stream *stream = hot->stream;
    if (!hot->confirmed.valid)
        must_decode(state_decode(&hot->confirmed, decider_of(partition, stream),
                                 (struct ev_str){stream->encoded, stream->encoded_length}, &error),
                    &error);
    return &hot->confirmed;
}

const void *ev_hot_confirmed(struct ev_partition *partition, const struct ev_stream *stream)
{
    return confirmed_of(partition, must_find(partition, stream))->state;
}

/* From the last state that is known in encoded form, and the flights after it. */
static int newest_rebuild(struct ev_partition *partition, struct ev_hot_stream *hot, struct ev_error *error)
{
    const struct ev_decider *decider = decider_of(partition, hot->stream);
    const struct ev_flights *flights = &partition->flights;
    struct ev_str base = {hot->stream->encoded, hot->stream->encoded_length};
    uint64_t from = flights->head;
    if (hot->ahead)
        base = state_encode(partition, &hot->confirmed, decider);
    for (uint64_t number = flights->head; number != flights->tail; number++) {
        const struct ev_flight *flight = ev_flights_at(flights, number);
        if (flight->stream == hot->stream && !flight->is_packed) {
            base = (struct ev_str){flight->bytes, flight->length};
            from = number + 1;
        }
    }
    int r = state_decode(&hot->newest, decider, base, error);
    for (uint64_t number = from; number != flights->tail && r >= 0; number++) {
        const struct ev_flight *flight = ev_flights_at(flights, number);
        if (flight->stream == hot->stream)
            state_evolve(partition, &hot->newest, decider, (struct ev_str){flight->bytes, flight->length});
    }
    return r;
}

int ev_hot_newest(struct ev_partition *partition, const struct ev_stream *stream, void **ret, struct ev_error *error)
{
    struct ev_hot_stream *hot = must_find(partition, stream);
    int r = hot->newest.valid ? 0 : newest_rebuild(partition, hot, error);
    *ret = hot->newest.state;
    return r;
}

char *ev_hot_pack(struct ev_partition *partition, const struct ev_event *events, size_t count, uint32_t *ret_length)
{
    struct ev_buffer *out = &partition->executor->state;
    ev_buffer_clear(out);
    for (size_t i = 0; i < count; i++) {
        struct packed_head head = {.type = events[i].type};
        size_t at = out->length;
        ev_buffer_append(out, &head, sizeof(head));
        ev_record_encode(head.type->record, events[i].body, out);
        head.length = (uint32_t)(out->length - at - sizeof(head));
        memcpy(out->data + at, &head, sizeof(head));
    }
    *ret_length = (uint32_t)out->length;
    return ev_memory_copy(out->data, out->length);
}

void ev_hot_fly(struct ev_partition *partition, const struct ev_stream *stream, struct ev_str packed)
{
    struct ev_hot_stream *hot = must_find(partition, stream);
    if (hot->newest.valid)
        state_evolve(partition, &hot->newest, decider_of(partition, stream), packed);
}

void ev_hot_confirm(struct ev_partition *partition, const struct ev_stream *stream, struct ev_str packed)
{
    struct ev_hot_stream *hot = must_find(partition, stream);
    state_evolve(partition, confirmed_of(partition, hot), decider_of(partition, stream), packed);
    hot->ahead = true;
}

void ev_hot_drop_newest(struct ev_partition *partition, const struct ev_stream *stream)
{
    struct ev_hot_stream *hot = find(partition, stream);
    if (hot)
        hot->newest.valid = false;
}

void ev_hot_replaced(struct ev_partition *partition, const struct ev_stream *stream)
{
    struct ev_hot_stream *hot = find(partition, stream);
    if (!hot)
        return;
    hot->confirmed.valid = false;
    hot->ahead = false;
}

void ev_hot_encode(struct ev_partition *partition, const struct ev_stream *stream)
{
    struct ev_hot_stream *hot = find(partition, stream);
    if (!hot || !hot->ahead)
        return;
    struct ev_str encoded = state_encode(partition, &hot->confirmed, decider_of(partition, stream));
    ev_streams_set_state(&partition->streams, hot->stream, ev_memory_copy(encoded.data, encoded.length),
                         (uint32_t)encoded.length);
    hot->ahead = false;
}

void ev_hot_encode_all(struct ev_partition *partition)
{
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++)
        ev_hot_encode(partition, partition->hot.streams[i].stream);
}

size_t ev_hot_bytes(const struct ev_partition *partition)
{
    size_t bytes = 0;
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++)
        bytes += partition->hot.streams[i].confirmed.arena.total + partition->hot.streams[i].newest.arena.total;
    return bytes;
}

void ev_hot_forget(struct ev_partition *partition, const struct ev_stream *stream)
{
    struct ev_hot_stream *hot = find(partition, stream);
    if (hot)
        place_clear(hot);
}

void ev_hot_clear(struct ev_partition *partition)
{
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++)
        place_clear(&partition->hot.streams[i]);
}
