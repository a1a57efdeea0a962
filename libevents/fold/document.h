/* Folding one document: what projections, replays and proofs share. From the document as it is stored and the events of
 * a batch to the document as it must be written. Pure. */
#pragma once

#include "fold/batch.h"
#include "fold/sink.h"

#define EV_DOCUMENT_BYTES_MAX ((size_t)4 * 1024 * 1024) /* Avro bytes; a document that grows beyond can't be folded */

struct ev_document_folder {
    const struct ev_view *view;
    struct ev_arena *arena;    /* what comes out lies here, and what the fold needs */
    struct ev_buffer *scratch; /* overwritten */
    int64_t limit;             /* commits at this offset and beyond are left out; INT64_MAX: none */
    /* Whether an operator has decided that this document leaves a commit out; NULL: no. */
    bool (*leaves_out)(const void *context, struct ev_str key, int64_t offset);
    const void *context;
};

/* Why a document goes no further. */
struct ev_document_stop {
    int64_t offset; /* of the commit that can't be folded; -1: all could */
    char cause[EV_PARKED_CAUSE_MAX];
};

/* Folds those of document's events that `stored` (meta.offset -1: there is none) doesn't reflect. Commits are taken
 * whole: ret->meta.offset is that of the last one. True when *ret is to be written in the place of `stored`; also when
 * *ret_stop names a commit that can't be folded: *ret then reflects what came before it. */
bool ev_document_fold(const struct ev_document_folder *folder, const struct ev_batch_document *document,
                      const struct ev_sink_document *stored, struct ev_sink_document *ret,
                      struct ev_document_stop *ret_stop);
