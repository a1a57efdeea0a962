/* An order. The rules:
 * - It is placed once. Placing it again as it was changes nothing, anything else under its id is a conflict:
 *   PlaceOrder asks for customer, country, currency, SKUs and quantities; prices, titles and the time are the server's
 * and may differ by the second attempt. RecordOrder gives everything, so everything counts; only for the order of a
 * cart its time doesn't (cart and version name one content for ever).
 * - Lines are numbered from 1 as they were given; the same SKU in two lines stays two lines.
 * - What is left of a line is its quantity less what was cancelled and what came back. Not more can be cancelled or
 * come back. A line that is named twice in one command counts with the sum.
 * - Without lines the whole rest is cancelled. Doing so again changes nothing; an order of which everything came back
 * can't be cancelled any more.
 * - `whole` in OrderCancelled says that nothing is left after it, however that came about. */
#include <inttypes.h>

#include "domain/domain.h"
#include "domain/rules.h"
#include "gen/order.h"

/* Lines are numbered from 1 without gaps, so that the number finds the line. NULL: there is none. */
static struct order_line_state *order_find_line(const struct order_state *state, int64_t line_no)
{
    if (line_no < 1 || (uint64_t)line_no > state->lines.count)
        return NULL;
    return &state->lines.items[line_no - 1];
}

static int64_t order_line_left(const struct order_line_state *line)
{
    return line->quantity - line->cancelled - line->returned;
}

static struct ev_str order_content_hash(const struct order_placed *placed, struct ev_arena *arena)
{
    struct order_placed timeless = *placed;
    timeless.placed_at = 0;
    return domain_content_hash(&order_placed_record, &timeless, arena);
}

/* Fold */

static void order_evolve_placed(struct order_state *state, const struct order_placed *placed, struct ev_arena *arena)
{
    state->order_id = placed->order_id;
    state->customer_id = placed->customer_id;
    state->country = placed->country;
    state->currency = placed->currency;
    state->placed_at = placed->placed_at;
    state->cart_id = placed->cart_id;
    state->cart_version = placed->cart_version;
    state->content_hash = order_content_hash(placed, arena);
    ev_array_reserve(arena, (struct ev_array *)(void *)&state->lines, sizeof(*state->lines.items), placed->lines.count);
    for (size_t i = 0; i < placed->lines.count; i++) {
        const struct order_line *line = &placed->lines.items[i];
        *ev_array_push(arena, &state->lines) = (struct order_line_state){
            .line_no = line->line_no,
            .sku = line->sku,
            .quantity = line->quantity,
            .unit_price = line->unit_price,
            .kind = line->kind,
        };
    }
}

static void order_evolve(struct order_state *state, const struct order_event *event, struct ev_arena *arena)
{
    struct order_line_state *line;
    switch (event->type) {
    case ORDER_PLACED:
        order_evolve_placed(state, event->order_placed, arena);
        break;
    case ORDER_CANCELLED:
        for (size_t i = 0; i < event->order_cancelled->lines.count; i++)
            if ((line = order_find_line(state, event->order_cancelled->lines.items[i].line_no)))
                line->cancelled += event->order_cancelled->lines.items[i].quantity;
        break;
    case ORDER_GOODS_RETURNED:
        for (size_t i = 0; i < event->order_goods_returned->lines.count; i++)
            if ((line = order_find_line(state, event->order_goods_returned->lines.items[i].line_no)))
                line->returned += event->order_goods_returned->lines.items[i].quantity;
        break;
    }
}

/* Decide: placing */

static int order_reject_existing(const struct ev_command *envelope, struct ev_decision *ret)
{
    return ev_reject(ret, REJECTION_ORDER_EXISTS, "", "Order %.*s exists and has other content.",
                     EV_STR_ARG(envelope->key));
}

