#include "disk.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_TIMEOUT_MS 30000

static void on_checkpoint(void *context, int32_t partition, const struct ev_checkpoint_news *news)
{
    struct disk *disk = context;
    (void)partition;
    disk->news = *news;
    if (news->error)
        disk->error = *news->error;
    disk->told[news->kind]++;
}

void disk_open(struct disk *disk)
{
    struct ev_error error = {0};
    if (ev_checkpoint_lmdb_open(&disk->options, &disk->store, &disk->fault, &error) < 0)
        fail_msg("%s", error.message);
    (void)ev_checkpoint_lmdb_add_topic(disk->store, disk->stage.options.topic_name, 1, &disk->fault);
    if (ev_checkpoint_lmdb_port(disk->store, disk->stage.options.topic_name, &disk->stage.options.checkpoints, &error) <
        0)
        fail_msg("%s", error.message);
}

void disk_init(struct disk *disk)
{
    memset(disk, 0, sizeof(*disk));
    stage_init(&disk->stage);
    snprintf(disk->directory, sizeof(disk->directory), "/tmp/orderlog-checkpoints-XXXXXX");
    assert_non_null(mkdtemp(disk->directory));
    disk->options = (struct ev_checkpoint_lmdb_options){disk->directory, (size_t)64 * 1024 * 1024, true};
    disk->stage.options.topic_id = "topic-id";
    disk->stage.options.deciders_fingerprint = 1;
    disk->stage.options.checkpoint_every_ms = 10000;
    disk->stage.options.checkpoint_every_records = 1000;
    disk->stage.options.on_checkpoint = on_checkpoint;
    disk->stage.options.context = disk; /* on_serving and on_lost of the stage aren't looked at */
    disk->stage.options.on_serving = NULL;
    disk->stage.options.on_lost = NULL;
    disk_open(disk);
    stage_restart(&disk->stage);
}

static void remove_file(const struct disk *disk, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", disk->directory, name);
    (void)unlink(path);
}

void disk_finish(struct disk *disk)
{
    stage_finish(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    remove_file(disk, "data.mdb");
    remove_file(disk, "lock.mdb");
    remove_file(disk, "owner.lock");
    assert_int_equal(rmdir(disk->directory), 0);
}

void disk_restart(struct disk *disk)
{
    stage_stop(&disk->stage);
    ev_checkpoint_lmdb_close(disk->store);
    disk_open(disk);
    stage_start(&disk->stage);
}

void disk_checkpoint(struct disk *disk)
{
    assert_int_equal(ev_executor_checkpoint(disk->stage.executor, 10000), 0);
}

/* The writer has a thread of its own: it gets the processor between two looks. */
void disk_tick(struct disk *disk)
{
    int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + TICK_TIMEOUT_MS;
    while (ev_executor_tick(disk->stage.executor) <= 100) {
        if (ev_clock_monotonic_ms(&ev_clock_system) > deadline)
            fail_msg("a checkpoint never ends");
        (void)sched_yield();
    }
}

struct ev_executor_stats disk_stats(const struct disk *disk)
{
    struct ev_executor_stats stats;
    ev_executor_stats(disk->stage.executor, &stats);
    return stats;
}

int64_t disk_rebuilds(const struct disk *disk)
{
    struct ev_executor_stats stats = disk_stats(disk);
    int64_t sum = 0;
    for (int i = 0; i < EV_REBUILD_REASON_COUNT; i++)
        sum += stats.rebuilds[i];
    return sum;
}
