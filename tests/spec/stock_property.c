/* Stock under random commands: what comes in, is corrected, reserved, sold, given up, expires and comes back. Beside
 * the state stands a model that knows nothing of tables: it goes through all events, and for a line of an order it has
 * one word for where it stands. */
#include "domain/domain.h"
#include "gen/stock.h"
#include "property.h"

#define ORDERS 3
#define LINES 3

static const char *const names[] = {"a", "b", "c"};
static const char *const orders[ORDERS] = {"o1", "o2", "o3"};

/* Commands */

static const struct ev_command_type *make_receive(struct property_run *run, void **ret_body)
{
    static const char *const references[] = {NULL, NULL, NULL, "r1", "r2", "r3", "r4", "r5"};
    struct receive_stock *command = property_new(run, receive_stock);
    command->quantity = 1 + (int64_t)property_below(run, 20);
    command->reference = property_pick_from(run, references);
    *ret_body = command;
    return &receive_stock_command;
}

static const struct ev_command_type *make_adjust(struct property_run *run, void **ret_body)
{
    static const char *const references[] = {NULL, NULL, NULL, "r1", "r2", "r3", "r4", "r5"};
    struct adjust_stock *command = property_new(run, adjust_stock);
    command->delta = (int64_t)property_below(run, 31) - 20;
    command->reason = property_pick_from(run, names);
    command->reference = property_pick_from(run, references);
    *ret_body = command;
    return &adjust_stock_command;
}

/* Mostly the quantity that the line always has. */
static const struct ev_command_type *make_reserve(struct property_run *run, void **ret_body)
{
    struct reserve_stock *command = property_new(run, reserve_stock);
    uint64_t order = property_below(run, ORDERS);
    command->order_id = ev_str_of(orders[order]);
    command->ttl_seconds = 1 + (int64_t)property_below(run, 20);
    for (uint64_t left = 1 + property_below(run, 3); left > 0; left--) {
        int64_t line = 1 + (int64_t)property_below(run, LINES);
        int64_t quantity = property_chance(run, 12) ? 1 + (int64_t)property_below(run, 9) : (int64_t)order + line;
        *ev_array_push(&run->scenario.arena, &command->lines) = (struct reserve_stock_lines_item){line, quantity};
    }
    *ret_body = command;
    return &reserve_stock_command;
}

static void fill_lines(struct property_run *run, struct ev_long_array *lines)
{
    for (uint64_t left = 1 + property_below(run, 2); left > 0; left--)
        *ev_array_push(&run->scenario.arena, lines) = 1 + (int64_t)property_below(run, LINES);
}

static const struct ev_command_type *make_settle(struct property_run *run, void **ret_body)
{
    if (property_chance(run, 3)) {
        struct release_reservation *release = property_new(run, release_reservation);
        release->order_id = property_pick_from(run, orders);
        fill_lines(run, &release->lines);
        *ret_body = release;
        return &release_reservation_command;
    }
    struct confirm_reservation *confirm = property_new(run, confirm_reservation);
    confirm->order_id = property_pick_from(run, orders);
    fill_lines(run, &confirm->lines);
    *ret_body = confirm;
    return &confirm_reservation_command;
}

static const struct ev_command_type *make_return(struct property_run *run, void **ret_body)
{
    static const char *const references[] = {"r1", "r2", "r3", "r4"};
    struct return_stock *command = property_new(run, return_stock);
    command->order_id = property_pick_from(run, orders);
    command->line = 1 + (int64_t)property_below(run, LINES);
    command->quantity = 1 + (int64_t)property_below(run, 3);
    command->reference = property_pick_from(run, references);
    *ret_body = command;
    return &return_stock_command;
}

static const struct ev_command_type *make_stock_command(struct property_run *run, void **ret_body)
{
    switch (property_below(run, 12)) {
    case 0:
    case 1:
        return make_receive(run, ret_body);
    case 2:
        return make_adjust(run, ret_body);
    case 3:
    case 4:
        return make_return(run, ret_body);
    case 5:
        *ret_body = property_new(run, expire_reservations);
        return &expire_reservations_command;
    case 6:
    case 7:
    case 8:
        return make_settle(run, ret_body);
    default:
        return make_reserve(run, ret_body);
    }
}

/* The model */

enum model_status { MODEL_NONE, MODEL_OPEN, MODEL_SOLD, MODEL_RELEASED, MODEL_EXPIRED };

struct model_line {
    struct ev_str order_id; /* hostile commands make orders of their own */
    int32_t line;
    enum model_status status;
    int64_t quantity, returned, expires_at;
};

#define MODEL_LINES_MAX 512

struct model {
    int64_t received, adjusted, reserved, sold;
    struct model_line lines[MODEL_LINES_MAX];
    size_t count;
};

static struct model_line *model_line(struct property_run *run, struct model *model, struct ev_str order_id,
                                     int32_t line)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->lines[i].line == line && ev_str_equal(model->lines[i].order_id, order_id))
            return &model->lines[i];
    property_check(run, model->count < MODEL_LINES_MAX);
    model->lines[model->count] = (struct model_line){.order_id = order_id, .line = line};
    return &model->lines[model->count++];
}

