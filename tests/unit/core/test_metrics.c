#include "testing.h"

#include <pthread.h>

#include "core/metrics.h"

static char *written(struct ev_metrics *metrics)
{
    struct ev_buffer out;
    ev_buffer_init(&out);
    ev_metrics_write(metrics, &out);
    return ev_buffer_take(&out, NULL);
}

static void test_text_format(void **state)
{
    (void)state;
    struct ev_metrics *metrics = ev_metrics_create();
    struct ev_metric *first = ev_metrics_counter(metrics, "commands_total", "result=\"ok\"", "Commands\nby \\ result.");
    struct ev_metric *lag = ev_metrics_gauge(metrics, "lag_events", NULL, "Events behind the log.");
    struct ev_metric *second = ev_metrics_counter(metrics, "commands_total", "result=\"rejected\"", "");
    ev_metric_add(first, 2);
    ev_metric_add(first, 3);
    ev_metric_add(second, 1);
    ev_metric_set(lag, 10);
    ev_metric_add(lag, -3);
    char *text = written(metrics);
    assert_string_equal(text, "# HELP orderlog_metrics_dropped_total Series for which there was no room.\n"
                              "# TYPE orderlog_metrics_dropped_total counter\n"
                              "orderlog_metrics_dropped_total 0\n"
                              "# HELP commands_total Commands\\nby \\\\ result.\n"
                              "# TYPE commands_total counter\n"
                              "commands_total{result=\"ok\"} 5\n"
                              "commands_total{result=\"rejected\"} 1\n"
                              "# HELP lag_events Events behind the log.\n"
                              "# TYPE lag_events gauge\n"
                              "lag_events 7\n");
    free(text);
    ev_metrics_destroy(metrics);
    ev_metrics_destroy(NULL);
}

static void test_same_name_and_labels_same_metric(void **state)
{
    (void)state;
    struct ev_metrics *metrics = ev_metrics_create();
    struct ev_metric *a = ev_metrics_counter(metrics, "a_total", "x=\"1\"", "A.");
    assert_ptr_equal(ev_metrics_counter(metrics, "a_total", "x=\"1\"", "A."), a);
    assert_ptr_not_equal(ev_metrics_counter(metrics, "a_total", "x=\"2\"", "A."), a);
    ev_metrics_destroy(metrics);
}

static void test_histogram(void **state)
{
    (void)state;
    struct ev_metrics *metrics = ev_metrics_create();
    struct ev_metric *latency = ev_metrics_histogram(metrics, "append_seconds", "topic=\"order\"", "Time to append.");
    static const int64_t observations[] = {-5, 0, 100, 101, 1000, 30000000, 30000001, 90000000};
    for (size_t i = 0; i < sizeof(observations) / sizeof(observations[0]); i++)
        ev_metric_observe_us(latency, observations[i]);
    assert_int_equal(ev_metric_value(latency), 8);
    char *text = written(metrics);
    assert_contains(text, "# TYPE append_seconds histogram\nappend_seconds_bucket{topic=\"order\",le=\"0.0001\"} 3\n"
                          "append_seconds_bucket{topic=\"order\",le=\"0.00025\"} 4\n");
    assert_contains(text, "append_seconds_bucket{topic=\"order\",le=\"0.0005\"} 4\n"
                          "append_seconds_bucket{topic=\"order\",le=\"0.001\"} 5\n");
    assert_contains(text, "append_seconds_bucket{topic=\"order\",le=\"10\"} 5\n"
                          "append_seconds_bucket{topic=\"order\",le=\"30\"} 6\n"
                          "append_seconds_bucket{topic=\"order\",le=\"+Inf\"} 8\n"
                          "append_seconds_sum{topic=\"order\"} 150.001202\n"
                          "append_seconds_count{topic=\"order\"} 8\n");
    free(text);
    ev_metrics_histogram(metrics, "bare_seconds", "", "No labels.");
    text = written(metrics);
    assert_contains(text, "bare_seconds_bucket{le=\"+Inf\"} 0\nbare_seconds_sum 0.000000\nbare_seconds_count 0\n");
    free(text);
    ev_metrics_destroy(metrics);
}

