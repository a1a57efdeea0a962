/* What can't be folded or stored: parked documents, commits that are left out, partitions that stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gen/cart.h"
#include "rig.h"

static struct ev_projection_status status_of(struct ev_projection *projection)
{
    struct ev_projection_status status;
    ev_projection_status(projection, &status);
    return status;
}

static void test_parks_what_cannot_be_folded(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 3);
    rig_add(&rig, 2, 3);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    rig_add_twice(&rig, 1, 5, 0); /* the second event fails: the commit isn't taken in half */
    rig_add(&rig, 1, 7);
    rig_add(&rig, 2, 7);
    rig_add(&rig, 3, 4);
    rig_add(&rig, 3, 5);
    rig_add(&rig, 3, 0); /* what came before it in the same batch is kept */
    rig_add(&rig, 3, 6);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 3);
    assert_int_equal(rig_units(&rig, 2), 10);
    assert_int_equal(rig_units(&rig, 3), 9);
    assert_int_equal(status_of(projection).parked, 2);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_LIVE);
    ev_projection_destroy(projection);

    /* It stays parked over a restart, and later events don't touch it. */
    struct ev_projection *next = rig_projection(&rig);
    rig_add(&rig, 1, 9);
    rig_add(&rig, 2, 9);
    rig_run(&rig, next);
    assert_int_equal(rig_units(&rig, 1), 3);
    assert_int_equal(rig_units(&rig, 2), 19);
    assert_int_equal(status_of(next).parked, 2);
    assert_int_equal(status_of(next).parked_events, 1);
    ev_projection_destroy(next);
    rig_finish(&rig);
}

static int take_parked(void *context, const struct ev_parked *parked)
{
    struct ev_parked *ret = context;
    if (!parked->skipped)
        *ret = *parked;
    return 0;
}

static void test_parks_what_the_store_refuses(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_parked parked = {0};
    rig_init(&rig, 1);
    rig_add(&rig, 1, 1);
    int64_t offset = rig_add(&rig, 2, 1);
    rig.call = EV_MEMORY_SINK_WRITE_ONE;
    rig.result = EV_WRITE_FAILED;
    rig.fatal = true;
    rig.only_key = "cart-2";
    rig.remaining = 1;
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 1);
    assert_int_equal(rig_units(&rig, 2), -1);
    assert_int_equal(rig.store.sink.load_parked(&rig.store.sink, &rig_view, take_parked, &parked, &error), 0);
    assert_int_equal(parked.offset, offset);
    assert_int_equal(parked.partition, 0);
    assert_string_equal(parked.cause, "the store refuses it");
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void leave_out(struct rig *rig, const char *key, int64_t offset)
{
    struct ev_error error;
    const struct ev_parked skipped = {.key = ev_str_of(key), .offset = offset, .skipped = true};
    assert_int_equal(rig->store.sink.save_parked(&rig->store.sink, &rig_view, &skipped, &error), 0);
}

/* Whoever folds the view from the start knows what operators decided. */
static void test_leaves_out_what_was_skipped(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_parked parked = {0};
    rig_init(&rig, 1);
    rig_add(&rig, 1, 3);
    leave_out(&rig, "cart-1", rig_add(&rig, 1, 0)); /* the fold would refuse it */
    rig_add(&rig, 1, 4);
    leave_out(&rig, "cart-2", rig_add(&rig, 2, 5)); /* all there is of it */
    leave_out(&rig, "cart-3", rig_add(&rig, 3, 5));
    int64_t refused = rig_add(&rig, 3, 6); /* the first that the store may refuse */
    rig.call = EV_MEMORY_SINK_WRITE_ONE;
    rig.result = EV_WRITE_FAILED;
    rig.fatal = true;
    rig.only_key = "cart-3";
    rig.remaining = 1;
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 7);
    assert_int_equal(rig_units(&rig, 2), -1);
    assert_int_equal(status_of(projection).parked, 1);
    assert_int_equal(rig.store.sink.load_parked(&rig.store.sink, &rig_view, take_parked, &parked, &error), 0);
    assert_int_equal(parked.offset, refused);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* One that is decided on while it works is known after the next look. */
static void test_leaves_out_what_is_skipped_meanwhile(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_sink *sink = &rig.store.sink;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 3);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    leave_out(&rig, "cart-1", rig_add(&rig, 1, 0));
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_LOOK_AGAIN, &error), 0);
    rig_add(&rig, 1, 4);
    rig_look_and_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 7);
    assert_int_equal(status_of(projection).parked, 0);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* A failing write of the parked entry may not let the batch pass. */
