#include "avro/schema_changes.h"

#include "avro/schema_compat.h"
#include "avro/schema_pairs.h"

struct walk {
    struct ev_schema_pairs met;
    struct ev_arena *arena;
    struct ev_schema_changes *changes;
    size_t steps;
};

static void compare(struct walk *walk, const struct ev_schema *older, const struct ev_schema *newer,
                    struct ev_str place);

const char *ev_schema_change_kind_text(enum ev_schema_change_kind kind)
{
    static const char *const texts[] = {
#define X(name, text) text,
        EV_SCHEMA_CHANGE_KINDS(X)
#undef X
    };
    return texts[kind];
}

static void add(struct walk *walk, enum ev_schema_change_kind kind, struct ev_str place, struct ev_str text)
{
    struct ev_schema_changes *changes = walk->changes;
    if (changes->total++ < EV_SCHEMA_CHANGES_MAX)
        changes->items[changes->count++] = (struct ev_schema_change){kind, place, text};
}

static struct ev_str description(struct walk *walk, const struct ev_schema *schema)
{
    struct ev_buffer text;
    ev_buffer_init(&text);
    ev_schema_describe(schema, &text);
    struct ev_str copy = ev_arena_copy(walk->arena, ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return copy;
}

static struct ev_str list(struct walk *walk, const struct ev_str_array *names)
{
    struct ev_buffer text;
    ev_buffer_init(&text);
    for (size_t i = 0; i < names->count; i++)
        ev_buffer_printf(&text, "%s%.*s", i ? ", " : "", EV_STR_ARG(names->items[i]));
    if (names->count == 0)
        ev_buffer_append_str(&text, EV_STR("none"));
    struct ev_str copy = ev_arena_copy(walk->arena, ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return copy;
}

static void compare_aliases(struct walk *walk, const struct ev_str_array *older, const struct ev_str_array *newer,
                            struct ev_str place)
{
    bool same = older->count == newer->count;
    for (size_t i = 0; i < older->count && same; i++)
        same = ev_str_equal(older->items[i], newer->items[i]);
    if (!same)
        add(walk, EV_SCHEMA_ALIASES_CHANGED, place,
            ev_arena_printf(walk->arena, "aliases changed from %.*s to %.*s", EV_STR_ARG(list(walk, older)),
                            EV_STR_ARG(list(walk, newer))));
}

/* --- fields --- */

/* The older field that a newer one stands for: of its name, or of one of its aliases if that name is free now. */
static const struct ev_schema_field *older_field(const struct ev_schema *older, const struct ev_schema *newer,
                                                 const struct ev_schema_field *field)
{
    const struct ev_schema_field *found = ev_schema_field_find(older, field->name);
    for (size_t i = 0; i < field->aliases.count && !found; i++)
        if (!ev_schema_field_find(newer, field->aliases.items[i]))
            found = ev_schema_field_find(older, field->aliases.items[i]);
    return found;
}

static struct ev_str field_place(struct walk *walk, const struct ev_schema *record, const struct ev_schema_field *field)
{
    return ev_arena_printf(walk->arena, "%.*s.%.*s", EV_STR_ARG(record->name), EV_STR_ARG(field->name));
}

static void tell_new_field(struct walk *walk, const struct ev_schema_field *field, struct ev_str place)
{
    struct ev_str type = description(walk, field->type);
    add(walk, EV_SCHEMA_FIELD_ADDED, place,
        field->default_json.data ? ev_arena_printf(walk->arena, "added: %.*s, with the default %.*s", EV_STR_ARG(type),
                                                   EV_STR_ARG(field->default_json))
                                 : ev_arena_printf(walk->arena, "added: %.*s, without a default", EV_STR_ARG(type)));
}

static void compare_defaults(struct walk *walk, struct ev_str older, struct ev_str newer, struct ev_str place)
{
    if (ev_str_equal(older, newer))
        return;
    if (!newer.data)
        add(walk, EV_SCHEMA_DEFAULT_CHANGED, place,
            ev_arena_printf(walk->arena, "lost its default %.*s", EV_STR_ARG(older)));
    else if (!older.data)
        add(walk, EV_SCHEMA_DEFAULT_CHANGED, place,
            ev_arena_printf(walk->arena, "got the default %.*s", EV_STR_ARG(newer)));
    else
        add(walk, EV_SCHEMA_DEFAULT_CHANGED, place,
            ev_arena_printf(walk->arena, "changed its default from %.*s to %.*s", EV_STR_ARG(older),
                            EV_STR_ARG(newer)));
}

static void compare_field(struct walk *walk, const struct ev_schema_field *older, const struct ev_schema_field *newer,
                          struct ev_str place)
{
    if (!ev_str_equal(older->name, newer->name))
        add(walk, EV_SCHEMA_FIELD_RENAMED, place,
            ev_arena_printf(walk->arena, "renamed from %.*s, which is an alias of it now", EV_STR_ARG(older->name)));
    else
        compare_aliases(walk, &older->aliases, &newer->aliases, place);
    compare_defaults(walk, older->default_json, newer->default_json, place);
    compare(walk, older->type, newer->type, place);
}

static void compare_fields(struct walk *walk, const struct ev_schema *older, const struct ev_schema *newer)
{
    const struct ev_schema_field *last = NULL;
    bool in_order = true;
    bool *kept = ev_arena_new_array(walk->arena, bool, older->field_count + 1);
    for (size_t i = 0; i < newer->field_count; i++) {
        const struct ev_schema_field *field = &newer->fields[i], *before = older_field(older, newer, field);
        struct ev_str place = field_place(walk, newer, field);
        if (!before) {
            tell_new_field(walk, field, place);
            continue;
        }
        in_order = in_order && (!last || before > last);
        last = before;
        kept[before - older->fields] = true;
        compare_field(walk, before, field, place);
    }
    for (size_t i = 0; i < older->field_count; i++)
        if (!kept[i])
            add(walk, EV_SCHEMA_FIELD_REMOVED, field_place(walk, newer, &older->fields[i]), EV_STR("removed"));
    if (!in_order)
        add(walk, EV_SCHEMA_REORDERED, newer->name, EV_STR("has its fields in another order"));
}

/* --- the other types --- */

static void compare_symbols(struct walk *walk, const struct ev_schema *older, const struct ev_schema *newer)
{
    for (size_t i = 0; i < newer->symbols.count; i++)
        if (!ev_schema_has_alias(&older->symbols, newer->symbols.items[i]))
            add(walk, EV_SCHEMA_SYMBOL_ADDED, newer->name,
                ev_arena_printf(walk->arena, "got the symbol %.*s", EV_STR_ARG(newer->symbols.items[i])));
    for (size_t i = 0; i < older->symbols.count; i++)
        if (!ev_schema_has_alias(&newer->symbols, older->symbols.items[i]))
            add(walk, EV_SCHEMA_SYMBOL_REMOVED, newer->name,
                ev_arena_printf(walk->arena, "lost the symbol %.*s", EV_STR_ARG(older->symbols.items[i])));
    bool moved = false;
    for (size_t i = 0; i < older->symbols.count && i < newer->symbols.count; i++)
        moved = moved || (!ev_str_equal(older->symbols.items[i], newer->symbols.items[i]) &&
                          ev_schema_has_alias(&newer->symbols, older->symbols.items[i]));
    if (moved)
        add(walk, EV_SCHEMA_REORDERED, newer->name, EV_STR("has its symbols in another order"));
    compare_defaults(walk, older->default_symbol, newer->default_symbol, newer->name);
}

/* The older branch that a newer one stands for, looked for by full name, then by alias; NULL: none. */
static const struct ev_schema *older_branch(const struct ev_schema *older, const struct ev_schema *newer)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < older->branch_count; i++) {
            const struct ev_schema *branch = older->branches[i];
            bool same = branch->kind == newer->kind &&
                        (!ev_schema_is_named(branch) || (pass == 0 ? ev_str_equal(branch->full_name, newer->full_name)
                                                                   : ev_schema_names_match(newer, branch)));
            if (same)
                return branch;
        }
    }
    return NULL;
}

