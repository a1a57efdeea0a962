#include "testing.h"

#include "core/clock.h"
#include "core/map.h"

static int values[4096];

static struct ev_str key_of(int i, char text[16])
{
    return (struct ev_str){text, (size_t)snprintf(text, 16, "stream-%d", i)};
}

static void test_put_get_remove(void **state)
{
    (void)state;
    struct ev_map map;
    ev_map_init(&map);
    assert_null(ev_map_get(&map, EV_STR("a")));
    assert_null(ev_map_remove(&map, EV_STR("a")));
    assert_null(ev_map_put(&map, EV_STR("a"), &values[0]));
    assert_ptr_equal(ev_map_put(&map, EV_STR("a"), &values[1]), &values[0]);
    assert_int_equal(map.count, 1);
    assert_ptr_equal(ev_map_get(&map, EV_STR("a")), &values[1]);
    assert_null(ev_map_get(&map, EV_STR("a\0")));
    assert_ptr_equal(ev_map_remove(&map, EV_STR("a")), &values[1]);
    assert_null(ev_map_get(&map, EV_STR("a")));
    assert_int_equal(map.count, 0);
    ev_map_finish(&map);
    ev_map_finish(&map);
    ev_map_finish(NULL);
}

static void test_keys_are_copied_and_may_be_empty(void **state)
{
    (void)state;
    struct ev_map map;
    ev_map_init(&map);
    char key[] = "tea";
    ev_map_put(&map, ev_str_of(key), &values[0]);
    key[0] = 'p';
    assert_ptr_equal(ev_map_get(&map, EV_STR("tea")), &values[0]);
    ev_map_put(&map, EV_STR(""), &values[1]);
    assert_ptr_equal(ev_map_get(&map, EV_STR_NULL), &values[1]);
    assert_ptr_equal(ev_map_remove(&map, EV_STR("")), &values[1]);
    ev_map_finish(&map);
}

/* Against a plain array, with so many removals that chains are closed up in every way. */
static void test_agrees_with_an_array_through_random_changes(void **state)
{
    (void)state;
    enum { KEYS = 500, STEPS = 200000 };
    bool present[KEYS] = {false};
    size_t count = 0;
    struct ev_map map;
    struct ev_fake_random random;
    ev_map_init(&map);
    ev_fake_random_init(&random, 7);
    for (int step = 0; step < STEPS; step++) {
        int i = (int)ev_random_below(&random.random, KEYS);
        char text[16];
        struct ev_str key = key_of(i, text);
        void *expected = present[i] ? &values[i] : NULL;
        assert_ptr_equal(ev_map_get(&map, key), expected);
        if (ev_random_below(&random.random, 2)) {
            assert_ptr_equal(ev_map_put(&map, key, &values[i]), expected);
            count += !present[i];
            present[i] = true;
        } else {
            assert_ptr_equal(ev_map_remove(&map, key), expected);
            count -= present[i];
            present[i] = false;
        }
        assert_int_equal(map.count, count);
    }
    ev_map_finish(&map);
}

static void test_iterates_over_each_entry_once(void **state)
{
    (void)state;
    struct ev_map map;
    ev_map_init(&map);
    for (int i = 0; i < 3000; i++) {
        char text[16];
        ev_map_put(&map, key_of(i, text), &values[i]);
    }
    assert_int_equal(map.count, 3000);
    memset(values, 0, sizeof(values));
    size_t cursor = 0, seen = 0;
    struct ev_str key;
    void *value;
    while (ev_map_next(&map, &cursor, &key, &value)) {
        char text[16];
        assert_true(ev_str_equal(key, key_of((int)((int *)value - values), text)));
        assert_int_equal((*(int *)value)++, 0);
        seen++;
    }
    assert_int_equal(seen, 3000);
    cursor = 0;
    assert_true(ev_map_next(&map, &cursor, NULL, NULL));
    ev_map_finish(&map);
    cursor = 0;
    assert_false(ev_map_next(&map, &cursor, NULL, NULL));
}

static void put_null(void)
{
    struct ev_map map = {0};
    ev_map_put(&map, EV_STR("a"), NULL);
}

static void test_null_value_is_fatal(void **state)
{
    (void)state;
    assert_fatal(put_null, "NULL value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_remove),
        cmocka_unit_test(test_keys_are_copied_and_may_be_empty),
        cmocka_unit_test(test_agrees_with_an_array_through_random_changes),
        cmocka_unit_test(test_iterates_over_each_entry_once),
        cmocka_unit_test(test_null_value_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
