#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "choice.h"

static size_t parse(const char *text, struct choice choices[CHOICE_MAX])
{
    struct ev_error error = {0};
    size_t count;
    int r = choice_parse(text, choices, &count, &error);
    if (r < 0)
        fail_msg("%s", error.message);
    return count;
}

static void test_chooses(void **state)
{
    (void)state;
    struct choice choices[CHOICE_MAX];
    assert_int_equal(parse(NULL, choices), 7);
    assert_int_equal(parse("", choices), 7);
    assert_int_equal(parse("none", choices), 0);
    assert_int_equal(parse("orders", choices), 2);
    assert_ptr_equal(choices[1].view, &orders_view);
    assert_int_equal(choices[1].store, CHOICE_ELASTICSEARCH);
    assert_int_equal(parse("carts", choices), 1);
    assert_int_equal(parse(" products/elasticsearch, carts ,sales_daily/mongodb", choices), 3);
    assert_ptr_equal(choices[0].view, &products_view);
    assert_int_equal(choices[0].store, CHOICE_ELASTICSEARCH);
    assert_int_equal(parse("orders/mongodb,orders", choices), 2); /* none is there twice */
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {"order",    "orders/", "orders/redis", "carts/elasticsearch",
                                        "orders,,", "/mongodb"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct choice choices[CHOICE_MAX];
        struct ev_error error = {0};
        size_t count;
        if (choice_parse(wrong[i], choices, &count, &error) != EV_ERR_INVALID)
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_true(strlen(error.message) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chooses),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
