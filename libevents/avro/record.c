#include "avro/record.h"

#include <stdlib.h>

#include "avro/record_internal.h"

const void *ev_field_value(const struct ev_field *field, const void *at)
{
    if (!field->nullable)
        return at;
    switch (field->kind) {
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        return ((const struct ev_str *)at)->data ? at : NULL;
    case EV_KIND_RECORD:
        return *(const void *const *)at;
    case EV_KIND_ARRAY:
        return ((const ev_any_array *)at)->items ? at : NULL;
    case EV_KIND_BOOL:
    case EV_KIND_INT:
    case EV_KIND_LONG:
    case EV_KIND_DOUBLE:
    case EV_KIND_ENUM:
        return *(const bool *)at ? ev_at(at, field->value_offset) : NULL;
    }
    return NULL;
}

void *ev_field_open(const struct ev_field *field, void *at, struct ev_arena *arena)
{
    if (!field->nullable || ev_kind_is_text(field->kind) || field->kind == EV_KIND_ARRAY)
        return at;
    if (field->kind == EV_KIND_RECORD)
        return *(void **)at = ev_arena_try_alloc(arena, field->record->size);
    *(bool *)at = true;
    return ev_at_mut(at, field->value_offset);
}

size_t ev_kind_size(enum ev_kind kind, const struct ev_record *record)
{
    switch (kind) {
    case EV_KIND_BOOL:
        return sizeof(bool);
    case EV_KIND_INT:
    case EV_KIND_ENUM:
        return sizeof(int32_t);
    case EV_KIND_LONG:
        return sizeof(int64_t);
    case EV_KIND_DOUBLE:
        return sizeof(double);
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        return sizeof(struct ev_str);
    case EV_KIND_RECORD:
        return record->size;
    case EV_KIND_ARRAY:
        return sizeof(struct ev_array);
    }
    return 0;
}

size_t ev_field_size(const struct ev_field *field)
{
    if (!field->nullable || ev_kind_is_text(field->kind) || field->kind == EV_KIND_ARRAY)
        return ev_kind_size(field->kind, field->record);
    if (field->kind == EV_KIND_RECORD)
        return sizeof(void *);
    return field->value_offset + ev_kind_size(field->kind, NULL);
}

/* Items that are allocated at once on the word of a block's header. */
#define ARRAY_AT_ONCE_MAX ((size_t)64)

bool ev_array_grow(size_t item_size, size_t more, struct ev_arena *arena, ev_any_array *array)
{
    if (array->count < array->capacity)
        return true;
    size_t add = more < ARRAY_AT_ONCE_MAX ? more : ARRAY_AT_ONCE_MAX;
    if (add < array->count) /* doubled, so that many blocks of a single item cost no more than one block of many */
        add = array->count;
    size_t capacity = array->count + add;
    size_t old_size = array->capacity * item_size, size = capacity * item_size;
    if (array->items && ev_arena_try_extend(arena, array->items, old_size, size)) {
        memset((char *)array->items + old_size, 0, size - old_size);
    } else {
        void *items = ev_arena_try_alloc(arena, size);
        if (!items)
            return false;
        if (array->count)
            memcpy(items, array->items, array->count * item_size);
        array->items = items;
    }
    array->capacity = capacity;
    return true;
}

static bool texts_equal(const struct ev_str *a, const struct ev_str *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static bool values_equal(const struct ev_field *field, enum ev_kind kind, const void *a, const void *b)
{
    switch (kind) {
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        return texts_equal(a, b);
    case EV_KIND_RECORD:
        return ev_record_equal(field->record, a, b);
    case EV_KIND_ARRAY: {
        const ev_any_array *left = a, *right = b;
        if (left->count != right->count)
            return false;
        for (size_t i = 0; i < left->count; i++)
            if (!values_equal(field, field->item_kind, ev_at(left->items, i * field->item_size),
                              ev_at(right->items, i * field->item_size)))
                return false;
        return true;
    }
    case EV_KIND_BOOL:
    case EV_KIND_INT:
    case EV_KIND_LONG:
    case EV_KIND_DOUBLE: /* by its bits: what is encoded differently is different */
    case EV_KIND_ENUM:
        return memcmp(a, b, ev_kind_size(kind, NULL)) == 0;
    }
    return false;
}

bool ev_record_equal(const struct ev_record *record, const void *a, const void *b)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        const void *left = ev_field_value(field, ev_at(a, field->offset));
        const void *right = ev_field_value(field, ev_at(b, field->offset));
        if (!left || !right) {
            if (left != right)
                return false;
        } else if (!values_equal(field, field->kind, left, right)) {
            return false;
        }
    }
    return true;
}

