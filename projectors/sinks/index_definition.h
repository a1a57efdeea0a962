/* The index definitions of schemas/indexes, embedded when building. */
#pragma once

#include "core/str.h"

struct index_definition {
    const char *name; /* of the view; or "checkpoints", "parked" */
    const char *json; /* settings and mappings, without white space */
};
extern const struct index_definition index_definitions[];
extern const size_t index_definition_count;
/* NULL: there is none. */
const struct index_definition *index_definition_find(struct ev_str name);
