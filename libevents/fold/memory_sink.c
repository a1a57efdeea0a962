#include "fold/memory_sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

#define MEMORY_KEY_MAX (EV_VIEW_KEY_MAX + 128)

struct memory_document {
    struct ev_document_meta meta;
    bool deleted;
    size_t length;
    char bytes[];
};

struct memory_parked {
    struct ev_parked parked; /* its key lies behind it */
    char key[];
};

static struct ev_memory_sink *memory_of(const struct ev_sink *sink)
{
    return (struct ev_memory_sink *)sink;
}

static struct ev_str memory_prefix(const struct ev_view *view, char buffer[MEMORY_KEY_MAX])
{
    int length = snprintf(buffer, MEMORY_KEY_MAX, "%s_v%d/", view->name, view->version);
    return (struct ev_str){buffer, (size_t)length};
}

static struct ev_str memory_key(const struct ev_view *view, struct ev_str key, char buffer[MEMORY_KEY_MAX])
{
    struct ev_str prefix = memory_prefix(view, buffer);
    size_t length = key.length < EV_VIEW_KEY_MAX ? key.length : EV_VIEW_KEY_MAX;
    if (length)
        memcpy(buffer + prefix.length, key.data, length);
    return (struct ev_str){buffer, prefix.length + length};
}

static struct ev_str memory_partition_key(const struct ev_view *view, int32_t partition, char buffer[MEMORY_KEY_MAX])
{
    char number[16];
    int length = snprintf(number, sizeof(number), "%" PRId32, partition);
    return memory_key(view, (struct ev_str){number, (size_t)length}, buffer);
}

static struct ev_str memory_parked_key(const struct ev_view *view, const struct ev_parked *parked,
                                       char buffer[MEMORY_KEY_MAX])
{
    struct ev_str key = memory_key(view, parked->key, buffer);
    if (parked->skipped)
        key.length += (size_t)snprintf(buffer + key.length, MEMORY_KEY_MAX - key.length, "#%" PRId64, parked->offset);
    return key;
}

static int memory_ask(struct ev_memory_sink *memory, enum ev_memory_sink_call call, struct ev_sink_document *document,
                      struct ev_error *error)
{
    return memory->interfere ? memory->interfere(memory->context, call, document, error) : 0;
}

static void memory_describe(const struct memory_document *stored, struct ev_sink_document *ret)
{
    if (!stored) {
        ret->meta = (struct ev_document_meta){.offset = -1};
        ret->deleted = false;
        ret->body = EV_STR_NULL;
        return;
    }
    ret->meta = stored->meta;
    ret->deleted = stored->deleted;
    ret->body = (struct ev_str){stored->bytes, stored->length};
}

static void map_replace(struct ev_map *map, struct ev_str key, void *value)
{
    free(ev_map_put(map, key, value));
}

static int memory_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    (void)view;
    return memory_ask(memory_of(sink), EV_MEMORY_SINK_PREPARE, NULL, error);
}

static int memory_load(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents,
                       size_t count, struct ev_arena *arena, struct ev_error *error)
{
    struct ev_memory_sink *memory = memory_of(sink);
    int r = memory_ask(memory, EV_MEMORY_SINK_LOAD, NULL, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        ev_memory_sink_get(memory, view, documents[i].key, &documents[i]);
        documents[i].body = ev_arena_copy(arena, documents[i].body);
    }
    memory->load_count += count;
    return 0;
}

static void memory_write_one(struct ev_memory_sink *memory, const struct ev_view *view,
                             struct ev_sink_document *document)
{
    struct ev_sink_document stored;
    bool exists = ev_memory_sink_get(memory, view, document->key, &stored);
    if (exists ? stored.meta.offset != document->previous_offset : document->previous_offset != -1) {
        document->result = EV_WRITE_STALE;
        return;
    }
    char buffer[MEMORY_KEY_MAX];
    struct memory_document *next = ev_memory_alloc(sizeof(*next) + document->body.length);
    next->meta = document->meta;
    next->deleted = document->deleted;
    next->length = document->body.length;
    if (next->length)
        memcpy(next->bytes, document->body.data, next->length);
    map_replace(&memory->documents, memory_key(view, document->key, buffer), next);
    document->result = EV_WRITE_DONE;
    memory->write_count++;
}

static int memory_write(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents,
                        size_t count, struct ev_error *error)
{
    struct ev_memory_sink *memory = memory_of(sink);
    int r = memory_ask(memory, EV_MEMORY_SINK_WRITE, NULL, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        r = memory_ask(memory, EV_MEMORY_SINK_WRITE_ONE, &documents[i], &documents[i].error);
        if (r < 0) {
            if (error)
                *error = documents[i].error;
            return r;
        }
        if (r > 0)
            documents[i].result = (enum ev_write_result)r;
        else
            memory_write_one(memory, view, &documents[i]);
    }
    return memory_ask(memory, EV_MEMORY_SINK_WRITTEN, NULL, error);
}

