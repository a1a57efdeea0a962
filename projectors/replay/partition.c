/* The threads of a replay that fold: partition after partition into a shelf, and from there into bulks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "fold/projection.h"
#include "replay/build.h"
#include "replay/shelf.h"

#define STEP_MS 200
#define NO_CACHE_BYTES ((size_t)1) /* the shelf is the cache */

/* One partition at a time. */
struct folder {
    struct replay_build *build;
    struct ev_reader *reader; /* one for all of them */
    struct ev_commit_source log;
    int32_t partition;
    int64_t end, next; /* of its records: where the fold ends, what comes next */
    struct shelf shelf;
    struct replay_bulk *bulk; /* that is being filled; NULL: none */
};

/* --- one partition of the log, up to an end --- */

/* Topic and ends are as the replay found them when it began, so nothing is asked of the brokers again. */
static int source_describe(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                           struct ev_error *error)
{
    const struct folder *folder = context;
    (void)timeout_ms;
    (void)error;
    *ret_partitions = folder->build->partition_count;
    snprintf(ret_topic_id, 64, "%s", folder->build->topic_id);
    return 0;
}

static int source_assign(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    struct folder *folder = context;
    for (size_t i = 0; i < count; i++)
        if (cursors[i].partition == folder->partition)
            return folder->log.assign(folder->log.context, &cursors[i], 1, error);
    return 0;
}

static int source_poll(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max, int64_t timeout_ms,
                       struct ev_error *error)
{
    struct folder *folder = context;
    if (folder->next >= folder->end)
        return 0;
    int got = folder->log.poll(folder->log.context, arena, ret, max, timeout_ms, error), kept = 0;
    for (int i = 0; i < got; i++) {
        if (ret[i].offset < folder->end)
            ret[kept++] = ret[i];
        folder->next = ret[i].offset + 1;
    }
    return got < 0 ? got : kept;
}

static bool source_failed(void *context, int32_t *ret_partition, int64_t *ret_offset)
{
    const struct folder *folder = context;
    return folder->log.failed(folder->log.context, ret_partition, ret_offset);
}

/* The other partitions are empty, for this fold. */
static int source_bounds(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                         struct ev_error *error)
{
    const struct folder *folder = context;
    (void)timeout_ms;
    (void)error;
    *ret_first = 0;
    *ret_next = partition == folder->partition ? folder->end : 0;
    return 0;
}

static int source_ends(void *context, int32_t partitions, int64_t timeout_ms, int64_t *ret, struct ev_error *error)
{
    const struct folder *folder = context;
    (void)timeout_ms;
    (void)error;
    for (int32_t i = 0; i < partitions; i++)
        ret[i] = i == folder->partition ? folder->end : 0;
    return 1;
}

/* --- the fold --- */

static bool should_stop(void *context)
{
    const struct folder *folder = context;
    return atomic_load(&folder->build->stop);
}

/* Steps until the partition's end is folded, or its first record that can't be decoded. */
static int fold_steps(struct folder *folder, struct ev_projection *projection, struct ev_error *error)
{
    struct replay_build *build = folder->build;
    struct ev_projection_status *status = ev_memory_new(struct ev_projection_status);
    _cleanup_free_ void *owned = status;
    int64_t moved_ms = ev_clock_monotonic_ms(&ev_clock_system), events = 0, next = 0;
    int r = 0;
    size_t spilled = 0;
    bool stopped = false;
    while ((r < 0 || folder->next < folder->end) && !stopped) {
        r = ev_projection_step(projection, STEP_MS, error);
        if (atomic_load(&build->stop))
            return replay_build_stopped(error);
        if (r < 0 && !error->retriable)
            return r;
        ev_projection_status(projection, status);
        stopped =
            r >= 0 && status->partition_count > folder->partition && status->partitions[folder->partition].stopped;
        int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
        if (folder->next > next)
            moved_ms = now_ms;
        if (now_ms - moved_ms > REPLAY_STALL_MS)
            return ev_error_set(error, EV_ERR_TIMEOUT, "no record of partition %" PRId32 " came for %d s",
                                folder->partition, REPLAY_STALL_MS / 1000);
        atomic_fetch_add(&build->records, folder->next - next);
        atomic_fetch_add(&build->events, status->events - events);
        atomic_fetch_add(&build->spilled, (long long)(folder->shelf.spilled - spilled));
        next = folder->next;
        events = status->events;
        spilled = folder->shelf.spilled;
    }
    return ev_projection_stop(projection, error);
}

