#include "testing.h"

#include "avro/wire.h"

static const struct {
    int64_t value;
    const char *bytes;
    size_t length;
} longs[] = {
    /* Apache Avro 1.11 specification, table of variable-length zig-zag numbers, and the ends */
    {0, "\x00", 1},
    {-1, "\x01", 1},
    {1, "\x02", 1},
    {-2, "\x03", 1},
    {-64, "\x7f", 1},
    {64, "\x80\x01", 2},
    {INT32_MAX, "\xfe\xff\xff\xff\x0f", 5},
    {INT32_MIN, "\xff\xff\xff\xff\x0f", 5},
    {INT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
};

static void test_longs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(longs); i++) {
        struct ev_buffer out;
        ev_buffer_init(&out);
        struct ev_wire_writer writer = ev_wire_writer_begin(&out);
        ev_wire_write_long(&writer, longs[i].value);
        ev_wire_writer_end(&writer);
        assert_int_equal(out.length, longs[i].length);
        assert_memory_equal(out.data, longs[i].bytes, longs[i].length);
        int64_t value;
        struct ev_cursor cursor = ev_cursor_of(ev_buffer_str(&out));
        assert_int_equal(ev_wire_read_long(&cursor, &value), EV_WIRE_OK);
        assert_true(value == longs[i].value);
        assert_ptr_equal(cursor.at, cursor.end);
        int32_t small;
        cursor = ev_cursor_of(ev_buffer_str(&out));
        bool fits = value >= INT32_MIN && value <= INT32_MAX;
        assert_int_equal(ev_wire_read_int(&cursor, &small), fits ? EV_WIRE_OK : EV_WIRE_NUMBER);
        ev_buffer_finish(&out);
    }
}

static void test_longs_that_are_none(void **state)
{
    (void)state;
    static const struct {
        struct ev_str bytes;
        enum ev_wire_fault fault;
    } cases[] = {
        {{"", 0}, EV_WIRE_TRUNCATED},
        {{"\x80", 1}, EV_WIRE_TRUNCATED},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9}, EV_WIRE_TRUNCATED},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}, EV_WIRE_NUMBER},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, EV_WIRE_NUMBER},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value;
        struct ev_str bytes = exact_copy(cases[i].bytes);
        struct ev_cursor cursor = ev_cursor_of(bytes);
        assert_int_equal(ev_wire_read_long(&cursor, &value), cases[i].fault);
        test_free((void *)bytes.data);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"", true},
        {"tea", true},
        {"0123456789abcdef0123456789abcdef", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"0123456\xf0\x9f\x8d\xb5 tea", true}, /* across the eight bytes that are looked at together */
        {"\x80", false},
        {"\xc0\xaf", false},         /* overlong */
        {"\xc1\xbf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"tea\xc3", false},
        {"tea\xe2\x82", false},
        {"tea\xf0\x9f\x8d", false},
        {"01234567\xc3", false},
        {"0123456\xc3 7", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ev_str text = exact_copy(ev_str_of(cases[i].text));
        bool good = ev_wire_is_utf8((const uint8_t *)text.data, text.length);
        if (good != cases[i].good)
            fail_msg("case %zu: \"%s\"", i, cases[i].text);
        test_free((void *)text.data);
    }
}

static void test_blocks(void **state)
{
    (void)state;
    static const struct {
        struct ev_str bytes;
        enum ev_wire_fault fault;
        size_t count;
    } cases[] = {
        {{"\x00", 1}, EV_WIRE_OK, 0},
        {{"\x04??", 3}, EV_WIRE_OK, 2},
        {{"\x04?", 2}, EV_WIRE_LENGTH, 0},
        {{"\x03\x04??", 4}, EV_WIRE_OK, 2}, /* -2 items of 2 bytes */
        {{"\x03", 1}, EV_WIRE_TRUNCATED, 0},
        {{"\x03\x01??", 4}, EV_WIRE_LENGTH, 0},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02?", 12}, EV_WIRE_LENGTH, 0}, /* INT64_MIN items */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t count = 0;
        struct ev_cursor cursor = ev_cursor_of(cases[i].bytes);
        assert_int_equal(ev_wire_read_block(&cursor, &count), cases[i].fault);
        assert_int_equal(count, cases[i].count);
    }
}

static void test_doubles(void **state)
{
    (void)state;
    static const double values[] = {0.0, -0.0, 1.5, -1e308, 5e-324};
    struct ev_buffer out;
    ev_buffer_init(&out);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        double value;
        ev_buffer_clear(&out);
        struct ev_wire_writer writer = ev_wire_writer_begin(&out);
        ev_wire_write_double(&writer, values[i]);
        ev_wire_writer_end(&writer);
        struct ev_cursor cursor = ev_cursor_of(ev_buffer_str(&out));
        assert_int_equal(ev_wire_read_double(&cursor, &value), EV_WIRE_OK);
        assert_memory_equal(&value, &values[i], sizeof(value));
    }
    double widened;
    struct ev_cursor cursor = ev_cursor_of((struct ev_str){"\0\0\xc0\x3f", 4}); /* 1.5f, little endian */
    assert_int_equal(ev_wire_read_float(&cursor, &widened), EV_WIRE_OK);
    assert_true(widened == 1.5);
    ev_buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longs),   cmocka_unit_test(test_longs_that_are_none),
        cmocka_unit_test(test_utf8),    cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