static int memory_mend(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents,
                       size_t count, struct ev_error *error)
{
    struct ev_memory_sink *memory = memory_of(sink);
    int r = memory_ask(memory, EV_MEMORY_SINK_WRITE, NULL, error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct ev_sink_document stored;
        char buffer[MEMORY_KEY_MAX];
        ev_memory_sink_get(memory, view, documents[i].key, &stored);
        if (!documents[i].removed)
            memory_write_one(memory, view, &documents[i]);
        else if (stored.meta.offset != documents[i].previous_offset)
            documents[i].result = EV_WRITE_STALE;
        else {
            free(ev_map_remove(&memory->documents, memory_key(view, documents[i].key, buffer)));
            documents[i].result = EV_WRITE_DONE;
        }
    }
    return r;
}

static int memory_flush(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    (void)view;
    return memory_ask(memory_of(sink), EV_MEMORY_SINK_FLUSH, NULL, error);
}

static int memory_load_checkpoint(struct ev_sink *sink, const struct ev_view *view, int32_t partition,
                                  struct ev_checkpoint *ret, struct ev_error *error)
{
    char buffer[MEMORY_KEY_MAX];
    const struct ev_checkpoint *stored =
        ev_map_get(&memory_of(sink)->checkpoints, memory_partition_key(view, partition, buffer));
    if (!stored)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no checkpoint");
    *ret = *stored;
    return 0;
}

static int memory_save_checkpoints(struct ev_sink *sink, const struct ev_view *view,
                                   const struct ev_checkpoint *checkpoints, size_t count, struct ev_error *error)
{
    struct ev_memory_sink *memory = memory_of(sink);
    int r = memory_ask(memory, EV_MEMORY_SINK_CHECKPOINT, NULL, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        char buffer[MEMORY_KEY_MAX];
        struct ev_str key = memory_partition_key(view, checkpoints[i].cursor.partition, buffer);
        const struct ev_checkpoint *stored = ev_map_get(&memory->checkpoints, key);
        if ((stored ? stored->cursor.next_offset : 0) < checkpoints[i].previous_offset)
            return ev_error_set_retriable(error, EV_ERR_CONFLICT, "the checkpoint went back");
        if (stored && stored->cursor.next_offset >= checkpoints[i].cursor.next_offset)
            continue;
        struct ev_checkpoint *copy = ev_memory_new(struct ev_checkpoint);
        *copy = checkpoints[i];
        map_replace(&memory->checkpoints, key, copy);
    }
    return 0;
}

static int memory_save_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                              struct ev_error *error)
{
    struct ev_memory_sink *memory = memory_of(sink);
    int r = memory_ask(memory, EV_MEMORY_SINK_PARK, NULL, error);
    if (r < 0)
        return r;
    char buffer[MEMORY_KEY_MAX];
    struct memory_parked *copy = ev_memory_alloc(sizeof(*copy) + parked->key.length);
    copy->parked = *parked;
    memcpy(copy->key, parked->key.data, parked->key.length);
    copy->parked.key.data = copy->key;
    map_replace(&memory->parked, memory_parked_key(view, parked, buffer), copy);
    return 0;
}

static int memory_remove_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                                struct ev_error *error)
{
    (void)error;
    char buffer[MEMORY_KEY_MAX];
    free(ev_map_remove(&memory_of(sink)->parked, memory_parked_key(view, parked, buffer)));
    return 0;
}

static int memory_load_control(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret,
                               struct ev_error *error)
{
    (void)view;
    (void)error;
    *ret = memory_of(sink)->control;
    return 0;
}

static int memory_change_control(struct ev_sink *sink, const struct ev_view *view, enum ev_control_change change,
                                 struct ev_error *error)
{
    (void)view;
    (void)error;
    struct ev_control *control = &memory_of(sink)->control;
    control->revision++;
    if (change != EV_CONTROL_LOOK_AGAIN)
        control->paused = change == EV_CONTROL_PAUSE;
    return 0;
}

static int memory_load_parked(struct ev_sink *sink, const struct ev_view *view,
                              int (*each)(void *context, const struct ev_parked *parked), void *context,
                              struct ev_error *error)
{
    (void)error;
    char buffer[MEMORY_KEY_MAX];
    struct ev_str prefix = memory_prefix(view, buffer), key;
    size_t cursor = 0;
    void *value;
    while (ev_map_next(&memory_of(sink)->parked, &cursor, &key, &value)) {
        if (!ev_str_starts_with(key, prefix))
            continue;
        int r = each(context, &((const struct memory_parked *)value)->parked);
        if (r != 0)
            return r;
    }
    return 0;
}

