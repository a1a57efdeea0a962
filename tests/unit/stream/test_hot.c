/* Streams that are kept decoded: whatever becomes hot, cools down, is rolled back or read again, the states are those
 * that a process without them would have. A shelf's state is made big by its last buyer's name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"
#include "stream/partition.h"

#define STREAMS 7 /* more than have a place */
#define BIG 9000

static struct stage stage;
static char name[BIG + 1];
static struct ev_partition *partition; /* the executor's only one */

static int begin(void **state)
{
    (void)state;
    memset(name, 'x', BIG);
    stage_init(&stage);
    stage_serve(&stage);
    partition = &stage.executor->partitions[0];
    return 0;
}

static int end(void **state)
{
    (void)state;
    stage_finish(&stage);
    return 0;
}

static const char *stream_name(int number)
{
    static char text[STREAMS][16];
    snprintf(text[number], sizeof(text[number]), "shelf-%d", number % STREAMS);
    return text[number];
}

static struct ask *sell_as(int stream, int number, size_t length)
{
    struct ask *ask = stage_sell(&stage, stream_name(stream), 1, number);
    ask->body.sell.buyer = (struct ev_str){name, length};
    ask->request.wants_state = true;
    return stage_submit(ask);
}

static void given_shelves(void)
{
    for (int i = 0; i < STREAMS; i++)
        stage_submit(stage_stock(&stage, stream_name(i), 1000, 9000 + i));
    stage_settle(&stage);
}

static int count_hot(void)
{
    int count = 0;
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++)
        count += partition->hot.streams[i].stream != NULL;
    return count;
}

static bool is_hot(int stream)
{
    const struct ev_stream *found = ev_streams_find(&partition->streams, ev_str_of(stream_name(stream)));
    for (size_t i = 0; i < EV_HOT_STREAMS_MAX; i++)
        if (found && partition->hot.streams[i].stream == found)
            return true;
    return false;
}

static void assert_sold(const struct ask *ask, int64_t sold, size_t length)
{
    const struct shelf_state *shelf = ask->result.state;
    assert_int_equal(ask->answers, 1);
    assert_int_equal(ask->result.outcome, EV_OUTCOME_COMMITTED);
    assert_non_null(shelf);
    assert_int_equal(shelf->sold, sold);
    assert_int_equal(shelf->last_buyer.length, length);
}

/* What is confirmed of the stream, by its encoded form. */
static void assert_encoded(int stream, int64_t sold, size_t length)
{
    struct ev_stream *found = ev_streams_find(&partition->streams, ev_str_of(stream_name(stream)));
    struct ev_arena arena = {0};
    struct ev_error error = {0};
    void *state;
    assert_non_null(found);
    ev_hot_encode(partition, found);
    assert_int_equal(ev_answer_state(&shelf_decider, found->encoded, found->encoded_length, &arena, &state, &error), 0);
    assert_int_equal(((struct shelf_state *)state)->sold, sold);
    assert_int_equal(((struct shelf_state *)state)->last_buyer.length, length);
    assert_int_equal(found->version, sold + 1);
    ev_arena_finish(&arena);
}

static void a_small_state_stays_cold(void **state)
{
    (void)state;
    given_shelves();
    for (int i = 0; i < 20; i++)
        sell_as(0, i, 10);
    stage_settle(&stage);
    assert_int_equal(count_hot(), 0);
}

static void a_stream_becomes_hot_with_commits_in_flight(void **state)
{
    (void)state;
    struct ask *asks[20];
    given_shelves();
    for (int i = 0; i < 20; i++)
        asks[i] = sell_as(0, i, BIG - (size_t)i); /* the first is encoded, the others are decided on what is decoded */
    assert_true(is_hot(0));
    stage_settle(&stage);
    for (int i = 0; i < 20; i++)
        assert_sold(asks[i], i + 1, BIG - (size_t)i);
    assert_encoded(0, 20, BIG - 19);
}

static void flights_of_a_hot_stream_hold_their_events_alone(void **state)
{
    (void)state;
    given_shelves();
    sell_as(0, 0, BIG);
    stage_settle(&stage);
    struct ask *small = sell_as(0, 1, 3);
    const struct ev_flight *flight = ev_flights_at(&partition->flights, partition->flights.head);
    assert_true(flight->is_packed && flight->length < 100);
    stage_settle(&stage);
    assert_sold(small, 2, 3);
}

