/* A store against a fold of the log in memory, document by document. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "drill.h"

#define DIFFERENCES_SHOWN 5

/* The log as it was when the store's checkpoints were written: nothing comes from beyond them. */
struct bounded_source {
    struct ev_commit_source inner;
    int64_t ends[EV_PROJECTION_PARTITIONS_MAX];
};

static int bounded_describe(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                            struct ev_error *error)
{
    struct bounded_source *bounded = context;
    return bounded->inner.describe(bounded->inner.context, timeout_ms, ret_partitions, ret_topic_id, error);
}

static int bounded_assign(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    struct bounded_source *bounded = context;
    return bounded->inner.assign(bounded->inner.context, cursors, count, error);
}

static int bounded_poll(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max,
                        int64_t timeout_ms, struct ev_error *error)
{
    struct bounded_source *bounded = context;
    int got = bounded->inner.poll(bounded->inner.context, arena, ret, max, timeout_ms, error), kept = 0;
    for (int i = 0; i < got; i++)
        if (ret[i].offset < bounded->ends[ret[i].partition])
            ret[kept++] = ret[i];
    return got < 0 ? got : kept;
}

static bool bounded_failed(void *context, int32_t *ret_partition, int64_t *ret_offset)
{
    struct bounded_source *bounded = context;
    return bounded->inner.failed(bounded->inner.context, ret_partition, ret_offset);
}

static int bounded_bounds(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                          struct ev_error *error)
{
    struct bounded_source *bounded = context;
    int r = bounded->inner.bounds(bounded->inner.context, partition, timeout_ms, ret_first, ret_next, error);
    if (r >= 0 && *ret_next > bounded->ends[partition])
        *ret_next = bounded->ends[partition];
    return r;
}

static int load_ends(struct ev_sink *sink, const struct ev_view *view, struct ev_reader *reader,
                     struct bounded_source *bounded, struct ev_error *error)
{
    char topic_id[64];
    int32_t count;
    int r = ev_reader_describe(reader, 5000, &count, topic_id, error);
    for (int32_t i = 0; i < count && r >= 0; i++) {
        struct ev_checkpoint checkpoint = {0};
        r = sink->load_checkpoint(sink, view, i, &checkpoint, error);
        bounded->ends[i] = r < 0 ? 0 : checkpoint.cursor.next_offset;
        r = r == EV_ERR_NOT_FOUND ? 0 : r;
    }
    return r;
}

static int fold_in_memory(const struct ev_view *view, struct ev_memory_sink *memory, struct bounded_source *bounded,
                          struct ev_error *error)
{
    const struct ev_projection_options options = {
        .view = view,
        .source = {.describe = bounded_describe,
                   .assign = bounded_assign,
                   .poll = bounded_poll,
                   .failed = bounded_failed,
                   .bounds = bounded_bounds,
                   .context = bounded},
        .sink = &memory->sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
    };
    struct ev_projection *projection = ev_projection_create(&options);
    int r = drill_run(projection, error);
    ev_projection_destroy(projection);
    return r;
}

struct comparison {
    const struct ev_view *view;
    const struct ev_memory_sink *fold;
    struct ev_digest fold_digest, store_digest;
    size_t different;
};

static void show_difference(struct comparison *comparison, struct ev_str key, const char *what)
{
    if (comparison->different++ < DIFFERENCES_SHOWN)
        fprintf(stderr, "%.*s: %s\n", EV_STR_ARG(key), what);
}

static int compare_each(void *context, const struct ev_sink_document *stored)
{
    struct comparison *comparison = context;
    struct ev_sink_document fresh;
    ev_digest_add(&comparison->store_digest, stored);
    if (!ev_memory_sink_get(comparison->fold, comparison->view, stored->key, &fresh)) {
        show_difference(comparison, stored->key, "is in the store and doesn't follow from the log");
        return 0;
    }
    struct ev_hash128 a = ev_document_hash(stored), b = ev_document_hash(&fresh);
    if (!ev_hash128_equal(&a, &b))
        show_difference(comparison, stored->key,
                        stored->meta.offset != fresh.meta.offset       ? "is of another offset"
                        : stored->meta.sequence != fresh.meta.sequence ? "is of another sequence"
                                                                       : "has other fields");
    return 0;
}

