/* What a projection does: tests against a log and a store in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static struct ev_projection_status status_of(struct ev_projection *projection)
{
    struct ev_projection_status status;
    ev_projection_status(projection, &status);
    return status;
}

static void test_folds_each_document_once_per_batch(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 2);
    for (int i = 0; i < 100; i++)
        rig_add(&rig, i % 4, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 0), 25);
    assert_int_equal(rig_units(&rig, 3), 25);
    assert_int_equal(rig.store.write_count, 4); /* documents, not events */
    struct ev_projection_status status = status_of(projection);
    assert_int_equal(status.commits, 100);
    assert_int_equal(status.state, EV_PROJECTION_LIVE);
    assert_int_equal(status.partition_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(status.partitions[i].position, 51);
        assert_int_equal(status.partitions[i].end, 51);
        assert_int_equal(status.partitions[i].lag_ms, 0);
    }
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_counts_commits(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_sink_document stored;
    rig_init(&rig, 1);
    rig_add_twice(&rig, 1, 2, 3);
    int64_t last = rig_add_twice(&rig, 1, 4, 5);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_true(ev_memory_sink_get(&rig.store, &rig_view, EV_STR("cart-1"), &stored));
    assert_int_equal(stored.meta.sequence, 2);
    assert_int_equal(stored.meta.offset, last);
    assert_int_equal(stored.meta.partition, 0);
    assert_int_equal(rig_units(&rig, 1), 14);
    assert_int_equal(status_of(projection).events, 4);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_keeps_documents_it_wrote(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    struct ev_projection *projection = rig_projection(&rig);
    for (int i = 0; i < 10; i++) {
        rig_add(&rig, 1, 1);
        rig_run(&rig, projection);
    }
    assert_int_equal(rig.store.load_count, 1); /* the rest came out of the cache */
    assert_int_equal(rig_units(&rig, 1), 10);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_bounds_what_it_keeps(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    rig.cache_bytes_max = 2000; /* a few documents */
    struct ev_projection *projection = rig_projection(&rig);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++)
            rig_add(&rig, i, 1);
        rig_run(&rig, projection);
    }
    assert_true(rig.store.load_count > 180);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_skips_void_records(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 1);
    fake_log_fence(&rig.log, 0);
    rig_void(&rig, 1, 100);
    rig_add(&rig, 1, 1);
    rig_void(&rig, 1, 100);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 2);
    assert_int_equal(status_of(projection).void_count, 2);
    assert_int_equal(status_of(projection).partitions[0].position, 6); /* the checkpoint passes them */
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_starts_where_it_stopped(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 2);
    for (int i = 0; i < 20; i++)
        rig_add(&rig, i % 4, 1);
    struct ev_projection *first = rig_projection(&rig);
    rig_run(&rig, first);
    assert_int_equal(ev_projection_stop(first, &error), 0);
    assert_int_equal(status_of(first).state, EV_PROJECTION_STOPPED);
    ev_projection_destroy(first);

    size_t written = rig.store.write_count;
    struct ev_projection *second = rig_projection(&rig);
    rig_run(&rig, second);
    assert_int_equal(rig.store.write_count, written);
    assert_int_equal(status_of(second).commits, 0);
    rig_add(&rig, 1, 1);
    rig_run(&rig, second);
    assert_int_equal(rig_units(&rig, 1), 6);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(second);
    rig_finish(&rig);
}

static void test_pauses_and_resumes(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    struct ev_sink *sink = &rig.store.sink;
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_PAUSE, &error), 0);
    rig.clock.now_ms += EV_PROJECTION_CONTROL_INTERVAL_MS;
    rig_add(&rig, 1, 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(rig_step(&rig, projection, &error), 0);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_PAUSED);
    assert_int_equal(rig_units(&rig, 1), 1);
    ev_projection_destroy(projection);

    projection = rig_projection(&rig); /* a restart changes nothing */
    assert_int_equal(rig_step(&rig, projection, &error), 0);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_PAUSED);
    assert_int_equal(rig_units(&rig, 1), 1);
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_RESUME, &error), 0);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 3);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void assert_told(struct ev_metrics *metrics, const char *line)
{
    struct ev_buffer text;
    ev_buffer_init(&text);
    ev_metrics_write(metrics, &text);
    ev_buffer_append_byte(&text, '\0');
    assert_non_null(strstr(text.data, line));
    ev_buffer_finish(&text);
}

