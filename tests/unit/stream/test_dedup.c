#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "stream/dedup.h"

static struct ev_dedup_entry entry_of(uint64_t number, int64_t time)
{
    struct ev_dedup_entry entry = {.version = (int64_t)number + 1, .offset = -1, .occurred_at = time};
    memcpy(entry.command_id.bytes, &number, sizeof(number));
    return entry;
}

static const struct ev_dedup_entry *find(const struct ev_dedup *dedup, uint64_t number)
{
    struct ev_dedup_entry entry = entry_of(number, 0);
    return ev_dedup_find(dedup, &entry.command_id, NULL);
}

static void push(struct ev_dedup *dedup, uint64_t number, int64_t time)
{
    struct ev_dedup_entry entry = entry_of(number, time);
    (void)ev_dedup_push(dedup, &entry);
}

static void the_window_is_bounded_by_time(void **state)
{
    (void)state;
    struct ev_dedup dedup;
    ev_dedup_init(&dedup, 1000, 100, 1);
    for (uint64_t i = 0; i < 50; i++) {
        push(&dedup, i, (int64_t)i * 10);
        ev_dedup_settle(&dedup, (int64_t)i);
    }
    assert_null(find(&dedup, 38));
    assert_non_null(find(&dedup, 39));
    assert_int_equal(ev_dedup_count(&dedup), 11);
    ev_dedup_finish(&dedup);
}

/* One commit, or a few, by a writer whose clock is wrong. */
static void a_clock_far_in_the_future_does_not_empty_the_window(void **state)
{
    (void)state;
    enum { COMMITS = 200, WRONG = 3 };
    struct ev_dedup dedup;
    ev_dedup_init(&dedup, 1000, 1000, 1);
    for (uint64_t i = 0; i < COMMITS; i++) {
        push(&dedup, i, (int64_t)i + (i >= 100 && i < 100 + WRONG ? INT64_C(1) << 40 : 0));
        ev_dedup_settle(&dedup, (int64_t)i);
    }
    assert_int_equal(ev_dedup_count(&dedup), COMMITS - WRONG * EV_DEDUP_FORGOTTEN_PER_COMMIT_MAX);
    assert_non_null(find(&dedup, WRONG * EV_DEDUP_FORGOTTEN_PER_COMMIT_MAX));
    ev_dedup_finish(&dedup);
}

static void a_window_is_restored_as_it_was(void **state)
{
    (void)state;
    struct ev_dedup dedup, restored;
    ev_dedup_init(&dedup, 1000, 100, 1);
    ev_dedup_init(&restored, 1000, 100, 2);
    for (uint64_t i = 0; i < 50; i++) {
        push(&dedup, i, (int64_t)i * 10);
        ev_dedup_settle(&dedup, (int64_t)i);
    }
    push(&dedup, 50, 0); /* in flight: not copied */
    ev_dedup_restore_at(&restored, dedup.first);
    for (uint64_t number = dedup.first; number != dedup.settled; number++)
        ev_dedup_restore(&restored, ev_dedup_at(&dedup, number));
    assert_int_equal(restored.first, dedup.first);
    assert_int_equal(restored.next, dedup.settled);
    for (uint64_t i = 0; i <= 50; i++)
        assert_int_equal(find(&restored, i) != NULL, i >= 39 && i < 50);
    assert_int_equal(find(&restored, 45)->offset, 45);
    ev_dedup_finish(&dedup);
    ev_dedup_finish(&restored);
}

static void those_in_flight_are_not_forgotten(void **state)
{
    (void)state;
    struct ev_dedup dedup;
    uint64_t number;
    ev_dedup_init(&dedup, 2, 1000, 1);
    for (uint64_t i = 0; i < 100; i++)
        push(&dedup, i, 0);
    assert_int_equal(ev_dedup_count(&dedup), 100);
    ev_dedup_settle(&dedup, 7);
    assert_int_equal(find(&dedup, 0)->offset, 7);
    struct ev_dedup_entry entry = entry_of(1, 0);
    assert_non_null(ev_dedup_find(&dedup, &entry.command_id, &number));
    assert_int_equal(number, 1);
    ev_dedup_drop_in_flight(&dedup);
    assert_int_equal(ev_dedup_count(&dedup), 1);
    assert_null(find(&dedup, 1));
    assert_non_null(find(&dedup, 0));
    ev_dedup_finish(&dedup);
}

/* Against a plain model: an array that is searched from end to end. */
static void it_does_what_a_plain_list_does(void **state)
{
    (void)state;
    enum { MAX = 40, IDS = 200, ROUNDS = 20000 };
    struct ev_fake_random random;
    struct ev_dedup dedup;
    uint64_t list[ROUNDS];
    size_t first = 0, settled = 0, next = 0;
    bool present[IDS] = {false};
    ev_fake_random_init(&random, 3);
    ev_dedup_init(&dedup, MAX, INT64_MAX, 99);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t choice = ev_random_below(&random.random, 10);
        uint64_t id = ev_random_below(&random.random, IDS);
        if (choice < 5 && !present[id]) {
            push(&dedup, id, 0);
            list[next++] = id;
            present[id] = true;
        } else if (choice < 9 && settled < next) {
            ev_dedup_settle(&dedup, round);
            settled++;
            while (settled - first > MAX)
                present[list[first++]] = false;
        } else if (choice == 9 && ev_random_below(&random.random, 20) == 0) {
            ev_dedup_drop_in_flight(&dedup);
            while (next > settled)
                present[list[--next]] = false;
        }
        assert_int_equal(ev_dedup_count(&dedup), next - first);
        assert_int_equal(find(&dedup, id) != NULL, present[id]);
        if (present[id])
            assert_int_equal(find(&dedup, id)->version, id + 1);
    }
    ev_dedup_finish(&dedup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_is_bounded_by_time),
        cmocka_unit_test(a_clock_far_in_the_future_does_not_empty_the_window),
        cmocka_unit_test(a_window_is_restored_as_it_was),
        cmocka_unit_test(those_in_flight_are_not_forgotten),
        cmocka_unit_test(it_does_what_a_plain_list_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
