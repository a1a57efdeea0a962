/* Positions in the log and the opaque tokens that carry them to clients.
 * A token is base64url of a compact, versioned and checksummed text; clients must not look inside. */
#pragma once

#include "core/arena.h"
#include "core/error.h"

#define EV_POSITIONS_MAX 16
#define EV_POSITION_TOPIC_MAX 16 /* bytes of a topic's name; letters, digits, '_', '-' and '.' */
#define EV_POSITION_TOKEN_MAX 1024

struct ev_position {
    struct ev_str topic; /* without prefix: "order" */
    int32_t partition;
    int64_t offset; /* the view must reflect the record at this offset; -1: nothing to wait for */
};

/* Returns the length written (NUL-terminated), never more than EV_POSITION_TOKEN_MAX - 1; count <= EV_POSITIONS_MAX.
 * Topics are the program's own: names that break the rule above end the process. */
size_t ev_position_token_format(const struct ev_position *positions, size_t count,
                                char ret_token[EV_POSITION_TOKEN_MAX]);
/* INVALID for anything that wasn't made by the function above. Strings come from the arena. Several tokens may be
 * joined with ",": of positions in the same partition the greatest offset is kept. More than EV_POSITIONS_MAX in all
 * are INVALID. */
int ev_position_token_parse(struct ev_str token, struct ev_arena *arena, struct ev_position ret[EV_POSITIONS_MAX],
                            size_t *ret_count, struct ev_error *error);
