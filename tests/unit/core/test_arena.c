#include "testing.h"

#include <stdalign.h>

#include "core/arena.h"

static void test_memory_is_zeroed_and_aligned_also_after_reset(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            unsigned char *memory = ev_arena_alloc(&arena, size);
            assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xa5, size);
        }
        ev_arena_reset(&arena);
        assert_int_equal(arena.total, 0);
    }
    ev_arena_finish(&arena);
}

static void test_large_requests_have_their_own_chunk(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    char *small = ev_arena_alloc(&arena, 10);
    char *large = ev_arena_alloc(&arena, 5 * 1024 * 1024);
    memset(small, 1, 10);
    memset(large, 2, 5 * 1024 * 1024);
    assert_int_equal(small[9], 1);
    ev_arena_reset(&arena);
    assert_non_null(ev_arena_alloc(&arena, 10));
    ev_arena_finish(&arena);
    ev_arena_finish(&arena);
    ev_arena_finish(NULL);
    assert_non_null(ev_arena_alloc(&arena, 10));
    ev_arena_finish(&arena);
}

static void test_reset_keeps_one_chunk_of_what_was_needed(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    for (int i = 0; i < 10; i++)
        ev_arena_alloc(&arena, EV_ARENA_CHUNK_DEFAULT);
    ev_arena_reset(&arena);
    const struct ev_arena_chunk *kept = arena.chunk;
    assert_non_null(kept);
    for (int i = 0; i < 10; i++)
        ev_arena_alloc(&arena, EV_ARENA_CHUNK_DEFAULT);
    assert_ptr_equal(arena.chunk, kept);
    ev_arena_finish(&arena);
}

static void test_limit_binds_try_alloc_alone(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 1024);
    assert_non_null(ev_arena_try_alloc(&arena, 1000));
    assert_null(ev_arena_try_alloc(&arena, 100));
    assert_null(ev_arena_try_alloc_raw(&arena, SIZE_MAX));
    assert_non_null(ev_arena_try_alloc(&arena, 16));
    assert_null(ev_arena_try_alloc(&arena, 1));
    assert_non_null(ev_arena_alloc(&arena, 5000));
    assert_null(ev_arena_try_alloc(&arena, 1));
    ev_arena_reset(&arena);
    assert_non_null(ev_arena_try_alloc(&arena, 1024));
    ev_arena_finish(&arena);
}

static void test_newest_allocation_can_grow(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 4096);
    char *first = ev_arena_try_alloc(&arena, 100);
    assert_true(ev_arena_try_extend(&arena, first, 100, 2000));
    memset(first, 'x', 2000);
    assert_false(ev_arena_try_extend(&arena, first, 2000, 5000)); /* the limit */
    char *second = ev_arena_try_alloc(&arena, 10);
    assert_true(second >= first + 2000);
    assert_false(ev_arena_try_extend(&arena, first, 2000, 2100)); /* no longer the newest */
    assert_true(ev_arena_try_extend(&arena, second, 10, 12));
    ev_arena_finish(&arena);
}

static void test_growing_ends_with_the_chunk(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    char *memory = ev_arena_alloc(&arena, 16);
    assert_true(ev_arena_try_extend(&arena, memory, 16, EV_ARENA_CHUNK_DEFAULT));
    memset(memory, 'x', EV_ARENA_CHUNK_DEFAULT);
    assert_false(ev_arena_try_extend(&arena, memory, EV_ARENA_CHUNK_DEFAULT, EV_ARENA_CHUNK_DEFAULT + 1));
    assert_int_equal(arena.total, EV_ARENA_CHUNK_DEFAULT);
    ev_arena_finish(&arena);
}

static void test_strings(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    struct ev_str copy = ev_arena_copy(&arena, EV_STR("tea"));
    assert_str(copy, "tea");
    assert_int_equal(copy.data[3], '\0');
    assert_null(ev_arena_copy(&arena, EV_STR_NULL).data);
    assert_str(ev_arena_copy(&arena, EV_STR("")), "");
    assert_str(ev_arena_printf(&arena, "%s-%d", "cart", 12), "cart-12");
    struct ev_str wide = ev_arena_printf(&arena, "%100000d", 5);
    assert_int_equal(wide.length, 100000);
    ev_arena_finish(&arena);
}

struct line {
    int64_t quantity;
    const char *sku;
};

struct lines {
    struct line *items;
    size_t count;
    size_t capacity;
};

static void test_arrays_keep_order(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    struct lines lines = {0};
    for (int64_t i = 0; i < 1000; i++) {
        struct line *line = ev_array_push(&arena, &lines);
        assert_int_equal(line->quantity, 0);
        assert_null(line->sku);
        line->quantity = i;
        ev_arena_alloc(&arena, 3); /* so that it can't always grow in place */
    }
    ev_array_insert(&arena, &lines, 0)->quantity = -1;
    ev_array_insert(&arena, &lines, 501)->quantity = -2;
    ev_array_insert(&arena, &lines, lines.count)->quantity = -3;
    assert_int_equal(lines.count, 1003);
    assert_int_equal(lines.items[0].quantity, -1);
    assert_int_equal(lines.items[500].quantity, 499);
    assert_int_equal(lines.items[501].quantity, -2);
    assert_int_equal(lines.items[502].quantity, 500);
    assert_int_equal(lines.items[1002].quantity, -3);
    ev_array_remove(&lines, 501);
    ev_array_remove(&lines, 0);
    ev_array_remove(&lines, lines.count - 1);
    assert_int_equal(lines.count, 1000);
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(lines.items[i].quantity, i);
    ev_arena_finish(&arena);
}

static void test_reserved_array_does_not_move(void **state)
{
    (void)state;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    struct lines lines = {0};
    ev_array_reserve(&arena, (struct ev_array *)(void *)&lines, sizeof(*lines.items), 100);
    const struct line *items = lines.items;
    for (int i = 0; i < 100; i++)
        ev_array_push(&arena, &lines);
    assert_ptr_equal(lines.items, items);
    ev_arena_finish(&arena);
}

static void remove_beyond_the_end(void)
{
    struct lines lines = {0};
    ev_array_remove(&lines, 0);
}

static void insert_beyond_the_end(void)
{
    struct ev_arena arena = {0};
    struct lines lines = {0};
    ev_array_insert(&arena, &lines, 1);
}

static void multiply_too_far(void)
{
    struct ev_arena arena = {0};
    volatile size_t count = SIZE_MAX / 4;
    ev_arena_new_array(&arena, struct line, count);
}

static void test_broken_contracts_are_fatal(void **state)
{
    (void)state;
    assert_fatal(remove_beyond_the_end, "removal at 0");
    assert_fatal(insert_beyond_the_end, "insertion at 1");
    assert_fatal(multiply_too_far, "items of 16 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned_also_after_reset),
        cmocka_unit_test(test_large_requests_have_their_own_chunk),
        cmocka_unit_test(test_reset_keeps_one_chunk_of_what_was_needed),
        cmocka_unit_test(test_limit_binds_try_alloc_alone),
        cmocka_unit_test(test_newest_allocation_can_grow),
        cmocka_unit_test(test_growing_ends_with_the_chunk),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_arrays_keep_order),
        cmocka_unit_test(test_reserved_array_does_not_move),
        cmocka_unit_test(test_broken_contracts_are_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
