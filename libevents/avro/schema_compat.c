#include "avro/schema_compat.h"

#include <string.h>

#include "avro/schema_pairs.h"

/* Two passes over the same pairs: `can_read` answers silently and remembers each answer; `explain` walks down to the
 * pairs that don't fit. */
struct comparison {
    struct ev_schema_pairs answers, explained;
    const struct ev_schema_labels *labels;
    struct ev_arena *arena;
    struct ev_incompatibilities *found;
    size_t steps;
};

/* Addresses that stand for the answers in the map. */
static const char readable, unreadable;

static bool can_read(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer);

static bool is_promoted(enum ev_schema_kind from, enum ev_schema_kind to)
{
    if (from == to)
        return true;
    switch (from) {
    case EV_SCHEMA_INT:
        return to == EV_SCHEMA_LONG || to == EV_SCHEMA_FLOAT || to == EV_SCHEMA_DOUBLE;
    case EV_SCHEMA_LONG:
        return to == EV_SCHEMA_FLOAT || to == EV_SCHEMA_DOUBLE;
    case EV_SCHEMA_FLOAT:
        return to == EV_SCHEMA_DOUBLE;
    case EV_SCHEMA_STRING:
        return to == EV_SCHEMA_BYTES;
    case EV_SCHEMA_BYTES:
        return to == EV_SCHEMA_STRING;
    case EV_SCHEMA_NULL:
    case EV_SCHEMA_BOOLEAN:
    case EV_SCHEMA_DOUBLE:
    case EV_SCHEMA_RECORD:
    case EV_SCHEMA_ENUM:
    case EV_SCHEMA_FIXED:
    case EV_SCHEMA_ARRAY:
    case EV_SCHEMA_MAP:
    case EV_SCHEMA_UNION:
        return false;
    }
    return false;
}

/* The writer's field for the reader's: of the same name, or of one of its aliases. NULL: it wasn't written. */
static const struct ev_schema_field *written_field(const struct ev_schema *writer, const struct ev_schema_field *field)
{
    const struct ev_schema_field *written = ev_schema_field_find(writer, field->name);
    for (size_t i = 0; i < field->aliases.count && !written; i++)
        written = ev_schema_field_find(writer, field->aliases.items[i]);
    return written;
}

static bool can_read_record(struct comparison *comparison, const struct ev_schema *reader,
                            const struct ev_schema *writer)
{
    if (!ev_schema_names_match(reader, writer))
        return false;
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct ev_schema_field *field = &reader->fields[i], *written = written_field(writer, field);
        if (written ? !can_read(comparison, field->type, written->type) : !field->default_json.data)
            return false;
    }
    return true;
}

static bool has_symbols(const struct ev_schema *reader, const struct ev_schema *writer)
{
    for (size_t i = 0; i < writer->symbols.count && !reader->default_symbol.data; i++)
        if (!ev_schema_has_alias(&reader->symbols, writer->symbols.items[i]))
            return false;
    return true;
}

static bool can_read_any(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer)
{
    for (size_t i = 0; i < reader->branch_count; i++)
        if (can_read(comparison, reader->branches[i], writer))
            return true;
    return false;
}

static bool judge(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer)
{
    if (writer->kind == EV_SCHEMA_UNION) {
        for (size_t i = 0; i < writer->branch_count; i++)
            if (!can_read(comparison, reader, writer->branches[i]))
                return false;
        return true;
    }
    if (reader->kind == EV_SCHEMA_UNION)
        return can_read_any(comparison, reader, writer);
    if (!is_promoted(writer->kind, reader->kind))
        return false;
    if (reader->kind == EV_SCHEMA_RECORD)
        return can_read_record(comparison, reader, writer);
    if (reader->kind == EV_SCHEMA_ENUM)
        return ev_schema_names_match(reader, writer) && has_symbols(reader, writer);
    if (reader->kind == EV_SCHEMA_FIXED)
        return ev_schema_names_match(reader, writer) && reader->size == writer->size;
    return !reader->items || can_read(comparison, reader->items, writer->items);
}

/* A pair that is met again while it is being judged holds itself: it is as good as its other parts. */
static bool can_read(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer)
{
    comparison->steps += 1 + reader->symbols.count * writer->symbols.count + reader->field_count * writer->field_count;
    if (comparison->steps > EV_SCHEMA_STEPS_MAX)
        return false;
    const void *known = ev_schema_pairs_get(&comparison->answers, reader, writer);
    if (known)
        return known == &readable;
    ev_schema_pairs_put(&comparison->answers, reader, writer, &readable);
    bool answer = judge(comparison, reader, writer);
    ev_schema_pairs_put(&comparison->answers, reader, writer, answer ? &readable : &unreadable);
    return answer;
}

static void add(struct comparison *comparison, enum ev_incompatibility_kind kind, struct ev_str place,
                struct ev_str subject, struct ev_str text)
{
    struct ev_incompatibilities *found = comparison->found;
    if (found->total++ < EV_INCOMPATIBILITIES_MAX)
        found->items[found->count++] = (struct ev_incompatibility){kind, place, subject, text};
}

static void explain(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer,
                    struct ev_str place);

