#include "replay/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "fold/projection.h"
#include "replay/shelf.h"
#include "sinks/elasticsearch.h"

#define STEP_MS 200
#define BULK_DOCUMENTS ((size_t)1000)
#define BULK_BYTES ((size_t)4 * 1024 * 1024)
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000
#define RETRY_LOOK_MS 25
#define NO_CACHE_BYTES ((size_t)1) /* the shelf is the cache */

/* --- one partition of the log, up to an end --- */

struct partition_source {
    struct ev_commit_source inner;
    int32_t partition;
    int64_t end, next;
};

static int source_describe(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                           struct ev_error *error)
{
    struct partition_source *source = context;
    return source->inner.describe(source->inner.context, timeout_ms, ret_partitions, ret_topic_id, error);
}

static int source_assign(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    struct partition_source *source = context;
    for (size_t i = 0; i < count; i++)
        if (cursors[i].partition == source->partition)
            return source->inner.assign(source->inner.context, &cursors[i], 1, error);
    return 0;
}

static int source_poll(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max, int64_t timeout_ms,
                       struct ev_error *error)
{
    struct partition_source *source = context;
    if (source->next >= source->end)
        return 0;
    int got = source->inner.poll(source->inner.context, arena, ret, max, timeout_ms, error), kept = 0;
    for (int i = 0; i < got; i++) {
        if (ret[i].offset < source->end)
            ret[kept++] = ret[i];
        source->next = ret[i].offset + 1;
    }
    return got < 0 ? got : kept;
}

static bool source_failed(void *context, int32_t *ret_partition, int64_t *ret_offset)
{
    struct partition_source *source = context;
    return source->inner.failed(source->inner.context, ret_partition, ret_offset);
}

/* The other partitions are empty, for this fold. */
static int source_bounds(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                         struct ev_error *error)
{
    struct partition_source *source = context;
    *ret_first = *ret_next = 0;
    if (partition != source->partition)
        return 0;
    int r = source->inner.bounds(source->inner.context, partition, timeout_ms, ret_first, ret_next, error);
    if (r >= 0 && *ret_next > source->end)
        *ret_next = source->end;
    return r;
}

static int source_ends(void *context, int32_t partitions, int64_t timeout_ms, int64_t *ret, struct ev_error *error)
{
    struct partition_source *source = context;
    int r = source->inner.ends(source->inner.context, partitions, timeout_ms, ret, error);
    for (int32_t i = 0; i < partitions && r > 0; i++)
        if (i != source->partition)
            ret[i] = 0;
        else if (ret[i] > source->end)
            ret[i] = source->end;
    return r;
}

/* --- stores --- */

int replay_make_sink(const struct replay_options *options, int generation, struct ev_sink **ret, struct ev_error *error)
{
    int r = EV_ERR_INTERNAL;
    switch (options->store) {
    case CHOICE_MONGODB:
        r = mongo_sink_create(options->mongo, options->kafka.topic_prefix, ret, error);
        break;
    case CHOICE_ELASTICSEARCH:
        r = elasticsearch_sink_create(options->elasticsearch_url, options->kafka.topic_prefix, ret, error);
        break;
    }
    if (r >= 0) {
        (*ret)->generation = generation;
        (*ret)->fingerprint = options->fingerprint;
    }
    return r;
}

int replay_make_reader(const struct replay_options *options, const struct ev_view *view, struct ev_reader **ret,
                       struct ev_error *error)
{
    const struct ev_reader_options reader_options = {
        .kafka = options->kafka,
        .topic = view->topic,
        .schemas = options->schemas,
        .fetch_bytes_max = REPLAY_FETCH_BYTES,
        .include_void = true,
        .include_unreadable = true,
    };
    return ev_reader_create(&reader_options, ret, error);
}

/* --- the fold --- */

struct partition_work {
    struct replay_shared *shared;
    int32_t partition;
    struct shelf shelf;
    struct partition_source source;
    struct ev_sink *target;
};

static bool work_should_stop(void *context)
{
    const struct partition_work *work = context;
    return atomic_load(&work->shared->stop);
}

static int work_stopped(struct ev_error *error)
{
    return ev_error_set(error, EV_ERR_TIMEOUT, "the replay was told to stop");
}

