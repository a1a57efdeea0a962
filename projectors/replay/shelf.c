#include "replay/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"

#define PATH_LENGTH_MAX 4096
#define FILE_MODE 0600
#define DOCUMENT_COST 128 /* of the block, the map's slot and its copy of the key */

struct shelf_document {
    struct ev_document_meta meta;
    bool deleted;
    uint32_t key_length, body_length;
    struct shelf_document *newer, *older;
    char bytes[]; /* key, NUL, body */
};

/* How a document lies in the file, before its body. */
struct shelf_head {
    struct ev_document_meta meta;
    bool deleted;
};

static struct shelf *shelf_of(struct ev_sink *sink)
{
    return (struct shelf *)sink;
}

static struct ev_str key_of(const struct shelf_document *document)
{
    return (struct ev_str){document->bytes, document->key_length};
}

static size_t cost_of(size_t key_length, size_t body_length)
{
    return sizeof(struct shelf_document) + DOCUMENT_COST + 2 * key_length + body_length;
}

/* --- memory --- */

static void unlink_document(struct shelf *shelf, struct shelf_document *document)
{
    *(document->newer ? &document->newer->older : &shelf->newest) = document->older;
    *(document->older ? &document->older->newer : &shelf->oldest) = document->newer;
}

static void forget_document(struct shelf *shelf, struct shelf_document *document)
{
    unlink_document(shelf, document);
    shelf->bytes -= cost_of(document->key_length, document->body_length);
    ev_map_remove(&shelf->by_key, key_of(document));
    free(document);
}

static void keep_document(struct shelf *shelf, const struct ev_sink_document *from)
{
    struct shelf_document *old = ev_map_get(&shelf->by_key, from->key);
    if (old)
        forget_document(shelf, old);
    struct shelf_document *kept = ev_memory_alloc(sizeof(*kept) + from->key.length + 1 + from->body.length);
    *kept = (struct shelf_document){
        .meta = from->meta,
        .deleted = from->deleted,
        .key_length = (uint32_t)from->key.length,
        .body_length = (uint32_t)from->body.length,
        .older = shelf->newest,
    };
    memcpy(kept->bytes, from->key.data, from->key.length);
    kept->bytes[from->key.length] = '\0';
    if (from->body.length)
        memcpy(kept->bytes + from->key.length + 1, from->body.data, from->body.length);
    *(shelf->newest ? &shelf->newest->newer : &shelf->oldest) = kept;
    shelf->newest = kept;
    shelf->bytes += cost_of(from->key.length, from->body.length);
    ev_map_put(&shelf->by_key, key_of(kept), kept);
}

static void describe(const struct shelf_document *document, struct ev_sink_document *ret)
{
    ret->meta = document->meta;
    ret->deleted = document->deleted;
    ret->body = (struct ev_str){document->bytes + document->key_length + 1, document->body_length};
}

/* --- the file --- */

static int file_fault(int fault, const char *what, struct ev_error *error)
{
    if (fault == MDB_MAP_FULL)
        return ev_error_set(error, EV_ERR_LIMIT, "the documents don't fit the replay's scratch file");
    return ev_error_set(error, EV_ERR_INTERNAL, "the replay's scratch file: can't %s: %s", what, mdb_strerror(fault));
}

/* The file loses its name at once. Nothing in it outlives the process, so nothing is synced. */
static int file_open(struct shelf *shelf, struct ev_error *error)
{
    char path[PATH_LENGTH_MAX];
    MDB_txn *txn;
    if (shelf->env)
        return 0;
    if ((size_t)snprintf(path, sizeof(path), "%s/shelf-%d-%p", shelf->directory, (int)getpid(), (void *)shelf) >=
        sizeof(path))
        return ev_error_set(error, EV_ERR_INVALID, "the name of the scratch directory is too long");
    int fault = mdb_env_create(&shelf->env);
    if (fault)
        return file_fault(fault, "begin", error);
    fault = mdb_env_set_mapsize(shelf->env, SHELF_FILE_BYTES_MAX);
    if (!fault)
        fault = mdb_env_open(shelf->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NORDAHEAD, FILE_MODE);
    unlink(path);
    if (!fault)
        fault = mdb_txn_begin(shelf->env, NULL, 0, &txn);
    if (!fault && (fault = mdb_dbi_open(txn, NULL, 0, &shelf->dbi)) == 0)
        fault = mdb_txn_commit(txn);
    return fault ? file_fault(fault, "open it", error) : 0;
}

static int file_put(MDB_txn *txn, MDB_dbi dbi, const struct shelf_document *document)
{
    const struct shelf_head head = {.meta = document->meta, .deleted = document->deleted};
    MDB_val key = {document->key_length, (void *)(uintptr_t)document->bytes};
    MDB_val value = {sizeof(head) + document->body_length, NULL};
    int fault = mdb_put(txn, dbi, &key, &value, MDB_RESERVE);
    if (fault)
        return fault;
    memcpy(value.mv_data, &head, sizeof(head));
    memcpy((char *)value.mv_data + sizeof(head), document->bytes + document->key_length + 1, document->body_length);
    return 0;
}