static void test_metrics_tell_batch_sizes_and_pauses(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    rig.metrics = ev_metrics_create();
    for (int i = 0; i < 7; i++)
        rig_add(&rig, 1, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    assert_told(rig.metrics, "# TYPE orderlog_projection_batch_events histogram\n");
    assert_told(rig.metrics, "orderlog_projection_batch_events_bucket{view=\"rig\",sink=\"memory\",le=\"1\"} 1\n");
    assert_told(rig.metrics, "orderlog_projection_batch_events_bucket{view=\"rig\",sink=\"memory\",le=\"10\"} 2\n");
    assert_told(rig.metrics, "orderlog_projection_batch_events_sum{view=\"rig\",sink=\"memory\"} 8\n");
    assert_told(rig.metrics, "orderlog_projection_paused{view=\"rig\",sink=\"memory\"} 0\n");

    struct ev_sink *sink = &rig.store.sink;
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_PAUSE, &error), 0);
    rig.clock.now_ms += EV_PROJECTION_CONTROL_INTERVAL_MS;
    assert_int_equal(rig_step(&rig, projection, &error), 0);
    assert_told(rig.metrics, "orderlog_projection_paused{view=\"rig\",sink=\"memory\"} 1\n");
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_RESUME, &error), 0);
    rig_run(&rig, projection);
    assert_told(rig.metrics, "orderlog_projection_paused{view=\"rig\",sink=\"memory\"} 0\n");
    ev_projection_destroy(projection);
    ev_metrics_destroy(rig.metrics);
    rig_finish(&rig);
}

/* What is cached may have been altered behind the projection's back: it reads it again when told to look. */
static void test_looks_again_when_told_to(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    struct ev_sink_document stored;
    rig_init(&rig, 1);
    rig_add(&rig, 1, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_run(&rig, projection);
    size_t loads = rig.store.load_count;
    rig_add(&rig, 1, 2);
    rig_run(&rig, projection);
    assert_int_equal(rig.store.load_count, loads);
    assert_true(ev_memory_sink_get(&rig.store, &rig_view, EV_STR("cart-1"), &stored));
    struct ev_sink *sink = &rig.store.sink;
    assert_int_equal(sink->change_control(sink, &rig_view, EV_CONTROL_LOOK_AGAIN, &error), 0);
    rig.clock.now_ms += EV_PROJECTION_CONTROL_INTERVAL_MS;
    rig_add(&rig, 1, 3);
    rig_run(&rig, projection);
    assert_int_equal(rig.store.load_count, loads + 1);
    assert_int_equal(rig_units(&rig, 1), 6);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_deletes_and_begins_anew(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_add(&rig, 1, 5);
    rig_add(&rig, 2, 5);
    rig_check_out(&rig, 2); /* within one batch */
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 2), -2);
    rig_check_out(&rig, 1);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), -2);
    rig_add(&rig, 1, 3);
    rig_check_out(&rig, 2);
    rig_add(&rig, 2, 2);
    rig_run(&rig, projection);
    assert_int_equal(rig_units(&rig, 1), 3);
    assert_int_equal(rig_units(&rig, 2), 2);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void assert_refused(struct rig *rig, struct ev_projection *projection, const char *why)
{
    struct ev_error error;
    assert_int_equal(rig_step(rig, projection, &error), EV_ERR_CONFLICT);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_REFUSED);
    assert_non_null(strstr(error.message, why));
    assert_non_null(strstr(error.message, "--rebuild rig/memory"));
}

