/* The registry client against a real registry: ORDERLOG_TEST_REGISTRY_URL names one (its Confluent API); without it the
 * test is skipped. Subjects are new ones for each run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "avro/registry.h"
#include "core/core.h"
#include "gen/topics.h"

#define EXIT_SKIPPED 77
#define UNRELATED                                                                                                      \
    "{\"type\":\"record\",\"name\":\"Other\",\"namespace\":\"elsewhere\",\"fields\":[{\"name\":\"a\",\"type\":"        \
    "\"int\"}]}"

#define assert_ok(expression, error)                                                                                   \
    do {                                                                                                               \
        int assert_rc = (expression);                                                                                  \
        if (assert_rc != 0)                                                                                            \
            fail_msg("%s: %d: %s", #expression, assert_rc, (error).message);                                           \
    } while (0)

static const char *url;

static void new_subject(const char *topic, char ret[96])
{
    char text[EV_UUID_TEXT_LENGTH + 1];
    struct ev_uuid uuid = ev_uuid_v7(&ev_clock_system, &ev_random_system);
    ev_uuid_format(&uuid, text);
    snprintf(ret, 96, "test-%s.%s-value", text, topic);
}

static void test_schemas_of_all_topics(void **state)
{
    (void)state;
    struct ev_registry *registry, *other;
    struct ev_error error;
    assert_ok(ev_registry_create(url, NULL, &registry, &error), error);
    assert_ok(ev_registry_create(url, NULL, &other, &error), error);
    assert_ok(ev_registry_ping(registry, &error), error);
    for (size_t i = 0; i < orderlog_topic_count; i++) {
        char subject[96];
        int32_t id, again;
        struct ev_str schema = ev_str_of(orderlog_topics[i]->commit_schema), json;
        new_subject(orderlog_topics[i]->name, subject);
        assert_int_equal(ev_registry_lookup(other, subject, schema, &id, &error), EV_ERR_NOT_FOUND);
        assert_ok(ev_registry_register(registry, subject, schema, &id, &error), error);
        assert_ok(ev_registry_set_compatibility(registry, subject, "BACKWARD", &error), error);
        assert_ok(ev_registry_register(registry, subject, schema, &again, &error), error);
        assert_int_equal(again, id);
        assert_ok(ev_registry_lookup(other, subject, schema, &again, &error), error);
        assert_int_equal(again, id);
        assert_int_equal(ev_registry_register(registry, subject, EV_STR(UNRELATED), &again, &error), EV_ERR_CONFLICT);

        /* What it gives back for the id resolves: a commit is decoded by it. */
        struct ev_schema_source source = ev_registry_source(other);
        assert_ok(source.get(source.context, id, &json, &error), error);
        struct ev_commit_decoder *decoder;
        struct ev_commit fence = {.stream_id = EV_STR(""), .epoch = 3}, decoded;
        struct ev_buffer bytes;
        struct ev_arena arena;
        ev_buffer_init(&bytes);
        ev_arena_init(&arena, 0);
        assert_ok(ev_commit_decoder_create(orderlog_topics[i], &source, &decoder, &error), error);
        assert_ok(ev_commit_encode(orderlog_topics[i], id, &fence, &bytes, &error), error);
        assert_ok(ev_commit_decode(decoder, ev_buffer_str(&bytes), &arena, &decoded, &error), error);
        assert_true(decoded.epoch == 3);
        ev_commit_decoder_destroy(decoder);
        ev_buffer_finish(&bytes);
        ev_arena_finish(&arena);
    }
    struct ev_str none;
    struct ev_schema_source source = ev_registry_source(registry);
    assert_int_equal(source.get(source.context, INT32_MAX, &none, &error), EV_ERR_NOT_FOUND);
    ev_registry_destroy(registry);
    ev_registry_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schemas_of_all_topics)};
    url = getenv("ORDERLOG_TEST_REGISTRY_URL");
    if (!url || !url[0]) {
        fprintf(stderr, "ORDERLOG_TEST_REGISTRY_URL is not set\n");
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