static int fold_partition(struct folder *folder, struct ev_error *error)
{
    const struct ev_projection_options options = {
        .view = folder->build->view,
        .source = {.describe = source_describe,
                   .assign = source_assign,
                   .poll = source_poll,
                   .failed = source_failed,
                   .bounds = source_bounds,
                   .ends = source_ends,
                   .context = folder},
        .sink = &folder->shelf.sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
        .cache_bytes_max = NO_CACHE_BYTES,
        .should_stop = should_stop,
        .context = folder,
    };
    struct ev_projection *projection = ev_projection_create(&options);
    int r = fold_steps(folder, projection, error);
    ev_projection_destroy(projection);
    /* While the documents wait to be written, nothing more is read. */
    return r < 0 ? r : folder->log.assign(folder->log.context, NULL, 0, error);
}

/* --- from the shelf into bulks --- */

static void give_bulk(struct folder *folder)
{
    if (folder->bulk)
        replay_bulks_give_full(&folder->build->bulks, EV_TAKE(folder->bulk));
}

/* 1: told to stop. */
static int pass_on(void *context, const struct ev_sink_document *document)
{
    struct folder *folder = context;
    struct replay_bulks *bulks = &folder->build->bulks;
    if (!folder->bulk && !(folder->bulk = replay_bulks_take_empty(bulks)))
        return 1;
    replay_bulk_add(folder->bulk, document);
    if (replay_bulk_is_full(bulks, folder->bulk))
        give_bulk(folder);
    return 0;
}

static int pass_all_on(struct folder *folder, struct ev_error *error)
{
    struct replay_build *build = folder->build;
    const struct shelf *shelf = &folder->shelf;
    int r = shelf_each(&folder->shelf, pass_on, folder, error);
    if (r > 0)
        return replay_build_stopped(error);
    give_bulk(folder);
    for (size_t i = 0; i < shelf->parked_count && r >= 0; i++)
        r = replay_build_park(build, &shelf->parked[i], error);
    if (shelf->has_checkpoint) {
        build->checkpoints[folder->partition] = shelf->checkpoint;
        build->checkpoints[folder->partition].previous_offset = 0;
    }
    return r;
}

static int run_partition(struct folder *folder, int32_t partition, struct ev_error *error)
{
    const struct replay_build *build = folder->build;
    folder->partition = partition;
    folder->end = build->ends[partition];
    folder->next = 0;
    if (folder->end == 0)
        return 0;
    shelf_init(&folder->shelf, build->shelf_bytes_max, build->options->scratch_directory);
    folder->shelf.skipped = build->skips->entries.items;
    folder->shelf.skipped_count = build->skips->entries.count;
    int r = fold_partition(folder, error);
    if (r >= 0)
        r = pass_all_on(folder, error);
    shelf_finish(&folder->shelf);
    return r;
}

void *replay_fold_partitions(void *context)
{
    struct replay_build *build = context;
    struct folder folder = {.build = build};
    struct ev_error error = {0};
    int r = replay_make_reader(build->options, build->view, &folder.reader, &error);
    if (r >= 0)
        folder.log = ev_commit_source_of_reader(folder.reader);
    while (r >= 0 && !atomic_load(&build->stop)) {
        int partition = atomic_fetch_add(&build->next_partition, 1);
        if (partition >= build->partition_count)
            break;
        r = run_partition(&folder, partition, &error);
    }
    ev_reader_destroy(folder.reader);
    if (r < 0)
        replay_build_fail(build, r, &error);
    return NULL;
}