static bool order_is_as_asked(const struct order_state *state, const struct place_order *command)
{
    if (!ev_str_equal(state->customer_id, command->customer_id) || !ev_str_equal(state->country, command->country) ||
        !ev_str_equal(state->currency, command->currency) || state->cart_id.data ||
        state->lines.count != command->lines.count)
        return false;
    for (size_t i = 0; i < command->lines.count; i++)
        if (!ev_str_equal(state->lines.items[i].sku, command->lines.items[i].sku) ||
            state->lines.items[i].quantity != command->lines.items[i].quantity)
            return false;
    return true;
}

/* The price list's answer, which the server has put into each line. */
static int order_check_offers(const struct place_order *command, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    for (size_t i = 0; i < command->lines.count; i++) {
        const struct place_order_lines_item *line = &command->lines.items[i];
        if (!line->title.data)
            return ev_reject(ret, REJECTION_PRODUCT_UNKNOWN, domain_pointer(pointer, "lines", i, "sku"),
                             "There is no product \"%.*s\" that can be bought.", EV_STR_ARG(line->sku));
        if (!line->unit_price.present)
            return ev_reject(ret, REJECTION_PRODUCT_UNPRICED, domain_pointer(pointer, "lines", i, "sku"),
                             "Product \"%.*s\" has no price in %.*s.", EV_STR_ARG(line->sku),
                             EV_STR_ARG(command->currency));
    }
    return 0;
}

static void order_fill_placed(struct order_placed *event, const struct place_order *command,
                              const struct ev_command *envelope, struct ev_arena *arena)
{
    event->order_id = envelope->key;
    event->customer_id = command->customer_id;
    event->country = command->country;
    event->currency = command->currency;
    event->placed_at = envelope->now_ms;
    ev_array_reserve(arena, (struct ev_array *)(void *)&event->lines, sizeof(*event->lines.items),
                     command->lines.count);
    for (size_t i = 0; i < command->lines.count; i++) {
        const struct place_order_lines_item *line = &command->lines.items[i];
        *ev_array_push(arena, &event->lines) = (struct order_line){
            .line_no = (int32_t)(i + 1),
            .sku = line->sku,
            .title = line->title,
            .quantity = line->quantity,
            .unit_price = line->unit_price.value,
            .kind = LINE_KIND_GOODS,
        };
    }
}

static int order_place(const struct order_state *state, int64_t version, const struct place_order *command,
                       const struct ev_command *envelope, struct ev_decision *ret)
{
    if (version > 0)
        return order_is_as_asked(state, command) ? 0 : order_reject_existing(envelope, ret);
    int rejection = order_check_offers(command, ret);
    if (rejection != 0)
        return rejection;
    struct order_placed placed = {0};
    order_fill_placed(&placed, command, envelope, ret->events.arena);
    rejection = domain_check_lines(placed.lines.items, placed.lines.count, ret);
    if (rejection == 0)
        *order_placed_emit(&ret->events) = placed;
    return rejection;
}

static void order_fill_recorded(struct order_placed *event, const struct record_order *command,
                                const struct ev_command *envelope, struct ev_arena *arena)
{
    event->order_id = envelope->key;
    event->customer_id = command->customer_id;
    event->country = command->country;
    event->currency = command->currency;
    event->placed_at = command->placed_at;
    event->cart_id = command->cart_id;
    event->cart_version = command->cart_version;
    ev_array_reserve(arena, (struct ev_array *)(void *)&event->lines, sizeof(*event->lines.items),
                     command->lines.count);
    for (size_t i = 0; i < command->lines.count; i++) {
        const struct record_order_lines_item *line = &command->lines.items[i];
        *ev_array_push(arena, &event->lines) = (struct order_line){
            .line_no = (int32_t)(i + 1),
            .sku = line->sku,
            .title = line->title,
            .quantity = line->quantity,
            .unit_price = line->unit_price,
            .kind = line->kind,
        };
    }
}