static void value_copy(const struct ev_field *field, enum ev_kind kind, const void *from, void *to,
                       struct ev_arena *arena);

static void array_copy(const struct ev_field *field, const ev_any_array *from, ev_any_array *to, struct ev_arena *arena)
{
    *to = (struct ev_array){0};
    if (!from->items || (from->count == 0 && !field->nullable))
        return;
    to->items = ev_arena_alloc(arena, from->count * field->item_size);
    to->count = to->capacity = from->count;
    for (size_t i = 0; i < from->count; i++)
        value_copy(field, field->item_kind, ev_at(from->items, i * field->item_size),
                   ev_at_mut(to->items, i * field->item_size), arena);
}

static void value_copy(const struct ev_field *field, enum ev_kind kind, const void *from, void *to,
                       struct ev_arena *arena)
{
    switch (kind) {
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        *(struct ev_str *)to = ev_arena_copy(arena, *(const struct ev_str *)from);
        break;
    case EV_KIND_RECORD:
        ev_record_copy(field->record, from, to, arena);
        break;
    case EV_KIND_ARRAY:
        array_copy(field, from, to, arena);
        break;
    case EV_KIND_BOOL:
    case EV_KIND_INT:
    case EV_KIND_LONG:
    case EV_KIND_DOUBLE:
    case EV_KIND_ENUM:
        memcpy(to, from, ev_kind_size(kind, NULL));
        break;
    }
}

void ev_field_copy(const struct ev_field *field, const void *from, void *to, struct ev_arena *arena)
{
    if (!field->nullable || ev_kind_is_text(field->kind) || field->kind == EV_KIND_ARRAY) {
        value_copy(field, field->kind, from, to, arena);
    } else if (field->kind == EV_KIND_RECORD) {
        const void *record = *(const void *const *)from;
        void *copy = record ? ev_arena_alloc(arena, field->record->size) : NULL;
        if (record)
            ev_record_copy(field->record, record, copy, arena);
        *(void **)to = copy;
    } else {
        *(bool *)to = *(const bool *)from;
        memcpy(ev_at_mut(to, field->value_offset), ev_at(from, field->value_offset), ev_kind_size(field->kind, NULL));
    }
}

void ev_record_copy(const struct ev_record *record, const void *from, void *to, struct ev_arena *arena)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        ev_field_copy(field, ev_at(from, field->offset), ev_at_mut(to, field->offset), arena);
    }
}

static struct ev_str text_default(struct ev_str json, struct ev_arena *arena)
{
    yyjson_val *root;
    if (ev_json_parse(json, arena, &root, NULL) < 0 || !yyjson_is_str(root))
        return EV_STR("");
    return (struct ev_str){yyjson_get_str(root), yyjson_get_len(root)};
}

static int32_t symbol_default(const struct ev_enum *symbols, const char *json)
{
    for (size_t i = 0; i < symbols->count; i++) {
        size_t length = strlen(symbols->symbols[i]);
        if (strncmp(json + 1, symbols->symbols[i], length) == 0 && json[1 + length] == '"')
            return (int32_t)i;
    }
    return 0;
}

/* The generator has checked that the default is a value of the field's type; null and [] are what zeroed memory
 * holds. */
void ev_field_init(const struct ev_field *field, void *to, struct ev_arena *arena)
{
    const char *json = field->default_json;
    if (field->nullable)
        return;
    switch (field->kind) {
    case EV_KIND_RECORD:
        ev_record_init(field->record, to, arena);
        break;
    case EV_KIND_BOOL:
        *(bool *)to = json && json[0] == 't';
        break;
    case EV_KIND_INT:
        *(int32_t *)to = json ? (int32_t)strtol(json, NULL, 10) : 0;
        break;
    case EV_KIND_LONG:
        *(int64_t *)to = json ? strtoll(json, NULL, 10) : 0;
        break;
    case EV_KIND_DOUBLE:
        *(double *)to = json ? strtod(json, NULL) : 0;
        break;
    case EV_KIND_ENUM:
        *(int32_t *)to = json ? symbol_default(field->symbols, json) : 0;
        break;
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        *(struct ev_str *)to = json ? text_default(ev_str_of(json), arena) : EV_STR("");
        break;
    case EV_KIND_ARRAY:
        break;
    }
}

void ev_record_init(const struct ev_record *record, void *ret, struct ev_arena *arena)
{
    memset(ret, 0, record->size);
    for (size_t i = 0; i < record->field_count; i++)
        ev_field_init(&record->fields[i], ev_at_mut(ret, record->fields[i].offset), arena);
}
