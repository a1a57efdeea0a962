/* Elasticsearch or OpenSearch over HTTP: one libcurl multi handle on a thread of its own, connections kept alive,
 * everything bounded. */
#pragma once

#include "core/buffer.h"
#include "core/error.h"
#include "core/json.h"
#include "core/metrics.h"
#include "store_state.h"
#include "tracker.h"

#define ELASTIC_IN_FLIGHT_MAX 256 /* with those that wait for a connection; beyond: refused */
#define ELASTIC_CONNECTIONS_MAX 16
#define ELASTIC_ANSWER_MAX ((size_t)32 * 1024 * 1024)
#define ELASTIC_CONNECT_TIMEOUT_MS 1000
#define ELASTIC_QUERY_TIMEOUT_MS 8000
#define ELASTIC_TRACKER_TIMEOUT_MS 2000
/* A projector saves a checkpoint every 100 ms at most, and reading a fresh one has Elasticsearch refresh its index. */
#define ELASTIC_TRACKER_BUSY_MS 25
#define ELASTIC_PATH_MAX 512

/* Belongs to the module from elastic_submit's 0 until `done`; zero all but the first group. */
struct elastic_request {
    const char *method;
    char path[ELASTIC_PATH_MAX]; /* "/products-v1/_search?…" */
    struct ev_str body;          /* must stay until `done`; empty: none */
    int64_t timeout_ms;
    void (*done)(struct elastic_request *request); /* on the module's thread: short work, no blocking */
    void *context;

    /* the answer */
    int status;              /* of HTTP; 0: none came */
    struct ev_buffer answer; /* freed by elastic_request_finish */
    struct ev_error error;   /* code 0 when an answer of any status came */

    void *easy; /* of the module */
    struct elastic_request *next;
};

struct elastic_options {
    const char *url; /* "http://user:password@host:9200" */
    const char *prefix;
    struct ev_metrics *metrics;
    struct store_state *state;
};
struct elastic;
int elastic_create(const struct elastic_options *options, struct elastic **ret, struct ev_error *error);
void elastic_destroy(struct elastic *elastic); /* what is in flight ends with UNAVAILABLE; NULL is fine */
/* LIMIT when too many are in flight. From any thread, also from `done`. */
int elastic_submit(struct elastic *elastic, struct elastic_request *request);
/* The same, waiting for the answer; not from `done`. 0, or the request's error. */
int elastic_call(struct elastic *elastic, struct elastic_request *request);
void elastic_request_finish(struct elastic_request *request);
/* An answer of 2xx as a tree in the arena. Anything else is an error: UNAVAILABLE for what passes by itself (marks the
 * store as away where no answer came), LIMIT for 429, NOT_FOUND for 404, INTERNAL with Elasticsearch's own words. */
int elastic_answer(struct elastic *elastic, struct elastic_request *request, struct ev_arena *arena,
                   yyjson_val **ret_root, struct ev_error *error);
/* Checkpoints and live versions. */
struct tracker_source elastic_tracker_source(struct elastic *elastic);
