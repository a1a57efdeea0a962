/* A checkpoint that can't be trusted is noticed and built anew; a disk that can't be written to stops nobody. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "disk.h"
#include "stream/checkpoint_format.h"

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

enum { SHELVES = 300 };

static const char *shelf(int number)
{
    static char ids[SHELVES][16];
    snprintf(ids[number], sizeof(ids[number]), "shelf-%d", number);
    return ids[number];
}

/* What was read from the log may have to be forgotten first, and read again after a pause. */
static void serve(struct disk *disk)
{
    ev_executor_acquire(disk->stage.executor, 0);
    for (int i = 0; i < 100 && !ev_executor_is_serving(disk->stage.executor, 0); i++) {
        stage_settle(&disk->stage);
        stage_pass(&disk->stage, 20);
    }
    assert_true(ev_executor_is_serving(disk->stage.executor, 0));
}

static void fill(struct disk *disk)
{
    serve(disk);
    for (int i = 0; i < SHELVES; i++) {
        stage_submit(stage_stock(&disk->stage, shelf(i), 10 + i, i));
        stage_settle(&disk->stage);
    }
}

/* Given a log with a checkpoint of its end. */
static void given_a_checkpoint(struct disk *disk)
{
    fill(disk);
    disk_checkpoint(disk);
    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
}

/* Then everything is as the log says: other shelves are asked for each time. */
static void then_all_is_right(struct disk *disk)
{
    enum { STEP = 7 };
    static int turn;
    disk_open(disk);
    stage_start(&disk->stage);
    serve(disk);
    struct ask *asks[SHELVES];
    int first = turn++ % STEP;
    for (int i = first; i < SHELVES; i += STEP)
        asks[i] = stage_submit(stage_sell(&disk->stage, shelf(i), 11 + i, 1000 + i)); /* one more than there is */
    struct ask *again = stage_submit(stage_stock(&disk->stage, "shelf-7", 17, 7));
    stage_settle(&disk->stage);
    for (int i = first; i < SHELVES; i += STEP)
        assert_answer(asks[i], EV_OUTCOME_REJECTED, 1, 1 + i);
    assert_answer(again, EV_OUTCOME_DUPLICATE, 1, 8);
}

static void then_it_was_thrown_away_for(struct disk *disk, enum ev_rebuild_reason reason)
{
    then_all_is_right(disk);
    assert_int_equal(disk_stats(disk).rebuilds[reason], 1);
    assert_int_equal(disk_rebuilds(disk), 1);
    /* And the next one counts. */
    disk_checkpoint(disk);
    disk_restart(disk);
    serve(disk);
    assert_int_equal(disk->news.kind, EV_CHECKPOINT_RESTORED);
}

/* --- other deciders, another topic, another window, another format --- */

static void other_deciders(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    disk->stage.options.deciders_fingerprint++;
    then_it_was_thrown_away_for(disk, EV_REBUILD_DECIDERS);
}

static void a_topic_made_anew(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    disk->stage.options.topic_id = "another";
    then_it_was_thrown_away_for(disk, EV_REBUILD_TOPIC);
}

static void a_greater_window(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    disk->stage.options.dedup_window_ms++;
    then_it_was_thrown_away_for(disk, EV_REBUILD_WINDOW);
}

static void a_smaller_window_is_fine(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    disk->stage.options.dedup_entries_max = 295;
    disk_open(disk);
    stage_start(&disk->stage);
    serve(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_RESTORED], 1);
    assert_int_equal(disk_stats(disk).dedup_entries, 295);
}

static void another_format(void **state)
{
    (void)state;
    struct ev_checkpoint_key key = ev_checkpoint_head_key();
    struct ev_str name = {key.bytes, key.length};
    struct ev_checkpoint_head head = {.topic_id = "t", .commands_next = 3}, read;
    struct ev_buffer value = {0};
    struct ev_error error;
    ev_checkpoint_encode_head(name, &head, &value);
    assert_int_equal(ev_checkpoint_decode_head(name, ev_buffer_str(&value), &read, &error), 0);
    assert_int_equal(read.commands_next, 3);
    /* The format is the first field; a checksum that is right says that this is what was written. */
    uint32_t format = EV_CHECKPOINT_FORMAT + 1;
    struct ev_buffer other = {0};
    struct ev_checkpoint_stream body = {0};
    ev_checkpoint_encode_stream(name, &body, &other); /* any value: its first 4 bytes become the format */
    ev_buffer_clear(&other);
    body.version = format;
    ev_checkpoint_encode_stream(name, &body, &other);
    assert_int_equal(ev_checkpoint_decode_head(name, ev_buffer_str(&other), &read, &error), EV_ERR_UNSUPPORTED);
    value.data[9] ^= 1;
    assert_int_equal(ev_checkpoint_decode_head(name, ev_buffer_str(&value), &read, &error), EV_ERR_CORRUPT);
    ev_buffer_finish(&value);
    ev_buffer_finish(&other);
}

