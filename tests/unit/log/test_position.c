#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log/position.h"

static size_t parse(struct ev_str token, struct ev_arena *arena, struct ev_position ret[EV_POSITIONS_MAX])
{
    struct ev_error error;
    size_t count;
    if (ev_position_token_parse(token, arena, ret, &count, &error) < 0)
        fail_msg("'%.*s': %s", EV_STR_ARG(token), error.message);
    return count;
}

static void what_was_formatted_is_parsed(void **state)
{
    (void)state;
    struct ev_arena arena = {0};
    struct ev_position parsed[EV_POSITIONS_MAX];
    const struct ev_position positions[] = {{EV_STR("order"), 3, 123456789},
                                            {EV_STR("product"), 0, 0},
                                            {EV_STR("cart"), 1023, -1},
                                            {EV_STR("a.b-c_d"), 7, INT64_MAX}};
    char token[EV_POSITION_TOKEN_MAX];
    for (size_t count = 0; count <= 4; count++) {
        size_t length = ev_position_token_format(positions, count, token);
        assert_int_equal(length, strlen(token));
        assert_int_equal(parse((struct ev_str){token, length}, &arena, parsed), count);
        for (size_t i = 0; i < count; i++) {
            assert_true(ev_str_equal(parsed[i].topic, positions[i].topic));
            assert_int_equal(parsed[i].partition, positions[i].partition);
            assert_int_equal(parsed[i].offset, positions[i].offset);
        }
    }
    ev_arena_finish(&arena);
}

static void the_longest_fits(void **state)
{
    (void)state;
    struct ev_arena arena = {0};
    struct ev_position positions[EV_POSITIONS_MAX], parsed[EV_POSITIONS_MAX];
    char token[EV_POSITION_TOKEN_MAX];
    for (int i = 0; i < EV_POSITIONS_MAX; i++)
        positions[i] = (struct ev_position){EV_STR("sixteen.bytes.ok"), INT32_MAX - i, INT64_MAX};
    size_t length = ev_position_token_format(positions, EV_POSITIONS_MAX, token);
    assert_true(length < EV_POSITION_TOKEN_MAX);
    assert_int_equal(parse((struct ev_str){token, length}, &arena, parsed), EV_POSITIONS_MAX);
    ev_arena_finish(&arena);
}

static void joined_tokens_keep_the_greatest_offset(void **state)
{
    (void)state;
    struct ev_arena arena = {0};
    struct ev_position parsed[EV_POSITIONS_MAX];
    const struct ev_position first[] = {{EV_STR("order"), 3, 7}, {EV_STR("cart"), 1, 5}};
    const struct ev_position second[] = {{EV_STR("order"), 3, 9}, {EV_STR("order"), 4, 1}};
    char joined[2 * EV_POSITION_TOKEN_MAX];
    size_t length = ev_position_token_format(first, 2, joined);
    joined[length++] = ',';
    joined[length++] = ' ';
    length += ev_position_token_format(second, 2, joined + length);
    assert_int_equal(parse((struct ev_str){joined, length}, &arena, parsed), 3);
    assert_int_equal(parsed[0].offset, 9);
    assert_int_equal(parsed[1].offset, 5);
    assert_int_equal(parsed[2].partition, 4);
    ev_arena_finish(&arena);
}

static void refuse(struct ev_str token)
{
    struct ev_arena arena = {0};
    struct ev_position parsed[EV_POSITIONS_MAX];
    struct ev_error error;
    size_t count;
    int r = ev_position_token_parse(token, &arena, parsed, &count, &error);
    ev_arena_finish(&arena);
    if (r != EV_ERR_INVALID)
        fail_msg("'%.*s' was taken for a token", EV_STR_ARG(token));
}

static void what_was_changed_is_refused(void **state)
{
    (void)state;
    const struct ev_position position = {EV_STR("order"), 3, 77};
    char token[EV_POSITION_TOKEN_MAX];
    size_t length = ev_position_token_format(&position, 1, token);
    for (size_t i = 0; i < length; i++) {
        char kept = token[i];
        for (int c = 1; c < 256; c++) {
            if ((char)c == kept || c == ' ' || (c >= '\t' && c <= '\r'))
                continue;
            token[i] = (char)c;
            refuse((struct ev_str){token, length});
        }
        token[i] = kept;
        refuse((struct ev_str){token, i});
    }
}

static void what_is_no_token_is_refused(void **state)
{
    (void)state;
    static char long_one[5000];
    memset(long_one, 'A', sizeof(long_one));
    refuse(EV_STR(""));
    refuse(EV_STR_NULL);
    refuse(EV_STR(","));
    refuse(EV_STR("hello"));
    refuse(EV_STR("MXxvcmRlci8zLzd8"));
    refuse((struct ev_str){long_one, sizeof(long_one)});
    refuse((struct ev_str){"\0\0\0\0", 4});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_formatted_is_parsed),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(joined_tokens_keep_the_greatest_offset),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(what_is_no_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
