/* The fresh fold: the documents that a log makes, in memory, partition by partition as far as it is asked for. Not
 * thread-safe. */
#pragma once

#include "core/map.h"
#include "fold/document.h"
#include "fold/skipped.h"
#include "proof/proof.h"

/* What is wanted of one key. */
struct fresh_wanted {
    int64_t limit; /* first offset that isn't folded any more; INT64_MAX: none */
    int64_t
        next_event; /* set: the first event at or beyond the limit that was met, or that can't be folded; INT64_MAX */
};

struct fresh_document {
    struct ev_document_meta meta; /* offset -1: there is none, as its first event can't be folded */
    bool deleted, seen;
    int64_t stopped_at; /* -1; or the commit that can't be folded */
    char *cause;        /* of that */
    size_t length;
    char bytes[];
};

struct fresh {
    const struct proof_options *options;
    struct ev_map documents;          /* key → struct fresh_document */
    const struct ev_skipped *skipped; /* NULL: none. The caller's */
    bool may_stop;                    /* a partition is folded up to what can't be decoded, in place of an error */
    struct ev_map *wanted;            /* key → struct fresh_wanted; NULL: the keys of one pass */
    uint64_t pass, passes;
    size_t bytes, bytes_max;
    int32_t partition_count;
    struct ev_cursor cursors[EV_PROJECTION_PARTITIONS_MAX]; /* how far each partition is folded */
    int64_t until[EV_PROJECTION_PARTITIONS_MAX];            /* of the fold that is at work */
    int64_t records, events;
    int64_t begun_ms; /* for the rate */
    struct ev_batch batch;
    struct ev_arena arena;
    struct ev_buffer scratch;
};

/* Begins at the log's start. `wanted` is the caller's. */
void fresh_init(struct fresh *fresh, const struct proof_options *options, int32_t partition_count);
void fresh_finish(struct fresh *fresh); /* safe on a zeroed one */
/* Whether a key belongs to this pass. */
bool fresh_takes(const struct fresh *fresh, struct ev_str key);
/* Folds on until each partition's cursor is at `until`, by partition, or stays before it (may_stop). LIMIT: more than
 * bytes_max are needed. */
int fresh_fold(struct fresh *fresh, const int64_t *until, struct ev_error *error);
/* NULL: no event of the key was folded. */
struct fresh_document *fresh_get(const struct fresh *fresh, struct ev_str key);
/* Its form for comparisons; offset -1 for NULL. Borrowed. */
void fresh_describe(const struct fresh_document *document, struct ev_str key, struct ev_sink_document *ret);
/* Starts with a document of another fold, which must be as far as the cursors are. */
void fresh_take_over(struct fresh *fresh, struct ev_str key, const struct fresh_document *document);
/* Waits as long as it takes to stay below the rate that the options ask for. TIMEOUT when the caller stops it. */
int fresh_pace(struct fresh *fresh, int64_t done, struct ev_error *error);
