/* Sends many commands to the command API over libcurl: a bounded number in flight, the same Idempotency-Key on every
 * try, and patience while servers are away (so that nothing is lost or done twice). Commands of one chain are sent one
 * after the other. Single-threaded. */
#pragma once

#include "core/core.h"

#define SENDER_IN_FLIGHT_MAX 256
#define SENDER_KEY_MAX 64 /* bytes, as the API has it */

struct sender_job {
    const char *method;
    struct ev_str path; /* "/v1/orders/536365/record", percent-encoded */
    char idempotency_key[SENDER_KEY_MAX + 1];
    const void *content; /* the caller's, for `write_body` and `answered` */
    void (*write_body)(const struct sender_job *job, struct ev_json_writer *json);
    /* Given the final answer (a 2xx, or a 4xx that a retry won't change). Returns the job to send in its stead (same
     * chain), or NULL. May be NULL. */
    struct sender_job *(*answered)(struct sender_job *job, int status, struct ev_str body, void *context);
    struct sender_job *chain; /* to be sent after this one was answered; NULL: none */
    int tries;
};

struct sender_options {
    const char *base_url;
    unsigned in_flight;  /* 1..SENDER_IN_FLIGHT_MAX */
    int64_t patience_ms; /* gives up when nothing was answered for so long */
    /* Called about ten times a second and after answers. `waiting` says why when answers fail, else NULL. */
    void (*progressed)(void *context, int64_t answered, const char *waiting);
    void *context;
};

struct sender_totals {
    int64_t sent, accepted, refused, retries; /* refused: final 4xx that no `answered` replaced */
    char first_refusal[512];                  /* method, path, status and problem of the first */
};

/* Sends all jobs (heads of chains). 0; UNAVAILABLE when patience ended; TIMEOUT when interrupted. */
int sender_run(const struct sender_options *options, struct sender_job **jobs, size_t count,
               struct sender_totals *ret_totals, struct ev_error *error);

/* Percent-encodes a path segment into the arena. */
struct ev_str sender_encode_segment(struct ev_arena *arena, struct ev_str segment);
