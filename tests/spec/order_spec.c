/* Orders: rules in command-api/domain/order.c. */
#include <stdio.h>
#include <string.h>

#include "vocabulary.h"

#define QUANTITY_MAX INT64_C(1000000000)
#define LINES_MAX 2500
#define TEXT_MAX (700 * 1024)
#define PLACED_AT at_time("2010-12-01T08:26:00Z")

SPECS_OF(order_decider, "o1")

/* An order of two lines: 6 tea at 2.55, 4 milk at 1.00. */
#define TWO_LINES                                                                                                      \
    .customer_id = "17850", .country = "France", .currency = "EUR",                                                    \
    .lines = list(order_line, {.line_no = 1, .sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.55)},  \
                  {.line_no = 2, .sku = "milk", .title = "Milk", .quantity = 4, .unit_price = money(1)})
#define TEA_TAKEN(number)                                                                                              \
    {                                                                                                                  \
        .line_no = 1, .sku = "tea", .quantity = (number), .unit_price = money(2.55)                                    \
    }
#define MILK_TAKEN(number)                                                                                             \
    {                                                                                                                  \
        .line_no = 2, .sku = "milk", .quantity = (number), .unit_price = money(1)                                      \
    }
#define OF_ORDER .order_id = "o1", .customer_id = "17850", .country = "France", .currency = "EUR"

static void given_order(void)
{
    given(order_placed(.order_id = "o1", .placed_at = PLACED_AT, TWO_LINES));
}

/* The command that places what given_order() has. */
#define place_tea_and_milk(tea, milk)                                                                                  \
    place_order(.customer_id = "17850", .country = "France", .currency = "EUR",                                        \
                .lines = list(place_order_lines_item,                                                                  \
                              {.sku = "tea", .quantity = (tea), .title = "Tea", .unit_price = some(money(2.55))},      \
                              {.sku = "milk", .quantity = (milk), .title = "Milk", .unit_price = some(money(1))}))
#define record_tea(...)                                                                                                \
    record_order(.customer_id = "17850", .country = "France", .currency = "EUR",                                       \
                 .lines = list(record_order_lines_item,                                                                \
                               {.sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.55)}),              \
                 __VA_ARGS__)
#define OF_RECORDED_TEA                                                                                                \
    .order_id = "o1", .customer_id = "17850", .country = "France", .currency = "EUR",                                  \
    .lines = list(order_line, {.line_no = 1, .sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.55)})

/* Placing */

SPEC("an order is placed now, its lines numbered from 1")
{
    when(place_tea_and_milk(6, 4));
    then(order_placed(.order_id = "o1", .placed_at = SPEC_NOW, TWO_LINES));
    then_holds(state_of(order)->lines.count == 2);
    then_holds(state_of(order)->lines.items[1].line_no == 2);
    then_holds(state_of(order)->lines.items[1].quantity == 4);
    then_holds(state_of(order)->lines.items[1].unit_price == money(1));
    then_holds(state_of(order)->placed_at == SPEC_NOW);
    then_holds(ev_str_equal(state_of(order)->order_id, EV_STR("o1")));
}

SPEC("a SKU in two lines stays two lines")
{
    when(place_order(.country = "France", .currency = "EUR",
                     .lines = list(place_order_lines_item,
                                   {.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(money(2))},
                                   {.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(money(2))})));
    then(order_placed(.order_id = "o1", .country = "France", .currency = "EUR", .placed_at = SPEC_NOW,
                      .lines =
                          list(order_line,
                               {.line_no = 1, .sku = "tea", .title = "Tea", .quantity = 1, .unit_price = money(2)},
                               {.line_no = 2, .sku = "tea", .title = "Tea", .quantity = 1, .unit_price = money(2)})));
    then_holds(state_of(order)->lines.count == 2);
}

SPEC("placing the order again as it was changes nothing, also later and at other prices")
{
    given_order();
    now_is("2011-01-01T00:00:00Z");
    when(place_order(.customer_id = "17850", .country = "France", .currency = "EUR",
                     .lines = list(place_order_lines_item, {.sku = "tea", .quantity = 6},
                                   {.sku = "milk", .quantity = 4, .title = "Milch", .unit_price = some(money(9))})));
    then_nothing();
}

