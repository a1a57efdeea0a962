#include "testing.h"

#include "libhttp/pool.h"

static struct http_loop *const loop = (struct http_loop *)0x1000; /* carried, never looked into */

static void test_a_slot_is_used_again_under_another_generation(void **state)
{
    (void)state;
    struct http_pool pool;
    http_pool_init(&pool, 4);
    struct http_slot *first = http_pool_take(&pool, loop);
    uint32_t slot = first->exchange.slot, generation = first->exchange.generation;
    assert_ptr_equal(http_pool_find(&pool, slot, generation), first);
    assert_ptr_equal(first->exchange.loop, loop);
    http_pool_release(&pool, first);
    assert_null(http_pool_find(&pool, slot, generation));
    struct http_slot *second = http_pool_take(&pool, loop);
    assert_ptr_equal(second, first);
    assert_int_not_equal(second->exchange.generation, generation);
    assert_null(http_pool_find(&pool, slot, generation));
    assert_ptr_equal(http_pool_find(&pool, slot, second->exchange.generation), second);
    http_pool_finish(&pool);
}

static void test_an_answered_exchange_is_not_found(void **state)
{
    (void)state;
    struct http_pool pool;
    http_pool_init(&pool, 4);
    struct http_slot *slot = http_pool_take(&pool, loop);
    slot->state = HTTP_SLOT_SENT;
    assert_null(http_pool_find(&pool, slot->exchange.slot, slot->exchange.generation));
    assert_null(http_pool_find(&pool, 3, 1));
    assert_null(http_pool_find(&pool, UINT32_MAX, 1));
    http_pool_release(&pool, slot);
    http_pool_finish(&pool);
}

static void test_the_pool_has_a_bound(void **state)
{
    (void)state;
    struct http_pool pool;
    http_pool_init(&pool, 100);
    struct http_slot *last = NULL;
    for (int i = 0; i < 100; i++)
        assert_non_null(last = http_pool_take(&pool, loop));
    assert_null(http_pool_take(&pool, loop));
    assert_int_equal(pool.in_use, 100);
    http_pool_release(&pool, last);
    assert_non_null(http_pool_take(&pool, loop));
    http_pool_finish(&pool);
}

static void test_an_exchange_starts_empty_and_a_large_arena_is_given_back(void **state)
{
    (void)state;
    struct http_pool pool;
    http_pool_init(&pool, 1);
    struct http_slot *slot = http_pool_take(&pool, loop);
    ev_arena_alloc(&slot->exchange.arena, HTTP_SLOT_KEEP_MAX + 1);
    slot->exchange.body = EV_STR("x");
    slot->exchange.header_count = 3;
    slot->exchange.user = &pool;
    slot->req = (struct st_h2o_req_t *)0x2000;
    http_pool_release(&pool, slot);
    slot = http_pool_take(&pool, loop);
    assert_null(slot->exchange.arena.chunk);
    assert_null(slot->exchange.body.data);
    assert_int_equal(slot->exchange.header_count, 0);
    assert_null(slot->exchange.user);
    assert_null(slot->req);
    http_pool_finish(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slot_is_used_again_under_another_generation),
        cmocka_unit_test(test_an_answered_exchange_is_not_found),
        cmocka_unit_test(test_the_pool_has_a_bound),
        cmocka_unit_test(test_an_exchange_starts_empty_and_a_large_arena_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
