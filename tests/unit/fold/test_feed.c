/* The feed against a log and a publisher in memory: what an event looks like, and that crashes, failures and records
 * that arrive late leave no gap and no disorder. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "core/timestamp.h"
#include "fake_log.h"
#include "fold/cloud_event.h"
#include "fold/feed.h"
#include "gen/stock.h"
#include "gen/topics.h"

#define PARTITIONS 2
#define RECORDS_MAX 4096
#define QUEUE_MAX 8

/* --- a publisher in memory --- */

struct shown {
    struct ev_str key, value, mark;
};

struct fake_publisher {
    struct ev_publisher port;
    struct ev_arena arena;
    struct shown records[PARTITIONS][RECORDS_MAX]; /* in the topic */
    size_t counts[PARTITIONS];
    struct {
        int32_t partition;
        struct shown record;
    } queue[QUEUE_MAX]; /* on their way */
    size_t queued;
    int32_t partitions; /* of the topic; 0: there is none */
    int fail_opens, fail_serves;
    bool emptied; /* somebody's retention was at work */
};

static struct fake_publisher the_feed;

static void land(struct fake_publisher *self, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t partition = self->queue[i].partition;
        assert_true(self->counts[partition] < RECORDS_MAX);
        self->records[partition][self->counts[partition]++] = self->queue[i].record;
    }
    self->queued -= count;
    memmove(self->queue, self->queue + count, self->queued * sizeof(self->queue[0]));
}

static int fake_open(struct ev_publisher *port, int32_t partitions, int64_t timeout_ms, struct ev_error *error)
{
    struct fake_publisher *self = (struct fake_publisher *)port;
    (void)timeout_ms;
    if (self->fail_opens > 0) {
        self->fail_opens--;
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "away");
    }
    if (self->partitions && self->partitions != partitions)
        return ev_error_set(error, EV_ERR_CONFLICT, "partitions");
    self->partitions = partitions;
    self->queued = 0;
    return 0;
}

static int fake_last_mark(struct ev_publisher *port, int32_t partition, int64_t timeout_ms, struct ev_arena *arena,
                          struct ev_str *ret, struct ev_error *error)
{
    struct fake_publisher *self = (struct fake_publisher *)port;
    (void)timeout_ms;
    *ret = EV_STR_NULL;
    if (self->emptied)
        return ev_error_set(error, EV_ERR_CONFLICT, "gone");
    if (self->counts[partition] > 0)
        *ret = ev_arena_copy(arena, self->records[partition][self->counts[partition] - 1].mark);
    return 0;
}

static int fake_send(struct ev_publisher *port, int32_t partition, struct ev_str key, struct ev_str value,
                     const char *mark, struct ev_error *error)
{
    struct fake_publisher *self = (struct fake_publisher *)port;
    if (self->queued == QUEUE_MAX)
        return ev_error_set_retriable(error, EV_ERR_LIMIT, "full");
    self->queue[self->queued].partition = partition;
    self->queue[self->queued++].record =
        (struct shown){ev_arena_copy(&self->arena, key), ev_arena_copy(&self->arena, value),
                       ev_arena_copy(&self->arena, ev_str_of(mark))};
    return 0;
}

/* Acknowledges some when waited for. */
static int fake_serve(struct ev_publisher *port, int64_t timeout_ms, struct ev_error *error)
{
    struct fake_publisher *self = (struct fake_publisher *)port;
    if (self->fail_serves > 0) {
        self->fail_serves--;
        land(self, self->queued / 2);
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "failed");
    }
    if (timeout_ms > 0)
        land(self, (self->queued + 1) / 2);
    return 0;
}

static size_t fake_unacknowledged(const struct ev_publisher *port)
{
    return ((const struct fake_publisher *)port)->queued;
}

/* --- the stage --- */

static struct fake_log the_log;
static struct fake_reader the_reader;
static struct ev_fake_clock the_clock;
static struct ev_fake_random the_random;
static struct ev_feed *feed;

static void start_feed(void)
{
    const struct ev_feed_options options = {
        .topic = &product_topic,
        .topic_name = "shop.product",
        .source = fake_reader_source(&the_reader, &the_log),
        .publisher = &the_feed.port,
        .clock = &the_clock.clock,
        .random = &the_random.random,
    };
    feed = ev_feed_create(&options);
}

