#include "sinks/json_document.h"

#include "sinks/field.h"

static int read_type_error(const struct ev_field *field, struct ev_error *error)
{
    return ev_error_set(error, EV_ERR_CORRUPT, "%s is of another type than its schema says", field->name);
}

static int read_value(yyjson_val *value, enum ev_kind kind, const struct ev_field *field, struct ev_arena *arena,
                      void *ret, struct ev_error *error);

static int read_array(yyjson_val *value, const struct ev_field *field, struct ev_arena *arena, void *ret,
                      struct ev_error *error)
{
    if (!yyjson_is_arr(value))
        return read_type_error(field, error);
    ev_array_reserve(arena, ret, field->item_size, yyjson_arr_size(value));
    size_t index, count;
    yyjson_val *item;
    yyjson_arr_foreach (value, index, count, item) {
        int r =
            read_value(item, field->item_kind, field, arena, ev_array_push_raw(arena, ret, field->item_size), error);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool read_int64(yyjson_val *value, int64_t *ret)
{
    if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX))
        return false;
    *ret = yyjson_get_sint(value);
    return true;
}

static int read_value(yyjson_val *value, enum ev_kind kind, const struct ev_field *field, struct ev_arena *arena,
                      void *ret, struct ev_error *error)
{
    int64_t number = 0;
    switch (kind) {
    case EV_KIND_BOOL:
        *(bool *)ret = yyjson_get_bool(value);
        return yyjson_is_bool(value) ? 0 : read_type_error(field, error);
    case EV_KIND_INT:
        if (!read_int64(value, &number) || number < INT32_MIN || number > INT32_MAX)
            return read_type_error(field, error);
        *(int32_t *)ret = (int32_t)number;
        return 0;
    case EV_KIND_LONG:
        return read_int64(value, ret) ? 0 : read_type_error(field, error);
    case EV_KIND_DOUBLE:
        *(double *)ret = yyjson_get_num(value);
        return yyjson_is_num(value) ? 0 : read_type_error(field, error);
    case EV_KIND_STRING:
        *(struct ev_str *)ret = ev_json_str(value);
        return yyjson_is_str(value) ? 0 : read_type_error(field, error);
    case EV_KIND_ENUM:
        *(int32_t *)ret = yyjson_is_str(value) ? sink_enum_index(field->symbols, ev_json_str(value)) : -1;
        return *(int32_t *)ret < 0 ? read_type_error(field, error) : 0;
    case EV_KIND_RECORD:
        return sink_json_read(field->record, value, arena, ret, error);
    case EV_KIND_ARRAY:
        return read_array(value, field, arena, ret, error);
    case EV_KIND_BYTES: /* no view has any */
        break;
    }
    return read_type_error(field, error);
}

int sink_json_read(const struct ev_record *record, yyjson_val *document, struct ev_arena *arena, void *ret,
                   struct ev_error *error)
{
    if (!yyjson_is_obj(document))
        return ev_error_set(error, EV_ERR_CORRUPT, "%s is no object", record->name);
    uint64_t seen = 0;
    size_t hint = 0, index, count;
    yyjson_val *key, *value;
    yyjson_obj_foreach (document, index, count, key, value) {
        struct ev_str name = ev_json_str(key);
        if (yyjson_is_null(value) || (name.length && name.data[0] == '_'))
            continue;
        const struct ev_field *field = sink_field_find(record, name, &hint);
        if (!field)
            return ev_error_set(error, EV_ERR_CORRUPT, "%s has no field %.*s", record->name, EV_STR_ARG(name));
        int r = read_value(value, field->kind, field, arena, sink_field_place(field, ret, arena), error);
        if (r < 0)
            return r;
        seen |= UINT64_C(1) << (field - record->fields);
    }
    return sink_fields_check(record, seen, error);
}
