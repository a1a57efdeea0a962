/* Documents in MongoDB: loading, guarded bulk writes, scanning. */
#include <stdio.h>
#include <string.h>

#include "core/map.h"
#include "sinks/bson.h"
#include "sinks/mongo_internal.h"

#define MONGO_SCAN_BATCH 500
#define MONGO_DUPLICATE_KEY 11000

/* Codes of a single write's error that no waiting mends. All others are taken as passing. */
static const int mongo_permanent_codes[] = {
    2,     /* BadValue */
    9,     /* FailedToParse */
    14,    /* TypeMismatch */
    22,    /* InvalidBSON */
    52,    /* DollarPrefixedFieldName */
    57,    /* DottedFieldName */
    121,   /* DocumentValidationFailure */
    10334, /* BSONObjectTooLarge */
    17280, /* KeyTooLong */
    17419, /* the resulting document is too large */
    17420,
};

static bool mongo_code_is_permanent(int64_t code)
{
    for (size_t i = 0; i < sizeof(mongo_permanent_codes) / sizeof(mongo_permanent_codes[0]); i++)
        if (mongo_permanent_codes[i] == code)
            return true;
    return false;
}

/* Meta and Avro bytes of a stored document; its strings borrow from the BSON until then. */
static void document_read(struct mongo_sink *mongo, const struct ev_view *view, const bson_t *stored,
                          struct ev_arena *arena, struct ev_sink_document *ret)
{
    bson_iter_t iter;
    ret->meta = (struct ev_document_meta){.offset = -1};
    ret->deleted = ret->unreadable = false;
    ret->body = EV_STR("");
    bson_iter_init(&iter, stored);
    while (bson_iter_next(&iter)) {
        const char *name = bson_iter_key(&iter);
        if (strcmp(name, "_offset") == 0)
            ret->meta.offset = bson_iter_as_int64(&iter);
        else if (strcmp(name, "_partition") == 0)
            ret->meta.partition = (int32_t)bson_iter_as_int64(&iter);
        else if (strcmp(name, "_sequence") == 0)
            ret->meta.sequence = bson_iter_as_int64(&iter);
        else if (strcmp(name, "_deleted") == 0)
            ret->deleted = bson_iter_as_bool(&iter);
    }
    if (ret->meta.offset < 0) {
        ret->meta.offset = 0;
        ret->unreadable = true;
        ev_error_set(&ret->error, EV_ERR_CORRUPT, "it has no _offset");
        return;
    }
    if (ret->deleted)
        return;
    void *value = ev_arena_alloc(arena, view->document->size);
    ret->unreadable = sink_bson_read(view->document, stored, arena, value, &ret->error) < 0;
    if (ret->unreadable)
        return;
    ev_buffer_clear(&mongo->scratch);
    ev_record_encode(view->document, value, &mongo->scratch);
    ret->body = ev_arena_copy(arena, ev_buffer_str(&mongo->scratch));
}

static struct ev_str document_key(const bson_t *stored)
{
    bson_iter_t iter;
    uint32_t length;
    if (!bson_iter_init_find(&iter, stored, "_id") || !BSON_ITER_HOLDS_UTF8(&iter))
        return EV_STR("");
    const char *text = bson_iter_utf8(&iter, &length);
    return (struct ev_str){text, length};
}

static bson_t *filter_by_keys(struct ev_sink_document *const *documents, size_t count)
{
    bson_t *filter = bson_new();
    bson_t in, keys;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &keys);
    for (size_t i = 0; i < count; i++) {
        char buffer[16];
        const char *index;
        size_t length = bson_uint32_to_string((uint32_t)i, &index, buffer, sizeof(buffer));
        bson_append_utf8(&keys, index, (int)length, documents[i]->key.data, (int)documents[i]->key.length);
    }
    bson_append_array_end(&in, &keys);
    bson_append_document_end(filter, &in);
    return filter;
}

/* What mongo_find does with each document that is there; a negative return ends the search. */
struct mongo_found {
    int (*each)(struct mongo_found *found, const bson_t *stored, struct ev_sink_document *document,
                struct ev_error *error);
    struct mongo_sink *mongo;
    const struct ev_view *view;
    struct ev_arena *arena;
};

