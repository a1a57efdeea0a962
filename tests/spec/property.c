#include "property.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "domain/rejections.h"

#define PROPERTY_SEEDS 400
#define PROPERTY_STEPS 60
#define HOSTILE_ONE_IN 16
#define PROPERTY_NOW INT64_C(1291190400000) /* 2010-12-01T08:00:00Z */

static const struct property *const properties[] = {
    &product_property, &stock_property, &cart_property, &order_property, &returns_property, &adjustment_property,
};

void property_check_named(struct property_run *run, bool holds, const char *condition, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: doesn't hold: %s\n", file, line, condition);
    scenario_print(&run->scenario, stderr);
    fprintf(stderr, "%s: seed %" PRIu64 ", step %d; to see it again: properties %s %" PRIu64 "\n",
            run->scenario.decider->category, run->seed, run->step, run->scenario.decider->category, run->seed);
    exit(1);
}

uint64_t property_below(struct property_run *run, uint64_t bound)
{
    return ev_random_below(run->random, bound);
}

bool property_chance(struct property_run *run, unsigned one_in)
{
    return property_below(run, one_in) == 0;
}

struct ev_str property_pick(struct property_run *run, const char *const *texts, size_t count)
{
    return ev_str_of(texts[property_below(run, count)]);
}

/* Hostile commands: any value that the C type can hold; null only where the schema has it. */

static int64_t hostile_number(struct property_run *run)
{
    static const int64_t numbers[] = {
        INT64_MIN,  INT64_MIN + 1,          -1000000001,   -1,       0, 1, 2, 2500, 2501, 1000000000,
        1000000001, INT64_C(9999999990000), INT64_MAX - 1, INT64_MAX};
    if (property_chance(run, 2))
        return numbers[property_below(run, sizeof(numbers) / sizeof(numbers[0]))];
    return (int64_t)ev_random_u64(run->random) >> property_below(run, 64);
}

static struct ev_str hostile_text(struct property_run *run)
{
    static const char *const texts[] = {"", "tea", "milk", "GBP", "\"", "\\ \n\t", "\xC3\xA4", "c1"};
    return property_pick_from(run, texts);
}

static void hostile_fill(struct property_run *run, const struct ev_record *record, void *value);

static void hostile_fill_kind(struct property_run *run, enum ev_kind kind, const struct ev_record *record, void *value)
{
    switch (kind) {
    case EV_KIND_BOOL:
        *(bool *)value = property_chance(run, 2);
        break;
    case EV_KIND_INT:
    case EV_KIND_ENUM:
        *(int32_t *)value = (int32_t)hostile_number(run);
        break;
    case EV_KIND_LONG:
        *(int64_t *)value = hostile_number(run);
        break;
    case EV_KIND_DOUBLE:
        *(double *)value = (double)hostile_number(run);
        break;
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        *(struct ev_str *)value = hostile_text(run);
        break;
    case EV_KIND_RECORD:
        hostile_fill(run, record, value);
        break;
    case EV_KIND_ARRAY:
        break;
    }
}

static void hostile_fill_field(struct property_run *run, const struct ev_field *field, void *at)
{
    struct ev_arena *arena = &run->scenario.arena;
    if (field->nullable && property_chance(run, 3))
        return;
    if (field->kind == EV_KIND_ARRAY) {
        struct ev_array *array = at;
        if (property_chance(run, 8))
            return; /* absent, or as no schema would have it */
        ev_array_reserve(arena, array, field->item_size, 4);
        for (uint64_t left = property_below(run, 5); left > 0; left--)
            hostile_fill_kind(run, field->item_kind, field->record, ev_array_push_raw(arena, array, field->item_size));
    } else if (field->kind == EV_KIND_RECORD && field->nullable) {
        *(void **)at = ev_arena_alloc(arena, field->record->size);
        hostile_fill(run, field->record, *(void **)at);
    } else if (field->nullable && field->kind != EV_KIND_STRING && field->kind != EV_KIND_BYTES) {
        *(bool *)at = true;
        hostile_fill_kind(run, field->kind, field->record, (char *)at + field->value_offset);
    } else {
        hostile_fill_kind(run, field->kind, field->record, at);
    }
}

