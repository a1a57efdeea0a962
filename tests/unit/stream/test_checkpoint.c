#include <stdio.h>
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

/* Commits by their numbers: `count` shelves, each stocked and sold from. */
static void fill(struct disk *disk, int count)
{
    char id[32];
    stage_serve(&disk->stage);
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "shelf-%d", i);
        stage_submit(stage_stock(&disk->stage, id, 10, 2 * i));
        stage_settle(&disk->stage);
        stage_submit(stage_sell(&disk->stage, id, 3, 2 * i + 1));
        stage_settle(&disk->stage);
    }
}

/* When a process starts from a checkpoint, it reads the tail alone and knows the rest. */
static void a_start_reads_the_tail_alone(void **state)
{
    struct disk *disk = *state;
    fill(disk, 5);
    disk_checkpoint(disk);
    struct ask *later = stage_submit(stage_sell(&disk->stage, "shelf-3", 2, 100));
    stage_settle(&disk->stage);
    assert_answer(later, EV_OUTCOME_COMMITTED, 3, 11);

    disk_restart(disk);
    stage_serve(&disk->stage);
    assert_int_equal(disk->told[EV_CHECKPOINT_RESTORED], 1);
    assert_int_equal(disk_rebuilds(disk), 0);
    assert_int_equal(disk_stats(disk).streams, 1); /* shelf-3: of the tail; the others aren't loaded */
    assert_int_equal(disk_stats(disk).loads, 1);

    struct ask *all = stage_submit(stage_sell(&disk->stage, "shelf-3", 5, 101));
    struct ask *more = stage_submit(stage_sell(&disk->stage, "shelf-4", 8, 102));
    struct ask *again = stage_submit(stage_sell(&disk->stage, "shelf-1", 3, 3));
    struct ask *unknown = stage_submit(stage_sell(&disk->stage, "shelf-9", 1, 103));
    stage_settle(&disk->stage);
    assert_answer(all, EV_OUTCOME_COMMITTED, 4, 13);
    assert_answer(more, EV_OUTCOME_REJECTED, 2, 10);
    assert_string_equal(more->detail, "7 units are left");
    assert_answer(again, EV_OUTCOME_DUPLICATE, 2, 4);
    assert_int_equal(unknown->result.rejection, SHELF_UNKNOWN);
}

static void what_was_not_checkpointed_is_in_the_log(void **state)
{
    struct disk *disk = *state;
    fill(disk, 3);
    disk_restart(disk);
    fill(disk, 3); /* all of it again */
    assert_int_equal(disk->told[EV_CHECKPOINT_RESTORED], 0);
    assert_int_equal(disk_rebuilds(disk), 0); /* there was none to throw away */
    assert_int_equal(disk_stats(disk).duplicates, 6);
}

/* Only what has changed is written again. */
static void a_checkpoint_is_written_by_changes(void **state)
{
    struct disk *disk = *state;
    fill(disk, 50);
    disk_checkpoint(disk);
    assert_int_equal(disk->news.streams, 50);
    stage_submit(stage_sell(&disk->stage, "shelf-7", 1, 1000));
    stage_settle(&disk->stage);
    disk_checkpoint(disk);
    assert_int_equal(disk->news.streams, 1);
    disk_checkpoint(disk); /* nothing has changed */
    assert_int_equal(disk->told[EV_CHECKPOINT_WRITTEN], 2);

    disk_restart(disk);
    stage_serve(&disk->stage);
    struct ask *seven = stage_submit(stage_sell(&disk->stage, "shelf-7", 6, 1001));
    struct ask *eight = stage_submit(stage_sell(&disk->stage, "shelf-8", 7, 1002));
    stage_settle(&disk->stage);
    assert_answer(seven, EV_OUTCOME_COMMITTED, 4, 103);
    assert_answer(eight, EV_OUTCOME_COMMITTED, 3, 104);
}

static void it_is_taken_by_time_and_by_records(void **state)
{
    struct disk *disk = *state;
    fill(disk, 2);
    disk_tick(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_WRITTEN], 0);
    disk->stage.clock.now_ms += 10001;
    disk_tick(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_WRITTEN], 1);
    fill(disk, 600);
    disk_tick(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_WRITTEN], 2);
    assert_int_equal(disk_stats(disk).checkpoints, 2);
}

/* What is in flight is in no checkpoint: it may turn out void. */
static void it_holds_confirmed_states_alone(void **state)
{
    struct disk *disk = *state;
    fill(disk, 1);
    struct ask *flying = stage_submit(stage_sell(&disk->stage, "shelf-0", 7, 50));
    disk_checkpoint(disk);
    while (fake_port_drop(&disk->stage.port)) {
    }
    disk_restart(disk);
    assert_open(flying);
    stage_serve(&disk->stage);
    struct ask *other = stage_submit(stage_sell(&disk->stage, "shelf-0", 7, 51));
    stage_settle(&disk->stage);
    assert_answer(other, EV_OUTCOME_COMMITTED, 3, 4);
}

/* A stream that changes while a cut is gathered is in it as it was when the cut began. */
static void a_cut_is_of_one_moment(void **state)
{
    struct disk *disk = *state;
    enum { STREAMS = 1500 }; /* more than one slice */
    fill(disk, STREAMS / 2);
    for (int i = 0; i < STREAMS; i++) {
        char id[32];
        snprintf(id, sizeof(id), "shelf-a%d", i);
        stage_submit(stage_stock(&disk->stage, id, 1, 10000 + i));
        stage_settle(&disk->stage);
    }
    disk->stage.clock.now_ms += 10001;
    (void)ev_executor_tick(disk->stage.executor); /* begins */
    (void)ev_executor_tick(disk->stage.executor); /* one slice */
    int64_t end = disk->stage.log.end;
    struct ask *late = stage_submit(stage_stock(&disk->stage, "shelf-a1499", 5, 20000));
    stage_settle(&disk->stage);
    assert_answer(late, EV_OUTCOME_COMMITTED, 2, end);
    disk_tick(disk);
    assert_int_equal(disk->news.kind, EV_CHECKPOINT_WRITTEN);
    assert_int_equal(disk->news.offset, end);
    assert_int_equal(disk->news.streams, STREAMS / 2 + STREAMS);

    disk_restart(disk);
    stage_serve(&disk->stage);
    struct ask *sell = stage_submit(stage_sell(&disk->stage, "shelf-a1499", 7, 20001));
    stage_settle(&disk->stage);
    assert_answer(sell, EV_OUTCOME_REJECTED, 2, end); /* 1 + 5, not 1 + 5 + 5 */
    assert_int_equal(disk_rebuilds(disk), 0);
}

static void a_directory_is_one_process_s(void **state)
{
    struct disk *disk = *state;
    struct ev_checkpoint_lmdb *second;
    struct ev_error error;
    assert_int_equal(ev_checkpoint_lmdb_open(&disk->options, &second, NULL, &error), EV_ERR_FENCED);
    assert_non_null(strstr(error.message, disk->directory));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_reads_the_tail_alone),       TEST(what_was_not_checkpointed_is_in_the_log),
        TEST(a_checkpoint_is_written_by_changes), TEST(it_is_taken_by_time_and_by_records),
        TEST(it_holds_confirmed_states_alone),    TEST(a_cut_is_of_one_moment),
        TEST(a_directory_is_one_process_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
