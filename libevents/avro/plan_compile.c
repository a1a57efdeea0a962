/* Avro 1.11 specification, "Schema Resolution". avro-c parses the writer's schema; the rest is here. */
#include "avro/plan.h"

/* What the reader makes of a value: the field's own kind, or that of an array's items. */
struct plan_target {
    const struct ev_field *field;
    enum ev_kind kind;
};

static const struct ev_plan *plan_value(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                        struct plan_target target);

avro_schema_t ev_plan_target(avro_schema_t schema)
{
    while (avro_typeof(schema) == AVRO_LINK)
        schema = avro_schema_link_target(schema);
    return schema;
}

static const char *name_without_namespace(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

bool ev_plan_name_matches(avro_schema_t writer, const char *name, const char *const *aliases)
{
    const char *written = avro_schema_name(writer), *space = avro_schema_namespace(writer);
    if (strcmp(name_without_namespace(written), name) == 0)
        return true;
    for (; aliases && *aliases; aliases++) {
        const char *dot = strrchr(*aliases, '.');
        if (strcmp(name_without_namespace(*aliases), name_without_namespace(written)) != 0)
            continue;
        size_t length = dot ? (size_t)(dot - *aliases) : 0;
        if (!dot || !space || (strlen(space) == length && strncmp(space, *aliases, length) == 0))
            return true;
    }
    return false;
}

static struct ev_plan *plan_new(struct ev_plan_compiler *compiler, enum ev_plan_op op)
{
    compiler->nodes++;
    struct ev_plan *plan = ev_arena_new(compiler->arena, struct ev_plan);
    plan->op = op;
    return plan;
}

static const char *plan_text(struct ev_plan_compiler *compiler, const char *text)
{
    return ev_arena_copy(compiler->arena, ev_str_of(text)).data;
}

/* Every recursion goes through here. */
static bool plan_enter(struct ev_plan_compiler *compiler)
{
    if (compiler->depth >= EV_PLAN_DEPTH_MAX || compiler->nodes >= EV_PLAN_NODES_MAX) {
        ev_error_set(compiler->error, EV_ERR_UNSUPPORTED,
                     "the writer's schema is nested deeper than %d, or contains itself, or is too large",
                     EV_PLAN_DEPTH_MAX);
        return false;
    }
    compiler->depth++;
    return true;
}

static const struct ev_plan *plan_mismatch(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                           struct plan_target target)
{
    static const char *const kinds[] = {"boolean", "int",  "long",   "double", "string",
                                        "bytes",   "enum", "record", "array"};
    ev_error_set(compiler->error, EV_ERR_INVALID, "%s was written as %s and is read as %s", target.field->name,
                 avro_schema_type_name(writer), kinds[target.kind]);
    return NULL;
}

static const struct ev_plan *plan_fixed_skip(struct ev_plan_compiler *compiler, size_t bytes)
{
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_SKIP_FIXED);
    plan->count = bytes;
    return plan;
}

static const struct ev_plan *skip_items(struct ev_plan_compiler *compiler, enum ev_plan_op op, avro_schema_t items)
{
    struct ev_plan *plan = plan_new(compiler, op);
    plan->items = ev_plan_skip(compiler, items);
    return plan->items ? plan : NULL;
}

static const struct ev_plan *skip_record(struct ev_plan_compiler *compiler, avro_schema_t writer)
{
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_SKIP_RECORD);
    plan->count = avro_schema_record_size(writer);
    struct ev_plan_step *steps = ev_arena_new_array(compiler->arena, struct ev_plan_step, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        steps[i].name = plan_text(compiler, avro_schema_record_field_name(writer, (int)i));
        steps[i].plan = ev_plan_skip(compiler, avro_schema_record_field_get_by_index(writer, (int)i));
        if (!steps[i].plan)
            return NULL;
    }
    plan->steps = steps;
    plan->name = plan_text(compiler, avro_schema_name(writer));
    return plan;
}

static const struct ev_plan *skip_union(struct ev_plan_compiler *compiler, avro_schema_t writer)
{
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_UNION);
    plan->count = avro_schema_union_size(writer);
    const struct ev_plan **branches = ev_arena_new_array(compiler->arena, const struct ev_plan *, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        branches[i] = ev_plan_skip(compiler, avro_schema_union_branch(writer, (int)i));
        if (!branches[i])
            return NULL;
    }
    plan->branches = branches;
    return plan;
}

