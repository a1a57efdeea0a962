/* Retail invoice files (docs/retail-import.md): reads a whole file, groups its rows by invoice and says what each
 * invoice is. Pure but for reading the file. */
#pragma once

#include "core/core.h"

#define RETAIL_CURRENCY "GBP"
#define RETAIL_INVOICE_ROWS_MAX 2500 /* lines of one order */

struct retail_row {
    struct ev_str sku, description; /* description without spaces at its ends */
    int64_t quantity;               /* as in the file: negative in cancellations */
    int64_t price;                  /* 1/10000 */
    int64_t at_ms;
    int64_t line; /* in the file */
};

/* What an invoice becomes. The reasons come last: each is "no command". */
#define RETAIL_KINDS(X)                                                                                                \
    X(ORDER, "order")                                                                                                  \
    X(FREE_ORDER, "free order")                                                                                        \
    X(RETURN, "return")                                                                                                \
    X(BAD_DEBT, "bad debt")                                                                                            \
    X(CORRECTION, "stock correction")                                                                                  \
    X(NOT_SERVICE, "correction of a non-good")                                                                         \
    X(NOT_MIXED_QUANTITY, "plain invoice with a negative quantity beside other rows")                                  \
    X(NOT_NEGATIVE_PRICE, "plain invoice with a negative price, or a negative quantity at a price")                    \
    X(NOT_CUSTOMER, "correction with a customer")                                                                      \
    X(NOT_POSITIVE_RETURN, "cancellation with a positive quantity or without a price")                                 \
    X(NOT_SINGLE_BAD_DEBT, "bad debt of several rows")                                                                 \
    X(NOT_ZERO_QUANTITY, "quantity of 0")                                                                              \
    X(NOT_TOO_LONG, "more rows than an order may have")

enum retail_kind {
#define X(name, text) RETAIL_##name,
    RETAIL_KINDS(X)
#undef X
        RETAIL_KIND_COUNT
};
#define RETAIL_FIRST_REASON RETAIL_NOT_SERVICE
const char *retail_kind_text(enum retail_kind kind);

struct retail_invoice {
    struct ev_str number, customer, country; /* customer: null for a guest */
    int64_t at_ms;                           /* of the earliest row */
    enum retail_kind kind;
    struct {
        struct retail_row *items;
        size_t count, capacity;
    } rows;
};

/* A title or a price that a product had not had before in this file. */
struct retail_title {
    struct ev_str title;
    int64_t since_ms;
};
struct retail_price {
    int64_t price, since_ms;
};
struct retail_product { /* goods with at least one line in an order or a return */
    struct ev_str sku;
    struct {
        struct retail_title *items;
        size_t count, capacity;
    } titles;
    struct {
        struct retail_price *items;
        size_t count, capacity;
    } prices;
};

struct retail_opening { /* what a SKU must have had so that its corrections fit */
    struct ev_str sku;
    int64_t quantity;
};

struct retail_file {
    struct ev_arena arena;
    const char *path;
    struct ev_str name; /* without directory and endings: "2010-12" */
    int64_t row_count;
    struct {
        struct retail_invoice **items;
        size_t count, capacity;
    } invoices; /* in the order of their first rows */
    struct {
        struct retail_product **items;
        size_t count, capacity;
    } products;
    struct {
        struct retail_opening *items;
        size_t count, capacity;
    } openings;
    int64_t counts[RETAIL_KIND_COUNT]; /* invoices by kind */
};

/* INVALID with file and line for a record that can't be read. */
int retail_file_read(const char *path, struct retail_file *ret, struct ev_error *error);
void retail_file_finish(struct retail_file *file);
/* Postage, fees, discounts and the like, as opposed to goods. */
bool retail_is_service(struct ev_str sku);
