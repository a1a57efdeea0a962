/* Values for tests: any record, filled at random by its table. Equal seeds give equal values. */
#pragma once

#include "avro/record.h"
#include "core/clock.h"

struct random_options {
    size_t array_max;     /* items */
    size_t text_max;      /* characters */
    bool formats;         /* amounts and times such as a format can print */
    bool boundaries_only; /* numbers at the ends of their range, no or one item, empty or full texts */
};
extern const struct random_options random_options_default;

/* `ret` is overwritten; what it points to comes from the arena. */
void ev_record_random(const struct ev_record *record, const struct random_options *options,
                      const struct ev_random *random, struct ev_arena *arena, void *ret);
