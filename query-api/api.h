/* The query API put together: stores, trackers, routes. */
#pragma once

#include "core/config.h"
#include "libhttp/health.h"
#include "query.h"

#define QUERY_ROUTES_MAX 32

extern const struct ev_config_program query_api_program;

struct query_service {
    struct query_api api;
    struct query_route query_routes[QUERY_ROUTES_MAX];
    struct http_route routes[QUERY_ROUTES_MAX];
    size_t route_count;
    struct http_health health;
};

/* Routes alone, for --routes and for the service. `service` is zeroed; its metrics may be NULL. */
void query_service_make_routes(struct query_service *service);
/* Looks for the stores once; what is away is looked for as long as the process runs. */
int query_service_start(struct query_service *service, const struct ev_config *config, struct ev_error *error);
/* Requests that wait for a position are answered now. From any thread. */
void query_service_stop_waits(struct query_service *service);
/* Ends what still runs; the HTTP server's loops have ended, but the server isn't destroyed yet. */
void query_service_finish(struct query_service *service);
