/* Which partitions are this process's, and which loop has them. All of them, from start to end, so that just
 * one instance may run (a second one would fence the first, which is safe, and take everything from it). */
#pragma once

#include "shard.h"

unsigned ownership_loop_of(const struct command_app *app, int32_t partition);
/* Has the shard's executors acquire what is theirs. */
void ownership_acquire(struct shard *shard);
/* All partitions of all topics are being served. Any thread. */
bool ownership_is_complete(const struct command_app *app, unsigned *ret_serving, unsigned *ret_total);
