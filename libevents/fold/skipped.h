/* The commits that operators decided to leave out of documents (parked entries that are `skipped`), as whoever folds a
 * view in a store has to know them. Filled by one thread, then read by any. */
#pragma once

#include "core/map.h"
#include "fold/sink.h"

#define EV_SKIPPED_MAX ((size_t)100000) /* of one view in one store */

struct ev_skipped {
    struct ev_map commits; /* "KEY#OFFSET" */
    bool any_record;       /* some of them are left out of every document */
};

void ev_skipped_init(struct ev_skipped *skipped);
void ev_skipped_finish(struct ev_skipped *skipped); /* safe on a zeroed one */
/* LIMIT: there are EV_SKIPPED_MAX. */
int ev_skipped_add(struct ev_skipped *skipped, struct ev_str key, int64_t offset, struct ev_error *error);
/* Those of the sink's generation, into an empty one. */
int ev_skipped_load(struct ev_skipped *skipped, struct ev_sink *sink, const struct ev_view *view,
                    struct ev_error *error);
/* Whether all documents leave the record out: a partition was stopped at it (EV_PARKED_PARTITION). */
bool ev_skipped_holds_record(const struct ev_skipped *skipped, int32_t partition, int64_t offset);
/* Whether the document of this key leaves the commit out. In the form of a folder's leaves_out (fold/document.h). */
bool ev_skipped_holds(const void *skipped, struct ev_str key, int64_t offset);
