#include <stdlib.h>
#include <string.h>

#include "stage.h"

static struct stage stage;   /* big */
static size_t hot_bytes_min; /* all of it runs twice: with no stream hot, and with all */

static int begin(void **state)
{
    (void)state;
    stage_init(&stage);
    stage.options.hot_bytes_min = hot_bytes_min;
    stage_restart(&stage);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stage_finish(&stage);
    return 0;
}

/* Offset 0 is the fence, offset 1 the shelf's stock. */
static void given_a_shelf(int64_t units)
{
    stage_serve(&stage);
    struct ask *stock = stage_submit(stage_stock(&stage, "shelf-1", units, 9000));
    stage_settle(&stage);
    assert_answer(stock, EV_OUTCOME_COMMITTED, 1, 1);
}

static struct ask *sell(int64_t units, int number)
{
    return stage_submit(stage_sell(&stage, "shelf-1", units, number));
}

static void a_commit_is_acknowledged_when_it_is_in_the_log(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *ask = sell(1, 1);
    assert_open(ask);
    assert_true(fake_port_land(&stage.port));
    assert_open(ask);
    assert_true(fake_port_report(&stage.port));
    assert_answer(ask, EV_OUTCOME_COMMITTED, 2, 2);
    assert_int_equal(ask->result.partition, 0);
}

static void commands_wait_for_the_partition(void **state)
{
    (void)state;
    struct ask *ask = stage_submit(stage_stock(&stage, "shelf-1", 5, 1));
    assert_open(ask);
    stage_serve(&stage);
    stage_settle(&stage);
    assert_answer(ask, EV_OUTCOME_COMMITTED, 1, 1);
    assert_int_equal(stage.served, 1);
}

static void one_stream_is_pipelined(void **state)
{
    (void)state;
    struct ask *asks[50];
    given_a_shelf(30);
    for (int i = 0; i < 50; i++)
        asks[i] = sell(1, i);
    struct ev_partition_status status;
    ev_executor_partition_status(stage.executor, 0, &status);
    assert_int_equal(status.inflight, 30);
    assert_int_equal(status.held, 20);
    stage_settle(&stage);
    for (int i = 0; i < 30; i++)
        assert_answer(asks[i], EV_OUTCOME_COMMITTED, 2 + i, 2 + i);
    for (int i = 30; i < 50; i++) {
        assert_answer(asks[i], EV_OUTCOME_REJECTED, 31, 31);
        assert_int_equal(asks[i]->result.rejection, SHELF_SOLD_OUT);
        assert_string_equal(asks[i]->pointer, "/units");
        assert_string_equal(asks[i]->detail, "0 units are left");
    }
}

static void a_refusal_waits_for_the_log(void **state)
{
    (void)state;
    given_a_shelf(1);
    struct ask *ask = sell(2, 1);
    assert_open(ask);
    assert_true(fake_port_ask_end(&stage.port));
    assert_open(ask);
    assert_true(fake_port_answer_end(&stage.port, false));
    assert_answer(ask, EV_OUTCOME_REJECTED, 1, 1);
}

static void a_refusal_waits_for_what_it_was_decided_on(void **state)
{
    (void)state;
    given_a_shelf(1);
    struct ask *first = sell(1, 1), *second = sell(1, 2);
    assert_open(second);
    assert_true(fake_port_land(&stage.port));
    assert_true(fake_port_report(&stage.port));
    assert_answer(first, EV_OUTCOME_COMMITTED, 2, 2);
    assert_open(second);
    stage_settle(&stage);
    assert_answer(second, EV_OUTCOME_REJECTED, 2, 2);
}

static void a_refusal_on_a_void_commit_is_decided_again(void **state)
{
    (void)state;
    given_a_shelf(1);
    struct ask *first = stage_sell(&stage, "shelf-1", 1, 1);
    first->request.deadline_ms = stage.clock.now_ms + 10; /* it will not be decided again */
    stage_submit(first);
    struct ask *second = sell(1, 2);
    stage_pass(&stage, 10);
    assert_failed(first, EV_ERR_TIMEOUT);
    assert_true(fake_port_drop(&stage.port));
    stage_settle(&stage);
    assert_answer(second, EV_OUTCOME_COMMITTED, 2, 3);
}

