/* The shop's rules: one decider per aggregate, each in a file of its own in the order events, fold, decide. Pure: no
 * clock, no I/O, no state outside the arguments, so that they may run in any thread and a simulation can run them all.
 * Time and ids arrive in the command. */
#pragma once

#include "core/uuid.h"
#include "stream/decider.h"

extern const struct ev_decider product_decider;
extern const struct ev_decider stock_decider;
extern const struct ev_decider cart_decider;
extern const struct ev_decider order_decider;
extern const struct ev_decider returns_decider;
extern const struct ev_decider adjustment_decider;

/* Of each topic, NULL-terminated. */
extern const struct ev_decider *const product_topic_deciders[];
extern const struct ev_decider *const cart_topic_deciders[];
extern const struct ev_decider *const order_topic_deciders[];

/* The id of the order that a cart becomes when it is checked out at `version` (before the checkout): UUIDv5, so that a
 * second attempt is the same order. What CheckOutCart does where the command brings no order_id. */
void cart_derive_order_id(struct ev_str cart_id, int64_t version, char ret_text[EV_UUID_TEXT_LENGTH + 1]);
