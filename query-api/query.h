/* One read from request to answer: parameters checked by the route's table, the position waited for, the store asked,
 * the answer given with its position. A resource's file says what is asked and how the answer looks; all else is here.
 *
 * Threads, one after the other and never two at once: the exchange's loop (checks, waits, `search`), then for MongoDB a
 * worker
 * (`read`), for Elasticsearch its thread (what `search` has set as `done`). Whoever answers gives the query up: it lies
 * in the exchange's arena. */
#pragma once

#include "cursor.h"
#include "elastic.h"
#include "libhttp/problem.h"
#include "mongo_pool.h"
#include "params.h"

#define QUERY_WAIT_DEFAULT_MS 5000
#define QUERY_WAIT_MAX_MS 30000
#define QUERY_BEHIND_RETRY_AFTER_S 1
#define QUERY_BUSY_RETRY_AFTER_S 1
#define QUERY_LIST_LIMIT_DEFAULT 20
#define QUERY_LIST_LIMIT_MAX 100

struct query;

struct query_resource {
    const char *path; /* of the route; for lists also of the link to the next page */
    const char *name;
    const char *summary;
    enum query_store store;
    enum query_view_id view;
    const struct param
        *params; /* besides `after` and `stale-ok`, which all have; in the order of the resource's own enum */
    size_t param_count;
    /* What the table can't say; on the loop. False: it has answered. May be NULL. */
    bool (*check)(struct query *query);
    void (*read)(struct query *query, struct mongo_session *session); /* MongoDB: on a worker, leads to the answer */
    void (*search)(struct query *query); /* Elasticsearch: on the loop, leads to the answer */
};

struct query_api {
    const char *prefix;
    struct store_state states[QUERY_STORES];
    struct mongo_pool *mongo;
    struct elastic *elastic;
    struct tracker *trackers[QUERY_STORES];
    struct ev_metrics *metrics;
};

/* A resource as this process serves it: context of its route. */
struct query_route {
    struct query_api *api;
    const struct query_resource *resource;
    struct ev_metric *store_seconds;
    struct ev_metric *waits, *behind, *stale;
};

struct query {
    struct query_api *api;
    const struct query_route *route;
    const struct query_resource *resource;
    struct http_exchange *exchange;
    struct ev_arena *arena; /* the exchange's */
    struct param_value params[PARAMS_MAX];
    uint64_t fingerprint;
    struct cursor cursor; /* of the parameter "cursor"; part_count 0: none was given */

    struct ev_position wanted[EV_POSITIONS_MAX];
    size_t wanted_count;
    bool stale_ok, stale;
    bool parked; /* what is asked for isn't there because its first event couldn't be folded */
    struct tracker_waiter waiter;

    /* As known when the store was asked: the answer reflects at least this. */
    struct tracker_snapshot view;
    int64_t asked_us; /* monotonic */
    struct mongo_job job;
    void *state; /* the resource's own */
};

void query_route_init(struct query_route *route, struct query_api *api, const struct query_resource *resource);
/* The handler of every route of a resource; `context` is its query_route. */
void query_handle(struct http_exchange *exchange, void *context);

/* The value of a path's part; never null for a name that the path has. */
struct ev_str query_path_value(const struct query *query, const char *name);
/* `limit` as given or the default. */
int64_t query_limit(const struct query *query, size_t param, int64_t otherwise);

/* What an answer may carry besides its body. */
struct query_answer {
    struct ev_buffer *body;    /* finished by the call; NULL: none */
    int64_t version;           /* > 0: ETag */
    bool cacheable;            /* If-None-Match is honoured: the version changes with everything that the body shows */
    struct ev_str next_cursor; /* not null: Link to the next page */
    int32_t partition;         /* of a single document and the offset that it reflects; offset -1: none */
    int64_t offset;
    int64_t parked_at_ms; /* the first of the documents shown goes no further since then; 0: they do */
};
#define QUERY_ANSWER_NONE ((struct query_answer){.offset = -1})
/* These give the answer, from any thread; the query is gone afterwards. */
void query_reply(struct query *query, const struct query_answer *answer);
/* 404; or 503 where query->parked says that the log has what the view hasn't. */
void query_reply_not_found(struct query *query, const char *what, struct ev_str id);
void query_reply_parameter(struct query *query, const char *parameter, const char *detail);
/* A fault as a problem: 503 that names the store and says when to retry; 422 for a bound that the query itself passes
 * (LIMIT that is not retriable); else 500. */
void query_reply_fault(struct query *query, const struct ev_error *error);

/* The cursor of the page behind the item that these parts name. INTERNAL when one is longer than a cursor holds, which
 * no key that commands allow is: rather no answer than a list that seems to end there. */
int query_next_cursor(const struct query *query, const struct ev_str *parts, size_t count, struct ev_str *ret,
                      struct ev_error *error);
/* The body of lists: {"items":[…],"next_cursor":…}: writes the last member. */
void query_write_next_cursor(struct ev_json_writer *writer, struct ev_str cursor);
