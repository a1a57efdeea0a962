/* What the files that check commands share. */
#pragma once

#include "avro/command.h"
#include "avro/record_internal.h"

/* Where in the document: a chain from the inside out, made text only when there is a fault. */
struct ev_place {
    const struct ev_place *parent; /* NULL: the whole document */
    struct ev_str name;            /* of a property; the null string: an item */
    size_t index;
};

/* A fault at the place; the format's result is one sentence. */
void ev_place_fault(const struct ev_place *place, struct ev_faults *faults, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Checks a string or number against its field's kind, format and `constraint` (which are an array's items' where that
 * is what it is), and stores it. */
void ev_check_scalar(const struct ev_field *field, enum ev_kind kind, const struct ev_constraint *constraint,
                     yyjson_val *json, const struct ev_place *place, struct ev_faults *faults, void *to);
/* The same for text that came from the URL. */
void ev_check_path_value(const struct ev_field *field, struct ev_str text, const struct ev_place *place,
                         struct ev_faults *faults, void *to);
bool ev_pattern_matches(const struct ev_pattern *pattern, struct ev_str text);