static void a_void_commit_is_decided_again(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *asks[3] = {sell(1, 1), sell(2, 2), sell(3, 3)};
    assert_true(fake_port_land(&stage.port)); /* offset 2 */
    assert_true(fake_port_drop(&stage.port));
    assert_true(fake_port_land(&stage.port)); /* offset 3: void, behind a hole */
    stage_settle(&stage);                     /* offset 4: the new fence */
    assert_answer(asks[0], EV_OUTCOME_COMMITTED, 2, 2);
    assert_answer(asks[1], EV_OUTCOME_COMMITTED, 3, 5);
    assert_answer(asks[2], EV_OUTCOME_COMMITTED, 4, 6);
    struct ev_executor_stats stats;
    ev_executor_stats(stage.executor, &stats);
    assert_int_equal(stats.voids, 2);
    assert_int_equal(stats.refences, 1);
}

static void a_new_stream_that_came_to_nothing_is_none(void **state)
{
    (void)state;
    stage_serve(&stage);
    struct ask *stock = stage_stock(&stage, "shelf-1", 5, 1);
    stock->request.deadline_ms = stage.clock.now_ms + 100;
    stage_submit(stock);
    assert_true(fake_port_drop(&stage.port));
    stage_pass(&stage, 100);
    assert_failed(stock, EV_ERR_TIMEOUT);
    stage_settle(&stage);
    struct ask *ask = sell(1, 2);
    stage_settle(&stage);
    assert_answer(ask, EV_OUTCOME_REJECTED, 0, 1); /* all that is known of the partition: two fences */
    assert_int_equal(ask->result.rejection, SHELF_UNKNOWN);
    struct ev_executor_stats stats;
    ev_executor_stats(stage.executor, &stats);
    assert_int_equal(stats.streams, 0);
}

static void the_same_command_is_done_once(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *first = sell(1, 1);
    stage_settle(&stage);
    struct ask *again = sell(1, 1);
    assert_open(again); /* not before the log has confirmed */
    stage_settle(&stage);
    assert_answer(first, EV_OUTCOME_COMMITTED, 2, 2);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 2, 2);
    assert_int_equal(stage.log.end, 3);
}

static void the_same_command_in_flight_waits_for_the_first(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *first = sell(1, 1), *again = sell(1, 1), *third = sell(1, 1);
    third->request.request_hash.bytes[0] ^= 1; /* too late: it is compared when the first is settled */
    stage_settle(&stage);
    assert_answer(first, EV_OUTCOME_COMMITTED, 2, 2);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 2, 2);
    assert_answer(third, EV_OUTCOME_REUSED, 2, 2);
    assert_int_equal(stage.log.end, 3);
}

static void who_waited_for_a_void_commit_takes_its_place(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *first = stage_sell(&stage, "shelf-1", 1, 1);
    first->request.deadline_ms = stage.clock.now_ms + 10;
    stage_submit(first);
    struct ask *again = sell(1, 1);
    stage_pass(&stage, 10);
    assert_failed(first, EV_ERR_TIMEOUT);
    assert_open(again);
    assert_true(fake_port_drop(&stage.port));
    stage_settle(&stage);
    assert_answer(again, EV_OUTCOME_COMMITTED, 2, 3);
}

static void another_request_under_the_same_id_is_refused(void **state)
{
    (void)state;
    given_a_shelf(10);
    sell(1, 1);
    stage_settle(&stage);
    struct ask *other = stage_sell(&stage, "shelf-1", 2, 1);
    other->request.request_hash = ev_hash128(EV_STR("another"));
    stage_submit(other);
    stage_settle(&stage);
    assert_answer(other, EV_OUTCOME_REUSED, 2, 2);
}

static void a_refusal_is_not_remembered(void **state)
{
    (void)state;
    given_a_shelf(1);
    struct ask *first = sell(2, 1);
    stage_settle(&stage);
    assert_answer(first, EV_OUTCOME_REJECTED, 1, 1);
    stage_submit(stage_stock(&stage, "shelf-1", 5, 2));
    stage_settle(&stage);
    struct ask *again = sell(2, 1);
    stage_settle(&stage);
    assert_answer(again, EV_OUTCOME_COMMITTED, 3, 3);
}

static void the_window_is_bounded(void **state)
{
    (void)state;
    stage_finish(&stage);
    stage_init(&stage);
    stage.options.dedup_entries_max = 3;
    stage_restart(&stage);
    given_a_shelf(100);
    for (int i = 0; i < 10; i++)
        sell(1, i);
    stage_settle(&stage);
    struct ev_executor_stats stats;
    ev_executor_stats(stage.executor, &stats);
    assert_int_equal(stats.dedup_entries, 3);
    struct ask *known = sell(1, 9), *forgotten = sell(1, 0);
    stage_settle(&stage);
    assert_answer(known, EV_OUTCOME_DUPLICATE, 11, 11);
    assert_int_equal(forgotten->result.outcome, EV_OUTCOME_COMMITTED);
}

