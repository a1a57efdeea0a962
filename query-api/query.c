#include "query.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/fatal.h"
#include "query_internal.h"

int64_t query_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void query_route_init(struct query_route *route, struct query_api *api, const struct query_resource *resource)
{
    char labels[128];
    if (resource->param_count + 1 > PARAMS_MAX)
        ev_fatal("%s has more than %d parameters", resource->name, PARAMS_MAX - 1);
    snprintf(labels, sizeof(labels), "route=\"%s\",store=\"%s\"", resource->name, query_store_name(resource->store));
    *route = (struct query_route){
        .api = api,
        .resource = resource,
        .store_seconds = ev_metrics_histogram(api->metrics, "orderlog_query_store_seconds", labels,
                                              "time from asking the store to the answer"),
        .waits = ev_metrics_counter(api->metrics, "orderlog_query_waits_total", labels,
                                    "queries that waited until the view reflected their position"),
        .behind = ev_metrics_counter(api->metrics, "orderlog_query_behind_total", labels,
                                     "queries whose position the view did not reflect in time"),
        .stale = ev_metrics_counter(api->metrics, "orderlog_query_stale_total", labels,
                                    "answers older than the position asked for, given because the client allowed it"),
    };
}

struct ev_str query_path_value(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->exchange->path_value_count; i++)
        if (ev_str_equal(query->exchange->path_values[i].name, ev_str_of(name)))
            return query->exchange->path_values[i].value;
    ev_fatal("the path of %s has no part \"%s\"", query->resource->name, name);
}

int64_t query_limit(const struct query *query, size_t param, int64_t otherwise)
{
    return query->params[param].present ? query->params[param].number : otherwise;
}

/* --- the store is asked --- */

static void query_run_job(struct mongo_session *session, void *context)
{
    struct query *query = context;
    if (session) {
        query->asked_us = query_now_us();
        query->resource->read(query, session);
        return;
    }
    struct ev_error error = {0};
    ev_error_set_retriable(&error, EV_ERR_LIMIT, "the query waited too long for a worker");
    query_reply_fault(query, &error);
}

static void query_ask_mongo(struct query *query)
{
    struct ev_error error = {0};
    query->job = (struct mongo_job){.work = query_run_job, .context = query};
    if (mongo_pool_submit(query->api->mongo, &query->job) == 0)
        return;
    ev_error_set_retriable(&error, EV_ERR_LIMIT, "too many queries wait for a worker");
    query_reply_fault(query, &error);
}

/* The position is reflected, or may be missing. */
static void query_ask(struct query *query)
{
    char detail[256];
    struct ev_error error = {0};
    enum query_store store = query->resource->store;
    tracker_snapshot(query->api->trackers[store], query->resource->view, &query->view);
    if (!store_state_check(&query->api->states[store], detail)) {
        ev_error_set_retriable(&error, EV_ERR_UNAVAILABLE, "%s", detail);
        query_reply_fault(query, &error);
    } else if (query->view.version == 0) {
        query_reply_view_missing(query);
    } else if (store == QUERY_STORE_MONGODB) {
        query_ask_mongo(query);
    } else {
        query->asked_us = query_now_us();
        query->resource->search(query);
    }
}

/* --- the wait --- */

static void query_waited(struct query *query, enum tracker_outcome outcome)
{
    struct ev_error error = {0};
    switch (outcome) {
    case TRACKER_REFLECTED:
    case TRACKER_AWAY: /* told by the next step, with the store's name */
        query_ask(query);
        return;
    case TRACKER_BEHIND:
        if (query->wanted_count == 0) { /* it waited for a generation's floor, which is no promise to it */
            query_ask(query);
            return;
        }
        ev_metric_add(query->route->behind, 1);
        if (query->stale_ok) {
            ev_metric_add(query->route->stale, 1);
            query->stale = true;
            query_ask(query);
        } else {
            query_reply_behind(query);
        }
        return;
    case TRACKER_FULL:
        ev_error_set_retriable(&error, EV_ERR_LIMIT, "too many queries wait for the view");
        break;
    case TRACKER_STOPPING:
        ev_error_set_retriable(&error, EV_ERR_LIMIT, "this instance is being stopped");
        break;
    case TRACKER_WAITING:
        return;
    }
    query_reply_fault(query, &error);
}

static void query_wait_done(void *context)
{
    struct query *query = context;
    query_waited(query, query->waiter.outcome);
}

static void query_wait(struct query *query, int64_t wait_ms)
{
    query->waiter = (struct tracker_waiter){
        .view = query->resource->view,
        .positions = query->wanted,
        .position_count = query->wanted_count,
        .deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + wait_ms,
        .loop = query->exchange->loop,
        .done = query_wait_done,
        .context = query,
    };
    /* Counted before the query can be gone. */
    struct ev_metric *waits = query->route->waits;
    enum tracker_outcome outcome = tracker_wait(query->api->trackers[query->resource->store], &query->waiter);
    if (outcome == TRACKER_WAITING)
        ev_metric_add(waits, 1);
    else
        query_waited(query, outcome);
}

/* --- the request --- */

void query_handle(struct http_exchange *exchange, void *context)
{
    const struct query_route *route = context;
    struct query *query = ev_arena_new(&exchange->arena, struct query);
    *query = (struct query){
        .api = route->api,
        .route = route,
        .resource = route->resource,
        .exchange = exchange,
        .arena = &exchange->arena,
    };
    int64_t wait_ms;
    if (!query_read_parameters(query) || !query_read_position(query, &wait_ms) ||
        (query->resource->check && !query->resource->check(query)))
        return;
    if (query->wanted_count > 0 ||
        tracker_has_floor(route->api->trackers[route->resource->store], route->resource->view))
        query_wait(query, wait_ms);
    else
        query_ask(query);
}
