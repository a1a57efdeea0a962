/* Stock of one SKU. The rules:
 * - A SKU's stock begins with its first receipt or adjustment; it needs no product (the two lie in streams of their own
 * and may come in either order).
 * - received + adjusted = available + reserved + sold, and none of the last three is ever below zero: an adjustment
 * that would take more than is available is refused, and the answer says how much there is. What is reserved can't be
 * adjusted away.
 * - An adjustment by 0 is refused: it would be an event that says nothing.
 * - A reference names a document. The same receipt (or adjustment) under the same reference again changes nothing,
 * another quantity under it is a conflict. Receipts and adjustments are told apart, so that what was broken in a
 * delivery may name that delivery. The newest STOCK_REFERENCES_MAX references are known; without one, two equal
 * deliveries are two deliveries.
 * - What was received in all, and that with the adjustments, are bounded by STOCK_UNITS_MAX, so that no sum of a state
 * can overflow.
 * - Units are reserved for a line of an order until a time: all lines of a command or none. Two lines of one order add
 * up. A reservation is idempotent by order and line: the same quantity again changes nothing, also when it is sold by
 * now; another quantity is a conflict. A line whose reservation expired can be reserved again, one that was released
 * can't: a late repetition must not take units for an order that was given up.
 * - Confirming sells what is reserved, and is refused when it has expired or was released. Releasing is not refused but
 * for what is sold, and does nothing where nothing is reserved. Both can be repeated.
 * - What has expired is made available by the next command that is accepted, whatever it asks for, in the same commit:
 * STOCK_EXPIRED_MAX at a time. So a decision counts it as available.
 * - Sold goods come back under a reference, and not more of a line than was sold.
 * - How many reservations there can be, and for how long a closed one is remembered: reservations.h. */
#include <inttypes.h>

#include "domain/stock_internal.h"

#define STOCK_UNITS_MAX INT64_C(1000000000000000)
#define STOCK_REFERENCES_MAX ((size_t)256)
#define STOCK_EXPIRED_MAX ((size_t)200)        /* beside another command */
#define STOCK_EXPIRED_ALONE_MAX ((size_t)1000) /* in an ExpireReservations; below EV_COMMIT_EVENTS_MAX */

/* Fold */

static void stock_keep_reference(struct stock_state *state, struct ev_str reference, int64_t delta,
                                 enum stock_reference_kind kind, struct ev_arena *arena)
{
    if (!reference.data)
        return;
    if (state->references.count >= STOCK_REFERENCES_MAX)
        ev_array_remove(&state->references, 0);
    *ev_array_push(arena, &state->references) =
        (struct stock_reference){.reference = reference, .delta = delta, .kind = (int32_t)kind};
}

static void stock_free(struct stock_state *state, int64_t quantity)
{
    state->reserved -= quantity;
    state->available += quantity;
}

static void stock_evolve_sale(struct stock_state *state, const struct stock_event *event, struct ev_arena *arena)
{
    const struct stock_reserved *reserved = event->stock_reserved;
    const struct reservation_confirmed *confirmed = event->reservation_confirmed;
    const struct reservation_released *released = event->reservation_released;
    const struct reservation_expired *expired = event->reservation_expired;
    switch (event->type) {
    case STOCK_RESERVED:
        stock_free(state, -reserved->quantity);
        reservations_open(state, reserved, arena);
        break;
    case RESERVATION_CONFIRMED:
        state->reserved -= confirmed->quantity;
        state->sold += confirmed->quantity;
        reservations_close(state, confirmed->order_id, confirmed->line, RESERVATION_STATUS_CONFIRMED,
                           confirmed->confirmed_at);
        break;
    case RESERVATION_RELEASED:
        stock_free(state, released->quantity);
        reservations_close(state, released->order_id, released->line, RESERVATION_STATUS_RELEASED,
                           released->released_at);
        break;
    case RESERVATION_EXPIRED:
        stock_free(state, expired->quantity);
        reservations_close(state, expired->order_id, expired->line, RESERVATION_STATUS_EXPIRED, expired->expired_at);
        break;
    case STOCK_RECEIVED:
    case STOCK_ADJUSTED:
    case STOCK_RETURNED:
        break;
    }
}

static void stock_evolve_returned(struct stock_state *state, const struct stock_returned *event, struct ev_arena *arena)
{
    struct ev_str reference = stock_return_reference(arena, event->order_id, event->line, event->reference);
    state->sold -= event->quantity;
    state->available += event->quantity;
    reservations_return(state, event);
    stock_keep_reference(state, reference, event->quantity, STOCK_REFERENCE_KIND_RETURN, arena);
}

static void stock_evolve(struct stock_state *state, const struct stock_event *event, struct ev_arena *arena)
{
    switch (event->type) {
    case STOCK_RECEIVED: {
        const struct stock_received *received = event->stock_received;
        state->sku = received->sku;
        state->received += received->quantity;
        state->available += received->quantity;
        stock_keep_reference(state, received->reference, received->quantity, STOCK_REFERENCE_KIND_RECEIPT, arena);
        break;
    }
    case STOCK_ADJUSTED: {
        const struct stock_adjusted *adjusted = event->stock_adjusted;
        state->sku = adjusted->sku;
        state->adjusted += adjusted->delta;
        state->available += adjusted->delta;
        stock_keep_reference(state, adjusted->reference, adjusted->delta, STOCK_REFERENCE_KIND_ADJUSTMENT, arena);
        break;
    }
    case STOCK_RETURNED:
        stock_evolve_returned(state, event->stock_returned, arena);
        break;
    case STOCK_RESERVED:
    case RESERVATION_CONFIRMED:
    case RESERVATION_RELEASED:
    case RESERVATION_EXPIRED:
        stock_evolve_sale(state, event, arena);
        break;
    }
}

