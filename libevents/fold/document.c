#include "fold/document.h"

#include <stdio.h>

/* A document while its events are folded. */
struct folding {
    const struct ev_document_folder *folder;
    const struct ev_batch_document *document;
    const struct ev_sink_document *stored;
    void *value; /* NULL: nothing was folded yet */
    bool is_new;
};

static void stop_at(struct ev_document_stop *stop, int64_t offset, const char *cause)
{
    stop->offset = offset;
    snprintf(stop->cause, sizeof(stop->cause), "%s", cause);
}

/* The struct that the stored document's bytes stand for, or a new one. */
static bool folding_open(struct folding *folding)
{
    const struct ev_record *record = folding->folder->view->document;
    struct ev_error ignored;
    folding->value = ev_arena_alloc(folding->folder->arena, record->size);
    if (!folding->is_new)
        return ev_record_decode(record, folding->stored->body, folding->folder->arena, folding->value, &ignored) >= 0;
    ev_record_init(record, folding->value, folding->folder->arena);
    return true;
}

static bool fold_event(struct folding *folding, const struct ev_batch_event *entry, struct ev_document_stop *ret_stop)
{
    const struct ev_view *view = folding->folder->view;
    const struct ev_log_record *record = entry->record;
    const struct ev_fold_context context = {
        .commit = &record->commit,
        .partition = record->partition,
        .offset = record->offset,
        .arena = folding->folder->arena,
    };
    switch (view->fold(folding->value, folding->is_new, entry->event, &context)) {
    case EV_FOLD_KEEP:
        folding->is_new = false;
        return true;
    case EV_FOLD_DELETE:
        folding->is_new = true;
        ev_record_init(view->document, folding->value, folding->folder->arena);
        return true;
    case EV_FOLD_FAIL:
        break;
    }
    ret_stop->offset = record->offset;
    snprintf(ret_stop->cause, sizeof(ret_stop->cause), "the fold refused %s of %.*s", entry->event->type->name,
             EV_STR_ARG(record->commit.stream_id));
    return false;
}

/* Folds what the stored document doesn't reflect and lies before `limit`. False: *ret_stop says why not. */
static bool fold_events(struct folding *folding, int64_t limit, struct ev_sink_document *ret,
                        struct ev_document_stop *ret_stop)
{
    const struct ev_document_folder *folder = folding->folder;
    for (const struct ev_batch_event *e = folding->document->first; e; e = e->next) {
        int64_t offset = e->record->offset;
        if (offset <= folding->stored->meta.offset || offset >= limit)
            continue;
        if (folder->leaves_out && folder->leaves_out(folder->context, folding->document->key, offset))
            continue;
        if (!e->event) {
            snprintf(ret_stop->cause, sizeof(ret_stop->cause), "%.*s", (int)sizeof(ret_stop->cause) - 1,
                     e->record->unreadable);
            ret_stop->offset = offset;
            return false;
        }
        if (e->record->partition != folding->document->partition) {
            stop_at(ret_stop, offset, "its events lie in several partitions");
            return false;
        }
        if (!folding->value && !folding_open(folding)) {
            stop_at(ret_stop, offset, "the stored document can't be decoded");
            return false;
        }
        if (!fold_event(folding, e, ret_stop))
            return false;
        if (offset != ret->meta.offset)
            ret->meta.sequence++;
        ret->meta.offset = offset;
    }
    return true;
}

/* `ret` as it is before anything is folded. */
static void begin(struct folding *folding, struct ev_sink_document *ret)
{
    const struct ev_sink_document *stored = folding->stored;
    bool exists = stored->meta.offset >= 0;
    folding->value = NULL;
    folding->is_new = !exists || stored->deleted;
    *ret = *stored;
    ret->key = folding->document->key;
    ret->previous_offset = stored->meta.offset;
    ret->meta.partition = folding->document->partition;
    if (!exists)
        ret->meta.sequence = 0;
}

static bool end(struct folding *folding, struct ev_sink_document *ret, struct ev_document_stop *ret_stop)
{
    struct ev_buffer *scratch = folding->folder->scratch;
    ret->deleted = folding->is_new;
    ret->body = EV_STR("");
    if (folding->is_new)
        return true;
    ev_buffer_clear(scratch);
    ev_record_encode(folding->folder->view->document, folding->value, scratch);
    if (scratch->length > EV_DOCUMENT_BYTES_MAX) {
        stop_at(ret_stop, ret->meta.offset, "the document grew beyond its bound");
        return false;
    }
    ret->body = ev_arena_copy(folding->folder->arena, ev_buffer_str(scratch));
    return true;
}

/* One attempt: up to `limit`. False: *ret_stop. */
static bool attempt(struct folding *folding, int64_t limit, struct ev_sink_document *ret,
                    struct ev_document_stop *ret_stop, bool *ret_changed)
{
    begin(folding, ret);
    bool folded = fold_events(folding, limit, ret, ret_stop);
    *ret_changed = folding->value && folded && end(folding, ret, ret_stop);
    return folded && ret_stop->offset < 0;
}

bool ev_document_fold(const struct ev_document_folder *folder, const struct ev_batch_document *document,
                      const struct ev_sink_document *stored, struct ev_sink_document *ret,
                      struct ev_document_stop *ret_stop)
{
    struct folding folding = {.folder = folder, .document = document, .stored = stored};
    bool changed = false;
    ret_stop->offset = -1;
    if (stored->meta.offset >= 0 && stored->meta.partition != document->partition) {
        begin(&folding, ret);
        stop_at(ret_stop, document->first->record->offset,
                "the stored document is of another partition (the topic's partition count changed?)");
        return false;
    }
    if (attempt(&folding, folder->limit, ret, ret_stop, &changed))
        return changed;

    /* What came before is kept. The struct is half folded, so it's done once more, up to there. A document that grew
     * too large only stops at its last commit, though an earlier one may have been too large: then that is found next.
     */
    struct ev_document_stop earlier = *ret_stop;
    while (earlier.offset >= 0) {
        *ret_stop = earlier;
        earlier.offset = -1;
        attempt(&folding, ret_stop->offset, ret, &earlier, &changed);
    }
    if (!changed)
        begin(&folding, ret);
    return changed;
}
