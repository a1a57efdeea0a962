/* A batch: records read from the log at once, with their events grouped by the document they belong to, in log order.
 * Not thread-safe. Used by the projection. */
#pragma once

#include "core/clock.h"
#include "core/map.h"
#include "fold/source.h"
#include "fold/view.h"

/* Bounds of one batch: whichever is reached first closes it. */
struct ev_batch_bounds {
    size_t records_max; /* records of the log, fences and void ones too */
    size_t bytes_max;   /* of records as they lie in the log; passed by at most EV_BATCH_POLL_RECORDS of them */
    int64_t time_ms;    /* spent on collecting */
    int64_t linger_ms;  /* how long the next record may let itself be waited for, while the view is behind */
};
#define EV_BATCH_RECORDS_MAX ((size_t)4096)
#define EV_BATCH_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define EV_BATCH_TIME_MS 250
#define EV_BATCH_LINGER_MS 20
#define EV_BATCH_POLL_RECORDS ((size_t)64)

struct ev_batch_event {
    const struct ev_log_record *record;
    const struct ev_event *event; /* NULL: the commit's events can't be decoded (record->unreadable) */
    struct ev_batch_event *next;
};

/* What the batch holds for one key. */
struct ev_batch_document {
    struct ev_str key; /* in the batch's arena, NUL-terminated */
    int32_t partition;
    struct ev_batch_event *first, *last;
    bool done; /* written, unchanged or parked */
};

struct ev_batch {
    struct ev_batch_bounds bounds;
    struct ev_arena arena;
    struct ev_log_record *records; /* records_max of them */
    size_t record_count;
    size_t bytes;
    struct {
        struct ev_batch_document **items;
        size_t count, capacity;
    } documents;
    struct ev_map by_key;
    size_t commit_count, event_count;
    size_t not_applicable; /* events that the view has no use for */
    size_t void_count;     /* records that every reader skips; fences aren't counted */
};

/* A bound of 0 means the default above. */
void ev_batch_init(struct ev_batch *batch, const struct ev_batch_bounds *bounds);
void ev_batch_finish(struct ev_batch *batch);
void ev_batch_clear(struct ev_batch *batch);
/* Reads until a bound is reached or nothing more is there: at most timeout_ms for the first record, and when `behind`
 * at most linger_ms for each further lot. Returns 0; or the source's error, and then what was read before it is in the
 * batch. */
int ev_batch_collect(struct ev_batch *batch, const struct ev_commit_source *source, const struct ev_clock *clock,
                     int64_t timeout_ms, bool behind, struct ev_error *error);
/* Groups what was collected. Commits whose events can't be decoded count as one event of their stream's document where
 * the view has such; else they must have been taken off before. Once per batch, or once for each view with
 * ev_batch_ungroup in between. */
void ev_batch_group(struct ev_batch *batch, const struct ev_view *view);
/* Forgets groups and counts, and keeps the records. */
void ev_batch_ungroup(struct ev_batch *batch);
