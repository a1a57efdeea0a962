/* One partition of a replay: folded into a shelf, then written to the store. Runs on a thread of its own. */
#pragma once

#include <stdatomic.h>

#include "replay/skips.h"

/* What the threads of a replay share. */
struct replay_shared {
    const struct replay_options *options;
    const struct ev_view *view;
    struct generation generation; /* that is being built */
    int32_t partition_count;
    const int64_t *ends; /* of the log when the replay began */
    const struct replay_skips *skips;
    size_t shelf_bytes_max;    /* of one partition */
    atomic_int next_partition; /* to be taken by a thread */
    atomic_bool stop;
    atomic_llong records, events, documents, spilled, parked;
    atomic_int fault; /* of the first thread that failed */
    struct ev_error error;
};

/* A sink and a reader as options say; the caller destroys them. */
int replay_make_sink(const struct replay_options *options, int generation, struct ev_sink **ret,
                     struct ev_error *error);
int replay_make_reader(const struct replay_options *options, const struct ev_view *view, struct ev_reader **ret,
                       struct ev_error *error);

/* The view as replays fold it: itself. A test puts another in its place, to show that a replay which folds wrongly is
 * caught by the proof. */
const struct ev_view *replay_view(const struct ev_view *view);

/* Partition after partition until none is left. The context is the struct replay_shared. */
void *replay_partitions_run(void *shared);
