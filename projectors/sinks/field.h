/* Where the value of a struct's field lies, for the sinks' converters. */
#pragma once

#include "avro/record.h"

/* NULL when it is null. */
const void *sink_field_value(const struct ev_field *field, const void *record_value);
/* Room for the value of a field that isn't null, marked as present. */
void *sink_field_place(const struct ev_field *field, void *record_value, struct ev_arena *arena);
/* The field of this name, looked for from *hint on (documents mostly have the schema's order); NULL: there is none. */
const struct ev_field *sink_field_find(const struct ev_record *record, struct ev_str name, size_t *hint);
/* The index of a symbol; -1: there is none such. */
int32_t sink_enum_index(const struct ev_enum *symbols, struct ev_str symbol);
/* 0, or CORRUPT when a field that can't be null isn't among the `seen` (one bit each, by index). */
#define SINK_FIELDS_MAX 64
int sink_fields_check(const struct ev_record *record, uint64_t seen, struct ev_error *error);
