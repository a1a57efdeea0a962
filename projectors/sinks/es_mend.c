/* Repairs in Elasticsearch: one document at a time, under a version that is greater than the wrong document's and
 * smaller than that of the next offset. */
#include "sinks/es_internal.h"

#define MEND_MISSING_TRIES 6

/* What was deleted leaves a version behind that only a greater one passes, and that nobody tells: so much of the room
 * is used. */
static int64_t missing_version(int64_t offset, int attempt)
{
    return es_version(offset + 1) - (ES_REVISIONS >> (attempt + 1));
}

static int mend_send(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *document, int64_t version,
                     struct ev_error *error)
{
    ev_buffer_clear(&es->body);
    ev_arena_reset(&es->arena);
    document->result = EV_WRITE_FAILED;
    if (document->removed)
        es_bulk_action(es, EV_STR("delete"), document->key, version);
    else if (es_bulk_append(es, view, document, version, &document->error) < 0)
        return 0;
    int r = es_bulk_send(es, view, &document, 1, error);
    if (r > 0)
        ev_error_set(&document->error, EV_ERR_LIMIT, "the document is larger than Elasticsearch takes");
    return r < 0 ? r : 0;
}

static int mend_missing(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *document,
                        struct ev_error *error)
{
    int r = 0;
    document->result = EV_WRITE_STALE;
    for (int i = 0; i < MEND_MISSING_TRIES && r >= 0 && document->result == EV_WRITE_STALE; i++)
        r = mend_send(es, view, document, missing_version(document->meta.offset, i), error);
    return r;
}

static int mend_one(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *document,
                    struct ev_error *error)
{
    if (document->previous_offset < 0)
        return mend_missing(es, view, document, error);
    int64_t version = document->revision + 1;
    if (!document->removed && version < es_version(document->meta.offset))
        version = es_version(document->meta.offset);
    if (document->removed || version < es_version(document->meta.offset + 1))
        return mend_send(es, view, document, version, error);
    document->result = EV_WRITE_FAILED;
    ev_error_set(&document->error, EV_ERR_CONFLICT,
                 "its version in Elasticsearch is one of offsets to come, so nothing smaller can take its place: "
                 "delete it by hand, or build the view anew");
    return 0;
}

int es_mend(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
            struct ev_error *error)
{
    int r = 0;
    for (size_t i = 0; i < count && r >= 0; i++)
        r = mend_one(es_of(sink), view, &documents[i], error);
    return r;
}
