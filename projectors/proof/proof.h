/* The proof: does a store hold what the log says? A fresh fold of the log in memory is compared with every document of
 * a view in a sink, byte for byte in canonical form (fold/digest.h), each document at its own position, which is the
 * offset that it carries. So it can be made while projections go on writing: whatever moves on meanwhile is folded on
 * to where it has got to.
 *
 * Positions: each partition is folded up to the store's own checkpoint, or to a given position; nothing before it may
 * be missing in the store, but for what is parked. Memory is bounded: documents beyond memory_bytes_max are left to
 * further passes over log and store (by a hash of their keys), as many as it takes.
 *
 * The sink says which collection or index is meant (its fields for that are set by the caller, who has also prepared
 * it); the view says how events are folded. Blocking, one thread at a time per sink and source. Not a line of it knows
 * which store or which log it is. */
#pragma once

#include "core/clock.h"
#include "core/json.h"
#include "fold/digest.h"
#include "fold/projection.h"
#include "fold/sink.h"
#include "fold/source.h"

#define PROOF_MEMORY_BYTES_DEFAULT                                                                                     \
    ((size_t)256 * 1024 * 1024) /* of the fresh fold's documents, keys and their maps                                  \
                                 */
#define PROOF_PASSES_MAX 1024
#define PROOF_SUSPECTS_MAX ((size_t)200000) /* documents of one pass that aren't the same at first sight */
#define PROOF_SUSPECTS_AT_ONCE ((size_t)256)
#define PROOF_FIELDS_MAX 32          /* told of one document */
#define PROOF_FIELD_TEXT_MAX 160     /* bytes of a value as JSON; the rest is cut off */
#define PROOF_MEND_ROUNDS 4          /* attempts to mend what others keep writing */
#define PROOF_STALL_MS 30000         /* no record for so long before the position: an error */
#define PROOF_REACH_TIMEOUT_MS 60000 /* for the store to get to a position that was asked for */

#define PROOF_KINDS(X)                                                                                                 \
    X(DIFFERENT, "different")   /* not what the log says at its position */                                            \
    X(BEHIND, "behind")         /* right at its position, but the store's checkpoint says that it has gone further */  \
    X(MISSING, "missing")       /* isn't in the store */                                                               \
    X(EXTRA, "extra")           /* is in the store, and nothing in the log says so */                                  \
    X(UNREADABLE, "unreadable") /* isn't a document of the view */                                                     \
    X(PARKED, "parked")         /* right at its position, and goes no further until somebody has looked: no fault */
enum proof_kind {
#define X(name, text) PROOF_##name,
    PROOF_KINDS(X)
#undef X
};
#define PROOF_KIND_COUNT (PROOF_PARKED + 1)
const char *proof_kind_text(enum proof_kind kind);

struct proof_field {
    struct ev_str name;             /* of the document's field; "_offset", "_partition", "_sequence", "_deleted" */
    struct ev_str stored, expected; /* as JSON; null: it isn't there */
};

/* Borrowed for the time of the call that gets it. */
struct proof_difference {
    enum proof_kind kind;
    struct ev_str key;
    int32_t partition;
    int64_t stored_offset, expected_offset; /* -1: no document */
    struct ev_str cause;                    /* of PARKED and UNREADABLE, or why it isn't mended; may be null */
    const struct proof_field *fields;
    size_t field_count;
    bool mended;
};

struct proof_options {
    const struct ev_view *view;
    struct ev_commit_source source;
    struct ev_sink *sink;
    const struct ev_clock *clock;
    /* By partition, `at_count` of them: nothing before that offset may be missing. Negative, and for further
     * partitions: the store's checkpoint is taken. */
    const int64_t *at;
    size_t at_count;
    size_t memory_bytes_max;        /* 0: the default above */
    int64_t records_per_second_max; /* of the log, and documents of the store; 0: no bound */
    bool mend;
    /* NULL, or told of each difference (after it was mended or not). */
    void (*tell)(void *context, const struct proof_difference *difference);
    /* Waits for `ms` (0: not at all); false: the caller wants to stop. */
    bool (*wait)(void *context, int64_t ms);
    void *context;
};

struct proof_partition {
    int64_t position; /* up to here nothing may be missing */
    /* Of the documents as the log has them, and as they lie in the store, each at its own position. */
    struct ev_digest expected, stored;
};

struct proof_result {
    int32_t partition_count;
    struct proof_partition partitions[EV_PROJECTION_PARTITIONS_MAX];
    int64_t counts[PROOF_KIND_COUNT];
    int64_t mended;
    int64_t documents;       /* in the store */
    int64_t moved;           /* documents that were newer than the position, and right */
    int64_t records, events; /* of the log, read and folded */
    int passes;
    size_t bytes_peak;
    int64_t took_ms;
};

/* 0: *ret says what was found. Negative: it couldn't be found out, or the caller stopped it (TIMEOUT). */
int proof_run(const struct proof_options *options, struct proof_result *ret, struct ev_error *error);
/* Nothing is wrong, or nothing any more; parked documents are no fault. */
bool proof_holds(const struct proof_result *result);

/* As JSON objects: for tools, logs and tests. */
void proof_print(const struct ev_view *view, const struct ev_sink *sink, const struct proof_result *result,
                 struct ev_json_writer *writer);
void proof_print_difference(const struct ev_view *view, const struct ev_sink *sink,
                            const struct proof_difference *difference, struct ev_json_writer *writer);
