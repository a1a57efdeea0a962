/* What each customer bought, by currency: one document per partition of the topic, merged when read. Guests have none.
 */
#include "gen/returns.h"
#include "gen/topics.h"
#include "views/booking.h"
#include "views/views.h"

struct customers_place {
    struct ev_str customer_id; /* null: a guest */
    struct ev_str country, currency;
};

static struct customers_place customers_place_of_order(const struct order_event *event)
{
    switch (event->type) {
    case ORDER_PLACED:
        return (struct customers_place){event->order_placed->customer_id, event->order_placed->country,
                                        event->order_placed->currency};
    case ORDER_CANCELLED:
        return (struct customers_place){event->order_cancelled->customer_id, event->order_cancelled->country,
                                        event->order_cancelled->currency};
    case ORDER_GOODS_RETURNED:
        return (struct customers_place){event->order_goods_returned->customer_id, event->order_goods_returned->country,
                                        event->order_goods_returned->currency};
    }
    return (struct customers_place){EV_STR_NULL, EV_STR_NULL, EV_STR_NULL};
}

static struct customers_place customers_place_of_returns(const struct returns_event *event)
{
    switch (event->type) {
    case RETURN_RECORDED:
        return (struct customers_place){event->return_recorded->customer_id, event->return_recorded->country,
                                        event->return_recorded->currency};
    }
    return (struct customers_place){EV_STR_NULL, EV_STR_NULL, EV_STR_NULL};
}

static struct customers_place customers_place_of(const struct ev_event *event)
{
    struct order_event order;
    struct returns_event returns;
    switch (booking_category_of(event)) {
    case BOOKING_ORDER:
        order = order_event_of(event);
        return customers_place_of_order(&order);
    case BOOKING_RETURNS:
        returns = returns_event_of(event);
        return customers_place_of_returns(&returns);
    case BOOKING_ADJUSTMENT: /* a write-off buys nothing */
    case BOOKING_UNKNOWN:
        break;
    }
    return (struct customers_place){EV_STR_NULL, EV_STR_NULL, EV_STR_NULL};
}

static size_t customers_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                               char ret_key[EV_VIEW_KEY_MAX])
{
    struct customers_place place = customers_place_of(event);
    if (!place.customer_id.data)
        return 0;
    const struct ev_str parts[] = {place.customer_id, place.currency};
    return booking_partition_key(ret_key, parts, 2, context->partition);
}

static struct booking_totals customers_totals(struct customers_document *document)
{
    return (struct booking_totals){
        .units = &document->units,
        .free_units = &document->free_units,
        .value = &document->value,
        .cancelled_units = &document->cancelled_units,
        .cancelled_value = &document->cancelled_value,
        .returned_units = &document->returned_units,
        .returned_value = &document->returned_value,
        .items = &document->items,
    };
}

static bool customers_place_order(struct customers_document *document, const struct order_placed *placed,
                                  struct ev_arena *arena)
{
    struct booking_totals totals = customers_totals(document);
    struct booking_lines lines = booking_of_order_lines(&placed->lines, arena);
    document->orders += booking_has_price(&lines);
    if (!document->last_order_at.present || placed->placed_at >= document->last_order_at.value) {
        document->last_order_at.present = true;
        document->last_order_at.value = placed->placed_at;
        document->country = placed->country;
    }
    if (!document->first_order_at.present || placed->placed_at < document->first_order_at.value) {
        document->first_order_at.present = true;
        document->first_order_at.value = placed->placed_at;
    }
    return booking_book(&totals, BOOKING_SOLD, &lines, arena);
}

static bool customers_fold_order(struct customers_document *document, const struct order_event *event,
                                 struct ev_arena *arena)
{
    struct booking_totals totals = customers_totals(document);
    struct booking_lines lines;
    switch (event->type) {
    case ORDER_PLACED:
        return customers_place_order(document, event->order_placed, arena);
    case ORDER_CANCELLED:
        lines = booking_of_line_quantities(&event->order_cancelled->lines, arena);
        document->cancellations++;
        return booking_book(&totals, BOOKING_CANCELLED, &lines, arena);
    case ORDER_GOODS_RETURNED:
        lines = booking_of_line_quantities(&event->order_goods_returned->lines, arena);
        document->returns++;
        return booking_book(&totals, BOOKING_RETURNED, &lines, arena);
    }
    return true;
}

static bool customers_fold_returns(struct customers_document *document, const struct returns_event *event,
                                   struct ev_arena *arena)
{
    struct booking_totals totals = customers_totals(document);
    struct booking_lines lines;
    switch (event->type) {
    case RETURN_RECORDED:
        lines = booking_of_order_lines(&event->return_recorded->lines, arena);
        document->returns++;
        return booking_book(&totals, BOOKING_RETURNED, &lines, arena);
    }
    return true;
}

static enum ev_fold_result customers_fold(void *untyped, bool is_new, const struct ev_event *event,
                                          const struct ev_fold_context *context)
{
    struct customers_document *document = untyped;
    struct order_event order;
    struct returns_event returns;
    bool fits = true;
    if (is_new) {
        struct customers_place place = customers_place_of(event);
        document->customer_id = place.customer_id;
        document->country = place.country;
        document->currency = place.currency;
        document->partition = context->partition;
    }
    switch (booking_category_of(event)) {
    case BOOKING_ORDER:
        order = order_event_of(event);
        fits = customers_fold_order(document, &order, context->arena);
        break;
    case BOOKING_RETURNS:
        returns = returns_event_of(event);
        fits = customers_fold_returns(document, &returns, context->arena);
        break;
    case BOOKING_ADJUSTMENT:
    case BOOKING_UNKNOWN:
        break;
    }
    return fits ? EV_FOLD_KEEP : EV_FOLD_FAIL;
}

const struct ev_view customers_view = {
    .name = "customers",
    .version = 1,
    .topic = &order_topic,
    .document = &customers_document_record,
    .key_of = customers_key_of,
    .fold = customers_fold,
};
