/* What a projection does when the log, the store or other writers misbehave: in the end it is as if nothing had been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static struct ev_projection_status status_of(struct ev_projection *projection)
{
    struct ev_projection_status status;
    ev_projection_status(projection, &status);
    return status;
}

/* The documents were written, the checkpoint wasn't: what a crash in between leaves. */
static void test_repeats_a_batch_without_effect(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 2);
    for (int i = 0; i < 30; i++)
        rig_add(&rig, i % 5, 1);
    rig.call = EV_MEMORY_SINK_CHECKPOINT;
    rig.remaining = 1;
    struct ev_projection *crashed = rig_projection(&rig);
    assert_true(rig_step(&rig, crashed, &error) < 0);
    ev_projection_destroy(crashed); /* without a stop */
    assert_int_equal(rig.store.write_count, 5);
    assert_int_equal(rig.store.checkpoints.count, 0);

    struct ev_projection *again = rig_projection(&rig);
    rig_run(&rig, again);
    assert_int_equal(status_of(again).commits, 30);
    assert_int_equal(rig.store.write_count, 5); /* nothing new to write */
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(again);
    rig_finish(&rig);
}

/* The store took the documents and the answer got lost. */
static void test_survives_a_lost_acknowledgement(void **state)
{
    (void)state;
    static const enum ev_memory_sink_call calls[] = {
        EV_MEMORY_SINK_PREPARE, EV_MEMORY_SINK_LOAD,  EV_MEMORY_SINK_WRITE,      EV_MEMORY_SINK_WRITE_ONE,
        EV_MEMORY_SINK_WRITTEN, EV_MEMORY_SINK_FLUSH, EV_MEMORY_SINK_CHECKPOINT,
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct rig rig;
        rig_init(&rig, 2);
        struct ev_projection *projection = rig_projection(&rig);
        for (int round = 0; round < 3; round++) {
            for (int event = 0; event < 10; event++)
                rig_add(&rig, event % 3, 1);
            rig.call = calls[i];
            rig.remaining = 3;
            rig_run(&rig, projection);
        }
        assert_int_equal(rig_units(&rig, 0), 12);
        assert_int_equal(status_of(projection).parked, 0);
        rig_assert_true_to_log(&rig);
        ev_projection_destroy(projection);
        rig_finish(&rig);
    }
}

static void test_retries_with_growing_pauses(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 1);
    rig.call = EV_MEMORY_SINK_WRITE;
    rig.remaining = 40;
    struct ev_projection *projection = rig_projection(&rig);
    int64_t longest = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(rig_step(&rig, projection, &error), EV_ERR_UNAVAILABLE);
        assert_int_equal(status_of(projection).state, EV_PROJECTION_RETRYING);
        int64_t pause = ev_projection_pause_ms(projection);
        assert_true(pause > 0 && pause <= EV_PROJECTION_BACKOFF_MAX_MS);
        longest = pause > longest ? pause : longest;
    }
    assert_true(longest > EV_PROJECTION_BACKOFF_MAX_MS / 2);
    assert_int_equal(status_of(projection).parked, 0);
    rig_run(&rig, projection);
    assert_int_equal(ev_projection_pause_ms(projection), 0);
    assert_int_equal(rig_units(&rig, 1), 1);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_writes_again_only_what_a_busy_store_left(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    for (int i = 0; i < 10; i++)
        rig_add(&rig, i, 1);
    rig.call = EV_MEMORY_SINK_WRITE_ONE;
    rig.result = EV_WRITE_BUSY;
    rig.only_key = "cart-7";
    rig.remaining = 2;
    struct ev_projection *projection = rig_projection(&rig);
    assert_true(rig_step(&rig, projection, &error) != 0);
    assert_int_equal(rig.store.write_count, 9);
    rig_run(&rig, projection);
    assert_int_equal(rig.store.write_count, 10);
    assert_int_equal(status_of(projection).commits, 10);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void other_projection_catches_up(struct rig *rig)
{
    struct ev_projection *other = rig_projection(rig);
    rig_run(rig, other);
    ev_projection_destroy(other);
}

/* Another projection writes the same and newer events between this one's fold and its write: a paused process that
 * wakes. */
static void test_loses_against_a_newer_writer(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    rig.bounds.records_max = 4;
    for (int i = 0; i < 30; i++)
        rig_add(&rig, i % 3, 1);
    rig.before_write = other_projection_catches_up;
    struct ev_projection *late = rig_projection(&rig);
    rig_run(&rig, late);
    assert_true(status_of(late).stale > 0);
    assert_int_equal(rig_units(&rig, 0), 10);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(late);
    rig_finish(&rig);
}

/* The other one wrote only a part of the batch's events: the rest is folded on top of what it wrote. */
static void test_goes_on_from_what_another_wrote(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    for (int i = 0; i < 10; i++)
        rig_add(&rig, 1, 1);
    rig.bounds.records_max = 5;
    struct ev_projection *small = rig_projection(&rig); /* begins before the other, and is ahead of it by one batch */
    rig.bounds.records_max = 100;
    struct ev_projection *large = rig_projection(&rig);
    assert_true(rig_step(&rig, small, &error) > 0);
    assert_int_equal(rig_units(&rig, 1), 4); /* the fence is one of five records */
    rig_add(&rig, 1, 1);
    rig_run(&rig, large);
    assert_int_equal(rig_units(&rig, 1), 11);
    rig_run(&rig, small);
    assert_int_equal(rig_units(&rig, 1), 11);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(small);
    ev_projection_destroy(large);
    rig_finish(&rig);
}

static void test_two_take_turns(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 3);
    rig.bounds.records_max = 7;
    rig.log.poll_max = 2;
    struct ev_projection *both[2] = {rig_projection(&rig), rig_projection(&rig)};
    for (int i = 0; i < 400; i++) {
        rig_add(&rig, (int)ev_random_below(&rig.random.random, 12), 1);
        if (ev_random_below(&rig.random.random, 3) == 0)
            rig_step(&rig, both[ev_random_below(&rig.random.random, 2)], &error);
        if (ev_random_below(&rig.random.random, 20) == 0) {
            rig.call = (enum ev_memory_sink_call)ev_random_below(&rig.random.random, EV_MEMORY_SINK_PARK);
            rig.remaining = 1;
        }
    }
    rig.remaining = 0;
    rig_run(&rig, both[0]);
    rig_run(&rig, both[1]);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(both[0]);
    ev_projection_destroy(both[1]);
    rig_finish(&rig);
}

