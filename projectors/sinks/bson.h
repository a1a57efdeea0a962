/* Structs described by tables, to BSON and back. What MongoDB's documents hold: a field by its name; long (also times
 * and money) as int64, int as int32, an enum as its symbol, an array of records as an array of documents; nulls are
 * left out. Pure. */
#pragma once

#include <bson/bson.h>

#include "avro/record.h"

void sink_bson_append(const struct ev_record *record, const void *value, bson_t *out);
/* Fields whose name begins with '_' are skipped. CORRUPT, with the field's name, for one that is missing, unknown or of
 * another type. Strings are borrowed from the BSON, arrays come from the arena. `ret` must be zeroed. */
int sink_bson_read(const struct ev_record *record, const bson_t *document, struct ev_arena *arena, void *ret,
                   struct ev_error *error);