static const char *branch_word(const struct ev_schema *branch)
{
    return branch->kind == EV_SCHEMA_RECORD ? "record" : "type";
}

static void tell_branch(struct walk *walk, enum ev_schema_change_kind kind, const struct ev_schema *branch,
                        const char *what, struct ev_str place)
{
    struct ev_str name = ev_schema_is_named(branch) ? branch->full_name : description(walk, branch);
    add(walk, kind, place, ev_arena_printf(walk->arena, "%s %.*s %s", branch_word(branch), EV_STR_ARG(name), what));
}

static void compare_branches(struct walk *walk, const struct ev_schema *older, const struct ev_schema *newer,
                             struct ev_str place)
{
    bool in_order = true;
    size_t last = 0;
    bool *kept = ev_arena_new_array(walk->arena, bool, older->branch_count + 1);
    for (size_t i = 0; i < newer->branch_count; i++) {
        const struct ev_schema *branch = newer->branches[i], *before = older_branch(older, branch);
        if (!before) {
            tell_branch(walk, EV_SCHEMA_BRANCH_ADDED, branch, "added", place);
            continue;
        }
        size_t at = 0;
        while (older->branches[at] != before)
            at++;
        in_order = in_order && at >= last;
        last = at;
        kept[at] = true;
        compare(walk, before, branch, place);
    }
    for (size_t i = 0; i < older->branch_count; i++)
        if (!kept[i])
            tell_branch(walk, EV_SCHEMA_BRANCH_REMOVED, older->branches[i], "removed", place);
    if (!in_order)
        add(walk, EV_SCHEMA_REORDERED, place, EV_STR("has its branches in another order"));
}