/* Decide */

/* The newest first: that one is asked for again most often. */
const struct stock_reference *stock_find_reference(const struct stock_state *state, struct ev_str reference,
                                                   enum stock_reference_kind kind)
{
    if (!reference.data)
        return NULL;
    for (size_t i = state->references.count; i-- > 0;) {
        const struct stock_reference *known = &state->references.items[i];
        if (known->kind == (int32_t)kind && ev_str_equal(known->reference, reference))
            return known;
    }
    return NULL;
}

int stock_repeat(const struct stock_reference *known, int64_t delta, struct ev_decision *ret)
{
    if (known->delta == delta)
        return 0;
    return ev_reject(ret, REJECTION_STOCK_REFERENCE_USED, "/reference",
                     "The reference stands for %" PRId64 " units, not for %" PRId64 ".", known->delta, delta);
}

static int stock_receive(const struct stock_case *what, const struct receive_stock *command)
{
    const struct stock_state *state = what->state;
    struct ev_decision *ret = what->ret;
    int rejection = domain_check_quantity(command->quantity, "/quantity", ret);
    if (rejection != 0)
        return rejection;
    const struct stock_reference *known = stock_find_reference(state, command->reference, STOCK_REFERENCE_KIND_RECEIPT);
    if (known)
        return stock_repeat(known, command->quantity, ret);
    if (state->received > STOCK_UNITS_MAX - command->quantity ||
        state->received + state->adjusted > STOCK_UNITS_MAX - command->quantity)
        return ev_reject(ret, REJECTION_STOCK_FULL, "/quantity",
                         "At most %" PRId64 " units can be received and booked; %" PRId64 " were received so far.",
                         STOCK_UNITS_MAX, state->received);
    struct stock_received *event = stock_received_emit(&ret->events);
    event->sku = what->envelope->key;
    event->quantity = command->quantity;
    event->reference = command->reference;
    return 0;
}

static int stock_check_delta(const struct stock_case *what, int64_t delta)
{
    int64_t booked = what->state->received + what->state->adjusted;
    if (delta < 0 && what->available < -delta)
        return ev_reject(what->ret, REJECTION_STOCK_INSUFFICIENT, "/delta",
                         "%" PRId64 " units can't be taken off: %" PRId64 " are available.", -delta, what->available);
    if (delta > 0 && booked > STOCK_UNITS_MAX - delta)
        return ev_reject(what->ret, REJECTION_STOCK_FULL, "/delta",
                         "At most %" PRId64 " units can be booked; %" PRId64 " are.", STOCK_UNITS_MAX, booked);
    return 0;
}

static int stock_adjust(const struct stock_case *what, const struct adjust_stock *command)
{
    struct ev_decision *ret = what->ret;
    int64_t delta = command->delta;
    if (delta == 0)
        return ev_reject(ret, REJECTION_DELTA_ZERO, "/delta", "An adjustment by 0 changes nothing.");
    if (delta < -DOMAIN_QUANTITY_MAX || delta > DOMAIN_QUANTITY_MAX)
        return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, "/delta", "An adjustment is by at most %" PRId64 " units.",
                         DOMAIN_QUANTITY_MAX);
    const struct stock_reference *known =
        stock_find_reference(what->state, command->reference, STOCK_REFERENCE_KIND_ADJUSTMENT);
    if (known)
        return stock_repeat(known, delta, ret);
    int rejection = stock_check_delta(what, delta);
    if (rejection != 0)
        return rejection;
    struct stock_adjusted *event = stock_adjusted_emit(&ret->events);
    event->sku = what->envelope->key;
    event->delta = delta;
    event->reason = command->reason;
    event->reference = command->reference;
    event->adjusted_at = command->adjusted_at.present ? command->adjusted_at.value : what->envelope->now_ms;
    return 0;
}

static int stock_decide(const struct stock_state *state, const struct stock_command *command,
                        const struct ev_command *envelope, struct ev_decision *ret)
{
    struct stock_case what = {state, envelope, ret, state->available};
    stock_expire(&what, command->type == EXPIRE_RESERVATIONS ? STOCK_EXPIRED_ALONE_MAX : STOCK_EXPIRED_MAX);
    switch (command->type) {
    case RECEIVE_STOCK:
        return stock_receive(&what, command->receive_stock);
    case ADJUST_STOCK:
        return stock_adjust(&what, command->adjust_stock);
    case RESERVE_STOCK:
        return stock_reserve(&what, command->reserve_stock);
    case CONFIRM_RESERVATION:
        return stock_confirm(&what, command->confirm_reservation);
    case RELEASE_RESERVATION:
        return stock_release(&what, command->release_reservation);
    case EXPIRE_RESERVATIONS:
        return 0;
    case RETURN_STOCK:
        return stock_return(&what, command->return_stock);
    }
    return ev_reject(ret, REJECTION_COMMAND_UNKNOWN, "", "Stock has no such command.");
}

/* The decider's untyped side. */

static int stock_decide_any(const void *state, int64_t version, const struct ev_command *command,
                            struct ev_decision *ret)
{
    (void)version; /* stock that was never heard of is stock of 0 units */
    struct stock_command typed = stock_command_of(command->type, command->body);
    return stock_decide(state, &typed, command, ret);
}

static void stock_evolve_any(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct stock_event typed = stock_event_of(event);
    stock_evolve(state, &typed, arena);
}

const struct ev_decider stock_decider = {
    .category = "stock",
    .state = &stock_state_record,
    .decide = stock_decide_any,
    .evolve = stock_evolve_any,
};
