/* Where a view's documents live: the port between folds and stores. The MongoDB and Elasticsearch sinks implement it (projectors/sinks), and an in-memory one for
 * tests, proofs and audits (fold/memory_sink.h). Calls block; one thread at a time per sink object. Documents pass as Avro bytes of view->document; a sink turns them into its own form by the record's table. */
#pragma once

#include "fold/view.h"

enum ev_write_result {
    EV_WRITE_DONE,
    EV_WRITE_STALE,  /* the store has a document of this or a newer offset: not an error, the caller loads it anew if it needs it */
    EV_WRITE_FAILED, /* refused for good (e.g. a mapping error): `error` says why; parks the document's stream */
};

struct ev_sink_document {
    struct ev_str key;
    struct ev_document_meta meta;
    int64_t previous_offset; /* that the write replaces; -1: the document is new */
    bool deleted;
    struct ev_str body;      /* Avro bytes; empty when deleted */
    enum ev_write_result result; /* set by write */
    struct ev_error error;
};

/* The checkpoint lies in the sink, written after the documents. */
struct ev_checkpoint {
    char topic_id[64];
    struct ev_cursor cursor;
    int64_t updated_at_ms;
    int64_t log_time_ms; /* Kafka timestamp of the last record read: lag in seconds */
};

struct ev_sink {
    const char *name; /* "mongodb" */
    /* Makes collections/indexes where absent. */
    int (*prepare)(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
    /* Loads the documents of `count` keys into the arena; absent ones get meta.offset = -1. */
    int (*load)(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                struct ev_arena *arena, struct ev_error *error);
    /* Writes all, each guarded: only if the store's document is older (offset < meta.offset). Per-document results. A negative return: nothing is known (retry the batch; retriable says whether waiting helps). */
    int (*write)(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                 struct ev_error *error);
    /* Makes what was written visible to searches (refresh); before a checkpoint is published. */
    int (*flush)(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
    int (*load_checkpoint)(struct ev_sink *sink, const struct ev_view *view, int32_t partition,
                           struct ev_checkpoint *ret, struct ev_error *error); /* NOT_FOUND: none */
    int (*save_checkpoint)(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoint,
                           struct ev_error *error);
    /* Every document, in no particular order, with its bytes; stops when `each` returns non-zero and returns that. */
    int (*scan)(struct ev_sink *sink, const struct ev_view *view,
                int (*each)(void *context, const struct ev_sink_document *document), void *context,
                struct ev_error *error);
    void (*destroy)(struct ev_sink *sink);
};
