/* The reservations that a SKU's stock knows, a table in its state: those that are open, and those that were closed
 * lately, so that asking for the same line of an order again is noticed.
 *
 * What is bounded: RESERVATIONS_OPEN_MAX open ones (the decider refuses more). A closed one is forgotten once it was
 * closed RESERVATIONS_REMEMBERED_MS ago and its place in the table is looked at for a new one; where more than
 * RESERVATIONS_CLOSED_MAX were closed in that time, each further one pushes out the oldest in its bucket.
 *
 * Cost: a look-up goes through one bucket of about RESERVATIONS_PER_BUCKET. Orders name themselves, so somebody can
 * make many of them meet in one bucket: that slows this SKU down and does nothing else. Pure, like the deciders. */
#pragma once

#include "gen/stock.h"

#define RESERVATIONS_OPEN_MAX 20000
#define RESERVATIONS_CLOSED_MAX 20000
#define RESERVATIONS_REMEMBERED_MS (INT64_C(24) * 3600 * 1000)
#define RESERVATIONS_PER_BUCKET 64
#define RESERVATIONS_BUCKETS_MAX 512

/* NULL: there is none, or none any more. */
const struct reservation *reservations_find(const struct stock_state *state, struct ev_str order_id, int32_t line);
/* Open by its status, but its time has passed. */
static inline bool reservation_is_due(const struct reservation *reservation, int64_t now_ms)
{
    return reservation->status == RESERVATION_STATUS_OPEN && reservation->until <= now_ms;
}
/* Those that are due, up to `max`, in the table's order; returns how many. */
size_t reservations_due(const struct stock_state *state, int64_t now_ms, const struct reservation **ret, size_t max);

/* For evolve. Puts in an open reservation; one of the same line that expired makes room for it. */
void reservations_open(struct stock_state *state, const struct stock_reserved *event, struct ev_arena *arena);
/* Nothing where there is none. */
void reservations_close(struct stock_state *state, struct ev_str order_id, int32_t line, enum reservation_status status,
                        int64_t closed_at);
void reservations_return(struct stock_state *state, const struct stock_returned *event);