static void file_describe(const MDB_val *value, struct ev_sink_document *ret)
{
    struct shelf_head head;
    memcpy(&head, value->mv_data, sizeof(head));
    ret->meta = head.meta;
    ret->deleted = head.deleted;
    ret->body = (struct ev_str){(const char *)value->mv_data + sizeof(head), value->mv_size - sizeof(head)};
}

/* Those touched longest ago go to the file until there is room again. */
static int spill(struct shelf *shelf, struct ev_error *error)
{
    MDB_txn *txn;
    int r = file_open(shelf, error);
    if (r < 0)
        return r;
    int fault = mdb_txn_begin(shelf->env, NULL, 0, &txn);
    if (fault)
        return file_fault(fault, "spill", error);
    size_t keep = shelf->bytes_max / 100 * (100 - SHELF_SPILL_PERCENT), left = shelf->bytes;
    struct shelf_document *document = shelf->oldest;
    for (; document && left > keep && !fault; document = document->newer) {
        fault = file_put(txn, shelf->dbi, document);
        left -= cost_of(document->key_length, document->body_length);
        shelf->spilled++;
    }
    if (fault) {
        mdb_txn_abort(txn);
        return file_fault(fault, "spill", error);
    }
    fault = mdb_txn_commit(txn);
    if (fault)
        return file_fault(fault, "spill", error);
    while (shelf->oldest != document)
        forget_document(shelf, shelf->oldest);
    return 0;
}

/* Those that memory hasn't, into the arena. */
static int file_load(struct shelf *shelf, struct ev_sink_document *documents, size_t count, struct ev_arena *arena,
                     struct ev_error *error)
{
    MDB_txn *txn;
    int fault = mdb_txn_begin(shelf->env, NULL, MDB_RDONLY, &txn);
    if (fault)
        return file_fault(fault, "read", error);
    for (size_t i = 0; i < count && !fault; i++) {
        MDB_val key = {documents[i].key.length, (void *)(uintptr_t)documents[i].key.data}, value;
        if (documents[i].meta.offset >= 0)
            continue;
        fault = mdb_get(txn, shelf->dbi, &key, &value);
        if (!fault) {
            file_describe(&value, &documents[i]);
            documents[i].body = ev_arena_copy(arena, documents[i].body);
        }
        fault = fault == MDB_NOTFOUND ? 0 : fault;
    }
    mdb_txn_abort(txn);
    return fault ? file_fault(fault, "read", error) : 0;
}

static int file_each(struct shelf *shelf, int (*each)(void *context, const struct ev_sink_document *document),
                     void *context, struct ev_error *error)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int r = 0, fault = mdb_txn_begin(shelf->env, NULL, MDB_RDONLY, &txn);
    if (fault)
        return file_fault(fault, "read", error);
    fault = mdb_cursor_open(txn, shelf->dbi, &cursor);
    while (!fault && r == 0 && (fault = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        char text[EV_VIEW_KEY_MAX + 1];
        size_t length = key.mv_size < EV_VIEW_KEY_MAX ? key.mv_size : EV_VIEW_KEY_MAX;
        struct ev_sink_document document = {.key = {text, length}, .previous_offset = -1};
        memcpy(text, key.mv_data, length);
        text[length] = '\0';
        if (ev_map_get(&shelf->by_key, document.key))
            continue; /* memory has a newer one */
        file_describe(&value, &document);
        r = each(context, &document);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return fault && fault != MDB_NOTFOUND ? file_fault(fault, "read", error) : r;
}

/* --- the sink --- */

static int shelf_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    (void)sink;
    (void)view;
    (void)error;
    return 0;
}

static int shelf_load(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents,
                      size_t count, struct ev_arena *arena, struct ev_error *error)
{
    struct shelf *shelf = shelf_of(sink);
    (void)view;
    for (size_t i = 0; i < count; i++) {
        const struct shelf_document *kept = ev_map_get(&shelf->by_key, documents[i].key);
        documents[i].meta = (struct ev_document_meta){.offset = -1};
        documents[i].deleted = false;
        documents[i].body = EV_STR_NULL;
        if (kept) {
            describe(kept, &documents[i]);
            documents[i].body = ev_arena_copy(arena, documents[i].body);
        }
    }
    return shelf->env ? file_load(shelf, documents, count, arena, error) : 0;
}

