/* Property tests of deciders: seeded random commands on one stream at a time. Whatever the commands, after each of them
 * - the answer is a rejection of the table or a bounded list of events that can be encoded; deciding changed nothing,
 * - the state is the fold of all events at a stretch (so nothing is lost between commits, and nothing but events
 * changes it),
 * - what the category's own check asks for holds,
 * - the same command again has no second effect, where the command is one of those that promise it.
 * One command in sixteen is hostile: any numbers and texts, as no JSON Schema would let them through. A failure prints
 * seed, step and the whole story. */
#pragma once

#include "core/clock.h"
#include "scenario.h"

struct property_run {
    struct scenario scenario;
    struct ev_fake_random fake;
    const struct ev_random *random;
    uint64_t seed;
    int step;
    size_t events_before;                 /* events of the stream before the last command */
    size_t accepted, unchanged, rejected; /* commands so far; a test that only meets rejections shows nothing */
};

struct property {
    const struct ev_decider *decider;
    const char *key;
    const struct ev_command_type *const *command_types;
    const size_t *command_type_count;
    /* A sensible random command on the state as it is; bodies come from scenario.arena. */
    const struct ev_command_type *(*make)(struct property_run *run, void **ret_body);
    /* After the command's events were folded; calls property_check. */
    void (*check)(struct property_run *run);
    /* Must the command, once accepted, change nothing when it is decided again? */
    bool (*is_idempotent)(const struct ev_command *command);
};

/* Ends the process with the story when `holds` is false. */
#define property_check(run, holds) property_check_named((run), (holds), #holds, __FILE__, __LINE__)
void property_check_named(struct property_run *run, bool holds, const char *condition, const char *file, int line);

uint64_t property_below(struct property_run *run, uint64_t bound); /* uniform in [0, bound) */
bool property_chance(struct property_run *run, unsigned one_in);
struct ev_str property_pick(struct property_run *run, const char *const *texts, size_t count);
#define property_pick_from(run, array) property_pick((run), (array), sizeof(array) / sizeof((array)[0]))
#define property_new(run, name) ev_arena_new(&(run)->scenario.arena, struct name)

extern const struct property product_property, stock_property, cart_property, order_property, returns_property,
    adjustment_property;
