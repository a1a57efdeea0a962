/* One document per cart; items in the order in which they were put in. */
#include "gen/cart.h"
#include "gen/topics.h"
#include "gen/views.h"
#include "views/booking.h"
#include "views/views.h"

static struct ev_str carts_id(const struct cart_event *event)
{
    switch (event->type) {
    case CART_CREATED:
        return event->cart_created->cart_id;
    case CART_ITEM_ADDED:
        return event->cart_item_added->cart_id;
    case CART_ITEM_QUANTITY_CHANGED:
        return event->cart_item_quantity_changed->cart_id;
    case CART_ITEM_REMOVED:
        return event->cart_item_removed->cart_id;
    case CART_EMPTIED:
        return event->cart_emptied->cart_id;
    case CART_CHECKED_OUT:
        return event->cart_checked_out->cart_id;
    }
    return EV_STR_NULL;
}

static size_t carts_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                           char ret_key[EV_VIEW_KEY_MAX])
{
    (void)context;
    struct cart_event cart = cart_event_of(event);
    struct ev_str id = carts_id(&cart);
    return booking_key(ret_key, &id, 1);
}

static size_t carts_stream_key(struct ev_str stream_id, char ret_key[EV_VIEW_KEY_MAX])
{
    struct ev_str id;
    return booking_stream_is_of(stream_id, "cart", &id) ? booking_key(ret_key, &id, 1) : 0;
}

/* count: it isn't there. A cart has few lines. */
static size_t carts_find(const struct carts_document *document, struct ev_str sku)
{
    size_t index = 0;
    while (index < document->items.count && !ev_str_equal(document->items.items[index].sku, sku))
        index++;
    return index;
}

static bool carts_add_item(struct carts_document *document, const struct cart_item_added *added, struct ev_arena *arena)
{
    size_t index = carts_find(document, added->sku);
    struct cart_item_document *item =
        index < document->items.count ? &document->items.items[index] : ev_array_push(arena, &document->items);
    item->sku = added->sku;
    item->title = added->title;
    item->unit_price = added->unit_price;
    return booking_add(&item->quantity, added->quantity);
}

static void carts_change_item(struct carts_document *document, struct ev_str sku, int64_t quantity)
{
    size_t index = carts_find(document, sku);
    if (index < document->items.count)
        document->items.items[index].quantity = quantity;
}

static void carts_remove_item(struct carts_document *document, struct ev_str sku)
{
    size_t index = carts_find(document, sku);
    if (index < document->items.count)
        ev_array_remove(&document->items, index);
}

static bool carts_add_up(struct carts_document *document)
{
    document->units = document->total = 0;
    for (size_t i = 0; i < document->items.count; i++) {
        struct cart_item_document *item = &document->items.items[i];
        item->value = 0;
        if (!booking_add_value(&item->value, item->quantity, item->unit_price) ||
            !booking_add(&document->units, item->quantity) || !booking_add(&document->total, item->value))
            return false;
    }
    return true;
}

static enum ev_fold_result carts_fold(void *untyped, bool is_new, const struct ev_event *event,
                                      const struct ev_fold_context *context)
{
    struct carts_document *document = untyped;
    struct cart_event cart = cart_event_of(event);
    bool fits = true;
    if (is_new) {
        document->cart_id = carts_id(&cart);
        document->status = CART_STATUS_OPEN;
        document->created_at = context->commit->occurred_at;
    }
    document->updated_at = context->commit->occurred_at;
    document->version = context->commit->base_version + 1;
    switch (cart.type) {
    case CART_CREATED:
        document->customer_id = cart.cart_created->customer_id;
        document->currency = cart.cart_created->currency;
        break;
    case CART_ITEM_ADDED:
        fits = carts_add_item(document, cart.cart_item_added, context->arena);
        break;
    case CART_ITEM_QUANTITY_CHANGED:
        carts_change_item(document, cart.cart_item_quantity_changed->sku, cart.cart_item_quantity_changed->quantity);
        break;
    case CART_ITEM_REMOVED:
        carts_remove_item(document, cart.cart_item_removed->sku);
        break;
    case CART_EMPTIED:
        document->items.count = 0;
        break;
    case CART_CHECKED_OUT:
        document->status = CART_STATUS_CHECKED_OUT;
        document->order_id = cart.cart_checked_out->order_id;
        break;
    }
    return fits && carts_add_up(document) ? EV_FOLD_KEEP : EV_FOLD_FAIL;
}

const struct ev_view carts_view = {
    .name = "carts",
    .version = 1,
    .topic = &cart_topic,
    .document = &carts_document_record,
    .key_of = carts_key_of,
    .stream_key = carts_stream_key,
    .fold = carts_fold,
};
