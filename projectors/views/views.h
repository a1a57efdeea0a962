/* The shop's views: pure folds of events into documents, one file each. They know no store and no log. */
#pragma once

#include "fold/view.h"

extern const struct ev_view products_view;
extern const struct ev_view carts_view;
extern const struct ev_view orders_view;
extern const struct ev_view customers_view;
extern const struct ev_view sales_daily_view;

extern const struct ev_view *const orderlog_views[];
extern const size_t orderlog_view_count;

/* NULL when there is none of this name. */
const struct ev_view *orderlog_view_find(struct ev_str name);
