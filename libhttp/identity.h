/* What names a request: its id and its place in a distributed trace (W3C Trace Context, level 1, version 00). */
#pragma once

#include "libhttp/server.h"

/* Fills request_id, trace_id and traceparent: taken over from the request's headers where they are well-formed, made
 * anew where not. The span is always a new one. */
void http_identify(struct http_exchange *exchange, const struct ev_random *random);
/* "00-<32 lower-case hex digits, not all 0>-<16 likewise>-<2>", nothing behind it. */
bool http_traceparent_is_valid(struct ev_str text);
