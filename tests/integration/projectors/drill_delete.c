/* Deleting, which no view of the shop does yet: the view "deleting", a fold of orders that drops a document now and
 * then and makes it anew, and single writes past the runtime, as a process would send them that wakes late. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drill.h"
#include "gen/order.h"
#include "gen/views.h"

#define DELETING_VERSION 99 /* of the view orders: its documents, collections and indexes, beside the real ones */
#define DELETED_ONE_IN 3

static enum ev_fold_result deleting_fold(void *document, bool is_new, const struct ev_event *event,
                                         const struct ev_fold_context *context)
{
    bool begins = event->type == &order_placed_event;
    if ((is_new && !begins) || context->offset % DELETED_ONE_IN == 0)
        return EV_FOLD_DELETE;
    return orders_view.fold(document, is_new, event, context);
}

const struct ev_view *drill_find_view(struct ev_str name)
{
    static struct ev_view deleting;
    if (!ev_str_equal(name, EV_STR("deleting")))
        return orderlog_view_find(name);
    deleting = orders_view;
    deleting.version = DELETING_VERSION;
    deleting.fold = deleting_fold;
    return &deleting;
}

static const char *result_text(enum ev_write_result result)
{
    switch (result) {
    case EV_WRITE_DONE:
        return "done";
    case EV_WRITE_STALE:
        return "stale";
    case EV_WRITE_BUSY:
        return "busy";
    case EV_WRITE_FAILED:
        return "failed";
    }
    return "";
}

static int write_one(struct ev_sink *sink, const struct ev_view *view, const struct drill_write *what,
                     struct ev_error *error)
{
    struct orders_document order;
    struct ev_arena arena = {0};
    struct ev_buffer body = {0};
    ev_record_init(view->document, &order, &arena);
    order.id = what->key;
    ev_record_encode(view->document, &order, &body);
    struct ev_sink_document document = {
        .key = what->key,
        .meta = {.offset = what->offset, .sequence = 1},
        .previous_offset = what->previous,
        .deleted = what->deleted,
        .body = what->deleted ? EV_STR("") : ev_buffer_str(&body),
    };
    int r = sink->write(sink, view, &document, 1, error);
    if (r >= 0)
        r = sink->flush(sink, view, error);
    if (r >= 0)
        printf("{\"result\":\"%s\"}\n", result_text(document.result));
    ev_buffer_finish(&body);
    ev_arena_finish(&arena);
    return r;
}

static int show_one(struct ev_sink *sink, const struct ev_view *view, struct ev_str key, struct ev_error *error)
{
    struct ev_arena arena = {0};
    struct ev_sink_document document = {.key = key};
    int r = sink->load(sink, view, &document, 1, &arena, error);
    if (r >= 0)
        printf("{\"offset\":%" PRId64 ",\"deleted\":%s}\n", document.meta.offset, document.deleted ? "true" : "false");
    ev_arena_finish(&arena);
    return r;
}

int drill_write(struct drill *drill, const char *sink_name, const struct drill_write *what, struct ev_error *error)
{
    const struct ev_view *view = drill_find_view(EV_STR("deleting"));
    struct ev_sink *sink = NULL;
    int r = drill_make_sink(drill, sink_name, &sink, error);
    if (r >= 0)
        r = sink->prepare(sink, view, error);
    if (r >= 0)
        r = what->shows ? show_one(sink, view, what->key, error) : write_one(sink, view, what, error);
    if (sink)
        sink->destroy(sink);
    return r;
}
