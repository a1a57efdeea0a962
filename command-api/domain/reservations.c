#include "domain/reservations.h"

#include "core/hash.h"

static size_t reservations_home(size_t bucket_count, struct ev_str order_id, int32_t line)
{
    uint64_t hash = (ev_hash64(order_id) ^ (uint64_t)line) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) & (bucket_count - 1);
}

static struct reservation_bucket *reservations_bucket(const struct stock_state *state, struct ev_str order_id,
                                                      int32_t line)
{
    size_t count = state->buckets.count;
    return count ? &state->buckets.items[reservations_home(count, order_id, line)] : NULL;
}

static struct reservation *reservations_look_up(const struct reservation_bucket *bucket, struct ev_str order_id,
                                                int32_t line)
{
    for (size_t i = 0; bucket && i < bucket->reservations.count; i++) {
        struct reservation *reservation = &bucket->reservations.items[i];
        if (reservation->line == line && ev_str_equal(reservation->order_id, order_id))
            return reservation;
    }
    return NULL;
}

const struct reservation *reservations_find(const struct stock_state *state, struct ev_str order_id, int32_t line)
{
    return reservations_look_up(reservations_bucket(state, order_id, line), order_id, line);
}

size_t reservations_due(const struct stock_state *state, int64_t now_ms, const struct reservation **ret, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < state->buckets.count && count < max; i++) {
        const struct reservation_bucket *bucket = &state->buckets.items[i];
        if (bucket->next_expiry > now_ms)
            continue;
        for (size_t j = 0; j < bucket->reservations.count && count < max; j++) {
            if (reservation_is_due(&bucket->reservations.items[j], now_ms))
                ret[count++] = &bucket->reservations.items[j];
        }
    }
    return count;
}

static void reservations_set_next_expiry(struct reservation_bucket *bucket)
{
    bucket->next_expiry = INT64_MAX;
    for (size_t i = 0; i < bucket->reservations.count; i++) {
        const struct reservation *reservation = &bucket->reservations.items[i];
        if (reservation->status == RESERVATION_STATUS_OPEN && reservation->until < bucket->next_expiry)
            bucket->next_expiry = reservation->until;
    }
}

static void reservations_forget(struct stock_state *state, struct reservation_bucket *bucket, size_t index)
{
    if (bucket->reservations.items[index].status == RESERVATION_STATUS_OPEN)
        state->open--;
    else
        state->closed--;
    ev_array_remove(&bucket->reservations, index);
}

static void reservations_forget_old(struct stock_state *state, struct reservation_bucket *bucket, int64_t now_ms)
{
    for (size_t i = bucket->reservations.count; i-- > 0;) {
        const struct reservation *reservation = &bucket->reservations.items[i];
        if (reservation->status != RESERVATION_STATUS_OPEN && reservation->until <= now_ms - RESERVATIONS_REMEMBERED_MS)
            reservations_forget(state, bucket, i);
    }
}

static void reservations_forget_oldest(struct stock_state *state, struct reservation_bucket *bucket)
{
    size_t oldest = bucket->reservations.count;
    for (size_t i = 0; i < bucket->reservations.count; i++) {
        const struct reservation *reservation = &bucket->reservations.items[i];
        if (reservation->status != RESERVATION_STATUS_OPEN &&
            (oldest == bucket->reservations.count || reservation->until < bucket->reservations.items[oldest].until))
            oldest = i;
    }
    if (oldest < bucket->reservations.count)
        reservations_forget(state, bucket, oldest);
}

static void reservations_put(struct reservation_bucket *bucket, const struct reservation *reservation,
                             struct ev_arena *arena)
{
    *ev_array_push(arena, &bucket->reservations) = *reservation;
    if (reservation->status == RESERVATION_STATUS_OPEN && reservation->until < bucket->next_expiry)
        bucket->next_expiry = reservation->until;
}

/* Twice as many buckets, once they are full on average. */
static void reservations_make_room(struct stock_state *state, struct ev_arena *arena)
{
    struct reservation_bucket_array old = state->buckets;
    size_t known = (size_t)state->open + (size_t)state->closed;
    if (known < old.count * RESERVATIONS_PER_BUCKET || old.count >= RESERVATIONS_BUCKETS_MAX)
        return;
    size_t count = old.count ? old.count * 2 : 1;
    state->buckets = (struct reservation_bucket_array){0};
    for (size_t i = 0; i < count; i++)
        ev_array_push(arena, &state->buckets)->next_expiry = INT64_MAX;
    for (size_t i = 0; i < old.count; i++) {
        for (size_t j = 0; j < old.items[i].reservations.count; j++) {
            const struct reservation *moved = &old.items[i].reservations.items[j];
            reservations_put(reservations_bucket(state, moved->order_id, moved->line), moved, arena);
        }
    }
}

void reservations_open(struct stock_state *state, const struct stock_reserved *event, struct ev_arena *arena)
{
    struct reservation_bucket *bucket = reservations_bucket(state, event->order_id, event->line);
    struct reservation *expired = reservations_look_up(bucket, event->order_id, event->line);
    if (expired)
        reservations_forget(state, bucket, (size_t)(expired - bucket->reservations.items));
    if (bucket)
        reservations_forget_old(state, bucket, event->reserved_at);
    reservations_make_room(state, arena);
    const struct reservation reservation = {
        .order_id = event->order_id,
        .line = event->line,
        .status = RESERVATION_STATUS_OPEN,
        .quantity = event->quantity,
        .until = event->expires_at,
    };
    reservations_put(reservations_bucket(state, event->order_id, event->line), &reservation, arena);
    state->open++;
}

void reservations_close(struct stock_state *state, struct ev_str order_id, int32_t line, enum reservation_status status,
                        int64_t closed_at)
{
    struct reservation_bucket *bucket = reservations_bucket(state, order_id, line);
    struct reservation *reservation = reservations_look_up(bucket, order_id, line);
    if (!reservation)
        return;
    reservation->status = status;
    reservation->until = closed_at;
    reservations_set_next_expiry(bucket);
    state->open--;
    state->closed++;
    if (state->closed > RESERVATIONS_CLOSED_MAX)
        reservations_forget_oldest(state, bucket);
}

void reservations_return(struct stock_state *state, const struct stock_returned *event)
{
    struct reservation *reservation =
        reservations_look_up(reservations_bucket(state, event->order_id, event->line), event->order_id, event->line);
    if (reservation)
        reservation->returned += event->quantity;
}
