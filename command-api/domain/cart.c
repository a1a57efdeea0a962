/* A cart. The rules:
 * - Its currency and its customer are fixed when it is created; all prices are in that currency.
 * - A line is a SKU. Adding a SKU that is in the cart adds to its quantity; the whole line takes the price and title of
 * the newest addition, so that what the buyer pays is what was last shown. Changing a quantity leaves the price alone.
 * - At most CART_LINES_MAX lines, DOMAIN_QUANTITY_MAX units of each, and a total that can be booked.
 * - What is asked for and is so already changes nothing: a quantity set to what it is, a line removed that isn't there,
 * an empty cart emptied.
 * - A checked-out cart is closed: any change is refused. Checking it out again as it was checked out changes nothing
 * and so leads to the same order.
 * - Whatever a cart can hold can become an order: the bounds here are within those of an order's lines (rules.h).
 * - A buyer may name the version that they saw; a cart that was changed since isn't checked out. */
#include <inttypes.h>
#include <stdio.h>

#include "core/buffer.h"
#include "domain/domain.h"
#include "domain/rules.h"
#include "gen/cart.h"

#define CART_LINES_MAX ((size_t)500)

static size_t cart_find_line(const struct cart_state *state, struct ev_str sku) /* count: it isn't there */
{
    size_t index = 0;
    while (index < state->items.count && !ev_str_equal(state->items.items[index].sku, sku))
        index++;
    return index;
}

/* Fold */

static void cart_evolve_item_added(struct cart_state *state, const struct cart_item_added *added,
                                   struct ev_arena *arena)
{
    size_t index = cart_find_line(state, added->sku);
    struct cart_item *item =
        index < state->items.count ? &state->items.items[index] : ev_array_push(arena, &state->items);
    item->sku = added->sku;
    item->title = added->title;
    item->quantity += added->quantity;
    item->unit_price = added->unit_price;
}

static void cart_evolve(struct cart_state *state, const struct cart_event *event, struct ev_arena *arena)
{
    size_t index;
    switch (event->type) {
    case CART_CREATED:
        state->cart_id = event->cart_created->cart_id;
        state->customer_id = event->cart_created->customer_id;
        state->currency = event->cart_created->currency;
        state->status = CART_STATUS_OPEN;
        break;
    case CART_ITEM_ADDED:
        cart_evolve_item_added(state, event->cart_item_added, arena);
        break;
    case CART_ITEM_QUANTITY_CHANGED:
        index = cart_find_line(state, event->cart_item_quantity_changed->sku);
        if (index < state->items.count)
            state->items.items[index].quantity = event->cart_item_quantity_changed->quantity;
        break;
    case CART_ITEM_REMOVED:
        index = cart_find_line(state, event->cart_item_removed->sku);
        if (index < state->items.count)
            ev_array_remove(&state->items, index);
        break;
    case CART_EMPTIED:
        state->items.count = 0;
        break;
    case CART_CHECKED_OUT:
        state->status = CART_STATUS_CHECKED_OUT;
        state->order_id = event->cart_checked_out->order_id;
        state->country = event->cart_checked_out->country;
        break;
    }
}

/* Decide */

static int cart_create(const struct cart_state *state, int64_t version, const struct create_cart *command,
                       const struct ev_command *envelope, struct ev_decision *ret)
{
    if (version > 0) {
        if (ev_str_equal(state->customer_id, command->customer_id) && ev_str_equal(state->currency, command->currency))
            return 0;
        return ev_reject(ret, REJECTION_CART_EXISTS, "", "Cart %.*s exists and has another customer or currency.",
                         EV_STR_ARG(envelope->key));
    }
    struct cart_created *event = cart_created_emit(&ret->events);
    event->cart_id = envelope->key;
    event->customer_id = command->customer_id;
    event->currency = command->currency;
    return 0;
}

static int cart_reject_closed(const struct cart_state *state, const struct ev_command *envelope,
                              struct ev_decision *ret)
{
    return ev_reject(ret, REJECTION_CART_CHECKED_OUT, "", "Cart %.*s was checked out and became order %.*s.",
                     EV_STR_ARG(envelope->key), EV_STR_ARG(state->order_id));
}

/* Can the cart's total be booked when the line at `index` (count: a new one) has this quantity and price? */
static int cart_check_total(const struct cart_state *state, size_t index, int64_t quantity, int64_t unit_price,
                            struct ev_decision *ret)
{
    int64_t total = 0;
    bool fits = domain_add_value(quantity, unit_price, &total);
    for (size_t i = 0; i < state->items.count && fits; i++)
        if (i != index)
            fits = domain_add_value(state->items.items[i].quantity, state->items.items[i].unit_price, &total);
    return fits ? 0
                : ev_reject(ret, REJECTION_VALUE_TOO_LARGE, "/quantity",
                            "The cart's total would be more than can be booked.");
}

