#include "testing.h"

#include <errno.h>
#include <pthread.h>

#include "core/json.h"
#include "core/log.h"
#include "core/timestamp.h"

static struct ev_arena arena;

static yyjson_val *parsed(struct ev_str line)
{
    yyjson_val *root = NULL;
    struct ev_error error;
    if (ev_json_parse(line, &arena, &root, &error) < 0)
        fail_msg("%s in <%.*s>", error.message, EV_STR_ARG(line));
    return root;
}

static void write_one(void *context)
{
    (void)context;
    ev_log(EV_LOG_WARN, "partition.lost", "a \"partition\"\nwas lost", ev_log_int("partition", 3),
           ev_log_str("stream", EV_STR("cart-7f")), ev_log_cstr("reason", NULL), ev_log_double("seconds", 0.25));
}

static void test_line_has_all_parts(void **state)
{
    (void)state;
    ev_log_init("command-api", EV_LOG_INFO);
    char *text = capture(STDERR_FILENO, write_one, NULL);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    yyjson_val *root = parsed(ev_str_trim(ev_str_of(text)));
    int64_t time;
    assert_true(ev_timestamp_parse(ev_json_str(yyjson_obj_get(root, "time")), &time));
    assert_str(ev_json_str(yyjson_obj_get(root, "level")), "warn");
    assert_str(ev_json_str(yyjson_obj_get(root, "service")), "command-api");
    assert_str(ev_json_str(yyjson_obj_get(root, "message_id")), "partition.lost");
    assert_str(ev_json_str(yyjson_obj_get(root, "message")), "a \"partition\"\nwas lost");
    assert_int_equal(yyjson_get_int(yyjson_obj_get(root, "partition")), 3);
    assert_str(ev_json_str(yyjson_obj_get(root, "stream")), "cart-7f");
    assert_true(yyjson_is_null(yyjson_obj_get(root, "reason")));
    assert_true(yyjson_get_real(yyjson_obj_get(root, "seconds")) == 0.25);
    assert_int_equal(yyjson_obj_size(root), 9);
    free(text);
}

static void write_all_levels(void *context)
{
    (void)context;
    errno = ENOENT;
    ev_log(EV_LOG_DEBUG, "m.debug", "no fields");
    ev_log(EV_LOG_INFO, "m.info", "no fields");
    ev_log(EV_LOG_WARN, "m.warn", "no fields");
    ev_log_write(EV_LOG_ERROR, "m.error", "no fields", NULL);
    assert_int_equal(errno, ENOENT);
}

static void test_level_filters(void **state)
{
    (void)state;
    ev_log_init("test", EV_LOG_WARN);
    assert_false(ev_log_enabled(EV_LOG_INFO));
    assert_true(ev_log_enabled(EV_LOG_WARN));
    char *text = capture(STDERR_FILENO, write_all_levels, NULL);
    assert_null(strstr(text, "m.debug"));
    assert_null(strstr(text, "m.info"));
    assert_contains(text, "m.warn");
    assert_contains(text, "m.error");
    free(text);
}

static void test_level_names(void **state)
{
    (void)state;
    enum ev_log_level level = EV_LOG_INFO;
    assert_true(ev_log_level_parse(EV_STR("debug"), &level));
    assert_int_equal(level, EV_LOG_DEBUG);
    assert_true(ev_log_level_parse(EV_STR("error"), &level));
    assert_int_equal(level, EV_LOG_ERROR);
    assert_false(ev_log_level_parse(EV_STR("ERROR"), &level));
    assert_false(ev_log_level_parse(EV_STR_NULL, &level));
}

static void write_long(void *context)
{
    char text[3 * EV_LOG_TEXT_MAX];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "é", 2);
    text[sizeof(text) - 2] = '\0';
    text[0] = 'x'; /* so that the cut would fall into a character */
    text[1] = 'x';
    memmove(text + 1, text, sizeof(text) - 2);
    ev_log(EV_LOG_ERROR, "m.long", text);
    (void)context;
}

static void test_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char *text = capture(STDERR_FILENO, write_long, NULL);
    struct ev_str message = ev_json_str(yyjson_obj_get(parsed(ev_str_trim(ev_str_of(text))), "message"));
    assert_in_range(message.length, EV_LOG_TEXT_MAX - 3, EV_LOG_TEXT_MAX);
    assert_null(memmem(message.data, message.length, "\xef\xbf\xbd", 3));
    free(text);
}

static void write_many_fields(void *context)
{
    (void)context;
    struct ev_log_field fields[2 * EV_LOG_FIELDS_MAX];
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        static char names[2 * EV_LOG_FIELDS_MAX][8];
        snprintf(names[i], sizeof(names[i]), "f%zu", i);
        fields[i] = ev_log_int(names[i], (int64_t)i);
    }
    ev_log_write(EV_LOG_ERROR, "m.many", "many", fields);
}

static void test_fields_are_bounded(void **state)
{
    (void)state;
    char *text = capture(STDERR_FILENO, write_many_fields, NULL);
    assert_int_equal(yyjson_obj_size(parsed(ev_str_trim(ev_str_of(text)))), 5 + EV_LOG_FIELDS_MAX);
    free(text);
}

enum { THREADS = 4, LINES = 200 };

static void *log_lines(void *context)
{
    for (int i = 0; i < LINES; i++)
        ev_log(EV_LOG_ERROR, "m.thread", "from a thread", ev_log_int("thread", *(int *)context), ev_log_int("line", i));
    return NULL;
}

static void run_threads(void *context)
{
    (void)context;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    char *text = capture(STDERR_FILENO, run_threads, NULL);
    struct ev_str rest = ev_str_trim(ev_str_of(text)), line;
    int64_t next[THREADS] = {0};
    while (ev_str_split(&rest, '\n', &line)) {
        yyjson_val *root = parsed(line);
        int64_t thread = yyjson_get_sint(yyjson_obj_get(root, "thread"));
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(yyjson_get_sint(yyjson_obj_get(root, "line")), next[thread]++);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], LINES);
    free(text);
}

static int tear_down(void **state)
{
    (void)state;
    ev_arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_has_all_parts), cmocka_unit_test(test_level_filters),
        cmocka_unit_test(test_level_names),        cmocka_unit_test(test_long_text_is_cut_between_characters),
        cmocka_unit_test(test_fields_are_bounded), cmocka_unit_test(test_lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
