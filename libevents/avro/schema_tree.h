/* Avro schemas as trees, to be compared with each other (avro/schema_changes.h, avro/schema_compat.h): what avro-c's
 * parser leaves out is kept, namely aliases, defaults and formats. Whatever Avro 1.11 allows can be parsed; what the
 * text comes from, a registry or a folder, is not trusted. Pure. */
#pragma once

#include "avro/record.h"

#define EV_SCHEMA_TREE_BYTES_MAX ((size_t)1024 * 1024) /* of one text */
#define EV_SCHEMA_TREE_NODES_MAX 16384                 /* types, fields, symbols and aliases of one tree */
#define EV_SCHEMA_TREE_DEPTH_MAX 20                    /* types in types, over all texts that were looked up for it */

#define EV_SCHEMA_KINDS(X)                                                                                             \
    X(NULL, "null")                                                                                                    \
    X(BOOLEAN, "boolean")                                                                                              \
    X(INT, "int")                                                                                                      \
    X(LONG, "long")                                                                                                    \
    X(FLOAT, "float")                                                                                                  \
    X(DOUBLE, "double")                                                                                                \
    X(BYTES, "bytes")                                                                                                  \
    X(STRING, "string")                                                                                                \
    X(RECORD, "record")                                                                                                \
    X(ENUM, "enum")                                                                                                    \
    X(FIXED, "fixed")                                                                                                  \
    X(ARRAY, "array")                                                                                                  \
    X(MAP, "map")                                                                                                      \
    X(UNION, "union")

enum ev_schema_kind {
#define X(name, text) EV_SCHEMA_##name,
    EV_SCHEMA_KINDS(X)
#undef X
};

struct ev_schema;

struct ev_schema_field {
    struct ev_str name;
    const struct ev_schema *type;
    struct ev_str default_json; /* null: none */
    struct ev_str_array aliases;
};

/* A reference to a named type is the type itself, so that a tree may hold itself. */
struct ev_schema {
    enum ev_schema_kind kind;
    struct ev_str name;          /* RECORD, ENUM, FIXED: without the namespace */
    struct ev_str full_name;     /* with it */
    struct ev_str_array aliases; /* full names */
    struct ev_str logical_type;  /* null: none */
    struct ev_str format;        /* null: none; ours, see docs/schemas.md */
    size_t field_count;
    struct ev_schema_field *fields; /* RECORD */
    struct ev_str_array symbols;    /* ENUM */
    struct ev_str default_symbol;   /* ENUM; null: none */
    size_t branch_count;
    const struct ev_schema **branches; /* UNION */
    const struct ev_schema *items;     /* ARRAY, MAP */
    int64_t size;                      /* FIXED */
};

/* Where the names come from that a text uses and doesn't define; NULL: nowhere. The JSON must live as long as the
 * arena. NOT_FOUND where there is no such type. */
struct ev_schema_names {
    int (*find)(void *context, struct ev_str full_name, struct ev_arena *arena, struct ev_str *ret_json,
                struct ev_error *error);
    void *context;
};

/* The tree lives in the arena. INVALID, with the place, where it is no Avro schema; LIMIT beyond the bounds above. */
int ev_schema_tree_parse(struct ev_str json, const struct ev_schema_names *names, struct ev_arena *arena,
                         const struct ev_schema **ret, struct ev_error *error);
/* JSON without white space, each named type written out where it is first met: what is registered. */
void ev_schema_tree_print(const struct ev_schema *schema, struct ev_buffer *out);
/* In a few words: "long (money)", "null or string", "array of OrderLine", "enum LineKind". */
void ev_schema_describe(const struct ev_schema *schema, struct ev_buffer *out);

static inline bool ev_schema_is_named(const struct ev_schema *schema)
{
    return schema->kind == EV_SCHEMA_RECORD || schema->kind == EV_SCHEMA_ENUM || schema->kind == EV_SCHEMA_FIXED;
}
bool ev_schema_has_alias(const struct ev_str_array *aliases, struct ev_str name);
/* Whether the reader's named type stands for the writer's: by the name without the namespace, or by an alias (with or
 * without namespace). */
bool ev_schema_names_match(const struct ev_schema *reader, const struct ev_schema *writer);
/* The field of that name; NULL: none. */
const struct ev_schema_field *ev_schema_field_find(const struct ev_schema *record, struct ev_str name);