/* A stream is stored at a version that the log's next commit on it doesn't follow. */
static void a_state_that_does_not_fit_the_log(void **state)
{
    struct disk *disk = *state;
    struct ev_checkpoint_head head;
    struct ev_checkpoint_stream stream;
    struct ev_error error;
    fill(disk);
    disk_checkpoint(disk);
    struct ask *ask = stage_submit(stage_stock(&disk->stage, "shelf-7", 1, 7000)); /* behind the checkpoint */
    stage_settle(&disk->stage);
    assert_answer(ask, EV_OUTCOME_COMMITTED, 2, SHELVES + 1);
    struct ev_checkpoint_port *port = disk->stage.options.checkpoints;
    assert_int_equal(port->head(port, 0, &head, &error), 0);
    assert_int_equal(port->stream(port, 0, EV_STR("shelf-7"), &stream, &error), 0);
    struct ev_checkpoint_batch *batch = ev_checkpoint_batch_create();
    batch->head = head;
    batch->commands_from = head.commands_next;
    stream.version += 3;
    ev_checkpoint_batch_add(batch, EV_STR("shelf-7"), &stream);
    port->write(port, batch);
    assert_true(port->wait(port, batch, 5000));
    assert_int_equal(batch->error.code, EV_ERR_NONE);
    ev_checkpoint_batch_destroy(batch);
    disk_restart(disk);
    serve(disk);
    assert_int_equal(disk_stats(disk).rebuilds[EV_REBUILD_MISFIT], 1);
    ask = stage_submit(stage_stock(&disk->stage, "shelf-7", 1, 7001));
    stage_settle(&disk->stage);
    assert_int_equal(ask->result.version, 3);
}

/* --- a log that isn't the one any more --- */

static void truncate_log(struct disk *disk, int64_t end)
{
    while (disk->stage.log.end > end)
        free((char *)disk->stage.log.records[--disk->stage.log.end].data);
}

static void a_lost_tail(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    truncate_log(disk, SHELVES - 10);
    disk_open(disk);
    stage_start(&disk->stage);
    serve(disk);
    struct ask *there = stage_submit(stage_stock(&disk->stage, "shelf-3", 13, 3));
    struct ask *lost = stage_submit(stage_sell(&disk->stage, "shelf-299", 1, 1001));
    stage_settle(&disk->stage);
    assert_int_equal(disk_stats(disk).rebuilds[EV_REBUILD_LOG], 1);
    assert_answer(there, EV_OUTCOME_DUPLICATE, 1, 4);
    assert_int_equal(lost->result.rejection, SHELF_UNKNOWN);
}

/* The tail was lost and others have written since: the log is long enough, but another. */
static void a_tail_that_was_replaced(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    truncate_log(disk, SHELVES - 10);
    struct ev_checkpoint_port *checkpoints = disk->stage.options.checkpoints;
    disk->stage.options.checkpoints = NULL;
    stage_start(&disk->stage);
    serve(disk);
    for (int i = 0; i < 20; i++) {
        stage_submit(stage_stock(&disk->stage, "shelf-new", 1, 5000 + i));
        stage_settle(&disk->stage);
    }
    stage_stop(&disk->stage);
    disk->stage.options.checkpoints = checkpoints;
    disk_open(disk);
    stage_start(&disk->stage);
    serve(disk);
    struct ask *lost = stage_submit(stage_sell(&disk->stage, "shelf-299", 1, 1001));
    struct ask *new = stage_submit(stage_sell(&disk->stage, "shelf-new", 21, 1002));
    stage_settle(&disk->stage);
    assert_int_equal(disk_stats(disk).rebuilds[EV_REBUILD_LOG], 1);
    assert_int_equal(lost->result.rejection, SHELF_UNKNOWN);
    assert_int_equal(new->result.rejection, SHELF_SOLD_OUT);
}

/* --- damage --- */

static char *data_path(const struct disk *disk)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/data.mdb", disk->directory);
    return path;
}

