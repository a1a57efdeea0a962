#include "offers.h"

#include <string.h>

#include "domain/domain.h"
#include "gen/cart.h"
#include "gen/order.h"

static struct price_list *offer_list;

void offers_init(struct price_list *list)
{
    offer_list = list;
}

static int decide_cart(const void *state, int64_t version, const struct ev_command *command, struct ev_decision *ret)
{
    const struct cart_state *cart = state;
    if (command->type != &add_cart_item_command || version == 0)
        return cart_decider.decide(state, version, command, ret);
    struct add_cart_item body = *(const struct add_cart_item *)command->body;
    struct ev_command offered = *command;
    struct offer offer;
    price_list_find(offer_list, body.sku, cart->currency, command->now_ms, ret->events.arena, &offer);
    body.title = offer.title;
    body.unit_price.present = offer.priced;
    body.unit_price.value = offer.unit_price;
    offered.body = &body;
    return cart_decider.decide(state, version, &offered, ret);
}

static void evolve_cart(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    cart_decider.evolve(state, event, arena);
}

static int decide_order(const void *state, int64_t version, const struct ev_command *command, struct ev_decision *ret)
{
    if (command->type != &place_order_command || version > 0)
        return order_decider.decide(state, version, command, ret);
    struct ev_arena *arena = ret->events.arena;
    struct place_order body = *(const struct place_order *)command->body;
    struct ev_command offered = *command;
    struct place_order_lines_item *lines = ev_arena_new_array(arena, struct place_order_lines_item, body.lines.count);
    for (size_t i = 0; i < body.lines.count; i++) {
        struct offer offer;
        lines[i] = body.lines.items[i];
        price_list_find(offer_list, lines[i].sku, body.currency, command->now_ms, arena, &offer);
        lines[i].title = offer.title;
        lines[i].unit_price.present = offer.priced;
        lines[i].unit_price.value = offer.unit_price;
    }
    body.lines.items = lines;
    offered.body = &body;
    return order_decider.decide(state, version, &offered, ret);
}

static void evolve_order(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    order_decider.evolve(state, event, arena);
}

static const struct ev_decider cart_offer_decider = {
    .category = "cart",
    .state = &cart_state_record,
    .decide = decide_cart,
    .evolve = evolve_cart,
};
static const struct ev_decider order_offer_decider = {
    .category = "order",
    .state = &order_state_record,
    .decide = decide_order,
    .evolve = evolve_order,
};

const struct ev_decider *const cart_offer_deciders[] = {&cart_offer_decider, NULL};
const struct ev_decider *const order_offer_deciders[] = {&order_offer_decider, &returns_decider, &adjustment_decider,
                                                         NULL};
