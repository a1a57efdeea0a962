/* One document per order, return and bad-debt adjustment. A return's lines are what came back: its units and value are
 * those of its lines as well as what was returned. */
#include "gen/adjustment.h"
#include "gen/order.h"
#include "gen/returns.h"
#include "gen/topics.h"
#include "gen/views.h"
#include "views/booking.h"
#include "views/views.h"

static size_t orders_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                            char ret_key[EV_VIEW_KEY_MAX])
{
    switch (booking_category_of(event)) {
    case BOOKING_ORDER:
    case BOOKING_RETURNS:
    case BOOKING_ADJUSTMENT:
        return booking_key(ret_key, &context->commit->stream_id, 1);
    case BOOKING_UNKNOWN:
        break;
    }
    return 0;
}

static size_t orders_stream_key(struct ev_str stream_id, char ret_key[EV_VIEW_KEY_MAX])
{
    struct ev_str id;
    return booking_stream_is_of(stream_id, "order", &id) || booking_stream_is_of(stream_id, "returns", &id) ||
                   booking_stream_is_of(stream_id, "adjustment", &id)
               ? booking_key(ret_key, &stream_id, 1)
               : 0;
}

static bool orders_take_lines(struct orders_document *document, const struct order_line_array *lines, bool returned,
                              struct ev_arena *arena)
{
    ev_array_reserve(arena, (struct ev_array *)(void *)&document->lines, sizeof(*document->lines.items), lines->count);
    for (size_t i = 0; i < lines->count; i++) {
        const struct order_line *line = &lines->items[i];
        struct order_line_document *kept = ev_array_push(arena, &document->lines);
        kept->line_no = line->line_no;
        kept->sku = line->sku;
        kept->title = line->title;
        kept->kind = line->kind;
        kept->quantity = line->quantity;
        kept->unit_price = line->unit_price;
        kept->returned = returned ? line->quantity : 0;
        if (!booking_add_value(&kept->value, line->quantity, line->unit_price) ||
            !booking_add(&document->value, kept->value) ||
            !booking_add(line->unit_price > 0 ? &document->units : &document->free_units, line->quantity))
            return false;
    }
    return true;
}

static bool orders_place(struct orders_document *document, const struct order_placed *placed, struct ev_arena *arena)
{
    document->kind = ORDER_KIND_ORDER;
    document->status = ORDER_STATUS_PLACED;
    document->customer_id = placed->customer_id;
    document->country = placed->country;
    document->currency = placed->currency;
    document->placed_at = placed->placed_at;
    document->day = booking_day(placed->placed_at);
    document->cart_id = placed->cart_id;
    return orders_take_lines(document, &placed->lines, false, arena);
}

/* Line numbers count from 1 in the order of the lines, mostly; looked up all the same. */
static struct order_line_document *orders_line(struct orders_document *document, int32_t line_no)
{
    size_t guess = (size_t)line_no - 1;
    if (guess < document->lines.count && document->lines.items[guess].line_no == line_no)
        return &document->lines.items[guess];
    for (size_t i = 0; i < document->lines.count; i++)
        if (document->lines.items[i].line_no == line_no)
            return &document->lines.items[i];
    return NULL;
}

static bool orders_take_back(struct orders_document *document, const struct line_quantity_array *lines, bool returned)
{
    int64_t *units = returned ? &document->returned_units : &document->cancelled_units;
    int64_t *value = returned ? &document->returned_value : &document->cancelled_value;
    for (size_t i = 0; i < lines->count; i++) {
        const struct line_quantity *part = &lines->items[i];
        struct order_line_document *line = orders_line(document, part->line_no);
        if (line && !booking_add(returned ? &line->returned : &line->cancelled, part->quantity))
            return false;
        if (part->unit_price > 0 &&
            (!booking_add(units, part->quantity) || !booking_add_value(value, part->quantity, part->unit_price)))
            return false;
    }
    return true;
}

