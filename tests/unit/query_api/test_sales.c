#include "testing.h"

#include "sales.h"

static struct ev_arena arena;
static struct sales_report report;

static int set_up(void **state)
{
    (void)state;
    ev_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sales_report_finish(&report);
    ev_arena_finish(&arena);
    return 0;
}

static void add(const char *key, const char *currency, int64_t value, int64_t units)
{
    struct sales_figures figures = {.orders = 1, .value = value, .units = units};
    assert_int_equal(sales_report_add(&report, ev_str_of(key), ev_str_of(currency), &figures, NULL), 0);
}

static void assert_rows(const char *const *keys, size_t count)
{
    assert_int_equal(report.rows.count, count);
    for (size_t i = 0; i < count; i++)
        assert_str(report.rows.items[i]->key, keys[i]);
}

static void test_partials_are_added_by_key_and_currency(void **state)
{
    (void)state;
    sales_report_init(&report, SALES_BY_COUNTRY, &arena);
    add("Germany", "GBP", 100, 1);
    add("Germany", "EUR", 7, 1);
    add("Germany", "GBP", -30, 2);
    assert_int_equal(report.rows.count, 2);
    assert_int_equal(report.rows.items[0]->figures.value, 70);
    assert_int_equal(report.rows.items[0]->figures.units, 3);
    assert_int_equal(report.rows.items[0]->figures.orders, 2);
    assert_int_equal(report.totals.count, 2);
}

/* A key that holds what could be taken for a separator is still another key. */
static void test_keys_do_not_run_together(void **state)
{
    (void)state;
    sales_report_init(&report, SALES_BY_SKU, &arena);
    add("a", "GBP", 1, 1);
    add("a|GBP", "GBP", 1, 1);
    add("", "GBP", 1, 1);
    assert_int_equal(report.rows.count, 3);
}

static void test_days_ascend_others_descend_by_value(void **state)
{
    (void)state;
    static const char *const days[] = {"2010-12-01", "2010-12-02", "2010-12-03"};
    sales_report_init(&report, SALES_BY_DAY, &arena);
    add("2010-12-03", "GBP", 1, 1);
    add("2010-12-01", "GBP", 3, 1);
    add("2010-12-02", "GBP", 2, 1);
    sales_report_sort(&report);
    assert_rows(days, 3);
    sales_report_finish(&report);

    static const char *const countries[] = {"most", "equal-a", "equal-b", "least"};
    sales_report_init(&report, SALES_BY_COUNTRY, &arena);
    add("equal-b", "GBP", 5, 1);
    add("least", "GBP", -5, 1);
    add("equal-a", "GBP", 5, 1);
    add("most", "GBP", 9, 1);
    sales_report_sort(&report);
    assert_rows(countries, 4);
}

/* Pages begin behind a row's place in the order, whether the row is still there or not. */
static void test_find_is_behind_the_row(void **state)
{
    (void)state;
    sales_report_init(&report, SALES_BY_SKU, &arena);
    add("a", "GBP", 9, 1);
    add("b", "EUR", 5, 1);
    add("b", "GBP", 5, 1);
    add("c", "GBP", 5, 1);
    add("d", "GBP", 1, 1);
    sales_report_sort(&report);
    for (size_t i = 0; i < report.rows.count; i++) {
        const struct sales_row *row = report.rows.items[i];
        assert_int_equal(sales_report_find(&report, row->figures.value, row->key, row->currency), i + 1);
    }
    assert_int_equal(sales_report_find(&report, 100, EV_STR("z"), EV_STR("GBP")), 0);
    assert_int_equal(sales_report_find(&report, 5, EV_STR("bb"), EV_STR("GBP")), 3);
    assert_int_equal(sales_report_find(&report, 4, EV_STR("a"), EV_STR("GBP")), 4);
    assert_int_equal(sales_report_find(&report, -1, EV_STR("a"), EV_STR("GBP")), 5);
}

static void test_overflow_is_an_error(void **state)
{
    (void)state;
    struct sales_figures figures = {.value = INT64_MAX};
    struct ev_error error = {0};
    sales_report_init(&report, SALES_BY_COUNTRY, &arena);
    add("a", "GBP", 1, 1);
    assert_int_equal(sales_report_add(&report, EV_STR("a"), EV_STR("GBP"), &figures, &error), EV_ERR_LIMIT);
    assert_str(ev_str_of(error.message), "the sum of value is beyond 64 bits");
    /* Rows that fit can have a total that doesn't. */
    sales_report_finish(&report);
    sales_report_init(&report, SALES_BY_COUNTRY, &arena);
    add("a", "GBP", 1, 1);
    assert_int_equal(sales_report_add(&report, EV_STR("b"), EV_STR("GBP"), &figures, &error), EV_ERR_LIMIT);
}

static void print(enum sales_where where, struct ev_buffer *out)
{
    struct ev_json_writer writer;
    struct sales_figures figures = {.orders = 2, .units = 3, .value = 25500, .bad_debts = 1, .bad_debt_value = -10};
    ev_buffer_clear(out);
    ev_json_init(&writer, out);
    ev_json_object_begin(&writer);
    sales_figures_print(&figures, where, &writer);
    ev_json_object_end(&writer);
}

static void test_each_report_shows_its_figures(void **state)
{
    (void)state;
    struct ev_buffer out = {0};
    sales_report_init(&report, SALES_BY_DAY, &arena);
    print(SALES_IN_DAYS, &out);
    assert_str(
        ev_buffer_str(&out),
        "{\"orders\":2,\"units\":3,\"free_units\":0,\"value\":\"2.55\",\"cancellations\":0,\"cancelled_units\":0,"
        "\"cancelled_value\":\"0.00\",\"returns\":0,\"returned_units\":0,\"returned_value\":\"0.00\","
        "\"bad_debts\":1,\"bad_debt_value\":\"-0.001\"}");
    print(SALES_IN_SKU_TOTAL, &out);
    assert_str(ev_buffer_str(&out),
               "{\"units\":3,\"free_units\":0,\"value\":\"2.55\",\"cancelled_units\":0,\"cancelled_value\":\"0.00\","
               "\"returned_units\":0,\"returned_value\":\"0.00\"}");
    ev_buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_partials_are_added_by_key_and_currency, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_do_not_run_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_days_ascend_others_descend_by_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find_is_behind_the_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_overflow_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_report_shows_its_figures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