static off_t data_bytes(const struct disk *disk)
{
    struct stat file;
    assert_int_equal(stat(data_path(disk), &file), 0);
    return file.st_size;
}

static void damage(const struct disk *disk, off_t place)
{
    unsigned char byte;
    int fd = open(data_path(disk), O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, place), 1);
    byte ^= 0x41;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    close(fd);
}

/* Wherever a byte is wrong: either it is noticed, or it lies where nobody reads. Never a wrong answer, never a crash.
 */
static void a_byte_that_is_wrong(void **state)
{
    struct disk *disk = *state;
    enum { PLACES = 60 };
    struct ev_fake_random random;
    int noticed = 0;
    ev_fake_random_init(&random, 11);
    given_a_checkpoint(disk);
    for (int i = 0; i < PLACES; i++) {
        /* Places in turn in each page: header, directory, end; and some by chance. */
        off_t page = (off_t)ev_random_below(&random.random, (uint64_t)data_bytes(disk) / 4096);
        off_t in_page =
            i % 3 == 0 ? (off_t)ev_random_below(&random.random, 64) : (off_t)ev_random_below(&random.random, 4096);
        damage(disk, page * 4096 + in_page);
        memset(disk->told, 0, sizeof(disk->told));
        then_all_is_right(disk);
        noticed += disk->told[EV_CHECKPOINT_RESTORED] == 0;
        disk_checkpoint(disk);
        stage_stop(&disk->stage);
        ev_checkpoint_lmdb_close(disk->store);
    }
    assert_in_range(noticed, PLACES / 4, PLACES);
    disk_open(disk);
    stage_start(&disk->stage);
}

static void a_file_that_is_cut(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    assert_int_equal(truncate(data_path(disk), data_bytes(disk) / 2 / 4096 * 4096), 0);
    then_all_is_right(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_RESTORED], 0);
    assert_int_equal(disk->fault.code, EV_ERR_CORRUPT);
}

static void a_file_of_something_else(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    int fd = open(data_path(disk), O_WRONLY | O_TRUNC);
    for (int i = 0; i < 4000; i++)
        assert_int_equal(write(fd, "hello", 5), 5);
    close(fd);
    then_all_is_right(disk);
    assert_int_equal(disk->fault.code, EV_ERR_CORRUPT);
}

/* The head and the rest don't fit together: what an unfinished write would leave if it weren't one transaction. */
static void a_stream_that_is_damaged_while_it_runs(void **state)
{
    struct disk *disk = *state;
    given_a_checkpoint(disk);
    disk_open(disk);
    stage_start(&disk->stage);
    serve(disk);
    /* The file is mapped: what is written to it is seen. Each state ends in its buyer, empty here; units come before.
     */
    char *bytes = ev_memory_alloc((size_t)data_bytes(disk));
    int fd = open(data_path(disk), O_RDWR);
    ssize_t length = pread(fd, bytes, (size_t)data_bytes(disk), 0);
    const char *key = "sshelf-77";
    int found = 0;
    for (ssize_t i = 0; i + 40 < length; i++) {
        if (memcmp(bytes + i, key, strlen(key)) != 0 || bytes[i + 9] == '\0')
            continue;
        assert_int_equal(pwrite(fd, "\x7f\x7f", 2, i + 12), 2); /* in the value, behind the key */
        found++;
    }
    close(fd);
    free(bytes);
    assert_true(found > 0);
    struct ask *ask = stage_submit(stage_sell(&disk->stage, "shelf-77", 88, 5000)); /* 87 are there */
    stage_settle(&disk->stage);
    for (int i = 0; i < 100 && ask->answers == 0; i++) {
        stage_pass(&disk->stage, 100);
        stage_settle(&disk->stage);
    }
    if (ask->result.outcome != EV_OUTCOME_REJECTED)
        fail_msg("%d: %s", ask->result.outcome, ask->result.error.message);
    assert_int_equal(disk_stats(disk).rebuilds[EV_REBUILD_CORRUPT], 1);
}

/* --- a disk that is full --- */

static void then_it_goes_on_without(struct disk *disk)
{
    disk->stage.clock.now_ms += 10001;
    disk_tick(disk);
    assert_int_equal(disk->news.kind, EV_CHECKPOINT_FAILED);
    if (disk->error.code != EV_ERR_LIMIT && disk->error.code != EV_ERR_IO) /* LMDB calls a short write EIO */
        fail_msg("%s", disk->error.message);
    struct ask *ask = stage_submit(stage_sell(&disk->stage, "shelf-5", 1, 7000));
    stage_settle(&disk->stage);
    assert_answer(ask, EV_OUTCOME_COMMITTED, 2, SHELVES + 1);
    /* Not tried again at once, but later. */
    int failed = disk->told[EV_CHECKPOINT_FAILED];
    disk_tick(disk);
    assert_int_equal(disk->told[EV_CHECKPOINT_FAILED], failed);
}