static int begin(void **state)
{
    (void)state;
    fake_log_init(&the_log, PARTITIONS);
    ev_fake_clock_init(&the_clock, 1);
    ev_fake_random_init(&the_random, 1);
    memset(&the_feed, 0, sizeof(the_feed));
    the_feed.port = (struct ev_publisher){.open = fake_open,
                                          .last_mark = fake_last_mark,
                                          .send = fake_send,
                                          .serve = fake_serve,
                                          .unacknowledged = fake_unacknowledged};
    start_feed();
    return 0;
}

static int end(void **state)
{
    (void)state;
    ev_feed_destroy(feed);
    fake_log_finish(&the_log);
    ev_arena_finish(&the_feed.arena);
    return 0;
}

/* A stream of partition 0 or 1 gets a commit with so many events; the quantity numbers them all. */
static int64_t next_number;

static void given_commit(int32_t partition, size_t count)
{
    struct stock_received bodies[4];
    struct ev_event events[4];
    for (size_t i = 0; i < count; i++) {
        bodies[i] = (struct stock_received){.sku = EV_STR("tea"), .quantity = ++next_number};
        events[i] = (struct ev_event){&stock_received_event, &bodies[i]};
    }
    fake_log_commit(&the_log, partition, partition ? "stock-milk" : "stock-tea", events, count);
}

static void given_void(int32_t partition)
{
    const struct stock_received body = {.sku = EV_STR("tea"), .quantity = -1};
    const struct ev_event event = {&stock_received_event, &body};
    fake_log_void(&the_log, partition, "stock-tea", &event);
}

static void run_feed(void)
{
    struct ev_error error = {0};
    for (int i = 0; i < 200; i++)
        if (ev_feed_step(feed, 0, &error) < 0)
            fail_msg("%s", error.message);
    assert_int_equal(ev_feed_stop(feed, &error), 0);
}

static int failing_step(void)
{
    struct ev_error error = {0};
    int r = ev_feed_step(feed, 0, &error);
    assert_true(r < 0);
    assert_false(ev_feed_is_well(feed));
    assert_true(ev_feed_pause_ms(feed) > 0 && ev_feed_pause_ms(feed) < 2 * EV_FEED_BACKOFF_MAX_MS);
    return r;
}

static int64_t number_of(const struct shown *record)
{
    const char *at = strstr(record->value.data, "\"quantity\":");
    assert_non_null(at);
    return strtoll(at + strlen("\"quantity\":"), NULL, 10);
}

/* --- tests --- */

static void an_event_is_a_cloud_event(void **state)
{
    (void)state;
    struct ev_buffer text = {0};
    const struct stock_reserved body = {.sku = EV_STR("te-a"),
                                        .order_id = EV_STR("o\"1"),
                                        .line = 2,
                                        .quantity = 3,
                                        .expires_at = 1291191300000,
                                        .reserved_at = 1291190400000};
    const struct ev_event events[] = {{&stock_received_event, NULL}, {&stock_reserved_event, &body}};
    struct ev_commit commit = {.stream_id = EV_STR("stock-te-a"),
                               .base_version = 6,
                               .correlation_id = EV_STR("c-1"),
                               .causation_id = EV_STR(""),
                               .occurred_at = 1291190400001,
                               .events = events,
                               .event_count = 2};
    ev_uuid_parse(EV_STR("01890a5d-ac96-774b-bcce-b302099a8057"), &commit.command_id);
    const struct ev_cloud_event_place place = {"shop.product", 3, 1234, 1};
    char schema[80], want[1024];
    snprintf(schema, sizeof(schema), "urn:orderlog:event:orderlog.stock.StockReserved:%016" PRIx64,
             stock_reserved_record.fingerprint);
    snprintf(want, sizeof(want),
             "{\"specversion\":\"1.0\",\"id\":\"3-1234-1\",\"source\":\"shop.product\","
             "\"type\":\"orderlog.stock.StockReserved\",\"subject\":\"stock-te-a\","
             "\"time\":\"2010-12-01T08:00:00.001Z\",\"datacontenttype\":\"application/json\",\"dataschema\":\"%s\","
             "\"streamversion\":\"7\",\"partitionkey\":\"te-a\",\"commandid\":\"01890a5d-ac96-774b-bcce-b302099a8057\","
             "\"correlationid\":\"c-1\",\"data\":{\"sku\":\"te-a\",\"order_id\":\"o\\\"1\",\"line\":2,\"quantity\":3,"
             "\"expires_at\":\"2010-12-01T08:15:00Z\",\"reserved_at\":\"2010-12-01T08:00:00Z\"}}",
             schema);
    ev_cloud_event_write(&commit, &place, &text);
    ev_buffer_append_byte(&text, '\0');
    assert_string_equal(text.data, want);
    ev_buffer_finish(&text);
}

