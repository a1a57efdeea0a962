/* A fuzz target: libFuzzer calls this with any bytes; it must return, and abort() when a promise is broken. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Memory that one input may take, in bytes: what is decoded stays within a multiple of the input. */
#define FUZZ_ARENA_MAX(size) ((size_t)65536 + 256 * (size))
