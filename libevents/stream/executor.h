/* The decider's runtime for the partitions that one event loop owns: load, deduplicate, decide on the speculative
 * state, append, acknowledge when the log says so, decide again what depended on a void commit. Single-threaded:
 * everything happens on the loop that made the executor, callbacks too.
 *
 * States are kept as Avro bytes (a stream's confirmed and, while commits are in flight, its speculative one), so that
 * memory is compact and bounded, roll-back is dropping a pointer, and a checkpoint is a copy. */
#pragma once

#include "stream/checkpoint.h"
#include "stream/decider.h"

#define EV_STREAM_ID_MAX 200      /* bytes */
#define EV_EXECUTOR_DRAIN_MS 1000 /* how long a drain waits for what is in flight or held */

enum ev_outcome {
    EV_OUTCOME_COMMITTED, /* the commit is in the log and valid */
    EV_OUTCOME_UNCHANGED, /* nothing to do, the state is as asked for */
    EV_OUTCOME_DUPLICATE, /* this command id was committed before; version and offset are those of then */
    EV_OUTCOME_REJECTED,  /* `rejection`, `decision` */
    EV_OUTCOME_MISMATCH,  /* the expected version isn't the stream's (If-Match) */
    EV_OUTCOME_REUSED,    /* this command id was committed with another request hash */
    EV_OUTCOME_FAILED, /* `error`: not known to be in the log and now known not to be, or the deadline passed (then in
                          doubt: retry with the same id) */
};

struct ev_result {
    enum ev_outcome outcome;
    int rejection;
    const struct ev_decision *decision; /* REJECTED: detail and pointer */
    int64_t version;                    /* of the stream after the command (for MISMATCH: the current one) */
    int32_t partition;
    /* position that a reader should wait for: the commit's, or for answers that append nothing the last one the state
     * reflects; -1: empty partition */
    int64_t offset;
    const void *state; /* the stream's state after the command, decoded into the request's arena when `wants_state`;
                          else NULL */
    struct ev_error error;
};

/* Owned by the caller, must stay until `done` was called; everything it points to too. `done` is called exactly once,
 * on the loop, maybe from within submit; it may submit. The result and what it points to are valid during the call;
 * `state` and its strings for as long as the arena. */
struct ev_request {
    const struct ev_command_type *type;
    const void *body;
    struct ev_str stream_id;
    struct ev_uuid command_id;
    struct ev_hash128 request_hash;
    struct ev_str correlation_id, causation_id, actor, traceparent;
    int64_t now_ms;           /* wall clock, for the decider and occurred_at */
    int64_t deadline_ms;      /* monotonic */
    int64_t expected_version; /* -1: any */
    bool wants_state;
    struct ev_arena *arena;
    void (*done)(struct ev_request *request, const struct ev_result *result);
    /* used by the executor */
    struct ev_request *next;
    int64_t sequence;
    struct ev_answer *answer; /* decided, waits for confirmation */
    bool in_doubt;            /* was appended by an owner that gave the partition up before it knew more */
};

/* A bound on what streams take in memory, for all executors of a process together. Beyond `soft_max` bytes what is
 * stored is evicted; beyond `hard_max`, which is reached when nothing can be stored, commands on streams that aren't in
 * memory get FAILED/LIMIT, retriable. */
struct ev_state_memory {
    size_t soft_max, hard_max;
    atomic_size_t used;
};

/* What becomes of a partition's checkpoint, for logs. */
struct ev_checkpoint_news {
    enum {
        EV_CHECKPOINT_RESTORED,    /* goes on from offset */
        EV_CHECKPOINT_THROWN_AWAY, /* `reason`; error says more: built from the log's start */
        EV_CHECKPOINT_WRITTEN,
        EV_CHECKPOINT_FAILED, /* error; tried again later */
    } kind;
    enum ev_rebuild_reason reason;
    int64_t offset, bytes, took_ms;
    size_t streams;
    const struct ev_error *error;
};

