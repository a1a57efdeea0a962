#include "sinks/bson.h"

#include <string.h>

#include "core/fatal.h"
#include "sinks/field.h"

/* Appends can only fail when the whole grows beyond 2 GiB; documents are bounded far below. */
static void must(bool appended)
{
    if (!appended)
        ev_fatal("a BSON document grew beyond its bound");
}

static void append_value(bson_t *out, const char *key, int key_length, enum ev_kind kind, const struct ev_field *field,
                         const void *value);

static void append_array(bson_t *out, const char *key, int key_length, const struct ev_field *field, const void *value)
{
    const struct ev_array *array = value;
    bson_t items;
    must(bson_append_array_begin(out, key, key_length, &items));
    for (size_t i = 0; i < array->count; i++) {
        char buffer[16];
        const char *index;
        size_t length = bson_uint32_to_string((uint32_t)i, &index, buffer, sizeof(buffer));
        append_value(&items, index, (int)length, field->item_kind, field,
                     (const char *)array->items + i * field->item_size);
    }
    must(bson_append_array_end(out, &items));
}

static void append_value(bson_t *out, const char *key, int key_length, enum ev_kind kind, const struct ev_field *field,
                         const void *value)
{
    const struct ev_str *text = value;
    bson_t embedded;
    switch (kind) {
    case EV_KIND_BOOL:
        must(bson_append_bool(out, key, key_length, *(const bool *)value));
        break;
    case EV_KIND_INT:
        must(bson_append_int32(out, key, key_length, *(const int32_t *)value));
        break;
    case EV_KIND_LONG:
        must(bson_append_int64(out, key, key_length, *(const int64_t *)value));
        break;
    case EV_KIND_DOUBLE:
        must(bson_append_double(out, key, key_length, *(const double *)value));
        break;
    case EV_KIND_STRING:
        must(bson_append_utf8(out, key, key_length, text->data ? text->data : "", (int)text->length));
        break;
    case EV_KIND_BYTES:
        must(bson_append_binary(out, key, key_length, BSON_SUBTYPE_BINARY,
                                (const uint8_t *)(text->data ? text->data : ""), (uint32_t)text->length));
        break;
    case EV_KIND_ENUM:
        must(bson_append_utf8(out, key, key_length, field->symbols->symbols[*(const int32_t *)value], -1));
        break;
    case EV_KIND_RECORD:
        must(bson_append_document_begin(out, key, key_length, &embedded));
        sink_bson_append(field->record, value, &embedded);
        must(bson_append_document_end(out, &embedded));
        break;
    case EV_KIND_ARRAY:
        append_array(out, key, key_length, field, value);
        break;
    }
}

void sink_bson_append(const struct ev_record *record, const void *value, bson_t *out)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        const void *at = sink_field_value(field, value);
        if (at)
            append_value(out, field->name, (int)strlen(field->name), field->kind, field, at);
    }
}

static int read_record(const struct ev_record *record, bson_iter_t *iter, struct ev_arena *arena, void *ret,
                       struct ev_error *error);

static int read_type_error(const struct ev_field *field, struct ev_error *error)
{
    return ev_error_set(error, EV_ERR_CORRUPT, "%s is of another type than its schema says", field->name);
}

static int read_value(bson_iter_t *iter, enum ev_kind kind, const struct ev_field *field, struct ev_arena *arena,
                      void *ret, struct ev_error *error);