static int mongo_find(struct mongo_found *found, struct ev_sink_document *const *documents, size_t count,
                      const bson_t *options, struct ev_error *error)
{
    struct ev_map by_key;
    ev_map_init(&by_key);
    for (size_t i = 0; i < count; i++)
        ev_map_put(&by_key, documents[i]->key, documents[i]);

    _cleanup_collection_ mongoc_collection_t *collection = mongo_documents(found->mongo, found->view);
    _cleanup_bson_ bson_t *filter = filter_by_keys(documents, count);
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, options, NULL);
    const bson_t *stored;
    bson_error_t fault = {0};
    int r = 0;
    while (r >= 0 && mongoc_cursor_next(cursor, &stored)) {
        struct ev_sink_document *document = ev_map_get(&by_key, document_key(stored));
        if (document)
            r = found->each(found, stored, document, error);
    }
    if (r >= 0 && mongoc_cursor_error(cursor, &fault))
        r = mongo_fault(&fault, "read documents", error);
    ev_map_finish(&by_key);
    return r < 0 ? r : 0;
}

/* A document that can't be read gets an empty body, which no fold can open: it parks that document and no other. */
static int load_each(struct mongo_found *found, const bson_t *stored, struct ev_sink_document *document,
                     struct ev_error *error)
{
    (void)error;
    document_read(found->mongo, found->view, stored, found->arena, document);
    return 0;
}

