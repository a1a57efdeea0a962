#include <string.h>

#include "http/command.h"

/* A checkout is two commits on two streams, perhaps in two partitions: the cart is closed under the id of the order
 * that it becomes, then that order is recorded with what the closed cart holds. A closed cart never changes, so the
 * second step has the same content whenever it is done; its command id follows from the order's. A client that got no
 * answer sends the checkout again: the cart says that it was checked out, and the second step is done, or found done.
 */

static void fill_lines(struct record_order *order, const struct cart_state *cart, struct ev_arena *arena)
{
    ev_array_reserve(arena, (struct ev_array *)(void *)&order->lines, sizeof(*order->lines.items), cart->items.count);
    for (size_t i = 0; i < cart->items.count; i++) {
        const struct cart_item *item = &cart->items.items[i];
        struct record_order_lines_item *line = ev_array_push(arena, &order->lines);
        line->sku = item->sku;
        line->title = item->title;
        line->quantity = item->quantity;
        line->unit_price = item->unit_price;
        line->kind = LINE_KIND_GOODS;
    }
}

static const struct record_order *order_of_cart(const struct command_run *run, const struct cart_state *cart,
                                                int64_t cart_version)
{
    struct ev_arena *arena = &run->exchange->arena;
    struct record_order *order = ev_arena_new(arena, struct record_order);
    order->order_id = cart->order_id;
    order->customer_id = cart->customer_id;
    order->country = cart->country;
    order->currency = cart->currency;
    order->placed_at = run->shard.request.now_ms;
    order->cart_id = run->id;
    order->cart_version.present = true;
    order->cart_version.value = cart_version;
    fill_lines(order, cart, arena);
    return order;
}

static void answer_both(struct command_run *run, struct command_step second)
{
    struct command_step steps[] = {run->first, second};
    run->shard.request.stream_id = command_stream_id(&run->exchange->arena, run->route->type->category, run->id);
    command_answer_success(run, steps, sizeof(steps) / sizeof(steps[0]));
}

static void on_order_done(struct ev_request *request, const struct ev_result *result)
{
    struct command_run *run = command_run_of(request);
    if (command_dispatch_again(run, result))
        return;
    if (command_succeeded(result))
        answer_both(run, command_step_of(run, result));
    else
        command_answer_fault(run, result);
}

void command_checkout_forwarded(struct command_run *run)
{
    struct ev_arena *arena = &run->exchange->arena;
    struct ev_position positions[EV_POSITIONS_MAX];
    struct ev_error error;
    size_t count = 0;
    struct ev_str token = ev_arena_copy(arena, forward_header(&run->forward, "position"));
    if (ev_position_token_parse(token, arena, positions, &count, &error) < 0 || count != 1) {
        run->maybe_done = true;
        command_answer_error(run, EV_ERR_TIMEOUT, true);
        return;
    }
    answer_both(run, (struct command_step){.position = positions[0]});
}

void command_checkout_answer(struct command_run *run, const struct ev_result *result)
{
    const struct cart_state *cart = result->state;
    struct ev_arena *arena = &run->exchange->arena;
    struct ev_request *request = &run->shard.request;
    run->first = command_step_of(run, result);
    run->order_id = cart->order_id;
    request->type = &record_order_command;
    request->body = order_of_cart(run, cart, result->version - 1); /* the version that was checked out */
    request->stream_id = command_stream_id(arena, record_order_command.category, cart->order_id);
    request->causation_id = (struct ev_str){run->command_id, EV_UUID_TEXT_LENGTH};
    request->command_id =
        ev_uuid_v5(&ev_uuid_namespace_orderlog, ev_arena_printf(arena, "checkout\n%.*s", EV_STR_ARG(cart->order_id)));
    request->request_hash = ev_hash128(request->stream_id);
    request->expected_version = -1;
    request->wants_state = false;
    request->done = on_order_done;
    run->shard.topic = command_topic_of(run->shard.app, record_order_command.category);
    command_dispatch(run);
}
