/* Checkpoints of one partition in memory. A batch that was given waits until a step writes it, lets it fail, or its
 * process dies; what is stored stays when an executor goes. */
#pragma once

#include "stream/checkpoint.h"

#define FAKE_STORED_MAX 64

struct fake_stored {
    char id[32];
    int64_t version, offset;
    char *state; /* malloc'd */
    size_t length;
};

struct fake_checkpoints {
    struct ev_checkpoint_port port; /* first */
    struct ev_checkpoint_batch *pending;
    bool present;
    bool corrupt; /* no stream can be read any more, until all is written anew */
    struct ev_checkpoint_head head;
    struct fake_stored streams[FAKE_STORED_MAX];
    size_t stream_count;
    struct ev_dedup_entry *commands; /* malloc'd: by number, from 0 on */
    uint64_t commands_end;
    int64_t written;
};

void fake_checkpoints_init(struct fake_checkpoints *checkpoints);
void fake_checkpoints_finish(struct fake_checkpoints *checkpoints);
/* The steps: false when no batch waits. */
bool fake_checkpoints_write(struct fake_checkpoints *checkpoints);
bool fake_checkpoints_fail(struct fake_checkpoints *checkpoints);
/* Makes `to` a copy, as a disk that goes back to what it was. */
void fake_checkpoints_copy(const struct fake_checkpoints *from, struct fake_checkpoints *to);
