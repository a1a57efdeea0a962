/* What the files of the LMDB store share; for nobody else. */
#pragma once

#include <lmdb.h>
#include <pthread.h>

#include "stream/checkpoint_format.h"
#include "stream/checkpoint_lmdb.h"

#define CHECKPOINT_TOPICS_MAX 64

struct checkpoint_topic {
    char *name;
    int32_t partitions;
    MDB_dbi *databases; /* valid while the store is open */
};

struct checkpoint_port {
    struct ev_checkpoint_port port; /* first */
    struct ev_checkpoint_lmdb *store;
    const struct checkpoint_topic *topic;
    MDB_txn *reading; /* made with the first read, then reset and renewed: an open one would keep old pages alive */
    struct ev_buffer value;
};

struct ev_checkpoint_lmdb {
    char directory[4096];
    size_t map_bytes;
    bool unsynced;
    int lock_fd;
    MDB_env *env;
    atomic_bool open; /* env and all databases can be used; never goes back once the loops run */
    struct checkpoint_topic topics[CHECKPOINT_TOPICS_MAX];
    size_t topic_count;
    struct checkpoint_port *ports[EV_CHECKPOINT_LOOPS_MAX];
    size_t port_count;
    atomic_llong failures;
    /* The writer, under the mutex: */
    pthread_t thread;
    bool running, stopping;
    pthread_mutex_t mutex;
    pthread_cond_t work, finished;
    struct ev_checkpoint_batch *first, *last; /* linked by next */
};

/* checkpoint_lmdb.c: opens the environment and the databases of all topics. */
int checkpoint_env_open(struct ev_checkpoint_lmdb *store, bool anew, struct ev_error *error);
int checkpoint_lmdb_error(struct ev_error *error, const char *what, int code);
static inline MDB_val checkpoint_val(struct ev_str bytes)
{
    return (MDB_val){.mv_size = bytes.length, .mv_data = (void *)bytes.data};
}

/* checkpoint_verify.c: reads all of it in a child process. 0: sound, or there is nothing. CORRUPT; IO: it couldn't be
 * looked at. */
int checkpoint_verify(const char *directory, int64_t timeout_ms, struct ev_error *error);

/* checkpoint_writer.c */
int checkpoint_writer_start(struct ev_checkpoint_lmdb *store, struct ev_error *error);
void checkpoint_writer_stop(struct ev_checkpoint_lmdb *store);
void checkpoint_writer_take(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch);
bool checkpoint_writer_wait(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch, int64_t timeout_ms);
void checkpoint_writer_abandon(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch);
