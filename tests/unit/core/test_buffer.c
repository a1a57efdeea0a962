#include "testing.h"

#include "core/buffer.h"

static void test_appends_and_grows(void **state)
{
    (void)state;
    struct ev_buffer buffer;
    ev_buffer_init(&buffer);
    assert_str(ev_buffer_str(&buffer), "");
    ev_buffer_append(&buffer, NULL, 0);
    ev_buffer_append_str(&buffer, EV_STR_NULL);
    assert_int_equal(buffer.length, 0);
    for (int i = 0; i < 10000; i++)
        ev_buffer_append(&buffer, (char[]){(char)('a' + i % 26), (char)('a' + (i + 7) % 26)}, 2);
    assert_int_equal(buffer.length, 20000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(buffer.data[2 * i], 'a' + i % 26);
        assert_int_equal(buffer.data[2 * i + 1], 'a' + (i + 7) % 26);
    }
    size_t capacity = buffer.capacity;
    ev_buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.capacity, capacity);
    ev_buffer_finish(&buffer);
    assert_null(buffer.data);
    ev_buffer_finish(&buffer);
    ev_buffer_finish(NULL);
}

static void test_printf_of_any_length(void **state)
{
    (void)state;
    struct ev_buffer buffer;
    ev_buffer_init(&buffer);
    ev_buffer_printf(&buffer, "%s-%d", "cart", 7);
    ev_buffer_append_byte(&buffer, '!');
    assert_str(ev_buffer_str(&buffer), "cart-7!");
    ev_buffer_printf(&buffer, "%5000d", 1);
    assert_int_equal(buffer.length, 7 + 5000);
    assert_int_equal(buffer.data[7 + 4999], '1');
    ev_buffer_finish(&buffer);
}

static void test_reserve_then_fill(void **state)
{
    (void)state;
    struct ev_buffer buffer;
    ev_buffer_init(&buffer);
    ev_buffer_append_str(&buffer, EV_STR("ab"));
    char *at = ev_buffer_reserve(&buffer, 1000);
    memset(at, 'c', 1000);
    buffer.length += 1000;
    assert_int_equal(buffer.length, 1002);
    assert_memory_equal(buffer.data, "abccc", 5);
    ev_buffer_finish(&buffer);
}

static void test_take_hands_over(void **state)
{
    (void)state;
    struct ev_buffer buffer;
    ev_buffer_init(&buffer);
    ev_buffer_append_str(&buffer, EV_STR("gone"));
    size_t length;
    char *data = ev_buffer_take(&buffer, &length);
    assert_string_equal(data, "gone");
    assert_int_equal(length, 4);
    assert_null(buffer.data);
    free(data);
    data = ev_buffer_take(&buffer, NULL);
    assert_string_equal(data, "");
    free(data);
}

static void overfill(void)
{
    struct ev_buffer buffer;
    ev_buffer_init(&buffer);
    ev_buffer_append_byte(&buffer, 'x');
    ev_buffer_reserve(&buffer, SIZE_MAX);
}

static void test_impossible_size_is_fatal(void **state)
{
    (void)state;
    assert_fatal(overfill, "buffer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_and_grows),        cmocka_unit_test(test_printf_of_any_length),
        cmocka_unit_test(test_reserve_then_fill),        cmocka_unit_test(test_take_hands_over),
        cmocka_unit_test(test_impossible_size_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
