/* A replay builds another generation of a view in a store, beside the live one, from the start of the log:
 *
 *   fold      each partition by a thread of its own into memory, and beyond its bound into a scratch file (shelf.h);
 *             a document is written once, in bulks, when its partition is folded, while the next one is (build.h)
 *   catch up  with what came meanwhile, by the same projection that projectors run
 *   prove     the store's documents are compared with a fresh fold of the log, one by one; whatever differs ends it
 *   compare   the live generation with a fresh fold too: if the fold was changed on purpose, the documents differ, and
 *             somebody has to accept that
 *   swap      projectors feed the new generation from here on, as they go on feeding the old one; the live pointer
 *             moves in one step
 *
 * The live generation is only read. Killed at any moment, a replay leaves a generation that is "building"; the next one
 * drops it. One replay of a view in a store at a time: another one finds it at work and is refused (CONFLICT). */
#pragma once

#include "choice.h"
#include "log/kafka.h"
#include "sinks/generations.h"
#include "sinks/mongo.h"

#define REPLAY_THREADS_MAX 16
#define REPLAY_MEMORY_DEFAULT ((size_t)256 * 1024 * 1024) /* of folded documents, all threads together */
#define REPLAY_MEMORY_MIN ((size_t)1024 * 1024)
#define REPLAY_FETCH_BYTES ((size_t)4 * 1024 * 1024) /* read ahead, per thread */
#define REPLAY_FETCH_WAIT_MS 5 /* it reads to an end that it knows, and then asks something else */
#define REPLAY_LAG_MAX 100     /* records behind the log's end that count as caught up */
#define REPLAY_PROGRESS_MS 50  /* how often progress is told, at least */
#define REPLAY_BROKER_TIMEOUT_MS 10000
#define REPLAY_STALL_MS 60000               /* nothing moves for so long: it fails */
#define REPLAY_SAMPLES_MAX 5                /* documents that differ, named in the report */
#define REPLAY_VALUE_SHOWN_MAX ((size_t)60) /* bytes of a value in a sample */
#define REPLAY_FIELDS_MAX 64                /* fields that differ, counted in the report */

#define REPLAY_PHASES(X)                                                                                               \
    X(PREPARE, "prepare")                                                                                              \
    X(FOLD, "fold")                                                                                                    \
    X(CATCH_UP, "catch up")                                                                                            \
    X(PROVE, "prove")                                                                                                  \
    X(COMPARE, "compare")                                                                                              \
    X(SWAP, "swap")                                                                                                    \
    X(DONE, "done")

enum replay_phase {
#define X(name, text) REPLAY_##name,
    REPLAY_PHASES(X)
#undef X
};
const char *replay_phase_text(enum replay_phase phase);

struct replay_progress {
    enum replay_phase phase;
    int64_t records, records_total; /* of the log, read by the phase */
    int64_t events;                 /* folded */
    int64_t documents;              /* written */
    int64_t memory_bytes;           /* resident, of the process */
    int64_t spilled;                /* documents that went to the scratch file */
    int course_permille;            /* of the whole, roughly */
};

struct replay_options {
    const struct ev_view *view;
    enum choice_store store;
    const char *fingerprint; /* of the view's fold */
    struct ev_kafka_config kafka;
    struct ev_schema_source schemas;
    struct mongo_pool *mongo;
    const char *elasticsearch_url;
    const char *scratch_directory; /* is there */
    size_t memory_bytes;           /* of folded documents in memory; more spill */
    int threads;                   /* 0: one per processor */
    bool accept;                   /* make it live though documents differ from the live ones */
    bool forget_skipped;           /* what was left out of documents of the live one is folded again */
    void (*progress)(void *context, const struct replay_progress *progress); /* on the caller's thread; may be NULL */
    bool (*should_stop)(void *context);                                      /* likewise */
    void *context;
};

enum replay_outcome {
    REPLAY_LIVE,      /* built, proved, live */
    REPLAY_REFUSED,   /* it differs from the live one and nobody accepted that: dropped */
    REPLAY_DISPROVED, /* it isn't what the log says: dropped */
};

struct replay_difference {
    char field[64]; /* "lines", "_offset", "missing" */
    int64_t documents;
};
struct replay_sample {
    char key[EV_VIEW_KEY_MAX + 1];
    char what[512];
};
/* Documents of a store against a fresh fold. */
struct replay_differences {
    int64_t compared, different;
    struct replay_difference fields[REPLAY_FIELDS_MAX];
    size_t field_count;
    struct replay_sample samples[REPLAY_SAMPLES_MAX];
    size_t sample_count;
    char digest[40], expected_digest[40];
};

struct replay_result {
    enum replay_outcome outcome;
    struct generation before, after;
    struct replay_progress total; /* as it was last; memory at its peak */
    int64_t fold_ms, catch_up_ms, prove_ms, elapsed_ms;
    int64_t parked;
    int64_t skipped;                  /* commits left out of documents, as in the live one */
    struct replay_differences proof;  /* of the new generation */
    struct replay_differences change; /* of the live one, if it was compared */
};

/* 0: *ret says how it ended; negative: it failed, and left nothing behind if the store let it. */
int replay_run(const struct replay_options *options, struct replay_result *ret, struct ev_error *error);

/* Drops what replays left behind of a view in a store, and generations that stopped being live more than
 * `older_than_ms` ago (negative: none of those). Returns how many. */
int replay_sweep(struct ev_sink *sink, enum choice_store store, const char *view, int64_t older_than_ms,
                 struct ev_error *error);
/* Makes the generation live that was so last before the one that is. NOT_FOUND: there is none to go back to. */
int replay_roll_back(struct ev_sink *sink, enum choice_store store, const char *view, struct generation *ret_before,
                     struct generation *ret_after, struct ev_error *error);

const struct generation_store *replay_generations(enum choice_store store);