static struct ev_str description(struct comparison *comparison, const struct ev_schema *schema)
{
    struct ev_buffer text;
    ev_buffer_init(&text);
    ev_schema_describe(schema, &text);
    struct ev_str copy = ev_arena_copy(comparison->arena, ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return copy;
}

static void explain_types(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer,
                          struct ev_str place)
{
    struct ev_str was = description(comparison, writer), is = description(comparison, reader);
    bool names = reader->kind == writer->kind && ev_schema_is_named(reader) && !ev_schema_names_match(reader, writer);
    add(comparison, names ? EV_INCOMPATIBLE_NAME : EV_INCOMPATIBLE_TYPE, place, EV_STR_NULL,
        ev_arena_printf(comparison->arena, "is %.*s in %s and %.*s in %s, and %s", EV_STR_ARG(was),
                        comparison->labels->writer, EV_STR_ARG(is), comparison->labels->reader,
                        names ? "no alias makes them the same" : "Avro doesn't convert the one to the other"));
}

static void explain_record(struct comparison *comparison, const struct ev_schema *reader,
                           const struct ev_schema *writer)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct ev_schema_field *field = &reader->fields[i], *written = written_field(writer, field);
        struct ev_str place =
            ev_arena_printf(comparison->arena, "%.*s.%.*s", EV_STR_ARG(reader->name), EV_STR_ARG(field->name));
        if (written)
            explain(comparison, field->type, written->type, place);
        else if (!field->default_json.data)
            add(comparison, EV_INCOMPATIBLE_DEFAULT, place, field->name,
                ev_arena_printf(comparison->arena, "is not in %s and has no default in %s", comparison->labels->writer,
                                comparison->labels->reader));
    }
}

static void explain_symbols(struct comparison *comparison, const struct ev_schema *reader,
                            const struct ev_schema *writer)
{
    for (size_t i = 0; i < writer->symbols.count; i++) {
        struct ev_str symbol = writer->symbols.items[i];
        if (!ev_schema_has_alias(&reader->symbols, symbol))
            add(comparison, EV_INCOMPATIBLE_SYMBOL, reader->name, symbol,
                ev_arena_printf(comparison->arena, "has the symbol %.*s in %s; %s doesn't know it and has no default",
                                EV_STR_ARG(symbol), comparison->labels->writer, comparison->labels->reader));
    }
}

/* The branch of the reader's union that is meant for the writer's type; NULL: none. */
static const struct ev_schema *meant_branch(const struct ev_schema *reader, const struct ev_schema *writer)
{
    for (size_t i = 0; i < reader->branch_count; i++) {
        const struct ev_schema *branch = reader->branches[i];
        if (branch->kind == writer->kind && (!ev_schema_is_named(branch) || ev_schema_names_match(branch, writer)))
            return branch;
    }
    return NULL;
}

static void explain_branch(struct comparison *comparison, const struct ev_schema *reader,
                           const struct ev_schema *writer, struct ev_str place)
{
    const struct ev_schema *meant = meant_branch(reader, writer);
    if (meant) {
        explain(comparison, meant, writer, place);
        return;
    }
    struct ev_str type = description(comparison, writer);
    add(comparison, EV_INCOMPATIBLE_BRANCH, place, ev_schema_is_named(writer) ? writer->name : EV_STR_NULL,
        ev_arena_printf(comparison->arena, "may hold %.*s in %s; %s doesn't know it", EV_STR_ARG(type),
                        comparison->labels->writer, comparison->labels->reader));
}

static void explain_pair(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer,
                         struct ev_str place)
{
    if (writer->kind == EV_SCHEMA_UNION) {
        for (size_t i = 0; i < writer->branch_count; i++)
            explain(comparison, reader, writer->branches[i], place);
    } else if (reader->kind == EV_SCHEMA_UNION) {
        explain_branch(comparison, reader, writer, place);
    } else if (reader->kind != writer->kind || (ev_schema_is_named(reader) && !ev_schema_names_match(reader, writer))) {
        explain_types(comparison, reader, writer, place);
    } else if (reader->kind == EV_SCHEMA_RECORD) {
        explain_record(comparison, reader, writer);
    } else if (reader->kind == EV_SCHEMA_ENUM) {
        explain_symbols(comparison, reader, writer);
    } else if (reader->kind == EV_SCHEMA_FIXED) {
        add(comparison, EV_INCOMPATIBLE_SIZE, place, reader->name,
            ev_arena_printf(comparison->arena, "is a fixed of %lld bytes in %s and of %lld in %s",
                            (long long)writer->size, comparison->labels->writer, (long long)reader->size,
                            comparison->labels->reader));
    } else if (reader->items) {
        explain(comparison, reader->items, writer->items,
                ev_arena_printf(comparison->arena, "%.*s[]", EV_STR_ARG(place)));
    }
}

static void explain(struct comparison *comparison, const struct ev_schema *reader, const struct ev_schema *writer,
                    struct ev_str place)
{
    if (can_read(comparison, reader, writer) || ev_schema_pairs_get(&comparison->explained, reader, writer))
        return;
    ev_schema_pairs_put(&comparison->explained, reader, writer, &readable);
    explain_pair(comparison, reader, writer, place);
}

int ev_schema_can_read(const struct ev_schema *reader, const struct ev_schema *writer,
                       const struct ev_schema_labels *labels, struct ev_arena *arena, struct ev_incompatibilities *ret,
                       struct ev_error *error)
{
    struct comparison comparison = {.labels = labels, .arena = arena, .found = ret};
    ret->arena = arena;
    ret->count = ret->total = 0;
    ev_schema_pairs_init(&comparison.answers);
    ev_schema_pairs_init(&comparison.explained);
    bool answer = can_read(&comparison, reader, writer);
    if (!answer && comparison.steps <= EV_SCHEMA_STEPS_MAX)
        explain(&comparison, reader, writer, ev_schema_is_named(reader) ? reader->name : EV_STR("the schema"));
    ev_schema_pairs_finish(&comparison.answers);
    ev_schema_pairs_finish(&comparison.explained);
    if (comparison.steps > EV_SCHEMA_STEPS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a comparison of more than %zu steps", EV_SCHEMA_STEPS_MAX);
    return answer ? 0 : 1;
}
