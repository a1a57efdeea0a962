#include "testing.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/log.h"
#include "tracker.h"

#define LONG_MS 20000

/* The loop of these tests: what is posted runs at once, on the tracker's thread. Found before the real one when
 * linking. */
void http_loop_post(struct http_loop *loop, void (*function)(void *context), void *context)
{
    (void)loop;
    function(context);
}

/* A store that is set by the test. */
static struct {
    pthread_mutex_t lock;
    bool away;
    int version, generation;
    int64_t next_offset[3];    /* of the view orders; 0: no checkpoint */
    int64_t next_of_others[3]; /* of its generations beyond the first */
    int64_t parked;            /* documents of the first generation; others have one more */
    int64_t stopped_at_ms;     /* of partition 1, in every generation; 0: it isn't */
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct store_state state;
static struct tracker *tracker;

static int read_versions(void *context, struct tracker_table *table, struct ev_error *error)
{
    (void)context;
    pthread_mutex_lock(&store.lock);
    struct tracker_view *view = &table->views[QUERY_VIEW_ORDERS];
    view->version = store.version;
    view->generation = store.generation;
    view_versioned_collection_name("orderlog", QUERY_VIEW_ORDERS, 1, store.generation, view->target);
    int answer = store.away ? ev_error_set(error, EV_ERR_UNAVAILABLE, "gone") : 0;
    pthread_mutex_unlock(&store.lock);
    return answer;
}

static int read_checkpoints(void *context, bool all, struct tracker_table *table, struct ev_error *error)
{
    (void)context;
    (void)all;
    pthread_mutex_lock(&store.lock);
    struct tracker_view *view = &table->views[QUERY_VIEW_ORDERS];
    view->partition_count = 3;
    const int64_t *next_offset = view->generation > 1 ? store.next_of_others : store.next_offset;
    for (size_t i = 0; i < 3; i++)
        view->partitions[i] = (struct tracker_checkpoint){.present = next_offset[i] > 0,
                                                          .next_offset = next_offset[i],
                                                          .log_time_ms = 1000,
                                                          .updated_at_ms = 1000 + 500 * (int64_t)i};
    int answer = store.away ? ev_error_set(error, EV_ERR_UNAVAILABLE, "gone") : 0;
    pthread_mutex_unlock(&store.lock);
    return answer;
}

static int read_parked(void *context, struct tracker_table *table, struct ev_error *error)
{
    (void)context;
    (void)error;
    pthread_mutex_lock(&store.lock);
    struct tracker_view *view = &table->views[QUERY_VIEW_ORDERS];
    view->parked = (struct tracker_parked){0};
    for (int64_t i = 0; i < store.parked + (view->generation > 1); i++)
        tracker_note_parked(&view->parked, EV_STR("order-1"), 1, 77);
    if (store.stopped_at_ms)
        tracker_note_parked(&view->parked, EV_STR("#partition 1"), 1, store.stopped_at_ms);
    pthread_mutex_unlock(&store.lock);
    return 0;
}

static void set_store(bool away, int64_t first, int64_t second)
{
    pthread_mutex_lock(&store.lock);
    store.away = away;
    store.version = store.generation = 1;
    store.next_offset[0] = first;
    store.next_offset[1] = second;
    pthread_mutex_unlock(&store.lock);
}

struct request {
    struct tracker_waiter waiter;
    struct ev_position positions[2];
    sem_t done;
};

static void on_done(void *context)
{
    struct request *request = context;
    sem_post(&request->done);
}

static enum tracker_outcome begin(struct request *request, const char *topic, int32_t partition, int64_t offset,
                                  int64_t wait_ms)
{
    memset(request, 0, sizeof(*request));
    sem_init(&request->done, 0, 0);
    request->positions[0] = (struct ev_position){.topic = ev_str_of(topic), .partition = partition, .offset = offset};
    request->waiter = (struct tracker_waiter){.view = QUERY_VIEW_ORDERS,
                                              .positions = request->positions,
                                              .position_count = 1,
                                              .deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + wait_ms,
                                              .done = on_done,
                                              .context = request};
    return tracker_wait(tracker, &request->waiter);
}

static enum tracker_outcome await(struct request *request)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LONG_MS / 1000;
    if (sem_timedwait(&request->done, &until) != 0)
        fail_msg("the waiter was never sent on");
    return request->waiter.outcome;
}

static int set_up(void **test_state)
{
    (void)test_state;
    const struct tracker_source source = {
        .busy_ms = 5, .read_versions = read_versions, .read_checkpoints = read_checkpoints, .read_parked = read_parked};
    set_store(false, 10, 20);
    store_state_init(&state, QUERY_STORE_MONGODB, NULL);
    assert_int_equal(tracker_create(&source, &state, &tracker, NULL), 0);
    tracker_await_first_look(tracker, LONG_MS);
    return 0;
}

