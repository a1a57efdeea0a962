/* The program behind a resolver: a tree that follows the writer's schema, each node saying how one value of the
 * writer is read into the reader's struct, or skipped. Immutable once made; it lives in the arena that it was
 * compiled into. */
#pragma once

/* Not <avro.h>: it would take our avro/resolver.h for its own. */
#include <avro/basics.h>
#include <avro/schema.h>

#include "avro/record_internal.h"

#define EV_PLAN_DEPTH_MAX 32    /* of the writer's schema: also what refuses schemas that contain themselves */
#define EV_PLAN_NODES_MAX 65536 /* of one plan */

enum ev_plan_op {
    EV_PLAN_NULL,
    EV_PLAN_BOOL,
    EV_PLAN_INT,
    EV_PLAN_LONG, /* also from int */
    EV_PLAN_DOUBLE,
    EV_PLAN_INT_TO_DOUBLE,
    EV_PLAN_LONG_TO_DOUBLE,
    EV_PLAN_FLOAT_TO_DOUBLE,
    EV_PLAN_STRING, /* also from bytes: UTF-8 is checked */
    EV_PLAN_BYTES,
    EV_PLAN_ENUM,
    EV_PLAN_ARRAY,
    EV_PLAN_RECORD,
    EV_PLAN_RECORD_DIRECT, /* written with exactly the reader's schema: by the reader's table */
    EV_PLAN_UNION,
    EV_PLAN_REFUSE,      /* what the reader doesn't know: an error when it is met */
    EV_PLAN_SKIP_VARINT, /* int, long, enum */
    EV_PLAN_SKIP_FIXED,  /* `count` bytes */
    EV_PLAN_SKIP_BYTES,
    EV_PLAN_SKIP_ARRAY,
    EV_PLAN_SKIP_MAP,
    EV_PLAN_SKIP_RECORD,
};

struct ev_plan;

struct ev_plan_step {
    const struct ev_field *field; /* of the reader; NULL: the plan skips */
    const char *name;             /* of the writer's field */
    const struct ev_plan *plan;
};

/* A field that the writer doesn't have: its value lies ready in `image`, at the field's own offset. */
struct ev_plan_default {
    const struct ev_field *field;
    const void *image;
};

struct ev_plan {
    enum ev_plan_op op;
    size_t count; /* steps, branches, symbols; EV_PLAN_SKIP_FIXED: bytes */
    union {
        const struct ev_plan_step *steps;      /* RECORD, SKIP_RECORD: in the writer's order */
        const struct ev_plan *const *branches; /* UNION */
        const struct ev_plan *items;           /* ARRAY, SKIP_ARRAY, SKIP_MAP */
        const int32_t *symbols;                /* ENUM: from the writer's index to the reader's, or -1 */
        const char *reason;                    /* REFUSE */
    };
    const struct ev_field *field;   /* ARRAY: the reader's, for the items' size */
    const struct ev_record *record; /* RECORD, RECORD_DIRECT */
    const char *name;               /* of the writer's record */
    size_t default_count;
    const struct ev_plan_default *defaults;
};

struct ev_plan_compiler {
    struct ev_arena *arena;
    size_t nodes;
    unsigned depth;
    struct ev_error *error;
};

/* A plan for `field_count` first fields of the writer's record into the reader's. NULL with the error set where the
 * two can't be resolved. */
const struct ev_plan *ev_plan_record(struct ev_plan_compiler *compiler, avro_schema_t writer, size_t field_count,
                                     const struct ev_record *reader);
/* A plan that reads past one value. */
const struct ev_plan *ev_plan_skip(struct ev_plan_compiler *compiler, avro_schema_t writer);
/* The schema behind a reference to a named type. */
avro_schema_t ev_plan_target(avro_schema_t schema);
/* Whether the writer's named type is the reader's: by the name without its namespace, or by one of the reader's
 * aliases. */
bool ev_plan_name_matches(avro_schema_t writer, const char *name, const char *const *aliases);

/* Reads one record into zeroed memory. `arena` may be NULL where the reader's record has neither arrays nor nullable
 * records; defaults then point into the plan's memory. */
enum ev_wire_fault ev_plan_run(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_arena *arena, void *ret,
                               struct ev_error *error);
