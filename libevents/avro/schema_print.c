#include "avro/schema_tree.h"
#include "core/map.h"

static const char *const kind_names[] = {
#define X(name, text) text,
    EV_SCHEMA_KINDS(X)
#undef X
};

struct printer {
    struct ev_json_writer json;
    struct ev_map written; /* by full name */
};

static void print_schema(struct printer *printer, const struct ev_schema *schema);

static void print_names(struct printer *printer, const char *key, const struct ev_str_array *names, bool even_empty)
{
    if (names->count == 0 && !even_empty)
        return;
    ev_json_key(&printer->json, ev_str_of(key));
    ev_json_array_begin(&printer->json);
    for (size_t i = 0; i < names->count; i++)
        ev_json_string(&printer->json, names->items[i]);
    ev_json_array_end(&printer->json);
}

static void print_fields(struct printer *printer, const struct ev_schema *record)
{
    ev_json_key(&printer->json, EV_STR("fields"));
    ev_json_array_begin(&printer->json);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_schema_field *field = &record->fields[i];
        ev_json_object_begin(&printer->json);
        ev_json_kv_string(&printer->json, "name", field->name);
        ev_json_key(&printer->json, EV_STR("type"));
        print_schema(printer, field->type);
        if (field->default_json.data) {
            ev_json_key(&printer->json, EV_STR("default"));
            ev_json_raw(&printer->json, field->default_json);
        }
        print_names(printer, "aliases", &field->aliases, false);
        ev_json_object_end(&printer->json);
    }
    ev_json_array_end(&printer->json);
}

static void print_named(struct printer *printer, const struct ev_schema *schema)
{
    size_t space = schema->full_name.length - schema->name.length;
    struct ev_json_writer *json = &printer->json;
    ev_json_kv_string(json, "name", schema->name);
    ev_json_kv_string(json, "namespace", (struct ev_str){schema->full_name.data, space ? space - 1 : 0});
    print_names(printer, "aliases", &schema->aliases, false);
    if (schema->kind == EV_SCHEMA_RECORD)
        print_fields(printer, schema);
    if (schema->kind == EV_SCHEMA_ENUM)
        print_names(printer, "symbols", &schema->symbols, true);
    if (schema->default_symbol.data)
        ev_json_kv_string(json, "default", schema->default_symbol);
    if (schema->kind == EV_SCHEMA_FIXED)
        ev_json_kv_int64(json, "size", schema->size);
}

static void print_object(struct printer *printer, const struct ev_schema *schema)
{
    struct ev_json_writer *json = &printer->json;
    ev_json_object_begin(json);
    ev_json_kv_cstr(json, "type", kind_names[schema->kind]);
    if (ev_schema_is_named(schema))
        print_named(printer, schema);
    if (schema->items) {
        ev_json_key(json, schema->kind == EV_SCHEMA_MAP ? EV_STR("values") : EV_STR("items"));
        print_schema(printer, schema->items);
    }
    if (schema->logical_type.data)
        ev_json_kv_string(json, "logicalType", schema->logical_type);
    if (schema->format.data)
        ev_json_kv_string(json, "format", schema->format);
    ev_json_object_end(json);
}

static void print_schema(struct printer *printer, const struct ev_schema *schema)
{
    bool plain = !ev_schema_is_named(schema) && !schema->items && !schema->logical_type.data && !schema->format.data;
    if (schema->kind == EV_SCHEMA_UNION) {
        ev_json_array_begin(&printer->json);
        for (size_t i = 0; i < schema->branch_count; i++)
            print_schema(printer, schema->branches[i]);
        ev_json_array_end(&printer->json);
    } else if (plain) {
        ev_json_string(&printer->json, ev_str_of(kind_names[schema->kind]));
    } else if (ev_schema_is_named(schema) &&
               ev_map_put(&printer->written, schema->full_name, (void *)(uintptr_t)schema)) {
        ev_json_string(&printer->json, schema->full_name);
    } else {
        print_object(printer, schema);
    }
}

void ev_schema_tree_print(const struct ev_schema *schema, struct ev_buffer *out)
{
    struct printer printer;
    ev_json_init(&printer.json, out);
    ev_map_init(&printer.written);
    print_schema(&printer, schema);
    ev_map_finish(&printer.written);
}

void ev_schema_describe(const struct ev_schema *schema, struct ev_buffer *out)
{
    struct ev_str note = schema->format.data ? schema->format : schema->logical_type;
    switch (schema->kind) {
    case EV_SCHEMA_RECORD:
    case EV_SCHEMA_ENUM:
    case EV_SCHEMA_FIXED:
        ev_buffer_printf(out, "%s %.*s", kind_names[schema->kind], EV_STR_ARG(schema->name));
        break;
    case EV_SCHEMA_ARRAY:
    case EV_SCHEMA_MAP:
        ev_buffer_printf(out, "%s of ", kind_names[schema->kind]);
        ev_schema_describe(schema->items, out);
        break;
    case EV_SCHEMA_UNION:
        for (size_t i = 0; i < schema->branch_count; i++) {
            ev_buffer_append_str(out, i ? EV_STR(" or ") : EV_STR(""));
            ev_schema_describe(schema->branches[i], out);
        }
        break;
    case EV_SCHEMA_NULL:
    case EV_SCHEMA_BOOLEAN:
    case EV_SCHEMA_INT:
    case EV_SCHEMA_LONG:
    case EV_SCHEMA_FLOAT:
    case EV_SCHEMA_DOUBLE:
    case EV_SCHEMA_BYTES:
    case EV_SCHEMA_STRING:
        ev_buffer_append_str(out, ev_str_of(kind_names[schema->kind]));
        break;
    }
    if (note.data)
        ev_buffer_printf(out, " (%.*s)", EV_STR_ARG(note));
}
