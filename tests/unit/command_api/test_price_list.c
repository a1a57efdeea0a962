#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gen/product.h"
#include "gen/stock.h"
#include "price_list.h"

#define NOW INT64_C(1000000)

static struct price_list *list;
static struct ev_arena arena;

static void titled(const char *sku, const char *title, int64_t valid_from)
{
    struct product_titled body = {.sku = ev_str_of(sku), .title = ev_str_of(title), .valid_from = valid_from};
    price_list_fold(list, &(struct ev_event){&product_titled_event, &body}, NOW);
}

static void priced(const char *sku, const char *currency, int64_t price, int64_t valid_from)
{
    struct product_priced body = {
        .sku = ev_str_of(sku), .price = price, .currency = ev_str_of(currency), .valid_from = valid_from};
    price_list_fold(list, &(struct ev_event){&product_priced_event, &body}, NOW);
}

static void discontinued(const char *sku)
{
    struct product_discontinued body = {.sku = ev_str_of(sku)};
    price_list_fold(list, &(struct ev_event){&product_discontinued_event, &body}, NOW);
}

static struct offer find(const char *sku, const char *currency, int64_t now_ms)
{
    struct offer offer;
    price_list_find(list, ev_str_of(sku), ev_str_of(currency), now_ms, &arena, &offer);
    return offer;
}

static void assert_offer(const char *sku, const char *currency, int64_t now_ms, const char *title, int64_t price)
{
    struct offer offer = find(sku, currency, now_ms);
    assert_non_null(offer.title.data);
    assert_true(ev_str_equal(offer.title, ev_str_of(title)));
    assert_true(offer.priced);
    assert_int_equal(offer.unit_price, price);
}

static int setup(void **state)
{
    (void)state;
    list = price_list_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    price_list_destroy(list);
    ev_arena_finish(&arena);
    return 0;
}

static void test_what_is_not_there_is_not_offered(void **state)
{
    (void)state;
    assert_null(find("TEA", "GBP", NOW).title.data);
    priced("TEA", "GBP", 25000, 0);
    assert_null(find("TEA", "GBP", NOW).title.data); /* no title: it was never created */
    titled("TEA", "Tea", 0);
    assert_offer("TEA", "GBP", NOW, "Tea", 25000);
    assert_false(find("TEA", "EUR", NOW).priced);
    assert_false(find("TEA", "", NOW).priced);
    assert_false(find("TEA", "GBPX", NOW).priced);
    assert_null(find("tea", "GBP", NOW).title.data);
}

static void test_the_newest_that_holds_is_taken_in_any_order(void **state)
{
    (void)state;
    titled("TEA", "Now", NOW - 10);
    titled("TEA", "Before", NOW - 20);
    titled("TEA", "Later", NOW + 10);
    priced("TEA", "GBP", 3, NOW + 20);
    priced("TEA", "GBP", 1, NOW - 20);
    priced("TEA", "GBP", 2, NOW);
    priced("TEA", "EUR", 9, NOW - 1);
    assert_offer("TEA", "GBP", NOW, "Now", 2);
    assert_offer("TEA", "GBP", NOW + 10, "Later", 2);
    assert_offer("TEA", "GBP", NOW + 20, "Later", 3);
    assert_offer("TEA", "EUR", NOW + 20, "Later", 9);
}

static void test_a_value_for_the_same_time_replaces(void **state)
{
    (void)state;
    titled("TEA", "One", NOW + 5);
    titled("TEA", "Two", NOW + 5);
    titled("TEA", "Old", 0);
    priced("TEA", "GBP", 1, 0);
    priced("TEA", "GBP", 2, 0);
    assert_offer("TEA", "GBP", NOW, "Old", 2);
    assert_offer("TEA", "GBP", NOW + 5, "Two", 2);
}

static void test_a_discontinued_product_is_not_offered(void **state)
{
    (void)state;
    titled("TEA", "Tea", 0);
    priced("TEA", "GBP", 1, 0);
    discontinued("TEA");
    assert_null(find("TEA", "GBP", NOW).title.data);
    titled("TEA", "Again", 1);
    assert_null(find("TEA", "GBP", NOW).title.data);
}

static void test_the_past_takes_no_room_and_the_future_has_a_bound(void **state)
{
    (void)state;
    titled("TEA", "Tea", 0);
    for (int64_t i = 0; i < (int64_t)PRICE_LIST_ENTRIES_MAX * 4; i++)
        priced("TEA", "GBP", i, i);
    assert_int_equal(price_list_dropped(list), 0);
    assert_offer("TEA", "GBP", NOW, "Tea", (int64_t)PRICE_LIST_ENTRIES_MAX * 4 - 1);
    for (int64_t i = 0; i < (int64_t)PRICE_LIST_ENTRIES_MAX; i++)
        priced("TEA", "GBP", i, NOW + 1 + i);
    assert_int_equal(price_list_dropped(list), 2); /* the title and the price of today have two of the places */
    assert_int_equal(price_list_count(list), 1);
}

static void test_stock_in_the_same_topic_is_left_aside(void **state)
{
    (void)state;
    struct stock_received body = {.sku = EV_STR("TEA")};
    price_list_fold(list, &(struct ev_event){&stock_received_event, &body}, NOW);
    assert_int_equal(price_list_count(list), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_not_there_is_not_offered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_newest_that_holds_is_taken_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_value_for_the_same_time_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_discontinued_product_is_not_offered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_past_takes_no_room_and_the_future_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stock_in_the_same_topic_is_left_aside, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