SPEC("placing the order again with another quantity, SKU, number of lines, customer, country or currency is a conflict")
{
    given_order();
    when(place_tea_and_milk(6, 5));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(place_order(.customer_id = "17850", .country = "France", .currency = "EUR",
                     .lines =
                         list(place_order_lines_item, {.sku = "tea", .quantity = 6}, {.sku = "rice", .quantity = 4})));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(place_order(.customer_id = "17850", .country = "France", .currency = "EUR",
                     .lines = list(place_order_lines_item, {.sku = "tea", .quantity = 6})));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(place_order(.country = "France", .currency = "EUR",
                     .lines =
                         list(place_order_lines_item, {.sku = "tea", .quantity = 6}, {.sku = "milk", .quantity = 4})));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(place_order(.customer_id = "17850", .country = "Spain", .currency = "EUR",
                     .lines =
                         list(place_order_lines_item, {.sku = "tea", .quantity = 6}, {.sku = "milk", .quantity = 4})));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(place_order(.customer_id = "17850", .country = "France", .currency = "GBP",
                     .lines =
                         list(place_order_lines_item, {.sku = "tea", .quantity = 6}, {.sku = "milk", .quantity = 4})));
    then_rejected(REJECTION_ORDER_EXISTS, "");
}

SPEC("placing a cart's order directly is a conflict, also with the same lines")
{
    given(order_placed(.order_id = "o1", .placed_at = PLACED_AT, TWO_LINES, .cart_id = "c1", .cart_version = some(3)));
    when(place_tea_and_milk(6, 4));
    then_rejected(REJECTION_ORDER_EXISTS, "");
}

SPEC("a product that the server doesn't know can't be ordered; the answer names the line")
{
    when(place_order(.country = "France", .currency = "EUR",
                     .lines = list(place_order_lines_item,
                                   {.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(money(2))},
                                   {.sku = "tee", .quantity = 1})));
    then_rejected(REJECTION_PRODUCT_UNKNOWN, "/lines/1/sku");
    then_detail_has("\"tee\"");
}

SPEC("a product without a price in the order's currency can't be ordered")
{
    when(place_order(.country = "France", .currency = "EUR",
                     .lines = list(place_order_lines_item, {.sku = "tea", .quantity = 1, .title = "Tea"})));
    then_rejected(REJECTION_PRODUCT_UNPRICED, "/lines/0/sku");
    then_detail_has("EUR");
}

SPEC("an order has lines")
{
    when(place_order(.country = "France", .currency = "EUR"));
    then_rejected(REJECTION_LINES_MISSING, "/lines");
    when(record_order(.country = "France", .currency = "EUR"));
    then_rejected(REJECTION_LINES_MISSING, "/lines");
}

/* Recording */

SPEC("an order is recorded with its own date, prices and kinds of lines")
{
    when(record_order(.country = "France", .currency = "EUR", .placed_at = PLACED_AT,
                      .lines =
                          list(record_order_lines_item,
                               {.sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.55)},
                               {.sku = "POST", .quantity = 1, .unit_price = money(18), .kind = LINE_KIND_SERVICE})));
    then(order_placed(.order_id = "o1", .country = "France", .currency = "EUR", .placed_at = PLACED_AT,
                      .lines =
                          list(order_line,
                               {.line_no = 1, .sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.55)},
                               {.line_no = 2,
                                .sku = "POST",
                                .title = "",
                                .quantity = 1,
                                .unit_price = money(18),
                                .kind = LINE_KIND_SERVICE})));
}

SPEC("a cart's order knows its cart and the cart's version")
{
    when(record_tea(.placed_at = PLACED_AT, .cart_id = "c1", .cart_version = some(3)));
    then(order_placed(OF_RECORDED_TEA, .placed_at = PLACED_AT, .cart_id = "c1", .cart_version = some(3)));
    then_holds(ev_str_equal(state_of(order)->cart_id, EV_STR("c1")));
    then_holds(state_of(order)->cart_version.value == 3);
}

SPEC("recording the order again as it was changes nothing")
{
    when(record_tea(.placed_at = PLACED_AT));
    then(order_placed(OF_RECORDED_TEA, .placed_at = PLACED_AT));
    when(record_tea(.placed_at = PLACED_AT));
    then_nothing();
}

