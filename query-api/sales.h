/* Sales figures: what reports add up, from whichever store. Sums are exact int64; one that leaves its range is an
 * error, never a wrong figure. Pure. */
#pragma once

#include "core/arena.h"
#include "core/error.h"
#include "core/json.h"
#include "core/map.h"

enum sales_format { SALES_COUNT, SALES_MONEY };

/* Where a figure is shown. */
enum sales_where {
    SALES_IN_DAYS = 1,     /* rows and totals by day and by country */
    SALES_IN_CUSTOMER = 2, /* totals of a customer */
    SALES_IN_SKU = 4,      /* rows by SKU */
    SALES_IN_SKU_TOTAL = 8 /* their total: what can be added over SKUs (orders can't, an order has several) */
};
#define SALES_EVERYWHERE (SALES_IN_DAYS | SALES_IN_CUSTOMER | SALES_IN_SKU | SALES_IN_SKU_TOTAL)

/* name, form, where */
#define SALES_FIGURES(X)                                                                                               \
    X(orders, COUNT, SALES_IN_DAYS | SALES_IN_CUSTOMER | SALES_IN_SKU)                                                 \
    X(units, COUNT, SALES_EVERYWHERE)                                                                                  \
    X(free_units, COUNT, SALES_EVERYWHERE)                                                                             \
    X(value, MONEY, SALES_EVERYWHERE)                                                                                  \
    X(cancellations, COUNT, SALES_IN_DAYS | SALES_IN_CUSTOMER)                                                         \
    X(cancelled_units, COUNT, SALES_EVERYWHERE)                                                                        \
    X(cancelled_value, MONEY, SALES_EVERYWHERE)                                                                        \
    X(returns, COUNT, SALES_IN_DAYS | SALES_IN_CUSTOMER)                                                               \
    X(returned_units, COUNT, SALES_EVERYWHERE)                                                                         \
    X(returned_value, MONEY, SALES_EVERYWHERE)                                                                         \
    X(bad_debts, COUNT, SALES_IN_DAYS)                                                                                 \
    X(bad_debt_value, MONEY, SALES_IN_DAYS)

struct sales_figures {
#define X(name, format, where) int64_t name;
    SALES_FIGURES(X)
#undef X
};

/* LIMIT when a sum overflows: *to is not to be used then. */
int sales_figures_add(struct sales_figures *to, const struct sales_figures *more, struct ev_error *error);

enum sales_group_by { SALES_BY_DAY, SALES_BY_COUNTRY, SALES_BY_SKU };
extern const struct ev_enum sales_group_by_enum; /* "day", "country", "sku" */

#define SALES_ROWS_MAX 200000 /* of a report, before it's cut into pages */

struct sales_row {
    struct ev_str key; /* "2010-12-01", "Germany" or a SKU */
    struct ev_str currency;
    struct sales_figures figures;
};
struct sales_report {
    enum sales_group_by by;
    struct ev_arena *arena;
    struct ev_map index; /* key and currency → row */
    struct {
        struct sales_row **items;
        size_t count, capacity;
    } rows;
    struct {
        struct sales_row *items; /* key is null */
        size_t count, capacity;
    } totals; /* by currency */
};

void sales_report_init(struct sales_report *report, enum sales_group_by by, struct ev_arena *arena);
void sales_report_finish(struct sales_report *report);
/* Adds to the row of key and currency, and to the currency's total. LIMIT on overflow or when there are too many rows.
 */
int sales_report_add(struct sales_report *report, struct ev_str key, struct ev_str currency,
                     const struct sales_figures *figures, struct ev_error *error);
/* Days ascending; countries and SKUs by value, highest first; equal ones by key, then currency. */
void sales_report_sort(struct sales_report *report);
/* After sorting: index of the first row behind the one with this value, key and currency, whether that is still there
 * or not. */
size_t sales_report_find(const struct sales_report *report, int64_t value, struct ev_str key, struct ev_str currency);

/* The members of a figure that is shown at `where`: "orders": …, "value": "2.55" … */
void sales_figures_print(const struct sales_figures *figures, enum sales_where where, struct ev_json_writer *writer);
/* {"day": …, "currency": …, "orders": …} */
void sales_report_print_row(const struct sales_report *report, const struct sales_row *row,
                            struct ev_json_writer *writer);
/* [{"currency": …, …}], sorted by currency */
void sales_report_print_totals(struct sales_report *report, enum sales_where where, struct ev_json_writer *writer);
