/* Carts under random commands. */
#include "core/money.h"
#include "domain/domain.h"
#include "gen/cart.h"
#include "property.h"

static const char *const skus[] = {"tea", "milk", "rice", "salt"};
static const char *const countries[] = {"France", "Spain"};

static void *make_item_command(struct property_run *run)
{
    struct add_cart_item *command = property_new(run, add_cart_item);
    command->sku = property_pick_from(run, skus);
    command->quantity = 1 + (int64_t)property_below(run, 5);
    if (!property_chance(run, 10))
        command->title = command->sku;
    command->unit_price = (struct ev_optional_long){!property_chance(run, 10), (int64_t)property_below(run, 3) * 10000};
    return command;
}

static const struct ev_command_type *make_cart_command(struct property_run *run, void **ret_body)
{
    uint64_t kind = run->scenario.version == 0 ? 0 : property_below(run, 40);
    if (kind == 0) {
        struct create_cart *command = property_new(run, create_cart);
        command->currency = EV_STR("GBP");
        *ret_body = command;
        return &create_cart_command;
    }
    if (kind == 1) {
        struct check_out_cart *command = property_new(run, check_out_cart);
        command->country = property_pick_from(run, countries);
        command->version =
            (struct ev_optional_long){property_chance(run, 2), run->scenario.version - (int64_t)property_below(run, 3)};
        *ret_body = command;
        return &check_out_cart_command;
    }
    if (kind == 2) {
        *ret_body = property_new(run, empty_cart);
        return &empty_cart_command;
    }
    if (kind < 10) {
        struct remove_cart_item *command = property_new(run, remove_cart_item);
        command->sku = property_pick_from(run, skus);
        *ret_body = command;
        return &remove_cart_item_command;
    }
    if (kind < 20) {
        struct change_cart_item *command = property_new(run, change_cart_item);
        command->sku = property_pick_from(run, skus);
        command->quantity = (int64_t)property_below(run, 4);
        *ret_body = command;
        return &change_cart_item_command;
    }
    *ret_body = make_item_command(run);
    return &add_cart_item_command;
}

static int64_t total_of(struct property_run *run)
{
    const struct cart_state *state = run->scenario.state;
    int64_t total = 0, value;
    for (size_t i = 0; i < state->items.count; i++) {
        const struct cart_item *item = &state->items.items[i];
        property_check(run, item->quantity > 0 && item->quantity <= 1000000000 && item->unit_price >= 0);
        property_check(run, ev_money_multiply(item->unit_price, item->quantity, &value));
        property_check(run, ev_money_add(total, value, &total));
        for (size_t j = 0; j < i; j++)
            property_check(run, !ev_str_equal(state->items.items[j].sku, item->sku));
    }
    property_check(run, total <= EV_MONEY_MAX);
    return total;
}

/* What one SKU comes to by the events alone: quantity in the cart, at the price of the last addition. */
static int64_t value_by_events(const struct property_run *run, struct ev_str sku)
{
    int64_t quantity = 0, unit_price = 0;
    for (size_t i = 0; i < run->scenario.event_count; i++) {
        struct cart_event event = cart_event_of(&run->scenario.events[i]);
        switch (event.type) {
        case CART_ITEM_ADDED:
            if (ev_str_equal(event.cart_item_added->sku, sku)) {
                quantity += event.cart_item_added->quantity;
                unit_price = event.cart_item_added->unit_price;
            }
            break;
        case CART_ITEM_QUANTITY_CHANGED:
            if (ev_str_equal(event.cart_item_quantity_changed->sku, sku))
                quantity = event.cart_item_quantity_changed->quantity;
            break;
        case CART_ITEM_REMOVED:
            if (ev_str_equal(event.cart_item_removed->sku, sku))
                quantity = 0;
            break;
        case CART_EMPTIED:
            quantity = 0;
            break;
        case CART_CREATED:
        case CART_CHECKED_OUT:
            break;
        }
    }
    return quantity * unit_price;
}

static void check_cart(struct property_run *run)
{
    const struct cart_state *state = run->scenario.state;
    int64_t total = total_of(run), by_events = 0;
    for (size_t i = 0; i < state->items.count; i++)
        by_events += value_by_events(run, state->items.items[i].sku);
    property_check(run, total == by_events);
    property_check(run, state->items.count <= 500);
    /* A checkout is the last event of all, and the cart isn't empty then. */
    for (size_t i = 0; i + 1 < run->scenario.event_count; i++)
        property_check(run, run->scenario.events[i].type != &cart_checked_out_event);
    if (state->status == CART_STATUS_CHECKED_OUT)
        property_check(run, state->items.count > 0 && state->order_id.length > 0);
}

static bool cart_is_idempotent(const struct ev_command *command)
{
    return command->type != &add_cart_item_command;
}

const struct property cart_property = {
    .decider = &cart_decider,
    .key = "c1",
    .command_types = cart_command_types,
    .command_type_count = &cart_command_type_count,
    .make = make_cart_command,
    .check = check_cart,
    .is_idempotent = cart_is_idempotent,
};
