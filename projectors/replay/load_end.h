/* The end of a load in bulk: what the store was spared while documents came, above all MongoDB's indexes. With many
 * documents that takes minutes, and a replay that is silent for GENERATION_LEASE_MS counts as dead: so it is done on a
 * thread, while the caller goes on saying that it is alive. */
#pragma once

#include "sinks/generations.h"

/* Waiting for the store's own work ends with the socket's time (a retriable TIMEOUT; 30 s unless the URI says
 * otherwise): asked again, the store goes on with it. Two hours, then. Any other fault is passed on at once. */
#define REPLAY_LOAD_END_TRIES_MAX 240

/* `sink` is the thread's until this returns. `goes_on` is called on the caller's thread every `every_ms`, which is also
 * the pause between two tries, as long as the last call takes no longer itself; a negative return of it is returned,
 * when the try that is under way has ended. */
int replay_load_end(const struct generation_store *store, struct ev_sink *sink, const struct generation *generation,
                    int64_t every_ms, int (*goes_on)(void *context, struct ev_error *error), void *context,
                    struct ev_error *error);
