#include "document.h"

#include <string.h>

#define DOCUMENT_DEPTH_MAX 4 /* of records in arrays of records */

/* One value as either store gives it. */
enum document_type { DOCUMENT_NULL, DOCUMENT_BOOL, DOCUMENT_INT, DOCUMENT_REAL, DOCUMENT_TEXT, DOCUMENT_OTHER };
struct document_scalar {
    enum document_type type;
    int64_t integer;
    double real;
    struct ev_str text;
};

static int document_fault(struct ev_error *error, const struct ev_field *field)
{
    return ev_error_set(error, EV_ERR_CORRUPT, "a stored document's field \"%s\" has a value of another type",
                        field->name);
}

/* Names mostly come in the table's order, so the search begins at the field after the last one found. */
static const struct ev_field *document_find_field(const struct ev_record *record, struct ev_str name, size_t *next)
{
    for (size_t i = 0; i < record->field_count; i++) {
        size_t at = (*next + i) % record->field_count;
        if (ev_str_equal(name, ev_str_of(record->fields[at].name))) {
            *next = at + 1;
            return &record->fields[at];
        }
    }
    return NULL;
}

static bool document_store_symbol(const struct ev_enum *symbols, struct ev_str text, void *to)
{
    for (size_t i = 0; i < symbols->count; i++) {
        if (ev_str_equal(text, ev_str_of(symbols->symbols[i]))) {
            *(int32_t *)to = (int32_t)i;
            return true;
        }
    }
    return false;
}

/* Stores a value of `kind` at `to`; false when the types don't fit. */
static bool document_store(const struct ev_field *field, enum ev_kind kind, const struct document_scalar *scalar,
                           void *to)
{
    switch (kind) {
    case EV_KIND_BOOL:
        *(bool *)to = scalar->integer != 0;
        return scalar->type == DOCUMENT_BOOL;
    case EV_KIND_INT:
        if (scalar->type != DOCUMENT_INT || scalar->integer < INT32_MIN || scalar->integer > INT32_MAX)
            return false;
        *(int32_t *)to = (int32_t)scalar->integer;
        return true;
    case EV_KIND_LONG:
        *(int64_t *)to = scalar->integer;
        return scalar->type == DOCUMENT_INT;
    case EV_KIND_DOUBLE:
        *(double *)to = scalar->type == DOCUMENT_INT ? (double)scalar->integer : scalar->real;
        return scalar->type == DOCUMENT_INT || scalar->type == DOCUMENT_REAL;
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        *(struct ev_str *)to = scalar->text;
        return scalar->type == DOCUMENT_TEXT;
    case EV_KIND_ENUM:
        return scalar->type == DOCUMENT_TEXT && document_store_symbol(field->symbols, scalar->text, to);
    case EV_KIND_RECORD:
    case EV_KIND_ARRAY:
        return false;
    }
    return false;
}

/* Where the field's value lies in the struct, marked as present where the field is nullable. */
static void *document_place(const struct ev_field *field, struct ev_arena *arena, void *record)
{
    char *at = (char *)record + field->offset;
    if (!field->nullable || field->kind == EV_KIND_STRING || field->kind == EV_KIND_BYTES)
        return at;
    if (field->kind == EV_KIND_RECORD)
        return *(void **)(void *)at = ev_arena_alloc(arena, field->record->size);
    *(bool *)at = true;
    return at + field->value_offset;
}

static void document_take_meta(struct document_meta *meta, struct ev_str name, const struct document_scalar *scalar)
{
    if (!meta)
        return;
    if (ev_str_equal(name, EV_STR("_deleted")))
        meta->deleted = scalar->type == DOCUMENT_BOOL && scalar->integer;
    else if (scalar->type == DOCUMENT_INT && ev_str_equal(name, EV_STR("_offset")))
        meta->offset = scalar->integer;
    else if (scalar->type == DOCUMENT_INT && ev_str_equal(name, EV_STR("_partition")))
        meta->partition = (int32_t)scalar->integer;
}

int64_t document_first_parked(int64_t since_ms, int64_t other_ms)
{
    if (since_ms <= 0 || other_ms <= 0)
        return since_ms > 0 ? since_ms : other_ms;
    return since_ms < other_ms ? since_ms : other_ms;
}

/* --- BSON --- */

static int document_bson_record(const struct ev_record *record, bson_iter_t *iter, unsigned depth,
                                struct ev_arena *arena, void *ret, struct document_meta *meta, struct ev_error *error);

