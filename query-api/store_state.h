/* Whether a store answers. One failed call marks it as away and queries then fail at once, naming it, instead of
 * queueing behind time-outs; the tracker of the store goes on polling it (at least every TRACKER_IDLE_MS) and its first
 * success marks it as back. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "core/error.h"
#include "core/metrics.h"
#include "views.h"

#define STORE_RETRY_AFTER_S 2 /* what clients are told; the store is looked for far more often */

struct store_state {
    enum query_store store;
    _Atomic bool away;
    pthread_mutex_t lock; /* of `detail` */
    char detail[256];
    struct ev_metric *up; /* 0 or 1 */
};

/* Away until the first success. */
void store_state_init(struct store_state *state, enum query_store store, struct ev_metrics *metrics);
void store_state_finish(struct store_state *state);
/* Changes are logged. */
void store_state_set_back(struct store_state *state);
void store_state_set_away(struct store_state *state, const char *detail);
/* False, with why, when the store is away. The form of a health check. */
bool store_state_check(void *state, char ret_detail[256]);
/* True for errors that say that the store can't be reached. */
bool store_error_means_away(const struct ev_error *error);
