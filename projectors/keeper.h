/* What a process of projectors does for one view in one store: a worker for every generation of the view that there is
 * (sinks/generations.h). Which those are is looked up every second: a replay that is proved adds one, dropping takes
 * one away. So the live generation and those kept to go back to are fed alike, and moving the pointer loses nothing.
 * Where what is live is an older version of the view than this program's, the new one is built first, by a replay. */
#pragma once

#include "replay/replay.h"
#include "worker.h"

#define KEEPER_GENERATIONS_MAX 4 /* fed at a time; the newest, and the live one */
#define KEEPER_LOOK_MS 1000
#define KEEPER_KEEPERS_MAX CHOICE_MAX

struct keeper_options {
    struct worker_options worker;
    struct mongo_pool *mongo;
    const char *elasticsearch_url;
    const char *scratch_directory; /* of replays; is there */
    size_t replay_memory_bytes;
    int64_t keep_ms; /* how long a generation is kept after it was live; negative: for ever */
};

struct keeper_table;

struct keeper {
    struct keeper_table *table;
    struct choice choice;
    char name[64]; /* "orders/mongodb" */
    char fingerprint[GENERATION_FINGERPRINT_MAX];
    struct ev_sink *control;                        /* of the look-ups; the store's thread alone */
    struct worker *workers[KEEPER_GENERATIONS_MAX]; /* guarded by the table's lock; NULL: none */
    int live;                                       /* which of them stands for the view; -1: none */
    char waits[EV_ERROR_MESSAGE_MAX];               /* "" or why there is no live worker; guarded by the lock */
};

/* The thread of one store: one store's outage doesn't stall another. */
struct keeper_thread {
    struct keeper_table *table;
    enum choice_store store;
    pthread_t thread;
    bool running;
};

struct keeper_table {
    bool initialised;
    struct keeper keepers[KEEPER_KEEPERS_MAX];
    size_t count;
    struct keeper_options options;
    struct keeper_thread threads[CHOICE_STORE_COUNT];
    atomic_bool stopping;
    pthread_mutex_t lock; /* of the keepers' workers, and of the pause */
    pthread_cond_t stop;
};

/* Connects to nothing yet. The table may not move afterwards. */
int keeper_table_init(struct keeper_table *table, const struct keeper_options *options, const struct choice *choices,
                      size_t count, struct ev_error *error);
/* Starts the threads that look for generations and start workers. */
int keeper_table_start(struct keeper_table *table, struct ev_error *error);
/* Tells all threads to end. From any thread, once the table is initialised. */
void keeper_table_stop(struct keeper_table *table);
/* Waits for them and frees all. Safe on a zeroed table. */
void keeper_table_finish(struct keeper_table *table);