static void a_map_that_is_full(void **state)
{
    struct disk *disk = *state;
    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    disk->options.map_bytes = 16 * 4096;
    disk_open(disk);
    stage_start(&disk->stage);
    fill(disk);
    then_it_goes_on_without(disk);

    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    disk->options.map_bytes = (size_t)64 * 1024 * 1024; /* the operator helps */
    disk_open(disk);
    stage_start(&disk->stage);
    serve(disk);
    disk_checkpoint(disk);
    assert_int_equal(disk->news.kind, EV_CHECKPOINT_WRITTEN);
}

/* On a file system that really is full; where that can't be had, a bound on the size of files. */
static void take_a_page(const struct disk *disk)
{
    static const char page[4096];
    char path[128];
    snprintf(path, sizeof(path), "%s/filler", disk->directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
    close(fd);
}

static void on_a_disk_of(struct disk *disk, const char *size, rlim_t file_max)
{
    struct rlimit before;
    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    bool mounted = mount("tmpfs", disk->directory, "tmpfs", 0, size) == 0;
    if (mounted)
        take_a_page(disk);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    if (!mounted)
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_max, before.rlim_max}), 0);
    disk_open(disk);
    stage_start(&disk->stage);
    fill(disk);
    then_it_goes_on_without(disk);
    if (mounted)
        assert_int_equal(mount("tmpfs", disk->directory, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    else
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    /* Room again: it mends itself. */
    disk->stage.clock.now_ms += 10001;
    disk_tick(disk);
    assert_int_equal(disk->news.kind, EV_CHECKPOINT_WRITTEN);
    disk_restart(disk);
    serve(disk);
    assert_int_equal(disk->news.kind, EV_CHECKPOINT_RESTORED);
    if (!mounted)
        return;
    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    assert_int_equal(umount(disk->directory), 0);
    disk_open(disk);
    stage_start(&disk->stage);
}

static void a_disk_that_is_full(void **state)
{
    on_a_disk_of(*state, "size=76k", 40 * 1024);
}

/* LMDB would write its locks into memory that has no room on the disk. */
static void a_disk_that_was_full_from_the_start(void **state)
{
    on_a_disk_of(*state, "size=4k", 4096);
}

/* --- death --- */

/* Killed at any moment while checkpoints are written: what is on disk is one of them, whole. */
static void killed_while_writing(void **state)
{
    struct disk *disk = *state;
    enum { ROUNDS = 12 };
    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    for (int round = 0; round < ROUNDS; round++) {
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        if (pid == 0) { /* the log is this process's memory: what the child appends to it is lost, as it should be */
            disk_open(disk);
            stage_start(&disk->stage);
            fill(disk);
            (void)!write(ready[1], "x", 1);
            for (int i = 0;; i++) {
                stage_submit(stage_stock(&disk->stage, "shelf-3", 1, 10000 + i % 3000));
                stage_settle(&disk->stage);
                (void)ev_executor_checkpoint(disk->stage.executor, 10000);
                if (i % 3000 == 2999)
                    _exit(0);
            }
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        struct timespec pause = {.tv_nsec = (long)round * 700000};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(ready[0]);
        close(ready[1]);
        disk_open(disk);
        assert_int_equal(disk->fault.code, EV_ERR_NONE); /* nothing is damaged */
        ev_checkpoint_lmdb_close(disk->store);
    }
    disk_open(disk);
    stage_start(&disk->stage);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(other_deciders),
        TEST(a_topic_made_anew),
        TEST(a_greater_window),
        TEST(a_smaller_window_is_fine),
        TEST(another_format),
        TEST(a_state_that_does_not_fit_the_log),
        TEST(a_lost_tail),
        TEST(a_tail_that_was_replaced),
        TEST(a_byte_that_is_wrong),
        TEST(a_file_that_is_cut),
        TEST(a_file_of_something_else),
        TEST(a_stream_that_is_damaged_while_it_runs),
        TEST(a_map_that_is_full),
        TEST(a_disk_that_is_full),
        TEST(a_disk_that_was_full_from_the_start),
        TEST(killed_while_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