static int order_record(const struct order_state *state, int64_t version, const struct record_order *command,
                        const struct ev_command *envelope, struct ev_decision *ret)
{
    struct ev_arena *arena = ret->events.arena;
    struct order_placed recorded = {0};
    order_fill_recorded(&recorded, command, envelope, arena);
    int rejection = domain_check_lines(recorded.lines.items, recorded.lines.count, ret);
    if (rejection != 0)
        return rejection;
    if (version == 0) {
        *order_placed_emit(&ret->events) = recorded;
        return 0;
    }
    bool same_time = recorded.cart_id.data || state->placed_at == recorded.placed_at;
    if (same_time && ev_str_equal(state->content_hash, order_content_hash(&recorded, arena)))
        return 0;
    return order_reject_existing(envelope, ret);
}

/* Decide: taking back */

/* Of each of the order's lines how much a command takes off it. */
struct order_taking {
    int64_t *quantities; /* by line_no - 1 */
    const char *verb;    /* for messages: "cancelled" */
};

static struct order_taking order_taking_of(const struct order_state *state, const char *verb, struct ev_arena *arena)
{
    return (struct order_taking){ev_arena_new_array(arena, int64_t, state->lines.count), verb};
}

static int order_take(const struct order_state *state, struct order_taking *taking, size_t index, int64_t line_no,
                      int64_t quantity, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    const struct order_line_state *line = order_find_line(state, line_no);
    if (!line)
        return ev_reject(ret, REJECTION_ORDER_LINE_UNKNOWN, domain_pointer(pointer, "lines", index, "line_no"),
                         "The order has lines 1 to %zu, not %" PRId64 ".", state->lines.count, line_no);
    domain_pointer(pointer, "lines", index, "quantity");
    int rejection = domain_check_quantity(quantity, pointer, ret);
    if (rejection != 0)
        return rejection;
    int64_t *taken = &taking->quantities[line_no - 1];
    if (quantity > order_line_left(line) - *taken)
        return ev_reject(ret, REJECTION_ORDER_QUANTITY_EXCEEDED, pointer,
                         "Of line %" PRId64 " %" PRId64 " can't be %s: %" PRId64 " are left%s.", line_no, quantity,
                         taking->verb, order_line_left(line) - *taken,
                         *taken > 0 ? " after what was named before" : "");
    *taken += quantity;
    return 0;
}

/* One entry per line that something is taken off, by line_no. */
static void order_list_taken(const struct order_state *state, const struct order_taking *taking,
                             struct line_quantity_array *ret, struct ev_arena *arena)
{
    for (size_t i = 0; i < state->lines.count; i++) {
        const struct order_line_state *line = &state->lines.items[i];
        if (taking->quantities[i] == 0)
            continue;
        *ev_array_push(arena, ret) = (struct line_quantity){
            .line_no = line->line_no,
            .sku = line->sku,
            .quantity = taking->quantities[i],
            .unit_price = line->unit_price,
            .kind = line->kind,
        };
    }
}

/* Takes all that is left; false when that is nothing. */
static bool order_take_rest(const struct order_state *state, struct order_taking *taking)
{
    bool any = false;
    for (size_t i = 0; i < state->lines.count; i++) {
        taking->quantities[i] = order_line_left(&state->lines.items[i]);
        any = any || taking->quantities[i] > 0;
    }
    return any;
}

static bool order_takes_all(const struct order_state *state, const struct order_taking *taking)
{
    for (size_t i = 0; i < state->lines.count; i++)
        if (order_line_left(&state->lines.items[i]) > taking->quantities[i])
            return false;
    return true;
}

static int order_nothing_to_cancel(const struct order_state *state, struct ev_decision *ret)
{
    for (size_t i = 0; i < state->lines.count; i++)
        if (state->lines.items[i].cancelled > 0)
            return 0; /* cancelled already, as asked for */
    return ev_reject(ret, REJECTION_ORDER_NOTHING_LEFT, "", "All goods came back; nothing is left to cancel.");
}

