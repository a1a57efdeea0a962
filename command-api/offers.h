/* The deciders of carts and orders with the price list beside them: before one of them decides on a command that buys
 * something, the title and the price of the moment are put into (a copy of) the command. A decider is pure, so this is
 * the border between it and what the process knows. What the list doesn't have stays empty, and the decider refuses
 * that; who answers the command then makes sure that the list was up to date (http/command_offers.c). */
#pragma once

#include "price_list.h"
#include "stream/decider.h"

extern const struct ev_decider *const cart_offer_deciders[];
extern const struct ev_decider *const order_offer_deciders[];

/* The list that is asked; deciders carry no context, hence one for the process. Before the first decision. */
void offers_init(struct price_list *list);
