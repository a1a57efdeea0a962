/* One document per SKU: the product's stream and the stock's, which lie in one partition. Title and price are those
 * that are valid at the time of the last event; a title or price of the future waits for the event that comes after it.
 */
#include <string.h>

#include "gen/product.h"
#include "gen/stock.h"
#include "gen/topics.h"
#include "gen/views.h"
#include "views/booking.h"
#include "views/views.h"

enum products_category { PRODUCTS_PRODUCT, PRODUCTS_STOCK, PRODUCTS_UNKNOWN };

static enum products_category products_category_of(const struct ev_event *event)
{
    if (strcmp(event->type->category, "product") == 0)
        return PRODUCTS_PRODUCT;
    if (strcmp(event->type->category, "stock") == 0)
        return PRODUCTS_STOCK;
    return PRODUCTS_UNKNOWN;
}

static struct ev_str products_sku_of_product(const struct product_event *event)
{
    switch (event->type) {
    case PRODUCT_CREATED:
        return event->product_created->sku;
    case PRODUCT_TITLED:
        return event->product_titled->sku;
    case PRODUCT_PRICED:
        return event->product_priced->sku;
    case PRODUCT_DETAILS_CHANGED:
        return event->product_details_changed->sku;
    case PRODUCT_DISCONTINUED:
        return event->product_discontinued->sku;
    }
    return EV_STR_NULL;
}

static struct ev_str products_sku_of_stock(const struct stock_event *event)
{
    switch (event->type) {
    case STOCK_RECEIVED:
        return event->stock_received->sku;
    case STOCK_ADJUSTED:
        return event->stock_adjusted->sku;
    case STOCK_RESERVED:
        return event->stock_reserved->sku;
    case RESERVATION_CONFIRMED:
        return event->reservation_confirmed->sku;
    case RESERVATION_RELEASED:
        return event->reservation_released->sku;
    case RESERVATION_EXPIRED:
        return event->reservation_expired->sku;
    case STOCK_RETURNED:
        return event->stock_returned->sku;
    }
    return EV_STR_NULL;
}

static struct ev_str products_sku_of(const struct ev_event *event)
{
    struct product_event product;
    struct stock_event stock;
    switch (products_category_of(event)) {
    case PRODUCTS_PRODUCT:
        product = product_event_of(event);
        return products_sku_of_product(&product);
    case PRODUCTS_STOCK:
        stock = stock_event_of(event);
        return products_sku_of_stock(&stock);
    case PRODUCTS_UNKNOWN:
        break;
    }
    return EV_STR_NULL;
}

static size_t products_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                              char ret_key[EV_VIEW_KEY_MAX])
{
    (void)context;
    struct ev_str sku = products_sku_of(event);
    return booking_key(ret_key, &sku, 1);
}

static size_t products_stream_key(struct ev_str stream_id, char ret_key[EV_VIEW_KEY_MAX])
{
    struct ev_str sku;
    return booking_stream_is_of(stream_id, "product", &sku) || booking_stream_is_of(stream_id, "stock", &sku)
               ? booking_key(ret_key, &sku, 1)
               : 0;
}

/* A title of the same time replaces the one that is there. */
static void products_add_title(struct products_document *document, const struct product_titled *titled,
                               struct ev_arena *arena)
{
    struct product_title_array *titles = &document->titles;
    size_t index = titles->count;
    while (index > 0 && titles->items[index - 1].valid_from > titled->valid_from)
        index--;
    bool replaces = index > 0 && titles->items[index - 1].valid_from == titled->valid_from;
    struct product_title *title = replaces ? &titles->items[index - 1] : ev_array_insert(arena, titles, index);
    *title = (struct product_title){.title = titled->title, .valid_from = titled->valid_from};
}

static int products_compare_price(const struct product_price *price, const struct product_priced *priced)
{
    if (price->valid_from != priced->valid_from)
        return price->valid_from < priced->valid_from ? -1 : 1;
    return ev_str_compare(price->currency, priced->currency);
}

/* Sorted by time, then currency; a price of the same time and currency replaces the one that is there. */
static void products_add_price(struct products_document *document, const struct product_priced *priced,
                               struct ev_arena *arena)
{
    struct product_price_array *prices = &document->prices;
    size_t index = prices->count;
    while (index > 0 && products_compare_price(&prices->items[index - 1], priced) > 0)
        index--;
    bool replaces = index > 0 && products_compare_price(&prices->items[index - 1], priced) == 0;
    struct product_price *price = replaces ? &prices->items[index - 1] : ev_array_insert(arena, prices, index);
    *price =
        (struct product_price){.price = priced->price, .currency = priced->currency, .valid_from = priced->valid_from};
}