static void test_size_histogram(void **state)
{
    (void)state;
    struct ev_metrics *metrics = ev_metrics_create();
    struct ev_metric *sizes = ev_metrics_size_histogram(metrics, "batch_events", "", "Events of a batch.");
    static const int64_t observations[] = {-1, 0, 1, 2, 3, 50000, 50001};
    for (size_t i = 0; i < sizeof(observations) / sizeof(observations[0]); i++)
        ev_metric_observe_size(sizes, observations[i]);
    assert_int_equal(ev_metric_value(sizes), 7);
    char *text = written(metrics);
    assert_contains(text, "# TYPE batch_events histogram\nbatch_events_bucket{le=\"1\"} 3\n"
                          "batch_events_bucket{le=\"2\"} 4\nbatch_events_bucket{le=\"5\"} 5\n");
    assert_contains(text, "batch_events_bucket{le=\"20000\"} 5\nbatch_events_bucket{le=\"50000\"} 6\n"
                          "batch_events_bucket{le=\"+Inf\"} 7\nbatch_events_sum 100007\nbatch_events_count 7\n");
    free(text);
    ev_metrics_destroy(metrics);
    ev_metric_observe_size(ev_metrics_size_histogram(NULL, "a", "", ""), 1);
}

static void test_series_are_bounded_and_counted(void **state)
{
    (void)state;
    struct ev_metrics *metrics = ev_metrics_create();
    for (int i = 0; i < EV_METRICS_MAX + 4; i++) {
        char labels[32];
        snprintf(labels, sizeof(labels), "i=\"%d\"", i);
        ev_metric_add(ev_metrics_counter(metrics, "many_total", labels, "Many."), 1);
    }
    ev_metric_observe_us(ev_metrics_histogram(metrics, "late_seconds", "", "Too late."), 1);
    char *text = written(metrics);
    assert_contains(text, "orderlog_metrics_dropped_total 6\n"); /* 5 counters, because that one is a series too */
    assert_contains(text, "many_total{i=\"1022\"} 1\n");
    assert_null(strstr(text, "i=\"1023\""));
    assert_null(strstr(text, "late_seconds"));
    free(text);
    ev_metrics_destroy(metrics);
}

static void test_without_metrics_updates_go_nowhere(void **state)
{
    (void)state;
    ev_metric_add(ev_metrics_counter(NULL, "a", "", ""), 1);
    ev_metric_set(ev_metrics_gauge(NULL, "a", "", ""), 1);
    ev_metric_observe_us(ev_metrics_histogram(NULL, "a", "", ""), 1);
    char *text = written(NULL);
    assert_string_equal(text, "");
    free(text);
}

enum { THREADS = 4, UPDATES = 20000 };

struct shared {
    struct ev_metrics *metrics;
    struct ev_metric *counter, *histogram;
};

static void *update(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < UPDATES; i++) {
        ev_metric_add(shared->counter, 1);
        ev_metric_observe_us(shared->histogram, i);
        if (i % 1000 == 0)
            ev_metric_add(ev_metrics_counter(shared->metrics, "late_total", "", "Registered while running."), 1);
    }
    return NULL;
}

static void test_threads_lose_no_update(void **state)
{
    (void)state;
    struct shared shared = {.metrics = ev_metrics_create()};
    shared.counter = ev_metrics_counter(shared.metrics, "a_total", "", "A.");
    shared.histogram = ev_metrics_histogram(shared.metrics, "b_seconds", "", "B.");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update, &shared), 0);
    for (int i = 0; i < 50; i++)
        free(written(shared.metrics)); /* writing while they count */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ev_metric_value(shared.counter), THREADS * UPDATES);
    assert_int_equal(ev_metric_value(shared.histogram), THREADS * UPDATES);
    char *text = written(shared.metrics);
    assert_contains(text, "\nlate_total 80\n");
    free(text);
    ev_metrics_destroy(shared.metrics);
}

static void register_as_two_types(void)
{
    struct ev_metrics *metrics = ev_metrics_create();
    ev_metrics_counter(metrics, "a", "", "");
    ev_metrics_gauge(metrics, "a", "", "");
}

static void observe_a_counter(void)
{
    ev_metric_observe_us(ev_metrics_counter(ev_metrics_create(), "a", "", ""), 1);
}

static void observe_a_size_as_a_time(void)
{
    ev_metric_observe_us(ev_metrics_size_histogram(ev_metrics_create(), "a", "", ""), 1);
}

static void test_wrong_use_is_fatal(void **state)
{
    (void)state;
    assert_fatal(observe_a_size_as_a_time, "no histogram, or one of something else");
    assert_fatal(register_as_two_types, "registered as counter and as gauge");
    assert_fatal(observe_a_counter, "no histogram");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_format),
        cmocka_unit_test(test_same_name_and_labels_same_metric),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_size_histogram),
        cmocka_unit_test(test_series_are_bounded_and_counted),
        cmocka_unit_test(test_without_metrics_updates_go_nowhere),
        cmocka_unit_test(test_threads_lose_no_update),
        cmocka_unit_test(test_wrong_use_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
