#include "testing.h"

#include <string.h>

#include "params.h"

static const char *const symbol_names[] = {"ORDER", "RETURN"};
static const struct ev_enum symbols = {.name = "kind", .count = 2, .symbols = symbol_names};
static const struct param text = {.name = "q", .kind = PARAM_TEXT, .min = 1, .max = 5},
                          number = {.name = "limit", .kind = PARAM_INT, .min = 1, .max = 100},
                          date = {.name = "from", .kind = PARAM_DATE}, money = {.name = "price", .kind = PARAM_MONEY},
                          truth = {.name = "in_stock", .kind = PARAM_BOOL},
                          symbol = {.name = "kind", .kind = PARAM_SYMBOL, .symbols = &symbols};

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const struct param *param;
        const char *given;
        int64_t expected; /* -1: refused */
    } cases[] = {
        {&text, "tea", 0},
        {&text, "", -1},
        {&text, "äöü€😀", 0},
        {&text, "sixsix", -1},
        {&text, "a\nb", -1},
        {&number, "1", 1},
        {&number, "100", 100},
        {&number, "0", -1},
        {&number, "101", -1},
        {&number, "1.0", -1},
        {&number, " 1", -1},
        {&number, "", -1},
        {&date, "1970-01-02", 86400000},
        {&date, "2010-02-30", -1},
        {&date, "2010-1-1", -1},
        {&money, "2.55", 25500},
        {&money, "-1", -1},
        {&money, "1.23456", -1},
        {&money, "0", 0},
        {&truth, "true", 1},
        {&truth, "false", 0},
        {&truth, "1", -1},
        {&symbol, "RETURN", 1},
        {&symbol, "return", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct param_value value;
        struct ev_error error = {0};
        int answer = param_parse(cases[i].param, ev_str_of(cases[i].given), &value, &error);
        if (cases[i].expected < 0 ? answer != EV_ERR_INVALID || !error.message[0]
                                  : answer != 0 || value.number != cases[i].expected || !value.present)
            fail_msg("%s=%s: %d", cases[i].param->name, cases[i].given, answer);
    }
}

static void test_symbols_are_named(void **state)
{
    (void)state;
    struct param_value value;
    struct ev_error error = {0};
    param_parse(&symbol, EV_STR("x"), &value, &error);
    assert_str(ev_str_of(error.message), "is one of: ORDER, RETURN");
}

static void test_fingerprint_is_of_what_is_listed(void **state)
{
    (void)state;
    const struct param params[] = {{.name = "a"}, {.name = "b"}, {.name = "limit", .paging = true}};
    struct param_value values[3] = {{.present = true, .text = EV_STR("x")}};
    uint64_t plain = params_fingerprint("Route", params, values, 3);
    values[2] = (struct param_value){.present = true, .text = EV_STR("5")};
    assert_true(params_fingerprint("Route", params, values, 3) == plain);
    assert_false(params_fingerprint("Other", params, values, 3) == plain);
    values[1] = (struct param_value){.present = true, .text = EV_STR("")};
    assert_false(params_fingerprint("Route", params, values, 3) == plain);
    /* Values can't be moved over to the next parameter. */
    struct param_value joined[3] = {{.present = true, .text = EV_STR("x\nb 1 y")}};
    struct param_value apart[3] = {{.present = true, .text = EV_STR("x")}, {.present = true, .text = EV_STR("y")}};
    assert_false(params_fingerprint("Route", params, joined, 3) == params_fingerprint("Route", params, apart, 3));
}

static void test_days(void **state)
{
    (void)state;
    struct param_value from = {.present = true}, to = {.present = true}, absent = {0};
    assert_int_equal(params_check_days(&from, &to, NULL), 0);
    to.number = (PARAM_DAYS_MAX - 1) * PARAM_DAY_MS;
    assert_int_equal(params_check_days(&from, &to, NULL), 0);
    to.number += PARAM_DAY_MS;
    assert_int_equal(params_check_days(&from, &to, NULL), EV_ERR_INVALID);
    assert_int_equal(params_check_days(&absent, &to, NULL), 0);
    assert_int_equal(params_check_days(&to, &from, NULL), EV_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_symbols_are_named),
        cmocka_unit_test(test_fingerprint_is_of_what_is_listed),
        cmocka_unit_test(test_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
