/* Looks again at documents that weren't the same at first sight: newer than the position, older, gone, altered, not to
 * be there. Tells which of it is a fault, and mends it when asked to. */
#pragma once

#include "proof/fresh.h"

/* `base` is folded up to the positions. Adds to result's digests and counts. */
int resolve_suspects(const struct proof_options *options, const struct fresh *base, const struct ev_str *keys,
                     size_t count, struct proof_result *result, struct ev_error *error);
/* Where the store's checkpoints are, by partition (0: none). */
int resolve_checkpoints(const struct proof_options *options, int32_t partition_count, int64_t *ret,
                        struct ev_error *error);
