/* Generations in MongoDB: a row each in `_generations`, the live one's name in `_views`. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "sinks/generations.h"
#include "sinks/mongo_internal.h"

#define MONGO_NAMESPACE_NOT_FOUND 26
#define MONGO_DUPLICATE_KEY 11000

static struct ev_str text_of(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    uint32_t length = 0;
    if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_UTF8(&iter))
        return EV_STR("");
    const char *text = bson_iter_utf8(&iter, &length);
    return (struct ev_str){text, length};
}

static int64_t int64_of(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, name) ? bson_iter_as_int64(&iter) : 0;
}

static void take_text(char *to, size_t size, const bson_t *document, const char *name)
{
    struct ev_str text = text_of(document, name);
    snprintf(to, size, "%.*s", EV_STR_ARG(text));
}

static void take_row(const bson_t *row, struct generation *ret)
{
    *ret = (struct generation){
        .version = (int)int64_of(row, "version"),
        .number = (int)int64_of(row, "generation"),
        .state = generation_state_parse(text_of(row, "state")),
        .heartbeat_ms = int64_of(row, "heartbeat_ms"),
        .created_at_ms = int64_of(row, "created_at_ms"),
        .retired_at_ms = int64_of(row, "retired_at_ms"),
    };
    take_text(ret->view, sizeof(ret->view), row, "view");
    take_text(ret->fingerprint, sizeof(ret->fingerprint), row, "fingerprint");
    take_text(ret->owner, sizeof(ret->owner), row, "owner");
}

static bson_t *row_of(const struct generation *generation)
{
    char id[GENERATION_NAME_MAX];
    generation_name('_', generation->view, generation->version, generation->number, id);
    return BCON_NEW("_id", BCON_UTF8(id), "view", BCON_UTF8(generation->view), "version",
                    BCON_INT32(generation->version), "generation", BCON_INT32(generation->number), "state",
                    BCON_UTF8(generation_state_text(generation->state)), "fingerprint",
                    BCON_UTF8(generation->fingerprint), "owner", BCON_UTF8(generation->owner), "heartbeat_ms",
                    BCON_INT64(generation->heartbeat_ms), "created_at_ms", BCON_INT64(generation->created_at_ms),
                    "retired_at_ms", BCON_INT64(generation->retired_at_ms));
}

static bson_t *id_filter(const struct generation *generation)
{
    char id[GENERATION_NAME_MAX];
    generation_name('_', generation->view, generation->version, generation->number, id);
    return BCON_NEW("_id", BCON_UTF8(id));
}

static void collection_name_of(const struct mongo_sink *mongo, const struct generation *generation,
                               char ret[MONGO_NAME_MAX])
{
    char name[GENERATION_NAME_MAX];
    generation_name('_', generation->view, generation->version, generation->number, name);
    snprintf(ret, MONGO_NAME_MAX, "%s%s", mongo->prefix, name);
}

/* 1: found; 0: there is none. */
static int find_one(struct mongo_sink *mongo, const char *collection, const bson_t *filter,
                    void (*take)(const bson_t *document, struct generation *ret), struct generation *ret,
                    struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *from = mongo_collection(mongo, collection);
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(from, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t fault = {0};
    if (mongoc_cursor_next(cursor, &document)) {
        take(document, ret);
        return 1;
    }
    return mongoc_cursor_error(cursor, &fault) ? mongo_fault(&fault, "read generations", error) : 0;
}

/* Rows written before there were generations name none: the first. */
static void take_pointer(const bson_t *document, struct generation *ret)
{
    *ret = (struct generation){
        .version = (int)int64_of(document, "live"), .number = (int)int64_of(document, "generation"), .live = true};
    ret->number = ret->number > 0 ? ret->number : 1;
    take_text(ret->view, sizeof(ret->view), document, "_id");
}

static int read_pointer(struct mongo_sink *mongo, const char *view, struct generation *ret, struct ev_error *error)
{
    _cleanup_bson_ bson_t *filter = BCON_NEW("_id", BCON_UTF8(view));
    return find_one(mongo, "_views", filter, take_pointer, ret, error);
}

static int insert_row(struct mongo_sink *mongo, const struct generation *generation, struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *rows = mongo_collection(mongo, "_generations");
    _cleanup_bson_ bson_t *row = row_of(generation);
    bson_error_t fault = {0};
    if (mongoc_collection_insert_one(rows, row, NULL, NULL, &fault))
        return 0;
    if (fault.code == MONGO_DUPLICATE_KEY)
        return ev_error_set(error, EV_ERR_CONFLICT, "generation %d of view %s is there already", generation->number,
                            generation->view);
    return mongo_fault(&fault, "write down a generation", error);
}

/* --- what a sink stands on --- */

/* The first one of a view is live at once; later ones are made so by whoever proved them. */
static int point_to_first(struct mongo_sink *mongo, const struct ev_view *view, struct ev_error *error)
{
    char name[MONGO_NAME_MAX];
    mongo_collection_name(mongo, view, name);
    _cleanup_collection_ mongoc_collection_t *views = mongo_collection(mongo, "_views");
    _cleanup_bson_ bson_t *document =
        BCON_NEW("_id", BCON_UTF8(view->name), "live", BCON_INT32(view->version), "generation",
                 BCON_INT32(mongo->sink.generation), "collection", BCON_UTF8(name));
    bson_error_t fault = {0};
    if (mongoc_collection_insert_one(views, document, NULL, NULL, &fault) || fault.code == MONGO_DUPLICATE_KEY)
        return 0;
    return mongo_fault(&fault, "name the live version", error);
}

/* Makes the row of a live generation that has none, and compares or fills in the fingerprint. */
static int settle_row(struct mongo_sink *mongo, const struct ev_view *view, bool live, struct ev_error *error)
{
    struct generation row,
        own = {.version = view->version, .number = mongo->sink.generation, .state = GENERATION_READY};
    const char *fingerprint = mongo->sink.fingerprint;
    snprintf(own.view, sizeof(own.view), "%s", view->name);
    snprintf(own.fingerprint, sizeof(own.fingerprint), "%s", fingerprint ? fingerprint : "");
    own.created_at_ms = ev_clock_wall_ms(&ev_clock_system);
    _cleanup_bson_ bson_t *filter = id_filter(&own);
    int r = find_one(mongo, "_generations", filter, take_row, &row, error);
    if (r < 0)
        return r;
    if (r == 0 && !live)
        return ev_error_set(error, EV_ERR_CONFLICT, "generation %d of view %s, version %d, was dropped from MongoDB",
                            own.number, view->name, view->version);
    if (r == 0) {
        r = insert_row(mongo, &own, error);
        return r == EV_ERR_CONFLICT ? 0 : r; /* another process did it just now */
    }
    if (row.state == GENERATION_DROPPING && !live)
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "generation %d of view %s, version %d, is being dropped from "
                            "MongoDB",
                            own.number, view->name, view->version);
    if (!fingerprint || strcmp(fingerprint, row.fingerprint) == 0)
        return 0;
    if (row.fingerprint[0])
        return generation_refuse_fingerprint(view, "MongoDB", row.fingerprint, fingerprint, error);
    snprintf(row.fingerprint, sizeof(row.fingerprint), "%s", fingerprint);
    return mongo_generations.save(&mongo->sink, &row, error);
}

