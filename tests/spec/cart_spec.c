/* Carts: rules in command-api/domain/cart.c. */
#include <stdio.h>
#include <string.h>

#include "vocabulary.h"

#define QUANTITY_MAX INT64_C(1000000000)
#define LINES_MAX 500

SPECS_OF(cart_decider, "c1")

static void given_open_cart(void)
{
    given(cart_created(.cart_id = "c1", .customer_id = "17850", .currency = "GBP"));
}

static void given_cart_with_tea(void)
{
    given_open_cart();
    given(cart_item_added(.cart_id = "c1", .sku = "tea", .title = "Tea", .quantity = 2, .unit_price = money(2.55)));
}

static void given_checked_out_cart(void)
{
    given_cart_with_tea();
    given(cart_checked_out(.cart_id = "c1", .order_id = "o1", .country = "France"));
}

/* Creating */

SPEC("a cart is created empty and open")
{
    when(create_cart(.customer_id = "17850", .currency = "GBP"));
    then(cart_created(.cart_id = "c1", .customer_id = "17850", .currency = "GBP"));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP", .status = CART_STATUS_OPEN);
}

SPEC("a guest's cart has no customer")
{
    when(create_cart(.currency = "EUR"));
    then(cart_created(.cart_id = "c1", .currency = "EUR"));
}

SPEC("creating a cart again as it was changes nothing")
{
    given_cart_with_tea();
    when(create_cart(.customer_id = "17850", .currency = "GBP"));
    then_nothing();
}

SPEC("creating a cart again with another currency is a conflict")
{
    given_open_cart();
    when(create_cart(.customer_id = "17850", .currency = "EUR"));
    then_rejected(REJECTION_CART_EXISTS, "");
}

SPEC("creating a cart again for another customer is a conflict")
{
    given_open_cart();
    when(create_cart(.customer_id = "17851", .currency = "GBP"));
    then_rejected(REJECTION_CART_EXISTS, "");
    when(create_cart(.currency = "GBP"));
    then_rejected(REJECTION_CART_EXISTS, "");
}

SPEC("a cart that was never created isn't there")
{
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(money(1))));
    then_rejected(REJECTION_CART_NOT_FOUND, "");
    when(change_cart_item(.sku = "tea", .quantity = 1));
    then_rejected(REJECTION_CART_NOT_FOUND, "");
    when(remove_cart_item(.sku = "tea"));
    then_rejected(REJECTION_CART_NOT_FOUND, "");
    when(empty_cart());
    then_rejected(REJECTION_CART_NOT_FOUND, "");
    when(check_out_cart(.country = "France"));
    then_rejected(REJECTION_CART_NOT_FOUND, "");
}

/* Adding */

SPEC("a product goes into the cart with its title and price")
{
    given_open_cart();
    when(add_cart_item(.sku = "tea", .quantity = 2, .title = "Tea", .unit_price = some(money(2.55))));
    then(cart_item_added(.cart_id = "c1", .sku = "tea", .title = "Tea", .quantity = 2, .unit_price = money(2.55)));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP",
               .items = list(cart_item, {.sku = "tea", .title = "Tea", .quantity = 2, .unit_price = money(2.55)}));
}

SPEC("more of a product adds to its line")
{
    given_cart_with_tea();
    when(add_cart_item(.sku = "tea", .quantity = 3, .title = "Tea", .unit_price = some(money(2.55))));
    then(cart_item_added(.cart_id = "c1", .sku = "tea", .title = "Tea", .quantity = 3, .unit_price = money(2.55)));
    then_holds(state_of(cart)->items.count == 1);
    then_holds(state_of(cart)->items.items[0].quantity == 5);
}

SPEC("the whole line takes the price and the title of the newest addition")
{
    given_cart_with_tea();
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = "Green tea", .unit_price = some(money(2.95))));
    then(
        cart_item_added(.cart_id = "c1", .sku = "tea", .title = "Green tea", .quantity = 1, .unit_price = money(2.95)));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP",
               .items =
                   list(cart_item, {.sku = "tea", .title = "Green tea", .quantity = 3, .unit_price = money(2.95)}));
}

