/* Partitions that change hands: lost, released, drained, stood by for. */
#include <stdlib.h>
#include <string.h>

#include "stage.h"

static struct stage stage; /* big */

static int begin(void **state)
{
    (void)state;
    stage_init(&stage);
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

/* A second process on the same log. */
static struct stage *new_other(void)
{
    struct stage *other = calloc(1, sizeof(*other));
    stage_init(other);
    ev_fake_random_init(&other->random, 8); /* an instance of its own */
    stage_restart(other);
    other->port.log = &stage.log;
    return other;
}

static void free_other(struct stage *other)
{
    stage_finish(other);
    free(other);
}

static void a_lost_partition_answers_nothing_more(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct stage *other = new_other();
    struct ask *in_flight = sell(1, 1), *held = sell(20, 2);
    stage_serve(other);
    stage_settle(&stage);
    assert_int_equal(stage.lost, 1);
    struct ask *later = sell(1, 3);
    stage_settle(&stage);
    assert_open(in_flight);
    assert_open(held);
    assert_open(later);
    /* The same command at the new owner is the one that counts. */
    struct ask *retry = stage_submit(stage_sell(other, "shelf-1", 1, 1));
    stage_settle(other);
    assert_int_equal(retry->result.outcome, EV_OUTCOME_COMMITTED);
    assert_int_equal(retry->result.version, 2);
    stage_pass(&stage, 5000);
    assert_failed(in_flight, EV_ERR_TIMEOUT);
    assert_failed(held, EV_ERR_TIMEOUT);
    assert_failed(later, EV_ERR_TIMEOUT);
    free_other(other);
}

static void what_waits_for_a_lost_partition_is_done_when_it_is_assigned_anew(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct stage *other = new_other();
    struct ask *first = sell(9, 1), *second = sell(2, 2);
    stage_serve(other);
    struct ask *theirs = stage_submit(stage_sell(other, "shelf-1", 3, 3));
    stage_settle(other);
    assert_int_equal(theirs->result.outcome, EV_OUTCOME_COMMITTED);
    stage_settle(&stage);
    assert_int_equal(stage.lost, 1);
    stage_serve(&stage);
    stage_settle(&stage);
    assert_int_equal(first->result.outcome, EV_OUTCOME_REJECTED); /* decided on what the other has sold */
    assert_int_equal(second->result.outcome, EV_OUTCOME_COMMITTED);
    assert_int_equal(second->result.version, 3);
    free_other(other);
}

static void a_released_partition_leaves_doubt(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *landed = sell(1, 1), *dropped = sell(1, 2);
    assert_true(fake_port_land(&stage.port));
    ev_executor_release(stage.executor, 0);
    assert_open(landed);
    assert_open(dropped);
    assert_true(fake_port_drop(&stage.port));
    struct ask *again = sell(1, 1);
    stage_serve(&stage);
    stage_settle(&stage);
    assert_answer(landed, EV_OUTCOME_DUPLICATE, 2, 2);
    assert_answer(dropped, EV_OUTCOME_COMMITTED, 3, 4);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 2, 2);
}

static void who_waits_in_doubt_is_told_so_at_the_deadline(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *in_doubt = sell(1, 1);
    ev_executor_release(stage.executor, 0);
    struct ask *queued = sell(1, 2);
    stage_pass(&stage, 5000);
    assert_failed(in_doubt, EV_ERR_TIMEOUT);
    assert_failed(queued, EV_ERR_TIMEOUT);
    assert_non_null(strstr(in_doubt->result.error.message, "retry with the same id"));
    assert_non_null(strstr(queued->result.error.message, "nothing was written"));
}

static void a_drain_settles_what_is_on_its_way_and_decides_nothing_more(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *in_flight = sell(1, 1), *held = sell(20, 2);
    ev_executor_drain(stage.executor, 0);
    struct ask *later = sell(1, 3);
    assert_int_equal(stage.drained, 0);
    stage_settle(&stage);
    assert_answer(in_flight, EV_OUTCOME_COMMITTED, 2, 2);
    assert_int_equal(held->result.outcome, EV_OUTCOME_REJECTED);
    assert_open(later);
    assert_int_equal(stage.drained, 1);
    assert_int_equal(stage.log.end, 3);
    /* Who has it next doesn't fence over a record of ours. */
    struct stage *other = new_other();
    stage_serve(other);
    struct ask *theirs = stage_submit(stage_sell(other, "shelf-1", 1, 3));
    stage_settle(other);
    assert_answer(theirs, EV_OUTCOME_COMMITTED, 3, 4);
    assert_int_equal(stage.lost, 0);
    free_other(other);
}

static void an_idle_partition_is_drained_at_once(void **state)
{
    (void)state;
    given_a_shelf(10);
    ev_executor_drain(stage.executor, 0);
    assert_int_equal(stage.drained, 1);
    assert_false(ev_executor_is_serving(stage.executor, 0));
    ev_executor_drain(stage.executor, 0); /* not owned: done as well */
    assert_int_equal(stage.drained, 2);
}

