/* Stored documents as structs, by the record's table: from BSON (MongoDB) and from JSON (Elasticsearch's _source). Both
 * hold the fields by name; money and times as integers, enums as symbols, nulls left out. Unknown fields are skipped,
 * absent ones keep the zero value, so that a document of an older or newer version of the same view can be read. Pure.
 */
#pragma once

#include <bson/bson.h>

#include "avro/record.h"

/* What a document carries besides its fields. */
struct document_meta {
    int64_t offset; /* of the last commit that it reflects, in its partition; -1: not stored with it */
    int32_t partition;
    bool deleted;         /* only the mark of its deletion is left: not to be shown */
    int64_t parked_at_ms; /* since when it goes no further, because an event couldn't be folded; 0: it isn't parked */
};

/* The earlier of two times since when something goes no further; 0: it does. */
int64_t document_first_parked(int64_t since_ms, int64_t other_ms);
/* All strings and arrays are copied into the arena. A value of another type than the table's is CORRUPT, with the
 * field's name. */
int document_from_bson(const struct ev_record *record, const bson_t *bson, struct ev_arena *arena, void *ret,
                       struct document_meta *ret_meta, struct ev_error *error);
/* The same; strings stay in the tree. `ret_meta` may be NULL in both. */
int document_from_json(const struct ev_record *record, yyjson_val *json, struct ev_arena *arena, void *ret,
                       struct document_meta *ret_meta, struct ev_error *error);
