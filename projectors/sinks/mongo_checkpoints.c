/* Checkpoints and parked entries in MongoDB: collections _checkpoints and _parked. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sinks/mongo_internal.h"

#define MONGO_DUPLICATE_KEY 11000
#define CHECKPOINT_ID_MAX (MONGO_NAME_MAX + 16)

static void checkpoint_id(const struct mongo_sink *mongo, const struct ev_view *view, int32_t partition,
                          char ret_id[CHECKPOINT_ID_MAX])
{
    char name[MONGO_NAME_MAX];
    mongo_view_name(mongo, view, name);
    snprintf(ret_id, CHECKPOINT_ID_MAX, "%s/%" PRId32, name, partition);
}

static bson_t *checkpoint_document(const struct mongo_sink *mongo, const struct ev_view *view,
                                   const struct ev_checkpoint *checkpoint)
{
    const struct ev_cursor *cursor = &checkpoint->cursor;
    char id[CHECKPOINT_ID_MAX], name[MONGO_NAME_MAX], command_id[EV_UUID_TEXT_LENGTH + 1];
    checkpoint_id(mongo, view, cursor->partition, id);
    mongo_view_name(mongo, view, name);
    ev_uuid_format(&cursor->last_command_id, command_id);
    bson_t *document = bson_new();
    BSON_APPEND_UTF8(document, "_id", id);
    BSON_APPEND_UTF8(document, "view", name);
    BSON_APPEND_UTF8(document, "topic", view->topic->name);
    BSON_APPEND_INT32(document, "partition", cursor->partition);
    BSON_APPEND_UTF8(document, "topic_id", checkpoint->topic_id);
    BSON_APPEND_INT64(document, "next_offset", cursor->next_offset);
    BSON_APPEND_INT64(document, "epoch", cursor->ledger.epoch);
    BSON_APPEND_INT64(document, "next_seq", cursor->ledger.next_seq);
    BSON_APPEND_UTF8(document, "last_command_id", command_id);
    BSON_APPEND_INT64(document, "last_offset", cursor->last_offset);
    BSON_APPEND_INT64(document, "log_time_ms", checkpoint->log_time_ms);
    BSON_APPEND_INT64(document, "updated_at_ms", checkpoint->updated_at_ms);
    return document;
}

static int64_t field_int64(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, name) ? bson_iter_as_int64(&iter) : 0;
}

static struct ev_str field_text(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    uint32_t length = 0;
    if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_UTF8(&iter))
        return EV_STR("");
    const char *text = bson_iter_utf8(&iter, &length);
    return (struct ev_str){text, length};
}

static int checkpoint_read(const bson_t *document, int32_t partition, struct ev_checkpoint *ret, struct ev_error *error)
{
    *ret = (struct ev_checkpoint){
        .cursor = {.partition = partition,
                   .next_offset = field_int64(document, "next_offset"),
                   .ledger = {.epoch = field_int64(document, "epoch"), .next_seq = field_int64(document, "next_seq")},
                   .last_offset = field_int64(document, "last_offset")},
        .updated_at_ms = field_int64(document, "updated_at_ms"),
        .log_time_ms = field_int64(document, "log_time_ms"),
    };
    struct ev_str topic_id = field_text(document, "topic_id");
    snprintf(ret->topic_id, sizeof(ret->topic_id), "%.*s", EV_STR_ARG(topic_id));
    if (!ev_uuid_parse(field_text(document, "last_command_id"), &ret->cursor.last_command_id))
        return ev_error_set(error, EV_ERR_CORRUPT, "a checkpoint in MongoDB holds no command id");
    return 0;
}

int mongo_load_checkpoint(struct ev_sink *sink, const struct ev_view *view, int32_t partition,
                          struct ev_checkpoint *ret, struct ev_error *error)
{
    char id[CHECKPOINT_ID_MAX];
    checkpoint_id(mongo_of(sink), view, partition, id);
    _cleanup_collection_ mongoc_collection_t *checkpoints = mongo_collection(mongo_of(sink), "_checkpoints");
    _cleanup_bson_ bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(checkpoints, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t fault = {0};
    if (mongoc_cursor_next(cursor, &document))
        return checkpoint_read(document, partition, ret, error);
    if (mongoc_cursor_error(cursor, &fault))
        return mongo_fault(&fault, "read a checkpoint", error);
    return ev_error_set(error, EV_ERR_NOT_FOUND, "no checkpoint");
}

/* Takes the place of one that lies between `previous_offset` and the new one; where none was, it is inserted. */
static bool checkpoint_queue(const struct mongo_sink *mongo, mongoc_bulk_operation_t *bulk, const struct ev_view *view,
                             const struct ev_checkpoint *checkpoint, bson_error_t *fault)
{
    char id[CHECKPOINT_ID_MAX];
    checkpoint_id(mongo, view, checkpoint->cursor.partition, id);
    _cleanup_bson_ bson_t *document = checkpoint_document(mongo, view, checkpoint);
    _cleanup_bson_ bson_t *filter =
        BCON_NEW("_id", BCON_UTF8(id), "next_offset", "{", "$gte", BCON_INT64(checkpoint->previous_offset), "$lt",
                 BCON_INT64(checkpoint->cursor.next_offset), "}");
    if (checkpoint->previous_offset == 0)
        return mongoc_bulk_operation_insert_with_opts(bulk, document, NULL, fault);
    return mongoc_bulk_operation_replace_one_with_opts(bulk, filter, document, NULL, fault);
}

/* Some didn't find what they were to replace: either another projector is further, which is fine, or the store lost it.
 */
