/* Documents on their way from the threads that fold to those that write, in bulks. There are so many bulks and no more:
 * who folds waits for an empty one, which bounds the memory, and who writes waits for a full one. Thread-safe; a bulk
 * is its taker's alone. */
#pragma once

#include <pthread.h>

#include "core/arena.h"
#include "fold/sink.h"

#define REPLAY_BULK_DOCUMENTS ((size_t)1000)
#define REPLAY_BULK_BYTES_MAX ((size_t)4 * 1024 * 1024) /* of documents; passed by the last one */

struct replay_bulk {
    struct ev_sink_document *documents; /* room for REPLAY_BULK_DOCUMENTS */
    size_t count, bytes;
    struct ev_arena arena; /* of the documents */
    struct replay_bulk *next;
};

struct replay_bulks {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct replay_bulk *all;
    size_t count, bytes_max;
    struct replay_bulk *empty;
    struct replay_bulk *first, *last; /* full ones, the oldest first */
    bool closed, stopped;
};

/* `bytes_max`: of one bulk, at most REPLAY_BULK_BYTES_MAX. */
void replay_bulks_init(struct replay_bulks *bulks, size_t count, size_t bytes_max);
/* Nobody may use them any more. Safe on zeroed ones. */
void replay_bulks_finish(struct replay_bulks *bulks);

/* Waits for an empty one. NULL: told to stop. */
struct replay_bulk *replay_bulks_take_empty(struct replay_bulks *bulks);
void replay_bulks_give_full(struct replay_bulks *bulks, struct replay_bulk *bulk);
/* Waits for a full one. NULL: none will come any more, or told to stop. */
struct replay_bulk *replay_bulks_take_full(struct replay_bulks *bulks);
void replay_bulks_give_empty(struct replay_bulks *bulks, struct replay_bulk *bulk);
/* Those that are full are still handed out. */
void replay_bulks_close(struct replay_bulks *bulks);
/* Whoever waits, now or later, gets NULL. */
void replay_bulks_stop(struct replay_bulks *bulks);

/* Copies the document. */
void replay_bulk_add(struct replay_bulk *bulk, const struct ev_sink_document *document);
static inline bool replay_bulk_is_full(const struct replay_bulks *bulks, const struct replay_bulk *bulk)
{
    return bulk->count == REPLAY_BULK_DOCUMENTS || bulk->bytes >= bulks->bytes_max;
}
