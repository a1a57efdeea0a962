#include "testing.h"

#include "core/memory.h"

static void test_copy_has_a_nul(void **state)
{
    (void)state;
    _cleanup_free_ char *copy = ev_memory_copy("abcdef", 3);
    assert_string_equal(copy, "abc");
    _cleanup_free_ char *empty = ev_memory_copy(NULL, 0);
    assert_string_equal(empty, "");
}

static void test_zero_sizes_give_memory(void **state)
{
    (void)state;
    _cleanup_free_ void *none = ev_memory_alloc(0);
    assert_non_null(none);
    _cleanup_free_ void *array = ev_memory_alloc_array(0, 8);
    assert_non_null(array);
    none = ev_memory_resize(none, 0);
    assert_non_null(none);
}

static char *make_and_take(void)
{
    _cleanup_free_ char *text = ev_memory_copy("kept", 4);
    return EV_TAKE(text);
}

static void test_take_survives_the_scope(void **state)
{
    (void)state;
    char *text = make_and_take();
    assert_string_equal(text, "kept");
    free(text);
}

static void ask_for_too_much(void)
{
    volatile size_t count = SIZE_MAX / 4;
    free(ev_memory_alloc_array(count, 8));
}

static void test_refused_memory_is_fatal(void **state)
{
    (void)state;
    assert_fatal(ask_for_too_much, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_has_a_nul),
        cmocka_unit_test(test_zero_sizes_give_memory),
        cmocka_unit_test(test_take_survives_the_scope),
        cmocka_unit_test(test_refused_memory_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
