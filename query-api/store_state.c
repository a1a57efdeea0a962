#include "store_state.h"

#include <stdio.h>

#include "core/log.h"

void store_state_init(struct store_state *state, enum query_store store, struct ev_metrics *metrics)
{
    char labels[64];
    state->store = store;
    atomic_init(&state->away, true);
    pthread_mutex_init(&state->lock, NULL);
    snprintf(state->detail, sizeof(state->detail), "not reached yet");
    snprintf(labels, sizeof(labels), "store=\"%s\"", query_store_name(store));
    state->up = ev_metrics_gauge(metrics, "orderlog_query_store_up", labels, "1 while the store answers");
}

void store_state_finish(struct store_state *state)
{
    pthread_mutex_destroy(&state->lock);
}

void store_state_set_back(struct store_state *state)
{
    ev_metric_set(state->up, 1);
    if (atomic_load_explicit(&state->away, memory_order_relaxed) && atomic_exchange(&state->away, false))
        ev_log(EV_LOG_INFO, "store.back", "the store answers", ev_log_cstr("store", query_store_name(state->store)));
}

void store_state_set_away(struct store_state *state, const char *detail)
{
    pthread_mutex_lock(&state->lock);
    snprintf(state->detail, sizeof(state->detail), "%s", detail);
    pthread_mutex_unlock(&state->lock);
    ev_metric_set(state->up, 0);
    if (!atomic_exchange(&state->away, true))
        ev_log(EV_LOG_WARN, "store.away", "the store is away: its queries answer 503 until it is back",
               ev_log_cstr("store", query_store_name(state->store)), ev_log_cstr("detail", detail));
}

bool store_state_check(void *context, char ret_detail[256])
{
    struct store_state *state = context;
    if (!atomic_load(&state->away))
        return true;
    pthread_mutex_lock(&state->lock);
    snprintf(ret_detail, 256, "%s", state->detail);
    pthread_mutex_unlock(&state->lock);
    return false;
}

bool store_error_means_away(const struct ev_error *error)
{
    return error->code == EV_ERR_UNAVAILABLE || error->code == EV_ERR_TIMEOUT || error->code == EV_ERR_IO;
}