static void garbage_is_cleaned_away(void **state)
{
    (void)state;
    given_shelves();
    for (int i = 0; i < 400; i++) {
        sell_as(0, i, BIG);
        if (i % 7 == 0)
            stage_settle(&stage);
        for (size_t at = 0; at < EV_HOT_STREAMS_MAX; at++) {
            const struct ev_hot_stream *hot = &partition->hot.streams[at];
            size_t most = (size_t)4 * EV_HOT_GARBAGE_MIN;
            assert_true(hot->newest.arena.total < most && hot->confirmed.arena.total < most);
        }
    }
    stage_settle(&stage);
    assert_encoded(0, 400, BIG);
}

static void a_new_process_finds_what_was_landed(void **state)
{
    (void)state;
    struct ask *asks[6];
    given_shelves();
    sell_as(0, 100, BIG);
    stage_settle(&stage);
    for (int i = 0; i < 6; i++)
        asks[i] = sell_as(0, i, BIG);
    assert_true(is_hot(0));
    assert_true(fake_port_land(&stage.port)); /* the others are lost with their process */
    stage_restart(&stage);
    stage_serve(&stage);
    partition = &stage.executor->partitions[0];
    for (int i = 0; i < 6; i++)
        asks[i] = sell_as(0, i, BIG);
    stage_settle(&stage);
    assert_int_equal(asks[0]->result.outcome, EV_OUTCOME_DUPLICATE);
    assert_int_equal(((const struct shelf_state *)asks[0]->result.state)->sold, 2);
    for (int i = 1; i < 6; i++)
        assert_sold(asks[i], i + 2, BIG);
    assert_encoded(0, 7, BIG);
}

static void more_streams_than_places_take_turns(void **state)
{
    (void)state;
    int sold[STREAMS] = {0};
    given_shelves();
    for (int i = 0; i < 700; i++) {
        int stream = (i / 70 + (i % 5 == 0)) % STREAMS; /* mostly one, for a time */
        struct ask *ask = sell_as(stream, i, BIG - (size_t)i);
        stage_settle(&stage);
        assert_sold(ask, ++sold[stream], BIG - (size_t)i);
        assert_true(count_hot() <= EV_HOT_STREAMS_MAX);
    }
    assert_int_equal(count_hot(), EV_HOT_STREAMS_MAX);
    assert_false(is_hot(4)); /* was so, and has made room */
    stage_restart(&stage);
    stage_serve(&stage);
    partition = &stage.executor->partitions[0];
    assert_true(count_hot() > 0); /* by the history alone */
    for (int stream = 0; stream < STREAMS; stream++) {
        struct ask *ask = sell_as(stream, 5000 + stream, 5);
        stage_settle(&stage);
        assert_sold(ask, sold[stream] + 1, 5);
        assert_encoded(stream, sold[stream] + 1, 5);
    }
}

static void a_refusal_and_no_change_see_the_newest_state(void **state)
{
    (void)state;
    given_shelves();
    for (int i = 0; i < 3; i++)
        sell_as(0, i, BIG);
    struct ask *none = stage_sell(&stage, "shelf-0", 0, 50), *many = stage_sell(&stage, "shelf-0", 998, 51);
    none->request.wants_state = true;
    stage_submit(none);
    stage_submit(many);
    assert_true(is_hot(0));
    stage_settle(&stage);
    assert_int_equal(none->result.outcome, EV_OUTCOME_UNCHANGED);
    assert_int_equal(((const struct shelf_state *)none->result.state)->sold, 3);
    assert_int_equal(many->result.outcome, EV_OUTCOME_REJECTED);
    assert_string_equal(many->detail, "997 units are left");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_state_stays_cold),
        TEST(a_stream_becomes_hot_with_commits_in_flight),
        TEST(flights_of_a_hot_stream_hold_their_events_alone),
        TEST(garbage_is_cleaned_away),
        TEST(a_new_process_finds_what_was_landed),
        TEST(more_streams_than_places_take_turns),
        TEST(a_refusal_and_no_change_see_the_newest_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
