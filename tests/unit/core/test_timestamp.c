#include "testing.h"

#include <inttypes.h>
#include <time.h>

#include "core/timestamp.h"

static void test_parses_what_rfc_3339_allows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2010-12-01T08:26:00Z", 1291191960000},
        {"2010-12-01t08:26:00z", 1291191960000},
        {"2010-12-01T08:26:00.5Z", 1291191960500},
        {"2010-12-01T08:26:00.123456789Z", 1291191960123},
        {"2010-12-01T08:26:00.0009Z", 1291191960000},
        {"2010-12-01T09:26:00+01:00", 1291191960000},
        {"2010-12-01T03:56:00.25-04:30", 1291191960250},
        {"2010-12-01T08:26:00-00:00", 1291191960000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"1969-12-31T23:00:00-01:00", 0},
        {"9999-12-31T23:59:59.999Z", EV_TIMESTAMP_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        if (!ev_timestamp_parse(ev_str_of(cases[i].text), &ms) || ms != cases[i].ms)
            fail_msg("%s gave %" PRId64, cases[i].text, ms);
    }
}

static void test_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2010-12-01",
        "2010-12-01T08:26Z",
        "2010-12-01T08:26:00",
        "2010-12-01 08:26:00Z",
        "2010-12-01T08:26:00 Z",
        " 2010-12-01T08:26:00Z",
        "2010-12-01T08:26:00Z ",
        "2010-12-01T08:26:00,5Z",
        "2010-12-01T08:26:00.Z",
        "2010-12-01T08:26:00.1234567890Z",
        "2010-12-01T08:26:00.5",
        "2010-12-01T08:26:00+0100",
        "2010-12-01T08:26:00+01",
        "2010-12-01T08:26:00+24:00",
        "2010-12-01T08:26:00+01:60",
        "2010-12-01T24:00:00Z",
        "2010-12-01T08:60:00Z",
        "2010-12-01T08:26:60Z",
        "2010-13-01T08:26:00Z",
        "2010-00-01T08:26:00Z",
        "2010-12-00T08:26:00Z",
        "2010-11-31T08:26:00Z",
        "2010-02-29T08:26:00Z",
        "2100-02-29T08:26:00Z",
        "2010-2-01T08:26:00Z",
        "-010-12-01T08:26:00Z",
        "+2010-12-01T08:26:00Z",
        "12010-12-01T08:26:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2010/12/01T08:26:00Z",
        "2010-12-01T08-26-00Z",
        "2010-12-01T0x:26:00Z",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t ms = 4711;
        if (ev_timestamp_parse(ev_str_of(texts[i]), &ms) || ms != 4711)
            fail_msg("\"%s\" was taken", texts[i]);
    }
    int64_t ms;
    assert_false(ev_timestamp_parse(EV_STR_NULL, &ms));
}

static void test_formats(void **state)
{
    (void)state;
    char text[EV_TIMESTAMP_TEXT_MAX];
    assert_int_equal(ev_timestamp_format(1291191960000, text), 20);
    assert_string_equal(text, "2010-12-01T08:26:00Z");
    assert_int_equal(ev_timestamp_format(1291191960007, text), 24);
    assert_string_equal(text, "2010-12-01T08:26:00.007Z");
    ev_timestamp_format(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    ev_timestamp_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

/* Every day there is, against the C library and back through our own parser. */
static void test_all_days_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t ms = 0; ms <= EV_TIMESTAMP_MAX; ms += 86400000) {
        char text[EV_DATE_TEXT_MAX], expected[64];
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        assert_int_equal(ev_date_format(ms + 86399999, text), 10);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        assert_string_equal(text, expected);
        int64_t back = -1;
        assert_true(ev_date_parse(ev_str_of(text), &back));
        assert_true(back == ms);
    }
}

static void test_times_of_day_there_and_back(void **state)
{
    (void)state;
    for (int64_t ms = 1291161600000; ms < 1291161600000 + 86400000; ms += 997) {
        char text[EV_TIMESTAMP_TEXT_MAX];
        size_t length = ev_timestamp_format(ms, text);
        int64_t back = -1;
        assert_int_equal(length, strlen(text));
        assert_true(ev_timestamp_parse(ev_str_of(text), &back));
        assert_true(back == ms);
    }
}

static void test_dates_that_do_not_exist(void **state)
{
    (void)state;
    static const char *const texts[] = {"",           "2010-12-1",  "2010-12-011", "2010-12-32",
                                        "2011-02-29", "1969-12-31", "2010-1a-01",  "2010-12-01T"};
    int64_t ms;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (ev_date_parse(ev_str_of(texts[i]), &ms))
            fail_msg("\"%s\" was taken", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses_what_rfc_3339_allows),
        cmocka_unit_test(test_refuses_everything_else),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_all_days_agree_with_the_c_library),
        cmocka_unit_test(test_times_of_day_there_and_back),
        cmocka_unit_test(test_dates_that_do_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