int mongo_settle_generation(struct mongo_sink *mongo, const struct ev_view *view, bool *ret_live,
                            struct ev_error *error)
{
    struct generation pointer;
    int r = read_pointer(mongo, view->name, &pointer, error);
    if (r < 0)
        return r;
    bool pointed = r > 0, of_version = pointed && pointer.version == view->version;
    if (mongo->sink.generation == 0)
        mongo->sink.generation = of_version ? pointer.number : 1;
    *ret_live = !pointed || (of_version && pointer.number == mongo->sink.generation);
    r = settle_row(mongo, view, *ret_live, error);
    return r < 0 || pointed ? r : point_to_first(mongo, view, error);
}

/* --- the port --- */

struct listing {
    const struct generation *pointer; /* NULL: none */
    struct generation *ret;
    size_t count;
};

static int listing_add(struct listing *listing, const struct generation *generation, struct ev_error *error)
{
    if (generations_find(listing->ret, listing->count, generation->version, generation->number))
        return 0;
    if (listing->count == GENERATIONS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "view %s has more than %d generations in MongoDB", generation->view,
                            GENERATIONS_MAX);
    struct generation *added = &listing->ret[listing->count++];
    *added = *generation;
    const struct generation *pointer = listing->pointer;
    added->live = pointer && pointer->version == added->version && pointer->number == added->number;
    if (added->live)
        added->state = GENERATION_READY;
    return 0;
}

