/* Where a view's documents live: the port between folds and stores. The MongoDB and Elasticsearch sinks implement it
 * (projectors/sinks), and an in-memory one for tests, proofs and audits (fold/memory_sink.h). Calls block; one thread
 * at a time per sink object. Documents pass as Avro bytes of view->document; a sink turns them into its own form by the
 * record's table.
 *
 * A negative return means that nothing is known of what the call did, and that what the caller remembers of the store
 * may be wrong (it may have gone back to an older state): the projection then forgets all and starts from the sink's
 * checkpoints. So a sink must not repeat calls silently over a lost connection. */
#pragma once

#include "fold/view.h"

enum ev_write_result {
    EV_WRITE_DONE,
    EV_WRITE_STALE,  /* the store has another document than `previous_offset` says: the caller loads it and decides */
    EV_WRITE_BUSY,   /* not taken for now (throttled): the same write again, later */
    EV_WRITE_FAILED, /* refused for good (e.g. a mapping error): `error` says why; parks the document */
};

struct ev_sink_document {
    struct ev_str key; /* NUL-terminated */
    struct ev_document_meta meta;
    int64_t previous_offset;     /* that the write replaces; -1: the document is new */
    bool deleted;                /* kept as a tombstone with its meta, so that a late write stays late */
    bool removed;                /* mend: there should be none */
    struct ev_str body;          /* Avro bytes; empty when deleted */
    enum ev_write_result result; /* set by write and mend */
    bool unreadable;             /* set by load and scan: what lies there is no such document, `error` says why */
    int64_t revision;            /* set by load: the store's own number of what lies there, for mend; 0: it has none */
    struct ev_error error;
};

/* How far a view got in one partition. Lies in the sink, written after the documents. */
struct ev_checkpoint {
    char topic_id[64];
    struct ev_cursor cursor;
    int64_t previous_offset; /* cursor.next_offset of the one that a save replaces; 0: there was none */
    int64_t updated_at_ms;
    int64_t log_time_ms; /* Kafka timestamp of the last record read: lag in seconds */
};

#define EV_PARKED_CAUSE_MAX 256
/* Before the number of a partition: the key of the entry that says that it is read no further. No document's key begins
 * with '#'. */
#define EV_PARKED_PARTITION "#partition "

/* A key that isn't folded any more until somebody has looked; its document stays as it was before `offset`. */
struct ev_parked {
    struct ev_str key; /* of the document */
    int32_t partition;
    int64_t offset; /* of the commit that couldn't be folded or written */
    char cause[EV_PARKED_CAUSE_MAX];
    int64_t parked_at_ms;
    /* Somebody has folded the document anew from its stream up to this offset (exclusive): the projection that keeps
     * the partition takes the key on again from there, and removes the entry. 0: nobody has. */
    int64_t redriven_to;
    /* No parked key, but the decision that this document leaves out the commit at `offset`: kept for as long as the
     * view is, for whoever folds it anew. */
    bool skipped;
};

/* What operators ask of the projections of a view in this store. Lies in the store, so it outlives them. */
struct ev_control {
    bool paused;
    int64_t revision; /* another one: what a projection remembers of documents and parked keys may be wrong */
};
enum ev_control_change { EV_CONTROL_PAUSE, EV_CONTROL_RESUME, EV_CONTROL_LOOK_AGAIN };

struct ev_sink {
    const char *name;          /* "mongodb" */
    int64_t flush_interval_ms; /* flush and checkpoint at most so often while events keep coming; 0: after each batch */
    /* A view may lie in a store several times, as generations that replays built (projectors/sinks/generations.h). The
     * one that the calls mean: set before prepare, or 0, and prepare puts the live one's number here. */
    int generation;
    /* Of the fold (fold/fingerprint.h); borrowed, NULL: unknown. prepare refuses documents of another fold: CONFLICT.
     */
    const char *fingerprint;
    /* Makes collections/indexes where absent. Where the documents' collection had to be made, checkpoints and parked
     * entries that were left from an earlier one are void. */
    int (*prepare)(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
    /* Loads the documents of `count` keys into the arena (meta, deleted, body); absent ones get meta.offset = -1. */
    int (*load)(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                struct ev_arena *arena, struct ev_error *error);
    /* Writes all, each guarded by what it replaces. Per-document results. */
    int (*write)(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                 struct ev_error *error);
    /* For repairs: puts each document in the place of one that is wrong, also where it reflects the same offset or a
     * smaller one. `previous_offset` and `revision` are those of the wrong one, as load gave them (-1: there is none),
     * and `removed` says that there should be none. STALE where something else lies there by now: so what a projection
     * wrote in between stays, and what it writes later wins. FAILED where the store can't tell what is newer. */
    int (*mend)(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                struct ev_error *error);
    /* Makes what was written visible to searches (refresh); before a checkpoint is published. */
    int (*flush)(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
    int (*load_checkpoint)(struct ev_sink *sink, const struct ev_view *view, int32_t partition,
                           struct ev_checkpoint *ret, struct ev_error *error); /* NOT_FOUND: none */
    /* Never takes a stored checkpoint back: an older one than is stored is left out. CONFLICT, retriable, where the
     * stored one is gone or older than previous_offset: the store lost what it held. */
    int (*save_checkpoints)(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoints,
                            size_t count, struct ev_error *error);
    int (*load_control)(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret,
                        struct ev_error *error); /* zeroed where there is none */
    int (*change_control)(struct ev_sink *sink, const struct ev_view *view, enum ev_control_change change,
                          struct ev_error *error);
    /* Idempotent by key (skipped ones: by key and offset). A parked document that is there is marked as such,
     * unless it was redriven. */
    int (*save_parked)(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                       struct ev_error *error);
    int (*load_parked)(struct ev_sink *sink, const struct ev_view *view,
                       int (*each)(void *context, const struct ev_parked *parked), void *context,
                       struct ev_error *error);
    /* The key is parked no more, or the commit no more left out; fine when it wasn't. */
    int (*remove_parked)(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                         struct ev_error *error);
    /* Every document, in no particular order, with its bytes; unreadable ones too; stops when `each` returns non-zero
     * and returns that. `each` may call the sink, but not scan. */
    int (*scan)(struct ev_sink *sink, const struct ev_view *view,
                int (*each)(void *context, const struct ev_sink_document *document), void *context,
                struct ev_error *error);
    /* Removes documents, checkpoints and parked entries of the view: it is built anew from the log's start. */
    int (*reset)(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
    void (*destroy)(struct ev_sink *sink);
};