static struct document_scalar document_bson_scalar(const bson_iter_t *iter, struct ev_arena *arena)
{
    struct document_scalar scalar = {.type = DOCUMENT_OTHER};
    bson_type_t type = bson_iter_type(iter);
    if (type == BSON_TYPE_NULL || type == BSON_TYPE_UNDEFINED) {
        scalar.type = DOCUMENT_NULL;
    } else if (type == BSON_TYPE_BOOL) {
        scalar = (struct document_scalar){.type = DOCUMENT_BOOL, .integer = bson_iter_bool(iter)};
    } else if (type == BSON_TYPE_INT32) {
        scalar = (struct document_scalar){.type = DOCUMENT_INT, .integer = bson_iter_int32(iter)};
    } else if (type == BSON_TYPE_INT64) {
        scalar = (struct document_scalar){.type = DOCUMENT_INT, .integer = bson_iter_int64(iter)};
    } else if (type == BSON_TYPE_DOUBLE) {
        scalar = (struct document_scalar){.type = DOCUMENT_REAL, .real = bson_iter_double(iter)};
    } else if (type == BSON_TYPE_UTF8) {
        uint32_t length;
        const char *text = bson_iter_utf8(iter, &length);
        scalar = (struct document_scalar){.type = DOCUMENT_TEXT,
                                          .text = ev_arena_copy(arena, (struct ev_str){text, length})};
    } else if (type == BSON_TYPE_BINARY) {
        uint32_t length;
        const uint8_t *bytes;
        bson_iter_binary(iter, NULL, &length, &bytes);
        scalar = (struct document_scalar){.type = DOCUMENT_TEXT,
                                          .text = ev_arena_copy(arena, (struct ev_str){(const char *)bytes, length})};
    }
    return scalar;
}

static int document_bson_array(const struct ev_field *field, bson_iter_t *items, unsigned depth, struct ev_arena *arena,
                               struct ev_array *ret, struct ev_error *error)
{
    while (bson_iter_next(items)) {
        void *item = ev_array_push_raw(arena, ret, field->item_size);
        if (field->item_kind == EV_KIND_RECORD) {
            bson_iter_t child;
            if (!BSON_ITER_HOLDS_DOCUMENT(items) || !bson_iter_recurse(items, &child))
                return document_fault(error, field);
            int fault = document_bson_record(field->record, &child, depth + 1, arena, item, NULL, error);
            if (fault)
                return fault;
            continue;
        }
        struct document_scalar scalar = document_bson_scalar(items, arena);
        if (!document_store(field, field->item_kind, &scalar, item))
            return document_fault(error, field);
    }
    return 0;
}

static int document_bson_field(const struct ev_field *field, bson_iter_t *iter, unsigned depth, struct ev_arena *arena,
                               void *record, struct ev_error *error)
{
    bson_iter_t child;
    if (BSON_ITER_HOLDS_NULL(iter))
        return field->nullable ? 0 : document_fault(error, field);
    if (field->kind == EV_KIND_ARRAY) {
        if (!BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &child))
            return document_fault(error, field);
        return document_bson_array(field, &child, depth, arena,
                                   (struct ev_array *)(void *)((char *)record + field->offset), error);
    }
    void *place = document_place(field, arena, record);
    if (field->kind == EV_KIND_RECORD) {
        if (!BSON_ITER_HOLDS_DOCUMENT(iter) || !bson_iter_recurse(iter, &child))
            return document_fault(error, field);
        return document_bson_record(field->record, &child, depth + 1, arena, place, NULL, error);
    }
    struct document_scalar scalar = document_bson_scalar(iter, arena);
    return document_store(field, field->kind, &scalar, place) ? 0 : document_fault(error, field);
}

/* {"offset", "at_ms", "cause"} */
static void document_bson_take_parked(struct document_meta *meta, const bson_iter_t *iter)
{
    bson_iter_t inner;
    if (bson_iter_recurse(iter, &inner) && bson_iter_find(&inner, "at_ms"))
        meta->parked_at_ms = bson_iter_as_int64(&inner);
}

static int document_bson_record(const struct ev_record *record, bson_iter_t *iter, unsigned depth,
                                struct ev_arena *arena, void *ret, struct document_meta *meta, struct ev_error *error)
{
    size_t next = 0;
    if (depth > DOCUMENT_DEPTH_MAX)
        return ev_error_set(error, EV_ERR_CORRUPT, "a stored document nests too deep");
    while (bson_iter_next(iter)) {
        struct ev_str name = {bson_iter_key(iter), bson_iter_key_len(iter)};
        const struct ev_field *field = document_find_field(record, name, &next);
        if (!field) {
            struct document_scalar scalar = {0};
            if (meta && name.length > 0 && name.data[0] == '_' && !ev_str_equal(name, EV_STR("_id")))
                scalar = document_bson_scalar(iter, arena);
            document_take_meta(meta, name, &scalar);
            if (meta && ev_str_equal(name, EV_STR("_parked")))
                document_bson_take_parked(meta, iter);
            continue;
        }
        int fault = document_bson_field(field, iter, depth, arena, ret, error);
        if (fault)
            return fault;
    }
    return 0;
}

