/* A view folded from the log by a projection into a sink, timed: what the benchmark's programs of folds have in common.
 * One thread. */
#pragma once

#include "avro/registry.h"
#include "fold/projection.h"

struct folding {
    const char *brokers, *prefix; /* of the topics */
    struct ev_registry *registry;
    const struct ev_view *view;
    struct ev_sink *sink;
    struct ev_batch_bounds batch; /* 0: the defaults of fold/batch.h */
    size_t cache_bytes_max;       /* 0: the projection's default */
    int64_t commits;              /* after so many it ends; the log holds them */
};

/* The clock starts with the first batch. Negative, with what is wrong in *error: a fault that isn't worth another try,
 * or nothing came for FOLDING_STALL_MS. */
#define FOLDING_STALL_MS 20000
int folding_run(const struct folding *folding, struct ev_projection_status *ret, int64_t *ret_ms,
                struct ev_error *error);
