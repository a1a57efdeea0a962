/* The slow audit beside the projections (--audit-every-s): a thread of its own that compares one view in one sink after
 * the other with a fresh fold of the log (proof/proof.h), as `orderlog audit` does when somebody asks for it, but at a
 * bounded rate. What it finds is in the metrics, and at error level in the log; it mends nothing. */
#pragma once

#include "keeper.h"
#include "proof/proof.h"

#define AUDITOR_MEMORY_BYTES ((size_t)64 * 1024 * 1024)   /* of the fresh fold; what is larger takes several passes */
#define AUDITOR_FETCH_BYTES_MAX ((size_t)2 * 1024 * 1024) /* of the log, read ahead */
#define AUDITOR_RETRY_MS                                                                                               \
    30000                  /* after an audit that couldn't be made, and while the view isn't there; or the interval */
#define AUDITOR_KEYS_MAX 5 /* told of in the log */

struct auditor_options {
    struct ev_kafka_config kafka;
    struct ev_schema_source schemas;
    struct ev_metrics *metrics;
    int64_t every_ms;               /* from the beginning of one audit to the next one's, for each view and sink */
    int64_t records_per_second_max; /* of the log, and documents of the store */
    /* A sink of its own for each audit, which the auditor destroys. Called on its thread. */
    int (*make_sink)(void *context, const struct choice *choice, struct ev_sink **ret, struct ev_error *error);
    void *context;
};

/* What is audited, and what came of it. */
struct auditor_target {
    struct choice choice;
    char name[64]; /* "orders/mongodb" */
    char fingerprint[GENERATION_FINGERPRINT_MAX];
    int64_t due_ms;                     /* monotonic */
    char failure[EV_ERROR_MESSAGE_MAX]; /* of the last audit, so that it is logged once; "": it was made */
    struct ev_metric *counts[PROOF_KIND_COUNT], *documents, *running, *begun_at, *took, *failures;
};

struct auditor {
    struct auditor_options options;
    struct auditor_target targets[CHOICE_MAX];
    size_t count;
    bool initialised, running;
    atomic_bool stopping;
    pthread_t thread;
    pthread_mutex_t lock; /* of the pauses */
    pthread_cond_t stop;
};

/* Connects to nothing yet. The auditor may not move afterwards. */
void auditor_init(struct auditor *auditor, const struct auditor_options *options, const struct choice *choices,
                  size_t count);
int auditor_start(struct auditor *auditor, struct ev_error *error);
/* Tells the thread to end: at the next record or document. From any thread. Safe on a zeroed auditor, as the next. */
void auditor_stop(struct auditor *auditor);
/* Waits for the thread, and frees all. */
void auditor_finish(struct auditor *auditor);
