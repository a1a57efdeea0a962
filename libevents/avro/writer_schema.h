/* A writer's schema from its JSON, by avro-c. Schemas come from the registry or the program itself, never from a
 * client. */
#pragma once

/* Not <avro.h>: it would take our avro/resolver.h for its own. */
#include <avro/basics.h>
#include <avro/schema.h>

#include "core/error.h"
#include "core/str.h"

#define EV_SCHEMA_BYTES_MAX ((size_t)1024 * 1024)

/* The caller gives it back with avro_schema_decref. INVALID, LIMIT. */
int ev_schema_parse(struct ev_str json, avro_schema_t *ret, struct ev_error *error);