SPEC("recording the order again changes nothing after a part of it was cancelled")
{
    given(order_placed(OF_RECORDED_TEA, .placed_at = PLACED_AT));
    given(order_cancelled(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(2))));
    when(record_tea(.placed_at = PLACED_AT));
    then_nothing();
}

SPEC("recording the order again with another date is a conflict")
{
    given(order_placed(OF_RECORDED_TEA, .placed_at = PLACED_AT));
    when(record_tea(.placed_at = PLACED_AT + 1));
    then_rejected(REJECTION_ORDER_EXISTS, "");
}

SPEC("recording a cart's order again changes nothing, at whatever time; another version of the cart is a conflict")
{
    given(order_placed(OF_RECORDED_TEA, .placed_at = PLACED_AT, .cart_id = "c1", .cart_version = some(3)));
    when(record_tea(.placed_at = PLACED_AT + 5000, .cart_id = "c1", .cart_version = some(3)));
    then_nothing();
    when(record_tea(.placed_at = PLACED_AT, .cart_id = "c1", .cart_version = some(4)));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(record_tea(.placed_at = PLACED_AT));
    then_rejected(REJECTION_ORDER_EXISTS, "");
}

SPEC("recording the order again with another price, title or kind of a line is a conflict")
{
    given(order_placed(OF_RECORDED_TEA, .placed_at = PLACED_AT));
#define record_line(...)                                                                                               \
    record_order(.customer_id = "17850", .country = "France", .currency = "EUR", .placed_at = PLACED_AT,               \
                 .lines = list(record_order_lines_item, {__VA_ARGS__}))
    when(record_line(.sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.56)));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(record_line(.sku = "tea", .title = "TEA", .quantity = 6, .unit_price = money(2.55)));
    then_rejected(REJECTION_ORDER_EXISTS, "");
    when(
        record_line(.sku = "tea", .title = "Tea", .quantity = 6, .unit_price = money(2.55), .kind = LINE_KIND_SERVICE));
    then_rejected(REJECTION_ORDER_EXISTS, "");
}

SPEC("a value that can't be booked is refused: of one line and of their sum")
{
    when(record_order(.country = "France", .currency = "EUR",
                      .lines = list(record_order_lines_item,
                                    {.sku = "gold", .quantity = QUANTITY_MAX, .unit_price = money(999999999)})));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/lines/0");
    when(place_order(.country = "France", .currency = "EUR",
                     .lines = list(
                         place_order_lines_item,
                         {.sku = "gold", .quantity = 1000, .title = "Gold", .unit_price = some(money(600000000))},
                         {.sku = "ring", .quantity = 1000, .title = "Ring", .unit_price = some(money(600000000))})));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/lines/1");
}

SPEC("the largest value that can be booked is taken, one ten-thousandth more isn't")
{
    when(record_order(.country = "France", .currency = "EUR",
                      .lines =
                          list(record_order_lines_item, {.sku = "gold", .quantity = 99999999, .unit_price = 100000001},
                               {.sku = "tea", .quantity = 1, .unit_price = 1})));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/lines/1");
    when(record_order(.country = "France", .currency = "EUR",
                      .lines = list(record_order_lines_item,
                                    {.sku = "gold", .quantity = 99999999, .unit_price = 100000001})));
    then(order_placed(.order_id = "o1", .country = "France", .currency = "EUR",
                      .lines = list(order_line,
                                    {.line_no = 1, .sku = "gold", .quantity = 99999999, .unit_price = 100000001})));
}

SPEC("numbers that no client could send are refused and not computed with")
{
    when(record_order(.country = "France", .currency = "EUR",
                      .lines = list(record_order_lines_item, {.sku = "tea", .quantity = INT64_MIN, .unit_price = 1})));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/quantity");
    when(record_order(.country = "France", .currency = "EUR",
                      .lines = list(record_order_lines_item, {.sku = "tea", .quantity = 1, .unit_price = -1})));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/unit_price");
    when(record_order(.country = "France", .currency = "EUR",
                      .lines =
                          list(record_order_lines_item, {.sku = "tea", .quantity = 1, .unit_price = 1, .kind = 2})));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/kind");
}

/* Cancelling */

SPEC("an order that was never placed isn't there")
{
    when(cancel_order());
    then_rejected(REJECTION_ORDER_NOT_FOUND, "");
    when(return_goods(.lines = list(return_goods_lines_item, {.line_no = 1, .quantity = 1})));
    then_rejected(REJECTION_ORDER_NOT_FOUND, "");
}