static void test_saves_what_it_parks_first(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 0);
    rig.call = EV_MEMORY_SINK_PARK;
    rig.remaining = 2;
    struct ev_projection *projection = rig_projection(&rig);
    assert_true(rig_step(&rig, projection, &error) < 0);
    assert_int_equal(rig.store.checkpoints.count, 0);
    rig_run(&rig, projection);
    assert_int_equal(rig.store.parked.count, 1);
    assert_int_equal(rig.store.checkpoints.count, 1);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void redrive(struct rig *rig, int64_t to)
{
    struct ev_error error;
    struct ev_sink *sink = &rig->store.sink;
    struct ev_parked parked = {.key = EV_STR("cart-1"), .partition = 0, .offset = 2, .redriven_to = to};
    snprintf(parked.cause, sizeof(parked.cause), "as before");
    assert_int_equal(sink->save_parked(sink, &rig_view, &parked, &error), 0);
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_LOOK_AGAIN, &error), 0);
    rig->clock.now_ms += EV_PROJECTION_CONTROL_INTERVAL_MS;
}

/* A key that was folded anew is taken on again, but not when more of it was left out meanwhile. */
static void test_takes_a_redriven_key_on_again(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_parked parked = {0};
    rig_init(&rig, 1);
    rig_add(&rig, 1, 1);
    rig_add(&rig, 1, 0);
    int64_t last = rig_add(&rig, 1, 5);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).parked, 1);
    redrive(&rig, last); /* all but the last */
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).parked, 1);
    assert_int_equal(rig.store.sink.load_parked(&rig.store.sink, &rig_view, take_parked, &parked, &error), 0);
    assert_int_equal(parked.redriven_to, 0);
    redrive(&rig, last + 1);
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).parked, 0);
    assert_int_equal(rig.store.parked.count, 0);
    ev_projection_destroy(projection);

    /* Over a restart it counts what was taken in before. */
    redrive(&rig, last);
    projection = rig_projection(&rig);
    rig_step(&rig, projection, &error);
    assert_int_equal(status_of(projection).parked, 1);
    ev_projection_destroy(projection);
    redrive(&rig, last + 1);
    projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).parked, 0);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* A cart that is called as the number of a partition might be. */
static void add_misleading(struct rig *rig, int64_t units)
{
    const struct cart_item_added added = {.cart_id = EV_STR("partition 1"), .quantity = units};
    const struct ev_event event = {&cart_item_added_event, &added};
    fake_log_commit(&rig->log, 0, "cart-partition 1", &event, 1);
}

