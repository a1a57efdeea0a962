#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "fold/document_cache.h"

static void put(struct ev_document_cache *cache, const char *key, const char *body, int64_t offset)
{
    const struct ev_sink_document document = {
        .key = ev_str_of(key), .body = ev_str_of(body), .meta = {.offset = offset, .partition = 3, .sequence = 7}};
    ev_document_cache_put(cache, &document);
}

static void test_gives_back_what_was_put(void **state)
{
    (void)state;
    struct ev_document_cache cache;
    struct ev_sink_document found = {0};
    ev_document_cache_init(&cache, 10000);
    assert_false(ev_document_cache_get(&cache, EV_STR("tea"), &found));
    put(&cache, "tea", "first", 1);
    put(&cache, "tea", "second, longer", 2);
    assert_true(ev_document_cache_get(&cache, EV_STR("tea"), &found));
    assert_true(ev_str_equal(found.body, EV_STR("second, longer")));
    assert_int_equal(found.meta.offset, 2);
    assert_int_equal(found.meta.partition, 3);
    assert_int_equal(found.meta.sequence, 7);
    assert_false(found.deleted);
    ev_document_cache_remove(&cache, EV_STR("tea"));
    ev_document_cache_remove(&cache, EV_STR("tea"));
    assert_false(ev_document_cache_get(&cache, EV_STR("tea"), &found));
    assert_int_equal(cache.bytes, 0);
    const struct ev_sink_document tombstone = {.key = EV_STR("tea"), .deleted = true, .meta = {.offset = 9}};
    ev_document_cache_put(&cache, &tombstone);
    assert_true(ev_document_cache_get(&cache, EV_STR("tea"), &found));
    assert_true(found.deleted && found.body.length == 0);
    ev_document_cache_finish(&cache);
}

static void test_drops_the_least_recently_used(void **state)
{
    (void)state;
    struct ev_document_cache cache;
    struct ev_sink_document found;
    ev_document_cache_init(&cache, 1000);
    char body[200];
    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = 0;
    put(&cache, "a", body, 1);
    put(&cache, "b", body, 1);
    put(&cache, "c", body, 1);
    assert_true(ev_document_cache_get(&cache, EV_STR("a"), &found));
    put(&cache, "d", body, 1);
    put(&cache, "e", body, 1);
    assert_true(cache.bytes <= 1000);
    assert_true(ev_document_cache_get(&cache, EV_STR("a"), &found));
    assert_false(ev_document_cache_get(&cache, EV_STR("b"), &found));
    char large[2000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = 0;
    put(&cache, "a", large, 2); /* too large to be kept, and what was there is wrong now */
    assert_false(ev_document_cache_get(&cache, EV_STR("a"), &found));
    ev_document_cache_finish(&cache);
}

static void test_stays_within_its_bound(void **state)
{
    (void)state;
    struct ev_document_cache cache;
    struct ev_fake_random random;
    struct ev_sink_document found;
    ev_fake_random_init(&random, 3);
    ev_document_cache_init(&cache, 5000);
    int64_t latest[50] = {0};
    char body[400];
    memset(body, 'y', sizeof(body));
    for (int64_t i = 1; i < 5000; i++) {
        size_t number = ev_random_below(&random.random, 50);
        char key[16];
        int length = snprintf(key, sizeof(key), "key %zu", number);
        const struct ev_str name = {key, (size_t)length};
        if (ev_random_below(&random.random, 10) == 0)
            ev_document_cache_remove(&cache, name);
        const struct ev_sink_document document = {
            .key = name, .body = {body, ev_random_below(&random.random, sizeof(body))}, .meta.offset = i};
        ev_document_cache_put(&cache, &document);
        latest[number] = i;
        assert_true(cache.bytes <= 5000);
        size_t other = ev_random_below(&random.random, 50);
        length = snprintf(key, sizeof(key), "key %zu", other);
        if (ev_document_cache_get(&cache, (struct ev_str){key, (size_t)length}, &found))
            assert_int_equal(found.meta.offset, latest[other]);
    }
    assert_true(cache.by_key.count > 5);
    ev_document_cache_finish(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_back_what_was_put),
        cmocka_unit_test(test_drops_the_least_recently_used),
        cmocka_unit_test(test_stays_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