SPEC("an order is cancelled whole")
{
    given_order();
    when(cancel_order(.reason = "changed my mind"));
    then(order_cancelled(OF_ORDER, .cancelled_at = SPEC_NOW, .reason = "changed my mind", .whole = true,
                         .lines = list(line_quantity, TEA_TAKEN(6), MILK_TAKEN(4))));
    then_holds(state_of(order)->lines.items[0].cancelled == 6);
    then_holds(state_of(order)->lines.items[1].cancelled == 4);
}

SPEC("cancelling a cancelled order changes nothing")
{
    given_order();
    given(order_cancelled(OF_ORDER, .whole = true, .lines = list(line_quantity, TEA_TAKEN(6), MILK_TAKEN(4))));
    when(cancel_order(.reason = "once more"));
    then_nothing();
}

SPEC("cancelling whole takes what is left after cancellations and returns")
{
    given_order();
    given(order_cancelled(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(2))));
    given(order_goods_returned(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(1), MILK_TAKEN(4))));
    when(cancel_order());
    then(
        order_cancelled(OF_ORDER, .cancelled_at = SPEC_NOW, .whole = true, .lines = list(line_quantity, TEA_TAKEN(3))));
    when(cancel_order());
    then_nothing();
}

SPEC("an order of which everything came back can't be cancelled")
{
    given_order();
    given(order_goods_returned(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(6), MILK_TAKEN(4))));
    when(cancel_order());
    then_rejected(REJECTION_ORDER_NOTHING_LEFT, "");
}

SPEC("a part of a line is cancelled, and then isn't left for another cancellation")
{
    given_order();
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = 1, .quantity = 4})));
    then(order_cancelled(OF_ORDER, .cancelled_at = SPEC_NOW, .lines = list(line_quantity, TEA_TAKEN(4))));
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = 1, .quantity = 3})));
    then_rejected(REJECTION_ORDER_QUANTITY_EXCEEDED, "/lines/0/quantity");
    then_detail_has("2 are left");
}

SPEC("cancelling the last of the lines one by one says that nothing is left")
{
    given_order();
    given(order_cancelled(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(6))));
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = 2, .quantity = 4})));
    then(order_cancelled(OF_ORDER, .cancelled_at = SPEC_NOW, .whole = true,
                         .lines = list(line_quantity, MILK_TAKEN(4))));
}

SPEC("a line that is named twice counts with the sum")
{
    given_order();
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = 1, .quantity = 2},
                                    {.line_no = 2, .quantity = 1}, {.line_no = 1, .quantity = 3})));
    then(
        order_cancelled(OF_ORDER, .cancelled_at = SPEC_NOW, .lines = list(line_quantity, TEA_TAKEN(5), MILK_TAKEN(1))));
}

SPEC("the sum of a line that is named twice is bounded by what is left")
{
    given_order();
    when(cancel_order(.lines =
                          list(cancel_order_lines_item, {.line_no = 1, .quantity = 4}, {.line_no = 1, .quantity = 3})));
    then_rejected(REJECTION_ORDER_QUANTITY_EXCEEDED, "/lines/1/quantity");
    then_detail_has("2 are left after what was named before");
}

SPEC("a line that the order doesn't have can't be cancelled")
{
    given_order();
    when(cancel_order(.lines =
                          list(cancel_order_lines_item, {.line_no = 1, .quantity = 1}, {.line_no = 3, .quantity = 1})));
    then_rejected(REJECTION_ORDER_LINE_UNKNOWN, "/lines/1/line_no");
    then_detail_has("lines 1 to 2");
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = 0, .quantity = 1})));
    then_rejected(REJECTION_ORDER_LINE_UNKNOWN, "/lines/0/line_no");
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = INT64_MIN, .quantity = 1})));
    then_rejected(REJECTION_ORDER_LINE_UNKNOWN, "/lines/0/line_no");
}

SPEC("an empty list of lines isn't taken for the whole order")
{
    given_order();
    when(cancel_order(.lines = {(struct cancel_order_lines_item[]){{0}}, 0, 0}));
    then_rejected(REJECTION_LINES_MISSING, "/lines");
}

SPEC("a quantity that no client could send isn't cancelled")
{
    given_order();
    when(cancel_order(.lines = list(cancel_order_lines_item, {.line_no = 1, .quantity = -1})));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/quantity");
}

