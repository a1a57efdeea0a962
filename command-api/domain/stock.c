/* Stock of one SKU. The rules:
 * - A SKU's stock begins with its first receipt or adjustment; it needs no product (the two lie in streams of their own
 * and may come in either order).
 * - Stock on hand is never below zero: an adjustment that would take more than there is is refused, and the answer says
 * how much there is.
 * - An adjustment by 0 is refused: it would be an event that says nothing.
 * - A reference names a document. The same receipt (or adjustment) under the same reference again changes nothing,
 * another quantity under it is a conflict. Receipts and adjustments are told apart, so that what was broken in a
 * delivery may name that delivery. The newest STOCK_REFERENCES_MAX references are known; without one, two equal
 * deliveries are two deliveries.
 * - What was received in all and what is on hand are bounded by STOCK_UNITS_MAX, so that no sum of a state can
 * overflow. */
#include <inttypes.h>

#include "domain/domain.h"
#include "domain/rules.h"
#include "gen/stock.h"

#define STOCK_UNITS_MAX INT64_C(1000000000000000)
#define STOCK_REFERENCES_MAX ((size_t)256)

/* Fold */

static void stock_keep_reference(struct stock_state *state, struct ev_str reference, int64_t delta, bool receipt,
                                 struct ev_arena *arena)
{
    if (!reference.data)
        return;
    if (state->references.count >= STOCK_REFERENCES_MAX)
        ev_array_remove(&state->references, 0);
    *ev_array_push(arena, &state->references) =
        (struct stock_reference){.reference = reference, .delta = delta, .receipt = receipt};
}

static void stock_evolve(struct stock_state *state, const struct stock_event *event, struct ev_arena *arena)
{
    switch (event->type) {
    case STOCK_RECEIVED: {
        const struct stock_received *received = event->stock_received;
        state->sku = received->sku;
        state->received += received->quantity;
        state->available += received->quantity;
        stock_keep_reference(state, received->reference, received->quantity, true, arena);
        break;
    }
    case STOCK_ADJUSTED: {
        const struct stock_adjusted *adjusted = event->stock_adjusted;
        state->sku = adjusted->sku;
        state->adjusted += adjusted->delta;
        state->available += adjusted->delta;
        stock_keep_reference(state, adjusted->reference, adjusted->delta, false, arena);
        break;
    }
    }
}

/* Decide */

/* The reference's earlier use, or NULL. The newest first: that one is asked for again most often. */
static const struct stock_reference *stock_find_reference(const struct stock_state *state, struct ev_str reference,
                                                          bool receipt)
{
    if (!reference.data)
        return NULL;
    for (size_t i = state->references.count; i-- > 0;) {
        const struct stock_reference *known = &state->references.items[i];
        if (known->receipt == receipt && ev_str_equal(known->reference, reference))
            return known;
    }
    return NULL;
}

/* What a command with a known reference comes to: no change, or a rejection. */
static int stock_repeat(const struct stock_reference *known, int64_t delta, struct ev_decision *ret)
{
    if (known->delta == delta)
        return 0;
    return ev_reject(ret, REJECTION_STOCK_REFERENCE_USED, "/reference",
                     "The reference stands for %" PRId64 " units, not for %" PRId64 ".", known->delta, delta);
}

static int stock_receive(const struct stock_state *state, const struct receive_stock *command,
                         const struct ev_command *envelope, struct ev_decision *ret)
{
    int rejection = domain_check_quantity(command->quantity, "/quantity", ret);
    if (rejection != 0)
        return rejection;
    const struct stock_reference *known = stock_find_reference(state, command->reference, true);
    if (known)
        return stock_repeat(known, command->quantity, ret);
    if (state->received > STOCK_UNITS_MAX - command->quantity || state->available > STOCK_UNITS_MAX - command->quantity)
        return ev_reject(ret, REJECTION_STOCK_FULL, "/quantity",
                         "At most %" PRId64 " units can be received and on hand; %" PRId64 " were received so far.",
                         STOCK_UNITS_MAX, state->received);
    struct stock_received *event = stock_received_emit(&ret->events);
    event->sku = envelope->key;
    event->quantity = command->quantity;
    event->reference = command->reference;
    return 0;
}

static int stock_check_delta(const struct stock_state *state, int64_t delta, struct ev_decision *ret)
{
    if (delta < 0 && state->available < -delta)
        return ev_reject(ret, REJECTION_STOCK_INSUFFICIENT, "/delta",
                         "%" PRId64 " units can't be taken off: %" PRId64 " are available.", -delta, state->available);
    if (delta > 0 && state->available > STOCK_UNITS_MAX - delta)
        return ev_reject(ret, REJECTION_STOCK_FULL, "/delta",
                         "At most %" PRId64 " units can be on hand; %" PRId64 " are.", STOCK_UNITS_MAX,
                         state->available);
    return 0;
}

static int stock_adjust(const struct stock_state *state, const struct adjust_stock *command,
                        const struct ev_command *envelope, struct ev_decision *ret)
{
    int64_t delta = command->delta;
    if (delta == 0)
        return ev_reject(ret, REJECTION_DELTA_ZERO, "/delta", "An adjustment by 0 changes nothing.");
    if (delta < -DOMAIN_QUANTITY_MAX || delta > DOMAIN_QUANTITY_MAX)
        return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, "/delta", "An adjustment is by at most %" PRId64 " units.",
                         DOMAIN_QUANTITY_MAX);
    const struct stock_reference *known = stock_find_reference(state, command->reference, false);
    if (known)
        return stock_repeat(known, delta, ret);
    int rejection = stock_check_delta(state, delta, ret);
    if (rejection != 0)
        return rejection;
    struct stock_adjusted *event = stock_adjusted_emit(&ret->events);
    event->sku = envelope->key;
    event->delta = delta;
    event->reason = command->reason;
    event->reference = command->reference;
    event->adjusted_at = command->adjusted_at.present ? command->adjusted_at.value : envelope->now_ms;
    return 0;
}

static int stock_decide(const struct stock_state *state, const struct stock_command *command,
                        const struct ev_command *envelope, struct ev_decision *ret)
{
    switch (command->type) {
    case RECEIVE_STOCK:
        return stock_receive(state, command->receive_stock, envelope, ret);
    case ADJUST_STOCK:
        return stock_adjust(state, command->adjust_stock, envelope, ret);
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
