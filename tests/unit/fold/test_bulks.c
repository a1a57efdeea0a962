/* Bulks pass from threads that fold to threads that write: each document once, no more bulks than there are, and nobody
 * waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "replay/bulks.h"

#define BULKS 3
#define DOCUMENTS 20000
#define BODY "a body"
#define THREADS 2

static void add(struct replay_bulk *bulk, int64_t offset)
{
    char key[16], body[] = BODY;
    struct ev_sink_document document = {.meta.offset = offset, .previous_offset = -1};
    document.key = (struct ev_str){key, (size_t)snprintf(key, sizeof(key), "k%lld", (long long)offset)};
    document.body = (struct ev_str){body, sizeof(body) - 1};
    replay_bulk_add(bulk, &document);
    memset(key, 0, sizeof(key)); /* it has to have copied them */
    memset(body, 0, sizeof(body));
}

static void test_a_bulk_is_full_by_count_or_by_bytes(void **state)
{
    struct replay_bulks bulks;
    (void)state;
    replay_bulks_init(&bulks, 1, SIZE_MAX);
    assert_true(bulks.bytes_max == REPLAY_BULK_BYTES_MAX);
    struct replay_bulk *bulk = replay_bulks_take_empty(&bulks);
    for (size_t i = 0; i < REPLAY_BULK_DOCUMENTS; i++) {
        assert_false(replay_bulk_is_full(&bulks, bulk));
        add(bulk, (int64_t)i);
    }
    assert_true(replay_bulk_is_full(&bulks, bulk));
    replay_bulks_give_empty(&bulks, bulk);
    replay_bulks_finish(&bulks);

    replay_bulks_init(&bulks, 1, 2 * strlen(BODY));
    bulk = replay_bulks_take_empty(&bulks);
    add(bulk, 1);
    assert_false(replay_bulk_is_full(&bulks, bulk));
    add(bulk, 2);
    assert_true(replay_bulk_is_full(&bulks, bulk));
    replay_bulks_finish(&bulks);
}

static void test_full_ones_come_in_order_with_copies_of_their_documents(void **state)
{
    struct replay_bulks bulks;
    (void)state;
    replay_bulks_init(&bulks, BULKS, SIZE_MAX);
    for (int64_t i = 0; i < BULKS; i++) {
        struct replay_bulk *bulk = replay_bulks_take_empty(&bulks);
        add(bulk, i);
        replay_bulks_give_full(&bulks, bulk);
    }
    replay_bulks_close(&bulks);
    for (int64_t i = 0; i < BULKS; i++) {
        char key[16];
        struct replay_bulk *bulk = replay_bulks_take_full(&bulks);
        assert_int_equal(bulk->count, 1);
        assert_int_equal(bulk->documents[0].meta.offset, i);
        snprintf(key, sizeof(key), "k%lld", (long long)i);
        assert_string_equal(bulk->documents[0].key.data, key);
        assert_true(ev_str_equal(bulk->documents[0].body, EV_STR(BODY)));
        replay_bulks_give_empty(&bulks, bulk);
    }
    assert_null(replay_bulks_take_full(&bulks));
    replay_bulks_finish(&bulks);
}

/* What the threads of a test share. */
struct passing {
    struct replay_bulks bulks;
    pthread_mutex_t lock;
    int64_t given;
    int seen[DOCUMENTS];
};

static int64_t next_document(struct passing *passing)
{
    pthread_mutex_lock(&passing->lock);
    int64_t next = passing->given < DOCUMENTS ? passing->given++ : -1;
    pthread_mutex_unlock(&passing->lock);
    return next;
}

static void *fold(void *context)
{
    struct passing *passing = context;
    struct replay_bulk *bulk = NULL;
    for (int64_t next; (next = next_document(passing)) >= 0;) {
        bulk = bulk ? bulk : replay_bulks_take_empty(&passing->bulks);
        add(bulk, next);
        if (bulk->count == 7) {
            replay_bulks_give_full(&passing->bulks, bulk);
            bulk = NULL;
        }
    }
    if (bulk)
        replay_bulks_give_full(&passing->bulks, bulk);
    return NULL;
}

static void *write_all(void *context)
{
    struct passing *passing = context;
    struct replay_bulk *bulk;
    while ((bulk = replay_bulks_take_full(&passing->bulks))) {
        pthread_mutex_lock(&passing->lock);
        for (size_t i = 0; i < bulk->count; i++)
            passing->seen[bulk->documents[i].meta.offset]++;
        pthread_mutex_unlock(&passing->lock);
        replay_bulks_give_empty(&passing->bulks, bulk);
    }
    return NULL;
}

static void test_every_document_comes_once(void **state)
{
    static struct passing passing;
    pthread_t folders[THREADS], writers[THREADS];
    (void)state;
    pthread_mutex_init(&passing.lock, NULL);
    replay_bulks_init(&passing.bulks, BULKS, SIZE_MAX);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&folders[i], NULL, fold, &passing), 0);
        assert_int_equal(pthread_create(&writers[i], NULL, write_all, &passing), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(folders[i], NULL);
    replay_bulks_close(&passing.bulks);
    for (int i = 0; i < THREADS; i++)
        pthread_join(writers[i], NULL);
    for (int64_t i = 0; i < DOCUMENTS; i++)
        assert_int_equal(passing.seen[i], 1);
    replay_bulks_finish(&passing.bulks);
    pthread_mutex_destroy(&passing.lock);
}

static void *await_empty(void *context)
{
    return replay_bulks_take_empty(context);
}

static void *await_full(void *context)
{
    return replay_bulks_take_full(context);
}

static void test_who_waits_when_it_stops_gets_nothing(void **state)
{
    struct replay_bulks bulks;
    pthread_t folder, writer;
    void *got = state;
    replay_bulks_init(&bulks, 1, SIZE_MAX);
    struct replay_bulk *bulk = replay_bulks_take_empty(&bulks);
    assert_int_equal(pthread_create(&folder, NULL, await_empty, &bulks), 0);
    assert_int_equal(pthread_create(&writer, NULL, await_full, &bulks), 0);
    replay_bulks_stop(&bulks);
    pthread_join(folder, &got);
    assert_null(got);
    pthread_join(writer, &got);
    assert_null(got);
    replay_bulks_give_full(&bulks, bulk);
    assert_null(replay_bulks_take_full(&bulks));
    replay_bulks_finish(&bulks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bulk_is_full_by_count_or_by_bytes),
        cmocka_unit_test(test_full_ones_come_in_order_with_copies_of_their_documents),
        cmocka_unit_test(test_every_document_comes_once),
        cmocka_unit_test(test_who_waits_when_it_stops_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
