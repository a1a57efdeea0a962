#include "avro/writer_schema.h"

#include <avro/errors.h>

int ev_schema_parse(struct ev_str json, avro_schema_t *ret, struct ev_error *error)
{
    if (json.length > EV_SCHEMA_BYTES_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a schema of %zu bytes", json.length);
    if (avro_schema_from_json_length(json.data, json.length, ret) != 0)
        return ev_error_set(error, EV_ERR_INVALID, "the writer's schema: %s", avro_strerror());
    return 0;
}
