#include "testing.h"

#include "libhttp/identity.h"

#define GIVEN "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct ev_fake_random fake;

static void identify(struct http_exchange *exchange, const char *name, const char *value)
{
    *exchange = (struct http_exchange){.header_count = 1};
    exchange->headers[0] = (struct http_header){ev_str_of(name), ev_str_of(value)};
    ev_fake_random_init(&fake, 7);
    http_identify(exchange, &fake.random);
}

static void test_a_given_trace_goes_on_with_a_new_span(void **state)
{
    (void)state;
    static struct http_exchange exchange;
    identify(&exchange, "traceparent", GIVEN);
    assert_string_equal(exchange.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_memory_equal(exchange.traceparent, GIVEN, 36);
    assert_memory_not_equal(exchange.traceparent, GIVEN, 55);
    assert_true(http_traceparent_is_valid(ev_str_of(exchange.traceparent)));
}

static void test_a_malformed_trace_is_made_anew(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
    };
    static struct http_exchange exchange;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        assert_false(http_traceparent_is_valid(ev_str_of(malformed[i])));
        identify(&exchange, "traceparent", malformed[i]);
        assert_true(http_traceparent_is_valid(ev_str_of(exchange.traceparent)));
        assert_memory_equal(exchange.traceparent + 3, exchange.trace_id, 32);
    }
}

static void test_request_ids_are_taken_over_where_harmless(void **state)
{
    (void)state;
    static struct http_exchange exchange;
    struct ev_uuid made;
    identify(&exchange, "x-request-id", "abc-1.2_3:4");
    assert_string_equal(exchange.request_id, "abc-1.2_3:4");
    static const char *const refused[] = {"", "a b", "a\"b", "0123456789012345678901234567890123456", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        identify(&exchange, "x-request-id", refused[i]);
        assert_true(ev_uuid_parse(ev_str_of(exchange.request_id), &made));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_given_trace_goes_on_with_a_new_span),
        cmocka_unit_test(test_a_malformed_trace_is_made_anew),
        cmocka_unit_test(test_request_ids_are_taken_over_where_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