/* Steps until the partition's end is folded, or its first record that can't be decoded. */
static int fold_steps(struct partition_work *work, struct ev_projection *projection, struct ev_error *error)
{
    struct replay_shared *shared = work->shared;
    struct ev_projection_status *status = ev_memory_new(struct ev_projection_status);
    _cleanup_free_ void *owned = status;
    int64_t moved_ms = ev_clock_monotonic_ms(&ev_clock_system), events = 0, next = 0;
    int r = 0;
    size_t spilled = 0;
    bool stopped = false;
    while ((r < 0 || work->source.next < work->source.end) && !stopped) {
        r = ev_projection_step(projection, STEP_MS, error);
        if (atomic_load(&shared->stop))
            return work_stopped(error);
        if (r < 0 && !error->retriable)
            return r;
        ev_projection_status(projection, status);
        stopped = r >= 0 && status->partition_count > work->partition && status->partitions[work->partition].stopped;
        int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
        if (work->source.next > next)
            moved_ms = now_ms;
        if (now_ms - moved_ms > REPLAY_STALL_MS)
            return ev_error_set(error, EV_ERR_TIMEOUT, "no record of partition %" PRId32 " came for %d s",
                                work->partition, REPLAY_STALL_MS / 1000);
        atomic_fetch_add(&shared->records, work->source.next - next);
        atomic_fetch_add(&shared->events, status->events - events);
        atomic_fetch_add(&shared->spilled, (long long)(work->shelf.spilled - spilled));
        next = work->source.next;
        events = status->events;
        spilled = work->shelf.spilled;
    }
    return ev_projection_stop(projection, error);
}

static int fold_partition(struct partition_work *work, struct ev_error *error)
{
    const struct replay_shared *shared = work->shared;
    struct ev_reader *reader = NULL;
    if (work->source.end == 0)
        return 0;
    int r = replay_make_reader(shared->options, shared->view, &reader, error);
    if (r < 0)
        return r;
    work->source.inner = ev_commit_source_of_reader(reader);
    const struct ev_projection_options options = {
        .view = shared->view,
        .source = {.describe = source_describe,
                   .assign = source_assign,
                   .poll = source_poll,
                   .failed = source_failed,
                   .bounds = source_bounds,
                   .ends = source_ends,
                   .context = &work->source},
        .sink = &work->shelf.sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
        .cache_bytes_max = NO_CACHE_BYTES,
        .should_stop = work_should_stop,
        .context = work,
    };
    struct ev_projection *projection = ev_projection_create(&options);
    r = fold_steps(work, projection, error);
    ev_projection_destroy(projection);
    ev_reader_destroy(reader);
    return r;
}

/* --- the transfer --- */

struct bulk {
    struct partition_work *work;
    struct ev_arena arena; /* of the documents */
    struct ev_sink_document *documents;
    size_t count, bytes;
    bool repeated; /* a write without a known end came before: its documents may be there */
    struct ev_error *error;
};

/* Backs off, jittered, unless told to stop. */
static bool bulk_pause(const struct bulk *bulk, int tries)
{
    int64_t most = RETRY_MIN_MS;
    while (tries-- > 0 && most < RETRY_MAX_MS)
        most *= 2;
    int64_t left = most / 2 + (int64_t)ev_random_below(&ev_random_system, (uint64_t)most / 2 + 1);
    for (; left > 0 && !atomic_load(&bulk->work->shared->stop); left -= RETRY_LOOK_MS)
        nanosleep(&(struct timespec){.tv_nsec = RETRY_LOOK_MS * 1000000}, NULL);
    return !atomic_load(&bulk->work->shared->stop);
}

static int bulk_park(struct bulk *bulk, const struct ev_sink_document *document)
{
    struct partition_work *work = bulk->work;
    struct ev_parked parked = {.key = document->key,
                               .partition = document->meta.partition,
                               .offset = document->meta.offset,
                               .parked_at_ms = ev_clock_wall_ms(&ev_clock_system)};
    snprintf(parked.cause, sizeof(parked.cause), "%.*s", (int)sizeof(parked.cause) - 1, document->error.message);
    atomic_fetch_add(&work->shared->parked, 1);
    return work->target->save_parked(work->target, work->shared->view, &parked, bulk->error);
}

/* Nobody else writes into this generation, so a document that is there already is one of a write whose answer got lost.
 * What is left to do moves to the front. */
static int bulk_take_results(struct bulk *bulk)
{
    size_t left = 0;
    for (size_t i = 0; i < bulk->count; i++) {
        const struct ev_sink_document *document = &bulk->documents[i];
        int r = 0;
        switch (document->result) {
        case EV_WRITE_DONE:
            break;
        case EV_WRITE_STALE:
            if (!bulk->repeated)
                return ev_error_set(bulk->error, EV_ERR_CONFLICT, "somebody else writes into the new generation: %.*s",
                                    EV_STR_ARG(document->key));
            break;
        case EV_WRITE_BUSY:
            *bulk->error = document->error;
            bulk->documents[left++] = *document;
            break;
        case EV_WRITE_FAILED:
            r = bulk_park(bulk, document);
            break;
        }
        if (r < 0)
            return r;
    }
    atomic_fetch_add(&bulk->work->shared->documents, (long long)(bulk->count - left));
    bulk->count = left;
    return 0;
}