static void compare_named(struct walk *walk, const struct ev_schema *older, const struct ev_schema *newer)
{
    if (!ev_str_equal(older->full_name, newer->full_name))
        add(walk, EV_SCHEMA_RENAMED, newer->name,
            ev_arena_printf(walk->arena, "%s renamed from %.*s, %s", branch_word(newer), EV_STR_ARG(older->full_name),
                            ev_schema_has_alias(&newer->aliases, older->full_name) ? "which is an alias of it now"
                                                                                   : "which is no alias of it"));
    else
        compare_aliases(walk, &older->aliases, &newer->aliases, newer->name);
}

static bool is_same_type(const struct ev_schema *older, const struct ev_schema *newer)
{
    return older->kind == newer->kind && ev_str_equal(older->logical_type, newer->logical_type) &&
           ev_str_equal(older->format, newer->format) && older->size == newer->size &&
           (!ev_schema_is_named(newer) || ev_str_equal(older->full_name, newer->full_name) ||
            ev_schema_names_match(newer, older));
}

static void compare(struct walk *walk, const struct ev_schema *older, const struct ev_schema *newer,
                    struct ev_str place)
{
    walk->steps += 1 + older->branch_count * newer->branch_count + older->field_count * newer->field_count +
                   older->symbols.count * newer->symbols.count;
    if (walk->steps > EV_SCHEMA_STEPS_MAX || ev_schema_pairs_get(&walk->met, older, newer))
        return;
    ev_schema_pairs_put(&walk->met, older, newer, walk);
    if (!is_same_type(older, newer)) {
        struct ev_str was = description(walk, older), is = description(walk, newer);
        add(walk, EV_SCHEMA_TYPE_CHANGED, place,
            ev_arena_printf(walk->arena, "changed its type from %.*s to %.*s", EV_STR_ARG(was), EV_STR_ARG(is)));
        return;
    }
    if (ev_schema_is_named(newer))
        compare_named(walk, older, newer);
    if (newer->kind == EV_SCHEMA_RECORD)
        compare_fields(walk, older, newer);
    if (newer->kind == EV_SCHEMA_ENUM)
        compare_symbols(walk, older, newer);
    if (newer->kind == EV_SCHEMA_UNION)
        compare_branches(walk, older, newer, place);
    if (newer->items)
        compare(walk, older->items, newer->items, ev_arena_printf(walk->arena, "%.*s[]", EV_STR_ARG(place)));
}

int ev_schema_changes(const struct ev_schema *older, const struct ev_schema *newer, struct ev_arena *arena,
                      struct ev_schema_changes *ret, struct ev_error *error)
{
    struct walk walk = {.arena = arena, .changes = ret};
    ret->count = ret->total = 0;
    ev_schema_pairs_init(&walk.met);
    compare(&walk, older, newer, ev_schema_is_named(newer) ? newer->name : EV_STR("the schema"));
    ev_schema_pairs_finish(&walk.met);
    if (walk.steps > EV_SCHEMA_STEPS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a comparison of more than %zu steps", EV_SCHEMA_STEPS_MAX);
    return 0;
}
