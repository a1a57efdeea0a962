/* The views with another fold of orders: large orders get a reason. The version is the build's. */
#include "gen/topics.h"
#include "gen/views.h"
#include "views/views.h"

#define LARGE_UNITS 500

static size_t other_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                           char ret_key[EV_VIEW_KEY_MAX])
{
    return orders_view.key_of(event, context, ret_key);
}

static enum ev_fold_result other_fold(void *untyped, bool is_new, const struct ev_event *event,
                                      const struct ev_fold_context *context)
{
    struct orders_document *document = untyped;
    enum ev_fold_result result = orders_view.fold(untyped, is_new, event, context);
    if (document->units > LARGE_UNITS && !document->reason.data)
        document->reason = EV_STR("large");
    return result;
}

static const struct ev_view other_orders_view = {
    .name = "orders",
    .version = OTHER_ORDERS_VERSION,
    .topic = &order_topic,
    .document = &orders_document_record,
    .key_of = other_key_of,
    .fold = other_fold,
};

const struct ev_view *const orderlog_views[] = {
    &products_view, &carts_view, &other_orders_view, &customers_view, &sales_daily_view,
};
const size_t orderlog_view_count = sizeof(orderlog_views) / sizeof(orderlog_views[0]);

const struct ev_view *orderlog_view_find(struct ev_str name)
{
    for (size_t i = 0; i < orderlog_view_count; i++)
        if (ev_str_equal(ev_str_of(orderlog_views[i]->name), name))
            return orderlog_views[i];
    return NULL;
}