/* Can SKUs and titles of all lines be those of an order, when the line at `index` (count: a new one) has these? */
static int cart_check_text(const struct cart_state *state, size_t index, const struct add_cart_item *command,
                           struct ev_decision *ret)
{
    size_t text = command->sku.length + command->title.length;
    for (size_t i = 0; i < state->items.count; i++)
        if (i != index)
            text += state->items.items[i].sku.length + state->items.items[i].title.length;
    if (text <= DOMAIN_LINES_TEXT_MAX)
        return 0;
    return ev_reject(ret, REJECTION_CART_FULL, "/sku", "The lines of a cart have at most %zu bytes of text.",
                     DOMAIN_LINES_TEXT_MAX);
}

/* The price list's answer, which the server has put into the command. */
static int cart_check_offer(const struct cart_state *state, const struct add_cart_item *command,
                            struct ev_decision *ret)
{
    if (!command->title.data)
        return ev_reject(ret, REJECTION_PRODUCT_UNKNOWN, "/sku", "There is no product \"%.*s\" that can be bought.",
                         EV_STR_ARG(command->sku));
    if (!command->unit_price.present)
        return ev_reject(ret, REJECTION_PRODUCT_UNPRICED, "/sku", "Product \"%.*s\" has no price in %.*s.",
                         EV_STR_ARG(command->sku), EV_STR_ARG(state->currency));
    return domain_check_price(command->unit_price.value, "/unit_price", ret);
}

static int cart_add_item(const struct cart_state *state, const struct add_cart_item *command,
                         const struct ev_command *envelope, struct ev_decision *ret)
{
    int rejection = domain_check_quantity(command->quantity, "/quantity", ret);
    if (rejection == 0)
        rejection = cart_check_offer(state, command, ret);
    if (rejection != 0)
        return rejection;
    size_t index = cart_find_line(state, command->sku);
    int64_t present = index < state->items.count ? state->items.items[index].quantity : 0;
    if (index >= CART_LINES_MAX)
        return ev_reject(ret, REJECTION_CART_FULL, "/sku", "A cart has at most %zu lines.", CART_LINES_MAX);
    if (present > DOMAIN_QUANTITY_MAX - command->quantity)
        return ev_reject(ret, REJECTION_CART_FULL, "/quantity",
                         "A line has at most %" PRId64 " units; %" PRId64 " are in it.", DOMAIN_QUANTITY_MAX, present);
    rejection = cart_check_text(state, index, command, ret);
    if (rejection == 0)
        rejection = cart_check_total(state, index, present + command->quantity, command->unit_price.value, ret);
    if (rejection != 0)
        return rejection;
    struct cart_item_added *event = cart_item_added_emit(&ret->events);
    event->cart_id = envelope->key;
    event->sku = command->sku;
    event->title = command->title;
    event->quantity = command->quantity;
    event->unit_price = command->unit_price.value;
    return 0;
}

static int cart_remove_item(const struct cart_state *state, struct ev_str sku, const struct ev_command *envelope,
                            struct ev_decision *ret)
{
    if (cart_find_line(state, sku) == state->items.count)
        return 0;
    struct cart_item_removed *event = cart_item_removed_emit(&ret->events);
    event->cart_id = envelope->key;
    event->sku = sku;
    return 0;
}

static int cart_change_item(const struct cart_state *state, const struct change_cart_item *command,
                            const struct ev_command *envelope, struct ev_decision *ret)
{
    if (command->quantity == 0)
        return cart_remove_item(state, command->sku, envelope, ret);
    int rejection = domain_check_quantity(command->quantity, "/quantity", ret);
    if (rejection != 0)
        return rejection;
    size_t index = cart_find_line(state, command->sku);
    if (index == state->items.count)
        return ev_reject(ret, REJECTION_CART_LINE_NOT_FOUND, "/sku", "\"%.*s\" is not in the cart. Add it first.",
                         EV_STR_ARG(command->sku));
    if (state->items.items[index].quantity == command->quantity)
        return 0;
    rejection = cart_check_total(state, index, command->quantity, state->items.items[index].unit_price, ret);
    if (rejection != 0)
        return rejection;
    struct cart_item_quantity_changed *event = cart_item_quantity_changed_emit(&ret->events);
    event->cart_id = envelope->key;
    event->sku = command->sku;
    event->quantity = command->quantity;
    return 0;
}