static int shelf_write(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents,
                       size_t count, struct ev_error *error)
{
    struct shelf *shelf = shelf_of(sink);
    (void)view;
    for (size_t i = 0; i < count; i++) {
        shelf->documents += documents[i].previous_offset < 0;
        keep_document(shelf, &documents[i]);
        documents[i].result = EV_WRITE_DONE;
        int r = shelf->bytes > shelf->bytes_max ? spill(shelf, error) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int shelf_load_checkpoint(struct ev_sink *sink, const struct ev_view *view, int32_t partition,
                                 struct ev_checkpoint *ret, struct ev_error *error)
{
    const struct shelf *shelf = shelf_of(sink);
    (void)view;
    if (!shelf->has_checkpoint || shelf->checkpoint.cursor.partition != partition)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no checkpoint");
    *ret = shelf->checkpoint;
    return 0;
}

static int shelf_save_checkpoints(struct ev_sink *sink, const struct ev_view *view,
                                  const struct ev_checkpoint *checkpoints, size_t count, struct ev_error *error)
{
    struct shelf *shelf = shelf_of(sink);
    (void)view;
    if (count > 1)
        return ev_error_set(error, EV_ERR_INTERNAL, "a shelf is one partition's");
    if (count == 1)
        shelf->checkpoint = checkpoints[0];
    shelf->has_checkpoint = shelf->has_checkpoint || count == 1;
    return 0;
}

static int shelf_remove_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                               struct ev_error *error)
{
    struct shelf *shelf = shelf_of(sink);
    (void)view;
    (void)error;
    for (size_t i = 0; i < shelf->parked_count; i++) {
        if (!ev_str_equal(shelf->parked[i].key, parked->key))
            continue;
        free((void *)(uintptr_t)shelf->parked[i].key.data);
        shelf->parked[i] = shelf->parked[--shelf->parked_count];
        break;
    }
    return 0;
}

static int shelf_save_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                             struct ev_error *error)
{
    struct shelf *shelf = shelf_of(sink);
    shelf_remove_parked(sink, view, parked, error);
    if (shelf->parked_count == SHELF_PARKED_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a replay of view %s parks more than %d documents; last: %s",
                            view->name, SHELF_PARKED_MAX, parked->cause);
    if (!shelf->parked)
        shelf->parked = ev_memory_alloc_array(SHELF_PARKED_MAX, sizeof(*shelf->parked));
    struct ev_parked *kept = &shelf->parked[shelf->parked_count++];
    *kept = *parked;
    kept->key = (struct ev_str){ev_memory_copy(parked->key.data, parked->key.length), parked->key.length};
    return 0;
}

/* Operators ask nothing of a replay that way. */
static int shelf_load_control(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret,
                              struct ev_error *error)
{
    (void)sink;
    (void)view;
    (void)error;
    *ret = (struct ev_control){0};
    return 0;
}

static int shelf_load_parked(struct ev_sink *sink, const struct ev_view *view,
                             int (*each)(void *context, const struct ev_parked *parked), void *context,
                             struct ev_error *error)
{
    const struct shelf *shelf = shelf_of(sink);
    int r = 0;
    (void)view;
    (void)error;
    for (size_t i = 0; i < shelf->parked_count && r == 0; i++)
        r = each(context, &shelf->parked[i]);
    for (size_t i = 0; i < shelf->skipped_count && r == 0; i++)
        r = each(context, &shelf->skipped[i]);
    return r;
}

static int shelf_scan(struct ev_sink *sink, const struct ev_view *view,
                      int (*each)(void *context, const struct ev_sink_document *document), void *context,
                      struct ev_error *error)
{
    (void)view;
    return shelf_each(shelf_of(sink), each, context, error);
}

int shelf_each(struct shelf *shelf, int (*each)(void *context, const struct ev_sink_document *document), void *context,
               struct ev_error *error)
{
    int r = shelf->env ? file_each(shelf, each, context, error) : 0;
    for (const struct shelf_document *kept = shelf->oldest; kept && r == 0; kept = kept->newer) {
        struct ev_sink_document document = {.key = key_of(kept), .previous_offset = -1};
        describe(kept, &document);
        r = each(context, &document);
    }
    return r;
}

static void shelf_destroy(struct ev_sink *sink)
{
    (void)sink; /* it is part of its owner */
}

void shelf_init(struct shelf *shelf, size_t bytes_max, const char *directory)
{
    *shelf = (struct shelf){
        .sink = {.name = "shelf",
                 .flush_interval_ms = INT64_MAX / 4, /* once, at the end */
                 .prepare = shelf_prepare,
                 .load = shelf_load,
                 .write = shelf_write,
                 .flush = shelf_prepare,
                 .load_checkpoint = shelf_load_checkpoint,
                 .save_checkpoints = shelf_save_checkpoints,
                 .save_parked = shelf_save_parked,
                 .load_parked = shelf_load_parked,
                 .remove_parked = shelf_remove_parked,
                 .load_control = shelf_load_control,
                 .scan = shelf_scan,
                 .reset = shelf_prepare,
                 .destroy = shelf_destroy},
        .bytes_max = bytes_max,
        .directory = directory,
    };
    ev_map_init(&shelf->by_key);
}

void shelf_finish(struct shelf *shelf)
{
    while (shelf->oldest)
        forget_document(shelf, shelf->oldest);
    ev_map_finish(&shelf->by_key);
    if (shelf->env)
        mdb_env_close(shelf->env);
    for (size_t i = 0; i < shelf->parked_count; i++)
        free((void *)(uintptr_t)shelf->parked[i].key.data);
    free(shelf->parked);
    *shelf = (struct shelf){0};
}
