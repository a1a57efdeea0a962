/* A view is a fold of a topic's events into documents. A declaration names it; the runtime (fold/projection.h) does the
 * rest: batches, loading, guarded writes, checkpoints. */
#pragma once

#include "avro/commit.h"
#include "log/reader.h"

#define EV_VIEW_KEY_MAX 400 /* bytes */

enum ev_fold_result {
    EV_FOLD_KEEP,
    EV_FOLD_DELETE, /* the document is gone; a later event of its key finds a new one */
    EV_FOLD_FAIL,   /* can't be folded, e.g. a sum leaves int64: parks the document as it was before the commit */
};

/* What a fold may see of where an event comes from. */
struct ev_fold_context {
    const struct ev_commit *commit; /* head: stream_id, base_version, occurred_at … */
    int32_t partition;
    int64_t offset;
    /* What the document keeps must be allocated here. Strings and arrays of the event live as long as the document that
     * is being folded (it is encoded before they go), so they may be borrowed. */
    struct ev_arena *arena;
};

struct ev_view {
    const char *name; /* "orders" */
    int version;      /* raised when the fold changes; part of the collection's name */
    const struct ev_topic_schema *topic;
    const struct ev_record *document; /* table of the document's struct */
    /* The document that the event belongs to: writes its key (no NUL) and returns its length; 0: not applicable,
     * counted. All events of a key must lie in one partition. */
    size_t (*key_of)(const struct ev_event *event, const struct ev_fold_context *context,
                     char ret_key[EV_VIEW_KEY_MAX]);
    /* NULL; or a view whose key_of never gives anything but this for an event of the stream (or 0): the one document
     * that a commit belongs to whose events can't be decoded. Where there is none, nobody can tell which documents such
     * a commit would change. */
    size_t (*stream_key)(struct ev_str stream_id, char ret_key[EV_VIEW_KEY_MAX]);
    /* `document` is the struct: made by ev_record_init when new (is_new). Pure; validates nothing. */
    enum ev_fold_result (*fold)(void *document, bool is_new, const struct ev_event *event,
                                const struct ev_fold_context *context);
};

/* What a stored document carries besides its fields. */
struct ev_document_meta {
    int64_t offset; /* of the last commit it reflects, in its one partition: the guard of every write */
    int32_t partition;
    int64_t sequence; /* how many commits it reflects */
};
