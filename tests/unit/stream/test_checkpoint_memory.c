/* Streams leave memory and come back: the same answers as if all had stayed, and bounds that hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"

static int setup(void **state)
{
    static struct disk disk; /* big */
    disk_init(&disk);
    *state = &disk;
    return 0;
}

static int teardown(void **state)
{
    disk_finish(*state);
    return 0;
}

enum { SHELVES = 100 };

static const char *shelf(int number)
{
    static char ids[1000][16];
    snprintf(ids[number], sizeof(ids[number]), "shelf-%d", number);
    return ids[number];
}

static void restart_with_memory(struct disk *disk, struct ev_state_memory *memory, size_t soft, size_t hard)
{
    stage_stop(&disk->stage);
    *memory = (struct ev_state_memory){.soft_max = soft, .hard_max = hard};
    disk->stage.options.memory = memory;
    stage_start(&disk->stage);
    stage_serve(&disk->stage);
}

static void fill(struct disk *disk)
{
    for (int i = 0; i < SHELVES; i++) {
        stage_submit(stage_stock(&disk->stage, shelf(i), 10, i));
        stage_settle(&disk->stage);
    }
}

static void what_is_stored_is_evicted_beyond_the_bound(void **state)
{
    struct disk *disk = *state;
    struct ev_state_memory memory;
    restart_with_memory(disk, &memory, 8192, 1 << 20);
    fill(disk);
    assert_int_equal(disk_stats(disk).streams, SHELVES); /* nothing is stored yet */
    assert_int_equal(disk_stats(disk).evictions, 0);
    disk_tick(disk); /* too much: a checkpoint is taken though none is due */
    disk_tick(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_WRITTEN], 1);
    (void)ev_executor_tick(disk->stage.executor);
    assert_true(disk_stats(disk).evictions > 0);
    assert_true(atomic_load(&memory.used) <= 8192 + 4096); /* but for the table, which stays */
    struct ask *back = stage_submit(stage_sell(&disk->stage, shelf(0), 3, 500));
    stage_settle(&disk->stage);
    assert_answer(back, EV_OUTCOME_COMMITTED, 2, SHELVES + 1);
    assert_int_equal(disk_stats(disk).loads, 1);
    disk->stage.options.memory = NULL; /* what comes after this function must not use it */
    stage_restart(&disk->stage);
}

static void what_is_in_flight_stays(void **state)
{
    struct disk *disk = *state;
    struct ev_state_memory memory;
    restart_with_memory(disk, &memory, 0, SIZE_MAX);
    fill(disk);
    disk_tick(disk);
    disk_tick(disk);
    struct ask *first = stage_submit(stage_sell(&disk->stage, shelf(7), 4, 500));
    struct ask *second = stage_submit(stage_sell(&disk->stage, shelf(7), 4, 501));
    for (int i = 0; i < 10; i++)
        (void)ev_executor_tick(disk->stage.executor);
    assert_int_equal(disk_stats(disk).streams, 1);
    struct ask *third = stage_submit(stage_sell(&disk->stage, shelf(7), 4, 502));
    stage_settle(&disk->stage);
    assert_int_equal(first->result.outcome, EV_OUTCOME_COMMITTED);
    assert_int_equal(second->result.version, 3);
    assert_int_equal(third->result.rejection, SHELF_SOLD_OUT);
    disk->stage.options.memory = NULL;
    stage_restart(&disk->stage);
}

/* Without a store nothing can be evicted: what is new is refused, what is there goes on. */
static void beyond_the_hard_bound_new_streams_are_refused(void **state)
{
    struct disk *disk = *state;
    struct ev_state_memory memory;
    struct ev_checkpoint_port *port = disk->stage.options.checkpoints;
    disk->stage.options.checkpoints = NULL;
    restart_with_memory(disk, &memory, 10000, 15000);
    int refused = 0;
    for (int i = 0; i < 300; i++) {
        struct ask *ask = stage_submit(stage_stock(&disk->stage, shelf(i), 10, i));
        stage_settle(&disk->stage);
        (void)ev_executor_tick(disk->stage.executor);
        if (ask->result.outcome == EV_OUTCOME_COMMITTED)
            continue;
        assert_failed(ask, EV_ERR_LIMIT);
        assert_true(ask->result.error.retriable);
        refused++;
    }
    assert_in_range(refused, 100, 290);
    assert_int_equal(disk_stats(disk).refused_for_memory, refused);
    assert_true(atomic_load(&memory.used) < 15000 + 4096);
    struct ask *old = stage_submit(stage_sell(&disk->stage, shelf(0), 1, 500));
    stage_settle(&disk->stage);
    assert_int_equal(old->result.outcome, EV_OUTCOME_COMMITTED);
    disk->stage.options.memory = NULL;
    disk->stage.options.checkpoints = port;
    stage_restart(&disk->stage);
}