SPEC("SKUs that differ in case are two lines")
{
    given_cart_with_tea();
    when(add_cart_item(.sku = "TEA", .quantity = 1, .title = "Tea", .unit_price = some(money(2.55))));
    then(cart_item_added(.cart_id = "c1", .sku = "TEA", .title = "Tea", .quantity = 1, .unit_price = money(2.55)));
    then_holds(state_of(cart)->items.count == 2);
}

SPEC("a free product can be put into the cart")
{
    given_open_cart();
    when(add_cart_item(.sku = "sample", .quantity = 1, .title = "Sample", .unit_price = some(0)));
    then(cart_item_added(.cart_id = "c1", .sku = "sample", .title = "Sample", .quantity = 1));
}

SPEC("a product that the server doesn't know can't be put into the cart")
{
    given_open_cart();
    when(add_cart_item(.sku = "tee", .quantity = 1));
    then_rejected(REJECTION_PRODUCT_UNKNOWN, "/sku");
    then_detail_has("\"tee\"");
}

SPEC("a product without a price in the cart's currency can't be put into it")
{
    given_open_cart();
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = "Tea"));
    then_rejected(REJECTION_PRODUCT_UNPRICED, "/sku");
    then_detail_has("GBP");
}

SPEC("a cart has at most 500 lines, of which each may still grow")
{
    given_open_cart();
    char sku[16];
    for (int i = 0; i < LINES_MAX; i++) {
        snprintf(sku, sizeof(sku), "sku%d", i);
        given(cart_item_added(.cart_id = "c1", .sku = sku, .title = "x", .quantity = 1, .unit_price = money(1)));
    }
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(money(1))));
    then_rejected(REJECTION_CART_FULL, "/sku");
    then_detail_has("500");
    when(add_cart_item(.sku = "sku499", .quantity = 1, .title = "x", .unit_price = some(money(1))));
    then(cart_item_added(.cart_id = "c1", .sku = "sku499", .title = "x", .quantity = 1, .unit_price = money(1)));
}

SPEC("a cart has no more text than the lines of an order can have")
{
    static char title[2049], rest[651];
    char sku[16];
    memset(title, 'x', sizeof(title) - 1);
    memset(rest, 'x', sizeof(rest) - 1);
    given_open_cart();
    for (int i = 0; i < 349; i++) {
        snprintf(sku, sizeof(sku), "s%03d", i);
        given(cart_item_added(.cart_id = "c1", .sku = sku, .title = title, .quantity = 1, .unit_price = money(1)));
    }
    /* 716,800 bytes less 349 × (2,048 + 4) are 652. */
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = rest, .unit_price = some(money(1))));
    then_rejected(REJECTION_CART_FULL, "/sku");
    then_detail_has("716800");
    rest[649] = '\0';
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = rest, .unit_price = some(money(1))));
    then(cart_item_added(.cart_id = "c1", .sku = "tea", .title = rest, .quantity = 1, .unit_price = money(1)));
    when(add_cart_item(.sku = "s000", .quantity = 1, .title = title, .unit_price = some(money(1))));
    then(cart_item_added(.cart_id = "c1", .sku = "s000", .title = title, .quantity = 1, .unit_price = money(1)));
}

SPEC("a line has at most 1,000,000,000 units")
{
    given_open_cart();
    given(cart_item_added(.cart_id = "c1", .sku = "rice", .title = "Rice", .quantity = QUANTITY_MAX - 1));
    when(add_cart_item(.sku = "rice", .quantity = 2, .title = "Rice", .unit_price = some(0)));
    then_rejected(REJECTION_CART_FULL, "/quantity");
    then_detail_has("999999999");
    when(add_cart_item(.sku = "rice", .quantity = 1, .title = "Rice", .unit_price = some(0)));
    then(cart_item_added(.cart_id = "c1", .sku = "rice", .title = "Rice", .quantity = 1));
}

