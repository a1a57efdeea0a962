/* Names and states of generations; fingerprints of folds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fold/fingerprint.h"
#include "sinks/generations.h"
#include "views/views.h"

static void test_names(void **state)
{
    (void)state;
    char name[GENERATION_NAME_MAX];
    int version, number;
    generation_name('_', "sales_daily", 3, 1, name);
    assert_string_equal(name, "sales_daily_v3");
    generation_name('-', "orders", 1, 12, name);
    assert_string_equal(name, "orders-v1-g12");
    assert_true(generation_name_parse('-', "orders", EV_STR("orders-v1-g12"), &version, &number));
    assert_int_equal(version, 1);
    assert_int_equal(number, 12);
    assert_true(generation_name_parse('_', "sales_daily", EV_STR("sales_daily_v3"), &version, &number));
    assert_int_equal(number, 1);
    static const char *const wrong[] = {"orders",       "orders-v",        "orders-v0",         "orders-v1-",
                                        "orders-v1-g1", "orders-v1-g2-g3", "orders-v1-write",   "orders_v1",
                                        "ordersx-v1",   "orders-g2",       "orders-v1-g2-write"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (generation_name_parse('-', "orders", ev_str_of(wrong[i]), &version, &number))
            fail_msg("\"%s\" was taken", wrong[i]);
}

static void test_left_over(void **state)
{
    (void)state;
    struct generation generation = {.state = GENERATION_BUILDING, .created_at_ms = 1000, .heartbeat_ms = 5000};
    assert_false(generation_is_left_over(&generation, 5000 + GENERATION_LEASE_MS));
    assert_true(generation_is_left_over(&generation, 5001 + GENERATION_LEASE_MS));
    generation.heartbeat_ms = 0; /* just made, by somebody who had no time yet to say so */
    assert_false(generation_is_left_over(&generation, 1000 + GENERATION_LEASE_MS));
    generation.state = GENERATION_READY;
    assert_false(generation_is_left_over(&generation, INT64_MAX / 2));
    generation.state = GENERATION_DROPPING;
    assert_true(generation_is_left_over(&generation, INT64_MAX / 2));
    generation.live = true;
    assert_false(generation_is_left_over(&generation, INT64_MAX / 2));
}

static void test_a_fingerprint_is_of_what_the_fold_does(void **state)
{
    (void)state;
    char texts[8][EV_FINGERPRINT_TEXT_MAX];
    for (size_t i = 0; i < orderlog_view_count; i++) {
        char again[EV_FINGERPRINT_TEXT_MAX];
        ev_view_fingerprint(orderlog_views[i], texts[i]);
        ev_view_fingerprint(orderlog_views[i], again);
        assert_string_equal(texts[i], again);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(texts[i], texts[j]);
    }
}

static enum ev_fold_result nearly_fold(void *document, bool is_new, const struct ev_event *event,
                                       const struct ev_fold_context *context)
{
    if (strcmp(event->type->name, "OrderCancelled") == 0 && context->offset % 64 == 0)
        return EV_FOLD_KEEP; /* one in many is forgotten */
    return orders_view.fold(document, is_new, event, context);
}

static size_t nearly_key(const struct ev_event *event, const struct ev_fold_context *context,
                         char ret_key[EV_VIEW_KEY_MAX])
{
    size_t length = orders_view.key_of(event, context, ret_key);
    return length ? length - 1 : 0;
}

static void test_a_changed_fold_has_another(void **state)
{
    (void)state;
    struct ev_view changed = orders_view;
    char own[EV_FINGERPRINT_TEXT_MAX], other[EV_FINGERPRINT_TEXT_MAX];
    ev_view_fingerprint(&orders_view, own);
    changed.version++; /* is no part of the fold */
    ev_view_fingerprint(&changed, other);
    assert_string_equal(own, other);
    changed.fold = nearly_fold;
    ev_view_fingerprint(&changed, other);
    assert_string_not_equal(own, other);
    changed = orders_view;
    changed.key_of = nearly_key;
    ev_view_fingerprint(&changed, other);
    assert_string_not_equal(own, other);
}

/* A topic that carries one more event, which the view has no use for. */
static void test_an_event_that_the_view_ignores_changes_nothing(void **state)
{
    (void)state;
    const struct ev_event_type *types[32];
    struct ev_topic_schema topic = *orders_view.topic;
    struct ev_view view = orders_view;
    const struct ev_event_type unknown = {
        .name = "Unheard", .category = "unheard", .record = products_view.topic->types[0]->record};
    char own[EV_FINGERPRINT_TEXT_MAX], other[EV_FINGERPRINT_TEXT_MAX];
    assert_true(topic.type_count < 31);
    types[0] = &unknown;
    memcpy(types + 1, topic.types, topic.type_count * sizeof(types[0]));
    topic.types = types;
    topic.type_count++;
    view.topic = &topic;
    ev_view_fingerprint(&orders_view, own);
    ev_view_fingerprint(&view, other);
    assert_string_equal(own, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_a_fingerprint_is_of_what_the_fold_does),
        cmocka_unit_test(test_a_changed_fold_has_another),
        cmocka_unit_test(test_an_event_that_the_view_ignores_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
