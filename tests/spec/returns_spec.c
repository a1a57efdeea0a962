/* Returns that name no order: rules in command-api/domain/returns.c. */
#include "vocabulary.h"

#define RETURNED_AT at_time("2010-12-01T09:41:00Z")

SPECS_OF(returns_decider, "C536379")

#define OF_RETURN .customer_id = "14527", .country = "United Kingdom", .currency = "GBP", .returned_at = RETURNED_AT
#define record_discount(...)                                                                                           \
    record_return(OF_RETURN, .lines = list(record_return_lines_item, {.sku = "D", .title = "Discount", __VA_ARGS__}))

static void given_return(void)
{
    given(return_recorded(.return_id = "C536379", OF_RETURN,
                          .lines = list(order_line, {.line_no = 1,
                                                     .sku = "D",
                                                     .title = "Discount",
                                                     .quantity = 1,
                                                     .unit_price = money(27.5),
                                                     .kind = LINE_KIND_SERVICE})));
}

SPEC("a return is recorded with its own date and prices, its lines numbered from 1")
{
    when(record_return(
        OF_RETURN,
        .lines =
            list(record_return_lines_item,
                 {.sku = "D", .title = "Discount", .quantity = 1, .unit_price = money(27.5), .kind = LINE_KIND_SERVICE},
                 {.sku = "tea", .title = "Tea", .quantity = 3, .unit_price = money(2.55)})));
    then(return_recorded(.return_id = "C536379", OF_RETURN,
                         .lines = list(
                             order_line,
                             {.line_no = 1,
                              .sku = "D",
                              .title = "Discount",
                              .quantity = 1,
                              .unit_price = money(27.5),
                              .kind = LINE_KIND_SERVICE},
                             {.line_no = 2, .sku = "tea", .title = "Tea", .quantity = 3, .unit_price = money(2.55)})));
    then_holds(ev_str_equal(state_of(returns)->return_id, EV_STR("C536379")));
    then_holds(state_of(returns)->content_hash.length == 16);
}

SPEC("recording it again as it was changes nothing")
{
    given_return();
    now_is("2011-05-05T05:05:05Z");
    when(record_discount(.quantity = 1, .unit_price = money(27.5), .kind = LINE_KIND_SERVICE));
    then_nothing();
}

SPEC("recording it again with other content is a conflict")
{
    given_return();
    when(record_discount(.quantity = 2, .unit_price = money(27.5), .kind = LINE_KIND_SERVICE));
    then_rejected(REJECTION_RETURN_EXISTS, "");
    when(record_discount(.quantity = 1, .unit_price = money(27), .kind = LINE_KIND_SERVICE));
    then_rejected(REJECTION_RETURN_EXISTS, "");
    when(record_discount(.quantity = 1, .unit_price = money(27.5), .kind = LINE_KIND_GOODS));
    then_rejected(REJECTION_RETURN_EXISTS, "");
    when(record_return(
        OF_RETURN,
        .lines =
            list(record_return_lines_item,
                 {.sku = "D", .title = "Discount", .quantity = 1, .unit_price = money(27.5), .kind = LINE_KIND_SERVICE},
                 {.sku = "tea", .title = "Tea", .quantity = 1, .unit_price = money(1)})));
    then_rejected(REJECTION_RETURN_EXISTS, "");
}

SPEC("recording it again for another customer, country or date is a conflict")
{
    given_return();
#define record_same_line(...)                                                                                          \
    record_return(.lines = list(record_return_lines_item, {.sku = "D",                                                 \
                                                           .title = "Discount",                                        \
                                                           .quantity = 1,                                              \
                                                           .unit_price = money(27.5),                                  \
                                                           .kind = LINE_KIND_SERVICE}),                                \
                  .currency = "GBP", __VA_ARGS__)
    when(record_same_line(.country = "United Kingdom", .returned_at = RETURNED_AT));
    then_rejected(REJECTION_RETURN_EXISTS, "");
    when(record_same_line(.customer_id = "14527", .country = "EIRE", .returned_at = RETURNED_AT));
    then_rejected(REJECTION_RETURN_EXISTS, "");
    when(record_same_line(.customer_id = "14527", .country = "United Kingdom", .returned_at = RETURNED_AT + 1));
    then_rejected(REJECTION_RETURN_EXISTS, "");
}

SPEC("a return has lines")
{
    when(record_return(OF_RETURN));
    then_rejected(REJECTION_LINES_MISSING, "/lines");
}

SPEC("a value that can't be booked, and numbers that no client could send, are refused")
{
    when(record_discount(.quantity = 1000000000, .unit_price = money(999999999)));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/lines/0");
    when(record_discount(.quantity = 0, .unit_price = money(1)));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/quantity");
}
