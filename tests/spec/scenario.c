#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/memory.h"
#include "core/timestamp.h"
#include "domain/rejections.h"

void scenario_begin(struct scenario *scenario, const struct ev_decider *decider, const char *title, const char *key,
                    int64_t now_ms)
{
    *scenario = (struct scenario){.decider = decider, .title = title, .key = ev_str_of(key), .now_ms = now_ms};
    scenario->decision = ev_memory_new(struct ev_decision);
    scenario->state = ev_arena_alloc(&scenario->state_arena, decider->state->size);
    ev_record_init(decider->state, scenario->state, &scenario->state_arena);
}

void scenario_end(struct scenario *scenario)
{
    free(scenario->decision);
    scenario->decision = NULL;
    ev_buffer_finish(&scenario->state_bytes);
    ev_arena_finish(&scenario->state_arena);
    ev_arena_finish(&scenario->arena);
}

static _Noreturn void scenario_die(const char *what, const struct ev_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->message);
    abort();
}

/* By way of the encoded form. */
static void *scenario_transcribe(const struct ev_record *record, const void *value, struct ev_arena *arena)
{
    struct ev_buffer bytes;
    struct ev_error error;
    void *copy = ev_arena_alloc(arena, record->size);
    ev_buffer_init(&bytes);
    ev_record_encode(record, value, &bytes);
    if (ev_record_decode(record, ev_arena_copy(arena, ev_buffer_str(&bytes)), arena, copy, &error) != 0)
        scenario_die(record->name, &error);
    ev_buffer_finish(&bytes);
    return copy;
}

void scenario_decide(struct scenario *scenario, const struct ev_command_type *type, const void *body)
{
    void *copy = ev_arena_alloc(&scenario->arena, type->record->size);
    ev_record_copy(type->record, body, copy, &scenario->arena);
    struct ev_arena *arena = &scenario->arena;
    scenario->command = (struct ev_command){
        .type = type,
        .body = copy,
        .stream_id = ev_arena_printf(arena, "%s-%.*s", scenario->decider->category, EV_STR_ARG(scenario->key)),
        .key = scenario->key,
        .now_ms = scenario->now_ms,
    };
    memset(scenario->decision, 0, sizeof(*scenario->decision));
    scenario->decision->events.arena = arena;
    scenario->expected = NULL;
    scenario->rejection =
        scenario->decider->decide(scenario->state, scenario->version, &scenario->command, scenario->decision);
    /* Events may point into the state, which the next commit replaces. */
    struct ev_events *events = &scenario->decision->events;
    for (size_t i = 0; i < events->count; i++)
        events->items[i].body = scenario_transcribe(events->items[i].type->record, events->items[i].body, arena);
}

void scenario_commit(struct scenario *scenario, const struct ev_event *events, size_t count)
{
    const struct ev_record *record = scenario->decider->state;
    struct ev_error error;
    if (count == 0)
        return;
    scenario->version++;
    for (size_t i = 0; i < count; i++) {
        if (scenario->event_count == SCENARIO_EVENTS_MAX) {
            fputs("a scenario has too many events\n", stderr);
            abort();
        }
        struct ev_event *event = &scenario->events[scenario->event_count];
        *event = (struct ev_event){events[i].type,
                                   scenario_transcribe(events[i].type->record, events[i].body, &scenario->arena)};
        scenario->event_versions[scenario->event_count++] = scenario->version;
        scenario->decider->evolve(scenario->state, event, &scenario->state_arena);
    }
    struct ev_buffer bytes; /* not the old one, into which the state points */
    ev_buffer_init(&bytes);
    ev_record_encode(record, scenario->state, &bytes);
    ev_buffer_finish(&scenario->state_bytes);
    scenario->state_bytes = bytes;
    ev_arena_reset(&scenario->state_arena);
    scenario->state = ev_arena_alloc(&scenario->state_arena, record->size);
    if (ev_record_decode(record, ev_buffer_str(&scenario->state_bytes), &scenario->state_arena, scenario->state,
                         &error) != 0)
        scenario_die(record->name, &error);
}

void scenario_expect(struct scenario *scenario, const struct ev_event *events, size_t count)
{
    scenario->expected = events;
    scenario->expected_count = count;
}

bool scenario_state_is_kept(const struct scenario *scenario)
{
    struct ev_buffer bytes;
    ev_buffer_init(&bytes);
    ev_record_encode(scenario->decider->state, scenario->state, &bytes);
    bool same = scenario->version == 0 || ev_str_equal(ev_buffer_str(&bytes), ev_buffer_str(&scenario->state_bytes));
    ev_buffer_finish(&bytes);
    return same;
}