static const struct ev_plan *skip_value(struct ev_plan_compiler *compiler, avro_schema_t writer)
{
    switch (avro_typeof(writer)) {
    case AVRO_NULL:
        return plan_new(compiler, EV_PLAN_NULL);
    case AVRO_INT32:
    case AVRO_INT64:
    case AVRO_ENUM:
        return plan_new(compiler, EV_PLAN_SKIP_VARINT);
    case AVRO_BOOLEAN:
        return plan_fixed_skip(compiler, 1);
    case AVRO_FLOAT:
        return plan_fixed_skip(compiler, 4);
    case AVRO_DOUBLE:
        return plan_fixed_skip(compiler, 8);
    case AVRO_FIXED:
        return plan_fixed_skip(compiler, (size_t)avro_schema_fixed_size(writer));
    case AVRO_STRING:
    case AVRO_BYTES:
        return plan_new(compiler, EV_PLAN_SKIP_BYTES);
    case AVRO_ARRAY:
        return skip_items(compiler, EV_PLAN_SKIP_ARRAY, avro_schema_array_items(writer));
    case AVRO_MAP:
        return skip_items(compiler, EV_PLAN_SKIP_MAP, avro_schema_map_values(writer));
    case AVRO_RECORD:
        return skip_record(compiler, writer);
    case AVRO_UNION:
        return skip_union(compiler, writer);
    case AVRO_LINK:
        break;
    }
    ev_error_set(compiler->error, EV_ERR_UNSUPPORTED, "the writer's schema has a type that is not known");
    return NULL;
}

const struct ev_plan *ev_plan_skip(struct ev_plan_compiler *compiler, avro_schema_t writer)
{
    if (!plan_enter(compiler))
        return NULL;
    const struct ev_plan *plan = skip_value(compiler, ev_plan_target(writer));
    compiler->depth--;
    return plan;
}

static int32_t symbol_index(const struct ev_enum *symbols, const char *symbol)
{
    for (size_t i = 0; symbol && i < symbols->count; i++)
        if (strcmp(symbols->symbols[i], symbol) == 0)
            return (int32_t)i;
    return -1;
}

static const struct ev_plan *plan_enum(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                       struct plan_target target)
{
    const struct ev_enum *reader = target.field->symbols;
    if (target.kind != EV_KIND_ENUM || !ev_plan_name_matches(writer, reader->name, reader->aliases))
        return plan_mismatch(compiler, writer, target);
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_ENUM);
    plan->count = (size_t)avro_schema_enum_number_of_symbols(writer);
    int32_t *symbols = ev_arena_new_array(compiler->arena, int32_t, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        symbols[i] = symbol_index(reader, avro_schema_enum_get(writer, (int)i));
        if (symbols[i] < 0)
            symbols[i] = symbol_index(reader, reader->default_symbol);
    }
    plan->symbols = symbols;
    return plan;
}

static const struct ev_plan *plan_array(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                        struct plan_target target)
{
    if (target.kind != EV_KIND_ARRAY)
        return plan_mismatch(compiler, writer, target);
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_ARRAY);
    plan->field = target.field;
    plan->items = plan_value(compiler, avro_schema_array_items(writer),
                             (struct plan_target){target.field, target.field->item_kind});
    return plan->items ? plan : NULL;
}

/* A branch that can't be resolved is refused when it is met: the writer may never use it. */
static const struct ev_plan *plan_union(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                        struct plan_target target)
{
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_UNION);
    plan->count = avro_schema_union_size(writer);
    const struct ev_plan **branches = ev_arena_new_array(compiler->arena, const struct ev_plan *, plan->count);
    bool any = false;
    ev_error_set(compiler->error, EV_ERR_INVALID, "%s was written as an empty union", target.field->name);
    for (size_t i = 0; i < plan->count; i++) {
        branches[i] = plan_value(compiler, avro_schema_union_branch(writer, (int)i), target);
        if (!branches[i] && compiler->error->code != EV_ERR_INVALID)
            return NULL;
        any = any || branches[i];
        if (!branches[i]) {
            struct ev_plan *refuse = plan_new(compiler, EV_PLAN_REFUSE);
            refuse->reason = plan_text(compiler, compiler->error->message);
            branches[i] = refuse;
        }
    }
    plan->branches = branches;
    return any ? plan : NULL;
}