static void the_expected_version_is_compared(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *first = stage_sell(&stage, "shelf-1", 1, 1), *second = stage_sell(&stage, "shelf-1", 1, 2);
    first->request.expected_version = 1;
    second->request.expected_version = 1; /* but the first one comes before */
    stage_submit(first);
    stage_submit(second);
    stage_settle(&stage);
    assert_answer(first, EV_OUTCOME_COMMITTED, 2, 2);
    assert_answer(second, EV_OUTCOME_MISMATCH, 2, 2);
}

static void no_change_is_no_commit(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *ask = stage_sell(&stage, "shelf-1", 0, 1);
    ask->request.wants_state = true;
    stage_submit(ask);
    assert_open(ask);
    stage_settle(&stage);
    assert_answer(ask, EV_OUTCOME_UNCHANGED, 1, 1);
    assert_int_equal(((const struct shelf_state *)ask->result.state)->stocked, 10);
    assert_int_equal(stage.log.end, 2);
}

static void the_state_comes_with_the_answer(void **state)
{
    (void)state;
    struct ask *asks[3];
    given_a_shelf(10);
    for (int i = 0; i < 3; i++) {
        asks[i] = stage_sell(&stage, "shelf-1", 1, i);
        asks[i]->request.wants_state = true;
        stage_submit(asks[i]);
    }
    stage_settle(&stage);
    for (int i = 0; i < 3; i++) {
        const struct shelf_state *shelf = asks[i]->result.state;
        assert_non_null(shelf);
        assert_int_equal(shelf->sold, i + 1);
        assert_true(ev_str_equal(shelf->last_buyer, EV_STR("buyer")));
    }
    struct ask *again = stage_sell(&stage, "shelf-1", 1, 0);
    again->request.wants_state = true;
    stage_submit(again);
    stage_settle(&stage);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 2, 2);
    assert_int_equal(((const struct shelf_state *)again->result.state)->sold, 3); /* as it is now */
}

static void all_is_found_again_in_the_log(void **state)
{
    (void)state;
    given_a_shelf(3);
    sell(1, 1);
    sell(1, 2);
    stage_settle(&stage);
    stage_restart(&stage);
    stage_serve(&stage);
    struct ask *again = sell(1, 2), *third = sell(1, 3), *fourth = sell(1, 4);
    stage_settle(&stage);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 3, 3);
    assert_answer(third, EV_OUTCOME_COMMITTED, 4, 5);
    assert_answer(fourth, EV_OUTCOME_REJECTED, 4, 5);
}

static void an_unknown_schema_stops_the_partition(void **state)
{
    (void)state;
    given_a_shelf(3);
    char strange[] = "\0\0\0\0\x63 rest";
    (void)fake_log_append(&stage.log, (struct ev_str){strange, sizeof(strange)});
    stage_restart(&stage);
    ev_executor_acquire(stage.executor, 0);
    stage_settle(&stage);
    stage_pass(&stage, 5000);
    stage_settle(&stage);
    struct ev_partition_status status;
    ev_executor_partition_status(stage.executor, 0, &status);
    assert_int_equal(status.state, EV_OWNER_CATCHING_UP);
    assert_int_not_equal(status.last_error.code, EV_ERR_NONE);
    assert_int_equal(stage.log.end, 3); /* no fence */
}

static void a_deadline_ends_the_wait(void **state)
{
    (void)state;
    struct ask *undecided = sell(1, 1);
    stage_pass(&stage, 4999);
    assert_open(undecided);
    stage_pass(&stage, 1);
    assert_failed(undecided, EV_ERR_TIMEOUT);
    given_a_shelf(10);
    struct ask *in_flight = sell(1, 2), *held = sell(20, 3);
    stage_pass(&stage, 5000);
    assert_failed(in_flight, EV_ERR_TIMEOUT);
    assert_failed(held, EV_ERR_TIMEOUT);
    stage_settle(&stage);
    struct ask *again = sell(1, 2); /* it did get there */
    stage_settle(&stage);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 2, 2);
    assert_int_equal(ev_executor_pending(stage.executor), 0);
}

static void requests_are_bounded(void **state)
{
    (void)state;
    struct ask *last = NULL;
    for (int i = 0; i < 101; i++)
        last = sell(1, i);
    assert_failed(last, EV_ERR_LIMIT);
    assert_true(last->result.error.retriable);
    assert_int_equal(ev_executor_pending(stage.executor), 100);
}