static void test_stops_a_partition_at_garbage(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_sink_document misleading;
    rig_init(&rig, 2);
    rig_add(&rig, 0, 1);
    rig_add(&rig, 1, 1);
    int64_t offset = fake_log_garbage(&rig.log, 1);
    for (int i = 0; i < 4; i++)
        rig_add(&rig, i, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    add_misleading(&rig, 1);
    rig_run(&rig, projection);
    assert_true(ev_memory_sink_get(&rig.store, &rig_view, EV_STR("partition 1"), &misleading));
    assert_int_equal(rig_units(&rig, 0), 2);
    assert_int_equal(rig_units(&rig, 2), 1);
    assert_int_equal(rig_units(&rig, 1), 1); /* as it was before */
    assert_int_equal(rig_units(&rig, 3), -1);
    struct ev_projection_status status = status_of(projection);
    assert_true(status.partitions[1].stopped);
    assert_false(status.partitions[0].stopped);
    assert_int_equal(status.partitions[1].position, offset);
    assert_int_equal(status.parked, 1);
    assert_true(status.partitions[1].lag_ms >= 0 && status.partitions[1].end > offset);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

struct parked_search {
    struct ev_str key;
    struct ev_parked *ret;
    bool found;
};

static int search_parked(void *context, const struct ev_parked *parked)
{
    struct parked_search *search = context;
    if (parked->skipped || !ev_str_equal(parked->key, search->key))
        return 0;
    search->found = true;
    *search->ret = *parked;
    return 0;
}

static bool find_parked(struct rig *rig, const char *key, struct ev_parked *ret)
{
    struct ev_error error;
    struct parked_search search = {.key = ev_str_of(key), .ret = ret};
    assert_int_equal(rig->store.sink.load_parked(&rig->store.sink, &rig_view, search_parked, &search, &error), 0);
    return search.found;
}

/* A commit whose events nobody here knows, in a view whose documents are the streams': that document alone. */
static void test_parks_the_stream_of_an_unreadable_commit(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_parked parked;
    rig_init(&rig, 2);
    rig.view = &rig_stream_view;
    rig_add(&rig, 1, 3);
    int64_t offset = rig_add(&rig, 1, 4);
    fake_log_set_unreadable(&rig.log, 1, offset, true);
    rig_add(&rig, 1, 5);
    rig_add(&rig, 3, 6); /* in the same partition */
    fake_log_set_unreadable(&rig.log, 1, rig_add(&rig, 5, 7), true);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 3);
    assert_int_equal(rig_units(&rig, 3), 6);
    assert_int_equal(rig_units(&rig, 5), -1);
    assert_int_equal(status_of(projection).parked, 2);
    assert_false(status_of(projection).partitions[1].stopped);
    assert_true(find_parked(&rig, "cart-1", &parked));
    assert_int_equal(parked.offset, offset);
    assert_string_equal(parked.cause, "the event isn't known here");
    ev_projection_destroy(projection);
    rig_finish(&rig);

    /* Left out, it's as any other that can't be folded. */
    rig_init(&rig, 1);
    rig.view = &rig_stream_view;
    offset = rig_add(&rig, 1, 4);
    fake_log_set_unreadable(&rig.log, 0, offset, true);
    rig_add(&rig, 1, 5);
    leave_out(&rig, "cart-1", offset);
    projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 5);
    assert_int_equal(status_of(projection).parked, 0);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* In any other view nobody can tell which documents it would change: its partition is read no further. */
static void test_stops_a_partition_at_an_unreadable_commit(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_parked first, second;
    rig_init(&rig, 2);
    rig_add(&rig, 1, 3);
    int64_t offset = rig_add(&rig, 3, 4);
    fake_log_set_unreadable(&rig.log, 1, offset, true);
    rig_add(&rig, 1, 5);
    rig_add(&rig, 0, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    rig_add(&rig, 1, 6);
    rig_add(&rig, 0, 2);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 0), 3);
    assert_int_equal(rig_units(&rig, 1), 3);
    struct ev_projection_status status = status_of(projection);
    assert_true(status.partitions[1].stopped);
    assert_int_equal(status.partitions[1].position, offset);
    assert_non_null(strstr(status.error, "the event isn't known here"));
    assert_true(find_parked(&rig, "#partition 1", &first));
    assert_int_equal(first.offset, offset);
    ev_projection_destroy(projection);

    /* A restart changes nothing, nor since when. */
    rig.clock.now_ms += 10000;
    projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_true(status_of(projection).partitions[1].stopped);
    assert_true(find_parked(&rig, "#partition 1", &second));
    assert_true(second.parked_at_ms == first.parked_at_ms);
    ev_projection_destroy(projection);

    /* A program that knows the event goes on by itself. */
    fake_log_set_unreadable(&rig.log, 1, offset, false);
    projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_false(status_of(projection).partitions[1].stopped);
    assert_int_equal(status_of(projection).parked, 0);
    assert_false(find_parked(&rig, "#partition 1", &second));
    assert_int_equal(rig_units(&rig, 1), 14);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

/* An operator decides to go on without it: for good, also for a program that knows the event. */
static void test_goes_on_without_an_unreadable_commit(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_parked entry;
    struct ev_sink *sink = &rig.store.sink;
    rig_init(&rig, 2);
    rig_add(&rig, 1, 3);
    int64_t offset = rig_add(&rig, 3, 4);
    fake_log_set_unreadable(&rig.log, 1, offset, true);
    rig_add(&rig, 3, 5);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_true(find_parked(&rig, "#partition 1", &entry));
    leave_out(&rig, "#partition 1", offset);
    assert_int_equal(sink->remove_parked(sink, &rig_view, &entry, &error), 0);
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_LOOK_AGAIN, &error), 0);
    rig_look_and_run(&rig, projection);
    assert_false(status_of(projection).partitions[1].stopped);
    assert_int_equal(status_of(projection).parked, 0);
    assert_int_equal(rig_units(&rig, 3), 5);
    ev_projection_destroy(projection);
    rig_finish(&rig);

    rig_init(&rig, 2);
    leave_out(&rig, "#partition 1", rig_add(&rig, 3, 4));
    rig_add(&rig, 3, 5);
    projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 3), 5);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parks_what_cannot_be_folded),
        cmocka_unit_test(test_parks_what_the_store_refuses),
        cmocka_unit_test(test_leaves_out_what_was_skipped),
        cmocka_unit_test(test_leaves_out_what_is_skipped_meanwhile),
        cmocka_unit_test(test_saves_what_it_parks_first),
        cmocka_unit_test(test_takes_a_redriven_key_on_again),
        cmocka_unit_test(test_stops_a_partition_at_garbage),
        cmocka_unit_test(test_parks_the_stream_of_an_unreadable_commit),
        cmocka_unit_test(test_stops_a_partition_at_an_unreadable_commit),
        cmocka_unit_test(test_goes_on_without_an_unreadable_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
