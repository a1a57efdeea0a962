#include "views/views.h"

const struct ev_view *const orderlog_views[] = {
    &products_view, &carts_view, &orders_view, &customers_view, &sales_daily_view,
};
const size_t orderlog_view_count = sizeof(orderlog_views) / sizeof(orderlog_views[0]);

const struct ev_view *orderlog_view_find(struct ev_str name)
{
    for (size_t i = 0; i < orderlog_view_count; i++)
        if (ev_str_equal(ev_str_of(orderlog_views[i]->name), name))
            return orderlog_views[i];
    return NULL;
}
