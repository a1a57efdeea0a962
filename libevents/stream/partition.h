/* One partition of an executor: the owner of the write protocol, the streams, what is remembered of commands, and the
 * requests on their way. What the files of the executor share; for nobody else. */
#pragma once

#include "stream/checkpoint.h"
#include "stream/flights.h"
#include "stream/hot.h"

/* How a request was decided; in the request's arena while it waits for confirmation. */
struct ev_answer {
    uint64_t ticket;
    enum ev_outcome outcome;
    int rejection;
    int64_t version, offset; /* offset EV_ANSWER_OFFSET_OPEN: of what the log holds when the answer is given */
    const void *state;
    struct ev_str detail, pointer;
};
#define EV_ANSWER_OFFSET_OPEN ((int64_t)-2)

/* The lists that a partition's streams are in. A cut takes what has changed so far; what changes from then on goes to
 * the other list. */
enum ev_partition_list {
    EV_LIST_CLEAN, /* stored as it is here, or without a commit; may be evicted */
    EV_LIST_CHANGED,
    EV_LIST_CHANGED_TOO,
    EV_LIST_WRITTEN, /* in the batch at hand */
};

enum ev_cut_phase {
    EV_CUT_NONE,
    EV_CUT_GATHERING, /* what had changed when it began is copied, slice by slice */
    EV_CUT_WRITING,   /* the store has the batch */
    EV_CUT_SETTLING,  /* what was written goes to where it belongs, slice by slice */
};

/* A partition's checkpoint: what is stored, and the cut at hand (partition_checkpoint.c). */
struct ev_partition_checkpoint {
    enum ev_cut_phase phase;
    enum ev_partition_list changed, gathering;
    struct ev_checkpoint_batch *batch;
    bool looked;              /* what is stored was looked at */
    bool base;                /* what is stored is what this partition goes on from */
    bool stale;               /* the batch that is being written no longer counts */
    bool failed;              /* it wasn't written */
    bool untrusted;           /* what was loaded is corrupt: to be rebuilt */
    bool misfits;             /* it and the log contradict each other: likewise */
    int64_t misfit;           /* offset + 1 of a commit that didn't fit: rebuilding for it once is enough */
    int64_t offset;           /* of the checkpoint: first that isn't in it; -1: none */
    int64_t taken_ms;         /* monotonic, when it was taken or restored */
    uint64_t commands_stored; /* numbers below this one */
    int64_t next_ms, began_ms;
    int64_t retry_ms, retry_pause_ms; /* after a failure: not before */
};

struct ev_partition {
    struct ev_executor *executor;
    int32_t number;
    struct ev_owner owner;
    struct ev_owner_events events;
    struct ev_streams streams;
    struct ev_dedup dedup;
    struct ev_flights flights;
    struct ev_hot hot;
    struct ev_partition_checkpoint checkpoint;
    struct ev_queue queue;    /* to be decided */
    struct ev_queue held;     /* decided, in order of tickets */
    size_t pending;           /* requests without an answer: queue, held, flights and their followers */
    int64_t next_deadline_ms; /* no request's deadline is before */
    bool draining;
    int64_t drain_deadline_ms;
    struct ev_partition *dirty_next; /* in the executor's list of partitions whose queue is to be looked at */
    bool dirty;
};

struct ev_executor {
    struct ev_executor_options options;
    struct ev_log_port *log;
    struct ev_commit_decoder *decoder;
    struct ev_partition *partitions;
    size_t decider_count;
    uint64_t fingerprint; /* of the deciders and their states */
    size_t charged;       /* to options.memory */
    int64_t next_sequence;
    int depth; /* of calls into the executor: what a callback submits is decided when the outermost one is done */
    struct ev_partition *dirty;
    struct ev_arena arena; /* of the decision or the record at hand */
    struct ev_buffer record, state;
    struct ev_decision decision; /* likewise; big, hence not on the stack */
    struct ev_executor_stats stats;
};

/* partition.c */
void ev_partition_init(struct ev_partition *partition, struct ev_executor *executor, int32_t number,
                       const struct ev_uuid *instance, uint64_t seed);
