/* The product search: what is asked of Elasticsearch (search_request.c) and what is made of its answer (search.c). */
#pragma once

#include "query.h"

enum {
    SEARCH_Q,
    SEARCH_SUPPLIER,
    SEARCH_PRICE_FROM,
    SEARCH_PRICE_TO,
    SEARCH_CURRENCY,
    SEARCH_IN_STOCK,
    SEARCH_SORT,
    SEARCH_LIMIT,
    SEARCH_CURSOR,
    SEARCH_PARAMS
};

enum search_sort {
    SEARCH_BY_RELEVANCE,
    SEARCH_BY_SKU,
    SEARCH_BY_PRICE,
    SEARCH_BY_PRICE_DESCENDING,
    SEARCH_BY_NEWEST,
};
#define SEARCH_SORT_VALUES 2 /* every sort has a key and the SKU, which makes it total */
enum search_sort search_sort_of(const struct query *query);

/* Lower bounds of the price facet's ranges, in 1/10000 units; a range ends where the next begins, the last is open. */
#define SEARCH_PRICE_RANGES 7
extern const int64_t search_price_bounds[SEARCH_PRICE_RANGES];
#define SEARCH_SUPPLIERS_MAX 50 /* of the facet */

/* The body of the search. */
void search_write_request(const struct query *query, struct ev_buffer *out);