static void test_refuses_another_log(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    for (int i = 0; i < 10; i++)
        rig_add(&rig, 1, 1);
    struct ev_projection *first = rig_projection(&rig);
    rig_run(&rig, first);
    ev_projection_destroy(first);

    struct ev_projection *second = rig_projection(&rig);
    fake_log_cut(&rig.log, 0, 8);
    assert_refused(&rig, second, "the log ends before it");
    for (int i = 0; i < 10; i++)
        rig_add(&rig, 1, 1);
    assert_refused(&rig, second, "another commit lies where the last one folded was");
    fake_log_recreate(&rig.log);
    fake_log_fence(&rig.log, 0);
    for (int i = 0; i < 20; i++)
        rig_add(&rig, 1, 1);
    assert_refused(&rig, second, "made anew");
    assert_int_equal(rig_units(&rig, 1), 10);

    assert_int_equal(rig.store.sink.reset(&rig.store.sink, &rig_view, &error), 0);
    rig_run(&rig, second);
    assert_int_equal(rig_units(&rig, 1), 20);
    rig_assert_true_to_log(&rig);
    ev_projection_destroy(second);
    rig_finish(&rig);
}

/* Documents are gone although their checkpoint is there: going on would make wrong documents. */
static void test_refuses_a_store_that_lost_documents(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    struct ev_memory_sink empty;
    ev_memory_sink_init(&empty);
    struct ev_map checkpoints = rig.store.checkpoints;
    rig.store.checkpoints = (struct ev_map){0};
    ev_memory_sink_copy(&empty, &rig.store);
    rig.store.checkpoints = checkpoints;
    rig_add(&rig, 1, 1);
    assert_int_equal(rig_step(&rig, projection, &error), EV_ERR_CORRUPT);
    assert_int_equal(status_of(projection).state, EV_PROJECTION_REFUSED);
    assert_int_equal(rig_units(&rig, 1), -1);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

static void test_tells_the_lag(void **state)
{
    (void)state;
    struct rig rig;
    struct ev_error error;
    rig_init(&rig, 1);
    struct ev_projection *projection = rig_projection(&rig);
    rig_add(&rig, 1, 1);
    rig_run(&rig, projection);
    rig.clock.now_ms += 60000;
    rig_run(&rig, projection);
    assert_int_equal(status_of(projection).partitions[0].lag_ms, 0); /* nothing came, so nothing is missing */
    rig_add(&rig, 1, 1);
    rig.call = EV_MEMORY_SINK_WRITE;
    rig.remaining = 1000;
    for (int i = 0; i < 20; i++)
        rig_step(&rig, projection, &error);
    rig.remaining = 0;
    rig.call = EV_MEMORY_SINK_CHECKPOINT;
    rig.remaining = 1;
    rig_step(&rig, projection, &error);
    struct ev_projection_status status = status_of(projection);
    assert_int_equal(status.partitions[0].end - status.partitions[0].position, 1);
    assert_true(status.partitions[0].lag_ms > 0 && status.partitions[0].lag_ms < 60000);
    ev_projection_destroy(projection);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_each_document_once_per_batch),
        cmocka_unit_test(test_counts_commits),
        cmocka_unit_test(test_keeps_documents_it_wrote),
        cmocka_unit_test(test_bounds_what_it_keeps),
        cmocka_unit_test(test_skips_void_records),
        cmocka_unit_test(test_starts_where_it_stopped),
        cmocka_unit_test(test_pauses_and_resumes),
        cmocka_unit_test(test_metrics_tell_batch_sizes_and_pauses),
        cmocka_unit_test(test_looks_again_when_told_to),
        cmocka_unit_test(test_deletes_and_begins_anew),
        cmocka_unit_test(test_refuses_another_log),
        cmocka_unit_test(test_refuses_a_store_that_lost_documents),
        cmocka_unit_test(test_tells_the_lag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