/* The store comes back as it was some time ago, documents and checkpoints together. */
static void test_follows_a_store_that_went_back(void **state)
{
    (void)state;
    for (int lost_connection = 0; lost_connection < 2; lost_connection++) {
        struct rig rig;
        struct ev_memory_sink before;
        rig_init(&rig, 2);
        ev_memory_sink_init(&before);
        struct ev_projection *projection = rig_projection(&rig);
        for (int i = 0; i < 20; i++)
            rig_add(&rig, i % 6, 1);
        rig_run(&rig, projection);
        ev_memory_sink_copy(&rig.store, &before);
        for (int i = 0; i < 20; i++)
            rig_add(&rig, i % 6, 1);
        rig_run(&rig, projection);
        ev_memory_sink_copy(&before, &rig.store);
        if (lost_connection) {
            rig.call = EV_MEMORY_SINK_WRITE;
            rig.remaining = 1;
        }
        for (int i = 0; i < 20; i++)
            rig_add(&rig, i % 7, 1);
        rig_run(&rig, projection);
        rig_assert_true_to_log(&rig);
        ev_memory_sink_finish(&before);
        ev_projection_destroy(projection);
        rig_finish(&rig);
    }
}

static void test_waits_for_the_log(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    rig.log.away = true;
    rig_add(&rig, 1, 1);
    struct ev_projection *projection = rig_projection(&rig);
    assert_int_equal(rig_step(&rig, projection, &error), EV_ERR_UNAVAILABLE);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_RETRYING);
    assert_string_equal(status_of(projection).error, "the log is away");
    rig.log.away = false;
    rig_run(&rig, projection);
    rig.log.away = true;
    assert_int_equal(rig_step(&rig, projection, &error), EV_ERR_UNAVAILABLE);
    rig.log.away = false;
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 2);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_tells_that_the_log_went_without_a_word(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    rig.log.silent = true;
    rig.clock.now_ms += EV_PROJECTION_LAG_INTERVAL_MS;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rig_step(&rig, projection, &error), 0);
        assert_int_equal(status_of(projection).state, EV_PROJECTION_RETRYING);
        assert_string_equal(status_of(projection).error, "the log is away");
    }
    rig.log.silent = false;
    rig.clock.now_ms += EV_PROJECTION_LAG_INTERVAL_MS;
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_LIVE);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_waits_for_no_answer_about_the_end(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    size_t asked = rig.readers[0].bounds_asked;
    int64_t begun = rig.clock.now_ms + EV_PROJECTION_LAG_INTERVAL_MS;
    rig.log.ends_late = 5;
    rig.clock.now_ms = begun;
    for (int units = 1; units <= 5; units++) {
        struct ev_error error;
        rig_add(&rig, 1, 1);
        assert_int_equal(rig_step(&rig, projection, &error), 1);
        assert_int_equal(rig_units(&rig, 1), units);
        assert_int_equal(status_of(projection).state, EV_PROJECTION_LIVE);
        assert_true(status_of(projection).ends_asked_ms < begun);
        rig.clock.now_ms += 10;
    }
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).ends_asked_ms, begun);
    assert_int_equal(status_of(projection).partitions[1].end, rig.log.partitions[1].count);
    assert_int_equal(rig.readers[0].bounds_asked, asked);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* A source that fails after it has taken records off: they must not be lost. */
