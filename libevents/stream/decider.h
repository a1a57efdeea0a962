/* A decider is the pure heart of an aggregate: what happens, given what has happened and what is asked for. It has no
 * clock and no I/O: time and ids arrive in the command. (Chassaing's "functional event sourcing decider".) */
#pragma once

#include "avro/command.h"
#include "avro/commit.h"

#define EV_DECISION_DETAIL_MAX 256

/* A command as a decider sees it. */
struct ev_command {
    const struct ev_command_type *type;
    const void *body;        /* the struct that type->record describes */
    struct ev_str stream_id; /* "cart-7f…" */
    struct ev_str key;       /* the part after the category: "7f…" */
    int64_t now_ms;          /* time of the command, UTC */
};

struct ev_decision {
    struct ev_events events; /* none: nothing changes */
    /* Of a rejection: one sentence for the caller, and the JSON Pointer of the field that is to blame ("" where there
     * is none). */
    char detail[EV_DECISION_DETAIL_MAX];
    char pointer[128];
};

struct ev_decider {
    const char *category;
    const struct ev_record *state; /* describes the state; a stream of version 0 has a state made by ev_record_init */
    /* 0: the events are in ret (none: no change). Positive: a rejection, a number of the program's own table;
     * ret->events is ignored. `version` is the number of commits before this command; 0: the stream doesn't exist yet.
     */
    int (*decide)(const void *state, int64_t version, const struct ev_command *command, struct ev_decision *ret);
    /* Validates nothing and can't fail. What the state keeps must be copied into the arena or point into the event
     * (which lives as long). */
    void (*evolve)(void *state, const struct ev_event *event, struct ev_arena *arena);
};

/* Sets detail and pointer ("" for none) and returns `rejection`, so that a decider can write `return ev_reject(...)`.
 */
int ev_reject(struct ev_decision *decision, int rejection, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
