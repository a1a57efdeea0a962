/* What the projections say of themselves by HTTP: GET /v1/lag, and a check each for /readyz. */
#pragma once

#include "keeper.h"
#include "libhttp/health.h"

/* Context: struct keeper_table. "projections": of the live generations, one per view and store; "kept": of the others.
 */
void lag_handle(struct http_exchange *exchange, void *context);
/* Context: struct keeper. Fine when the live generation is up to date, and no partition stopped. */
bool lag_check(void *context, char ret_detail[256]);
