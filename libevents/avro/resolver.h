/* Decoding what another version of a schema wrote. A resolver is a small program made once per writer's schema
 * (parsed by avro-c) and reader's table: read field i into offset x, skip, fill the default. Fields, records and enum
 * symbols are matched by name or by the reader's aliases; int → long → double are promoted; a union's branch that the
 * reader doesn't know is an error when met, not before (Avro 1.11 specification, "Schema Resolution"). Immutable once
 * made: any thread may use it. */
#pragma once

#include "avro/record.h"

struct ev_resolver;

/* `writer_schema` is the JSON of the writer's record. INVALID with the field's path where the two cannot be resolved,
 * UNSUPPORTED for schemas that contain themselves or are nested deeper than 32. */
int ev_resolver_create(struct ev_str writer_schema, const struct ev_record *reader, struct ev_resolver **ret,
                       struct ev_error *error);
void ev_resolver_destroy(struct ev_resolver *resolver);
/* CORRUPT for truncated or leftover bytes, lengths beyond the input, invalid UTF-8, wrong union or enum indexes;
 * UNSUPPORTED for a branch or symbol of the writer that the reader doesn't know; LIMIT past the arena's limit. Bounds
 * memory by the input's size: what is announced costs nothing until it is there, and an array can't have more items
 * than bytes. The value doesn't need the resolver any more. */
int ev_resolver_decode(const struct ev_resolver *resolver, struct ev_str bytes, struct ev_arena *arena, void *ret,
                       struct ev_error *error);