int mongo_load(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
               struct ev_arena *arena, struct ev_error *error)
{
    struct mongo_found found = {.each = load_each, .mongo = mongo_of(sink), .view = view, .arena = arena};
    struct ev_sink_document **wanted = ev_arena_new_array(arena, struct ev_sink_document *, count);
    for (size_t i = 0; i < count; i++) {
        wanted[i] = &documents[i];
        documents[i].meta = (struct ev_document_meta){.offset = -1};
        documents[i].deleted = documents[i].unreadable = false;
        documents[i].body = EV_STR_NULL;
    }
    for (size_t at = 0; at < count; at += MONGO_BULK_DOCUMENTS_MAX) {
        size_t some = count - at < MONGO_BULK_DOCUMENTS_MAX ? count - at : MONGO_BULK_DOCUMENTS_MAX;
        int r = mongo_find(&found, wanted + at, some, NULL, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int mongo_scan(struct ev_sink *sink, const struct ev_view *view,
               int (*each)(void *context, const struct ev_sink_document *document), void *context,
               struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    _cleanup_collection_ mongoc_collection_t *collection = mongo_documents(mongo, view);
    _cleanup_bson_ bson_t *filter = bson_new();
    _cleanup_bson_ bson_t *options = BCON_NEW("batchSize", BCON_INT32(MONGO_SCAN_BATCH));
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, options, NULL);
    const bson_t *stored;
    bson_error_t fault = {0};
    int r = 0;
    while (r == 0 && mongoc_cursor_next(cursor, &stored)) {
        struct ev_sink_document document = {.key = document_key(stored), .previous_offset = -1};
        ev_arena_reset(&arena);
        document_read(mongo, view, stored, &arena, &document);
        r = each(context, &document);
    }
    if (r == 0 && mongoc_cursor_error(cursor, &fault))
        r = mongo_fault(&fault, "scan a collection", error);
    ev_arena_finish(&arena);
    return r;
}

/* One bulk: inserts, then replaces, because the driver makes one command of each run of the same kind. `order` says
 * which document an index in the server's reply means. */
struct mongo_bulk {
    struct mongo_sink *mongo;
    const struct ev_view *view;
    struct ev_sink_document *order[MONGO_BULK_DOCUMENTS_MAX];
    size_t count;
};

bson_t *mongo_document_bson(const struct ev_view *view, const struct ev_sink_document *document, struct ev_arena *arena,
                            struct ev_error *error)
{
    bson_t *bson = bson_sized_new(256 + document->body.length * 2);
    bson_append_utf8(bson, "_id", 3, document->key.data, (int)document->key.length);
    BSON_APPEND_INT64(bson, "_offset", document->meta.offset);
    BSON_APPEND_INT32(bson, "_partition", document->meta.partition);
    BSON_APPEND_INT64(bson, "_sequence", document->meta.sequence);
    if (document->deleted) {
        BSON_APPEND_BOOL(bson, "_deleted", true);
        return bson;
    }
    void *value = ev_arena_alloc(arena, view->document->size);
    if (ev_record_decode(view->document, document->body, arena, value, error) < 0) {
        bson_destroy(bson);
        return NULL;
    }
    sink_bson_append(view->document, value, bson);
    return bson;
}

/* Queues one write; a document that can't be one is FAILED and isn't in the bulk. */
static void bulk_add(mongoc_bulk_operation_t *operation, struct mongo_bulk *bulk, struct ev_sink_document *document,
                     struct ev_arena *arena)
{
    ev_arena_reset(arena);
    bson_error_t fault = {0};
    _cleanup_bson_ bson_t *bson = mongo_document_bson(bulk->view, document, arena, &document->error);
    document->result = EV_WRITE_FAILED;
    if (!bson)
        return;
    if (bson->len > MONGO_DOCUMENT_BYTES_MAX) {
        ev_error_set(&document->error, EV_ERR_LIMIT, "the document has %u bytes as BSON, more than MongoDB takes",
                     (unsigned)bson->len);
        return;
    }
    bool queued;
    if (document->previous_offset < 0) {
        queued = mongoc_bulk_operation_insert_with_opts(operation, bson, NULL, &fault);
    } else {
        _cleanup_bson_ bson_t *guard = bson_new();
        bson_append_utf8(guard, "_id", 3, document->key.data, (int)document->key.length);
        BSON_APPEND_INT64(guard, "_offset", document->previous_offset);
        queued = mongoc_bulk_operation_replace_one_with_opts(operation, guard, bson, NULL, &fault);
    }
    if (!queued) {
        ev_error_set(&document->error, EV_ERR_INVALID, "%s", fault.message);
        return;
    }
    document->result = EV_WRITE_DONE; /* until the server says otherwise */
    bulk->order[bulk->count++] = document;
}

static int64_t reply_count(const bson_t *reply, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, reply, name) ? bson_iter_as_int64(&iter) : 0;
}

static bool reply_has_items(const bson_t *reply, const char *name)
{
    bson_iter_t iter, items;
    return bson_iter_init_find(&iter, reply, name) && bson_iter_recurse(&iter, &items) && bson_iter_next(&items);
}

static void bulk_take_error(struct mongo_bulk *bulk, bson_iter_t *item)
{
    int64_t index = -1, code = 0;
    const char *text = "";
    while (bson_iter_next(item)) {
        if (strcmp(bson_iter_key(item), "index") == 0)
            index = bson_iter_as_int64(item);
        else if (strcmp(bson_iter_key(item), "code") == 0)
            code = bson_iter_as_int64(item);
        else if (strcmp(bson_iter_key(item), "errmsg") == 0 && BSON_ITER_HOLDS_UTF8(item))
            text = bson_iter_utf8(item, NULL);
    }
    if (index < 0 || (size_t)index >= bulk->count)
        return;
    struct ev_sink_document *document = bulk->order[index];
    if (code == MONGO_DUPLICATE_KEY) {
        document->result = EV_WRITE_STALE;
        return;
    }
    document->result = mongo_code_is_permanent(code) ? EV_WRITE_FAILED : EV_WRITE_BUSY;
    document->error.retriable = document->result == EV_WRITE_BUSY;
    document->error.code = EV_ERR_UNAVAILABLE;
    snprintf(document->error.message, sizeof(document->error.message), "MongoDB refuses %.*s: %s (code %d)",
             EV_STR_ARG(document->key), text, (int)code);
}

static size_t bulk_take_errors(struct mongo_bulk *bulk, const bson_t *reply)
{
    bson_iter_t iter, errors, item;
    size_t count = 0;
    if (!bson_iter_init_find(&iter, reply, "writeErrors") || !bson_iter_recurse(&iter, &errors))
        return 0;
    while (bson_iter_next(&errors)) {
        count++;
        if (bson_iter_recurse(&errors, &item))
            bulk_take_error(bulk, &item);
    }
    return count;
}

static int verify_each(struct mongo_found *found, const bson_t *stored, struct ev_sink_document *document,
                       struct ev_error *error)
{
    (void)found;
    (void)error;
    bson_iter_t iter;
    if (bson_iter_init_find(&iter, stored, "_offset") && bson_iter_as_int64(&iter) == document->meta.offset)
        document->result = EV_WRITE_DONE;
    return 0;
}

/* A reply says how many documents matched their guards, not which: what wasn't refused is looked up. */
static int bulk_verify(struct mongo_bulk *bulk, struct ev_error *error)
{
    struct ev_sink_document *doubtful[MONGO_BULK_DOCUMENTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < bulk->count; i++) {
        if (bulk->order[i]->result != EV_WRITE_DONE)
            continue;
        bulk->order[i]->result = EV_WRITE_STALE;
        doubtful[count++] = bulk->order[i];
    }
    if (count == 0)
        return 0;
    struct mongo_found found = {.each = verify_each, .mongo = bulk->mongo, .view = bulk->view};
    _cleanup_bson_ bson_t *options = BCON_NEW("projection", "{", "_offset", BCON_INT32(1), "}");
    return mongo_find(&found, doubtful, count, options, error);
}

static int bulk_execute(mongoc_bulk_operation_t *operation, struct mongo_bulk *bulk, struct ev_error *error)
{
    bson_t reply;
    bson_error_t fault = {0};
    bool done = mongoc_bulk_operation_execute(operation, &reply, &fault) != 0;
    int r = 0;
    size_t refused = bulk_take_errors(bulk, &reply);
    if ((!done && refused == 0) || reply_has_items(&reply, "writeConcernErrors"))
        r = mongo_fault(&fault, "write documents", error);
    else if ((size_t)(reply_count(&reply, "nInserted") + reply_count(&reply, "nMatched")) + refused != bulk->count)
        r = bulk_verify(bulk, error);
    bson_destroy(&reply);
    return r;
}

/* Writes documents from *at on, as many as one bulk takes. */
static int mongo_write_some(struct mongo_bulk *bulk, struct ev_sink_document *documents, size_t count, size_t *at,
                            struct ev_error *error)
{
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    _cleanup_collection_ mongoc_collection_t *collection = mongo_documents(bulk->mongo, bulk->view);
    _cleanup_bson_ bson_t *unordered = BCON_NEW("ordered", BCON_BOOL(false));
    mongoc_bulk_operation_t *operation = mongoc_collection_create_bulk_operation_with_opts(collection, unordered);
    size_t begin = *at, end = begin;
    for (size_t estimate = 0; end < count && end - begin < MONGO_BULK_DOCUMENTS_MAX; end++) {
        estimate += documents[end].body.length;
        if (end > begin && estimate > MONGO_BULK_BYTES_MAX)
            break;
    }
    bulk->count = 0;
    for (size_t i = begin; i < end; i++)
        if (documents[i].previous_offset < 0)
            bulk_add(operation, bulk, &documents[i], &arena);
    for (size_t i = begin; i < end; i++)
        if (documents[i].previous_offset >= 0)
            bulk_add(operation, bulk, &documents[i], &arena);
    *at = end;
    int r = bulk->count ? bulk_execute(operation, bulk, error) : 0;
    mongoc_bulk_operation_destroy(operation);
    ev_arena_finish(&arena);
    return r;
}

int mongo_write(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                struct ev_error *error)
{
    struct mongo_bulk bulk = {.mongo = mongo_of(sink), .view = view};
    for (size_t at = 0; at < count;) {
        int r = mongo_write_some(&bulk, documents, count, &at, error);
        if (r < 0)
            return r;
    }
    return 0;
}
