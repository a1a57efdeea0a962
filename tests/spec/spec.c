#include "spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/timestamp.h"
#include "scenario.h"

struct spec {
    const char *text;
    void (*body)(void);
};

static struct spec specs[SPECS_MAX];
static size_t spec_count;

/* The running spec. */
static const struct ev_decider *spec_decider;
static const char *spec_key;
static struct scenario scenario;
static bool spec_decided;  /* the last when() isn't part of the history yet */
static size_t spec_checks; /* then…() that were passed */

void spec_add(const char *text, void (*body)(void))
{
    if (spec_count == SPECS_MAX) {
        fprintf(stderr, "a file has at most %d specs\n", SPECS_MAX);
        abort();
    }
    specs[spec_count++] = (struct spec){text, body};
}

/* In a spec "tea" initialises the first member of a struct ev_str and leaves the length 0: here it is filled in. (A
 * string that is meant to be empty stays so.) */
static void spec_measure(const struct ev_record *record, void *value);

static void spec_measure_kind(enum ev_kind kind, const struct ev_record *record, void *value)
{
    struct ev_str *text = value;
    if (kind == EV_KIND_RECORD)
        spec_measure(record, value);
    else if ((kind == EV_KIND_STRING || kind == EV_KIND_BYTES) && text->data && text->length == 0)
        text->length = strlen(text->data);
}

static void spec_measure(const struct ev_record *record, void *value)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        void *at = (char *)value + field->offset;
        if (field->kind == EV_KIND_ARRAY) {
            const struct ev_array *array = at;
            for (size_t j = 0; j < array->count; j++)
                spec_measure_kind(field->item_kind, field->record, (char *)array->items + j * field->item_size);
        } else if (field->kind == EV_KIND_RECORD && field->nullable) {
            if (*(void **)at)
                spec_measure(field->record, *(void **)at);
        } else {
            spec_measure_kind(field->kind, field->record, at);
        }
    }
}

/* Prints what was expected, and the scenario, then ends the test. */
static void spec_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void spec_fail(const char *file, int line, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s\n", file, line, message);
    scenario_print(&scenario, stderr);
    _fail(file, line);
}

static void spec_commit_decision(void)
{
    if (spec_decided && scenario.rejection == 0)
        scenario_commit(&scenario, scenario.decision->events.items, scenario.decision->events.count);
    spec_decided = false;
}

void spec_given(struct ev_event *events, size_t count, const char *file, int line)
{
    spec_commit_decision();
    for (size_t i = 0; i < count; i++) {
        if (strcmp(events[i].type->category, spec_decider->category) != 0)
            spec_fail(file, line, "%s is no event of the category %s", events[i].type->name, spec_decider->category);
        spec_measure(events[i].type->record, (void *)events[i].body);
    }
    scenario_commit(&scenario, events, count);
}

void spec_when(struct spec_command command, const char *file, int line)
{
    spec_commit_decision();
    if (strcmp(command.type->category, spec_decider->category) != 0)
        spec_fail(file, line, "%s is no command of the category %s", command.type->name, spec_decider->category);
    spec_measure(command.type->record, command.body);
    scenario_decide(&scenario, command.type, command.body);
    if (!scenario_state_is_kept(&scenario))
        spec_fail(file, line, "deciding has changed the state");
    spec_decided = true;
}

static void spec_need_decision(const char *file, int line)
{
    if (!spec_decided)
        spec_fail(file, line, "there is no when() before this");
}

void spec_then(struct ev_event *events, size_t count, const char *file, int line)
{
    spec_need_decision(file, line);
    const struct ev_events *emitted = &scenario.decision->events;
    for (size_t i = 0; i < count; i++)
        spec_measure(events[i].type->record, (void *)events[i].body);
    scenario_expect(&scenario, events, count);
    if (scenario.rejection != 0)
        spec_fail(file, line, "expected %zu events, but it was rejected", count);
    if (emitted->count != count || emitted->overflow)
        spec_fail(file, line, "expected %zu events, but there are %zu", count, emitted->count);
    for (size_t i = 0; i < count; i++)
        if (emitted->items[i].type != events[i].type ||
            !ev_record_equal(events[i].type->record, events[i].body, emitted->items[i].body))
            spec_fail(file, line, "event %zu is another one than expected", i + 1);
    spec_checks++;
}

void spec_then_rejected(int rejection, const char *pointer, const char *file, int line)
{
    spec_need_decision(file, line);
    const struct ev_decision *decision = scenario.decision;
    if (scenario.rejection != rejection)
        spec_fail(file, line, "expected rejection %s", rejection_find(rejection)->name);
    if (strcmp(decision->pointer, pointer) != 0)
        spec_fail(file, line, "expected the pointer \"%s\", it is \"%s\"", pointer, decision->pointer);
    if (decision->detail[0] == '\0' || strlen(decision->detail) == sizeof(decision->detail) - 1)
        spec_fail(file, line, "a rejection says why in one sentence that isn't cut off");
    spec_checks++;
}

void spec_then_detail_has(const char *text, const char *file, int line)
{
    spec_need_decision(file, line);
    if (scenario.rejection == 0 || !strstr(scenario.decision->detail, text))
        spec_fail(file, line, "expected a rejection whose detail has \"%s\" in it", text);
    spec_checks++;
}

const void *spec_state(void)
{
    spec_commit_decision();
    return scenario.state;
}

void spec_then_state(void *expected, const char *file, int line)
{
    const struct ev_record *record = spec_decider->state;
    const void *state = spec_state();
    spec_measure(record, expected);
    if (!ev_record_equal(record, expected, state)) {
        fputs("expected state: ", stderr);
        scenario_print_record(record, expected, stderr);
        spec_fail(file, line, "the state is another one than expected");
    }
    spec_checks++;
}

void spec_then_holds(bool holds, const char *condition, const char *file, int line)
{
    if (!holds)
        spec_fail(file, line, "expected: %s", condition);
    spec_checks++;
}

void spec_now_is(int64_t now_ms)
{
    scenario.now_ms = now_ms;
}

int64_t at_time(const char *text)
{
    int64_t ms;
    if (!ev_timestamp_parse(ev_str_of(text), &ms))
        fail_msg("\"%s\" is no time", text);
    return ms;
}

/* Running */

static void spec_execute(void **state)
{
    const struct spec *spec = *state;
    scenario_begin(&scenario, spec_decider, spec->text, spec_key, SPEC_NOW);
    spec_decided = false;
    spec_checks = 0;
    spec->body();
    if (spec_checks == 0)
        fail_msg("the spec \"%s\" expects nothing", spec->text);
}

static int spec_end(void **state)
{
    (void)state;
    scenario_end(&scenario);
    return 0;
}

int spec_run(const struct ev_decider *decider, const char *key, const char *only)
{
    struct CMUnitTest tests[SPECS_MAX];
    size_t count = 0;
    spec_decider = decider;
    spec_key = key;
    for (size_t i = 0; i < spec_count; i++)
        if (!only || strstr(specs[i].text, only))
            tests[count++] = (struct CMUnitTest){specs[i].text, spec_execute, NULL, spec_end, &specs[i]};
    if (count == 0) {
        fputs(only ? "no spec has that in its text\n" : "there are no specs\n", stderr);
        return 2;
    }
    return _cmocka_run_group_tests(decider->category, tests, count, NULL, NULL) == 0 ? 0 : 1;
}
