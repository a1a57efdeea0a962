/* A sink in memory, with the same guards as the real ones: for tests, and for proofs and audits, which compare a store
 * with a fresh fold. Can be made to fail at will. Not thread-safe. */
#pragma once

#include "core/map.h"
#include "fold/sink.h"

enum ev_memory_sink_call {
    EV_MEMORY_SINK_PREPARE,
    EV_MEMORY_SINK_LOAD,
    EV_MEMORY_SINK_WRITE,     /* asked before anything is written */
    EV_MEMORY_SINK_WRITE_ONE, /* asked for each document; the result is then in `document` */
    EV_MEMORY_SINK_WRITTEN,   /* asked after all was written: a failure here is an acknowledgement that got lost */
    EV_MEMORY_SINK_FLUSH,
    EV_MEMORY_SINK_CHECKPOINT,
    EV_MEMORY_SINK_PARK,
};

struct ev_memory_sink {
    struct ev_sink sink;
    struct ev_map documents;   /* "VIEW_vN/KEY" */
    struct ev_map checkpoints; /* "VIEW_vN/PARTITION" */
    struct ev_map parked;      /* "VIEW_vN/KEY"; skipped: "VIEW_vN/KEY#OFFSET" */
    struct ev_control control; /* of its one view */
    /* NULL, or asked before each call: 0 lets it go on, a negative code (with *error filled) fails it. For WRITE_ONE a
     * positive enum ev_write_result becomes the document's result in place of the write. */
    int (*interfere)(void *context, enum ev_memory_sink_call call, struct ev_sink_document *document,
                     struct ev_error *error);
    void *context;
    size_t load_count, write_count; /* documents asked for and written so far */
};

void ev_memory_sink_init(struct ev_memory_sink *memory);
void ev_memory_sink_finish(struct ev_memory_sink *memory);
/* A copy of documents, checkpoints and parked entries as they are: what a store that loses its tail goes back to. */
void ev_memory_sink_copy(const struct ev_memory_sink *from, struct ev_memory_sink *to);
/* False when the view has no such document (a tombstone is one). Borrowed until it is written. */
bool ev_memory_sink_get(const struct ev_memory_sink *memory, const struct ev_view *view, struct ev_str key,
                        struct ev_sink_document *ret);
