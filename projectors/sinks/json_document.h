/* Structs described by tables, from the plain JSON that Elasticsearch holds (ev_record_print_plain makes it): longs as
 * numbers, enums as their symbols; null and absent are the same. Pure. */
#pragma once

#include "avro/record.h"
#include "core/json.h"

/* Fields whose name begins with '_' are skipped. CORRUPT, with the field's name, for one that is missing, unknown or of
 * another type. Strings are borrowed from the tree, arrays come from the arena. `ret` must be zeroed. */
int sink_json_read(const struct ev_record *record, yyjson_val *document, struct ev_arena *arena, void *ret,
                   struct ev_error *error);
