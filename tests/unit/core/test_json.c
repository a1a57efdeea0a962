#include "testing.h"

#include <time.h>

#include "core/json.h"

struct fixture {
    struct ev_arena arena;
    struct ev_error error;
    yyjson_val *root;
};

static int parse(struct fixture *f, const char *text)
{
    ev_arena_reset(&f->arena);
    memset(&f->error, 0, sizeof(f->error));
    f->root = NULL;
    return ev_json_parse(ev_str_of(text), &f->arena, &f->root, &f->error);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    ev_arena_init(&fixture.arena, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    ev_arena_finish(&((struct fixture *)*state)->arena);
    return 0;
}

static void test_reads_a_tree(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "{\"sku\":\"t\\u00e9a\",\"lines\":[1,-2,3.5,true,null],\"empty\":{}}"), 0);
    assert_str(ev_json_str(yyjson_obj_get(f->root, "sku")), "t\xc3\xa9"
                                                            "a");
    yyjson_val *lines = yyjson_obj_get(f->root, "lines");
    assert_int_equal(yyjson_arr_size(lines), 5);
    assert_int_equal(yyjson_get_sint(yyjson_arr_get(lines, 1)), -2);
    assert_null(ev_json_str(lines).data);
    assert_null(ev_json_str(yyjson_obj_get(f->root, "absent")).data);
}

static void test_does_not_borrow_from_the_text(void **state)
{
    struct fixture *f = *state;
    char text[] = "[\"abc\"]";
    assert_int_equal(parse(f, text), 0);
    memset(text, 'x', sizeof(text) - 1);
    assert_str(ev_json_str(yyjson_arr_get(f->root, 0)), "abc");
}

static void test_big_numbers_stay_text(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "[18446744073709551615,-9223372036854775808,18446744073709551616,1e999]"), 0);
    assert_true(yyjson_get_uint(yyjson_arr_get(f->root, 0)) == UINT64_MAX);
    assert_true(yyjson_get_sint(yyjson_arr_get(f->root, 1)) == INT64_MIN);
    assert_true(yyjson_is_raw(yyjson_arr_get(f->root, 2)));
    assert_string_equal(yyjson_get_raw(yyjson_arr_get(f->root, 2)), "18446744073709551616");
    assert_true(yyjson_is_raw(yyjson_arr_get(f->root, 3)));
}

static void test_what_is_no_json_is_invalid(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "[1] 2",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "{a:1}",
        "[01]",
        "[1.]",
        "[+1]",
        "\"\t\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "// comment\n1",
        "\xef\xbb\xbf{}",
        "[\"\xff\"]",
        "[\"\xc0\xaf\"]",
        "[\"\xed\xa0\x80\"]",
        "\"abc",
        "]",
        "[\"\\",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parse(f, texts[i]) != EV_ERR_INVALID)
            fail_msg("<%s> was taken", texts[i]);
        assert_contains(f->error.message, "at byte ");
        assert_null(f->root);
    }
    assert_int_equal(ev_json_parse(EV_STR_NULL, &f->arena, &f->root, NULL), EV_ERR_INVALID);
    assert_int_equal(ev_json_parse(EV_STR("[1]\0"), &f->arena, &f->root, NULL), EV_ERR_INVALID);
}

static void test_message_says_where(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "{\n  \"a\": 1,\n  \"b\": x\n}"), EV_ERR_INVALID);
    assert_contains(f->error.message, "at byte 19 (line 3)");
    assert_int_equal(parse(f, "{\n  \"a\": 1,\n  \"a\": 2\n}"), EV_ERR_INVALID);
    assert_contains(f->error.message, "same key twice at byte 15 (line 3)");
    assert_int_equal(parse(f, "{\"b\":{\"\\u0061\":1, \"a\":2}}"), EV_ERR_INVALID);
    assert_contains(f->error.message, "same key twice at byte 19 (line 1)");
}