static void hostile_fill(struct property_run *run, const struct ev_record *record, void *value)
{
    for (size_t i = 0; i < record->field_count; i++)
        hostile_fill_field(run, &record->fields[i], (char *)value + record->fields[i].offset);
}

/* Running */

static void property_check_decision(struct property_run *run)
{
    const struct ev_events *events = &run->scenario.decision->events;
    property_check(run, scenario_state_is_kept(&run->scenario));
    property_check(run, run->scenario.rejection == 0 || rejection_find(run->scenario.rejection) != NULL);
    if (run->scenario.rejection != 0) {
        property_check(run, run->scenario.decision->detail[0] != '\0');
        return;
    }
    property_check(run, !events->overflow);
    for (size_t i = 0; i < events->count; i++)
        property_check(run, strcmp(events->items[i].type->category, run->scenario.decider->category) == 0);
}

static void property_step(struct property_run *run, const struct property *property)
{
    struct scenario *scenario = &run->scenario;
    const struct ev_command_type *type;
    void *body;
    if (property_chance(run, HOSTILE_ONE_IN)) {
        type = property->command_types[property_below(run, *property->command_type_count)];
        body = ev_arena_alloc(&scenario->arena, type->record->size);
        hostile_fill(run, type->record, body);
    } else {
        type = property->make(run, &body);
    }
    scenario->now_ms += (int64_t)property_below(run, 3) * 1000;
    scenario_decide(scenario, type, body);
    property_check_decision(run);
    run->events_before = scenario->event_count;
    if (scenario->rejection != 0) {
        run->rejected++;
        return;
    }
    if (scenario->decision->events.count == 0)
        run->unchanged++;
    else
        run->accepted++;
    scenario_commit(scenario, scenario->decision->events.items, scenario->decision->events.count);
    property_check(run, scenario_state_is_fold(scenario));
    property->check(run);
    scenario_decide(scenario, type, body);
    property_check_decision(run);
    if (property->is_idempotent(&scenario->command)) {
        property_check(run, scenario->rejection == 0);
        property_check(run, scenario->decision->events.count == 0);
    }
}

/* Adds the run's counts to *total. */
static void property_run_seed(const struct property *property, uint64_t seed, struct property_run *total)
{
    static struct property_run run; /* static for its size */
    run = (struct property_run){.seed = seed};
    ev_fake_random_init(&run.fake, seed);
    run.random = &run.fake.random;
    scenario_begin(&run.scenario, property->decider, "random commands", property->key, PROPERTY_NOW);
    for (run.step = 1; run.step <= PROPERTY_STEPS && run.scenario.event_count < SCENARIO_EVENTS_MAX / 2; run.step++)
        property_step(&run, property);
    scenario_end(&run.scenario);
    total->accepted += run.accepted;
    total->unchanged += run.unchanged;
    total->rejected += run.rejected;
}

static int property_run_all(const struct property *property, uint64_t first, uint64_t last)
{
    static struct property_run total;
    total = (struct property_run){0};
    for (uint64_t seed = first; seed <= last; seed++)
        property_run_seed(property, seed, &total);
    printf("%s: %zu commands accepted, %zu without a change, %zu rejected\n", property->decider->category,
           total.accepted, total.unchanged, total.rejected);
    /* A single seed may well meet one kind alone. */
    if (last > first && (total.accepted == 0 || total.unchanged == 0 || total.rejected == 0)) {
        fprintf(stderr, "%s: the commands are too much alike to show anything\n", property->decider->category);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int64_t seed = 0;
    int failed = 0, run = 0;
    if (argc > 3 || (argc > 1 && argv[1][0] == '-') || (argc == 3 && !ev_str_to_int64(ev_str_of(argv[2]), &seed))) {
        fprintf(stderr, "properties [CATEGORY [SEED]]: random commands on each decider, or on one, or with one seed\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        if (argc > 1 && strcmp(argv[1], properties[i]->decider->category) != 0)
            continue;
        run++;
        failed |= argc == 3 ? property_run_all(properties[i], (uint64_t)seed, (uint64_t)seed)
                            : property_run_all(properties[i], 1, PROPERTY_SEEDS);
    }
    if (run == 0) {
        fprintf(stderr, "there is no category \"%s\"\n", argv[1]);
        return 2;
    }
    return failed;
}