struct ev_executor_options {
    const struct ev_topic_schema *topic;
    const char *topic_name;                   /* with prefix */
    const struct ev_decider *const *deciders; /* of the topic's categories; NULL-terminated */
    int32_t partition_count;
    size_t dedup_entries_max; /* per partition; the oldest is forgotten first */
    int64_t dedup_window_ms;  /* by the commits' occurred_at */
    size_t requests_max;      /* waiting or in flight per partition; beyond: FAILED/LIMIT, retriable */
    const char *owner_id;     /* names this process in fences */
    struct ev_clock clock;
    int32_t schema_id;               /* of topic->commit_schema in the registry: what commits are written with */
    struct ev_schema_source schemas; /* for records written with other ids; may be asked from within log events, and
                                        block as the source does */
    const struct ev_random *random;  /* NULL: the system's */
    /* May be NULL. Called on the loop; not from within them: _acquire, _drain, _release, _standby, _destroy of this
     * executor. on_drained may call _acquire and _standby. */
    void (*on_serving)(void *context, int32_t partition);
    /* Another writer has fenced the partition: it stays lost until acquired again, which is right only if it is
     * assigned anew. Its requests wait. */
    void (*on_lost)(void *context, int32_t partition);
    /* A drain has ended: the partition is released. */
    void (*on_drained)(void *context, int32_t partition);
    void (*on_checkpoint)(void *context, int32_t partition, const struct ev_checkpoint_news *news);
    void *context;
    /* NULL: none is kept. Shared with no other executor, outlives this one. */
    struct ev_checkpoint_port *checkpoints;
    const char *topic_id;             /* of the topic as it was made */
    uint64_t deciders_fingerprint;    /* of the deciders' code */
    int64_t checkpoint_every_ms;      /* also taken at once when much has changed */
    int64_t checkpoint_every_records; /* of a partition */
    struct ev_state_memory *memory;   /* NULL: no bound. Outlives the executor */
    size_t hot_bytes_min; /* encoded state from which on a stream can be hot (stream/hot.h); 0: EV_HOT_BYTES_DEFAULT */
    bool unconfirmed;     /* answers that append nothing don't wait for the log: unsafe, only to measure what the
                             confirmation costs */
};

struct ev_executor;
int ev_executor_create(const struct ev_executor_options *options, struct ev_log_port *log, struct ev_executor **ret,
                       struct ev_error *error);
void ev_executor_destroy(struct ev_executor *executor);
/* Become the owner of a partition: catch up, fence, serve. Requests for it wait meanwhile (bounded by their deadlines).
 */
void ev_executor_acquire(struct ev_executor *executor, int32_t partition);
/* Stop being it in good order: nothing more is decided, what is in flight or held is settled, then the partition is
 * released and on_drained called, once, perhaps from within. After EV_EXECUTOR_DRAIN_MS it is released as it is. */
void ev_executor_drain(struct ev_executor *executor, int32_t partition);
/* Stop at once, also to stand by. No request fails of it: all wait for the next owner, this process or another, in the
 * order in which they came. For those that were in flight its log tells what became of them. Ends a drain without
 * on_drained. */
void ev_executor_release(struct ev_executor *executor, int32_t partition);
/* Read on without owning, so that acquiring is quick; until then requests wait. Only what is released can stand by. */
void ev_executor_standby(struct ev_executor *executor, int32_t partition);
/* Hands the requests that wait for a partition that isn't served back to the caller, oldest first, as a list by `next`;
 * NULL: there are none, or it is served or being drained. They may be submitted again, here or elsewhere. */
struct ev_request *ev_executor_withdraw(struct ev_executor *executor, int32_t partition);
bool ev_executor_is_serving(const struct ev_executor *executor, int32_t partition);
bool ev_executor_is_standby(const struct ev_executor *executor, int32_t partition);
/* The partition of a stream: by the hash of its key (stream id after the first '-'). */
int32_t ev_executor_partition(const struct ev_executor *executor, struct ev_str stream_id);
/* A request for a partition that isn't acquired or served waits, up to its deadline. */
void ev_executor_submit(struct ev_executor *executor, struct ev_request *request);
/* To be called about every 10 ms and after log events: deadlines, retries. Returns ms until the next deadline it knows
 * (<= 1000). */
int64_t ev_executor_tick(struct ev_executor *executor);
/* At a clean stop: takes a checkpoint of every partition that has one to take and waits until they are written, for at
 * most so long. The number of those that weren't. Blocks the loop. */
size_t ev_executor_checkpoint(struct ev_executor *executor, int64_t timeout_ms);
/* Requests in flight or waiting; to drain: stop submitting and run until this is 0. */
size_t ev_executor_pending(const struct ev_executor *executor);

/* How a partition is doing, for readiness and metrics. */
struct ev_partition_status {
    enum ev_owner_state state;
    int64_t epoch, next_offset;    /* of the last valid fence; first offset not yet known */
    size_t queued, inflight, held; /* requests: not decided, appended, decided and waiting for confirmation */
    struct ev_error last_error;
    struct ev_owner_counts counts;
    int64_t checkpoint_offset, checkpoint_age_ms; /* -1: none */
};
void ev_executor_partition_status(const struct ev_executor *executor, int32_t partition,
                                  struct ev_partition_status *ret);

struct ev_executor_stats {
    size_t streams, state_bytes, dedup_entries, pending;
    int64_t committed, rejected, unchanged, duplicates, voids, refences;
    int64_t loads, evictions, refused_for_memory; /* streams from the checkpoint, streams dropped from memory */
    int64_t checkpoints, checkpoint_failures, checkpoint_bytes, checkpoint_ms; /* bytes and ms: of all together */
    int64_t checkpoint_age_ms;                                                 /* of the oldest; -1: there is none */
    int64_t checkpoint_lag; /* records that no checkpoint holds yet */
    int64_t rebuilds[EV_REBUILD_REASON_COUNT];
};
void ev_executor_stats(const struct ev_executor *executor, struct ev_executor_stats *ret);