void ev_partition_finish(struct ev_partition *partition);
void ev_partition_mark(struct ev_partition *partition); /* its queue is looked at before the executor returns */
void ev_partition_pump(struct ev_partition *partition);
void ev_partition_expire(struct ev_partition *partition, int64_t now_ms);
/* Takes everything that is decided or in flight back to where it waits, and forgets the commits in flight. */
void ev_partition_take_back(struct ev_partition *partition);
void ev_partition_drain_tick(struct ev_partition *partition, int64_t now_ms);

/* answer.c: the ways in which a request ends. Each gives exactly one answer, then the request is the caller's again. */
void ev_answer_fail(struct ev_partition *partition, struct ev_request *request, enum ev_error_code code, bool retriable,
                    const char *why);
void ev_answer_committed(struct ev_partition *partition, struct ev_request *request, const struct ev_flight *flight,
                         int64_t offset);
/* To a request with the same command id as a commit that is now in the log. */
void ev_answer_follower(struct ev_partition *partition, struct ev_request *request, const struct ev_flight *flight,
                        const struct ev_dedup_entry *entry);
/* Keeps the decision in the request until the log confirms that it came from the newest state. `answer` is copied. */
void ev_answer_hold(struct ev_partition *partition, struct ev_request *request, const struct ev_answer *answer);
void ev_answer_held(struct ev_partition *partition, struct ev_request *request);
/* The state decoded into `arena`; `state` NULL: of a stream that doesn't exist. */
int ev_answer_state(const struct ev_decider *decider, const char *state, size_t length, struct ev_arena *arena,
                    void **ret, struct ev_error *error);

/* A deep copy. */
const void *ev_answer_copy(const struct ev_decider *decider, const void *state, struct ev_arena *arena);

/* decide.c: false when the request has to wait (nothing was done with it): too much is in flight. */
bool ev_partition_decide(struct ev_partition *partition, struct ev_request *request);
/* Index of the decider for a stream id's category, -1: none. */
int ev_executor_decider_of(const struct ev_executor *executor, struct ev_str stream_id);

/* partition_streams.c: streams in memory and those that are stored. */
/* 0; 1: there is none. Negative: it is stored, but can't be had; the partition is going to be rebuilt. */
int ev_partition_stream(struct ev_partition *partition, struct ev_str id, struct ev_stream **ret,
                        struct ev_error *error);
/* Around every change of a stream's confirmed state, and the version that it then has. */
void ev_partition_changing(struct ev_partition *partition, struct ev_stream *stream);
void ev_partition_changed(struct ev_partition *partition, struct ev_stream *stream, int64_t version, int64_t offset);
/* Drops up to `max` streams that are stored as they are, those first that weren't touched for longest. */
void ev_partition_evict(struct ev_partition *partition, size_t max);
/* There is no room for one more stream. */
bool ev_partition_is_full(struct ev_partition *partition);
/* Brings options.memory up to date. */
void ev_executor_charge(struct ev_executor *executor);
bool ev_executor_is_over(const struct ev_executor *executor, bool hard);

/* partition_checkpoint.c */
void ev_partition_restore(struct ev_partition *partition); /* before anything is read; does nothing the second time */
/* One step of the cut at hand, or the beginning of one. Returns ms until the next is due. */
int64_t ev_partition_checkpoint_tick(struct ev_partition *partition, int64_t now_ms);
/* All of it at once, but for the writing, which is waited for until deadline_ms. False: not all is stored. */
void ev_partition_checkpoint_now(struct ev_partition *partition, int64_t now_ms);
bool ev_partition_checkpoint_wait(struct ev_partition *partition, int64_t deadline_ms);
/* The log was found to be another; streams and commands are about to be forgotten. */
void ev_partition_checkpoint_reset(struct ev_partition *partition);
void ev_partition_checkpoint_finish(struct ev_partition *partition);

/* apply.c: history. */
int ev_partition_apply(struct ev_partition *partition, int64_t offset, struct ev_str record, struct ev_error *error);
