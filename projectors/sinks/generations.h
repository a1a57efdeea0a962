/* The generations of a view in a store: each is a collection or index of its own, built by a replay beside the one that
 * is live, and kept for a while after it was so, to go back to. One is live: the one that MongoDB's `_views` or
 * Elasticsearch's alias of the view points to; that pointer moves in one step. The calls block, one thread at a time
 * per sink; faults of the store are UNAVAILABLE, retriable.
 *
 * Names: orders_v1 (the first generation), orders_v1_g2, … in MongoDB; orders-v1, orders-v1-g2, … in Elasticsearch. */
#pragma once

#include "fold/sink.h"

#define GENERATIONS_MAX 32 /* of one view in one store; a replay refuses to make more */
#define GENERATION_NAME_MAX 128
#define GENERATION_FINGERPRINT_MAX 33 /* with its NUL */
#define GENERATION_OWNER_MAX 96
#define GENERATION_HEARTBEAT_MS 2000 /* how often a replay says that it is alive … */
#define GENERATION_LEASE_MS 12000    /* … and how long it may be silent before it counts as dead */

#define GENERATION_STATES(X)                                                                                           \
    X(BUILDING, "building") /* a replay fills it; no projector feeds it */                                             \
    X(READY, "ready")       /* proved, or the first: projectors feed it, and it may be made live */                    \
    X(DROPPING, "dropping") /* projectors leave it; whoever finds it later drops it */

enum generation_state {
#define X(name, text) GENERATION_##name,
    GENERATION_STATES(X)
#undef X
};
const char *generation_state_text(enum generation_state state);
/* BUILDING for anything unknown: nobody feeds that. */
enum generation_state generation_state_parse(struct ev_str text);

struct generation {
    char view[64];
    int version, number;
    enum generation_state state;
    bool live;
    char fingerprint[GENERATION_FINGERPRINT_MAX]; /* of the fold; "": not known */
    char owner[GENERATION_OWNER_MAX];             /* of the replay that builds it */
    int64_t heartbeat_ms;                         /* that one's last; UTC, as all below; 0: none */
    int64_t created_at_ms;
    int64_t retired_at_ms; /* when it stopped being live; 0: never was, or is */
};

/* What a store does beside `struct ev_sink`. The sink's own generation plays no part. */
struct generation_store {
    /* Every generation of a view, whatever its version, by version and number. Collections and indexes that nobody
     * wrote down (a replay died early) are listed too, as BUILDING without an owner. */
    int (*list)(struct ev_sink *sink, const char *view, struct generation ret[GENERATIONS_MAX], size_t *ret_count,
                struct ev_error *error);
    /* Makes the collection or index for loading in bulk, by inserts alone: without further indexes, without refresh and
     * replicas. CONFLICT: there is one. */
    int (*create)(struct ev_sink *sink, const struct generation *generation, struct ev_error *error);
    /* Makes it what live ones are, after the load. */
    int (*loaded)(struct ev_sink *sink, const struct generation *generation, struct ev_error *error);
    /* Writes down state, owner, heartbeat and times. NOT_FOUND: it was dropped meanwhile. */
    int (*save)(struct ev_sink *sink, const struct generation *generation, struct ev_error *error);
    /* Moves the pointer in one step. CONFLICT, and nothing moved, where `from` isn't live any more. */
    int (*make_live)(struct ev_sink *sink, const struct generation *from, const struct generation *to,
                     struct ev_error *error);
    /* Removes documents, checkpoints and parked entries. Never call it for what is live. */
    int (*drop)(struct ev_sink *sink, const struct generation *generation, struct ev_error *error);
    /* Documents (marks of deleted ones too) and the sum of the checkpoints' next offsets. */
    int (*measure)(struct ev_sink *sink, const struct generation *generation, int64_t *ret_documents,
                   int64_t *ret_position, struct ev_error *error);
};
extern const struct generation_store mongo_generations, elasticsearch_generations;

/* `separator` is '_' or '-'. */
void generation_name(char separator, const char *view, int version, int number, char ret[GENERATION_NAME_MAX]);
bool generation_name_parse(char separator, const char *view, struct ev_str name, int *ret_version, int *ret_number);
/* Sorts by version and number. */
void generations_sort(struct generation *generations, size_t count);
/* NULL: there is none. */
const struct generation *generations_live(const struct generation *generations, size_t count);
const struct generation *generations_find(const struct generation *generations, size_t count, int version, int number);
/* One that a replay left behind: building, and nobody has said for long that it is at work. */
bool generation_is_left_over(const struct generation *generation, int64_t now_ms);
/* What a sink says that finds documents of another fold. */
int generation_refuse_fingerprint(const struct ev_view *view, const char *sink, const char *stored, const char *own,
                                  struct ev_error *error);
