/* Products under random commands; the stock's are in stock_property.c. */
#include "domain/domain.h"
#include "gen/product.h"
#include "property.h"

static const char *const names[] = {"a", "b", "c"};
static const char *const currencies[] = {"GBP", "EUR"};

/* Product */

static struct ev_optional_long random_time(struct property_run *run)
{
    struct ev_optional_long time = {false, 0};
    if (property_chance(run, 3))
        return time;
    time.present = true;
    time.value = run->scenario.now_ms + ((int64_t)property_below(run, 9) - 4) * 1000;
    return time;
}

static void fill_change(struct property_run *run, struct change_product *command)
{
    struct ev_arena *arena = &run->scenario.arena;
    if (property_chance(run, 2))
        command->title = property_pick_from(run, names);
    if (property_chance(run, 3))
        command->supplier = property_pick_from(run, names);
    if (property_chance(run, 3))
        for (uint64_t left = 1 + property_below(run, 3); left > 0; left--)
            *ev_array_push(arena, &command->eans) = property_pick_from(run, names);
    for (uint64_t left = property_below(run, 4); left > 0; left--)
        *ev_array_push(arena, &command->titles) =
            (struct change_product_titles_item){property_pick_from(run, names), random_time(run)};
    for (uint64_t left = property_below(run, 4); left > 0; left--)
        *ev_array_push(arena, &command->prices) = (struct change_product_prices_item){
            (int64_t)property_below(run, 3), property_pick_from(run, currencies), random_time(run)};
}

static const struct ev_command_type *make_product_command(struct property_run *run, void **ret_body)
{
    if (run->scenario.version == 0 || property_chance(run, 10)) {
        struct create_product *command = property_new(run, create_product);
        command->sku = run->scenario.key;
        command->title = property_pick_from(run, names);
        *ret_body = command;
        return &create_product_command;
    }
    if (property_chance(run, 200)) {
        *ret_body = property_new(run, discontinue_product);
        return &discontinue_product_command;
    }
    *ret_body = property_new(run, change_product);
    fill_change(run, *ret_body);
    return &change_product_command;
}

/* Looked for in the plain way: through all of them. */
static const struct product_title *title_at(const struct product_state *state, int64_t time)
{
    const struct product_title *valid = NULL;
    for (size_t i = 0; i < state->titles.count; i++)
        if (state->titles.items[i].valid_from <= time &&
            (!valid || state->titles.items[i].valid_from > valid->valid_from))
            valid = &state->titles.items[i];
    return valid;
}

static const struct product_price *price_at(const struct product_state *state, struct ev_str currency, int64_t time)
{
    const struct product_price *valid = NULL;
    for (size_t i = 0; i < state->prices.count; i++) {
        const struct product_price *price = &state->prices.items[i];
        if (ev_str_equal(price->currency, currency) && price->valid_from <= time &&
            (!valid || price->valid_from > valid->valid_from))
            valid = price;
    }
    return valid;
}

/* An event that says what is so already is none: what was valid at its time by the events before it is something else.
 */
static void check_news(struct property_run *run, size_t at)
{
    struct product_state before = {0};
    struct product_event event = product_event_of(&run->scenario.events[at]);
    for (size_t i = 0; i < at; i++)
        product_decider.evolve(&before, &run->scenario.events[i], &run->scenario.arena);
    if (event.type == PRODUCT_TITLED) {
        const struct product_title *valid = title_at(&before, event.product_titled->valid_from);
        property_check(run, !valid || !ev_str_equal(valid->title, event.product_titled->title));
    }
    if (event.type == PRODUCT_PRICED) {
        const struct product_price *valid =
            price_at(&before, event.product_priced->currency, event.product_priced->valid_from);
        property_check(run, !valid || valid->price != event.product_priced->price);
    }
}

/* Every title and price that an accepted change names is valid at its time. */
static void check_change(struct property_run *run, const struct product_state *state,
                         const struct change_product *command)
{
    int64_t now = run->scenario.now_ms;
    for (size_t i = 0; i < command->titles.count; i++) {
        const struct change_product_titles_item *title = &command->titles.items[i];
        const struct product_title *valid = title_at(state, title->valid_from.present ? title->valid_from.value : now);
        property_check(run, valid && ev_str_equal(valid->title, title->title));
    }
    if (command->title.data) {
        const struct product_title *valid = title_at(state, now);
        property_check(run, valid && ev_str_equal(valid->title, command->title));
    }
    for (size_t i = 0; i < command->prices.count; i++) {
        const struct change_product_prices_item *price = &command->prices.items[i];
        const struct product_price *valid =
            price_at(state, price->currency, price->valid_from.present ? price->valid_from.value : now);
        property_check(run, valid && valid->price == price->price);
    }
}

static void check_product(struct property_run *run)
{
    const struct product_state *state = run->scenario.state;
    property_check(run, state->titles.count <= 256 && state->prices.count <= 1000);
    property_check(run, run->scenario.version == 0 || state->titles.count > 0);
    for (size_t i = 1; i < state->titles.count; i++)
        property_check(run, state->titles.items[i - 1].valid_from < state->titles.items[i].valid_from);
    for (size_t i = 1; i < state->prices.count; i++) {
        const struct product_price *a = &state->prices.items[i - 1], *b = &state->prices.items[i];
        int order = ev_str_compare(a->currency, b->currency);
        property_check(run, order < 0 || (order == 0 && a->valid_from < b->valid_from));
    }
    for (size_t i = run->events_before; i < run->scenario.event_count; i++)
        check_news(run, i);
    if (run->scenario.command.type == &change_product_command)
        check_change(run, state, run->scenario.command.body);
}

static bool product_is_idempotent(const struct ev_command *command)
{
    (void)command;
    return true;
}

const struct property product_property = {
    .decider = &product_decider,
    .key = "tea",
    .command_types = product_command_types,
    .command_type_count = &product_command_type_count,
    .make = make_product_command,
    .check = check_product,
    .is_idempotent = product_is_idempotent,
};
