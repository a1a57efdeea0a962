/* Sales by day, country and currency: one document per partition of the topic, merged when read. Each event counts on
 * its own day: an order cancelled in January stays in December's sales and is in January's cancellations. */
#include "core/timestamp.h"
#include "gen/adjustment.h"
#include "gen/returns.h"
#include "gen/topics.h"
#include "views/booking.h"
#include "views/views.h"

/* What every event of the topic says of where it is booked; at_ms -1: nowhere. */
struct sales_place {
    int64_t at_ms;
    struct ev_str country, currency;
};

static struct sales_place sales_place_of_order(const struct order_event *event)
{
    switch (event->type) {
    case ORDER_PLACED:
        return (struct sales_place){event->order_placed->placed_at, event->order_placed->country,
                                    event->order_placed->currency};
    case ORDER_CANCELLED:
        return (struct sales_place){event->order_cancelled->cancelled_at, event->order_cancelled->country,
                                    event->order_cancelled->currency};
    case ORDER_GOODS_RETURNED:
        return (struct sales_place){event->order_goods_returned->returned_at, event->order_goods_returned->country,
                                    event->order_goods_returned->currency};
    }
    return (struct sales_place){.at_ms = -1};
}

static struct sales_place sales_place_of_returns(const struct returns_event *event)
{
    switch (event->type) {
    case RETURN_RECORDED:
        return (struct sales_place){event->return_recorded->returned_at, event->return_recorded->country,
                                    event->return_recorded->currency};
    }
    return (struct sales_place){.at_ms = -1};
}

static struct sales_place sales_place_of_adjustment(const struct adjustment_event *event)
{
    switch (event->type) {
    case BAD_DEBT_ADJUSTED:
        return (struct sales_place){event->bad_debt_adjusted->adjusted_at, event->bad_debt_adjusted->country,
                                    event->bad_debt_adjusted->currency};
    }
    return (struct sales_place){.at_ms = -1};
}

static struct sales_place sales_place_of(const struct ev_event *event)
{
    struct order_event order;
    struct returns_event returns;
    struct adjustment_event adjustment;
    switch (booking_category_of(event)) {
    case BOOKING_ORDER:
        order = order_event_of(event);
        return sales_place_of_order(&order);
    case BOOKING_RETURNS:
        returns = returns_event_of(event);
        return sales_place_of_returns(&returns);
    case BOOKING_ADJUSTMENT:
        adjustment = adjustment_event_of(event);
        return sales_place_of_adjustment(&adjustment);
    case BOOKING_UNKNOWN:
        break;
    }
    return (struct sales_place){.at_ms = -1};
}

static size_t sales_daily_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                                 char ret_key[EV_VIEW_KEY_MAX])
{
    struct sales_place place = sales_place_of(event);
    if (place.at_ms < 0)
        return 0;
    char day[EV_DATE_TEXT_MAX];
    size_t length = ev_date_format(place.at_ms, day);
    const struct ev_str parts[] = {{day, length}, place.country, place.currency};
    return booking_partition_key(ret_key, parts, 3, context->partition);
}

static struct booking_totals sales_totals(struct sales_daily_document *document)
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

static bool sales_fold_order(struct sales_daily_document *document, const struct order_event *event,
                             struct ev_arena *arena)
{
    struct booking_totals totals = sales_totals(document);
    struct booking_lines lines;
    switch (event->type) {
    case ORDER_PLACED:
        lines = booking_of_order_lines(&event->order_placed->lines, arena);
        document->orders += booking_has_price(&lines);
        return booking_book(&totals, BOOKING_SOLD, &lines, arena);
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

static bool sales_fold_returns(struct sales_daily_document *document, const struct returns_event *event,
                               struct ev_arena *arena)
{
    struct booking_totals totals = sales_totals(document);
    struct booking_lines lines;
    switch (event->type) {
    case RETURN_RECORDED:
        lines = booking_of_order_lines(&event->return_recorded->lines, arena);
        document->returns++;
        return booking_book(&totals, BOOKING_RETURNED, &lines, arena);
    }
    return true;
}

static bool sales_fold_adjustment(struct sales_daily_document *document, const struct adjustment_event *event)
{
    switch (event->type) {
    case BAD_DEBT_ADJUSTED:
        document->bad_debts++;
        return booking_add(&document->bad_debt_value, event->bad_debt_adjusted->amount);
    }
    return true;
}

static enum ev_fold_result sales_daily_fold(void *untyped, bool is_new, const struct ev_event *event,
                                            const struct ev_fold_context *context)
{
    struct sales_daily_document *document = untyped;
    struct order_event order;
    struct returns_event returns;
    struct adjustment_event adjustment;
    bool fits = true;
    if (is_new) {
        struct sales_place place = sales_place_of(event);
        document->day = booking_day(place.at_ms);
        document->country = place.country;
        document->currency = place.currency;
        document->partition = context->partition;
    }
    switch (booking_category_of(event)) {
    case BOOKING_ORDER:
        order = order_event_of(event);
        fits = sales_fold_order(document, &order, context->arena);
        break;
    case BOOKING_RETURNS:
        returns = returns_event_of(event);
        fits = sales_fold_returns(document, &returns, context->arena);
        break;
    case BOOKING_ADJUSTMENT:
        adjustment = adjustment_event_of(event);
        fits = sales_fold_adjustment(document, &adjustment);
        break;
    case BOOKING_UNKNOWN:
        break;
    }
    return fits ? EV_FOLD_KEEP : EV_FOLD_FAIL;
}

const struct ev_view sales_daily_view = {
    .name = "sales_daily",
    .version = 1,
    .topic = &order_topic,
    .document = &sales_daily_document_record,
    .key_of = sales_daily_key_of,
    .fold = sales_daily_fold,
};
