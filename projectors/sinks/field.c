#include "sinks/field.h"

#include <string.h>

#include "core/fatal.h"

static bool field_is_optional_struct(const struct ev_field *field)
{
    return field->nullable && field->kind != EV_KIND_STRING && field->kind != EV_KIND_BYTES &&
           field->kind != EV_KIND_RECORD && field->kind != EV_KIND_ARRAY;
}

const void *sink_field_value(const struct ev_field *field, const void *record_value)
{
    const char *at = (const char *)record_value + field->offset;
    if (!field->nullable)
        return at;
    if (field_is_optional_struct(field))
        return *(const bool *)at ? at + field->value_offset : NULL;
    if (field->kind == EV_KIND_RECORD)
        return *(const void *const *)(const void *)at;
    return ((const struct ev_str *)(const void *)at)->data ? at : NULL;
}

void *sink_field_place(const struct ev_field *field, void *record_value, struct ev_arena *arena)
{
    char *at = (char *)record_value + field->offset;
    if (!field->nullable)
        return at;
    if (field_is_optional_struct(field)) {
        *(bool *)at = true;
        return at + field->value_offset;
    }
    if (field->kind == EV_KIND_RECORD) {
        void *embedded = ev_arena_alloc(arena, field->record->size);
        *(void **)(void *)at = embedded;
        return embedded;
    }
    return at;
}

const struct ev_field *sink_field_find(const struct ev_record *record, struct ev_str name, size_t *hint)
{
    for (size_t i = 0; i < record->field_count; i++) {
        size_t index = (*hint + i) % record->field_count;
        const struct ev_field *field = &record->fields[index];
        if (strlen(field->name) == name.length && memcmp(field->name, name.data, name.length) == 0) {
            *hint = index + 1;
            return field;
        }
    }
    return NULL;
}

int32_t sink_enum_index(const struct ev_enum *symbols, struct ev_str symbol)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (ev_str_equal(ev_str_of(symbols->symbols[i]), symbol))
            return (int32_t)i;
    return -1;
}

int sink_fields_check(const struct ev_record *record, uint64_t seen, struct ev_error *error)
{
    if (record->field_count > SINK_FIELDS_MAX)
        ev_fatal("%s has more than %d fields", record->name, SINK_FIELDS_MAX);
    for (size_t i = 0; i < record->field_count; i++)
        if (!record->fields[i].nullable && !(seen >> i & 1))
            return ev_error_set(error, EV_ERR_CORRUPT, "%s.%s is missing", record->name, record->fields[i].name);
    return 0;
}
