/* Why a command can be refused: one row each. A decider returns the number; the HTTP layer makes an RFC 9457 problem of
 * the row (status, the slug of its `type`, its `title`), with the decision's sentence as `detail` and its pointer. A
 * slug is part of the public contract: rows may be added, not renamed. */
#pragma once

#define REJECTIONS(REJECTION)                                                                                          \
    REJECTION(PRODUCT_NOT_FOUND, 404, "product-not-found", "There is no such product")                                 \
    REJECTION(CART_NOT_FOUND, 404, "cart-not-found", "There is no such cart")                                          \
    REJECTION(CART_LINE_NOT_FOUND, 404, "cart-line-not-found", "The cart has no such line")                            \
    REJECTION(ORDER_NOT_FOUND, 404, "order-not-found", "There is no such order")                                       \
    REJECTION(RESERVATION_NOT_FOUND, 404, "reservation-not-found", "Nothing is known to be reserved for the line")     \
    REJECTION(PRODUCT_EXISTS, 409, "product-exists", "The SKU is taken by another product")                            \
    REJECTION(CART_EXISTS, 409, "cart-exists", "The id is taken by another cart")                                      \
    REJECTION(ORDER_EXISTS, 409, "order-exists", "The id is taken by another order")                                   \
    REJECTION(RETURN_EXISTS, 409, "return-exists", "The id is taken by another return")                                \
    REJECTION(ADJUSTMENT_EXISTS, 409, "adjustment-exists", "The id is taken by another adjustment")                    \
    REJECTION(PRODUCT_DISCONTINUED, 409, "product-discontinued", "The product is discontinued")                        \
    REJECTION(PRODUCT_HISTORY_FULL, 409, "product-history-full", "The product has as many titles or prices as it can") \
    REJECTION(STOCK_INSUFFICIENT, 409, "stock-insufficient", "There is not that much in stock")                        \
    REJECTION(STOCK_REFERENCE_USED, 409, "stock-reference-used", "The reference stands for another quantity")          \
    REJECTION(STOCK_FULL, 409, "stock-full", "Stock would pass its bound")                                             \
    REJECTION(RESERVATION_DIFFERS, 409, "reservation-differs", "The line is reserved with another quantity")           \
    REJECTION(RESERVATION_EXPIRED, 409, "reservation-expired", "The reservation has expired")                          \
    REJECTION(RESERVATION_RELEASED, 409, "reservation-released", "The reservation was released")                       \
    REJECTION(RESERVATION_CONFIRMED, 409, "reservation-confirmed", "The reservation is sold already")                  \
    REJECTION(RESERVATIONS_FULL, 409, "reservations-full", "As many reservations are open as there can be")            \
    REJECTION(RETURN_EXCEEDS_SALE, 409, "return-exceeds-sale", "Not that much of the line was sold")                   \
    REJECTION(CART_CHECKED_OUT, 409, "cart-checked-out", "The cart is an order already")                               \
    REJECTION(CART_EMPTY, 409, "cart-empty", "The cart is empty")                                                      \
    REJECTION(CART_FULL, 409, "cart-full", "The cart has as many lines, or as much of one, as it can")                 \
    REJECTION(ORDER_QUANTITY_EXCEEDED, 409, "order-quantity-exceeded", "Not that much is left of the line")            \
    REJECTION(ORDER_NOTHING_LEFT, 409, "order-nothing-left", "Nothing is left of the order")                           \
    REJECTION(VERSION_MISMATCH, 412, "version-mismatch", "It was changed meanwhile")                                   \
    REJECTION(PRODUCT_UNKNOWN, 422, "product-unknown", "The product can't be bought: it is not in the catalogue")      \
    REJECTION(PRODUCT_UNPRICED, 422, "product-unpriced", "The product has no price in this currency")                  \
    REJECTION(ATTRIBUTE_INVALID, 422, "attribute-invalid", "An attribute is either a text or a number")                \
    REJECTION(TIME_CONTRADICTION, 422, "time-contradiction",                                                           \
              "Two different values are to be valid from the same time")                                               \
    REJECTION(DELTA_ZERO, 422, "delta-zero", "An adjustment by nothing")                                               \
    REJECTION(AMOUNT_ZERO, 422, "amount-zero", "An adjustment of nothing")                                             \
    REJECTION(ORDER_LINE_UNKNOWN, 422, "order-line-unknown", "The order has no such line")                             \
    REJECTION(LINES_MISSING, 422, "lines-missing", "At least one line is needed")                                      \
    REJECTION(LINES_TOO_MANY, 422, "lines-too-many", "There are too many lines, or too much text in them")             \
    REJECTION(VALUE_TOO_LARGE, 422, "value-too-large", "The value is beyond what can be booked")                       \
    REJECTION(VALUE_OUT_OF_RANGE, 422, "value-out-of-range", "A value is out of its range")                            \
    REJECTION(COMMAND_UNKNOWN, 422, "command-unknown", "This can't be done with it")

enum rejection {
    REJECTION_NONE,
#define REJECTION(name, status, slug, title) REJECTION_##name,
    REJECTIONS(REJECTION)
#undef REJECTION
};

struct rejection_type {
    const char *name; /* "CART_EMPTY" */
    int status;
    const char *slug;
    const char *title;
};

/* NULL for a number that isn't in the table (REJECTION_NONE included). */
const struct rejection_type *rejection_find(int number);