static void a_full_queue_delays(void **state)
{
    (void)state;
    given_a_shelf(10);
    stage.port.full = true;
    struct ask *ask = sell(1, 1);
    stage_pass(&stage, 10);
    assert_open(ask);
    stage.port.full = false;
    stage_pass(&stage, 10);
    stage_settle(&stage);
    assert_answer(ask, EV_OUTCOME_COMMITTED, 2, 2);
}

static void a_stream_of_another_category_is_refused(void **state)
{
    (void)state;
    stage_serve(&stage);
    const char *const wrong[] = {"cart-1", "shelf", "shelf-", "", "-1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_failed(stage_submit(stage_sell(&stage, wrong[i], 1, (int)i)), EV_ERR_INVALID);
    static char long_id[EV_STREAM_ID_MAX + 2];
    memset(long_id, 'x', sizeof(long_id) - 1);
    memcpy(long_id, "shelf-", 6);
    assert_failed(stage_submit(stage_sell(&stage, long_id, 1, 77)), EV_ERR_INVALID);
}

/* A truncated log: what was acknowledged from its tail is gone, and nothing of it may be left in memory. */
static void a_cut_log_is_read_anew(void **state)
{
    (void)state;
    given_a_shelf(10);
    sell(1, 1);
    stage_settle(&stage);
    ev_executor_release(stage.executor, 0);
    free((char *)stage.log.records[--stage.log.end].data);
    ev_executor_acquire(stage.executor, 0);
    assert_true(fake_port_read_fail(&stage.port, EV_ERR_CONFLICT));
    stage_pass(&stage, 1000);
    stage_settle(&stage);
    struct ask *again = sell(1, 1);
    stage_settle(&stage);
    assert_answer(again, EV_OUTCOME_COMMITTED, 2, 3);
}

static struct ask *chained;
static void submit_next(struct ev_request *request, const struct ev_result *result)
{
    struct ask *ask = (struct ask *)request;
    ask->answers++;
    ask->result = *result;
    if (chained) {
        struct ask *next = chained;
        chained = NULL;
        stage_submit(next);
    }
}

static void an_answer_may_lead_to_the_next_request(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *first = stage_sell(&stage, "shelf-1", 1, 1), *refused = stage_sell(&stage, "shelf-1", 99, 2);
    first->request.done = submit_next;
    refused->request.done = submit_next;
    chained = stage_sell(&stage, "shelf-1", 1, 3);
    struct ask *third = chained;
    stage_submit(first);
    stage_settle(&stage);
    assert_answer(third, EV_OUTCOME_COMMITTED, 3, 3);
    chained = stage_sell(&stage, "shelf-1", 1, 4);
    struct ask *fourth = chained;
    stage_submit(refused);
    stage_settle(&stage);
    assert_answer(fourth, EV_OUTCOME_COMMITTED, 4, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_commit_is_acknowledged_when_it_is_in_the_log),
        TEST(commands_wait_for_the_partition),
        TEST(one_stream_is_pipelined),
        TEST(a_refusal_waits_for_the_log),
        TEST(a_refusal_waits_for_what_it_was_decided_on),
        TEST(a_refusal_on_a_void_commit_is_decided_again),
        TEST(a_void_commit_is_decided_again),
        TEST(a_new_stream_that_came_to_nothing_is_none),
        TEST(the_same_command_is_done_once),
        TEST(the_same_command_in_flight_waits_for_the_first),
        TEST(who_waited_for_a_void_commit_takes_its_place),
        TEST(another_request_under_the_same_id_is_refused),
        TEST(a_refusal_is_not_remembered),
        TEST(the_window_is_bounded),
        TEST(the_expected_version_is_compared),
        TEST(no_change_is_no_commit),
        TEST(the_state_comes_with_the_answer),
        TEST(all_is_found_again_in_the_log),
        TEST(an_unknown_schema_stops_the_partition),
        TEST(a_deadline_ends_the_wait),
        TEST(requests_are_bounded),
        TEST(a_full_queue_delays),
        TEST(a_stream_of_another_category_is_refused),
        TEST(a_cut_log_is_read_anew),
        TEST(an_answer_may_lead_to_the_next_request),
    };
    int failed = cmocka_run_group_tests_name("cold streams", tests, NULL, NULL);
    hot_bytes_min = 1;
    return failed + cmocka_run_group_tests_name("hot streams", tests, NULL, NULL);
}
