/* One stream of one decider without any log: commits are folded as the running system folds them, through the encoded
 * forms of events and state, so that nothing survives which the schemas don't keep. Under specs and property tests. */
#pragma once

#include <stdio.h>

#include "core/buffer.h"
#include "stream/decider.h"

#define SCENARIO_EVENTS_MAX 4096 /* of a stream; for the report */

struct scenario {
    const struct ev_decider *decider;
    const char *title;
    struct ev_str key;
    int64_t now_ms; /* time of the next command */

    struct ev_arena arena;       /* what lives as long as the scenario */
    struct ev_arena state_arena; /* the state alone; renewed with every commit */
    struct ev_buffer state_bytes;
    void *state;
    int64_t version;
    struct ev_event events[SCENARIO_EVENTS_MAX]; /* so far, decoded */
    int64_t event_versions[SCENARIO_EVENTS_MAX];
    size_t event_count;

    /* The last command. */
    struct ev_command command;
    struct ev_decision *decision;
    int rejection;
    const struct ev_event *expected; /* of a spec, for the report; NULL: unknown */
    size_t expected_count;
};

void scenario_begin(struct scenario *scenario, const struct ev_decider *decider, const char *title, const char *key,
                    int64_t now_ms);
void scenario_end(struct scenario *scenario); /* a zeroed one is fine */

/* Decides; the command is copied. The answer is in `decision` and `rejection` until the next call. Nothing is
 * committed. */
void scenario_decide(struct scenario *scenario, const struct ev_command_type *type, const void *body);
/* One commit of these events (none: no commit). They are copied by way of their encoded form. */
void scenario_commit(struct scenario *scenario, const struct ev_event *events, size_t count);
void scenario_expect(struct scenario *scenario, const struct ev_event *events, size_t count);

/* Has the last scenario_decide() left the state alone? */
bool scenario_state_is_kept(const struct scenario *scenario);
/* Is the state the same when all events so far are folded at a stretch, in a fresh state and never encoded? */
bool scenario_state_is_fold(const struct scenario *scenario);

/* The whole story as indented JSON. */
void scenario_print(const struct scenario *scenario, FILE *out);
void scenario_print_record(const struct ev_record *record, const void *value, FILE *out);
