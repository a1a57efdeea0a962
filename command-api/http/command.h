/* One command on its way from a request to its answer: what the files of this folder share. */
#pragma once

#include "domain/rejections.h"
#include "forwarder.h"
#include "gen/cart.h"
#include "gen/order.h"
#include "libhttp/problem.h"
#include "log/position.h"
#include "price_reader.h"
#include "shard.h"

/* Longer keys are refused. */
#define COMMAND_KEY_MAX 64
#define COMMAND_ACTOR_MAX 64
#define COMMAND_CORRELATION_MAX 64
#define COMMAND_WAIT_MAX_S 60
#define COMMAND_RETRY_AFTER_S 1
/* How long a command that was forwarded once waits for its partition to come here, before it is sent back. */
#define COMMAND_FORWARDED_WAIT_MS 300

#define COMMAND_OUTCOMES(X)                                                                                            \
    X(COMMITTED, "committed")                                                                                          \
    X(UNCHANGED, "unchanged")                                                                                          \
    X(DUPLICATE, "duplicate")                                                                                          \
    X(REJECTED, "rejected")                                                                                            \
    X(MISMATCH, "mismatch")                                                                                            \
    X(REUSED, "reused")                                                                                                \
    X(FAILED, "failed")
#define COMMAND_OUTCOME_COUNT 7

/* The context of a command's route. */
struct command_route {
    struct command_app *app;
    const struct ev_command_type *type;
    const struct command_topic *topic;
    struct ev_metric *by_outcome[COMMAND_OUTCOME_COUNT]; /* by enum ev_outcome */
    struct ev_metric *invalid;                           /* refused before it was decided on */
    struct ev_metric *forwarded;                         /* answered by another instance */
};

/* The part of an answer that the first step of two has given. */
struct command_step {
    enum ev_outcome outcome;
    int64_t version;
    struct ev_position position;
};

/* In the exchange's arena, until the answer. */
struct command_run {
    struct shard_request shard; /* first */
    struct http_exchange *exchange;
    const struct command_route *route;
    struct ev_str key;      /* Idempotency-Key, the client's or one made here */
    struct ev_str id;       /* of the stream within its category */
    struct ev_str order_id; /* of a checkout */
    int64_t wait_s;         /* by Prefer; 0: the default */
    bool refreshed;         /* the price list was brought up to date for it */
    struct price_refresh refresh;
    struct http_post post;
    struct command_step first; /* of a checkout: the cart's */
    struct forward forward;    /* while the partition isn't here */
    bool maybe_done;           /* an attempt was made, and nobody knows what became of it */
    bool is_forwarded;         /* by another instance, which has derived: */
    struct ev_uuid given_id;
    struct ev_hash128 given_hash;
    int64_t given_ms; /* what is left of the client's deadline */
    char command_id[EV_UUID_TEXT_LENGTH + 1];
};

static inline struct command_run *command_run_of(struct ev_request *request)
{
    return (struct command_run *)(void *)request;
}

/* command_handler.c */
void command_handle(struct http_exchange *exchange, void *route);

/* command_headers.c: what the request's headers and query say. False: a problem was answered. */
bool command_read_headers(struct command_run *run);

/* command_identity.c: ids and hash of the command, and its stream; after the command was parsed. */
void command_identify(struct command_run *run);
/* The parts one behind the other, or each `ended` by a line feed: of such texts ids and hashes are made (no part but a
 * body, which is always the last, can hold a line feed). */
struct ev_str command_join(struct ev_arena *arena, const struct ev_str *parts, size_t count, bool ended);
struct ev_str command_stream_id(struct ev_arena *arena, const char *category, struct ev_str id); /* "cart-7f…" */

/* command_offers.c: for commands that buy. True when the list is being brought up to date and the command will be
 * decided again. */
bool command_offers_retry(struct command_run *run, const struct ev_result *result);
/* The problem of a rejection because of what is offered, naming every line that is to blame. */
void command_offers_reject(struct command_run *run, const struct ev_result *result);
bool command_offers_is_rejection(const struct command_run *run, const struct ev_result *result);

/* command_dispatch.c: to where the command's partition is owned. */
void command_dispatch(struct command_run *run);
/* True: the partition was lost before the command was decided on, or nobody knows; it goes to the next owner. */
bool command_dispatch_again(struct command_run *run, const struct ev_result *result);

/* command_forward.c: to another instance, or waiting until the partition comes here. */
void command_forward(struct command_run *run);

/* command_forwarded.c: what another instance has forwarded. False: a problem was answered. */
bool command_forwarded_read(struct command_run *run);
bool command_forwarded_check(struct command_run *run); /* once the stream is known */
void command_forwarded_send_back(struct command_run *run);
void command_forwarded_lost(struct command_run *run);

/* command_answer.c */
void command_answer(struct command_run *run, const struct ev_result *result);
/* Counts the outcome and answers what isn't a success. */
void command_answer_fault(struct command_run *run, const struct ev_result *result);
static inline bool command_succeeded(const struct ev_result *result)
{
    return result->outcome == EV_OUTCOME_COMMITTED || result->outcome == EV_OUTCOME_UNCHANGED ||
           result->outcome == EV_OUTCOME_DUPLICATE;
}
/* Counts and answers a success: `steps` in order, the first of which names stream and version. */
void command_answer_success(struct command_run *run, const struct command_step *steps, size_t count);
struct command_step command_step_of(const struct command_run *run, const struct ev_result *result);
/* 400 with what `faults` holds, or with the one sentence. */
void command_refuse_faults(struct command_run *run, const struct ev_faults *faults);
void command_refuse(struct command_run *run, const char *slug, const char *title, struct ev_str detail);

/* The deadline has passed, or what else `code` says. */
void command_answer_error(struct command_run *run, enum ev_error_code code, bool retriable);

/* command_checkout.c: the second step, from the cart to its order. */
void command_checkout_answer(struct command_run *run, const struct ev_result *result);
/* The second step was answered by another instance, in run->forward. */
void command_checkout_forwarded(struct command_run *run);