static void each_event_is_a_record_and_nothing_else_is(void **state)
{
    (void)state;
    next_number = 0;
    fake_log_fence(&the_log, 0);
    given_commit(0, 2);
    given_void(0);
    fake_log_fence(&the_log, 0);
    given_commit(0, 1);
    fake_log_fence(&the_log, 1);
    given_commit(1, 3);
    run_feed();
    assert_true(ev_feed_is_well(feed));
    assert_int_equal(the_feed.counts[0], 3);
    assert_int_equal(the_feed.counts[1], 3);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(number_of(&the_feed.records[0][i]), i + 1);
        assert_int_equal(number_of(&the_feed.records[1][i]), i + 4);
        assert_true(ev_str_equal(the_feed.records[0][i].key, EV_STR("tea")));
        assert_true(ev_str_equal(the_feed.records[1][i].key, EV_STR("milk")));
    }
    assert_non_null(strstr(the_feed.records[0][1].value.data, "\"id\":\"0-1-1\""));
    assert_non_null(strstr(the_feed.records[0][2].value.data, "\"id\":\"0-4-0\""));
}

static void a_restart_goes_on_in_the_middle_of_a_commit(void **state)
{
    (void)state;
    next_number = 0;
    fake_log_fence(&the_log, 0);
    fake_log_fence(&the_log, 1);
    given_commit(0, 4);
    given_commit(0, 1);
    run_feed();
    the_feed.counts[0] = 2; /* only so many had arrived */
    ev_feed_destroy(feed);
    start_feed();
    run_feed();
    assert_int_equal(the_feed.counts[0], 5);
    for (int64_t i = 0; i < 5; i++)
        assert_int_equal(number_of(&the_feed.records[0][i]), i + 1);
}

static void another_log_is_refused(void **state)
{
    (void)state;
    next_number = 0;
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        fake_log_fence(&the_log, partition);
    given_commit(0, 1);
    given_commit(0, 1);
    run_feed();
    fake_log_recreate(&the_log);
    ev_feed_destroy(feed);
    start_feed();
    assert_int_equal(failing_step(), EV_ERR_CONFLICT); /* shorter than the feed */
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        fake_log_fence(&the_log, partition);
    given_commit(0, 1);
    given_commit(0, 1);
    given_commit(0, 1);
    assert_int_equal(failing_step(), EV_ERR_CONFLICT); /* other commits at the same places */
    assert_int_equal(the_feed.counts[0], 2);
}

static void what_it_cannot_go_by_stops_it(void **state)
{
    (void)state;
    next_number = 0;
    fake_log_fence(&the_log, 0);
    fake_log_fence(&the_log, 1);
    given_commit(0, 1);
    run_feed();
    ev_feed_destroy(feed);
    start_feed();
    the_feed.records[0][0].mark = EV_STR("2 1 0 1 0 x");
    assert_int_equal(failing_step(), EV_ERR_CONFLICT);
    the_feed.emptied = true;
    assert_int_equal(failing_step(), EV_ERR_CONFLICT);
    the_feed.emptied = false;
    the_feed.partitions = 5;
    assert_int_equal(failing_step(), EV_ERR_CONFLICT);
}

static void a_record_that_cannot_be_read_is_not_passed(void **state)
{
    (void)state;
    next_number = 0;
    fake_log_fence(&the_log, 0);
    fake_log_fence(&the_log, 1);
    given_commit(0, 1);
    fake_log_garbage(&the_log, 0);
    given_commit(0, 1);
    struct ev_error error;
    for (int i = 0; i < 20; i++)
        (void)ev_feed_step(feed, 0, &error);
    assert_int_equal(the_feed.counts[0], 1);
    assert_false(ev_feed_is_well(feed));
}

/* --- random schedules --- */

struct expected {
    int64_t numbers[PARTITIONS][RECORDS_MAX];
    size_t counts[PARTITIONS];
};

static uint64_t below(uint64_t bound)
{
    return ev_random_below(&the_random.random, bound);
}

static void expect_commit(struct expected *expected, int32_t partition, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expected->numbers[partition][expected->counts[partition]++] = next_number + 1 + (int64_t)i;
    given_commit(partition, count);
}