static int cart_empty(const struct cart_state *state, const struct ev_command *envelope, struct ev_decision *ret)
{
    if (state->items.count > 0)
        cart_emptied_emit(&ret->events)->cart_id = envelope->key;
    return 0;
}

void cart_derive_order_id(struct ev_str cart_id, int64_t version, char ret_text[EV_UUID_TEXT_LENGTH + 1])
{
    struct ev_buffer name;
    ev_buffer_init(&name);
    ev_buffer_printf(&name, "order of cart-%.*s@%" PRId64, EV_STR_ARG(cart_id), version);
    struct ev_uuid order_id = ev_uuid_v5(&ev_uuid_namespace_orderlog, ev_buffer_str(&name));
    ev_buffer_finish(&name);
    ev_uuid_format(&order_id, ret_text);
}

/* The checkout is a cart's last commit, so the buyer of a checked-out cart saw the version before it, or the cart as it
 * is now. */
static int cart_check_out_again(const struct cart_state *state, int64_t version, const struct check_out_cart *command,
                                const struct ev_command *envelope, struct ev_decision *ret)
{
    if (command->version.present && command->version.value != version - 1 && command->version.value != version)
        return ev_reject(ret, REJECTION_VERSION_MISMATCH, "/version",
                         "The cart was checked out at version %" PRId64 ", not at %" PRId64 ".", version - 1,
                         command->version.value);
    if (ev_str_equal(state->country, command->country))
        return 0;
    return cart_reject_closed(state, envelope, ret);
}

static int cart_check_out(const struct cart_state *state, int64_t version, const struct check_out_cart *command,
                          const struct ev_command *envelope, struct ev_decision *ret)
{
    if (state->status != CART_STATUS_OPEN)
        return cart_check_out_again(state, version, command, envelope, ret);
    if (command->version.present && command->version.value != version)
        return ev_reject(ret, REJECTION_VERSION_MISMATCH, "/version",
                         "The cart has version %" PRId64 ", not %" PRId64 ": look at it again.", version,
                         command->version.value);
    if (state->items.count == 0)
        return ev_reject(ret, REJECTION_CART_EMPTY, "", "An empty cart can't become an order.");
    struct cart_checked_out *event = cart_checked_out_emit(&ret->events);
    event->cart_id = envelope->key;
    event->country = command->country;
    event->order_id = command->order_id;
    if (event->order_id.length == 0) {
        char order_id[EV_UUID_TEXT_LENGTH + 1];
        cart_derive_order_id(envelope->key, version, order_id);
        event->order_id = ev_arena_copy(ret->events.arena, ev_str_of(order_id));
    }
    return 0;
}

static int cart_decide(const struct cart_state *state, int64_t version, const struct cart_command *command,
                       const struct ev_command *envelope, struct ev_decision *ret)
{
    bool changes_items = command->type != CREATE_CART && command->type != CHECK_OUT_CART;
    if (version == 0 && command->type != CREATE_CART)
        return ev_reject(ret, REJECTION_CART_NOT_FOUND, "", "There is no cart %.*s.", EV_STR_ARG(envelope->key));
    if (changes_items && state->status != CART_STATUS_OPEN)
        return cart_reject_closed(state, envelope, ret);
    switch (command->type) {
    case CREATE_CART:
        return cart_create(state, version, command->create_cart, envelope, ret);
    case ADD_CART_ITEM:
        return cart_add_item(state, command->add_cart_item, envelope, ret);
    case CHANGE_CART_ITEM:
        return cart_change_item(state, command->change_cart_item, envelope, ret);
    case REMOVE_CART_ITEM:
        return cart_remove_item(state, command->remove_cart_item->sku, envelope, ret);
    case EMPTY_CART:
        return cart_empty(state, envelope, ret);
    case CHECK_OUT_CART:
        return cart_check_out(state, version, command->check_out_cart, envelope, ret);
    }
    return ev_reject(ret, REJECTION_COMMAND_UNKNOWN, "", "A cart has no such command.");
}

/* The decider's untyped side. */

static int cart_decide_any(const void *state, int64_t version, const struct ev_command *command,
                           struct ev_decision *ret)
{
    struct cart_command typed = cart_command_of(command->type, command->body);
    return cart_decide(state, version, &typed, command, ret);
}

static void cart_evolve_any(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct cart_event typed = cart_event_of(event);
    cart_evolve(state, &typed, arena);
}

const struct ev_decider cart_decider = {
    .category = "cart",
    .state = &cart_state_record,
    .decide = cart_decide_any,
    .evolve = cart_evolve_any,
};
