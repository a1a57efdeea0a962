/* The first part of a replay: threads fold partitions of the log, as many others write the documents, in bulks that
 * pass from the ones to the others. When all are written, and not before, come parked entries and checkpoints, which so
 * never speak of what isn't there. */
#pragma once

#include <stdatomic.h>

#include "replay/bulks.h"
#include "replay/replay.h"
#include "replay/skips.h"

#define REPLAY_WRITERS_MORE 1     /* than threads that fold, where that helps */
#define REPLAY_BULKS_PER_THREAD 3 /* one is filled, one waits, one is written */
#define REPLAY_BULKS_SHARE 4      /* of the memory, one in so many parts is for bulks */
#define REPLAY_PARKED_MAX 1000

/* What the threads share. Made by who asks for the build, as far as `bulks`. */
struct replay_build {
    const struct replay_options *options;
    const struct ev_view *view;
    struct generation generation; /* that is being built */
    char topic_id[64];
    int32_t partition_count;
    const int64_t *ends; /* of the log when the replay began */
    const struct replay_skips *skips;

    struct replay_bulks bulks;
    size_t shelf_bytes_max;            /* of one partition */
    struct ev_checkpoint *checkpoints; /* of each partition; next_offset 0: it has none */
    pthread_mutex_t parked_lock;
    struct ev_parked *parked; /* the keys are copies */
    size_t parked_count;
    atomic_int next_partition; /* to be taken by a thread */
    atomic_bool stop;
    atomic_llong records, events, documents, spilled;
    atomic_int fault; /* of the first thread that failed */
    struct ev_error error;
};

/* Builds into the generation, which was made; `sink` is of it and is the caller's thread's. `goes_on` is called on that
 * thread at least every REPLAY_PROGRESS_MS; a negative return of it ends the build and is returned. */
int replay_build_run(struct replay_build *build, struct ev_sink *sink,
                     int (*goes_on)(void *context, struct ev_error *error), void *context, struct ev_error *error);

/* --- for its threads --- */

/* All threads end soon. */
void replay_build_stop(struct replay_build *build);
int replay_build_stopped(struct ev_error *error);
/* A thread can't go on: all stop, and the first one's error is that of the build. */
void replay_build_fail(struct replay_build *build, int r, const struct ev_error *error);
/* Parks when all documents are written. */
int replay_build_park(struct replay_build *build, const struct ev_parked *parked, struct ev_error *error);

/* Partition after partition until none is left (partition.c), bulk after bulk likewise (writer.c). The context is the
 * struct replay_build. */
void *replay_fold_partitions(void *build);
void *replay_write_bulks(void *build);

/* A sink and a reader as options say; the caller destroys them. */
int replay_make_sink(const struct replay_options *options, int generation, struct ev_sink **ret,
                     struct ev_error *error);
int replay_make_reader(const struct replay_options *options, const struct ev_view *view, struct ev_reader **ret,
                       struct ev_error *error);
/* The view as replays fold it: itself. A test puts another in its place, to show that a replay which folds wrongly is
 * caught by the proof. */
const struct ev_view *replay_view(const struct ev_view *view);