static int read_array(bson_iter_t *iter, const struct ev_field *field, struct ev_arena *arena, void *ret,
                      struct ev_error *error)
{
    bson_iter_t items;
    if (!BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &items))
        return read_type_error(field, error);
    while (bson_iter_next(&items)) {
        void *item = ev_array_push_raw(arena, ret, field->item_size);
        int r = read_value(&items, field->item_kind, field, arena, item, error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_text(bson_iter_t *iter, const struct ev_field *field, struct ev_str *ret, struct ev_error *error)
{
    uint32_t length;
    if (!BSON_ITER_HOLDS_UTF8(iter))
        return read_type_error(field, error);
    ret->data = bson_iter_utf8(iter, &length);
    ret->length = length;
    return 0;
}

static int read_bytes(bson_iter_t *iter, const struct ev_field *field, struct ev_str *ret, struct ev_error *error)
{
    bson_subtype_t subtype;
    uint32_t length;
    const uint8_t *bytes;
    if (!BSON_ITER_HOLDS_BINARY(iter))
        return read_type_error(field, error);
    bson_iter_binary(iter, &subtype, &length, &bytes);
    *ret = (struct ev_str){(const char *)bytes, length};
    return 0;
}

static int read_enum(bson_iter_t *iter, const struct ev_field *field, int32_t *ret, struct ev_error *error)
{
    struct ev_str symbol;
    int r = read_text(iter, field, &symbol, error);
    if (r < 0)
        return r;
    *ret = sink_enum_index(field->symbols, symbol);
    return *ret < 0 ? read_type_error(field, error) : 0;
}

static int read_value(bson_iter_t *iter, enum ev_kind kind, const struct ev_field *field, struct ev_arena *arena,
                      void *ret, struct ev_error *error)
{
    bson_iter_t embedded;
    switch (kind) {
    case EV_KIND_BOOL:
        *(bool *)ret = bson_iter_bool(iter);
        return BSON_ITER_HOLDS_BOOL(iter) ? 0 : read_type_error(field, error);
    case EV_KIND_INT:
        *(int32_t *)ret = bson_iter_int32(iter);
        return BSON_ITER_HOLDS_INT32(iter) ? 0 : read_type_error(field, error);
    case EV_KIND_LONG:
        *(int64_t *)ret = bson_iter_int64(iter);
        return BSON_ITER_HOLDS_INT64(iter) ? 0 : read_type_error(field, error);
    case EV_KIND_DOUBLE:
        *(double *)ret = bson_iter_double(iter);
        return BSON_ITER_HOLDS_DOUBLE(iter) ? 0 : read_type_error(field, error);
    case EV_KIND_STRING:
        return read_text(iter, field, ret, error);
    case EV_KIND_BYTES:
        return read_bytes(iter, field, ret, error);
    case EV_KIND_ENUM:
        return read_enum(iter, field, ret, error);
    case EV_KIND_RECORD:
        if (!BSON_ITER_HOLDS_DOCUMENT(iter) || !bson_iter_recurse(iter, &embedded))
            return read_type_error(field, error);
        return read_record(field->record, &embedded, arena, ret, error);
    case EV_KIND_ARRAY:
        return read_array(iter, field, arena, ret, error);
    }
    return read_type_error(field, error);
}

static int read_record(const struct ev_record *record, bson_iter_t *iter, struct ev_arena *arena, void *ret,
                       struct ev_error *error)
{
    uint64_t seen = 0;
    size_t hint = 0;
    while (bson_iter_next(iter)) {
        struct ev_str name = {bson_iter_key(iter), bson_iter_key_len(iter)};
        if (name.length && name.data[0] == '_')
            continue;
        const struct ev_field *field = sink_field_find(record, name, &hint);
        if (!field)
            return ev_error_set(error, EV_ERR_CORRUPT, "%s has no field %s", record->name, name.data);
        int r = read_value(iter, field->kind, field, arena, sink_field_place(field, ret, arena), error);
        if (r < 0)
            return r;
        seen |= UINT64_C(1) << (field - record->fields);
    }
    return sink_fields_check(record, seen, error);
}

int sink_bson_read(const struct ev_record *record, const bson_t *document, struct ev_arena *arena, void *ret,
                   struct ev_error *error)
{
    bson_iter_t iter;
    if (!bson_iter_init(&iter, document))
        return ev_error_set(error, EV_ERR_CORRUPT, "no BSON document");
    return read_record(record, &iter, arena, ret, error);
}
