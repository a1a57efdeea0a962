/* What /readyz asks. */
#pragma once

#include "app.h"
#include "libhttp/health.h"

/* `app` must stay. */
void command_health_init(struct http_health *ret, struct command_app *app);
