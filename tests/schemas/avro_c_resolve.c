#include "avro_c_resolve.h"

#include <string.h>

#include <avro.h>

bool avro_c_resolves(const char *reader_json, const char *writer_json)
{
    avro_schema_t reader = NULL, writer = NULL;
    avro_value_iface_t *resolved = NULL;
    if (avro_schema_from_json_length(reader_json, strlen(reader_json), &reader) == 0 &&
        avro_schema_from_json_length(writer_json, strlen(writer_json), &writer) == 0)
        resolved = avro_resolved_writer_new(writer, reader);
    if (resolved)
        avro_value_iface_decref(resolved);
    if (writer)
        avro_schema_decref(writer);
    if (reader)
        avro_schema_decref(reader);
    return resolved != NULL;
}
