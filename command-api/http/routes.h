/* The routes of the command API, one per command of the contract. */
#pragma once

#include "app.h"
#include "libhttp/health.h"

struct command_routes {
    struct http_route *items;
    size_t count;
    struct command_route *contexts;
};
/* Public commands are on both listeners, private ones on the private one. `health` NULL: without its routes. */
void command_routes_init(struct command_routes *ret, struct command_app *app, struct http_health *health);
void command_routes_finish(struct command_routes *routes);
