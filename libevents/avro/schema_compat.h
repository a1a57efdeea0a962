/* Whether values that were written with one schema can be read with another, by the rules of Avro 1.11 ("Schema
 * Resolution"), as registries judge it: a union of the writer is readable when each of its branches is. Says what
 * stands in the way, with the place. Pure. */
#pragma once

#include "avro/schema_tree.h"

#define EV_INCOMPATIBILITIES_MAX 64               /* further ones are counted, not kept */
#define EV_SCHEMA_STEPS_MAX ((size_t)1024 * 1024) /* pairs of types that one comparison looks at */

enum ev_incompatibility_kind {
    EV_INCOMPATIBLE_TYPE,    /* and no promotion leads from one to the other */
    EV_INCOMPATIBLE_NAME,    /* a record, enum or fixed of another name, and no alias */
    EV_INCOMPATIBLE_DEFAULT, /* a field that was not written and has no default */
    EV_INCOMPATIBLE_SYMBOL,  /* symbols of the writer that the reader doesn't know, and no default */
    EV_INCOMPATIBLE_BRANCH,  /* a branch of the writer's union that the reader's doesn't have */
    EV_INCOMPATIBLE_SIZE,    /* of a fixed */
};

struct ev_incompatibility {
    enum ev_incompatibility_kind kind;
    struct ev_str place;   /* "OrderLine.quantity": the record and the field; "Commit.events[]" */
    struct ev_str subject; /* what it is about: the field's, branch's or symbol's name; or the null string */
    struct ev_str text;    /* a sentence without the place: "is not written by … and has no default in …" */
};

struct ev_incompatibilities {
    struct ev_arena *arena; /* of the texts; the caller's */
    size_t count;           /* kept */
    size_t total;
    struct ev_incompatibility items[EV_INCOMPATIBILITIES_MAX];
};

/* What the sentences call the two sides: "the new schema", "version 3". */
struct ev_schema_labels {
    const char *reader, *writer;
};

/* 0: all that was written can be read; 1: not, *ret says why; LIMIT: the comparison would take too many steps. */
int ev_schema_can_read(const struct ev_schema *reader, const struct ev_schema *writer,
                       const struct ev_schema_labels *labels, struct ev_arena *arena, struct ev_incompatibilities *ret,
                       struct ev_error *error);