SPEC("a total that can't be booked is refused: by one line, by a sum of lines, by a change")
{
    given_open_cart();
    when(add_cart_item(.sku = "gold", .quantity = QUANTITY_MAX, .title = "Gold", .unit_price = some(money(999999999))));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/quantity");
    given(cart_item_added(.cart_id = "c1", .sku = "gold", .title = "Gold", .quantity = 1000,
                          .unit_price = money(600000000)));
    when(add_cart_item(.sku = "ring", .quantity = 1000, .title = "Ring", .unit_price = some(money(600000000))));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/quantity");
    when(change_cart_item(.sku = "gold", .quantity = 2000));
    then_rejected(REJECTION_VALUE_TOO_LARGE, "/quantity");
    when(change_cart_item(.sku = "gold", .quantity = 1500));
    then(cart_item_quantity_changed(.cart_id = "c1", .sku = "gold", .quantity = 1500));
}

SPEC("numbers that no client could send are refused and not computed with")
{
    given_cart_with_tea();
    when(add_cart_item(.sku = "tea", .quantity = -1, .title = "Tea", .unit_price = some(money(1))));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/quantity");
    when(add_cart_item(.sku = "tea", .quantity = INT64_MAX, .title = "Tea", .unit_price = some(money(1))));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/quantity");
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(-1)));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/unit_price");
    when(change_cart_item(.sku = "tea", .quantity = -1));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/quantity");
}

/* Changing and removing */

SPEC("a line's quantity is set, its price stays")
{
    given_cart_with_tea();
    when(change_cart_item(.sku = "tea", .quantity = 7));
    then(cart_item_quantity_changed(.cart_id = "c1", .sku = "tea", .quantity = 7));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP",
               .items = list(cart_item, {.sku = "tea", .title = "Tea", .quantity = 7, .unit_price = money(2.55)}));
}

SPEC("a quantity that is so already changes nothing")
{
    given_cart_with_tea();
    when(change_cart_item(.sku = "tea", .quantity = 2));
    then_nothing();
}

SPEC("quantity 0 removes the line")
{
    given_cart_with_tea();
    when(change_cart_item(.sku = "tea", .quantity = 0));
    then(cart_item_removed(.cart_id = "c1", .sku = "tea"));
    then_holds(state_of(cart)->items.count == 0);
}

SPEC("the quantity of a line that isn't there can't be set, but 0 is what it is")
{
    given_cart_with_tea();
    when(change_cart_item(.sku = "milk", .quantity = 1));
    then_rejected(REJECTION_CART_LINE_NOT_FOUND, "/sku");
    then_detail_has("\"milk\"");
    when(change_cart_item(.sku = "milk", .quantity = 0));
    then_nothing();
}

SPEC("a line is removed, the others stay in their order")
{
    given_cart_with_tea();
    given(cart_item_added(.cart_id = "c1", .sku = "milk", .title = "Milk", .quantity = 1, .unit_price = money(1)),
          cart_item_added(.cart_id = "c1", .sku = "rice", .title = "Rice", .quantity = 4, .unit_price = money(3)));
    when(remove_cart_item(.sku = "milk"));
    then(cart_item_removed(.cart_id = "c1", .sku = "milk"));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP",
               .items = list(cart_item, {.sku = "tea", .title = "Tea", .quantity = 2, .unit_price = money(2.55)},
                             {.sku = "rice", .title = "Rice", .quantity = 4, .unit_price = money(3)}));
}

SPEC("removing a line that isn't there changes nothing")
{
    given_cart_with_tea();
    when(remove_cart_item(.sku = "milk"));
    then_nothing();
}

SPEC("all lines are removed at once")
{
    given_cart_with_tea();
    given(cart_item_added(.cart_id = "c1", .sku = "milk", .title = "Milk", .quantity = 1, .unit_price = money(1)));
    when(empty_cart());
    then(cart_emptied(.cart_id = "c1"));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP");
}

SPEC("emptying an empty cart changes nothing")
{
    given_open_cart();
    when(empty_cart());
    then_nothing();
}

SPEC("events about lines that aren't there are no reason to fail")
{
    given_cart_with_tea();
    given(cart_item_removed(.cart_id = "c1", .sku = "milk"),
          cart_item_quantity_changed(.cart_id = "c1", .sku = "milk", .quantity = 9));
    then_holds(state_of(cart)->items.count == 1);
    then_holds(state_of(cart)->items.items[0].quantity == 2);
}

/* Checking out */