static int list_rows(struct mongo_sink *mongo, const char *view, struct listing *listing, struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *rows = mongo_collection(mongo, "_generations");
    _cleanup_bson_ bson_t *filter = BCON_NEW("view", BCON_UTF8(view));
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(rows, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t fault = {0};
    int r = 0;
    while (r >= 0 && mongoc_cursor_next(cursor, &document)) {
        struct generation row;
        take_row(document, &row);
        r = listing_add(listing, &row, error);
    }
    return r >= 0 && mongoc_cursor_error(cursor, &fault) ? mongo_fault(&fault, "read generations", error) : r;
}

static int list_collections(struct mongo_sink *mongo, const char *view, struct listing *listing, struct ev_error *error)
{
    bson_error_t fault = {0};
    mongoc_database_t *database = mongoc_client_get_database(mongo->client, mongo->database);
    char **names = mongoc_database_get_collection_names_with_opts(database, NULL, &fault);
    int r = names ? 0 : mongo_fault(&fault, "list collections", error);
    size_t prefix = strlen(mongo->prefix);
    for (size_t i = 0; r >= 0 && names[i]; i++) {
        struct generation found = {.state = GENERATION_BUILDING};
        if (strncmp(names[i], mongo->prefix, prefix) != 0 ||
            !generation_name_parse('_', view, ev_str_of(names[i] + prefix), &found.version, &found.number))
            continue;
        snprintf(found.view, sizeof(found.view), "%s", view);
        r = listing_add(listing, &found, error);
    }
    bson_strfreev(names);
    mongoc_database_destroy(database);
    return r;
}

static int list(struct ev_sink *sink, const char *view, struct generation ret[GENERATIONS_MAX], size_t *ret_count,
                struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    struct generation pointer;
    int r = read_pointer(mongo, view, &pointer, error);
    struct listing listing = {.pointer = r > 0 ? &pointer : NULL, .ret = ret};
    if (r >= 0)
        r = list_rows(mongo, view, &listing, error);
    if (r >= 0)
        r = list_collections(mongo, view, &listing, error);
    if (r >= 0 && listing.pointer)
        r = listing_add(&listing, &pointer, error);
    generations_sort(ret, listing.count);
    *ret_count = listing.count;
    return r < 0 ? r : 0;
}

static int create(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    char collection[MONGO_NAME_MAX];
    int r = insert_row(mongo, generation, error);
    if (r < 0)
        return r;
    collection_name_of(mongo, generation, collection);
    r = mongo_prepare_collection(mongo, generation->view, collection, false, error);
    return r < 0 ? r : 0;
}

static int loaded(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    char collection[MONGO_NAME_MAX];
    collection_name_of(mongo_of(sink), generation, collection);
    int r = mongo_prepare_collection(mongo_of(sink), generation->view, collection, true, error);
    return r < 0 ? r : 0;
}

static int save(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    _cleanup_collection_ mongoc_collection_t *rows = mongo_collection(mongo_of(sink), "_generations");
    _cleanup_bson_ bson_t *filter = id_filter(generation);
    _cleanup_bson_ bson_t *row = row_of(generation);
    bson_t reply;
    bson_error_t fault = {0};
    bool done = mongoc_collection_replace_one(rows, filter, row, NULL, &reply, &fault);
    int64_t matched = done ? int64_of(&reply, "matchedCount") : 0;
    bson_destroy(&reply);
    if (!done)
        return mongo_fault(&fault, "write down a generation", error);
    return matched ? 0
                   : ev_error_set(error, EV_ERR_NOT_FOUND, "generation %d of view %s is gone from MongoDB",
                                  generation->number, generation->view);
}

static int make_live(struct ev_sink *sink, const struct generation *from, const struct generation *to,
                     struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    char name[MONGO_NAME_MAX];
    collection_name_of(mongo, to, name);
    _cleanup_collection_ mongoc_collection_t *views = mongo_collection(mongo, "_views");
    _cleanup_bson_ bson_t *filter = BCON_NEW("_id", BCON_UTF8(from->view), "live", BCON_INT32(from->version));
    if (from->number > 1)
        BSON_APPEND_INT32(filter, "generation", from->number);
    else /* a row from before there were generations has no such field */
        BCON_APPEND(filter, "generation", "{", "$in", "[", BCON_INT32(1), BCON_NULL, "]", "}");
    _cleanup_bson_ bson_t *document =
        BCON_NEW("_id", BCON_UTF8(to->view), "live", BCON_INT32(to->version), "generation", BCON_INT32(to->number),
                 "collection", BCON_UTF8(name), "swapped_at_ms", BCON_INT64(ev_clock_wall_ms(&ev_clock_system)));
    bson_t reply;
    bson_error_t fault = {0};
    bool done = mongoc_collection_replace_one(views, filter, document, NULL, &reply, &fault);
    int64_t matched = done ? int64_of(&reply, "matchedCount") : 0;
    bson_destroy(&reply);
    if (!done)
        return mongo_fault(&fault, "move the live pointer", error);
    return matched ? 0
                   : ev_error_set(error, EV_ERR_CONFLICT, "another generation of view %s became live in MongoDB",
                                  from->view);
}

static int drop(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    char name[MONGO_NAME_MAX];
    bson_error_t fault = {0};
    generation_name('_', generation->view, generation->version, generation->number, name);
    _cleanup_collection_ mongoc_collection_t *documents = mongo_collection(mongo, name);
    /* Older servers give the words and no code. */
    if (!mongoc_collection_drop(documents, &fault) && fault.code != MONGO_NAMESPACE_NOT_FOUND &&
        strcmp(fault.message, "ns not found") != 0)
        return mongo_fault(&fault, "drop a collection", error);
    int r = mongo_forget_view(mongo, name, error);
    if (r < 0)
        return r;
    _cleanup_collection_ mongoc_collection_t *rows = mongo_collection(mongo, "_generations");
    _cleanup_bson_ bson_t *filter = id_filter(generation);
    return mongoc_collection_delete_one(rows, filter, NULL, NULL, &fault)
               ? 0
               : mongo_fault(&fault, "forget a generation", error);
}

static int measure(struct ev_sink *sink, const struct generation *generation, int64_t *ret_documents,
                   int64_t *ret_position, struct ev_error *error)
{
    struct mongo_sink *mongo = mongo_of(sink);
    char name[MONGO_NAME_MAX];
    bson_error_t fault = {0};
    generation_name('_', generation->view, generation->version, generation->number, name);
    _cleanup_collection_ mongoc_collection_t *documents = mongo_collection(mongo, name);
    *ret_position = 0;
    *ret_documents = mongoc_collection_estimated_document_count(documents, NULL, NULL, NULL, &fault);
    if (*ret_documents < 0)
        return mongo_fault(&fault, "count documents", error);
    _cleanup_collection_ mongoc_collection_t *checkpoints = mongo_collection(mongo, "_checkpoints");
    _cleanup_bson_ bson_t *filter = BCON_NEW("view", BCON_UTF8(name));
    _cleanup_cursor_ mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(checkpoints, filter, NULL, NULL);
    const bson_t *document;
    while (mongoc_cursor_next(cursor, &document))
        *ret_position += int64_of(document, "next_offset");
    return mongoc_cursor_error(cursor, &fault) ? mongo_fault(&fault, "read checkpoints", error) : 0;
}

const struct generation_store mongo_generations = {
    .list = list,
    .create = create,
    .loaded = loaded,
    .save = save,
    .make_live = make_live,
    .drop = drop,
    .measure = measure,
};
