#include "views/booking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/money.h"

enum booking_category booking_category_of(const struct ev_event *event)
{
    if (strcmp(event->type->category, "order") == 0)
        return BOOKING_ORDER;
    if (strcmp(event->type->category, "returns") == 0)
        return BOOKING_RETURNS;
    if (strcmp(event->type->category, "adjustment") == 0)
        return BOOKING_ADJUSTMENT;
    return BOOKING_UNKNOWN;
}

int64_t booking_day(int64_t ms)
{
    int64_t rest = ms % BOOKING_DAY_MS;
    return ms - (rest < 0 ? rest + BOOKING_DAY_MS : rest);
}

bool booking_add(int64_t *sum, int64_t amount)
{
    return ev_money_add(*sum, amount, sum);
}

bool booking_add_value(int64_t *sum, int64_t quantity, int64_t unit_price)
{
    int64_t value;
    return ev_money_multiply(unit_price, quantity, &value) && ev_money_add(*sum, value, sum);
}

size_t booking_key(char ret_key[EV_VIEW_KEY_MAX], const struct ev_str *parts, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (length + parts[i].length + 1 > EV_VIEW_KEY_MAX)
            return 0;
        if (i > 0)
            ret_key[length++] = '|';
        if (parts[i].length)
            memcpy(ret_key + length, parts[i].data, parts[i].length);
        length += parts[i].length;
    }
    return length;
}

size_t booking_partition_key(char ret_key[EV_VIEW_KEY_MAX], const struct ev_str *parts, size_t count, int32_t partition)
{
    char number[16];
    int digits = snprintf(number, sizeof(number), "|%" PRId32, partition);
    size_t length = booking_key(ret_key, parts, count);
    if (length == 0 || length + (size_t)digits > EV_VIEW_KEY_MAX)
        return 0;
    memcpy(ret_key + length, number, (size_t)digits);
    return length + (size_t)digits;
}

bool booking_stream_is_of(struct ev_str stream_id, const char *category, struct ev_str *ret_id)
{
    size_t length = strlen(category);
    if (stream_id.length <= length || stream_id.data[length] != '-' ||
        !ev_str_starts_with(stream_id, ev_str_of(category)))
        return false;
    *ret_id = (struct ev_str){stream_id.data + length + 1, stream_id.length - length - 1};
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    return ev_str_compare(((const struct booking_line *)a)->sku, ((const struct booking_line *)b)->sku);
}

struct booking_lines booking_of_order_lines(const struct order_line_array *lines, struct ev_arena *arena)
{
    struct booking_lines booked = {ev_arena_new_array(arena, struct booking_line, lines->count), lines->count};
    for (size_t i = 0; i < lines->count; i++)
        booked.items[i] = (struct booking_line){
            .sku = lines->items[i].sku, .quantity = lines->items[i].quantity, .unit_price = lines->items[i].unit_price};
    qsort(booked.items, booked.count, sizeof(*booked.items), compare_lines);
    return booked;
}

struct booking_lines booking_of_line_quantities(const struct line_quantity_array *lines, struct ev_arena *arena)
{
    struct booking_lines booked = {ev_arena_new_array(arena, struct booking_line, lines->count), lines->count};
    for (size_t i = 0; i < lines->count; i++)
        booked.items[i] = (struct booking_line){
            .sku = lines->items[i].sku, .quantity = lines->items[i].quantity, .unit_price = lines->items[i].unit_price};
    qsort(booked.items, booked.count, sizeof(*booked.items), compare_lines);
    return booked;
}

bool booking_has_price(const struct booking_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        if (lines->items[i].unit_price > 0)
            return true;
    return false;
}

/* The item of the SKU at or after `from`, made where it isn't there. Gives its index. */
static size_t booking_item(struct sold_item_array *items, size_t from, struct ev_str sku, struct ev_arena *arena)
{
    size_t low = from, high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ev_str_compare(items->items[middle].sku, sku) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == items->count || !ev_str_equal(items->items[low].sku, sku)) {
        struct sold_item *item = ev_array_insert(arena, items, low);
        item->sku = sku;
    }
    return low;
}

static bool booking_book_line(const struct booking_totals *totals, struct sold_item *item, enum booking_kind kind,
                              const struct booking_line *line)
{
    bool priced = line->unit_price > 0;
    switch (kind) {
    case BOOKING_SOLD:
        if (!priced)
            return booking_add(totals->free_units, line->quantity) && booking_add(&item->free_units, line->quantity);
        return booking_add(totals->units, line->quantity) && booking_add(&item->units, line->quantity) &&
               booking_add_value(totals->value, line->quantity, line->unit_price) &&
               booking_add_value(&item->value, line->quantity, line->unit_price);
    case BOOKING_CANCELLED:
        return !priced || (booking_add(totals->cancelled_units, line->quantity) &&
                           booking_add(&item->cancelled_units, line->quantity) &&
                           booking_add_value(totals->cancelled_value, line->quantity, line->unit_price) &&
                           booking_add_value(&item->cancelled_value, line->quantity, line->unit_price));
    case BOOKING_RETURNED:
        return !priced || (booking_add(totals->returned_units, line->quantity) &&
                           booking_add(&item->returned_units, line->quantity) &&
                           booking_add_value(totals->returned_value, line->quantity, line->unit_price) &&
                           booking_add_value(&item->returned_value, line->quantity, line->unit_price));
    }
    return false;
}

bool booking_book(const struct booking_totals *totals, enum booking_kind kind, const struct booking_lines *lines,
                  struct ev_arena *arena)
{
    size_t index = 0;
    bool counted = false; /* the order, for the item at `index` */
    for (size_t i = 0; i < lines->count; i++) {
        const struct booking_line *line = &lines->items[i];
        if (i == 0 || !ev_str_equal(line->sku, lines->items[i - 1].sku)) {
            index = booking_item(totals->items, index, line->sku, arena);
            counted = false;
        }
        struct sold_item *item = &totals->items->items[index];
        if (kind == BOOKING_SOLD && line->unit_price > 0 && !counted) {
            item->orders++;
            counted = true;
        }
        if (!booking_book_line(totals, item, kind, line))
            return false;
    }
    return true;
}
