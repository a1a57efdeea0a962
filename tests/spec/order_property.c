/* Orders, returns and bad debts under random commands. */
#include "core/money.h"
#include "domain/domain.h"
#include "gen/adjustment.h"
#include "gen/order.h"
#include "gen/returns.h"
#include "property.h"

static const char *const skus[] = {"tea", "milk"};
static const char *const countries[] = {"France", "Spain"};

/* Order */

static const struct ev_command_type *make_placing(struct property_run *run, void **ret_body)
{
    struct ev_arena *arena = &run->scenario.arena;
    uint64_t lines = 1 + property_below(run, 5);
    if (property_chance(run, 2)) {
        struct place_order *command = property_new(run, place_order);
        command->country = EV_STR("France");
        command->currency = EV_STR("EUR");
        for (; lines > 0; lines--)
            *ev_array_push(arena, &command->lines) = (struct place_order_lines_item){
                property_pick_from(run, skus), 1 + (int64_t)property_below(run, 60), EV_STR("x"), {true, 10000}};
        *ret_body = command;
        return &place_order_command;
    }
    struct record_order *command = property_new(run, record_order);
    command->country = EV_STR("France");
    command->currency = EV_STR("EUR");
    command->placed_at = run->scenario.now_ms;
    for (; lines > 0; lines--)
        *ev_array_push(arena, &command->lines) = (struct record_order_lines_item){
            property_pick_from(run, skus), EV_STR("x"), 1 + (int64_t)property_below(run, 60), 25500,
            (int32_t)property_below(run, 2)};
    *ret_body = command;
    return &record_order_command;
}

static const struct ev_command_type *make_order_command(struct property_run *run, void **ret_body)
{
    struct ev_arena *arena = &run->scenario.arena;
    if (run->scenario.version == 0 || property_chance(run, 10))
        return make_placing(run, ret_body);
    uint64_t lines = 1 + property_below(run, 3);
    if (property_chance(run, 2)) {
        struct cancel_order *command = property_new(run, cancel_order);
        if (property_chance(run, 12))
            lines = 0; /* all of it */
        for (; lines > 0; lines--)
            *ev_array_push(arena, &command->lines) = (struct cancel_order_lines_item){
                1 + (int64_t)property_below(run, 5), 1 + (int64_t)property_below(run, 3)};
        *ret_body = command;
        return &cancel_order_command;
    }
    struct return_goods *command = property_new(run, return_goods);
    for (; lines > 0; lines--)
        *ev_array_push(arena, &command->lines) =
            (struct return_goods_lines_item){1 + (int64_t)property_below(run, 5), 1 + (int64_t)property_below(run, 3)};
    *ret_body = command;
    return &return_goods_command;
}

static int64_t sum_of_taken(const struct line_quantity_array *lines, int32_t line_no)
{
    int64_t sum = 0;
    for (size_t i = 0; i < lines->count; i++)
        if (lines->items[i].line_no == line_no)
            sum += lines->items[i].quantity;
    return sum;
}

/* A line's figures by the events alone. */
static void check_line(struct property_run *run, const struct order_line_state *line)
{
    int64_t cancelled = 0, returned = 0;
    for (size_t i = 0; i < run->scenario.event_count; i++) {
        struct order_event event = order_event_of(&run->scenario.events[i]);
        switch (event.type) {
        case ORDER_PLACED:
            property_check(run, i == 0);
            break;
        case ORDER_CANCELLED:
            cancelled += sum_of_taken(&event.order_cancelled->lines, line->line_no);
            break;
        case ORDER_GOODS_RETURNED:
            returned += sum_of_taken(&event.order_goods_returned->lines, line->line_no);
            break;
        }
    }
    property_check(run, line->cancelled == cancelled && line->returned == returned);
    property_check(run, cancelled >= 0 && returned >= 0 && cancelled + returned <= line->quantity);
}

static void check_order(struct property_run *run)
{
    const struct order_state *state = run->scenario.state;
    int64_t left = 0, value = 0, product;
    for (size_t i = 0; i < state->lines.count; i++) {
        const struct order_line_state *line = &state->lines.items[i];
        property_check(run, line->line_no == (int32_t)i + 1 && line->quantity > 0);
        property_check(run, ev_money_multiply(line->unit_price, line->quantity, &product));
        property_check(run, ev_money_add(value, product, &value));
        check_line(run, line);
        left += line->quantity - line->cancelled - line->returned;
    }
    property_check(run, value <= EV_MONEY_MAX);
    property_check(run, run->scenario.version == 0 || state->lines.count > 0);
    for (size_t i = run->events_before; i < run->scenario.event_count; i++) {
        struct order_event event = order_event_of(&run->scenario.events[i]);
        if (event.type == ORDER_CANCELLED)
            property_check(run, event.order_cancelled->lines.count > 0 && event.order_cancelled->whole == (left == 0));
        if (event.type == ORDER_GOODS_RETURNED)
            property_check(run, event.order_goods_returned->lines.count > 0);
    }
}

static bool order_is_idempotent(const struct ev_command *command)
{
    struct order_command typed = order_command_of(command->type, command->body);
    switch (typed.type) {
    case PLACE_ORDER:
    case RECORD_ORDER:
        return true;
    case CANCEL_ORDER:
        return typed.cancel_order->lines.items == NULL;
    case RETURN_GOODS:
        return false;
    }
    return false;
}

const struct property order_property = {
    .decider = &order_decider,
    .key = "o1",
    .command_types = order_command_types,
    .command_type_count = &order_command_type_count,
    .make = make_order_command,
    .check = check_order,
    .is_idempotent = order_is_idempotent,
};

/* Returns and bad debts: recorded once, whatever comes after. */

static void check_recorded_once(struct property_run *run)
{
    property_check(run, run->scenario.event_count <= 1 && run->scenario.version == (int64_t)run->scenario.event_count);
}

static bool recording_is_idempotent(const struct ev_command *command)
{
    (void)command;
    return true;
}

static const struct ev_command_type *make_return(struct property_run *run, void **ret_body)
{
    struct record_return *command = property_new(run, record_return);
    command->country = property_pick_from(run, countries);
    command->currency = EV_STR("EUR");
    *ev_array_push(&run->scenario.arena, &command->lines) = (struct record_return_lines_item){
        property_pick_from(run, skus), EV_STR("x"), 1 + (int64_t)property_below(run, 2), 25500, LINE_KIND_GOODS};
    *ret_body = command;
    return &record_return_command;
}

const struct property returns_property = {
    .decider = &returns_decider,
    .key = "r1",
    .command_types = returns_command_types,
    .command_type_count = &returns_command_type_count,
    .make = make_return,
    .check = check_recorded_once,
    .is_idempotent = recording_is_idempotent,
};

static const struct ev_command_type *make_bad_debt(struct property_run *run, void **ret_body)
{
    struct record_bad_debt *command = property_new(run, record_bad_debt);
    command->country = property_pick_from(run, countries);
    command->currency = EV_STR("EUR");
    command->amount = ((int64_t)property_below(run, 5) - 2) * 10000;
    command->reason = EV_STR("x");
    *ret_body = command;
    return &record_bad_debt_command;
}

const struct property adjustment_property = {
    .decider = &adjustment_decider,
    .key = "a1",
    .command_types = adjustment_command_types,
    .command_type_count = &adjustment_command_type_count,
    .make = make_bad_debt,
    .check = check_recorded_once,
    .is_idempotent = recording_is_idempotent,
};