static int checkpoints_verify(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoints,
                              size_t count, struct ev_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct ev_checkpoint stored;
        int r = mongo_load_checkpoint(sink, view, checkpoints[i].cursor.partition, &stored, error);
        if (r < 0 && r != EV_ERR_NOT_FOUND)
            return r;
        if (r < 0 || stored.cursor.next_offset < checkpoints[i].cursor.next_offset)
            return ev_error_set_retriable(error, EV_ERR_CONFLICT,
                                          "a checkpoint of view %s in MongoDB is gone or went back", view->name);
    }
    return 0;
}

int mongo_save_checkpoints(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoints,
                           size_t count, struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo_of(sink), "_checkpoints");
    _cleanup_bson_ bson_t *unordered = BCON_NEW("ordered", BCON_BOOL(false));
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, unordered);
    bson_error_t fault = {0};
    bson_t reply;
    bool queued = true;
    int r = 0;
    for (size_t i = 0; i < count && queued; i++)
        queued = checkpoint_queue(mongo_of(sink), bulk, view, &checkpoints[i], &fault);
    if (!queued) {
        r = mongo_fault(&fault, "queue a checkpoint", error);
    } else {
        bool done = mongoc_bulk_operation_execute(bulk, &reply, &fault) != 0;
        bool all = (size_t)(field_int64(&reply, "nInserted") + field_int64(&reply, "nMatched")) == count;
        if (!done && fault.code != MONGO_DUPLICATE_KEY)
            r = mongo_fault(&fault, "save a checkpoint", error);
        else if (!all)
            r = checkpoints_verify(sink, view, checkpoints, count, error);
        bson_destroy(&reply);
    }
    mongoc_bulk_operation_destroy(bulk);
    return r;
}

void mongo_parked_id(const struct mongo_sink *mongo, const struct ev_view *view, const struct ev_parked *parked,
                     char ret_id[MONGO_PARKED_ID_MAX])
{
    char name[MONGO_NAME_MAX];
    mongo_view_name(mongo, view, name);
    int length = snprintf(ret_id, MONGO_PARKED_ID_MAX, "%s/%.*s", name, EV_STR_ARG(parked->key));
    if (parked->skipped)
        snprintf(ret_id + length, MONGO_PARKED_ID_MAX - (size_t)length, "#%" PRId64, parked->offset);
}

int mongo_save_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                      struct ev_error *error)
{
    char name[MONGO_NAME_MAX], id[MONGO_PARKED_ID_MAX];
    mongo_view_name(mongo_of(sink), view, name);
    mongo_parked_id(mongo_of(sink), view, parked, id);
    if (!parked->skipped && parked->redriven_to == 0) {
        int r = mongo_mark_parked(mongo_of(sink), view, parked, error);
        if (r < 0)
            return r;
    }
    _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo_of(sink), "_parked");
    _cleanup_bson_ bson_t *document = bson_new();
    _cleanup_bson_ bson_t *filter = bson_new();
    _cleanup_bson_ bson_t *upsert = BCON_NEW("upsert", BCON_BOOL(true));
    bson_error_t fault = {0};
    BSON_APPEND_UTF8(filter, "_id", id);
    BSON_APPEND_UTF8(document, "_id", id);
    BSON_APPEND_UTF8(document, "view", name);
    bson_append_utf8(document, "key", -1, parked->key.data, (int)parked->key.length);
    BSON_APPEND_INT32(document, "partition", parked->partition);
    BSON_APPEND_INT64(document, "offset", parked->offset);
    BSON_APPEND_UTF8(document, "cause", parked->cause);
    BSON_APPEND_INT64(document, "parked_at_ms", parked->parked_at_ms);
    BSON_APPEND_INT64(document, "redriven_to", parked->redriven_to);
    BSON_APPEND_INT32(document, "skipped", parked->skipped);
    if (!mongoc_collection_replace_one(collection, filter, document, upsert, NULL, &fault))
        return mongo_fault(&fault, "park a document", error);
    return 0;
}

int mongo_load_parked(struct ev_sink *sink, const struct ev_view *view,
                      int (*each)(void *context, const struct ev_parked *parked), void *context, struct ev_error *error)
{
    char name[MONGO_NAME_MAX];
    mongo_view_name(mongo_of(sink), view, name);
    _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo_of(sink), "_parked");
    _cleanup_bson_ bson_t *filter = BCON_NEW("view", BCON_UTF8(name));
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t fault = {0};
    while (mongoc_cursor_next(cursor, &document)) {
        struct ev_parked parked = {
            .key = field_text(document, "key"),
            .partition = (int32_t)field_int64(document, "partition"),
            .offset = field_int64(document, "offset"),
            .parked_at_ms = field_int64(document, "parked_at_ms"),
            .redriven_to = field_int64(document, "redriven_to"),
            .skipped = field_int64(document, "skipped") != 0,
        };
        struct ev_str cause = field_text(document, "cause");
        snprintf(parked.cause, sizeof(parked.cause), "%.*s", EV_STR_ARG(cause));
        int r = each(context, &parked);
        if (r != 0)
            return r;
    }
    return mongoc_cursor_error(cursor, &fault) ? mongo_fault(&fault, "read parked entries", error) : 0;
}

int mongo_forget_view(struct mongo_sink *mongo, const char *name, struct ev_error *error)
{
    static const char *const collections[] = {"_checkpoints", "_parked"};
    _cleanup_bson_ bson_t *filter = BCON_NEW("view", BCON_UTF8(name));
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
        _cleanup_collection_ mongoc_collection_t *collection = mongo_collection(mongo, collections[i]);
        bson_error_t fault = {0};
        if (!mongoc_collection_delete_many(collection, filter, NULL, NULL, &fault))
            return mongo_fault(&fault, "forget checkpoints", error);
    }
    return 0;
}
