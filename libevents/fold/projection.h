/* The runtime of one view in one sink: a loop of small steps over a log and a store. A step reads a batch, groups its
 * events by document, loads the documents it needs, folds each document's events in memory, writes each document once
 * under its guard, and saves how far it got after the store has acknowledged.
 *
 * What may happen, and what then:
 *  - the same batch again, a second projector, a process that wakes late: guards let no write take a document back or
 *    skip an event; a document that another one wrote is loaded, and events it reflects already are left out;
 *  - the store or the log fails: everything known of the store is forgotten, and the projection starts again from the
 *    store's own checkpoints, after a growing and jittered pause, for ever;
 *  - a document can't be folded or is refused for good: its key is parked in the store with the cause, and the rest
 *    goes on. So is the document of a stream with a commit whose events can't be decoded, where the view has such; in
 *    other views that stops the partition, since nobody knows which documents it would change, as a record does in
 * every view whose head can't be decoded. What an operator has decided to leave out is left out from then on;
 *  - the checkpoint doesn't fit the log (made anew, or its tail lost): the view is refused until it is rebuilt.
 *
 * One thread steps a projection; any thread may ask for its status. */
#pragma once

#include "core/clock.h"
#include "core/metrics.h"
#include "fold/batch.h"
#include "fold/sink.h"
#include "fold/source.h"

#define EV_PROJECTION_PARTITIONS_MAX 128
#define EV_PROJECTION_CACHE_BYTES_DEFAULT ((size_t)32 * 1024 * 1024)
#define EV_PROJECTION_PARKED_MAX 1000               /* keys of one view and sink; beyond it the projection stops */
#define EV_PROJECTION_STALE_TRIES 5                 /* loads of a document that others keep writing, before a pause */
#define EV_PROJECTION_SLICE_DOCUMENTS ((size_t)512) /* loaded, folded and written at once */
#define EV_PROJECTION_SLICE_BYTES ((size_t)16 * 1024 * 1024) /* likewise, of cached documents */
#define EV_PROJECTION_LIVE_LAG 500                           /* events behind the end that still count as live */
#define EV_PROJECTION_FLUSH_BEHIND_MS 1000                   /* flush and checkpoint at most so often while behind */
#define EV_PROJECTION_LAG_INTERVAL_MS 1000                   /* how often the log is asked for its end */
#define EV_PROJECTION_CONTROL_INTERVAL_MS 1000               /* how often the store is asked what operators want */
#define EV_PROJECTION_PAUSED_MS 500                          /* between two looks while paused */
#define EV_PROJECTION_DESCRIBE_TIMEOUT_MS 3000
#define EV_PROJECTION_BOUNDS_TIMEOUT_MS 1000  /* at a start, each partition */
#define EV_PROJECTION_ENDS_TIMEOUT_MS 1000    /* until the log counts as away */
#define EV_PROJECTION_VERIFY_TIMEOUT_MS 10000 /* to read the commit that a checkpoint names */
#define EV_PROJECTION_BACKOFF_MIN_MS 100
#define EV_PROJECTION_BACKOFF_MAX_MS 3000
#define EV_PROJECTION_REFUSED_MS 10000

#define EV_PROJECTION_STATES(X)                                                                                        \
    X(STARTING, "starting")                                                                                            \
    X(BEHIND, "behind") /* works, and is more than EV_PROJECTION_LIVE_LAG behind */                                    \
    X(LIVE, "live")                                                                                                    \
    X(RETRYING, "retrying") /* the log or the store is away or busy */                                                 \
    X(REFUSED, "refused")   /* somebody has to do something; looked at again every EV_PROJECTION_REFUSED_MS */         \
    X(PAUSED, "paused")     /* by an operator, until resumed */                                                        \
    X(STOPPED, "stopped")

enum ev_projection_state {
#define X(name, text) EV_PROJECTION_##name,
    EV_PROJECTION_STATES(X)
#undef X
};
const char *ev_projection_state_text(enum ev_projection_state state);

struct ev_projection_options {
    const struct ev_view *view; /* these five must outlive the projection */
    struct ev_commit_source source;
    struct ev_sink *sink;
    const struct ev_clock *clock;
    const struct ev_random *random;
    struct ev_metrics *metrics;         /* may be NULL */
    size_t cache_bytes_max;             /* 0: EV_PROJECTION_CACHE_BYTES_DEFAULT */
    struct ev_batch_bounds batch;       /* 0: the defaults of fold/batch.h */
    bool shared;                        /* owns no partition until ev_projection_own says which */
    bool (*should_stop)(void *context); /* asked between slices of a batch; may be NULL */
    void *context;
};

struct ev_partition_status {
    int64_t position; /* of the saved checkpoint: first offset that readers can't count on */
    int64_t end;      /* of the log; -1: not known yet */
    int64_t lag_ms;   /* age of what isn't reflected yet; 0 when nothing is */
    bool stopped;     /* at a record that can't be decoded */
    bool owned;       /* this projection's; of others nothing else is known */
};

struct ev_projection_status {
    enum ev_projection_state state;
    char error[EV_ERROR_MESSAGE_MAX]; /* the last one; "" when none since the start */
    int64_t error_at_ms;              /* UTC */
    int64_t retries;                  /* pauses since the last batch that went through */
    int64_t events, commits, void_count, not_applicable, documents_written, stale, batches;
    double events_per_second; /* over the last seconds */
    size_t parked;
    int64_t parked_events; /* left out since the start, because their key is parked */
    int64_t ends_asked_ms; /* monotonic: all partitions' ends are what the log said after this; 0: it never did */
    int32_t partition_count;
    struct ev_partition_status partitions[EV_PROJECTION_PARTITIONS_MAX];
};

struct ev_projection;

struct ev_projection *ev_projection_create(const struct ev_projection_options *options);
void ev_projection_destroy(struct ev_projection *projection);
/* One batch at most, waiting at most timeout_ms for its first record. Returns how many commits it took in (0: none
 * came), or an error that was noted in the status; then, as always, the next step is due after ev_projection_pause_ms.
 */
int ev_projection_step(struct ev_projection *projection, int64_t timeout_ms, struct ev_error *error);
/* How long the caller has to wait before the next step; mostly 0. */
int64_t ev_projection_pause_ms(const struct ev_projection *projection);
/* From the stepping thread, between steps: saves what the steps have written, and goes on with these partitions from
 * where the store's checkpoints are. What isn't its own any more is left alone from then on, be it saved or not. */
void ev_projection_own(struct ev_projection *projection, const bool owned[EV_PROJECTION_PARTITIONS_MAX]);
/* Flushes and saves what the steps have written. For a clean stop; no step may follow. */
int ev_projection_stop(struct ev_projection *projection, struct ev_error *error);
/* From any thread. */
void ev_projection_status(struct ev_projection *projection, struct ev_projection_status *ret);
