/* GET /v1/positions: how far every view has come in every store that has it. */
#pragma once

#include "query.h"

#define POSITIONS_PATH "/v1/positions"
/* `context` is the query_api. */
void positions_handle(struct http_exchange *exchange, void *context);
