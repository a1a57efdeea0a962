#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "cursor.h"

static struct ev_arena arena;

static int set_up(void **state)
{
    (void)state;
    ev_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ev_arena_finish(&arena);
    return 0;
}

static struct cursor cursor_of(uint64_t fingerprint, const char *first, const char *second)
{
    return (struct cursor){.fingerprint = fingerprint, .parts = {ev_str_of(first), ev_str_of(second)}, .part_count = 2};
}

static void test_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
    } cases[] = {{"1293829200000", "order-536365"}, {"", ""}, {"-9223372036854775808", "ä€😀"}, {"12.5", "\"quoted\""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cursor from = cursor_of(i * UINT64_C(0x9E3779B97F4A7C15), cases[i].first, cases[i].second), to;
        struct ev_str text = cursor_format(&from, &arena);
        assert_int_equal(cursor_parse(text, from.fingerprint, &arena, &to, NULL), 0);
        assert_int_equal(to.part_count, 2);
        assert_str(to.parts[0], cases[i].first);
        assert_str(to.parts[1], cases[i].second);
    }
}

static void test_text_is_fit_for_a_url(void **state)
{
    (void)state;
    struct cursor from = cursor_of(UINT64_MAX, "\xff\xfe\xfd>>>???", "///+++");
    struct ev_str text = cursor_format(&from, &arena);
    for (size_t i = 0; i < text.length; i++)
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", text.data[i]));
}

static void test_another_query_is_refused(void **state)
{
    (void)state;
    struct cursor from = cursor_of(7, "a", "b"), to;
    struct ev_error error = {0};
    struct ev_str text = cursor_format(&from, &arena);
    assert_int_equal(cursor_parse(text, 8, &arena, &to, &error), EV_ERR_INVALID);
    assert_non_null(strstr(error.message, "another query"));
}

/* No text that differs from a cursor in one character is one, nor any part of it. */
static void test_every_change_is_refused(void **state)
{
    (void)state;
    struct cursor from = cursor_of(7, "1293829200000", "order-536365"), to;
    struct ev_str text = cursor_format(&from, &arena);
    char *changed = malloc(text.length + 1);
    for (size_t i = 0; i < text.length; i++) {
        for (const char *c = "Aa0_-=+/ %"; *c; c++) {
            memcpy(changed, text.data, text.length);
            if (changed[i] == *c)
                continue;
            changed[i] = *c;
            if (cursor_parse((struct ev_str){changed, text.length}, 7, &arena, &to, NULL) == 0)
                fail_msg("taken with '%c' at %zu", *c, i);
        }
        assert_int_equal(cursor_parse((struct ev_str){text.data, i}, 7, &arena, &to, NULL), EV_ERR_INVALID);
    }
    memcpy(changed, text.data, text.length);
    changed[text.length] = 'A';
    assert_int_equal(cursor_parse((struct ev_str){changed, text.length + 1}, 7, &arena, &to, NULL), EV_ERR_INVALID);
    free(changed);
}

static void test_bounds(void **state)
{
    (void)state;
    char long_part[CURSOR_PART_MAX + 1];
    memset(long_part, 'x', sizeof(long_part));
    struct ev_str longest = {long_part, CURSOR_PART_MAX}, beyond = {long_part, CURSOR_PART_MAX + 1};
    struct cursor from = {.parts = {longest, longest, longest, longest}, .part_count = CURSOR_PARTS_MAX}, to;
    struct ev_str text = cursor_format(&from, &arena);
    assert_true(text.length < CURSOR_TEXT_MAX);
    assert_int_equal(cursor_parse(text, 0, &arena, &to, NULL), 0);
    assert_int_equal(to.part_count, CURSOR_PARTS_MAX);
    assert_int_equal(to.parts[3].length, CURSOR_PART_MAX);
    from.parts[1] = beyond;
    assert_null(cursor_format(&from, &arena).data);

    char text_beyond[CURSOR_TEXT_MAX + 100];
    memset(text_beyond, 'A', sizeof(text_beyond));
    assert_int_equal(cursor_parse((struct ev_str){text_beyond, sizeof(text_beyond)}, 0, &arena, &to, NULL),
                     EV_ERR_INVALID);
    assert_int_equal(cursor_parse(EV_STR(""), 0, &arena, &to, NULL), EV_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_is_fit_for_a_url, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_query_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_change_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
