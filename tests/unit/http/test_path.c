#include "testing.h"

#include "libhttp/path.h"

static struct ev_arena arena;

static bool decode(const char *raw, bool plus_is_space, struct ev_str *ret)
{
    return http_percent_decode(ev_str_of(raw), plus_is_space, &arena, ret);
}

static void test_text_without_escapes_is_borrowed(void **state)
{
    (void)state;
    const char *raw = "a+b";
    struct ev_str decoded;
    assert_true(decode(raw, false, &decoded));
    assert_ptr_equal(decoded.data, raw);
}

static void test_escapes_are_decoded(void **state)
{
    (void)state;
    struct ev_str decoded;
    assert_true(decode("a%20b%2Fc%c3%A9", false, &decoded));
    assert_true(ev_str_equal(decoded, EV_STR("a b/c\xc3\xa9")));
    assert_true(decode("a+b%2B", true, &decoded));
    assert_true(ev_str_equal(decoded, EV_STR("a b+")));
}

static void test_broken_text_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"%",         "%4",          "abc%4",  "%zz",       "%4g",          "%00",
                                         "%c3",       "%ff",         "%c0%80", "%ed%a0%80", "%f4%90%80%80", "\xff",
                                         "%e2%28%a1", "%f8%88%80%80"};
    struct ev_str decoded;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_false(decode(broken[i], false, &decoded));
}

static void test_encoding_is_undone_by_decoding(void **state)
{
    (void)state;
    struct ev_str text = EV_STR("85123A /%?#\xc3\xa9~._-"), decoded;
    struct ev_str encoded = http_percent_encode(text, &arena);
    assert_true(ev_str_equal(encoded, EV_STR("85123A%20%2F%25%3F%23%C3%A9~._-")));
    assert_true(http_percent_decode(encoded, false, &arena, &decoded));
    assert_true(ev_str_equal(decoded, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_without_escapes_is_borrowed),
        cmocka_unit_test(test_escapes_are_decoded),
        cmocka_unit_test(test_broken_text_is_refused),
        cmocka_unit_test(test_encoding_is_undone_by_decoding),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ev_arena_finish(&arena);
    return failed;
}
