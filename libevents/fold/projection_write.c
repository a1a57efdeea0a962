/* From a batch to the store, in slices that bound the memory: each document is loaded, folded, and written once. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fold/projection_internal.h"

/* The documents of one slice, in the slice's arena. */
struct slice {
    struct ev_batch_document **documents;
    size_t count;
    struct ev_sink_document *stored;  /* as they are in the store, beside `documents` */
    struct ev_sink_document *written; /* `write_count` of them */
    struct ev_batch_document **write_documents;
    struct ev_document_stop *stops; /* of the written ones: an offset of -1 but where they are to be parked then */
    size_t write_count;
};

int projection_park(struct ev_projection *projection, struct ev_str key, int32_t partition, int64_t offset,
                    const char *cause, struct ev_error *error)
{
    if (projection->parked.count >= EV_PROJECTION_PARKED_MAX)
        return ev_error_set(error, EV_ERR_LIMIT,
                            "view %s has %d parked documents in %s: something is wrong at large; last: %s",
                            projection->view->name, EV_PROJECTION_PARKED_MAX, projection->sink->name, cause);
    const struct projection_parked *known = ev_map_get(&projection->parked, key);
    struct ev_parked parked = {
        .key = key,
        .partition = partition,
        .offset = offset,
        .parked_at_ms =
            known && known->offset == offset ? known->parked_at_ms : ev_clock_wall_ms(projection->options.clock),
    };
    snprintf(parked.cause, sizeof(parked.cause), "%s", cause);
    int r = projection->sink->save_parked(projection->sink, projection->view, &parked, error);
    if (r < 0)
        return r;
    projection_remember_parked(&projection->parked, &parked, offset);
    ev_document_cache_remove(&projection->cache, key);
    projection_count(projection, 0, 0, 0);
    return 0;
}

static int64_t document_event_count(const struct ev_batch_document *document)
{
    int64_t count = 0;
    for (const struct ev_batch_event *e = document->first; e; e = e->next)
        count++;
    return count;
}

/* The next documents that aren't done: as many as the slice's bounds allow. Cached ones come with what the cache holds.
 */
static void slice_take(struct ev_projection *projection, struct slice *slice, size_t *cursor)
{
    size_t bytes = 0;
    slice->documents =
        ev_arena_new_array(&projection->slice_arena, struct ev_batch_document *, EV_PROJECTION_SLICE_DOCUMENTS);
    slice->stored =
        ev_arena_new_array(&projection->slice_arena, struct ev_sink_document, EV_PROJECTION_SLICE_DOCUMENTS);
    while (slice->count < EV_PROJECTION_SLICE_DOCUMENTS && bytes < EV_PROJECTION_SLICE_BYTES &&
           *cursor < projection->batch.documents.count) {
        struct ev_batch_document *document = projection->batch.documents.items[(*cursor)++];
        if (document->done)
            continue;
        struct projection_parked *parked =
            projection->parked.count ? ev_map_get(&projection->parked, document->key) : NULL;
        if (parked) {
            if (parked->left_out < document->last->record->offset)
                parked->left_out = document->last->record->offset;
            document->done = true;
            projection_count(projection, 0, 0, document_event_count(document));
            continue;
        }
        struct ev_sink_document *stored = &slice->stored[slice->count];
        *stored = (struct ev_sink_document){.key = document->key, .meta.offset = -1};
        if (ev_document_cache_get(&projection->cache, document->key, stored))
            bytes += stored->body.length;
        slice->documents[slice->count++] = document;
    }
}

