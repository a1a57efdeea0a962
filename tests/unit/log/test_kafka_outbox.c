/* Appending through the outbox, against librdkafka's mock broker: groups, order, what isn't sent any more, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>

#include "core/clock.h"
#include "core/memory.h"
#include "log/kafka_log.h"

#define TOPIC "one"
#define PARTITIONS 2
#define ANSWERS_MAX 4096
#define WAIT_MS 15000
#define SLOW_MS 300       /* of the broker's answers, where a test wants an append to stay in flight */
#define PRODUCE_API_KEY 0 /* of Kafka's protocol */

struct answer {
    uint64_t tag;
    int64_t offset; /* -1: failed */
};

static rd_kafka_t *brokers_handle;
static rd_kafka_mock_cluster_t *brokers;
static struct ev_kafka_log *kafka_log;
static struct ev_log_port *port;
static struct answer answers[PARTITIONS][ANSWERS_MAX];
static size_t answer_count[PARTITIONS];

static void on_appended(void *context, int32_t partition, uint64_t tag, int64_t offset, const struct ev_error *error)
{
    (void)context;
    assert_true(answer_count[partition] < ANSWERS_MAX);
    assert_true((offset < 0) == (error != NULL));
    answers[partition][answer_count[partition]++] = (struct answer){.tag = tag, .offset = offset};
}

static int begin(void **state)
{
    (void)state;
    char why[256];
    struct ev_error error = {0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    brokers_handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    brokers = rd_kafka_mock_cluster_new(brokers_handle, 1);
    rd_kafka_mock_topic_create(brokers, TOPIC, PARTITIONS, 1);
    rd_kafka_mock_start_request_tracking(brokers);
    const struct ev_kafka_log_options options = {
        .kafka = {.brokers = rd_kafka_mock_cluster_bootstraps(brokers), .topic_prefix = "test"}};
    if (ev_kafka_log_create(&options, &kafka_log, &error) < 0 ||
        ev_kafka_log_open(kafka_log, TOPIC, PARTITIONS, &port, &error) < 0)
        fail_msg("%s", error.message);
    port->listener.appended = on_appended;
    memset(answer_count, 0, sizeof(answer_count));
    return 0;
}

static int end(void **state)
{
    (void)state;
    ev_kafka_log_destroy(kafka_log);
    rd_kafka_mock_cluster_destroy(brokers);
    rd_kafka_destroy(brokers_handle);
    return 0;
}

static int append_bytes(int32_t partition, uint64_t tag, struct ev_str record, struct ev_error *error)
{
    const struct ev_commit fence = {.epoch = 1}; /* for headers alone */
    return port->append(port, partition, tag, EV_STR("key"), record, &fence, error);
}

static void append(int32_t partition, uint64_t tag)
{
    struct ev_error error = {0};
    if (append_bytes(partition, tag, EV_STR("record"), &error) < 0)
        fail_msg("%s", error.message);
}

static void await_answers(int32_t partition, size_t count)
{
    int64_t until = ev_clock_monotonic_ms(&ev_clock_system) + WAIT_MS;
    while (answer_count[partition] < count) {
        int64_t left = until - ev_clock_monotonic_ms(&ev_clock_system);
        struct pollfd fd = {.fd = ev_kafka_log_fd(kafka_log), .events = POLLIN};
        if (left <= 0)
            fail_msg("%zu answers of %zu", answer_count[partition], count);
        if (poll(&fd, 1, (int)left) > 0)
            ev_kafka_log_poll(kafka_log);
    }
}

static size_t produce_requests(void)
{
    size_t count = 0, produced = 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(brokers, &count);
    for (size_t i = 0; i < count; i++)
        produced += rd_kafka_mock_request_api_key(requests[i]) == PRODUCE_API_KEY;
    rd_kafka_mock_request_destroy_array(requests, count);
    return produced;
}

/* In order, and next to one another in the log: by tag from `first` on, from offset `base` on. */
static void assert_in_order(int32_t partition, size_t from, size_t count, uint64_t first, int64_t base)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(answers[partition][from + i].tag, first + i);
        assert_int_equal(answers[partition][from + i].offset, base + (int64_t)i);
    }
}

