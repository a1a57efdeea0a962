#include "testing.h"

#include "core/error.h"

static void test_fills_and_returns_the_code(void **state)
{
    (void)state;
    struct ev_error error;
    memset(&error, 0xff, sizeof(error));
    assert_int_equal(ev_error_set(&error, EV_ERR_NOT_FOUND, "topic %s", "orders"), EV_ERR_NOT_FOUND);
    assert_int_equal(error.code, EV_ERR_NOT_FOUND);
    assert_false(error.retriable);
    assert_string_equal(error.message, "topic orders");
    assert_int_equal(ev_error_set_retriable(&error, EV_ERR_TIMEOUT, "%d ms", 5), EV_ERR_TIMEOUT);
    assert_true(error.retriable);
    assert_string_equal(error.message, "5 ms");
}

static void test_null_error_is_fine(void **state)
{
    (void)state;
    assert_int_equal(ev_error_set(NULL, EV_ERR_IO, "nobody reads %d", 1), EV_ERR_IO);
    assert_int_equal(ev_error_set_retriable(NULL, EV_ERR_IO, "nobody reads %d", 1), EV_ERR_IO);
}

static void test_message_may_wrap_itself(void **state)
{
    (void)state;
    struct ev_error error;
    ev_error_set(&error, EV_ERR_IO, "connection refused");
    ev_error_set(&error, EV_ERR_UNAVAILABLE, "broker 1: %s", error.message);
    assert_string_equal(error.message, "broker 1: connection refused");
}

static void test_long_message_is_cut(void **state)
{
    (void)state;
    struct ev_error error;
    ev_error_set(&error, EV_ERR_INVALID, "%*s", EV_ERROR_MESSAGE_MAX * 2, "x");
    assert_int_equal(strlen(error.message), EV_ERROR_MESSAGE_MAX - 1);
}

static void test_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(ev_error_name(EV_ERR_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(ev_error_text(EV_ERR_NOT_FOUND), "not found");
    assert_string_equal(ev_error_name(0), "NONE");
    assert_string_equal(ev_error_name(1), "UNKNOWN");
    assert_string_equal(ev_error_name(INT32_MIN), "UNKNOWN");
    assert_string_equal(ev_error_text(-4711), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_and_returns_the_code),
        cmocka_unit_test(test_null_error_is_fine),
        cmocka_unit_test(test_message_may_wrap_itself),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_names_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