int document_from_bson(const struct ev_record *record, const bson_t *bson, struct ev_arena *arena, void *ret,
                       struct document_meta *ret_meta, struct ev_error *error)
{
    bson_iter_t iter;
    if (!bson_iter_init(&iter, bson))
        return ev_error_set(error, EV_ERR_CORRUPT, "a stored document is no BSON");
    memset(ret, 0, record->size);
    if (ret_meta)
        *ret_meta = (struct document_meta){.offset = -1};
    return document_bson_record(record, &iter, 0, arena, ret, ret_meta, error);
}

/* --- JSON --- */

static int document_json_record(const struct ev_record *record, yyjson_val *json, unsigned depth,
                                struct ev_arena *arena, void *ret, struct document_meta *meta, struct ev_error *error);

static struct document_scalar document_json_scalar(yyjson_val *json)
{
    if (yyjson_is_null(json))
        return (struct document_scalar){.type = DOCUMENT_NULL};
    if (yyjson_is_bool(json))
        return (struct document_scalar){.type = DOCUMENT_BOOL, .integer = yyjson_get_bool(json)};
    if (yyjson_is_sint(json) || (yyjson_is_uint(json) && yyjson_get_uint(json) <= INT64_MAX))
        return (struct document_scalar){.type = DOCUMENT_INT, .integer = yyjson_get_sint(json)};
    if (yyjson_is_real(json))
        return (struct document_scalar){.type = DOCUMENT_REAL, .real = yyjson_get_real(json)};
    if (yyjson_is_str(json))
        return (struct document_scalar){.type = DOCUMENT_TEXT, .text = ev_json_str(json)};
    return (struct document_scalar){.type = DOCUMENT_OTHER};
}

static int document_json_array(const struct ev_field *field, yyjson_val *json, unsigned depth, struct ev_arena *arena,
                               struct ev_array *ret, struct ev_error *error)
{
    size_t index, count;
    yyjson_val *value;
    yyjson_arr_foreach (json, index, count, value) {
        void *item = ev_array_push_raw(arena, ret, field->item_size);
        if (field->item_kind == EV_KIND_RECORD) {
            int fault = document_json_record(field->record, value, depth + 1, arena, item, NULL, error);
            if (fault)
                return fault;
            continue;
        }
        struct document_scalar scalar = document_json_scalar(value);
        if (!document_store(field, field->item_kind, &scalar, item))
            return document_fault(error, field);
    }
    return 0;
}

static int document_json_field(const struct ev_field *field, yyjson_val *json, unsigned depth, struct ev_arena *arena,
                               void *record, struct ev_error *error)
{
    if (yyjson_is_null(json))
        return field->nullable ? 0 : document_fault(error, field);
    if (field->kind == EV_KIND_ARRAY) {
        if (!yyjson_is_arr(json))
            return document_fault(error, field);
        return document_json_array(field, json, depth, arena,
                                   (struct ev_array *)(void *)((char *)record + field->offset), error);
    }
    void *place = document_place(field, arena, record);
    if (field->kind == EV_KIND_RECORD)
        return document_json_record(field->record, json, depth + 1, arena, place, NULL, error);
    struct document_scalar scalar = document_json_scalar(json);
    return document_store(field, field->kind, &scalar, place) ? 0 : document_fault(error, field);
}

static void document_json_take_parked(struct document_meta *meta, yyjson_val *mark)
{
    yyjson_val *at = yyjson_obj_get(mark, "at_ms");
    if (yyjson_is_int(at))
        meta->parked_at_ms = yyjson_get_sint(at);
}

static int document_json_record(const struct ev_record *record, yyjson_val *json, unsigned depth,
                                struct ev_arena *arena, void *ret, struct document_meta *meta, struct ev_error *error)
{
    size_t index, count, next = 0;
    yyjson_val *key, *value;
    if (depth > DOCUMENT_DEPTH_MAX || !yyjson_is_obj(json))
        return ev_error_set(error, EV_ERR_CORRUPT, "a stored document's %s is no object", record->name);
    yyjson_obj_foreach (json, index, count, key, value) {
        struct ev_str name = ev_json_str(key);
        const struct ev_field *field = document_find_field(record, name, &next);
        if (!field) {
            struct document_scalar scalar = document_json_scalar(value);
            document_take_meta(meta, name, &scalar);
            if (meta && ev_str_equal(name, EV_STR("_parked")))
                document_json_take_parked(meta, value);
            continue;
        }
        int fault = document_json_field(field, value, depth, arena, ret, error);
        if (fault)
            return fault;
    }
    return 0;
}

int document_from_json(const struct ev_record *record, yyjson_val *json, struct ev_arena *arena, void *ret,
                       struct document_meta *ret_meta, struct ev_error *error)
{
    memset(ret, 0, record->size);
    if (ret_meta)
        *ret_meta = (struct document_meta){.offset = -1};
    return document_json_record(record, json, 0, arena, ret, ret_meta, error);
}