static void a_drain_is_bounded(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *in_flight = sell(1, 1);
    ev_executor_drain(stage.executor, 0);
    stage_pass(&stage, EV_EXECUTOR_DRAIN_MS - 1);
    assert_int_equal(stage.drained, 0);
    stage_pass(&stage, 1);
    assert_int_equal(stage.drained, 1);
    assert_open(in_flight);
    assert_true(fake_port_land(&stage.port)); /* late, but before the next fence */
    stage_serve(&stage);
    stage_settle(&stage);
    assert_answer(in_flight, EV_OUTCOME_DUPLICATE, 2, 2);
}

static void a_drain_waits_for_a_fence_on_its_way(void **state)
{
    (void)state;
    ev_executor_acquire(stage.executor, 0);
    assert_true(fake_port_read(&stage.port)); /* the fence is sent */
    ev_executor_drain(stage.executor, 0);
    assert_int_equal(stage.drained, 0);
    stage_settle(&stage);
    assert_int_equal(stage.drained, 1);
    assert_int_equal(stage.log.end, 1);
}

static void a_drain_outlasts_doubt(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *dropped = sell(1, 1);
    ev_executor_drain(stage.executor, 0);
    assert_true(fake_port_drop(&stage.port));
    stage_settle(&stage);
    assert_int_equal(stage.drained, 1); /* after a fence that settles it */
    assert_int_equal(stage.log.end, 3);
    assert_open(dropped);
    stage_serve(&stage);
    stage_settle(&stage);
    assert_answer(dropped, EV_OUTCOME_COMMITTED, 2, 4);
}

static void a_partition_lost_while_it_is_drained_is_drained(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *in_flight = sell(1, 1);
    ev_executor_drain(stage.executor, 0);
    struct stage *other = new_other();
    stage_serve(other);
    stage_settle(&stage);
    assert_int_equal(stage.lost, 1);
    assert_int_equal(stage.drained, 1);
    assert_open(in_flight);
    free_other(other);
}

static void what_waits_can_be_withdrawn(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct ask *in_flight = sell(1, 1);
    assert_null(ev_executor_withdraw(stage.executor, 0)); /* served */
    ev_executor_drain(stage.executor, 0);
    struct ask *first = sell(1, 2), *second = sell(1, 3);
    assert_null(ev_executor_withdraw(stage.executor, 0)); /* not yet */
    stage_settle(&stage);
    assert_answer(in_flight, EV_OUTCOME_COMMITTED, 2, 2);
    struct ev_request *withdrawn = ev_executor_withdraw(stage.executor, 0);
    assert_ptr_equal(withdrawn, &first->request);
    assert_ptr_equal(withdrawn->next, &second->request);
    assert_null(withdrawn->next->next);
    assert_int_equal(ev_executor_pending(stage.executor), 0);
    assert_null(ev_executor_withdraw(stage.executor, 0));
    stage_submit(second);
    stage_submit(first);
    stage_serve(&stage);
    stage_settle(&stage);
    assert_int_equal(second->result.version, 3);
    assert_int_equal(first->result.version, 4);
}

static void a_standby_serves_after_the_tail_and_its_fence(void **state)
{
    (void)state;
    given_a_shelf(10);
    struct stage *other = new_other();
    ev_executor_standby(other->executor, 0);
    stage_settle(other);
    struct ask *sold = sell(9, 1), *waits = stage_submit(stage_sell(other, "shelf-1", 2, 2));
    stage_settle(&stage);
    assert_answer(sold, EV_OUTCOME_COMMITTED, 2, 2);
    stage_settle(other);
    assert_open(waits);
    ev_executor_drain(stage.executor, 0);
    ev_executor_acquire(other->executor, 0);
    assert_true(fake_port_read(&other->port)); /* nothing is left to read but the end */
    assert_true(fake_port_land(&other->port));
    assert_true(fake_port_report(&other->port));
    assert_true(ev_executor_is_serving(other->executor, 0));
    stage_settle(other);
    assert_answer(waits, EV_OUTCOME_REJECTED, 2, 2);
    free_other(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lost_partition_answers_nothing_more),
        TEST(what_waits_for_a_lost_partition_is_done_when_it_is_assigned_anew),
        TEST(a_released_partition_leaves_doubt),
        TEST(who_waits_in_doubt_is_told_so_at_the_deadline),
        TEST(a_drain_settles_what_is_on_its_way_and_decides_nothing_more),
        TEST(an_idle_partition_is_drained_at_once),
        TEST(a_drain_is_bounded),
        TEST(a_drain_waits_for_a_fence_on_its_way),
        TEST(a_drain_outlasts_doubt),
        TEST(a_partition_lost_while_it_is_drained_is_drained),
        TEST(what_waits_can_be_withdrawn),
        TEST(a_standby_serves_after_the_tail_and_its_fence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