bool scenario_state_is_fold(const struct scenario *scenario)
{
    const struct ev_record *record = scenario->decider->state;
    struct ev_arena arena = {0};
    struct ev_buffer bytes;
    void *state = ev_arena_alloc(&arena, record->size);
    ev_record_init(record, state, &arena);
    for (size_t i = 0; i < scenario->event_count; i++)
        scenario->decider->evolve(state, &scenario->events[i], &arena);
    ev_buffer_init(&bytes);
    ev_record_encode(record, state, &bytes);
    bool same =
        scenario->event_count == 0 || ev_str_equal(ev_buffer_str(&bytes), ev_buffer_str(&scenario->state_bytes));
    ev_buffer_finish(&bytes);
    ev_arena_finish(&arena);
    return same;
}

/* Report */

static void scenario_write_record(const char *name, const struct ev_record *record, const void *body,
                                  struct ev_json_writer *writer)
{
    ev_json_kv_cstr(writer, "type", name);
    ev_json_key(writer, EV_STR("data"));
    ev_record_print(record, body, writer);
}

static void scenario_write_events(const char *key, const struct ev_event *events, const int64_t *versions, size_t count,
                                  struct ev_json_writer *writer)
{
    ev_json_key(writer, ev_str_of(key));
    ev_json_array_begin(writer);
    for (size_t i = 0; i < count; i++) {
        ev_json_object_begin(writer);
        if (versions)
            ev_json_kv_int64(writer, "version", versions[i]);
        scenario_write_record(events[i].type->name, events[i].type->record, events[i].body, writer);
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
}

static void scenario_write_decision(const struct scenario *scenario, struct ev_json_writer *writer)
{
    const struct rejection_type *rejection = rejection_find(scenario->rejection);
    ev_json_key(writer, EV_STR("when"));
    ev_json_object_begin(writer);
    scenario_write_record(scenario->command.type->name, scenario->command.type->record, scenario->command.body, writer);
    ev_json_object_end(writer);
    if (scenario->rejection == 0) {
        const struct ev_events *events = &scenario->decision->events;
        scenario_write_events("then", events->items, NULL, events->count, writer);
    } else {
        ev_json_key(writer, EV_STR("then"));
        ev_json_object_begin(writer);
        ev_json_kv_cstr(writer, "rejection", rejection ? rejection->name : "not in the table");
        ev_json_kv_cstr(writer, "pointer", scenario->decision->pointer);
        ev_json_kv_cstr(writer, "detail", scenario->decision->detail);
        ev_json_object_end(writer);
    }
    if (scenario->expected)
        scenario_write_events("expected", scenario->expected, NULL, scenario->expected_count, writer);
}

/* Compact JSON made readable; as it is when it can't be read. */
static void scenario_write_pretty(struct ev_str json, FILE *out)
{
    yyjson_doc *document = yyjson_read(json.data, json.length, 0);
    char *text = document ? yyjson_write(document, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL) : NULL;
    if (text)
        fprintf(out, "%s\n", text);
    else
        fprintf(out, "%.*s\n", EV_STR_ARG(json));
    free(text);
    yyjson_doc_free(document);
}

void scenario_print_record(const struct ev_record *record, const void *value, FILE *out)
{
    struct ev_buffer buffer;
    struct ev_json_writer writer;
    ev_buffer_init(&buffer);
    ev_json_init(&writer, &buffer);
    ev_record_print(record, value, &writer);
    scenario_write_pretty(ev_buffer_str(&buffer), out);
    ev_buffer_finish(&buffer);
}

void scenario_print(const struct scenario *scenario, FILE *out)
{
    struct ev_buffer buffer;
    struct ev_json_writer writer;
    char now[EV_TIMESTAMP_TEXT_MAX];
    ev_buffer_init(&buffer);
    ev_json_init(&writer, &buffer);
    ev_timestamp_format(scenario->now_ms, now);
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "scenario", scenario->title);
    ev_json_kv_string(&writer, "key", scenario->key);
    ev_json_kv_cstr(&writer, "now", now);
    scenario_write_events("given", scenario->events, scenario->event_versions, scenario->event_count, &writer);
    ev_json_key(&writer, EV_STR("state"));
    ev_record_print(scenario->decider->state, scenario->state, &writer);
    if (scenario->command.type)
        scenario_write_decision(scenario, &writer);
    ev_json_object_end(&writer);
    scenario_write_pretty(ev_buffer_str(&buffer), out);
    ev_buffer_finish(&buffer);
}