/* Goods that come back */

SPEC("goods come back, in part")
{
    given_order();
    when(return_goods(.reason = "stale", .lines = list(return_goods_lines_item, {.line_no = 2, .quantity = 1},
                                                       {.line_no = 1, .quantity = 2}, {.line_no = 2, .quantity = 2})));
    then(order_goods_returned(OF_ORDER, .returned_at = SPEC_NOW, .reason = "stale",
                              .lines = list(line_quantity, TEA_TAKEN(2), MILK_TAKEN(3))));
    then_holds(state_of(order)->lines.items[0].returned == 2);
    then_holds(state_of(order)->lines.items[1].returned == 3);
}

SPEC("not more comes back than was ordered and not cancelled")
{
    given_order();
    given(order_cancelled(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(4))));
    given(order_goods_returned(OF_ORDER, .lines = list(line_quantity, TEA_TAKEN(1))));
    when(return_goods(.lines = list(return_goods_lines_item, {.line_no = 1, .quantity = 2})));
    then_rejected(REJECTION_ORDER_QUANTITY_EXCEEDED, "/lines/0/quantity");
    then_detail_has("1 are left");
}

SPEC("goods of a line that the order doesn't have can't come back")
{
    given_order();
    when(return_goods(.lines = list(return_goods_lines_item, {.line_no = 3, .quantity = 1})));
    then_rejected(REJECTION_ORDER_LINE_UNKNOWN, "/lines/0/line_no");
}

SPEC("what comes back is named")
{
    given_order();
    when(return_goods());
    then_rejected(REJECTION_LINES_MISSING, "/lines");
}

/* Large orders */

static struct record_order_lines_item many_lines[LINES_MAX + 1];

static void fill_many_lines(struct ev_str title)
{
    for (size_t i = 0; i < LINES_MAX + 1; i++)
        many_lines[i] = (struct record_order_lines_item){
            .sku = EV_STR("tea"), .title = title, .quantity = 1 + (int64_t)(i % 7), .unit_price = money(1)};
}

SPEC("an order of 2,500 lines is recorded, cancelled in part by each line, and cancelled whole")
{
    static struct cancel_order_lines_item one_of_each[LINES_MAX];
    for (size_t i = 0; i < LINES_MAX; i++)
        one_of_each[i] = (struct cancel_order_lines_item){.line_no = LINES_MAX - (int64_t)i, .quantity = 1};
    fill_many_lines(EV_STR("A title of forty bytes, as they often are"));
    when(record_order(.country = "France", .currency = "EUR", .lines = {many_lines, LINES_MAX, 0}));
    then_holds(state_of(order)->lines.count == LINES_MAX);
    when(cancel_order(.lines = {one_of_each, LINES_MAX, 0}));
    then_holds(state_of(order)->lines.items[0].cancelled == 1);
    then_holds(state_of(order)->lines.items[LINES_MAX - 1].cancelled == 1);
    when(cancel_order());
    then_holds(state_of(order)->lines.items[6].cancelled == 7);
    when(cancel_order());
    then_nothing();
}

SPEC("more lines than 2,500 are refused")
{
    fill_many_lines(EV_STR("Tea"));
    when(record_order(.country = "France", .currency = "EUR", .lines = {many_lines, LINES_MAX + 1, 0}));
    then_rejected(REJECTION_LINES_TOO_MANY, "/lines");
    then_detail_has("2501");
}

SPEC("the text of the lines is bounded by what a commit can hold")
{
    static char title[513];
    memset(title, 'x', sizeof(title) - 1);
    fill_many_lines((struct ev_str){title, sizeof(title) - 1});
    for (size_t i = 0; i < LINES_MAX; i++)
        many_lines[i].sku = EV_STR("");
    many_lines[0].sku = EV_STR("x");
    when(record_order(.country = "France", .currency = "EUR", .lines = {many_lines, TEXT_MAX / 512, 0}));
    then_rejected(REJECTION_LINES_TOO_MANY, "/lines");
    then_detail_has("716801");
    many_lines[0].sku = EV_STR("");
    when(record_order(.country = "France", .currency = "EUR", .lines = {many_lines, TEXT_MAX / 512, 0}));
    then_holds(state_of(order)->lines.count == TEXT_MAX / 512);
}