static void test_depth_is_bounded(void **state)
{
    struct fixture *f = *state;
    char text[3 * EV_JSON_DEPTH_MAX + 4];
    memset(text, '[', EV_JSON_DEPTH_MAX);
    memset(text + EV_JSON_DEPTH_MAX, ']', EV_JSON_DEPTH_MAX);
    text[2 * EV_JSON_DEPTH_MAX] = '\0';
    assert_int_equal(parse(f, text), 0);
    memset(text, '[', EV_JSON_DEPTH_MAX + 1);
    memset(text + EV_JSON_DEPTH_MAX + 1, ']', EV_JSON_DEPTH_MAX + 1);
    text[2 * EV_JSON_DEPTH_MAX + 2] = '\0';
    assert_int_equal(parse(f, text), EV_ERR_INVALID);
    assert_contains(f->error.message, "nested too deep at byte 32 (line 1)");
    /* Brackets in strings don't count, and what was closed is not deep. */
    assert_int_equal(parse(f, "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\",[],[],[],[],[],[],[],[],[],[],[],[],"
                              "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"),
                     0);
}

static void test_hundred_thousand_brackets(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(100001);
    memset(text, '{', 100000);
    text[100000] = '\0';
    assert_int_equal(parse(f, text), EV_ERR_INVALID);
    free(text);
}

/* An object with keys k0 to k(count-1), then `last`. */
static char *object_with_keys(int count, const char *last)
{
    struct ev_buffer out;
    ev_buffer_init(&out);
    for (int i = 0; i < count; i++)
        ev_buffer_printf(&out, "%s\"k%d\":%d", i ? "," : "{", i, i);
    ev_buffer_printf(&out, "%s%s}", last ? "," : "", last ? last : "");
    return ev_buffer_take(&out, NULL);
}

static void test_duplicates_in_objects_of_every_size(void **state)
{
    struct fixture *f = *state;
    for (int count = 1; count < 100; count++) {
        char *good = object_with_keys(count, NULL);
        assert_int_equal(parse(f, good), 0);
        free(good);
        for (int twice = 0; twice < count; twice += 1 + count / 7) {
            char last[32], expected[64];
            snprintf(last, sizeof(last), "\"k%d\":0", twice);
            char *bad = object_with_keys(count, last);
            assert_int_equal(parse(f, bad), EV_ERR_INVALID);
            snprintf(expected, sizeof(expected), "twice at byte %zu ", strlen(bad) - strlen(last));
            assert_contains(f->error.message, expected);
            free(bad);
        }
    }
}

/* Pair by pair this would be 5 * 10^9 comparisons; the bound is generous for a machine under load and sanitizers. */
static void test_many_keys_are_no_burden(void **state)
{
    struct fixture *f = *state;
    char *text = object_with_keys(100000, "\"k99999\":1");
    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    assert_int_equal(parse(f, text), EV_ERR_INVALID);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_contains(f->error.message, "same key twice");
    assert_true(end.tv_sec - start.tv_sec < 5);
    free(text);
}

static void test_arena_limit_is_limit(void **state)
{
    (void)state;
    char *text = object_with_keys(1000, NULL);
    struct ev_error error;
    yyjson_val *root;
    size_t enough = 0;
    for (size_t limit = 16; limit < 17 * strlen(text); limit += 997) {
        struct ev_arena arena;
        ev_arena_init(&arena, limit);
        int result = ev_json_parse(ev_str_of(text), &arena, &root, &error);
        assert_true(arena.total <= limit);
        assert_true(result == (enough ? 0 : EV_ERR_LIMIT) || (result == 0 && !enough));
        if (result == 0 && !enough)
            enough = limit;
        ev_arena_finish(&arena);
    }
    assert_true(enough > strlen(text));
    free(text);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(test_reads_a_tree),
        with_fixture(test_does_not_borrow_from_the_text),
        with_fixture(test_big_numbers_stay_text),
        with_fixture(test_what_is_no_json_is_invalid),
        with_fixture(test_message_says_where),
        with_fixture(test_depth_is_bounded),
        with_fixture(test_hundred_thousand_brackets),
        with_fixture(test_duplicates_in_objects_of_every_size),
        with_fixture(test_many_keys_are_no_burden),
        with_fixture(test_arena_limit_is_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
