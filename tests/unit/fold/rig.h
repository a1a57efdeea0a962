/* A log, a store in memory, and projections between them: what the tests of projections stand on. The view is a small
 * one over the topic of carts, with a fold that can delete and fail: a document per cart with its units, gone when the
 * cart is checked out; adding no units can't be folded. */
#pragma once

#include "core/clock.h"
#include "fake_log.h"
#include "fold/digest.h"
#include "fold/memory_sink.h"
#include "fold/projection.h"

extern const struct ev_view rig_view;
/* The same, and it knows that a cart's events all belong to the cart's document. */
extern const struct ev_view rig_stream_view;

#define RIG_READERS_MAX 64

struct rig {
    struct fake_log log;
    struct fake_reader readers[RIG_READERS_MAX]; /* each projection's own; used again after so many */
    size_t reader_count;
    struct ev_memory_sink store;
    struct ev_fake_clock clock;
    struct ev_fake_random random;
    struct ev_batch_bounds bounds;
    size_t cache_bytes_max;
    struct ev_metrics *metrics; /* NULL: none; the test's */
    const struct ev_view *view; /* of the projections; rig_view unless the test sets another */
    /* What rig_interfere does to the store: `remaining` calls of kind `call` fail (with `fatal`: for good). */
    enum ev_memory_sink_call call;
    size_t remaining;
    bool fatal;
    enum ev_write_result result;           /* for WRITE_ONE: instead of failing */
    const char *only_key;                  /* for WRITE_ONE: NULL: any */
    void (*before_write)(struct rig *rig); /* called once before the next write */
};

void rig_init(struct rig *rig, int32_t partitions);
void rig_finish(struct rig *rig);
struct ev_projection *rig_projection(struct rig *rig);
/* Each in a commit of its own, in the partition of the cart's number. */
int64_t rig_add(struct rig *rig, int cart, int64_t units);
int64_t rig_check_out(struct rig *rig, int cart);
/* By a writer that was fenced off: it doesn't count. */
void rig_void(struct rig *rig, int cart, int64_t units);
/* Several events in one commit. */
int64_t rig_add_twice(struct rig *rig, int cart, int64_t first, int64_t second);

/* Steps until nothing comes any more and nothing is wrong; waits as long as it's told to, by the fake clock. Fails the
 * test when that takes more than a thousand steps. */
void rig_run(struct rig *rig, struct ev_projection *projection);
/* The same, after it has looked at what operators want of it. */
void rig_look_and_run(struct rig *rig, struct ev_projection *projection);
/* One step; the pause it asks for passes. */
int rig_step(struct rig *rig, struct ev_projection *projection, struct ev_error *error);
/* Units of a cart; -1: there is no such document, -2: it is a tombstone. */
int64_t rig_units(struct rig *rig, int cart);
/* Fails the test unless the store holds what a fresh projection makes of the log, byte for byte. */
void rig_assert_true_to_log(struct rig *rig);
