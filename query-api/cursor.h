/* Cursors: where a list goes on. Opaque to clients: base64url of a versioned and checksummed text of a few parts, bound
 * to the query that it was made for (by a fingerprint), so that a cursor under other filters is refused instead of
 * giving a list with holes. The checksum finds accidents; it is no proof of origin, so whoever reads the parts checks
 * them. Pure. */
#pragma once

#include "core/arena.h"
#include "core/error.h"

#define CURSOR_PARTS_MAX 4
#define CURSOR_PART_MAX 512  /* bytes */
#define CURSOR_TEXT_MAX 2816 /* characters of the longest cursor and more */

struct cursor {
    uint64_t fingerprint;                  /* of the query */
    struct ev_str parts[CURSOR_PARTS_MAX]; /* none of them null */
    size_t part_count;
};

/* The text, in the arena; the null string when a part is longer than CURSOR_PART_MAX. */
struct ev_str cursor_format(const struct cursor *cursor, struct ev_arena *arena);
/* INVALID for anything that the function above didn't make, or made for another query; parts lie in the arena. */
int cursor_parse(struct ev_str text, uint64_t fingerprint, struct ev_arena *arena, struct cursor *ret,
                 struct ev_error *error);