static int order_cancel(const struct order_state *state, const struct cancel_order *command,
                        const struct ev_command *envelope, struct ev_decision *ret)
{
    struct ev_arena *arena = ret->events.arena;
    struct order_taking taking = order_taking_of(state, "cancelled", arena);
    if (!command->lines.items) {
        if (!order_take_rest(state, &taking))
            return order_nothing_to_cancel(state, ret);
    } else if (command->lines.count == 0) {
        return ev_reject(ret, REJECTION_LINES_MISSING, "/lines",
                         "At least one line is needed; leave them out to cancel all.");
    }
    for (size_t i = 0; i < command->lines.count; i++) {
        const struct cancel_order_lines_item *line = &command->lines.items[i];
        int rejection = order_take(state, &taking, i, line->line_no, line->quantity, ret);
        if (rejection != 0)
            return rejection;
    }
    struct order_cancelled *event = order_cancelled_emit(&ret->events);
    event->order_id = envelope->key;
    event->customer_id = state->customer_id;
    event->country = state->country;
    event->currency = state->currency;
    event->cancelled_at = envelope->now_ms;
    event->reason = command->reason;
    event->whole = order_takes_all(state, &taking);
    order_list_taken(state, &taking, &event->lines, arena);
    return 0;
}

static int order_return_goods(const struct order_state *state, const struct return_goods *command,
                              const struct ev_command *envelope, struct ev_decision *ret)
{
    struct ev_arena *arena = ret->events.arena;
    struct order_taking taking = order_taking_of(state, "returned", arena);
    if (command->lines.count == 0)
        return ev_reject(ret, REJECTION_LINES_MISSING, "/lines", "At least one line is needed.");
    for (size_t i = 0; i < command->lines.count; i++) {
        const struct return_goods_lines_item *line = &command->lines.items[i];
        int rejection = order_take(state, &taking, i, line->line_no, line->quantity, ret);
        if (rejection != 0)
            return rejection;
    }
    struct order_goods_returned *event = order_goods_returned_emit(&ret->events);
    event->order_id = envelope->key;
    event->customer_id = state->customer_id;
    event->country = state->country;
    event->currency = state->currency;
    event->returned_at = envelope->now_ms;
    event->reason = command->reason;
    order_list_taken(state, &taking, &event->lines, arena);
    return 0;
}

static int order_decide(const struct order_state *state, int64_t version, const struct order_command *command,
                        const struct ev_command *envelope, struct ev_decision *ret)
{
    bool places = command->type == PLACE_ORDER || command->type == RECORD_ORDER;
    if (version == 0 && !places)
        return ev_reject(ret, REJECTION_ORDER_NOT_FOUND, "", "There is no order %.*s.", EV_STR_ARG(envelope->key));
    switch (command->type) {
    case PLACE_ORDER:
        return order_place(state, version, command->place_order, envelope, ret);
    case RECORD_ORDER:
        return order_record(state, version, command->record_order, envelope, ret);
    case CANCEL_ORDER:
        return order_cancel(state, command->cancel_order, envelope, ret);
    case RETURN_GOODS:
        return order_return_goods(state, command->return_goods, envelope, ret);
    }
    return ev_reject(ret, REJECTION_COMMAND_UNKNOWN, "", "An order has no such command.");
}

/* The decider's untyped side. */

static int order_decide_any(const void *state, int64_t version, const struct ev_command *command,
                            struct ev_decision *ret)
{
    struct order_command typed = order_command_of(command->type, command->body);
    return order_decide(state, version, &typed, command, ret);
}

static void order_evolve_any(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct order_event typed = order_event_of(event);
    order_evolve(state, &typed, arena);
}

const struct ev_decider order_decider = {
    .category = "order",
    .state = &order_state_record,
    .decide = order_decide_any,
    .evolve = order_evolve_any,
};
