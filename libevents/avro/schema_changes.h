/* What differs between two schemas, in words and with the names of the places, for a person who changes them: of an
 * older and a newer tree (avro/schema_tree.h). Whether a change harms anybody is told by avro/schema_compat.h. Pure. */
#pragma once

#include "avro/schema_tree.h"

#define EV_SCHEMA_CHANGES_MAX 256 /* further ones are counted, not kept */

#define EV_SCHEMA_CHANGE_KINDS(X)                                                                                      \
    X(BRANCH_ADDED, "branch_added") /* of a union: an event */                                                         \
    X(BRANCH_REMOVED, "branch_removed")                                                                                \
    X(RENAMED, "renamed") /* a record, enum or fixed */                                                                \
    X(FIELD_ADDED, "field_added")                                                                                      \
    X(FIELD_REMOVED, "field_removed")                                                                                  \
    X(FIELD_RENAMED, "field_renamed") /* by alias */                                                                   \
    X(TYPE_CHANGED, "type_changed")                                                                                    \
    X(DEFAULT_CHANGED, "default_changed")                                                                              \
    X(SYMBOL_ADDED, "symbol_added")                                                                                    \
    X(SYMBOL_REMOVED, "symbol_removed")                                                                                \
    X(REORDERED, "reordered") /* fields, symbols or branches: readers go by name */                                    \
    X(ALIASES_CHANGED, "aliases_changed")

enum ev_schema_change_kind {
#define X(name, text) EV_SCHEMA_##name,
    EV_SCHEMA_CHANGE_KINDS(X)
#undef X
};
const char *ev_schema_change_kind_text(enum ev_schema_change_kind kind);

struct ev_schema_change {
    enum ev_schema_change_kind kind;
    struct ev_str place; /* "OrderLine.quantity", "Commit.events[]" */
    struct ev_str text;  /* a sentence without the place: "added, with the default null" */
};

struct ev_schema_changes {
    size_t count; /* kept */
    size_t total;
    struct ev_schema_change items[EV_SCHEMA_CHANGES_MAX];
};

/* LIMIT where the comparison would take more than EV_SCHEMA_STEPS_MAX (avro/schema_compat.h). */
int ev_schema_changes(const struct ev_schema *older, const struct ev_schema *newer, struct ev_arena *arena,
                      struct ev_schema_changes *ret, struct ev_error *error);
