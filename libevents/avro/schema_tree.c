#include "avro/schema_tree.h"

#include <stdlib.h>
#include <string.h>

#include "core/map.h"

struct parser {
    struct ev_arena *arena;
    const struct ev_schema_names *names;
    struct ev_map by_name; /* full name -> struct ev_schema * */
    size_t nodes;
    unsigned depth;
    struct ev_error *error;
};

static const char *const kind_names[] = {
#define X(name, text) text,
    EV_SCHEMA_KINDS(X)
#undef X
};

static const struct ev_schema *parse_type(struct parser *parser, yyjson_val *json, struct ev_str space);

static struct ev_str text_of(yyjson_val *object, const char *key)
{
    return ev_json_str(yyjson_obj_get(object, key));
}

static bool count_node(struct parser *parser)
{
    if (++parser->nodes <= EV_SCHEMA_TREE_NODES_MAX)
        return true;
    ev_error_set(parser->error, EV_ERR_LIMIT, "a schema of more than %d parts", EV_SCHEMA_TREE_NODES_MAX);
    return false;
}

static struct ev_schema *node(struct parser *parser, enum ev_schema_kind kind)
{
    if (!count_node(parser))
        return NULL;
    struct ev_schema *made = ev_arena_new(parser->arena, struct ev_schema);
    made->kind = kind;
    return made;
}

static void *refuse(struct parser *parser, const char *what, struct ev_str where)
{
    ev_error_set(parser->error, EV_ERR_INVALID, "the schema: %s: %.*s", what, EV_STR_ARG(where));
    return NULL;
}

/* Letters, digits and underscores, no digit first; with dots between several such where `dots`. */
static bool is_name(struct ev_str name, bool dots)
{
    bool first = true;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (c == '.' && dots && !first) {
            first = true;
            continue;
        }
        if (!letter && (first || c < '0' || c > '9'))
            return false;
        first = false;
    }
    return !first;
}

static struct ev_str with_space(struct parser *parser, struct ev_str name, struct ev_str space)
{
    if (space.length == 0 || memchr(name.data, '.', name.length))
        return name;
    return ev_arena_printf(parser->arena, "%.*s.%.*s", EV_STR_ARG(space), EV_STR_ARG(name));
}

static struct ev_str space_of(struct ev_str full_name)
{
    const char *dot = memrchr(full_name.data, '.', full_name.length);
    return dot ? (struct ev_str){full_name.data, (size_t)(dot - full_name.data)} : EV_STR("");
}

/* A list of names; an absent one is empty. */
static bool parse_names(struct parser *parser, yyjson_val *json, struct ev_str space, bool qualify,
                        struct ev_str_array *ret)
{
    size_t index, count;
    yyjson_val *item;
    if (json && !yyjson_is_arr(json))
        return refuse(parser, "a list of names is expected, not", ev_str_of(yyjson_get_type_desc(json)));
    yyjson_arr_foreach (json, index, count, item) {
        struct ev_str name = ev_json_str(item);
        if (!is_name(name, qualify))
            return refuse(parser, "not a name", name);
        if (!count_node(parser))
            return false;
        *ev_array_push(parser->arena, ret) = qualify ? with_space(parser, name, space) : name;
    }
    return true;
}

static bool parse_default(struct parser *parser, yyjson_val *json, struct ev_str *ret)
{
    size_t length;
    char *text = json ? yyjson_val_write(json, YYJSON_WRITE_ALLOW_INF_AND_NAN, &length) : NULL;
    if (json && !text)
        return refuse(parser, "a default that can't be written", EV_STR_NULL);
    *ret = text ? ev_arena_copy(parser->arena, (struct ev_str){text, length}) : EV_STR_NULL;
    free(text);
    return true;
}

static bool parse_field(struct parser *parser, yyjson_val *json, struct ev_schema *record, struct ev_str space)
{
    struct ev_schema_field *field = &record->fields[record->field_count];
    *field = (struct ev_schema_field){.name = text_of(json, "name")};
    if (!is_name(field->name, false))
        return refuse(parser, "a field without a proper name in", record->full_name);
    if (ev_schema_field_find(record, field->name))
        return refuse(parser, "a field that is there twice", field->name);
    if (!count_node(parser))
        return false;
    record->field_count++;
    field->type = parse_type(parser, yyjson_obj_get(json, "type"), space);
    return field->type && parse_names(parser, yyjson_obj_get(json, "aliases"), space, false, &field->aliases) &&
           parse_default(parser, yyjson_obj_get(json, "default"), &field->default_json);
}