static int tear_down(void **test_state)
{
    (void)test_state;
    tracker_destroy(tracker);
    tracker = NULL;
    store_state_finish(&state);
    return 0;
}

static void test_what_is_reflected_goes_on_at_once(void **test_state)
{
    (void)test_state;
    struct request request;
    assert_int_equal(begin(&request, "order", 0, 9, LONG_MS), TRACKER_REFLECTED);
    assert_int_equal(begin(&request, "order", 1, -1, LONG_MS), TRACKER_REFLECTED);
    assert_int_equal(begin(&request, "cart", 0, 1000, LONG_MS), TRACKER_REFLECTED);
}

static void test_waits_for_the_record_itself(void **test_state)
{
    (void)test_state;
    struct request request;
    assert_int_equal(begin(&request, "order", 0, 10, LONG_MS), TRACKER_WAITING);
    set_store(false, 11, 20);
    assert_int_equal(await(&request), TRACKER_REFLECTED);
    /* A partition without a checkpoint has reflected nothing. */
    assert_int_equal(begin(&request, "order", 2, 0, 1), TRACKER_WAITING);
    assert_int_equal(await(&request), TRACKER_BEHIND);
    /* Nor has one that there isn't: wrong numbers of a client do no harm. */
    assert_int_equal(begin(&request, "order", INT32_MAX, 0, 1), TRACKER_WAITING);
    assert_int_equal(await(&request), TRACKER_BEHIND);
}

static void test_a_store_that_goes_ends_the_wait(void **test_state)
{
    (void)test_state;
    struct request request;
    assert_int_equal(begin(&request, "order", 0, 10, LONG_MS), TRACKER_WAITING);
    set_store(true, 10, 20);
    assert_int_equal(await(&request), TRACKER_AWAY);
    assert_int_equal(begin(&request, "order", 0, 10, LONG_MS), TRACKER_AWAY);
    /* What was known is still known. */
    assert_int_equal(begin(&request, "order", 0, 9, LONG_MS), TRACKER_REFLECTED);
}

static void test_stopping_ends_the_wait(void **test_state)
{
    (void)test_state;
    struct request request;
    assert_int_equal(begin(&request, "order", 0, 10, LONG_MS), TRACKER_WAITING);
    tracker_stop_waits(tracker);
    assert_int_equal(await(&request), TRACKER_STOPPING);
    assert_int_equal(begin(&request, "order", 0, 10, LONG_MS), TRACKER_STOPPING);
}

static void test_the_list_is_bounded(void **test_state)
{
    (void)test_state;
    static struct request requests[TRACKER_WAITERS_MAX + 1];
    for (size_t i = 0; i < TRACKER_WAITERS_MAX; i++)
        assert_int_equal(begin(&requests[i], "order", 0, 10 + (int64_t)i, LONG_MS), TRACKER_WAITING);
    assert_int_equal(begin(&requests[TRACKER_WAITERS_MAX], "order", 0, 10, LONG_MS), TRACKER_FULL);
    set_store(false, 10 + TRACKER_WAITERS_MAX, 20);
    for (size_t i = 0; i < TRACKER_WAITERS_MAX; i++)
        assert_int_equal(await(&requests[i]), TRACKER_REFLECTED);
}

static void test_snapshots(void **test_state)
{
    (void)test_state;
    struct tracker_snapshot snapshot;
    struct ev_position positions[EV_POSITIONS_MAX];
    size_t count;
    tracker_snapshot(tracker, QUERY_VIEW_ORDERS, &snapshot);
    assert_int_equal(snapshot.version, 1);
    assert_string_equal(snapshot.target, "orders_v1");
    assert_true(tracker_snapshot_positions(&snapshot, QUERY_VIEW_ORDERS, positions, &count));
    assert_int_equal(count, 2);
    assert_str(positions[0].topic, "order");
    assert_int_equal(positions[0].offset, 9);
    assert_int_equal(positions[1].partition, 1);
    assert_int_equal(positions[1].offset, 19);
    assert_int_equal(tracker_snapshot_lag_ms(&snapshot), 500);
    const struct ev_position wanted[] = {{EV_STR("order"), 0, 12},
                                         {EV_STR("cart"), 0, 99},
                                         {EV_STR("order"), 1, INT64_MAX},
                                         {EV_STR("order"), 2, INT64_MAX}};
    assert_true(tracker_snapshot_missing(&snapshot, QUERY_VIEW_ORDERS, wanted, 2) == 3);
    assert_true(tracker_snapshot_missing(&snapshot, QUERY_VIEW_ORDERS, wanted, 4) == INT64_MAX);
    tracker_snapshot(tracker, QUERY_VIEW_CARTS, &snapshot);
    assert_int_equal(snapshot.version, 0);
}

