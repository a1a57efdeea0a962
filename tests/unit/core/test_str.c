#include "testing.h"

#include <inttypes.h>

static void test_null_is_not_empty(void **state)
{
    (void)state;
    assert_true(ev_str_equal(EV_STR_NULL, EV_STR_NULL));
    assert_false(ev_str_equal(EV_STR_NULL, EV_STR("")));
    assert_true(ev_str_equal(EV_STR(""), ev_str_of("")));
    assert_true(ev_str_equal(ev_str_of(NULL), EV_STR_NULL));
    assert_true(ev_str_compare(EV_STR_NULL, EV_STR("")) < 0);
    assert_int_equal(ev_str_compare(EV_STR_NULL, EV_STR_NULL), 0);
    assert_true(ev_str_compare(EV_STR("a"), EV_STR_NULL) > 0);
}

static void test_order_is_by_unsigned_bytes(void **state)
{
    (void)state;
    assert_true(ev_str_compare(EV_STR("a"), EV_STR("b")) < 0);
    assert_true(ev_str_compare(EV_STR("ab"), EV_STR("a")) > 0);
    assert_true(ev_str_compare(EV_STR("a\xff"), EV_STR("az")) > 0);
    assert_int_equal(ev_str_compare(EV_STR("tea"), EV_STR("tea")), 0);
    assert_true(ev_str_compare(EV_STR("a\0b"), EV_STR("a\0c")) < 0);
}

static void test_starts_with(void **state)
{
    (void)state;
    assert_true(ev_str_starts_with(EV_STR("cart-7f"), EV_STR("cart-")));
    assert_false(ev_str_starts_with(EV_STR("car"), EV_STR("cart-")));
    assert_true(ev_str_starts_with(EV_STR_NULL, EV_STR("")));
    assert_true(ev_str_starts_with(EV_STR("x"), EV_STR_NULL));
}

static void test_int64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+7", true, 7},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
        {"1e3", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 4711;
        if (ev_str_to_int64(ev_str_of(cases[i].text), &value) != cases[i].valid)
            fail_msg("\"%s\" should be %s", cases[i].text, cases[i].valid ? "valid" : "invalid");
        if (value != (cases[i].valid ? cases[i].value : 4711))
            fail_msg("\"%s\" gave %" PRId64, cases[i].text, value);
    }
    int64_t value;
    assert_false(ev_str_to_int64(EV_STR_NULL, &value));
    assert_false(ev_str_to_int64(EV_STR("1\0"), &value));
}

static void test_trim(void **state)
{
    (void)state;
    assert_str(ev_str_trim(EV_STR(" \t a b\r\n")), "a b");
    assert_str(ev_str_trim(EV_STR("   ")), "");
    assert_null(ev_str_trim(EV_STR_NULL).data);
}

static void test_split(void **state)
{
    (void)state;
    struct ev_str rest = EV_STR("a,,b,"), part;
    assert_true(ev_str_split(&rest, ',', &part));
    assert_str(part, "a");
    assert_true(ev_str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_true(ev_str_split(&rest, ',', &part));
    assert_str(part, "b");
    assert_true(ev_str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_false(ev_str_split(&rest, ',', &part));
    rest = EV_STR("");
    assert_true(ev_str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_false(ev_str_split(&rest, ',', &part));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_not_empty),
        cmocka_unit_test(test_order_is_by_unsigned_bytes),
        cmocka_unit_test(test_starts_with),
        cmocka_unit_test(test_int64),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
