#include "testing.h"

#include <inttypes.h>

#include "core/clock.h"
#include "core/money.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t amount;
    } cases[] = {
        {"12", 120000},
        {"-3.5", -35000},
        {"0.001", 10},
        {"2.55", 25500},
        {"0", 0},
        {"-0", 0},
        {"0.0000", 0},
        {"1.2345", 12345},
        {"999999999999.9999", EV_MONEY_MAX},
        {"-999999999999.9999", -EV_MONEY_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t amount = 4711;
        if (!ev_money_parse(ev_str_of(cases[i].text), &amount) || amount != cases[i].amount)
            fail_msg("%s gave %" PRId64, cases[i].text, amount);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        ".5",
        "5.",
        "1.23456",
        "1.00000",
        "007",
        "00",
        "-01",
        "1e3",
        "1E3",
        "1,5",
        "1 ",
        " 1",
        "1.2.3",
        "--1",
        "0x10",
        "inf",
        "nan",
        "1-",
        "1.-5",
        "1. 5",
        "1.5 ",
        "1000000000000",
        "-1000000000000",
        "9999999999999999999999999999999999999999",
        "18446744073709551617",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t amount = 4711;
        if (ev_money_parse(ev_str_of(texts[i]), &amount) || amount != 4711)
            fail_msg("\"%s\" was taken", texts[i]);
    }
    int64_t amount;
    assert_false(ev_money_parse(EV_STR_NULL, &amount));
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t amount;
        const char *text;
    } cases[] = {
        {0, "0.00"},
        {25500, "2.55"},
        {10, "0.001"},
        {1, "0.0001"},
        {-1, "-0.0001"},
        {-70000, "-7.00"},
        {120000, "12.00"},
        {12340, "1.234"},
        {12300, "1.23"},
        {12000, "1.20"},
        {INT64_MAX, "922337203685477.5807"},
        {INT64_MIN, "-922337203685477.5808"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[EV_MONEY_TEXT_MAX];
        assert_int_equal(ev_money_format(cases[i].amount, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct ev_fake_random random;
    ev_fake_random_init(&random, 3);
    for (int i = 0; i < 100000; i++) {
        uint64_t bound = UINT64_C(1) << (1 + i % 53);
        int64_t amount = (int64_t)ev_random_below(&random.random, bound) * (i % 2 ? -1 : 1), back = 4711;
        char text[EV_MONEY_TEXT_MAX];
        ev_money_format(amount, text);
        assert_true(ev_money_parse(ev_str_of(text), &back));
        assert_true(back == amount);
    }
}

static void test_arithmetic_is_checked(void **state)
{
    (void)state;
    int64_t result;
    assert_true(ev_money_multiply(25500, -6, &result));
    assert_int_equal(result, -153000);
    assert_false(ev_money_multiply(EV_MONEY_MAX, 1000, &result));
    assert_false(ev_money_multiply(INT64_MIN, -1, &result));
    assert_true(ev_money_add(INT64_MAX, INT64_MIN, &result));
    assert_int_equal(result, -1);
    assert_false(ev_money_add(INT64_MAX, 1, &result));
    assert_false(ev_money_add(INT64_MIN, -1, &result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_arithmetic_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