static bool parse_fields(struct parser *parser, yyjson_val *json, struct ev_schema *record)
{
    size_t index, count;
    yyjson_val *item, *fields = yyjson_obj_get(json, "fields");
    struct ev_str space = space_of(record->full_name);
    if (!yyjson_is_arr(fields))
        return refuse(parser, "a record without fields", record->full_name);
    record->fields = ev_arena_new_array(parser->arena, struct ev_schema_field, yyjson_arr_size(fields));
    yyjson_arr_foreach (fields, index, count, item) {
        if (!parse_field(parser, item, record, space))
            return false;
    }
    return true;
}

static bool parse_symbols(struct parser *parser, yyjson_val *json, struct ev_schema *made)
{
    yyjson_val *symbols = yyjson_obj_get(json, "symbols"), *symbol = yyjson_obj_get(json, "default");
    struct ev_map seen;
    bool good = true;
    if (!yyjson_is_arr(symbols) || !parse_names(parser, symbols, EV_STR(""), false, &made->symbols))
        return refuse(parser, "an enum without proper symbols", made->full_name);
    ev_map_init(&seen);
    for (size_t i = 0; i < made->symbols.count && good; i++)
        good = !ev_map_put(&seen, made->symbols.items[i], made);
    made->default_symbol = ev_json_str(symbol);
    good = good && (!symbol || (made->default_symbol.data && ev_map_get(&seen, made->default_symbol)));
    ev_map_finish(&seen);
    return good || refuse(parser, "an enum's symbols must differ, and its default be one of them", made->full_name);
}

static bool parse_size(struct parser *parser, yyjson_val *json, struct ev_schema *made)
{
    yyjson_val *size = yyjson_obj_get(json, "size");
    if (!yyjson_is_uint(size) || yyjson_get_uint(size) > INT32_MAX)
        return refuse(parser, "a fixed without a size", made->full_name);
    made->size = (int64_t)yyjson_get_uint(size);
    return true;
}

static const struct ev_schema *parse_named(struct parser *parser, yyjson_val *json, enum ev_schema_kind kind,
                                           struct ev_str space)
{
    struct ev_str name = text_of(json, "name"), own_space = text_of(json, "namespace");
    if (!is_name(name, true) || (own_space.length > 0 && !is_name(own_space, true)))
        return refuse(parser, "a type without a proper name", name);
    struct ev_schema *made = node(parser, kind);
    if (!made)
        return NULL;
    made->full_name = with_space(parser, name, own_space.data ? own_space : space);
    space = space_of(made->full_name);
    size_t before = space.length ? space.length + 1 : 0;
    made->name = (struct ev_str){made->full_name.data + before, made->full_name.length - before};
    if (ev_map_put(&parser->by_name, made->full_name, made))
        return refuse(parser, "a name that is given twice", made->full_name);
    if (!parse_names(parser, yyjson_obj_get(json, "aliases"), space, true, &made->aliases))
        return NULL;
    bool good = kind == EV_SCHEMA_RECORD ? parse_fields(parser, json, made)
                : kind == EV_SCHEMA_ENUM ? parse_symbols(parser, json, made)
                                         : parse_size(parser, json, made);
    return good ? made : NULL;
}

/* What tells the branches of a union apart: the name, or the kind. */
static struct ev_str branch_key(const struct ev_schema *branch)
{
    return ev_schema_is_named(branch) ? branch->full_name : ev_str_of(kind_names[branch->kind]);
}

static const struct ev_schema *parse_union(struct parser *parser, yyjson_val *json, struct ev_str space)
{
    size_t index, count;
    yyjson_val *item;
    struct ev_schema *made = node(parser, EV_SCHEMA_UNION);
    if (!made)
        return NULL;
    struct ev_map seen;
    bool good = true;
    made->branches = ev_arena_new_array(parser->arena, const struct ev_schema *, yyjson_arr_size(json));
    ev_map_init(&seen);
    yyjson_arr_foreach (json, index, count, item) {
        const struct ev_schema *branch = good ? parse_type(parser, item, space) : NULL;
        good = good && branch;
        if (good && (branch->kind == EV_SCHEMA_UNION || ev_map_put(&seen, branch_key(branch), made)))
            good = refuse(parser, "a union with the same branch twice, or a union in it", branch_key(branch));
        made->branches[made->branch_count] = branch;
        made->branch_count += good;
    }
    ev_map_finish(&seen);
    return good ? made : NULL;
}

static const struct ev_schema *parse_items(struct parser *parser, yyjson_val *items, enum ev_schema_kind kind,
                                           struct ev_str space)
{
    struct ev_schema *made = node(parser, kind);
    if (made)
        made->items = parse_type(parser, items, space);
    return made && made->items ? made : NULL;
}

static bool find_kind(struct ev_str text, enum ev_schema_kind *ret)
{
    for (size_t i = 0; i < EV_SCHEMA_UNION; i++) {
        if (ev_str_equal(text, ev_str_of(kind_names[i]))) {
            *ret = (enum ev_schema_kind)i;
            return true;
        }
    }
    return false;
}

