#include "testing.h"

#include <inttypes.h>
#include <float.h>
#include <math.h>

#include "core/clock.h"
#include "core/json.h"

static struct ev_buffer out;
static struct ev_json_writer json;

static int set_up(void **state)
{
    (void)state;
    ev_buffer_init(&out);
    ev_json_init(&json, &out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ev_buffer_finish(&out);
    return 0;
}

static void test_nested_values(void **state)
{
    (void)state;
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "sku", "tea");
    ev_json_kv_string(&json, "note", EV_STR_NULL);
    ev_json_kv_cstr(&json, "none", NULL);
    ev_json_kv_int64(&json, "quantity", INT64_MIN);
    ev_json_kv_bool(&json, "gift", true);
    ev_json_key(&json, EV_STR("lines"));
    ev_json_array_begin(&json);
    ev_json_int64(&json, 1);
    ev_json_object_begin(&json);
    ev_json_object_end(&json);
    ev_json_array_begin(&json);
    ev_json_array_end(&json);
    ev_json_null(&json);
    ev_json_bool(&json, false);
    ev_json_raw(&json, EV_STR("{\"raw\":1}"));
    ev_json_array_end(&json);
    ev_json_kv_double(&json, "share", 0.1);
    ev_json_object_end(&json);
    assert_str(ev_buffer_str(&out), "{\"sku\":\"tea\",\"note\":null,\"none\":null,\"quantity\":-9223372036854775808,"
                                    "\"gift\":true,\"lines\":[1,{},[],null,false,{\"raw\":1}],\"share\":0.1}");
}

static void test_siblings_begin_without_a_comma(void **state)
{
    (void)state;
    ev_json_array_begin(&json);
    for (int i = 0; i < 3; i++) {
        ev_json_object_begin(&json);
        ev_json_kv_int64(&json, "a", i);
        ev_json_kv_int64(&json, "b", i);
        ev_json_object_end(&json);
    }
    ev_json_array_end(&json);
    assert_str(ev_buffer_str(&out), "[{\"a\":0,\"b\":0},{\"a\":1,\"b\":1},{\"a\":2,\"b\":2}]");
}

static void test_strings_are_escaped_as_little_as_possible(void **state)
{
    (void)state;
    ev_json_string(&json, EV_STR("\"\\/\b\f\n\r\t\x01\x1f\x7f\0é€😀"));
    assert_str(ev_buffer_str(&out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000é€😀\"");
}

static void test_what_is_no_utf8_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *expected;
    } cases[] = {
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc3", "\"\xef\xbf\xbd\""},                                                 /* cut off */
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                                 /* overlong */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},                 /* surrogate */
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* beyond U+10FFFF */
        {"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
        {"\xe2\x82\"", "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ev_buffer_clear(&out);
        ev_json_string(&json, ev_str_of(cases[i].bytes));
        assert_str(ev_buffer_str(&out), cases[i].expected);
    }
}

/* Any bytes give a text that the parser takes and that means the same where the bytes were UTF-8. */
static void test_random_bytes_give_valid_json(void **state)
{
    (void)state;
    struct ev_fake_random random;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    ev_fake_random_init(&random, 11);
    for (int i = 0; i < 20000; i++) {
        char bytes[24];
        size_t length = ev_random_below(&random.random, sizeof(bytes) + 1);
        random.random.fill(random.random.context, bytes, length);
        ev_buffer_clear(&out);
        ev_arena_reset(&arena);
        ev_json_string(&json, (struct ev_str){bytes, length});
        yyjson_val *root;
        assert_int_equal(ev_json_parse(ev_buffer_str(&out), &arena, &root, NULL), 0);
        if (!memmem(yyjson_get_str(root), yyjson_get_len(root), "\xef\xbf\xbd", 3))
            assert_true(ev_str_equal(ev_json_str(root), (struct ev_str){bytes, length}));
    }
    ev_arena_finish(&arena);
}

static void test_doubles_are_shortest(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "0.0"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {-2.5, "-2.5"},
        {5e-324, "5e-324"},
        {1e21, "1e21"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
        {DBL_MAX, "1.7976931348623157e308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {1.0 / 3, "0.3333333333333333"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ev_buffer_clear(&out);
        ev_json_double(&json, cases[i].value);
        assert_str(ev_buffer_str(&out), cases[i].expected);
    }
}

static void test_random_doubles_read_back(void **state)
{
    (void)state;
    struct ev_fake_random random;
    ev_fake_random_init(&random, 5);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = ev_random_u64(&random.random);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        ev_buffer_clear(&out);
        ev_json_double(&json, value);
        ev_buffer_append_byte(&out, '\0');
        assert_true(strtod(out.data, NULL) == value);
    }
}

static void check_integer(int64_t value)
{
    char expected[32];
    snprintf(expected, sizeof(expected), "%" PRId64, value);
    ev_buffer_clear(&out);
    ev_json_int64(&json, value);
    ev_buffer_append_byte(&out, '\0');
    assert_string_equal(out.data, expected);
}

static void test_integers_of_every_length(void **state)
{
    (void)state;
    struct ev_fake_random random;
    ev_fake_random_init(&random, 5);
    for (uint64_t power = 1; power; power = power <= UINT64_MAX / 10 ? power * 10 : 0) {
        check_integer((int64_t)power);
        check_integer((int64_t)(power - 1));
        check_integer((int64_t)-power);
    }
    check_integer(INT64_MIN);
    check_integer(INT64_MAX);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = ev_random_u64(&random.random);
        check_integer((int64_t)bits >> bits % 64);
    }
}

static void test_deepest_level(void **state)
{
    (void)state;
    for (int i = 0; i < EV_JSON_WRITE_DEPTH_MAX; i++) {
        ev_json_array_begin(&json);
        ev_json_int64(&json, i);
    }
    for (int i = 0; i < EV_JSON_WRITE_DEPTH_MAX; i++) {
        ev_json_null(&json);
        ev_json_array_end(&json);
    }
    ev_buffer_append_byte(&out, '\0');
    assert_contains(out.data, "[0,[1,[2,[3,");
    assert_contains(out.data, ",[61,[62,null],null],null]");
}

static void write_too_deep(void)
{
    for (int i = 0; i <= EV_JSON_WRITE_DEPTH_MAX; i++)
        ev_json_array_begin(&json);
}

static void write_key_twice(void)
{
    ev_json_object_begin(&json);
    ev_json_key(&json, EV_STR("a"));
    ev_json_key(&json, EV_STR("b"));
}

static void write_end_too_many(void)
{
    ev_json_object_end(&json);
}

static void test_wrong_calls_are_fatal(void **state)
{
    (void)state;
    assert_fatal(write_too_deep, "deeper than 63");
    assert_fatal(write_key_twice, "key \"b\"");
    assert_fatal(write_end_too_many, "closed by '}'");
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(test_nested_values),
        with_fixture(test_siblings_begin_without_a_comma),
        with_fixture(test_strings_are_escaped_as_little_as_possible),
        with_fixture(test_what_is_no_utf8_is_replaced),
        with_fixture(test_random_bytes_give_valid_json),
        with_fixture(test_doubles_are_shortest),
        with_fixture(test_random_doubles_read_back),
        with_fixture(test_integers_of_every_length),
        with_fixture(test_deepest_level),
        with_fixture(test_wrong_calls_are_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