/* --- the same answers --- */

static void compare(const struct ask *one, const struct ask *other)
{
    assert_int_equal(one->answers, other->answers);
    if (one->answers == 0)
        return;
    assert_answer(one, other->result.outcome, other->result.version, other->result.offset);
    assert_int_equal(one->result.rejection, other->result.rejection);
    assert_string_equal(one->detail, other->detail);
    const struct shelf_state *a = one->result.state, *b = other->result.state;
    assert_int_equal(a == NULL, b == NULL);
    if (a) {
        assert_int_equal(a->stocked, b->stocked);
        assert_int_equal(a->sold, b->sold);
    }
}

static struct ask *random_ask(struct stage *stage, const uint64_t *choices, int number)
{
    const char *id = shelf((int)(choices[0] % 20));
    int command =
        choices[3] % 8 == 0 && number > 10 ? number - (int)(choices[3] % 10) : number; /* now and then again */
    struct ask *ask = choices[1] % 3 == 0 ? stage_stock(stage, id, 1 + (int64_t)(choices[2] % 3), command)
                                          : stage_sell(stage, id, (int64_t)(choices[2] % 3), command);
    ask->request.wants_state = choices[3] % 2 == 0;
    ask->request.deadline_ms = INT64_MAX; /* time passes differently on a disk */
    return stage_submit(ask);
}

/* A world in which nothing is ever forgotten, and one with checkpoints at any time, restarts, and no more in memory
 * than has to be. The random numbers choose what happens to both. */
static void compare_worlds(struct disk *disk, size_t hot_bytes_min)
{
    static struct stage plain; /* big */
    enum { ROUNDS = 2500, FLYING_MAX = 64 };
    struct ev_state_memory memory;
    struct ev_fake_random random;
    struct ask *pairs[FLYING_MAX][2];
    int flying = 0;
    stage_init(&plain);
    stage_restart(&plain); /* as often as the other: the same fences */
    plain.random = disk->stage.random;
    stage_serve(&plain);
    disk->stage.options.hot_bytes_min = hot_bytes_min;
    restart_with_memory(disk, &memory, 0, SIZE_MAX);
    ev_fake_random_init(&random, 5);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t choices[5];
        for (int i = 0; i < 5; i++)
            choices[i] = ev_random_u64(&random.random);
        pairs[flying][0] = random_ask(&plain, choices, round);
        pairs[flying++][1] = random_ask(&disk->stage, choices, round);
        (void)ev_executor_tick(disk->stage.executor);
        if (choices[4] % 50 == 0)
            disk_tick(disk); /* a checkpoint in the midst of it */
        if (flying < FLYING_MAX && choices[4] % 4 != 0)
            continue;
        stage_settle(&plain);
        stage_settle(&disk->stage);
        while (flying > 0) {
            flying--;
            compare(pairs[flying][1], pairs[flying][0]);
        }
        if (choices[4] % 7 == 0)
            disk_checkpoint(disk);
        if (choices[4] % 100 == 0) {
            stage_restart(&plain);
            disk_restart(disk);
            stage_serve(&plain);
            stage_serve(&disk->stage);
        }
    }
    assert_true(disk->told[EV_CHECKPOINT_RESTORED] > 0);
    assert_true(disk_stats(disk).loads > 0);
    assert_int_equal(disk_rebuilds(disk), 0);
    assert_int_equal(plain.log.end, disk->stage.log.end);
    disk->stage.options.memory = NULL;
    stage_restart(&disk->stage);
    stage_finish(&plain);
}

static void nobody_can_tell_the_difference(void **state)
{
    compare_worlds(*state, 0);
}

static void nor_when_streams_are_hot_as_well(void **state)
{
    compare_worlds(*state, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_stored_is_evicted_beyond_the_bound),
        TEST(what_is_in_flight_stays),
        TEST(beyond_the_hard_bound_new_streams_are_refused),
        TEST(nobody_can_tell_the_difference),
        TEST(nor_when_streams_are_hot_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
