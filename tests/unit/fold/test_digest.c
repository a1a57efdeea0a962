#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

static struct ev_sink_document sample(void)
{
    return (struct ev_sink_document){
        .key = EV_STR("tea"),
        .meta = {.offset = 5, .partition = 2, .sequence = 3},
        .body = EV_STR("body"),
    };
}

static bool same(const struct ev_sink_document *a, const struct ev_sink_document *b)
{
    struct ev_hash128 first = ev_document_hash(a), second = ev_document_hash(b);
    return ev_hash128_equal(&first, &second);
}

static void test_tells_every_difference(void **state)
{
    (void)state;
    struct ev_sink_document a = sample(), b = sample();
    assert_true(same(&a, &b));
    b.previous_offset = 4; /* how it came there is no part of it */
    b.result = EV_WRITE_STALE;
    assert_true(same(&a, &b));
    b = sample();
    b.key = EV_STR("teb");
    assert_false(same(&a, &b));
    b = sample();
    b.key = EV_STR("te");
    b.body = EV_STR("abody");
    assert_false(same(&a, &b));
    b = sample();
    b.meta.offset++;
    assert_false(same(&a, &b));
    b = sample();
    b.meta.partition++;
    assert_false(same(&a, &b));
    b = sample();
    b.meta.sequence++;
    assert_false(same(&a, &b));
    b = sample();
    b.deleted = true;
    assert_false(same(&a, &b));
    b = sample();
    b.body = EV_STR("bodz");
    assert_false(same(&a, &b));
}

static void test_needs_no_order_and_counts_twice(void **state)
{
    (void)state;
    struct ev_sink_document a = sample(), b = sample();
    b.key = EV_STR("coffee");
    struct ev_digest ab = {0}, ba = {0}, aab = {0}, joined = {0}, only_b = {0};
    ev_digest_add(&ab, &a);
    ev_digest_add(&ab, &b);
    ev_digest_add(&ba, &b);
    ev_digest_add(&ba, &a);
    assert_true(ev_digest_equal(&ab, &ba));
    ev_digest_add(&aab, &a);
    ev_digest_join(&aab, &ab);
    assert_false(ev_digest_equal(&ab, &aab));
    ev_digest_add(&joined, &a);
    ev_digest_add(&only_b, &b);
    ev_digest_join(&joined, &only_b);
    assert_true(ev_digest_equal(&ab, &joined));
    char text[EV_DIGEST_TEXT_MAX];
    ev_digest_format(&(struct ev_digest){.high = 1, .low = 0xabc}, text);
    assert_string_equal(text, "00000000000000010000000000000abc");
}

static void test_carries_from_low_to_high(void **state)
{
    (void)state;
    struct ev_digest a = {.high = 0, .low = UINT64_MAX}, b = {.high = 0, .low = 1};
    ev_digest_join(&a, &b);
    assert_true(a.high == 1 && a.low == 0);
}

static void test_scans_by_partition(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_digest before[2], after[2];
    rig_init(&rig, 2);
    struct ev_projection *projection = rig_projection(&rig);
    rig_add(&rig, 0, 1);
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    assert_int_equal(ev_digest_scan(&rig.store.sink, &rig_view, before, 2, &error), 0);
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    assert_int_equal(ev_digest_scan(&rig.store.sink, &rig_view, after, 2, &error), 0);
    assert_true(ev_digest_equal(&before[0], &after[0]));
    assert_false(ev_digest_equal(&before[1], &after[1]));
    assert_int_equal(after[1].documents, 1);
    assert_int_equal(ev_digest_scan(&rig.store.sink, &rig_view, after, 1, &error), EV_ERR_INVALID);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_every_difference),
        cmocka_unit_test(test_needs_no_order_and_counts_twice),
        cmocka_unit_test(test_carries_from_low_to_high),
        cmocka_unit_test(test_scans_by_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
