/* Between query.c, query_request.c and query_reply.c. */
#pragma once

#include "query.h"

int64_t query_now_us(void); /* monotonic */

/* Both: false when the request was refused (and has been answered). */
bool query_read_parameters(struct query *query);
/* Positions of the header `Position` and of `after`; how long the client waits for them. */
bool query_read_position(struct query *query, int64_t *ret_wait_ms);

void query_reply_behind(struct query *query);
void query_reply_view_missing(struct query *query);
