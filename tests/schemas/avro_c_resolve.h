/* avro-c's own judgement of two schemas. In a file of its own: avro-c has headers of the same names as ours. */
#pragma once

#include <stdbool.h>

/* False where avro-c finds no way to read the writer's values as the reader's, or can't parse one of them. It fills no
 * defaults and knows no aliases. */
bool avro_c_resolves(const char *reader_json, const char *writer_json);
