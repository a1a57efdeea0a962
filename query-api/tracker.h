/* How far the views of one store have come, and waiting for them. One background thread per store polls the
 * checkpoints, often while somebody waits, seldom otherwise; it is also what notices that a store is away or back. A
 * request that presents positions waits here without a thread of its own and goes on on its loop.
 *
 * When a replay made another generation of a view live, this instance takes it once it reflects all that the one before
 * did, so that nobody goes back in time. Answers may have shown documents somewhat ahead of the checkpoints: until the
 * new one reflects them too (the view's floor), queries wait for it as for a position. */
#pragma once

#include "libhttp/server.h"
#include "log/position.h"
#include "store_state.h"
#include "views.h"

#define TRACKER_IDLE_MS 250
#define TRACKER_VERSIONS_MS 2000 /* how often live versions, and what is parked, are looked up */
#define TRACKER_FLOOR_MS                                                                                               \
    10000                        /* how long a floor counts: by then the new generation has it, or the log has lost it \
                                  */
#define TRACKER_WAITERS_MAX 1024 /* beyond: refused */
#define TRACKER_PARTITIONS_MAX 64 /* of a topic, as far as waits are concerned */

struct tracker_checkpoint {
    bool present;
    int64_t next_offset, last_offset;
    int64_t log_time_ms, updated_at_ms;
};

/* What of a view goes no further until somebody has looked. */
struct tracker_parked {
    int64_t documents;
    /* Since when a partition stands at a record that can't be decoded; 0: it doesn't. */
    int64_t stopped_at_ms[TRACKER_PARTITIONS_MAX];
};

/* For sources: adds a parked entry. One of a whole partition is known by its key (fold/sink.h: EV_PARKED_PARTITION). */
void tracker_note_parked(struct tracker_parked *parked, struct ev_str key, int64_t partition, int64_t at_ms);

/* What is known of one view in one store. */
struct tracker_view {
    int version;                /* live; 0: nobody has made the view yet */
    int generation;             /* of that version: a replay makes another */
    char target[VIEW_NAME_MAX]; /* its collection or index */
    char identity[64];          /* of the index, where the source needs it */
    size_t partition_count;     /* highest partition with a checkpoint, plus 1 */
    size_t wanted_count;        /* the same of those that somebody waits for */
    struct tracker_checkpoint partitions[TRACKER_PARTITIONS_MAX];
    struct tracker_parked parked;
};
struct tracker_table {
    struct tracker_view views[QUERY_VIEWS];
};

/* Reads from a store. Called on the tracker's thread alone; blocks, with time-outs of its own. */
struct tracker_source {
    /* Fills in `version`, `generation`, `target` and `identity` of every view: what the store says is live. */
    int (*read_versions)(void *context, struct tracker_table *table, struct ev_error *error);
    /* Fills in the checkpoints of the table's generations: of all partitions when `all`, else at least of those below
     * partition_count and wanted_count. */
    int (*read_checkpoints)(void *context, bool all, struct tracker_table *table, struct ev_error *error);
    /* Fills in what of the table's generations is parked. */
    int (*read_parked)(void *context, struct tracker_table *table, struct ev_error *error);
    int busy_ms; /* how often checkpoints are looked up while somebody waits */
    void *context;
};

enum tracker_outcome {
    TRACKER_REFLECTED,
    TRACKER_WAITING, /* `done` will be called */
    TRACKER_BEHIND,  /* the deadline passed */
    TRACKER_AWAY,    /* the store is away */
    TRACKER_FULL,    /* too many wait */
    TRACKER_STOPPING,
};

/* Lies in the exchange's arena; belongs to the tracker from tracker_wait's TRACKER_WAITING until `done`. */
struct tracker_waiter {
    enum query_view_id view;
    const struct ev_position *positions;
    size_t position_count;
    int64_t deadline_ms; /* monotonic */
    struct http_loop *loop;
    void (*done)(void *context); /* on the loop */
    void *context;
    enum tracker_outcome outcome; /* set before `done` */
    struct tracker_waiter *next;
};

/* What a view reflects, as a copy. */
struct tracker_snapshot {
    int version, generation;
    char target[VIEW_NAME_MAX];
    size_t partition_count;
    struct tracker_checkpoint partitions[TRACKER_PARTITIONS_MAX];
    struct tracker_parked parked;
};

struct tracker;
/* Starts the thread. `state` and what the source refers to must outlive the tracker. */
int tracker_create(const struct tracker_source *source, struct store_state *state, struct tracker **ret,
                   struct ev_error *error);
/* Until the store has been looked at once, found or not; at most `timeout_ms`. */
void tracker_await_first_look(struct tracker *tracker, int64_t timeout_ms);
/* All waiters are sent on with TRACKER_STOPPING, and later ones get it at once. From any thread. */
void tracker_stop_waits(struct tracker *tracker);
void tracker_destroy(struct tracker *tracker); /* joins the thread; NULL is fine */

/* Whether a query that presents no position has to wait all the same, for the view's floor. Any thread. */
bool tracker_has_floor(struct tracker *tracker, enum query_view_id view);
/* An answer from the snapshot's generation shows what the commit at this offset did. Any thread. */
void tracker_note_shown(struct tracker *tracker, enum query_view_id view, const struct tracker_snapshot *snapshot,
                        int32_t partition, int64_t offset);
/* Any thread. Positions of topics that the view doesn't read are ignored. */
enum tracker_outcome tracker_wait(struct tracker *tracker, struct tracker_waiter *waiter);
void tracker_snapshot(struct tracker *tracker, enum query_view_id view, struct tracker_snapshot *ret);

/* The snapshot's positions (one per partition that has a checkpoint); false when they are more than a token holds. */
bool tracker_snapshot_positions(const struct tracker_snapshot *snapshot, enum query_view_id view,
                                struct ev_position ret[EV_POSITIONS_MAX], size_t *ret_count);
/* Since when the partition stands at a record that can't be decoded, or (-1) the first of them; 0: none does. */
int64_t tracker_snapshot_stopped_at_ms(const struct tracker_snapshot *snapshot, int32_t partition);
/* How far the log's time is ahead of what the view had read when it last said so, in ms; 0 where nothing is known. */
int64_t tracker_snapshot_lag_ms(const struct tracker_snapshot *snapshot);
/* Commits and other records that are between the view and the positions. */
int64_t tracker_snapshot_missing(const struct tracker_snapshot *snapshot, enum query_view_id view,
                                 const struct ev_position *positions, size_t count);
