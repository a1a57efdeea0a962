#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "log/owner_hints.h"

static void what_was_formatted_is_parsed(void **state)
{
    (void)state;
    struct ev_owner_hint hint = {
        .url = "http://10.0.0.1:9080", .instance = "a \"b\"", .epoch = 7, .time_ms = 1234567890123};
    struct ev_owner_hint parsed;
    struct ev_error error;
    struct ev_buffer text = {0};
    ev_owner_hint_format(&hint, &text);
    assert_int_equal(ev_owner_hint_parse(ev_buffer_str(&text), &parsed, &error), 0);
    assert_string_equal(parsed.url, hint.url);
    assert_string_equal(parsed.instance, hint.instance);
    assert_true(parsed.epoch == 7 && parsed.time_ms == 1234567890123 && parsed.version == 0);
    ev_buffer_finish(&text);
}

static void assert_no_hint(struct ev_str text)
{
    struct ev_owner_hint parsed;
    struct ev_error error;
    if (ev_owner_hint_parse(text, &parsed, &error) != EV_ERR_CORRUPT)
        fail_msg("%.*s", EV_STR_ARG(text));
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    char text[1024], long_url[EV_OWNER_URL_MAX + 2];
    memset(long_url, 'x', sizeof(long_url) - 1);
    long_url[sizeof(long_url) - 1] = '\0';
    static const char *const others[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"url\":\"http://a\",\"instance\":\"b\",\"epoch\":1}",
        "{\"url\":\"http://a\",\"instance\":\"b\",\"epoch\":\"1\",\"time\":1}",
        "{\"url\":\"\",\"instance\":\"b\",\"epoch\":1,\"time\":1}",
        "{\"url\":\"http://a\\u0000b\",\"instance\":\"b\",\"epoch\":1,\"time\":1}",
        "{\"url\":\"http://a\",\"instance\":5,\"epoch\":1,\"time\":1}",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_no_hint(ev_str_of(others[i]));
    snprintf(text, sizeof(text), "{\"url\":\"%s\",\"instance\":\"b\",\"epoch\":1,\"time\":1}", long_url);
    assert_no_hint(ev_str_of(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_formatted_is_parsed),
        cmocka_unit_test(what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