SPEC("a cart becomes an order, whose id comes with the command")
{
    given_cart_with_tea();
    when(check_out_cart(.country = "France", .order_id = "o1"));
    then(cart_checked_out(.cart_id = "c1", .order_id = "o1", .country = "France"));
    then_state(cart_state, .cart_id = "c1", .customer_id = "17850", .currency = "GBP",
               .status = CART_STATUS_CHECKED_OUT,
               .items = list(cart_item, {.sku = "tea", .title = "Tea", .quantity = 2, .unit_price = money(2.55)}),
               .order_id = "o1", .country = "France");
}

SPEC("without an id in the command it is derived from the cart and its version")
{
    char order_id[EV_UUID_TEXT_LENGTH + 1], other_id[EV_UUID_TEXT_LENGTH + 1];
    cart_derive_order_id(EV_STR("c1"), 2, order_id);
    cart_derive_order_id(EV_STR("c1"), 3, other_id);
    given_cart_with_tea();
    when(check_out_cart(.country = "France"));
    then(cart_checked_out(.cart_id = "c1", .order_id = order_id, .country = "France"));
    then_holds(strlen(order_id) == EV_UUID_TEXT_LENGTH);
    then_holds(strcmp(order_id, other_id) != 0);
    cart_derive_order_id(EV_STR("c2"), 2, other_id);
    then_holds(strcmp(order_id, other_id) != 0);
}

SPEC("an empty cart can't be checked out")
{
    given_open_cart();
    when(check_out_cart(.country = "France"));
    then_rejected(REJECTION_CART_EMPTY, "");
}

SPEC("a cart is checked out at the version that the buyer saw")
{
    given_cart_with_tea();
    when(check_out_cart(.country = "France", .version = some(2), .order_id = "o1"));
    then(cart_checked_out(.cart_id = "c1", .order_id = "o1", .country = "France"));
}

SPEC("a cart that was changed since the buyer saw it isn't checked out")
{
    given_cart_with_tea();
    given(cart_item_quantity_changed(.cart_id = "c1", .sku = "tea", .quantity = 200));
    when(check_out_cart(.country = "France", .version = some(2), .order_id = "o1"));
    then_rejected(REJECTION_VERSION_MISMATCH, "/version");
    then_detail_has("version 3");
}

SPEC("checking out again as before changes nothing, whatever id the server derives meanwhile")
{
    given_checked_out_cart();
    when(check_out_cart(.country = "France", .order_id = "o2"));
    then_nothing();
    then_holds(ev_str_equal(state_of(cart)->order_id, EV_STR("o1")));
}

SPEC("checking out again at the version that was checked out changes nothing")
{
    given_checked_out_cart();
    when(check_out_cart(.country = "France", .version = some(2)));
    then_nothing();
    when(check_out_cart(.country = "France", .version = some(3)));
    then_nothing();
}

SPEC("checking out again at an older version is refused: what was checked out isn't what this buyer saw")
{
    given_checked_out_cart();
    when(check_out_cart(.country = "France", .version = some(1)));
    then_rejected(REJECTION_VERSION_MISMATCH, "/version");
    then_detail_has("at version 2, not at 1");
}

SPEC("checking out again to another country is a conflict")
{
    given_checked_out_cart();
    when(check_out_cart(.country = "Spain"));
    then_rejected(REJECTION_CART_CHECKED_OUT, "");
    then_detail_has("o1");
}

SPEC("a checked-out cart refuses every change")
{
    given_checked_out_cart();
    when(add_cart_item(.sku = "tea", .quantity = 1, .title = "Tea", .unit_price = some(money(1))));
    then_rejected(REJECTION_CART_CHECKED_OUT, "");
    when(change_cart_item(.sku = "tea", .quantity = 1));
    then_rejected(REJECTION_CART_CHECKED_OUT, "");
    when(remove_cart_item(.sku = "milk"));
    then_rejected(REJECTION_CART_CHECKED_OUT, "");
    when(empty_cart());
    then_rejected(REJECTION_CART_CHECKED_OUT, "");
}

SPEC("creating a checked-out cart again as it was changes nothing")
{
    given_checked_out_cart();
    when(create_cart(.customer_id = "17850", .currency = "GBP"));
    then_nothing();
}
