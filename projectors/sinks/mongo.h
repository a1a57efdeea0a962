/* The MongoDB sink: a collection per view and version, guarded by compare-and-set on _offset, acknowledged by a
 * majority. How documents and checkpoints lie there: docs/architecture.md, "Views". */
#pragma once

#include "fold/sink.h"

#define MONGO_SERVER_SELECTION_TIMEOUT_MS 3000
#define MONGO_CONNECT_TIMEOUT_MS 2000
#define MONGO_SOCKET_TIMEOUT_MS 30000
#define MONGO_WRITE_CONCERN_TIMEOUT_MS 10000
#define MONGO_BULK_DOCUMENTS_MAX ((size_t)1000)
#define MONGO_BULK_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define MONGO_DOCUMENT_BYTES_MAX ((size_t)16 * 1024 * 1024 - 16 * 1024) /* MongoDB's bound, less some room */

/* The connections of a process: thread-safe, shared by its sinks. */
struct mongo_pool;
/* `uri` names the database. INVALID with what is wrong with it. Connects when first used. */
int mongo_pool_create(const char *uri, struct mongo_pool **ret, struct ev_error *error);
void mongo_pool_destroy(struct mongo_pool *pool);

/* Borrows a client of the pool for as long as the sink lives. Collections get "<topic_prefix>_" in front unless it is
 * "orderlog". */
int mongo_sink_create(struct mongo_pool *pool, const char *topic_prefix, struct ev_sink **ret, struct ev_error *error);
