/* A stage whose executor keeps checkpoints in a directory of its own. */
#pragma once

#include "stage.h"
#include "stream/checkpoint_lmdb.h"

struct disk {
    struct stage stage;
    char directory[64];
    struct ev_checkpoint_lmdb *store;
    struct ev_checkpoint_lmdb_options options;
    struct ev_error fault; /* of the last opening */
    /* What the executor told last, and how often each kind. */
    struct ev_checkpoint_news news;
    struct ev_error error;
    int told[EV_CHECKPOINT_FAILED + 1];
};

void disk_init(struct disk *disk);
void disk_finish(struct disk *disk);
/* The process ends without a word, and another one starts: store and executor are made anew. */
void disk_open(struct disk *disk); /* the store alone */
void disk_restart(struct disk *disk);
/* A checkpoint of all, written. */
void disk_checkpoint(struct disk *disk);
/* Ticks until a checkpoint was written or failed, or none is due. */
void disk_tick(struct disk *disk);
struct ev_executor_stats disk_stats(const struct disk *disk);
int64_t disk_rebuilds(const struct disk *disk); /* for any reason */
