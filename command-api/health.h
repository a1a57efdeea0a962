/* What /readyz asks. */
#pragma once

#include "app.h"
#include "libhttp/health.h"

#define COMMAND_SETTLE_MS 3000 /* how long a change of ownership may last before it makes the process unready */

/* `app` must stay. */
void command_health_init(struct http_health *ret, struct command_app *app);
