#include "testing.h"

#include "core/uuid.h"

static struct ev_uuid parsed(const char *text)
{
    struct ev_uuid uuid;
    assert_true(ev_uuid_parse(ev_str_of(text), &uuid));
    return uuid;
}

static void assert_uuid(const struct ev_uuid *uuid, const char *expected)
{
    char text[EV_UUID_TEXT_LENGTH + 1];
    ev_uuid_format(uuid, text);
    assert_string_equal(text, expected);
}

static void test_v7_holds_time_and_randomness(void **state)
{
    (void)state;
    struct ev_fake_clock clock;
    struct ev_fake_random random;
    ev_fake_clock_init(&clock, 0x017f22e279b0); /* the example of RFC 9562, appendix A.6 */
    ev_fake_random_init(&random, 1);
    struct ev_uuid first = ev_uuid_v7(&clock.clock, &random.random);
    struct ev_uuid second = ev_uuid_v7(&clock.clock, &random.random);
    char text[EV_UUID_TEXT_LENGTH + 1];
    ev_uuid_format(&first, text);
    assert_memory_equal(text, "017f22e2-79b0-7", 15);
    assert_int_equal(first.bytes[6] >> 4, 7);
    assert_int_equal(first.bytes[8] >> 6, 2);
    assert_false(ev_uuid_equal(&first, &second));
    clock.now_ms++;
    struct ev_uuid later = ev_uuid_v7(&clock.clock, &random.random);
    assert_true(memcmp(first.bytes, later.bytes, 16) < 0);
    assert_true(memcmp(second.bytes, later.bytes, 16) < 0);
}

static void test_v5_is_the_standards(void **state)
{
    (void)state;
    struct ev_uuid dns = parsed("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    struct ev_uuid uuid = ev_uuid_v5(&dns, EV_STR("www.example.com")); /* RFC 9562, appendix A.4 */
    assert_uuid(&uuid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    struct ev_uuid url = parsed("6ba7b811-9dad-11d1-80b4-00c04fd430c8");
    uuid = ev_uuid_v5(&url, EV_STR("urn:orderlog"));
    assert_true(ev_uuid_equal(&uuid, &ev_uuid_namespace_orderlog));
    uuid = ev_uuid_v5(&dns, EV_STR_NULL);
    struct ev_uuid empty = ev_uuid_v5(&dns, EV_STR(""));
    assert_true(ev_uuid_equal(&uuid, &empty));
}

static void test_text_there_and_back(void **state)
{
    (void)state;
    struct ev_uuid uuid = parsed("0123ABCD-ef45-6789-abCD-EF0123456789");
    assert_uuid(&uuid, "0123abcd-ef45-6789-abcd-ef0123456789");
}

static void test_other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "0123abcd-ef45-6789-abcd-ef012345678",
        "0123abcd-ef45-6789-abcd-ef01234567890",
        "0123abcdef456789abcdef0123456789",
        "{0123abcd-ef45-6789-abcd-ef0123456789}",
        "0123abcd-ef45-6789-abcd-ef012345678g",
        "0123abcd-ef45-6789-abcd_ef0123456789",
        "0123abcd-ef4-56789-abcd-ef0123456789",
        "------------------------------------",
    };
    struct ev_uuid uuid;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (ev_uuid_parse(ev_str_of(texts[i]), &uuid))
            fail_msg("\"%s\" was taken", texts[i]);
    assert_false(ev_uuid_parse(EV_STR_NULL, &uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v7_holds_time_and_randomness),
        cmocka_unit_test(test_v5_is_the_standards),
        cmocka_unit_test(test_text_there_and_back),
        cmocka_unit_test(test_other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