/* Loads those that the cache didn't have. */
static int slice_load(struct ev_projection *projection, struct slice *slice, struct ev_error *error)
{
    size_t *places = ev_arena_new_array(&projection->slice_arena, size_t, slice->count);
    struct ev_sink_document *missing =
        ev_arena_new_array(&projection->slice_arena, struct ev_sink_document, slice->count);
    size_t count = 0;
    for (size_t i = 0; i < slice->count; i++) {
        if (slice->stored[i].meta.offset >= 0)
            continue;
        places[count] = i;
        missing[count++] = slice->stored[i];
    }
    if (count == 0)
        return 0;
    int r = projection->sink->load(projection->sink, projection->view, missing, count, &projection->slice_arena, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        slice->stored[places[i]] = missing[i];
    return 0;
}

/* Of the events that the store doesn't reflect: with which of them it began to refuse the document nobody knows. */
static int64_t first_new_offset(const struct ev_projection *projection, const struct ev_batch_document *document,
                                int64_t previous_offset)
{
    const struct ev_batch_event *e = document->first;
    while (e->next && (e->record->offset <= previous_offset ||
                       ev_skipped_holds(&projection->skipped, document->key, e->record->offset)))
        e = e->next;
    return e->record->offset;
}

static int slice_park(struct ev_projection *projection, struct ev_batch_document *document,
                      const struct ev_document_stop *stop, struct ev_error *error)
{
    int r = projection_park(projection, document->key, document->partition, stop->offset, stop->cause, error);
    if (r < 0)
        return r;
    struct projection_parked *parked = ev_map_get(&projection->parked, document->key);
    parked->left_out = document->last->record->offset;
    document->done = true;
    projection_count(projection, 0, 0, document_event_count(document));
    return 0;
}

static int slice_fold(struct ev_projection *projection, struct slice *slice, struct ev_error *error)
{
    const struct ev_document_folder folder = {
        .view = projection->view,
        .arena = &projection->slice_arena,
        .scratch = &projection->scratch,
        .limit = INT64_MAX,
        .leaves_out = ev_skipped_holds,
        .context = &projection->skipped,
    };
    slice->written = ev_arena_new_array(&projection->slice_arena, struct ev_sink_document, slice->count);
    slice->write_documents = ev_arena_new_array(&projection->slice_arena, struct ev_batch_document *, slice->count);
    slice->stops = ev_arena_new_array(&projection->slice_arena, struct ev_document_stop, slice->count);
    for (size_t i = 0; i < slice->count; i++) {
        struct ev_batch_document *document = slice->documents[i];
        struct ev_document_stop *stop = &slice->stops[slice->write_count];
        if (ev_document_fold(&folder, document, &slice->stored[i], &slice->written[slice->write_count], stop)) {
            slice->write_documents[slice->write_count++] = document;
            continue;
        }
        int r = stop->offset >= 0 ? slice_park(projection, document, stop, error) : 0;
        if (r < 0)
            return r;
        document->done = true;
    }
    return 0;
}

/* A document that was there and isn't, or is older than what was written: the store went back (a crash that lost its
 * tail, a restore). Its checkpoints went back with it, or they lie. */
static int slice_store_went_back(struct ev_projection *projection, const struct ev_sink_document *written,
                                 struct ev_error *error)
{
    struct ev_checkpoint checkpoint;
    int r = projection->sink->load_checkpoint(projection->sink, projection->view, written->meta.partition, &checkpoint,
                                              error);
    if (r < 0 && r != EV_ERR_NOT_FOUND)
        return r;
    if (r == 0 && checkpoint.cursor.next_offset > written->previous_offset)
        return ev_error_set(
            error, EV_ERR_CORRUPT,
            "document %.*s of view %s was lost in %s although its checkpoint covers it; to build the view "
            "anew, stop the projectors and run: projectors --rebuild %s/%s",
            EV_STR_ARG(written->key), projection->view->name, projection->sink->name, projection->view->name,
            projection->sink->name);
    return ev_error_set_retriable(error, EV_ERR_CONFLICT, "%s went back to an older state of view %s",
                                  projection->sink->name, projection->view->name);
}

/* Looks at stale documents' stored state, so that one that went back is told from one that somebody else wrote. */
static int slice_check_stale(struct ev_projection *projection, struct slice *slice, size_t stale,
                             struct ev_error *error)
{
    struct ev_sink_document *now = ev_arena_new_array(&projection->slice_arena, struct ev_sink_document, stale);
    const struct ev_sink_document **written =
        ev_arena_new_array(&projection->slice_arena, const struct ev_sink_document *, stale);
    size_t count = 0;
    for (size_t i = 0; i < slice->write_count; i++) {
        if (slice->written[i].result != EV_WRITE_STALE)
            continue;
        written[count] = &slice->written[i];
        now[count++] = (struct ev_sink_document){.key = slice->written[i].key, .meta.offset = -1};
    }
    int r = projection->sink->load(projection->sink, projection->view, now, count, &projection->slice_arena, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        if (now[i].meta.offset < written[i]->previous_offset)
            return slice_store_went_back(projection, written[i], error);
        if (now[i].meta.offset >= 0)
            ev_document_cache_put(&projection->cache, &now[i]);
    }
    return 0;
}

/* Writes, and books each document's result. Returns how many are still to be done. */
static int slice_write(struct ev_projection *projection, struct slice *slice, bool *ret_busy, struct ev_error *error)
{
    if (slice->write_count == 0)
        return 0;
    int r = projection->sink->write(projection->sink, projection->view, slice->written, slice->write_count, error);
    if (r < 0)
        return r;
    size_t done = 0, stale = 0, left = 0;
    for (size_t i = 0; i < slice->write_count; i++) {
        struct ev_sink_document *written = &slice->written[i];
        struct ev_batch_document *document = slice->write_documents[i];
        switch (written->result) {
        case EV_WRITE_DONE:
            ev_document_cache_put(&projection->cache, written);
            document->done = true;
            done++;
            if (slice->stops[i].offset >= 0)
                r = slice_park(projection, document, &slice->stops[i], error);
            if (r < 0)
                return r;
            break;
        case EV_WRITE_STALE:
            ev_document_cache_remove(&projection->cache, document->key);
            stale++;
            left++;
            break;
        case EV_WRITE_BUSY:
            *ret_busy = true;
            *error = written->error;
            left++;
            break;
        case EV_WRITE_FAILED:
            slice->stops[i].offset = first_new_offset(projection, document, written->previous_offset);
            snprintf(slice->stops[i].cause, sizeof(slice->stops[i].cause), "%.*s", EV_PARKED_CAUSE_MAX - 1,
                     written->error.message); /* the store's words may be longer */
            r = slice_park(projection, document, &slice->stops[i], error);
            if (r < 0)
                return r;
            break;
        }
    }
    projection_count(projection, (int64_t)done, (int64_t)stale, 0);
    if (stale) {
        r = slice_check_stale(projection, slice, stale, error);
        if (r < 0)
            return r;
    }
    return (int)left;
}

/* Brings the documents of one slice to an end, however often others write them in between. */
static int slice_run(struct ev_projection *projection, size_t *cursor, struct ev_error *error)
{
    size_t begin = *cursor;
    for (int tries = 0; tries < EV_PROJECTION_STALE_TRIES; tries++) {
        struct slice slice = {0};
        bool busy = false;
        ev_arena_reset(&projection->slice_arena);
        *cursor = begin;
        slice_take(projection, &slice, cursor);
        int r = slice_load(projection, &slice, error);
        if (r >= 0)
            r = slice_fold(projection, &slice, error);
        if (r >= 0)
            r = slice_write(projection, &slice, &busy, error);
        if (r <= 0)
            return r;
        if (busy)
            return 1;
    }
    ev_error_set_retriable(error, EV_ERR_CONFLICT, "others keep writing the same documents of view %s in %s",
                           projection->view->name, projection->sink->name);
    return 1;
}

int projection_write_batch(struct ev_projection *projection, struct ev_error *error)
{
    for (size_t cursor = 0; cursor < projection->batch.documents.count;) {
        if (projection->options.should_stop && projection->options.should_stop(projection->options.context)) {
            ev_error_set_retriable(error, EV_ERR_TIMEOUT, "stopped within a batch");
            return 1;
        }
        int r = slice_run(projection, &cursor, error);
        if (r != 0)
            return r;
    }
    return 0;
}