static void test_reads_again_what_a_failing_source_swallowed(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2);
    rig.log.poll_max = 5;
    struct ev_projection *projection = rig_projection(&rig);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 30; i++)
            rig_add(&rig, i % 8, 1);
        rig.log.poll_failures = 1 + (size_t)round % 3;
        rig_run(&rig, projection);
    }
    assert_int_equal(status_of(projection).commits, 600);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* Faults of every kind, restarts without a stop, and a store that goes back, at random: in the end it is as if nothing
 * had been. */
static void test_survives_a_bad_day(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rig rig;
        struct ev_memory_sink snapshot;
        struct ev_error error;
        rig_init(&rig, 3);
        ev_fake_random_init(&rig.random, seed);
        ev_memory_sink_init(&snapshot);
        rig.bounds.records_max = 1 + ev_random_below(&rig.random.random, 20);
        rig.cache_bytes_max = 300 + ev_random_below(&rig.random.random, 5000);
        const struct ev_random *random = &rig.random.random;
        struct ev_projection *projection = rig_projection(&rig);
        for (int i = 0; i < 600; i++) {
            int cart = (int)ev_random_below(random, 10);
            if (ev_random_below(random, 8) == 0)
                rig_check_out(&rig, cart);
            else
                rig_add(&rig, cart, 1 + (int64_t)ev_random_below(random, 5));
            if (ev_random_below(random, 40) == 0)
                fake_log_fence(&rig.log, (int32_t)ev_random_below(random, 3));
            if (ev_random_below(random, 10) == 0) {
                rig.call = (enum ev_memory_sink_call)ev_random_below(random, EV_MEMORY_SINK_PARK);
                rig.remaining = 1 + ev_random_below(random, 3);
            }
            rig.log.away = ev_random_below(random, 15) == 0;
            rig.log.poll_failures = ev_random_below(random, 10) == 0;
            if (ev_random_below(random, 2) == 0)
                rig_step(&rig, projection, &error);
            if (ev_random_below(random, 50) == 0) {
                ev_projection_destroy(projection);
                projection = rig_projection(&rig);
            }
            if (ev_random_below(random, 30) == 0)
                ev_memory_sink_copy(&rig.store, &snapshot);
            if (ev_random_below(random, 100) == 0) { /* a crash of the store: the connection breaks as well */
                ev_memory_sink_copy(&snapshot, &rig.store);
                rig.call = EV_MEMORY_SINK_LOAD;
                rig.remaining = 1;
                ev_projection_destroy(projection);
                projection = rig_projection(&rig);
            }
        }
        rig.remaining = 0;
        rig.log.away = false;
        rig_run(&rig, projection);
        assert_int_equal(status_of(projection).parked, 0);
        rig_assert_true_to_log(&rig);
        ev_projection_destroy(projection);
        ev_memory_sink_finish(&snapshot);
        rig_finish(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats_a_batch_without_effect),
        cmocka_unit_test(test_survives_a_lost_acknowledgement),
        cmocka_unit_test(test_retries_with_growing_pauses),
        cmocka_unit_test(test_writes_again_only_what_a_busy_store_left),
        cmocka_unit_test(test_loses_against_a_newer_writer),
        cmocka_unit_test(test_goes_on_from_what_another_wrote),
        cmocka_unit_test(test_two_take_turns),
        cmocka_unit_test(test_follows_a_store_that_went_back),
        cmocka_unit_test(test_waits_for_the_log),
        cmocka_unit_test(test_tells_that_the_log_went_without_a_word),
        cmocka_unit_test(test_waits_for_no_answer_about_the_end),
        cmocka_unit_test(test_reads_again_what_a_failing_source_swallowed),
        cmocka_unit_test(test_survives_a_bad_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
