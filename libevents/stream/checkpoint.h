/* What an executor keeps on disk so that a start needs the tail of the log alone: the port between the executor and a
 * store (checkpoint_lmdb.h, or the one in memory of tests and simulation). A checkpoint of a partition is what all
 * records below one offset amount to: the owner's mark, the remembered commands, and each stream's confirmed state,
 * never a speculative one. It is written by changes, each batch wholly or not at all. A lost checkpoint costs time,
 * never correctness: the log is the truth.
 *
 * All calls come from the executor's loop; a batch is written elsewhere. */
#pragma once

#include <stdatomic.h>

#include "log/owner.h"
#include "stream/dedup.h"

#define EV_CHECKPOINT_COMMANDS_PER_VALUE 64 /* stored together; a batch begins at a multiple or at the first */
#define EV_CHECKPOINT_FORMAT 1              /* of all that is stored; another one is thrown away */

/* Why a partition was built from the log's start although something was stored. */
#define EV_REBUILD_REASONS(X)                                                                                          \
    X(FORMAT, "format", "the checkpoint has another format")                                                           \
    X(CORRUPT, "corrupt", "the checkpoint is corrupt")                                                                 \
    X(MISFIT, "misfit", "the log does not go on from where the checkpoint ends")                                       \
    X(DECIDERS, "deciders", "the checkpoint was made by other deciders")                                               \
    X(TOPIC, "topic", "the topic was made anew since the checkpoint")                                                  \
    X(WINDOW, "window", "more commands are to be remembered than the checkpoint holds")                                \
    X(LOG, "log", "the log isn't the one that the checkpoint was taken of")

enum ev_rebuild_reason {
#define X(name, text, help) EV_REBUILD_##name,
    EV_REBUILD_REASONS(X)
#undef X
        EV_REBUILD_REASON_COUNT,
};
const char *ev_rebuild_reason_name(enum ev_rebuild_reason reason);
const char *ev_rebuild_reason_text(enum ev_rebuild_reason reason);

struct ev_checkpoint_head {
    uint64_t deciders; /* fingerprint of what made the states */
    char topic_id[64];
    struct ev_owner_mark mark;
    uint64_t commands_first, commands_next; /* numbers of the remembered commands */
    uint64_t entries_max;                   /* of the window that they were kept by */
    int64_t window_ms;
    int64_t taken_at; /* wall clock, ms */
};

/* A stream as it is stored. */
struct ev_checkpoint_stream {
    int64_t version, offset;
    struct ev_str state;
};

/* All that has changed since the batch before. Filled on the loop, then the store's until `done`. */
struct ev_checkpoint_batch {
    int32_t partition;
    bool clear; /* nothing that is stored of the partition counts any more */
    struct ev_checkpoint_head head;
    struct ev_buffer streams;  /* by ev_checkpoint_batch_add */
    struct ev_buffer commands; /* struct ev_dedup_entry, from number commands_from up to head.commands_next */
    uint64_t commands_from;
    size_t stream_count;
    /* Of the store: */
    atomic_bool done;
    struct ev_error error; /* code NONE: it is on disk, whole */
    int64_t written_bytes, took_ms;
    bool abandoned;
    const void *topic;
    struct ev_checkpoint_batch *next;
};

struct ev_checkpoint_batch *ev_checkpoint_batch_create(void);
void ev_checkpoint_batch_destroy(struct ev_checkpoint_batch *batch); /* not while the store has it */
void ev_checkpoint_batch_add(struct ev_checkpoint_batch *batch, struct ev_str id,
                             const struct ev_checkpoint_stream *stream);
/* Takes one stream after the other off `rest`, which begins as the whole of batch->streams. False at the end. */
bool ev_checkpoint_batch_next(struct ev_str *rest, struct ev_str *ret_id, struct ev_checkpoint_stream *ret);
size_t ev_checkpoint_batch_bytes(const struct ev_checkpoint_batch *batch);

struct ev_checkpoint_port {
    /* 0; 1: there is none. CORRUPT; UNSUPPORTED: another format. */
    int (*head)(struct ev_checkpoint_port *port, int32_t partition, struct ev_checkpoint_head *ret,
                struct ev_error *error);
    /* Calls `take` for the commands [first, next) of the head, in order. CORRUPT when one is missing. */
    int (*commands)(struct ev_checkpoint_port *port, int32_t partition, const struct ev_checkpoint_head *head,
                    void (*take)(void *context, const struct ev_dedup_entry *entry), void *context,
                    struct ev_error *error);
    /* One stream, as of the last batch that is done. The state is borrowed until the next call. 0; 1: there is none.
     * Doesn't wait for a batch. */
    int (*stream)(struct ev_checkpoint_port *port, int32_t partition, struct ev_str id,
                  struct ev_checkpoint_stream *ret, struct ev_error *error);
    /* Takes the batch over and writes it, after those given before. */
    void (*write)(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch);
    /* Waits until the batch is done, for at most so long. False: it isn't. */
    bool (*wait)(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch, int64_t timeout_ms);
    /* The caller is no longer interested: the store destroys the batch when it is done with it. */
    void (*abandon)(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch);
};