static const struct ev_plan *plan_number(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                         struct plan_target target)
{
    static const enum ev_plan_op to_double[] = {
        [AVRO_INT32] = EV_PLAN_INT_TO_DOUBLE,
        [AVRO_INT64] = EV_PLAN_LONG_TO_DOUBLE,
        [AVRO_FLOAT] = EV_PLAN_FLOAT_TO_DOUBLE,
        [AVRO_DOUBLE] = EV_PLAN_DOUBLE,
    };
    avro_type_t type = avro_typeof(writer);
    if (target.kind == EV_KIND_DOUBLE)
        return plan_new(compiler, to_double[type]);
    if (target.kind == EV_KIND_LONG && (type == AVRO_INT64 || type == AVRO_INT32))
        return plan_new(compiler, EV_PLAN_LONG);
    if (target.kind == EV_KIND_INT && type == AVRO_INT32)
        return plan_new(compiler, EV_PLAN_INT);
    return plan_mismatch(compiler, writer, target);
}

static const struct ev_plan *plan_known(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                        struct plan_target target)
{
    switch (avro_typeof(writer)) {
    case AVRO_NULL:
        if (!target.field->nullable || target.kind != target.field->kind)
            return plan_mismatch(compiler, writer, target);
        return plan_new(compiler, EV_PLAN_NULL);
    case AVRO_BOOLEAN:
        return target.kind == EV_KIND_BOOL ? plan_new(compiler, EV_PLAN_BOOL) : plan_mismatch(compiler, writer, target);
    case AVRO_INT32:
    case AVRO_INT64:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return plan_number(compiler, writer, target);
    case AVRO_STRING:
    case AVRO_BYTES:
        if (!ev_kind_is_text(target.kind))
            return plan_mismatch(compiler, writer, target);
        return plan_new(compiler, target.kind == EV_KIND_STRING ? EV_PLAN_STRING : EV_PLAN_BYTES);
    case AVRO_ENUM:
        return plan_enum(compiler, writer, target);
    case AVRO_ARRAY:
        return plan_array(compiler, writer, target);
    case AVRO_UNION:
        return plan_union(compiler, writer, target);
    case AVRO_RECORD:
        if (target.kind != EV_KIND_RECORD ||
            !ev_plan_name_matches(writer, target.field->record->name, target.field->record->aliases))
            return plan_mismatch(compiler, writer, target);
        return ev_plan_record(compiler, writer, avro_schema_record_size(writer), target.field->record);
    case AVRO_FIXED:
    case AVRO_MAP:
    case AVRO_LINK:
        break;
    }
    return plan_mismatch(compiler, writer, target);
}

static const struct ev_plan *plan_value(struct ev_plan_compiler *compiler, avro_schema_t writer,
                                        struct plan_target target)
{
    if (!plan_enter(compiler))
        return NULL;
    const struct ev_plan *plan = plan_known(compiler, ev_plan_target(writer), target);
    compiler->depth--;
    return plan;
}

/* The reader's field for the writer's: by name first, then by alias. */
static const struct ev_field *reader_field(const struct ev_record *reader, const char *name)
{
    for (size_t i = 0; i < reader->field_count; i++)
        if (strcmp(reader->fields[i].name, name) == 0)
            return &reader->fields[i];
    for (size_t i = 0; i < reader->field_count; i++)
        for (const char *const *alias = reader->fields[i].aliases; alias && *alias; alias++)
            if (strcmp(*alias, name) == 0)
                return &reader->fields[i];
    return NULL;
}

static bool is_direct(const struct ev_plan *plan, const struct ev_field *field, enum ev_kind kind,
                      avro_schema_t writer);

static bool is_direct_enum(const struct ev_plan *plan, const struct ev_enum *symbols)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->symbols[i] != (int32_t)i)
            return false;
    return plan->count == symbols->count;
}

/* Whether the plan reads the value just as the reader's table would. */
static bool is_direct(const struct ev_plan *plan, const struct ev_field *field, enum ev_kind kind, avro_schema_t writer)
{
    avro_type_t type = avro_typeof(writer);
    switch (kind) {
    case EV_KIND_BOOL:
        return plan->op == EV_PLAN_BOOL;
    case EV_KIND_INT:
        return plan->op == EV_PLAN_INT;
    case EV_KIND_LONG:
        return plan->op == EV_PLAN_LONG && type == AVRO_INT64;
    case EV_KIND_DOUBLE:
        return plan->op == EV_PLAN_DOUBLE;
    case EV_KIND_STRING:
        return plan->op == EV_PLAN_STRING && type == AVRO_STRING;
    case EV_KIND_BYTES:
        return plan->op == EV_PLAN_BYTES && type == AVRO_BYTES;
    case EV_KIND_ENUM:
        return plan->op == EV_PLAN_ENUM && is_direct_enum(plan, field->symbols);
    case EV_KIND_RECORD:
        return plan->op == EV_PLAN_RECORD_DIRECT;
    case EV_KIND_ARRAY:
        return plan->op == EV_PLAN_ARRAY &&
               is_direct(plan->items, field, field->item_kind, ev_plan_target(avro_schema_array_items(writer)));
    }
    return false;
}

