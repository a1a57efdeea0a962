/* What the files of the projection share; nobody else includes it. */
#pragma once

#include <pthread.h>

#include "fold/document.h"
#include "fold/document_cache.h"
#include "fold/projection.h"
#include "fold/skipped.h"

/* A parked key. */
struct projection_parked {
    int64_t left_out;     /* the last of its events that was left out lies at this offset or before */
    int64_t offset;       /* of the commit that parked it */
    int64_t parked_at_ms; /* when it did so first */
};
#define PROJECTION_PARTITION_KEY_MAX 32

struct projection_partition {
    struct ev_cursor cursor; /* after what was written last */
    struct ev_cursor ahead;  /* after the open batch */
    int64_t saved;           /* next_offset of the checkpoint in the sink; 0: none */
    int64_t end;             /* -1: not known */
    int64_t log_time_ms;     /* of the last record taken in; 0: none */
    int64_t caught_up_ms;    /* when the lag was last seen to be 0; 0: never */
    bool stopped;
    int64_t parked_at; /* offset that the partition's entry names; -1: there is no entry */
    bool owned;        /* as ev_projection_own said */
    struct ev_metric *position_metric, *lag_events_metric, *lag_ms_metric;
};

/* Counters of the status and their metrics. */
#define PROJECTION_COUNTERS(X)                                                                                         \
    X(events, "events taken from the log")                                                                             \
    X(commits, "commits taken from the log")                                                                           \
    X(void_count, "void records skipped")                                                                              \
    X(not_applicable, "events that the view has no use for")                                                           \
    X(documents_written, "documents written")                                                                          \
    X(stale, "writes that found another document than expected")                                                       \
    X(batches, "batches written")                                                                                      \
    X(parked_events, "events left out because their document is parked")

struct projection_metrics {
#define X(name, help) struct ev_metric *name;
    PROJECTION_COUNTERS(X)
#undef X
    struct ev_metric *retries, *parked, *stopped, *state, *paused, *batch_events, *write_latency;
};

struct ev_projection {
    struct ev_projection_options options;
    const struct ev_view *view;
    struct ev_sink *sink;
    struct ev_commit_source source;

    bool started;
    bool reassign; /* the source failed: where it stands is no longer known */
    bool log_away; /* it didn't tell its end when asked last */
    int64_t started_at_ms;
    char topic_id[64];
    int32_t partition_count;
    struct projection_partition partitions[EV_PROJECTION_PARTITIONS_MAX];

    struct ev_batch batch;
    bool batch_open; /* collected and grouped, not yet written in whole */
    struct ev_arena slice_arena;
    struct ev_buffer scratch;
    struct ev_document_cache cache;
    struct ev_map parked; /* key → struct projection_parked */
    struct ev_skipped skipped;
    struct ev_control control;
    int64_t control_asked_ms; /* monotonic */

    bool dirty;            /* written, or moved on, since the last checkpoint */
    int64_t flushed_ms;    /* monotonic */
    bool asking_ends;      /* the log was asked for its ends and hasn't answered yet */
    int64_t asked_ms;      /* monotonic: when it was asked last */
    int64_t ends_asked_ms; /* monotonic: when it was asked for what it answered last */
    int64_t pause_ms, backoff_ms;
    bool behind;

    int64_t rate_since_ms, rate_events; /* window of events_per_second */
    struct projection_metrics metrics;
    pthread_mutex_t lock; /* guards `status` alone */
    struct ev_projection_status status;
};

/* projection_start.c: looks at log and sink, checks the checkpoints against the log, and begins to read. */
int projection_start(struct ev_projection *projection, struct ev_error *error);
/* Reads on from where the partitions' cursors stand, leaving out stopped ones. */
int projection_assign(struct ev_projection *projection, struct ev_error *error);

/* projection_cursor.c: where each partition stands is worked out from the records that came, not asked of the source,
 * and their verdicts are checked: a record that got lost on the way shows as a sequence number that doesn't follow.
 * projection_look_ahead reads the batch; projection_move_on makes its end the new position. */
int projection_look_ahead(struct ev_projection *projection, struct ev_error *error);
void projection_move_on(struct ev_projection *projection);

/* projection_write.c: takes the open batch into the store. 0: all its documents are done; 1: some are left for the next
 * try, and *error says why (the store is busy, others write the same, or the caller wants to stop). */
int projection_write_batch(struct ev_projection *projection, struct ev_error *error);
/* Parks a key: remembers it and saves why. */
int projection_park(struct ev_projection *projection, struct ev_str key, int32_t partition, int64_t offset,
                    const char *cause, struct ev_error *error);

/* projection_control.c: asks the store what operators want, at most every EV_PROJECTION_CONTROL_INTERVAL_MS. When that
 * changed, what is cached is forgotten, and the parked keys and skipped commits are looked at anew. */
int projection_follow_control(struct ev_projection *projection, struct ev_error *error);
int projection_look_at_parked(struct ev_projection *projection, struct ev_error *error);

/* projection_stop.c: partitions that are read no further than a record that can't be decoded, or whose events can't be
 * while nobody can tell which documents they would change. */
/* "#partition N": the key under which that is parked. */
void projection_partition_key(int32_t partition, char ret_key[PROJECTION_PARTITION_KEY_MAX]);
/* At the record where the source failed, for `cause`. */
int projection_stop_at_failure(struct ev_projection *projection, const struct ev_error *cause, struct ev_error *error);
/* Takes commits off the batch of which nobody can tell what they change in the view, and what lies behind them in their
 * partitions, which stop there. What an operator has left out of the whole view stays, without its events. */
int projection_sift_batch(struct ev_projection *projection, struct ev_error *error);
/* Lets partitions go on whose entry somebody took away. */
void projection_release_partitions(struct ev_projection *projection);
/* Takes the entries away of partitions that have gone on all the same: what couldn't be decoded can be by now. */
int projection_forget_passed(struct ev_projection *projection, struct ev_error *error);
void projection_remember_parked(struct ev_map *parked, const struct ev_parked *entry, int64_t left_out);
void projection_forget_parked(struct ev_map *parked);

/* projection_status.c */
void projection_register_metrics(struct ev_projection *projection);
void projection_set_state(struct ev_projection *projection, enum ev_projection_state state,
                          const struct ev_error *error);
/* Adds the batch that was just written. */
void projection_count_batch(struct ev_projection *projection);
void projection_count(struct ev_projection *projection, int64_t written, int64_t stale, int64_t parked_events);
/* Lag by what is known, into status and metrics. */
void projection_publish_lag(struct ev_projection *projection);
