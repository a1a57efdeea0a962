/* This instance's part in PREFIX.owners: it says where it can be reached for each partition that it serves, and says so
 * again when it reads otherwise. */
#pragma once

#include "ownership.h"

/* Makes the hints' reader; topics are known. `advertised` NULL: made from the private listener's address. */
int hints_open(struct command_app *app, const char *advertised, const char *private_listen, struct ev_error *error);
/* The partition is being served. On the shard's loop. */
void hints_announce(const struct shard_topic *at, int32_t partition);
/* Announces again what somebody else is said to serve. On the shard's loop, about once a second. */
void hints_mend(const struct shard *shard);
