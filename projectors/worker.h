/* One projection and the thread that runs it: a view in a sink, with a log reader and a connection to the store of its
 * own, so that one store's outage doesn't stall another. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "fold/projection.h"
#include "share.h"

#define WORKER_POLL_MS 200      /* how long an idle step waits for events, and so a stop for the step */
#define WORKER_SHARE_LOOK_MS 50 /* while the group hasn't said yet what is to be done */
#define WORKER_FETCH_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct worker {
    const struct ev_view *view;
    struct ev_sink *sink;
    struct ev_reader *reader;
    struct ev_projection *projection;
    char name[64]; /* "orders/mongodb" */
    bool shared;   /* with other processes */
    struct share share;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    pthread_mutex_t lock; /* for the pause between steps alone */
    pthread_cond_t stop;
};

struct worker_options {
    struct ev_kafka_config kafka;
    struct ev_schema_source schemas;
    struct ev_metrics *metrics;
    size_t cache_bytes_max;
    bool shared; /* a consumer group says which partitions are this process's; otherwise all are */
};

/* Takes the sink over, also when it fails. The worker may not move afterwards. */
int worker_init(struct worker *worker, const struct ev_view *view, struct ev_sink *sink,
                const struct worker_options *options, struct ev_error *error);
int worker_start(struct worker *worker, struct ev_error *error);
/* Tells the thread to end its batch and to save how far it got. From any thread. */
void worker_stop(struct worker *worker);
/* Waits for the thread, and frees all. Safe on a worker that was never initialised (zeroed). */
void worker_finish(struct worker *worker);