static int add_each(void *context, const struct ev_sink_document *fresh)
{
    struct comparison *comparison = context;
    ev_digest_add(&comparison->fold_digest, fresh);
    return 0;
}

static int compare(struct ev_sink *sink, const struct ev_view *view, struct ev_memory_sink *memory,
                   struct ev_error *error)
{
    struct comparison comparison = {.view = view, .fold = memory};
    char fold_text[EV_DIGEST_TEXT_MAX], store_text[EV_DIGEST_TEXT_MAX];
    int r = sink->scan(sink, view, compare_each, &comparison, error);
    if (r >= 0)
        r = memory->sink.scan(&memory->sink, view, add_each, &comparison, error);
    if (r < 0)
        return r;
    ev_digest_format(&comparison.fold_digest, fold_text);
    ev_digest_format(&comparison.store_digest, store_text);
    bool equal = ev_digest_equal(&comparison.fold_digest, &comparison.store_digest);
    printf("{\"view\":\"%s\",\"sink\":\"%s\",\"equal\":%s,\"documents\":%" PRId64 ",\"expected\":%" PRId64
           ",\"different\":%zu,\"digest\":\"%s\",\"expected_digest\":\"%s\"}\n",
           view->name, sink->name, equal ? "true" : "false", comparison.store_digest.documents,
           comparison.fold_digest.documents, comparison.different, store_text, fold_text);
    return equal ? 0 : 1;
}

int drill_prove(struct drill *drill, const struct ev_view *view, const char *sink_name, struct ev_error *error)
{
    struct ev_memory_sink memory;
    struct bounded_source bounded = {0};
    struct ev_reader *reader = NULL;
    struct ev_sink *sink = NULL;
    ev_memory_sink_init(&memory);
    int r = drill_make_sink(drill, sink_name, &sink, error);
    if (r >= 0)
        r = drill_make_reader(drill, view, &reader, error);
    if (r >= 0)
        r = sink->prepare(sink, view, error); /* knows now which index its checkpoints are of */
    if (r >= 0) {
        bounded.inner = ev_commit_source_of_reader(reader);
        r = load_ends(sink, view, reader, &bounded, error);
    }
    if (r >= 0)
        r = fold_in_memory(view, &memory, &bounded, error);
    if (r >= 0)
        r = compare(sink, view, &memory, error);
    ev_reader_destroy(reader);
    if (sink)
        sink->destroy(sink);
    ev_memory_sink_finish(&memory);
    return r;
}

int drill_project(struct drill *drill, const struct ev_view *view, const char *sink_name, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    struct ev_sink *sink = NULL;
    int r = drill_make_sink(drill, sink_name, &sink, error);
    if (r >= 0)
        r = drill_make_reader(drill, view, &reader, error);
    if (r >= 0) {
        const struct ev_projection_options options = {.view = view,
                                                      .source = ev_commit_source_of_reader(reader),
                                                      .sink = sink,
                                                      .clock = &ev_clock_system,
                                                      .random = &ev_random_system};
        struct ev_projection *projection = ev_projection_create(&options);
        struct ev_projection_status status;
        int64_t before = drill_now_ms();
        r = drill_run(projection, error);
        int64_t took = drill_now_ms() - before;
        ev_projection_status(projection, &status);
        took = took ? took : 1;
        if (r >= 0)
            printf("{\"view\":\"%s\",\"sink\":\"%s\",\"ms\":%" PRId64 ",\"commits\":%" PRId64
                   ",\"commits_per_second\":%" PRId64 ",\"documents_written\":%" PRId64
                   ",\"documents_per_second\":%" PRId64 ",\"batches\":%" PRId64 ",\"void\":%" PRId64
                   ",\"parked\":%zu}\n",
                   view->name, sink->name, took, status.commits, status.commits * 1000 / took, status.documents_written,
                   status.documents_written * 1000 / took, status.batches, status.void_count, status.parked);
        ev_projection_destroy(projection);
    }
    ev_reader_destroy(reader);
    if (sink)
        sink->destroy(sink);
    return r;
}
