/* The commits of one partition that are appended and not yet settled, oldest first, each with the state that its stream
 * has after it, or for hot streams (hot.h) with its events: the newest one's is the stream's speculative state. In step
 * with the owner's ring (same order, at most EV_OWNER_INFLIGHT_MAX). */
#pragma once

#include "stream/queue.h"
#include "stream/streams.h"

struct ev_flight {
    uint64_t tag;
    struct ev_request *request; /* NULL: it has got its answer (deadline) */
    struct ev_stream *stream;
    int64_t version; /* of the stream after this commit */
    char *bytes;     /* malloc'd: the stream's state after this commit, encoded, or its events */
    uint32_t length;
    bool is_packed;            /* events, by ev_hot_pack */
    struct ev_queue followers; /* requests with the same command id */
};

struct ev_flights {
    struct ev_flight *ring;
    size_t capacity;     /* power of two, or 0 */
    uint64_t head, tail; /* numbers [head, tail); the first is 1 */
};

void ev_flights_init(struct ev_flights *flights);
void ev_flights_finish(struct ev_flights *flights); /* frees bytes, not requests */
static inline size_t ev_flights_count(const struct ev_flights *flights)
{
    return (size_t)(flights->tail - flights->head);
}
/* Borrowed until the next push. The number must be in [head, tail). */
struct ev_flight *ev_flights_at(const struct ev_flights *flights, uint64_t number);
/* Takes over what is in it; returns its number. */
uint64_t ev_flights_push(struct ev_flights *flights, const struct ev_flight *flight);
/* The oldest, handed over to the caller; there must be one. `*ret_number` as ev_flights_push returned it. */
struct ev_flight ev_flights_pop(struct ev_flights *flights, uint64_t *ret_number);
