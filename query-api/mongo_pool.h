/* MongoDB: blocking calls on a bounded pool of workers, each with one client of its own. A job that finds no room is
 * refused at once, one that waited too long in the queue is not begun. */
#pragma once

#include <mongoc/mongoc.h>

#include "core/error.h"
#include "core/metrics.h"
#include "store_state.h"
#include "tracker.h"

#define MONGO_TRACKER_BUSY_MS 5
#define MONGO_QUEUE_MAX 256
#define MONGO_QUEUE_WAIT_MAX_MS 5000
/* Unless the URI says otherwise. */
#define MONGO_CONNECT_TIMEOUT_MS 1000
#define MONGO_SELECTION_TIMEOUT_MS 1500
#define MONGO_SOCKET_TIMEOUT_MS 10000
#define MONGO_QUERY_TIMEOUT_MS 8000 /* maxTimeMS of every query */

struct mongo_session {
    mongoc_client_t *client;
    mongoc_database_t *database;
    struct store_state *state;
};
struct mongo_job {
    /* On a worker. `session` is NULL when the job waited for longer than MONGO_QUEUE_WAIT_MAX_MS or the pool is being
     * destroyed. */
    void (*work)(struct mongo_session *session, void *context);
    void *context;
    int64_t queued_ms;
    struct mongo_job *next;
};

struct mongo_pool_options {
    const char *uri; /* with the database's name */
    const char *prefix;
    unsigned workers;
    struct ev_metrics *metrics;
    struct store_state *state;
};
struct mongo_pool;
/* Connects to nothing yet: INVALID for a URI that can't be used. */
int mongo_pool_create(const struct mongo_pool_options *options, struct mongo_pool **ret, struct ev_error *error);
/* Ends running jobs, hands the queued ones back (session NULL), joins. */
void mongo_pool_destroy(struct mongo_pool *pool);
/* The job belongs to the pool until `work` is called. LIMIT when the queue is full. From any thread. */
int mongo_pool_submit(struct mongo_pool *pool, struct mongo_job *job);
/* Checkpoints and live versions, with a client of its own. */
struct tracker_source mongo_pool_tracker_source(struct mongo_pool *pool);

/* Translates, and marks the store as away where the error says so. */
int mongo_error(struct mongo_session *session, const bson_error_t *from, struct ev_error *error);
/* Calls `each` for every document of the query (options may be NULL) until it returns non-zero, which is then returned.
 */
int mongo_find_each(struct mongo_session *session, const char *collection, const bson_t *filter, const bson_t *options,
                    int (*each)(void *context, const bson_t *document, struct ev_error *error), void *context,
                    struct ev_error *error);
