/* Checkpoints on disk: one LMDB environment per process, in a directory that is this process's alone. Each partition
 * has a database of its own in it, so that it can be dropped at once. Every value carries a checksum, and before it is
 * used the whole file is read through once by a child process, because LMDB trusts its pages: a damaged one would take
 * the process with it. What is damaged, or has another format, is thrown away.
 *
 * A thread writes, one transaction for each batch, and waits for the disk; loops only read, from the mapped file. No
 * fault of the disk is ever theirs: what can't be written is tried again later, what can't be opened counts as empty.
 * Layout: checkpoint_format.h. */
#pragma once

#include "stream/checkpoint.h"

#define EV_CHECKPOINT_PARTITIONS_MAX 8192 /* of all topics */
#define EV_CHECKPOINT_LOOPS_MAX 512       /* ports */
#define EV_CHECKPOINT_VERIFY_TIMEOUT_MS 120000

struct ev_checkpoint_lmdb_options {
    const char *directory; /* is made where it isn't there */
    size_t map_bytes;      /* bound on the file */
    bool unsynced;         /* doesn't wait for the disk: for tests */
};

struct ev_checkpoint_lmdb;
/* Takes the directory; FENCED when another process has it. Nothing else about the disk is an error here: where the
 * environment can't be opened, `*ret_fault` (may be NULL) says why, and it is tried again with each batch. Before the
 * process has other threads that matter: it forks. */
int ev_checkpoint_lmdb_open(const struct ev_checkpoint_lmdb_options *options, struct ev_checkpoint_lmdb **ret,
                            struct ev_error *ret_fault, struct ev_error *error);
/* No port may be in use. Batches that wait are dropped, the one at hand is written. NULL is fine. */
void ev_checkpoint_lmdb_close(struct ev_checkpoint_lmdb *store);

/* Before the loops start: makes room for a topic's partitions. */
int ev_checkpoint_lmdb_add_topic(struct ev_checkpoint_lmdb *store, const char *topic, int32_t partitions,
                                 struct ev_error *error);
/* A topic's checkpoints for one executor; owned by the store. */
int ev_checkpoint_lmdb_port(struct ev_checkpoint_lmdb *store, const char *topic, struct ev_checkpoint_port **ret,
                            struct ev_error *error);
/* Forgets what is stored of a partition, and waits for the disk. */
int ev_checkpoint_lmdb_discard(struct ev_checkpoint_lmdb *store, const char *topic, int32_t partition,
                               struct ev_error *error);

struct ev_checkpoint_lmdb_stats {
    int64_t used_bytes, map_bytes; /* of the file's pages; 0 while it isn't open */
    int64_t failures;              /* batches that weren't written, since the start */
};
/* Any thread. */
void ev_checkpoint_lmdb_stats(struct ev_checkpoint_lmdb *store, struct ev_checkpoint_lmdb_stats *ret);