/* The process is gone. Of what was on its way some arrives at once, some after the next one has looked, some never; in
 * order. Returns how many arrive late; they are in `ret_late`. */
static struct fake_publisher the_dead; /* big */

static void crash(void)
{
    land(&the_feed, below(the_feed.queued + 1));
    memcpy(the_dead.queue, the_feed.queue, sizeof(the_feed.queue));
    the_dead.queued = below(the_feed.queued + 1);
    the_feed.queued = 0;
    ev_feed_destroy(feed);
    start_feed();
}

static size_t late_arrivals(void)
{
    size_t count = below(the_dead.queued + 1);
    for (size_t i = 0; i < count; i++) {
        int32_t partition = the_dead.queue[i].partition;
        the_feed.records[partition][the_feed.counts[partition]++] = the_dead.queue[i].record;
    }
    the_dead.queued -= count;
    memmove(the_dead.queue, the_dead.queue + count, the_dead.queued * sizeof(the_dead.queue[0]));
    return count;
}

static size_t random_step(struct expected *expected)
{
    struct ev_error error;
    switch (below(12)) {
    case 0:
        crash();
        return 0;
    case 1:
        fake_log_fence(&the_log, (int32_t)below(PARTITIONS));
        return 0;
    case 2:
        given_void((int32_t)below(PARTITIONS));
        return 0;
    case 3:
        the_log.poll_failures = below(2);
        the_feed.fail_opens = below(6) == 0;
        the_feed.fail_serves = below(6) == 0;
        return 0;
    case 4:
    case 5:
    case 6:
        expect_commit(expected, (int32_t)below(PARTITIONS), 1 + below(4));
        return 0;
    case 7:
        return late_arrivals();
    default:
        (void)ev_feed_step(feed, (int64_t)below(2), &error);
        return 0;
    }
}

static void check_partition(const struct expected *expected, int32_t partition, bool late, int64_t seed)
{
    size_t seen = 0;
    for (size_t i = 0; i < the_feed.counts[partition]; i++) {
        const struct shown *record = &the_feed.records[partition][i];
        int64_t number = number_of(record);
        if (seen < expected->counts[partition] && number == expected->numbers[partition][seen]) {
            seen++;
            continue;
        }
        bool again = false; /* then it is one that came before, byte for byte */
        for (size_t j = 0; j < i && !again; j++)
            again = ev_str_equal(the_feed.records[partition][j].value, record->value);
        if (!again || !late)
            fail_msg("seed %" PRId64 ", partition %d: event %" PRId64 " out of place", seed, (int)partition, number);
    }
    if (seen != expected->counts[partition])
        fail_msg("seed %" PRId64 ", partition %d: %zu of %zu events", seed, (int)partition, seen,
                 expected->counts[partition]);
}

static void no_schedule_leaves_a_gap_or_disorder(void **state)
{
    (void)state;
    static struct expected expected;
    size_t with_late = 0, total = 0;
    for (int64_t seed = 1; seed <= 600; seed++) {
        size_t late = 0;
        end(NULL);
        begin(NULL);
        ev_fake_random_init(&the_random, (uint64_t)seed);
        memset(&expected, 0, sizeof(expected));
        the_dead.queued = 0;
        next_number = 0;
        for (int32_t partition = 0; partition < PARTITIONS; partition++)
            fake_log_fence(&the_log, partition);
        the_log.poll_max = 1 + below(5);
        for (int step = 0; step < 150; step++)
            late += random_step(&expected);
        the_log.poll_failures = 0;
        the_feed.fail_opens = the_feed.fail_serves = 0;
        struct ev_error error;
        (void)ev_feed_step(feed, 0, &error); /* may find what failed before */
        run_feed();
        for (int32_t partition = 0; partition < PARTITIONS; partition++) {
            check_partition(&expected, partition, late > 0, seed);
            total += the_feed.counts[partition];
        }
        with_late += late > 0;
    }
    assert_true(with_late > 50 && with_late < 550);
    assert_true(total > 20000);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_a_cloud_event),
        TEST(each_event_is_a_record_and_nothing_else_is),
        TEST(a_restart_goes_on_in_the_middle_of_a_commit),
        TEST(another_log_is_refused),
        TEST(what_it_cannot_go_by_stops_it),
        TEST(a_record_that_cannot_be_read_is_not_passed),
        TEST(no_schedule_leaves_a_gap_or_disorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