static void set_generation(int generation, int64_t first, int64_t second)
{
    pthread_mutex_lock(&store.lock);
    store.generation = generation;
    store.next_of_others[0] = first;
    store.next_of_others[1] = second;
    pthread_mutex_unlock(&store.lock);
}

static int generation_now(void)
{
    struct tracker_snapshot snapshot;
    tracker_snapshot(tracker, QUERY_VIEW_ORDERS, &snapshot);
    return snapshot.generation;
}

/* Each wait makes the tracker look. */
static bool look_until_generation(int generation, int64_t ms)
{
    int64_t until = ev_clock_monotonic_ms(&ev_clock_system) + ms;
    while (generation_now() != generation && ev_clock_monotonic_ms(&ev_clock_system) < until) {
        struct request request;
        if (begin(&request, "order", 2, 99, 20) == TRACKER_WAITING)
            await(&request);
    }
    return generation_now() == generation;
}

static void test_another_generation_is_taken_when_it_reflects_as_much(void **test_state)
{
    (void)test_state;
    set_generation(2, 10, 19); /* one record less than the first in partition 1 */
    assert_false(look_until_generation(2, TRACKER_VERSIONS_MS + 1000));
    set_generation(2, 10, 20);
    assert_true(look_until_generation(2, LONG_MS));
    set_generation(1, 0, 0); /* and back: the first reflects as much */
    assert_true(look_until_generation(1, LONG_MS));
}

/* A document was shown ahead of its checkpoint: the next generation is waited for until it has it as well. */
static void test_what_was_shown_of_one_generation_is_awaited_of_the_next(void **test_state)
{
    (void)test_state;
    struct tracker_snapshot first;
    struct request request;
    tracker_snapshot(tracker, QUERY_VIEW_ORDERS, &first);
    tracker_note_shown(tracker, QUERY_VIEW_ORDERS, &first, 1, 24);
    assert_false(tracker_has_floor(tracker, QUERY_VIEW_ORDERS));
    set_generation(2, 10, 20);
    assert_true(look_until_generation(2, LONG_MS));
    assert_true(tracker_has_floor(tracker, QUERY_VIEW_ORDERS));
    assert_int_equal(begin(&request, "cart", 0, 0, LONG_MS), TRACKER_WAITING);
    set_generation(2, 10, 25);
    assert_int_equal(await(&request), TRACKER_REFLECTED);
    assert_false(tracker_has_floor(tracker, QUERY_VIEW_ORDERS));
    tracker_note_shown(tracker, QUERY_VIEW_ORDERS, &first, 0, 10); /* an answer that was under way */
    assert_true(tracker_has_floor(tracker, QUERY_VIEW_ORDERS));
    assert_int_equal(begin(&request, "cart", 0, 0, LONG_MS), TRACKER_WAITING);
    set_generation(2, 11, 25);
    assert_int_equal(await(&request), TRACKER_REFLECTED);
}

static void set_parked(int64_t documents, int64_t stopped_at_ms)
{
    pthread_mutex_lock(&store.lock);
    store.parked = documents;
    store.stopped_at_ms = stopped_at_ms;
    pthread_mutex_unlock(&store.lock);
}

static bool look_until_parked(int64_t documents, int64_t stopped_at_ms)
{
    struct tracker_snapshot now;
    int64_t until = ev_clock_monotonic_ms(&ev_clock_system) + LONG_MS;
    do {
        struct request request;
        if (begin(&request, "order", 2, 99, 20) == TRACKER_WAITING)
            await(&request);
        tracker_snapshot(tracker, QUERY_VIEW_ORDERS, &now);
        if (now.parked.documents == documents && tracker_snapshot_stopped_at_ms(&now, 1) == stopped_at_ms)
            return true;
    } while (ev_clock_monotonic_ms(&ev_clock_system) < until);
    return false;
}

static void test_what_is_parked_is_that_of_the_generation_served(void **test_state)
{
    (void)test_state;
    struct tracker_snapshot snapshot;
    set_parked(2, 500);
    assert_true(look_until_parked(2, 500));
    tracker_snapshot(tracker, QUERY_VIEW_ORDERS, &snapshot);
    assert_int_equal(tracker_snapshot_stopped_at_ms(&snapshot, 0), 0);
    assert_int_equal(tracker_snapshot_stopped_at_ms(&snapshot, -1), 500);
    set_generation(2, 10, 20);
    assert_true(look_until_generation(2, LONG_MS));
    assert_true(look_until_parked(3, 500));
    set_parked(0, 0);
    assert_true(look_until_parked(1, 0));
}

int main(void)
{
    ev_log_init("test", EV_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_reflected_goes_on_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_the_record_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_store_that_goes_ends_the_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopping_ends_the_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_list_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snapshots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_generation_is_taken_when_it_reflects_as_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_shown_of_one_generation_is_awaited_of_the_next, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_parked_is_that_of_the_generation_served, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