static int memory_scan(struct ev_sink *sink, const struct ev_view *view,
                       int (*each)(void *context, const struct ev_sink_document *document), void *context,
                       struct ev_error *error)
{
    (void)error;
    char buffer[MEMORY_KEY_MAX];
    struct ev_str prefix = memory_prefix(view, buffer), key;
    size_t cursor = 0;
    void *value;
    while (ev_map_next(&memory_of(sink)->documents, &cursor, &key, &value)) {
        if (!ev_str_starts_with(key, prefix))
            continue;
        struct ev_sink_document document = {
            .key = {key.data + prefix.length, key.length - prefix.length},
            .previous_offset = -1,
        };
        memory_describe(value, &document);
        int r = each(context, &document);
        if (r != 0)
            return r;
    }
    return 0;
}

static void map_clear(struct ev_map *map)
{
    size_t cursor = 0;
    void *value;
    while (ev_map_next(map, &cursor, NULL, &value))
        free(value);
    ev_map_finish(map);
}

static void map_remove_prefix(struct ev_map *map, struct ev_str prefix)
{
    struct ev_map kept;
    struct ev_str key;
    size_t cursor = 0;
    void *value;
    ev_map_init(&kept);
    while (ev_map_next(map, &cursor, &key, &value)) {
        if (ev_str_starts_with(key, prefix))
            free(value);
        else
            ev_map_put(&kept, key, value);
    }
    ev_map_finish(map);
    *map = kept;
}

static int memory_reset(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    (void)error;
    struct ev_memory_sink *memory = memory_of(sink);
    char buffer[MEMORY_KEY_MAX];
    struct ev_str prefix = memory_prefix(view, buffer);
    map_remove_prefix(&memory->documents, prefix);
    map_remove_prefix(&memory->checkpoints, prefix);
    map_remove_prefix(&memory->parked, prefix);
    return 0;
}

/* The sink lies in its owner's memory. */
static void memory_destroy(struct ev_sink *sink)
{
    ev_memory_sink_finish(memory_of(sink));
}

void ev_memory_sink_init(struct ev_memory_sink *memory)
{
    *memory = (struct ev_memory_sink){
        .sink =
            {
                .name = "memory",
                .prepare = memory_prepare,
                .load = memory_load,
                .write = memory_write,
                .mend = memory_mend,
                .flush = memory_flush,
                .load_checkpoint = memory_load_checkpoint,
                .save_checkpoints = memory_save_checkpoints,
                .save_parked = memory_save_parked,
                .load_parked = memory_load_parked,
                .remove_parked = memory_remove_parked,
                .load_control = memory_load_control,
                .change_control = memory_change_control,
                .scan = memory_scan,
                .reset = memory_reset,
                .destroy = memory_destroy,
            },
    };
    ev_map_init(&memory->documents);
    ev_map_init(&memory->checkpoints);
    ev_map_init(&memory->parked);
}

void ev_memory_sink_finish(struct ev_memory_sink *memory)
{
    if (!memory)
        return;
    map_clear(&memory->documents);
    map_clear(&memory->checkpoints);
    map_clear(&memory->parked);
}

static void map_copy(const struct ev_map *from, struct ev_map *to, size_t (*size_of)(const void *value))
{
    struct ev_str key;
    size_t cursor = 0;
    void *value;
    map_clear(to);
    while (ev_map_next(from, &cursor, &key, &value))
        ev_map_put(to, key, ev_memory_copy(value, size_of(value)));
}

static size_t size_of_document(const void *value)
{
    return sizeof(struct memory_document) + ((const struct memory_document *)value)->length;
}

static size_t size_of_checkpoint(const void *value)
{
    (void)value;
    return sizeof(struct ev_checkpoint);
}

static void copy_parked(const struct ev_map *from, struct ev_map *to)
{
    struct ev_str key;
    size_t cursor = 0;
    void *value;
    map_clear(to);
    while (ev_map_next(from, &cursor, &key, &value)) {
        const struct memory_parked *parked = value;
        struct memory_parked *copy = ev_memory_alloc(sizeof(*copy) + parked->parked.key.length);
        memcpy(copy, parked, sizeof(*copy) + parked->parked.key.length);
        copy->parked.key.data = copy->key;
        ev_map_put(to, key, copy);
    }
}

void ev_memory_sink_copy(const struct ev_memory_sink *from, struct ev_memory_sink *to)
{
    map_copy(&from->documents, &to->documents, size_of_document);
    map_copy(&from->checkpoints, &to->checkpoints, size_of_checkpoint);
    copy_parked(&from->parked, &to->parked);
    to->control = from->control;
}

bool ev_memory_sink_get(const struct ev_memory_sink *memory, const struct ev_view *view, struct ev_str key,
                        struct ev_sink_document *ret)
{
    char buffer[MEMORY_KEY_MAX];
    const struct memory_document *stored = ev_map_get(&memory->documents, memory_key(view, key, buffer));
    ret->key = key;
    memory_describe(stored, ret);
    return stored != NULL;
}