static enum order_status orders_status(const struct orders_document *document)
{
    bool left = false, cancelled = false, returned = false;
    for (size_t i = 0; i < document->lines.count; i++) {
        const struct order_line_document *line = &document->lines.items[i];
        left |= line->cancelled + line->returned < line->quantity;
        cancelled |= line->cancelled > 0;
        returned |= line->returned > 0;
    }
    if (returned)
        return left ? ORDER_STATUS_PARTLY_RETURNED : ORDER_STATUS_RETURNED;
    if (cancelled)
        return left ? ORDER_STATUS_PARTLY_CANCELLED : ORDER_STATUS_CANCELLED;
    return ORDER_STATUS_PLACED;
}

static bool orders_fold_order(struct orders_document *document, const struct order_event *event, struct ev_arena *arena)
{
    switch (event->type) {
    case ORDER_PLACED:
        return orders_place(document, event->order_placed, arena);
    case ORDER_CANCELLED:
        if (!orders_take_back(document, &event->order_cancelled->lines, false))
            return false;
        if (event->order_cancelled->reason.data)
            document->reason = event->order_cancelled->reason;
        break;
    case ORDER_GOODS_RETURNED:
        if (!orders_take_back(document, &event->order_goods_returned->lines, true))
            return false;
        if (event->order_goods_returned->reason.data)
            document->reason = event->order_goods_returned->reason;
        break;
    }
    document->status = orders_status(document);
    return true;
}

static bool orders_fold_returns(struct orders_document *document, const struct returns_event *event,
                                struct ev_arena *arena)
{
    const struct return_recorded *recorded;
    switch (event->type) {
    case RETURN_RECORDED:
        recorded = event->return_recorded;
        document->kind = ORDER_KIND_RETURN;
        document->status = ORDER_STATUS_RECORDED;
        document->customer_id = recorded->customer_id;
        document->country = recorded->country;
        document->currency = recorded->currency;
        document->placed_at = recorded->returned_at;
        document->day = booking_day(recorded->returned_at);
        if (!orders_take_lines(document, &recorded->lines, true, arena))
            return false;
        document->returned_units = document->units;
        document->returned_value = document->value;
        break;
    }
    return true;
}

static bool orders_fold_adjustment(struct orders_document *document, const struct adjustment_event *event)
{
    const struct bad_debt_adjusted *adjusted;
    switch (event->type) {
    case BAD_DEBT_ADJUSTED:
        adjusted = event->bad_debt_adjusted;
        document->kind = ORDER_KIND_BAD_DEBT;
        document->status = ORDER_STATUS_RECORDED;
        document->customer_id = adjusted->customer_id;
        document->country = adjusted->country;
        document->currency = adjusted->currency;
        document->placed_at = adjusted->adjusted_at;
        document->day = booking_day(adjusted->adjusted_at);
        document->amount = adjusted->amount;
        document->reason = adjusted->reason;
        break;
    }
    return true;
}

static enum ev_fold_result orders_fold(void *untyped, bool is_new, const struct ev_event *event,
                                       const struct ev_fold_context *context)
{
    struct orders_document *document = untyped;
    struct order_event order;
    struct returns_event returns;
    struct adjustment_event adjustment;
    bool fits = true;
    if (is_new)
        document->id = context->commit->stream_id;
    document->updated_at = context->commit->occurred_at;
    document->version = context->commit->base_version + 1;
    switch (booking_category_of(event)) {
    case BOOKING_ORDER:
        order = order_event_of(event);
        fits = orders_fold_order(document, &order, context->arena);
        break;
    case BOOKING_RETURNS:
        returns = returns_event_of(event);
        fits = orders_fold_returns(document, &returns, context->arena);
        break;
    case BOOKING_ADJUSTMENT:
        adjustment = adjustment_event_of(event);
        fits = orders_fold_adjustment(document, &adjustment);
        break;
    case BOOKING_UNKNOWN:
        break;
    }
    return fits ? EV_FOLD_KEEP : EV_FOLD_FAIL;
}

const struct ev_view orders_view = {
    .name = "orders",
    .version = 1,
    .topic = &order_topic,
    .document = &orders_document_record,
    .key_of = orders_key_of,
    .stream_key = orders_stream_key,
    .fold = orders_fold,
};