static void model_close(struct property_run *run, struct model *model, struct model_line *line, int64_t quantity,
                        enum model_status status)
{
    property_check(run, line->status == MODEL_OPEN);
    property_check(run, line->quantity == quantity);
    line->status = status;
    model->reserved -= quantity;
}

static void model_reserve(struct property_run *run, struct model *model, const struct stock_reserved *event)
{
    struct model_line *line = model_line(run, model, event->order_id, event->line);
    property_check(run, line->status == MODEL_NONE || line->status == MODEL_EXPIRED);
    property_check(run, line->status == MODEL_NONE || line->quantity == event->quantity);
    property_check(run, event->expires_at > event->reserved_at);
    line->status = MODEL_OPEN;
    line->quantity = event->quantity;
    line->expires_at = event->expires_at;
    model->reserved += event->quantity;
}

static void model_return(struct property_run *run, struct model *model, const struct stock_returned *event)
{
    struct model_line *line = model_line(run, model, event->order_id, event->line);
    /* A line that nobody has reserved may be one that is remembered no more. */
    property_check(run, line->status == MODEL_SOLD || line->status == MODEL_NONE);
    line->returned += event->quantity;
    property_check(run, line->status == MODEL_NONE || line->returned <= line->quantity);
    model->sold -= event->quantity;
}

static void model_take(struct property_run *run, struct model *model, const struct stock_event *event)
{
    const struct reservation_confirmed *confirmed = event->reservation_confirmed;
    const struct reservation_released *released = event->reservation_released;
    const struct reservation_expired *expired = event->reservation_expired;
    struct model_line *line;
    switch (event->type) {
    case STOCK_RECEIVED:
        model->received += event->stock_received->quantity;
        break;
    case STOCK_ADJUSTED:
        model->adjusted += event->stock_adjusted->delta;
        break;
    case STOCK_RESERVED:
        model_reserve(run, model, event->stock_reserved);
        break;
    case RESERVATION_CONFIRMED:
        line = model_line(run, model, confirmed->order_id, confirmed->line);
        property_check(run, confirmed->confirmed_at < line->expires_at);
        model_close(run, model, line, confirmed->quantity, MODEL_SOLD);
        model->sold += confirmed->quantity;
        break;
    case RESERVATION_RELEASED:
        line = model_line(run, model, released->order_id, released->line);
        property_check(run, released->released_at < line->expires_at);
        model_close(run, model, line, released->quantity, MODEL_RELEASED);
        break;
    case RESERVATION_EXPIRED:
        line = model_line(run, model, expired->order_id, expired->line);
        property_check(run, expired->expired_at == line->expires_at && expired->expired_at <= run->scenario.now_ms);
        model_close(run, model, line, expired->quantity, MODEL_EXPIRED);
        break;
    case STOCK_RETURNED:
        model_return(run, model, event->stock_returned);
        break;
    }
    property_check(run, model->received + model->adjusted - model->reserved - model->sold >= 0);
    property_check(run, model->reserved >= 0 && model->sold >= 0);
}

/* After a command that was accepted nothing is left that should have expired. */
static void check_none_due(struct property_run *run, const struct model *model)
{
    if (run->scenario.rejection != 0)
        return;
    for (size_t i = 0; i < model->count; i++)
        property_check(run, model->lines[i].status != MODEL_OPEN || model->lines[i].expires_at > run->scenario.now_ms);
}

static void check_stock(struct property_run *run)
{
    static struct model model;
    const struct stock_state *state = run->scenario.state;
    int32_t open = 0;
    model = (struct model){0};
    for (size_t i = 0; i < run->scenario.event_count; i++) {
        struct stock_event event = stock_event_of(&run->scenario.events[i]);
        model_take(run, &model, &event);
    }
    for (size_t i = 0; i < model.count; i++)
        open += model.lines[i].status == MODEL_OPEN;
    property_check(run, state->received == model.received && state->adjusted == model.adjusted);
    property_check(run, state->reserved == model.reserved && state->sold == model.sold);
    property_check(run, state->received + state->adjusted == state->available + state->reserved + state->sold);
    property_check(run, state->available >= 0);
    property_check(run, state->open == open);
    check_none_due(run, &model);
}

static bool stock_is_idempotent(const struct ev_command *command)
{
    struct stock_command typed = stock_command_of(command->type, command->body);
    switch (typed.type) {
    case RECEIVE_STOCK:
        return typed.receive_stock->reference.data != NULL;
    case ADJUST_STOCK:
        return typed.adjust_stock->reference.data != NULL;
    case RESERVE_STOCK:
    case CONFIRM_RESERVATION:
    case RELEASE_RESERVATION:
    case EXPIRE_RESERVATIONS:
    case RETURN_STOCK:
        return true;
    }
    return false;
}

const struct property stock_property = {
    .decider = &stock_decider,
    .key = "tea",
    .command_types = stock_command_types,
    .command_type_count = &stock_command_type_count,
    .make = make_stock_command,
    .check = check_stock,
    .is_idempotent = stock_is_idempotent,
};
