/* What the projections say of themselves by HTTP: GET /v1/lag, and a check each for /readyz. */
#pragma once

#include "libhttp/health.h"
#include "worker.h"

struct worker_table {
    struct worker *workers;
    size_t count;
};

/* Context: struct worker_table. */
void lag_handle(struct http_exchange *exchange, void *context);
/* Context: struct worker. Fine when it is live: caught up, and no partition stopped. */
bool lag_check(void *context, char ret_detail[256]);
