/* The totals of a month's sales as `expected.json` has them, added up from whatever source gives documents and lines.
 * docs/retail-import.md defines each. */
#pragma once

#include "core/core.h"

#define FIGURES(X)                                                                                                     \
    X(ROWS, "rows")                                                                                                    \
    X(INVOICES, "invoices")                                                                                            \
    X(SALE_INVOICES, "sale_invoices")                                                                                  \
    X(SALE_UNITS, "sale_units")                                                                                        \
    X(SALE_VALUE, "sale_value_gbp")                                                                                    \
    X(CANCELLATION_INVOICES, "cancellation_invoices")                                                                  \
    X(CANCELLED_UNITS, "cancelled_units")                                                                              \
    X(CANCELLED_VALUE, "cancelled_value_gbp")                                                                          \
    X(ADJUSTMENT_ROWS, "adjustment_rows")                                                                              \
    X(OTHER_ROWS, "other_rows_not_a_sale")                                                                             \
    X(CUSTOMERS, "customers")                                                                                          \
    X(GUEST_INVOICES, "guest_invoices")                                                                                \
    X(STOCK_CODES, "stock_codes")                                                                                      \
    X(LONGEST_INVOICE, "longest_invoice")                                                                              \
    X(TOP_SKUS, "top_5_sold_units")                                                                                    \
    X(TOP_COUNTRIES, "sale_value_by_country_top_3")

enum figure {
#define X(name, text) FIGURE_##name,
    FIGURES(X)
#undef X
        FIGURE_COUNT
};
#define FIGURES_TOP_SKUS 5
#define FIGURES_TOP_COUNTRIES 3

const char *figure_name(enum figure figure);

/* One source's values as text; null string: the source doesn't know the figure. */
struct figure_set {
    const char *source;
    struct ev_str values[FIGURE_COUNT];
};

enum figures_kind { FIGURES_ORDER, FIGURES_RETURN, FIGURES_BAD_DEBT, FIGURES_CORRECTION };

struct figures;
struct figures *figures_create(void);
void figures_destroy(struct figures *figures);
/* One document, then its lines. `customer` null: a guest. Quantities are positive, those of returns too; of a
 * correction: its delta. */
void figures_begin(struct figures *figures, enum figures_kind kind, struct ev_str id, struct ev_str customer);
void figures_line(struct figures *figures, struct ev_str sku, struct ev_str country, int64_t quantity,
                  int64_t unit_price);
void figures_end(struct figures *figures);
/* INTERNAL when a sum overflowed. Texts come from the arena. */
int figures_finish(struct figures *figures, struct ev_arena *arena, struct figure_set *ret, struct ev_error *error);

/* A month's entry of expected.json. NOT_FOUND when it has none. */
int figures_expected(const char *path, const char *month, struct ev_arena *arena, struct figure_set *ret,
                     struct ev_error *error);

/* Ranking of names by a number: descending, equals by name in byte order; "NAME NUMBER, NAME NUMBER". */
struct figures_ranking;
struct figures_ranking *figures_ranking_create(void);
void figures_ranking_destroy(struct figures_ranking *ranking);
bool figures_ranking_add(struct figures_ranking *ranking, struct ev_str name, int64_t number); /* false: overflow */
struct ev_str figures_ranking_text(const struct figures_ranking *ranking, size_t top, bool money,
                                   struct ev_arena *arena);
size_t figures_ranking_size(const struct figures_ranking *ranking);
