/* Avro binary by the tables alone: what is written and read with exactly the record's own schema. */
#include "avro/record_internal.h"

static void write_value(const struct ev_field *field, enum ev_kind kind, const void *at, struct ev_wire_writer *writer)
{
    switch (kind) {
    case EV_KIND_BOOL:
        ev_wire_write_bool(writer, *(const bool *)at);
        break;
    case EV_KIND_INT:
    case EV_KIND_ENUM:
        ev_wire_write_long(writer, *(const int32_t *)at);
        break;
    case EV_KIND_LONG:
        ev_wire_write_long(writer, *(const int64_t *)at);
        break;
    case EV_KIND_DOUBLE:
        ev_wire_write_double(writer, *(const double *)at);
        break;
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        ev_wire_write_bytes(writer, *(const struct ev_str *)at);
        break;
    case EV_KIND_RECORD:
        ev_record_write(field->record, at, writer);
        break;
    case EV_KIND_ARRAY: {
        const ev_any_array *array = at;
        if (array->count > 0)
            ev_wire_write_long(writer, (int64_t)array->count);
        for (size_t i = 0; i < array->count; i++)
            write_value(field, field->item_kind, ev_at(array->items, i * field->item_size), writer);
        ev_wire_write_long(writer, 0);
        break;
    }
    }
}

void ev_record_write(const struct ev_record *record, const void *value, struct ev_wire_writer *writer)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        const void *at = ev_at(value, field->offset);
        if (field->nullable) {
            at = ev_field_value(field, at);
            ev_wire_write_long(writer, at != NULL); /* the branch of ["null", T] */
            if (!at)
                continue;
        }
        write_value(field, field->kind, at, writer);
    }
}

void ev_record_encode(const struct ev_record *record, const void *value, struct ev_buffer *out)
{
    struct ev_wire_writer writer = ev_wire_writer_begin(out);
    ev_record_write(record, value, &writer);
    ev_wire_writer_end(&writer);
}

enum ev_wire_fault ev_record_report(enum ev_wire_fault fault, const char *record, const char *field,
                                    struct ev_error *error)
{
    if (fault == EV_WIRE_REPORTED)
        return fault;
    enum ev_error_code code = fault == EV_WIRE_MEMORY    ? EV_ERR_LIMIT
                              : fault == EV_WIRE_UNKNOWN ? EV_ERR_UNSUPPORTED
                                                         : EV_ERR_CORRUPT;
    ev_error_set(error, code, "%s.%s: %s", record, field, ev_wire_fault_text(fault));
    return EV_WIRE_REPORTED;
}

static enum ev_wire_fault read_value(const struct ev_field *field, enum ev_kind kind, struct ev_cursor *cursor,
                                     struct ev_arena *arena, void *to, struct ev_error *error);

static enum ev_wire_fault read_symbol(const struct ev_enum *symbols, struct ev_cursor *cursor, int32_t *ret)
{
    enum ev_wire_fault fault = ev_wire_read_int(cursor, ret);
    if (fault)
        return fault;
    return *ret < 0 || (size_t)*ret >= symbols->count ? EV_WIRE_ENUM : EV_WIRE_OK;
}

static enum ev_wire_fault read_array(const struct ev_field *field, struct ev_cursor *cursor, struct ev_arena *arena,
                                     ev_any_array *to, struct ev_error *error)
{
    size_t count;
    enum ev_wire_fault fault;
    while ((fault = ev_wire_read_block(cursor, &count)) == EV_WIRE_OK && count > 0) {
        for (; count > 0; count--) {
            if (!ev_array_grow(field->item_size, count, arena, to))
                return EV_WIRE_MEMORY;
            void *item = ev_at_mut(to->items, to->count * field->item_size);
            fault = read_value(field, field->item_kind, cursor, arena, item, error);
            if (fault)
                return fault;
            to->count++;
        }
    }
    return fault;
}

static enum ev_wire_fault read_value(const struct ev_field *field, enum ev_kind kind, struct ev_cursor *cursor,
                                     struct ev_arena *arena, void *to, struct ev_error *error)
{
    switch (kind) {
    case EV_KIND_BOOL:
        return ev_wire_read_bool(cursor, to);
    case EV_KIND_INT:
        return ev_wire_read_int(cursor, to);
    case EV_KIND_LONG:
        return ev_wire_read_long(cursor, to);
    case EV_KIND_DOUBLE:
        return ev_wire_read_double(cursor, to);
    case EV_KIND_STRING:
        return ev_wire_read_string(cursor, to);
    case EV_KIND_BYTES:
        return ev_wire_read_bytes(cursor, to);
    case EV_KIND_ENUM:
        return read_symbol(field->symbols, cursor, to);
    case EV_KIND_RECORD:
        return ev_record_decode_fields(field->record, cursor, arena, to, error);
    case EV_KIND_ARRAY:
        return read_array(field, cursor, arena, to, error);
    }
    return EV_WIRE_UNKNOWN;
}

/* ["null", T] */
static enum ev_wire_fault read_nullable(const struct ev_field *field, struct ev_cursor *cursor, struct ev_arena *arena,
                                        void *to, struct ev_error *error)
{
    int64_t branch;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &branch);
    if (fault || branch == 0)
        return fault;
    if (branch != 1)
        return EV_WIRE_UNION;
    void *value = ev_field_open(field, to, arena);
    return value ? read_value(field, field->kind, cursor, arena, value, error) : EV_WIRE_MEMORY;
}

enum ev_wire_fault ev_record_decode_fields(const struct ev_record *record, struct ev_cursor *cursor,
                                           struct ev_arena *arena, void *ret, struct ev_error *error)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        void *to = ev_at_mut(ret, field->offset);
        enum ev_wire_fault fault = field->nullable ? read_nullable(field, cursor, arena, to, error)
                                                   : read_value(field, field->kind, cursor, arena, to, error);
        if (__builtin_expect(fault != EV_WIRE_OK, 0))
            return ev_record_report(fault, record->name, field->name, error);
    }
    return EV_WIRE_OK;
}

int ev_record_check_end(const char *record, const struct ev_cursor *cursor, struct ev_error *error)
{
    if (cursor->at == cursor->end)
        return 0;
    return ev_error_set(error, EV_ERR_CORRUPT, "%s: %zu bytes are left over", record, ev_cursor_left(cursor));
}

int ev_record_decode(const struct ev_record *record, struct ev_str bytes, struct ev_arena *arena, void *ret,
                     struct ev_error *error)
{
    struct ev_error mine;
    if (!error)
        error = &mine;
    struct ev_cursor cursor = ev_cursor_of(bytes);
    memset(ret, 0, record->size);
    if (ev_record_decode_fields(record, &cursor, arena, ret, error) != EV_WIRE_OK)
        return error->code;
    return ev_record_check_end(record->name, &cursor, error);
}