static void test_appends_in_order(void **state)
{
    (void)state;
    for (uint64_t tag = 1; tag <= 100; tag++)
        for (int32_t partition = 0; partition < PARTITIONS; partition++)
            append(partition, tag);
    await_answers(0, 100);
    await_answers(1, 100);
    assert_in_order(0, 0, 100, 1, 0);
    assert_in_order(1, 0, 100, 1, 0);
    struct ev_kafka_log_stats stats;
    ev_kafka_log_stats(kafka_log, &stats);
    assert_int_equal(stats.queued_messages, 0);
    assert_int_equal(stats.appended, 200);
}

static void warm_up(void)
{
    append(0, 1);
    await_answers(0, 1);
}

static void test_what_comes_while_a_group_is_under_way_is_the_next_group(void **state)
{
    (void)state;
    warm_up();
    size_t before = produce_requests();
    rd_kafka_mock_broker_set_rtt(brokers, 1, SLOW_MS);
    for (uint64_t tag = 2; tag <= 1001; tag++) { /* each in a turn of its own */
        append(0, tag);
        ev_kafka_log_poll(kafka_log);
    }
    await_answers(0, 1001);
    assert_in_order(0, 0, 1001, 1, 0);
    /* The first few alone; the others when those are answered, in one request or, should librdkafka begin to send
     * before it has all, some. One by one, it would be 1000. */
    assert_true(produce_requests() - before < 20);
}

static void test_what_waits_is_not_sent_after_a_purge(void **state)
{
    (void)state;
    warm_up();
    rd_kafka_mock_broker_set_rtt(brokers, 1, SLOW_MS);
    for (uint64_t tag = 2; tag <= 6; tag++)
        append(0, tag);
    ev_kafka_log_poll(kafka_log); /* these are on their way */
    for (uint64_t tag = 7; tag <= 20; tag++)
        append(0, tag);
    port->purge(port, 0);
    assert_int_equal(answer_count[0], 1); /* never from within a call */
    append(0, 21);
    append(1, 1);
    await_answers(0, 21);
    await_answers(1, 1);
    assert_in_order(0, 0, 6, 1, 0);
    for (size_t i = 6; i < 20; i++) {
        assert_int_equal(answers[0][i].tag, i + 1);
        assert_int_equal(answers[0][i].offset, -1);
    }
    assert_in_order(0, 20, 1, 21, 6); /* and the log has nothing of them */
    assert_in_order(1, 0, 1, 1, 0);
}

static void test_a_record_that_is_too_large_is_refused_at_once(void **state)
{
    (void)state;
    struct ev_error error = {0};
    size_t length = EV_LOG_RECORD_BYTES_MAX - EV_KAFKA_LOG_OVERHEAD_BYTES_MAX - 3; /* and the key */
    _cleanup_free_ char *bytes = ev_memory_alloc_array(length + 1, 1);
    assert_int_equal(append_bytes(0, 1, (struct ev_str){bytes, length + 1}, &error), EV_ERR_LIMIT);
    assert_false(error.retriable);
    assert_int_equal(append_bytes(0, 1, (struct ev_str){bytes, length}, &error), 0);
    await_answers(0, 1);
    assert_in_order(0, 0, 1, 1, 0);
}

static void test_a_full_queue_refuses_and_takes_again(void **state)
{
    (void)state;
    struct ev_error error = {0};
    size_t length = EV_LOG_RECORD_BYTES_MAX - EV_KAFKA_LOG_OVERHEAD_BYTES_MAX - 3, taken = 0;
    _cleanup_free_ char *bytes = ev_memory_alloc_array(length, 1);
    warm_up();
    while (append_bytes(0, taken + 2, (struct ev_str){bytes, length}, &error) == 0)
        taken++;
    assert_int_equal(error.code, EV_ERR_LIMIT);
    assert_true(error.retriable);
    assert_in_range(taken, EV_KAFKA_LOG_QUEUE_BYTES_MAX / EV_LOG_RECORD_BYTES_MAX,
                    EV_KAFKA_LOG_QUEUE_BYTES_MAX / EV_LOG_RECORD_BYTES_MAX + 1);
    await_answers(0, taken + 1);
    append(0, taken + 2);
    await_answers(0, taken + 2);
    assert_in_order(0, 0, taken + 2, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_appends_in_order, begin, end),
        cmocka_unit_test_setup_teardown(test_what_comes_while_a_group_is_under_way_is_the_next_group, begin, end),
        cmocka_unit_test_setup_teardown(test_what_waits_is_not_sent_after_a_purge, begin, end),
        cmocka_unit_test_setup_teardown(test_a_record_that_is_too_large_is_refused_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_a_full_queue_refuses_and_takes_again, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
