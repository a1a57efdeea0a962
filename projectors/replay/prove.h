/* A store's documents against a fresh fold of the log (proof/proof.h), for a replay: is what was built right, and what
 * does a changed fold change? What differs is summed up for a person: fields, counts, samples. */
#pragma once

#include "replay/replay.h"

/* Compares every document of the sink's generation. `replay` is told how far it is (replay_wait). */
int replay_compare(const struct replay_options *options, struct ev_sink *sink, struct replay_differences *ret,
                   void *replay, struct ev_error *error);

/* In replay.c: waits for `ms`, tells progress and keeps the lease. Negative: it has to end. */
int replay_wait(void *replay, int64_t records, int64_t ms, struct ev_error *error);