static bool is_direct_field(const struct ev_plan *plan, const struct ev_field *field, avro_schema_t writer)
{
    if (!field->nullable)
        return is_direct(plan, field, field->kind, writer);
    if (plan->op != EV_PLAN_UNION || plan->count != 2 || plan->branches[0]->op != EV_PLAN_NULL)
        return false;
    return is_direct(plan->branches[1], field, field->kind, ev_plan_target(avro_schema_union_branch(writer, 1)));
}

static void make_direct_if_same(struct ev_plan *plan, avro_schema_t writer)
{
    const struct ev_record *reader = plan->record;
    if (plan->count != reader->field_count || plan->count != avro_schema_record_size(writer))
        return;
    for (size_t i = 0; i < plan->count; i++) {
        const struct ev_plan_step *step = &plan->steps[i];
        avro_schema_t written = ev_plan_target(avro_schema_record_field_get_by_index(writer, (int)i));
        if (step->field != &reader->fields[i] || !is_direct_field(step->plan, step->field, written))
            return;
    }
    plan->op = EV_PLAN_RECORD_DIRECT;
}

/* false: a field that the writer lacks has no default. */
static bool plan_defaults(struct ev_plan_compiler *compiler, struct ev_plan *plan)
{
    const struct ev_record *reader = plan->record;
    struct ev_plan_default *defaults = ev_arena_new_array(compiler->arena, struct ev_plan_default, reader->field_count);
    char *image = ev_arena_alloc(compiler->arena, reader->size);
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct ev_field *field = &reader->fields[i];
        bool written = false;
        for (size_t step = 0; step < plan->count && !written; step++)
            written = plan->steps[step].field == field;
        if (written)
            continue;
        if (!field->default_json) {
            ev_error_set(compiler->error, EV_ERR_INVALID, "%s.%s was not written and has no default", reader->name,
                         field->name);
            return false;
        }
        ev_field_init(field, image + field->offset, compiler->arena);
        defaults[plan->default_count++] = (struct ev_plan_default){field, image + field->offset};
    }
    plan->defaults = defaults;
    return true;
}

/* The error of a field inside gets this record's name in front: the path from the outside in. */
static void add_path(struct ev_plan_compiler *compiler, const char *record, const char *field)
{
    char message[EV_ERROR_MESSAGE_MAX];
    memcpy(message, compiler->error->message, sizeof(message));
    ev_error_set(compiler->error, compiler->error->code, "%s.%s: %.*s", record, field, EV_ERROR_MESSAGE_MAX - 200,
                 message);
}

const struct ev_plan *ev_plan_record(struct ev_plan_compiler *compiler, avro_schema_t writer, size_t field_count,
                                     const struct ev_record *reader)
{
    struct ev_plan *plan = plan_new(compiler, EV_PLAN_RECORD);
    struct ev_plan_step *steps = ev_arena_new_array(compiler->arena, struct ev_plan_step, field_count);
    plan->record = reader;
    plan->name = plan_text(compiler, avro_schema_name(writer));
    plan->steps = steps;
    for (size_t i = 0; i < field_count; i++, plan->count++) {
        avro_schema_t written = avro_schema_record_field_get_by_index(writer, (int)i);
        steps[i].name = plan_text(compiler, avro_schema_record_field_name(writer, (int)i));
        steps[i].field = reader_field(reader, steps[i].name);
        for (size_t earlier = 0; earlier < i && steps[i].field; earlier++)
            if (steps[earlier].field == steps[i].field)
                steps[i].field = NULL; /* a second alias of the same field */
        steps[i].plan = steps[i].field
                            ? plan_value(compiler, written, (struct plan_target){steps[i].field, steps[i].field->kind})
                            : ev_plan_skip(compiler, written);
        if (!steps[i].plan) {
            add_path(compiler, reader->name, steps[i].name);
            return NULL;
        }
    }
    if (!plan_defaults(compiler, plan))
        return NULL;
    make_direct_if_same(plan, writer);
    return plan;
}
