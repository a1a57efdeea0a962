#include "avro/command_internal.h"

static void parse_object(const struct ev_record *record, yyjson_val *object, const struct ev_place *place,
                         struct ev_arena *arena, struct ev_faults *faults, void *ret);

static const struct ev_field *field_by_name(const struct ev_record *record, struct ev_str name)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const char *candidate = record->fields[i].name;
        if (strlen(candidate) == name.length && memcmp(candidate, name.data, name.length) == 0)
            return &record->fields[i];
    }
    return NULL;
}

static void parse_item(const struct ev_field *field, yyjson_val *json, const struct ev_place *place,
                       struct ev_arena *arena, struct ev_faults *faults, void *to)
{
    if (field->item_kind == EV_KIND_RECORD)
        parse_object(field->record, json, place, arena, faults, to);
    else
        ev_check_scalar(field, field->item_kind, field->constraint->items, json, place, faults, to);
}

/* A list that is too long is not looked into: what a command costs is bounded by its schema. */
static void parse_array(const struct ev_field *field, yyjson_val *json, const struct ev_place *place,
                        struct ev_arena *arena, struct ev_faults *faults, ev_any_array *to)
{
    const struct ev_constraint *constraint = field->constraint;
    if (!yyjson_is_arr(json)) {
        ev_place_fault(place, faults, "type", "a list is expected");
        return;
    }
    size_t count = yyjson_arr_size(json);
    if (count < constraint->min_items)
        ev_place_fault(place, faults, "min_items", "at least %zu items are needed", constraint->min_items);
    if (count > constraint->max_items) {
        ev_place_fault(place, faults, "max_items", "at most %zu items are allowed", constraint->max_items);
        return;
    }
    to->items = ev_arena_alloc(arena, count * field->item_size);
    to->capacity = count;
    size_t index, bound;
    yyjson_val *item;
    yyjson_arr_foreach (json, index, bound, item) {
        struct ev_place item_place = {.parent = place, .index = index};
        parse_item(field, item, &item_place, arena, faults, ev_at_mut(to->items, index * field->item_size));
        to->count++;
    }
}

static void parse_field(const struct ev_field *field, yyjson_val *json, const struct ev_place *place,
                        struct ev_arena *arena, struct ev_faults *faults, void *at)
{
    void *to = ev_field_open(field, at, arena);
    if (!to)
        ev_place_fault(place, faults, "type", "the command takes more memory than is allowed for it");
    else if (field->kind == EV_KIND_RECORD)
        parse_object(field->record, json, place, arena, faults, to);
    else if (field->kind == EV_KIND_ARRAY)
        parse_array(field, json, place, arena, faults, to);
    else
        ev_check_scalar(field, field->kind, field->constraint, json, place, faults, to);
}

/* Every property that is in the object; what the server fills in is as unknown to clients as what isn't there at all.
 */
static void parse_properties(const struct ev_record *record, yyjson_val *object, const struct ev_place *place,
                             struct ev_arena *arena, struct ev_faults *faults, void *ret)
{
    size_t index, bound;
    yyjson_val *key, *value;
    yyjson_obj_foreach (object, index, bound, key, value) {
        struct ev_place inner = {.parent = place, .name = ev_json_str(key)};
        const struct ev_field *field = field_by_name(record, inner.name);
        if (!field || field->constraint->source == EV_SOURCE_SERVER)
            ev_place_fault(&inner, faults, "unknown", "there is no such field here");
        else
            parse_field(field, value, &inner, arena, faults, ev_at_mut(ret, field->offset));
    }
}

static bool path_has(const struct ev_field *field, const struct ev_path_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ev_str_equal(values[i].name, ev_str_of(field->name)))
            return true;
    return false;
}

static void check_required(const struct ev_record *record, yyjson_val *object, const struct ev_place *place,
                           const struct ev_path_value *values, size_t value_count, struct ev_faults *faults)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        struct ev_place inner = {.parent = place, .name = ev_str_of(field->name)};
        if (field->constraint->required && !yyjson_obj_get(object, field->name) &&
            !path_has(field, values, value_count))
            ev_place_fault(&inner, faults, "required", "the field %s is needed", field->name);
    }
}

static void parse_object(const struct ev_record *record, yyjson_val *object, const struct ev_place *place,
                         struct ev_arena *arena, struct ev_faults *faults, void *ret)
{
    if (!yyjson_is_obj(object)) {
        ev_place_fault(place, faults, "type", "an object is expected");
        return;
    }
    parse_properties(record, object, place, arena, faults, ret);
    check_required(record, object, place, NULL, 0, faults);
}

static void apply_path_value(const struct ev_record *record, const struct ev_path_value *value, yyjson_val *body,
                             struct ev_arena *arena, struct ev_faults *faults, void *ret)
{
    struct ev_place place = {.name = value->name};
    const struct ev_field *field = field_by_name(record, value->name);
    if (!field || field->constraint->source != EV_SOURCE_PATH) {
        ev_place_fault(&place, faults, "unknown", "this field does not come from the URL");
        return;
    }
    if (yyjson_obj_getn(body, value->name.data, value->name.length))
        ev_place_fault(&place, faults, "unknown", "the URL says this already, leave it out of the body");
    void *to = ev_field_open(field, ev_at_mut(ret, field->offset), arena);
    if (to)
        ev_check_path_value(field, value->value, &place, faults, to);
}

int ev_command_parse(const struct ev_command_type *type, yyjson_val *body, const struct ev_path_value *path_values,
                     size_t path_value_count, struct ev_arena *arena, void *ret, struct ev_faults *faults)
{
    const struct ev_record *record = type->record;
    *faults = (struct ev_faults){.arena = arena};
    memset(ret, 0, record->size);
    if (body && !yyjson_is_obj(body)) {
        ev_place_fault(NULL, faults, "type", "an object is expected");
        return 1;
    }
    if (body)
        parse_properties(record, body, NULL, arena, faults, ret);
    for (size_t i = 0; i < path_value_count; i++)
        apply_path_value(record, &path_values[i], body, arena, faults, ret);
    check_required(record, body, NULL, path_values, path_value_count, faults);
    return faults->total > 0;
}

struct ev_str ev_command_key(const struct ev_command_type *type, const void *command)
{
    const struct ev_field *field = field_by_name(type->record, ev_str_of(type->key));
    return field ? *(const struct ev_str *)ev_at(command, field->offset) : EV_STR_NULL;
}
