/* The resources: each in the file of its name. The routes are made of this table. */
#pragma once

#include "query.h"

#define QUERY_RESOURCES(X)                                                                                             \
    X(product_get)                                                                                                     \
    X(products_search)                                                                                                 \
    X(cart_get)                                                                                                        \
    X(order_get)                                                                                                       \
    X(orders_list)                                                                                                     \
    X(customer_get)                                                                                                    \
    X(report_sales)                                                                                                    \
    X(report_sales_search)

#define X(name) extern const struct query_resource name##_resource;
QUERY_RESOURCES(X)
#undef X
