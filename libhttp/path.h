/* Text of URIs: percent-decoding and UTF-8. Pure. */
#pragma once

#include "core/arena.h"

/* Decodes %XX, and "+" to a space where `plus_is_space` (queries). Borrows `raw` when there is nothing to decode.
 * False: an escape is broken, the result is no UTF-8, or it has a NUL. */
bool http_percent_decode(struct ev_str raw, bool plus_is_space, struct ev_arena *arena, struct ev_str *ret);
/* As a path segment: everything but RFC 3986's unreserved characters is escaped. */
struct ev_str http_percent_encode(struct ev_str text, struct ev_arena *arena);
bool http_is_utf8(struct ev_str text);
