/* A bad debt, written off or (negative) taken back. Recorded once: the same content again changes nothing, other
 * content under its id is a conflict. An amount of 0 is refused: it would be an event that says nothing. */
#include <inttypes.h>

#include "core/money.h"
#include "domain/domain.h"
#include "domain/rules.h"
#include "gen/adjustment.h"

/* Fold */

static void adjustment_evolve(struct adjustment_state *state, const struct adjustment_event *event,
                              struct ev_arena *arena)
{
    switch (event->type) {
    case BAD_DEBT_ADJUSTED:
        state->adjustment_id = event->bad_debt_adjusted->adjustment_id;
        state->content_hash = domain_content_hash(&bad_debt_adjusted_record, event->bad_debt_adjusted, arena);
        break;
    }
}

/* Decide */

static int adjustment_check_amount(int64_t amount, struct ev_decision *ret)
{
    if (amount == 0)
        return ev_reject(ret, REJECTION_AMOUNT_ZERO, "/amount", "An adjustment of 0 changes nothing.");
    if (amount < -DOMAIN_PRICE_MAX || amount > DOMAIN_PRICE_MAX)
        return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, "/amount", "An amount is at most %" PRId64 " either way.",
                         DOMAIN_PRICE_MAX / EV_MONEY_SCALE);
    return 0;
}

static int adjustment_record(const struct adjustment_state *state, int64_t version,
                             const struct record_bad_debt *command, const struct ev_command *envelope,
                             struct ev_decision *ret)
{
    int rejection = adjustment_check_amount(command->amount, ret);
    if (rejection != 0)
        return rejection;
    struct bad_debt_adjusted recorded = {
        .adjustment_id = envelope->key,
        .customer_id = command->customer_id,
        .country = command->country,
        .currency = command->currency,
        .adjusted_at = command->adjusted_at,
        .amount = command->amount,
        .reason = command->reason,
    };
    struct ev_arena *arena = ret->events.arena;
    if (version == 0)
        *bad_debt_adjusted_emit(&ret->events) = recorded;
    else if (!ev_str_equal(state->content_hash, domain_content_hash(&bad_debt_adjusted_record, &recorded, arena)))
        return ev_reject(ret, REJECTION_ADJUSTMENT_EXISTS, "", "Adjustment %.*s exists and has other content.",
                         EV_STR_ARG(envelope->key));
    return 0;
}

static int adjustment_decide(const struct adjustment_state *state, int64_t version,
                             const struct adjustment_command *command, const struct ev_command *envelope,
                             struct ev_decision *ret)
{
    switch (command->type) {
    case RECORD_BAD_DEBT:
        return adjustment_record(state, version, command->record_bad_debt, envelope, ret);
    }
    return ev_reject(ret, REJECTION_COMMAND_UNKNOWN, "", "An adjustment has no such command.");
}

/* The decider's untyped side. */

static int adjustment_decide_any(const void *state, int64_t version, const struct ev_command *command,
                                 struct ev_decision *ret)
{
    struct adjustment_command typed = adjustment_command_of(command->type, command->body);
    return adjustment_decide(state, version, &typed, command, ret);
}

static void adjustment_evolve_any(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct adjustment_event typed = adjustment_event_of(event);
    adjustment_evolve(state, &typed, arena);
}

const struct ev_decider adjustment_decider = {
    .category = "adjustment",
    .state = &adjustment_state_record,
    .decide = adjustment_decide_any,
    .evolve = adjustment_evolve_any,
};