/* A type by its name that the text doesn't define, from wherever such names come. */
static const struct ev_schema *look_up(struct parser *parser, struct ev_str full_name)
{
    struct ev_str text;
    yyjson_val *json;
    if (!parser->names)
        return refuse(parser, "no such type", full_name);
    if (parser->names->find(parser->names->context, full_name, parser->arena, &text, parser->error) < 0)
        return NULL;
    if (text.length > EV_SCHEMA_TREE_BYTES_MAX) {
        ev_error_set(parser->error, EV_ERR_LIMIT, "a schema of %zu bytes", text.length);
        return NULL;
    }
    if (ev_json_parse(text, parser->arena, &json, parser->error) < 0)
        return NULL;
    const struct ev_schema *found = parse_type(parser, json, EV_STR(""));
    if (found && !ev_str_equal(found->full_name, full_name))
        return refuse(parser, "what was found by this name has another", full_name);
    return found;
}

static const struct ev_schema *parse_name(struct parser *parser, struct ev_str name, struct ev_str space)
{
    enum ev_schema_kind kind;
    if (find_kind(name, &kind) && kind < EV_SCHEMA_RECORD)
        return node(parser, kind);
    if (!is_name(name, true))
        return refuse(parser, "not a type", name);
    struct ev_str full_name = with_space(parser, name, space);
    const struct ev_schema *found = ev_map_get(&parser->by_name, full_name);
    if (!found)
        found = ev_map_get(&parser->by_name, name);
    return found ? found : look_up(parser, full_name);
}

static const struct ev_schema *parse_object(struct parser *parser, yyjson_val *json, struct ev_str space)
{
    enum ev_schema_kind kind;
    yyjson_val *type = yyjson_obj_get(json, "type");
    struct ev_str name = ev_json_str(type);
    if (type && !name.data) /* {"type": {"type": …}} */
        return parse_type(parser, type, space);
    if (!find_kind(name, &kind))
        return parse_name(parser, name, space);
    if (kind == EV_SCHEMA_ARRAY)
        return parse_items(parser, yyjson_obj_get(json, "items"), kind, space);
    if (kind == EV_SCHEMA_MAP)
        return parse_items(parser, yyjson_obj_get(json, "values"), kind, space);
    const struct ev_schema *made =
        kind >= EV_SCHEMA_RECORD ? parse_named(parser, json, kind, space) : node(parser, kind);
    if (made) {
        struct ev_schema *open = (struct ev_schema *)(uintptr_t)made; /* it was made just now */
        open->logical_type = text_of(json, "logicalType");
        open->format = text_of(json, "format");
    }
    return made;
}

static const struct ev_schema *parse_type(struct parser *parser, yyjson_val *json, struct ev_str space)
{
    const struct ev_schema *made = NULL;
    if (++parser->depth > EV_SCHEMA_TREE_DEPTH_MAX)
        ev_error_set(parser->error, EV_ERR_LIMIT, "a schema deeper than %d", EV_SCHEMA_TREE_DEPTH_MAX);
    else if (yyjson_is_str(json))
        made = parse_name(parser, ev_json_str(json), space);
    else if (yyjson_is_arr(json))
        made = parse_union(parser, json, space);
    else if (yyjson_is_obj(json))
        made = parse_object(parser, json, space);
    else
        refuse(parser, "a type is expected, not", ev_str_of(yyjson_get_type_desc(json)));
    parser->depth--;
    return made;
}

int ev_schema_tree_parse(struct ev_str json, const struct ev_schema_names *names, struct ev_arena *arena,
                         const struct ev_schema **ret, struct ev_error *error)
{
    struct ev_error mine;
    yyjson_val *root;
    error = error ? error : &mine;
    if (json.length > EV_SCHEMA_TREE_BYTES_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a schema of %zu bytes", json.length);
    int rc = ev_json_parse(json, arena, &root, error);
    if (rc < 0)
        return rc;
    struct parser parser = {.arena = arena, .names = names, .error = error};
    ev_map_init(&parser.by_name);
    const struct ev_schema *made = parse_type(&parser, root, EV_STR(""));
    ev_map_finish(&parser.by_name);
    *ret = made;
    return made ? 0 : (int)error->code;
}

const struct ev_schema_field *ev_schema_field_find(const struct ev_schema *record, struct ev_str name)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (ev_str_equal(record->fields[i].name, name))
            return &record->fields[i];
    return NULL;
}

bool ev_schema_has_alias(const struct ev_str_array *aliases, struct ev_str name)
{
    for (size_t i = 0; i < aliases->count; i++)
        if (ev_str_equal(aliases->items[i], name))
            return true;
    return false;
}

bool ev_schema_names_match(const struct ev_schema *reader, const struct ev_schema *writer)
{
    return ev_str_equal(reader->name, writer->name) || ev_schema_has_alias(&reader->aliases, writer->full_name);
}
