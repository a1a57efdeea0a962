/* A client that keeps WINDOW commands on their way and asks again, under the same id, for those that failed. */
#pragma once

#include "drill.h"

enum client_kind { CLIENT_STOCKS, CLIENT_SELLS, CLIENT_ASKS_UNKNOWN };

struct client;
struct client_slot {
    struct ev_request request; /* first */
    struct client *client;
    struct ev_arena arena;
    int64_t number, started_us;
    union {
        struct stock_shelf stock;
        struct sell_units sell;
    } body;
    struct ev_uuid command_id;
    struct ev_hash128 request_hash;
    char stream_id[64], correlation_id[64];
    bool busy;
};

struct client {
    struct drill_node *node;
    const struct drill *drill;
    enum client_kind kind;
    struct client_slot *slots;
    char *buyer;
    int64_t next, end;  /* numbers still to be asked */
    int64_t timeout_ms; /* of one attempt */
    bool retries;
    int64_t open;
    int64_t outcomes[EV_OUTCOME_FAILED + 1];
    int64_t faults;       /* failures that are no reason to ask again */
    int64_t late_commits; /* acknowledged while `forbidden` is set */
    bool forbidden;
    int64_t *latencies_us; /* of finished commands; end - next of them */
    int64_t finished;
    struct ev_error last_error;
};

void client_init(struct client *client, struct drill_node *node, const struct drill *drill, enum client_kind kind,
                 int64_t first, int64_t end);
void client_finish(struct client *client);
/* Fills the window. */
void client_push(struct client *client);
static inline bool client_is_done(const struct client *client)
{
    return client->next == client->end && client->open == 0;
}
/* Runs it to the end. Returns the microseconds it took. */
int64_t client_run(struct client *client);
/* In thousandths: 500 is the median. Sorts. */
int64_t client_latency_us(struct client *client, int per_mille);