/* Until the store has taken all. */
static int bulk_write(struct bulk *bulk)
{
    struct partition_work *work = bulk->work;
    int64_t since_ms = ev_clock_monotonic_ms(&ev_clock_system);
    for (int tries = 0; bulk->count > 0; tries++) {
        int r = work->target->write(work->target, work->shared->view, bulk->documents, bulk->count, bulk->error);
        if (r < 0 && !bulk->error->retriable)
            return r;
        bulk->repeated = bulk->repeated || r < 0;
        if (r >= 0 && (r = bulk_take_results(bulk)) < 0)
            return r;
        if (bulk->count > 0 && ev_clock_monotonic_ms(&ev_clock_system) - since_ms > REPLAY_STALL_MS)
            return bulk->error->code;
        if (bulk->count > 0 && !bulk_pause(bulk, tries))
            return work_stopped(bulk->error);
    }
    bulk->bytes = 0;
    ev_arena_reset(&bulk->arena);
    return atomic_load(&work->shared->stop) ? work_stopped(bulk->error) : 0;
}

static int bulk_add(void *context, const struct ev_sink_document *document)
{
    struct bulk *bulk = context;
    struct ev_sink_document *added = &bulk->documents[bulk->count++];
    *added = *document;
    added->key = ev_arena_copy(&bulk->arena, document->key);
    added->body = ev_arena_copy(&bulk->arena, document->body);
    bulk->bytes += document->body.length;
    return bulk->count == BULK_DOCUMENTS || bulk->bytes >= BULK_BYTES ? bulk_write(bulk) : 0;
}

/* Documents, then what is parked, then the checkpoint, which so never speaks of what isn't there. */
static int transfer_partition(struct partition_work *work, struct ev_error *error)
{
    struct ev_sink *target = work->target;
    const struct ev_view *view = work->shared->view;
    struct bulk bulk = {.work = work, .error = error};
    ev_arena_init(&bulk.arena, 0);
    bulk.documents = ev_memory_alloc_array(BULK_DOCUMENTS, sizeof(*bulk.documents));
    int r = shelf_each(&work->shelf, bulk_add, &bulk, error);
    if (r >= 0)
        r = bulk_write(&bulk);
    free(bulk.documents);
    ev_arena_finish(&bulk.arena);
    for (size_t i = 0; i < work->shelf.parked_count && r >= 0; i++) {
        r = target->save_parked(target, view, &work->shelf.parked[i], error);
        atomic_fetch_add(&work->shared->parked, 1);
    }
    if (r < 0 || !work->shelf.has_checkpoint)
        return r;
    struct ev_checkpoint checkpoint = work->shelf.checkpoint;
    checkpoint.previous_offset = 0;
    r = target->flush(target, view, error);
    return r < 0 ? r : target->save_checkpoints(target, view, &checkpoint, 1, error);
}

static int run_partition(struct replay_shared *shared, struct ev_sink *target, int32_t partition,
                         struct ev_error *error)
{
    struct partition_work work = {
        .shared = shared,
        .partition = partition,
        .source = {.partition = partition, .end = shared->ends[partition]},
        .target = target,
    };
    shelf_init(&work.shelf, shared->shelf_bytes_max, shared->options->scratch_directory);
    work.shelf.skipped = shared->skips->entries.items;
    work.shelf.skipped_count = shared->skips->entries.count;
    int r = fold_partition(&work, error);
    if (r >= 0)
        r = transfer_partition(&work, error);
    shelf_finish(&work.shelf);
    return r;
}

void *replay_partitions_run(void *context)
{
    struct replay_shared *shared = context;
    struct ev_sink *target = NULL;
    struct ev_error error = {0};
    int r = replay_make_sink(shared->options, shared->generation.number, &target, &error);
    if (r >= 0)
        r = target->prepare(target, shared->view, &error); /* knows now which index its checkpoints are of */
    while (r >= 0 && !atomic_load(&shared->stop)) {
        int partition = atomic_fetch_add(&shared->next_partition, 1);
        if (partition >= shared->partition_count)
            break;
        r = run_partition(shared, target, partition, &error);
    }
    if (target)
        target->destroy(target);
    int none = 0;
    if (r < 0 && atomic_compare_exchange_strong(&shared->fault, &none, r)) {
        shared->error = error; /* read when all threads have ended */
        atomic_store(&shared->stop, true);
    }
    return NULL;
}