static void products_take_details(struct products_document *document, const struct product_details *details,
                                  struct ev_arena *arena)
{
    document->short_description = details->short_description;
    document->supplier = details->supplier;
    document->eans = details->eans;
    document->images = details->images;
    document->released_on.present = details->released_on.present;
    document->released_on.value = details->released_on.value;
    document->attributes = (struct product_attribute_array){0};
    for (size_t i = 0; i < details->attributes.count; i++) {
        struct product_attribute *attribute = ev_array_push(arena, &document->attributes);
        *attribute = details->attributes.items[i];
        attribute->number.value += 0.0; /* -0 to 0: JSON documents can't tell them apart */
    }
}

static void products_choose(struct products_document *document, int64_t now)
{
    document->title = EV_STR_NULL;
    for (size_t i = 0; i < document->titles.count && document->titles.items[i].valid_from <= now; i++)
        document->title = document->titles.items[i].title;
    document->price.present = false;
    document->price.value = 0;
    document->currency = EV_STR_NULL;
    for (size_t i = 0; i < document->prices.count && document->prices.items[i].valid_from <= now; i++) {
        document->price.present = true;
        document->price.value = document->prices.items[i].price;
        document->currency = document->prices.items[i].currency;
    }
}

static void products_fold_product(struct products_document *document, const struct product_event *event,
                                  const struct ev_fold_context *context)
{
    document->version = context->commit->base_version + 1;
    switch (event->type) {
    case PRODUCT_CREATED:
        document->catalogued = true;
        document->created_at = context->commit->occurred_at;
        products_take_details(document, &event->product_created->details, context->arena);
        break;
    case PRODUCT_TITLED:
        products_add_title(document, event->product_titled, context->arena);
        break;
    case PRODUCT_PRICED:
        products_add_price(document, event->product_priced, context->arena);
        break;
    case PRODUCT_DETAILS_CHANGED:
        products_take_details(document, &event->product_details_changed->details, context->arena);
        break;
    case PRODUCT_DISCONTINUED:
        document->discontinued = true;
        break;
    }
}

/* Units go from one account to another: out of the one, into the other. */
static bool products_move(int64_t *from, int64_t *to, int64_t quantity)
{
    return booking_add(from, -quantity) && booking_add(to, quantity);
}

static bool products_fold_stock(struct products_document *document, const struct stock_event *event,
                                const struct ev_fold_context *context)
{
    document->stock_version = context->commit->base_version + 1;
    switch (event->type) {
    case STOCK_RECEIVED:
        return booking_add(&document->received, event->stock_received->quantity) &&
               booking_add(&document->available, event->stock_received->quantity);
    case STOCK_ADJUSTED:
        return booking_add(&document->adjusted, event->stock_adjusted->delta) &&
               booking_add(&document->available, event->stock_adjusted->delta);
    case STOCK_RESERVED:
        return products_move(&document->available, &document->reserved, event->stock_reserved->quantity);
    case RESERVATION_CONFIRMED:
        return products_move(&document->reserved, &document->sold, event->reservation_confirmed->quantity);
    case RESERVATION_RELEASED:
        return products_move(&document->reserved, &document->available, event->reservation_released->quantity);
    case RESERVATION_EXPIRED:
        return products_move(&document->reserved, &document->available, event->reservation_expired->quantity);
    case STOCK_RETURNED:
        return products_move(&document->sold, &document->available, event->stock_returned->quantity);
    }
    return true;
}

static enum ev_fold_result products_fold(void *untyped, bool is_new, const struct ev_event *event,
                                         const struct ev_fold_context *context)
{
    struct products_document *document = untyped;
    struct product_event product;
    struct stock_event stock;
    bool fits = true;
    if (is_new) {
        document->sku = products_sku_of(event);
        document->created_at = context->commit->occurred_at;
    }
    document->updated_at = context->commit->occurred_at;
    switch (products_category_of(event)) {
    case PRODUCTS_PRODUCT:
        product = product_event_of(event);
        products_fold_product(document, &product, context);
        break;
    case PRODUCTS_STOCK:
        stock = stock_event_of(event);
        fits = products_fold_stock(document, &stock, context);
        break;
    case PRODUCTS_UNKNOWN:
        break;
    }
    products_choose(document, context->commit->occurred_at);
    return fits ? EV_FOLD_KEEP : EV_FOLD_FAIL;
}

const struct ev_view products_view = {
    .name = "products",
    .version = 2,
    .topic = &product_topic,
    .document = &products_document_record,
    .key_of = products_key_of,
    .stream_key = products_stream_key,
    .fold = products_fold,
};
