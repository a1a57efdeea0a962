/* /livez, /readyz, /metrics on the private listener (and /livez, /readyz on the public one), from a table of checks. */
#pragma once

#include "libhttp/server.h"

#define HTTP_HEALTH_CHECKS_MAX 16
/* Cheap and non-blocking: reports what a background activity knows. Returns true when fine; else writes why.
 * `required`: its failure makes /readyz 503; otherwise it's only listed ("degraded"). Runs on a loop's thread, must be
 * thread-safe. */
struct http_health_check {
    const char *name; /* "kafka", "mongodb", "partitions" */
    bool required;
    bool (*check)(void *context, char ret_detail[256]);
    void *context;
};
struct http_health {
    struct http_health_check checks[HTTP_HEALTH_CHECKS_MAX];
    size_t count;
    struct ev_metrics *metrics;
};
/* Appends the three routes to `routes` (room for 3). `health` must stay. */
size_t http_health_routes(struct http_health *health, struct http_route *routes);
