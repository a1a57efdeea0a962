/* What the files of the stock's decider share; for nobody else. */
#pragma once

#include "domain/domain.h"
#include "domain/reservations.h"
#include "domain/rules.h"

/* A command as the decider's functions see it. `available` counts what has expired by now and is taken back in the same
 * commit, whose events begin with that. */
struct stock_case {
    const struct stock_state *state;
    const struct ev_command *envelope;
    struct ev_decision *ret;
    int64_t available;
};

/* The reference's earlier use, or NULL. */
const struct stock_reference *stock_find_reference(const struct stock_state *state, struct ev_str reference,
                                                   enum stock_reference_kind kind);
/* What a command with a known reference comes to: no change, or a rejection. */
int stock_repeat(const struct stock_reference *known, int64_t delta, struct ev_decision *ret);

/* stock_sale.c */
/* What is due, at most `max` of it: its events. Leaves out nothing when there is less. */
void stock_expire(struct stock_case *what, size_t max);
int stock_reserve(struct stock_case *what, const struct reserve_stock *command);
int stock_confirm(struct stock_case *what, const struct confirm_reservation *command);
int stock_release(struct stock_case *what, const struct release_reservation *command);
int stock_return(struct stock_case *what, const struct return_stock *command);
/* How a return is remembered: it is named for one line of one order. */
struct ev_str stock_return_reference(struct ev_arena *arena, struct ev_str order_id, int64_t line,
                                     struct ev_str reference);
