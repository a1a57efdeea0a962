/* What the folds of orders share: categories of the topics, exact sums, keys, and totals by SKU. Pure. */
#pragma once

#include "fold/view.h"
#include "gen/order.h"
#include "gen/views.h"

#define BOOKING_DAY_MS INT64_C(86400000)

/* Categories of the topic order. One that no fold knows is an event to come: it isn't applicable. */
enum booking_category { BOOKING_ORDER, BOOKING_RETURNS, BOOKING_ADJUSTMENT, BOOKING_UNKNOWN };
enum booking_category booking_category_of(const struct ev_event *event);

/* The first millisecond of the UTC day. */
int64_t booking_day(int64_t ms);
/* *sum += amount, or += quantity × unit_price; false when that leaves int64, and then the fold fails. */
bool booking_add(int64_t *sum, int64_t amount);
bool booking_add_value(int64_t *sum, int64_t quantity, int64_t unit_price);

/* Writes a key of parts with '|' between them; 0 when it would be longer than EV_VIEW_KEY_MAX. */
size_t booking_key(char ret_key[EV_VIEW_KEY_MAX], const struct ev_str *parts, size_t count);
/* The same, with the partition as the last part: for documents that only hold what one partition knows. */
size_t booking_partition_key(char ret_key[EV_VIEW_KEY_MAX], const struct ev_str *parts, size_t count,
                             int32_t partition);

/* Whether a stream is of the category, and the id that it has there ("cart-7f" is of "cart", id "7f"). */
bool booking_stream_is_of(struct ev_str stream_id, const char *category, struct ev_str *ret_id);

/* One line of an order, a cancellation or a return, as it is booked. A line without a price is free and counts only as
 * free units. */
struct booking_line {
    struct ev_str sku;
    int64_t quantity, unit_price;
};
enum booking_kind { BOOKING_SOLD, BOOKING_CANCELLED, BOOKING_RETURNED };

/* Lines sorted by SKU, in the context's arena; works for order_line and line_quantity arrays. */
struct booking_lines {
    struct booking_line *items;
    size_t count;
};
struct booking_lines booking_of_order_lines(const struct order_line_array *lines, struct ev_arena *arena);
struct booking_lines booking_of_line_quantities(const struct line_quantity_array *lines, struct ev_arena *arena);

/* Whether any line has a price: what has none is no sale. */
bool booking_has_price(const struct booking_lines *lines);

/* Totals that the documents of sales_daily and customers have in common. */
struct booking_totals {
    int64_t *units, *free_units, *value;
    int64_t *cancelled_units, *cancelled_value;
    int64_t *returned_units, *returned_value;
    struct sold_item_array *items; /* sorted by SKU */
};
/* Books lines into totals and items. False on overflow. */
bool booking_book(const struct booking_totals *totals, enum booking_kind kind, const struct booking_lines *lines,
                  struct ev_arena *arena);
