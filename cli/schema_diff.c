/* `orderlog schema diff`: what differs between these schemas and the registry's latest, in words. */
#include <stdio.h>

#include "avro/schema_changes.h"
#include "cli/schema_source.h"

#define EVENTS_PLACE "Commit.events[]"

/* A record of the union of events is called an event. */
static struct ev_str event_words(const struct ev_schema_change *change)
{
    struct ev_str record = EV_STR("record ");
    bool event = ev_str_equal(change->place, EV_STR(EVENTS_PLACE)) && ev_str_starts_with(change->text, record);
    return event ? (struct ev_str){change->text.data + record.length, change->text.length - record.length}
                 : EV_STR_NULL;
}

static void print_words(const struct schema_topic *topic, const struct ev_registry_version *latest,
                        const struct ev_schema_changes *changes)
{
    printf("%s: ", topic->subject);
    if (changes->total == 0)
        printf("as in the registry (version %d, id %d)\n", (int)latest->version, (int)latest->id);
    else
        printf("%zu change%s to version %d (id %d)\n", changes->total, changes->total > 1 ? "s" : "",
               (int)latest->version, (int)latest->id);
    for (size_t i = 0; i < changes->count; i++) {
        const struct ev_schema_change *change = &changes->items[i];
        struct ev_str event = event_words(change);
        if (event.data)
            printf("  event type %.*s\n", EV_STR_ARG(event));
        else
            printf("  %.*s: %.*s\n", EV_STR_ARG(change->place), EV_STR_ARG(change->text));
    }
    if (changes->total > changes->count)
        printf("  and %zu more\n", changes->total - changes->count);
}

static void print_json(const struct schema_topic *topic, const struct ev_registry_version *latest,
                       const struct ev_schema_changes *changes)
{
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    for (size_t i = 0; i < changes->count; i++) {
        ev_json_init(&json, &line);
        ev_json_object_begin(&json);
        ev_json_kv_cstr(&json, "subject", topic->subject);
        ev_json_kv_int64(&json, "version", latest->version);
        ev_json_kv_cstr(&json, "kind", ev_schema_change_kind_text(changes->items[i].kind));
        ev_json_kv_string(&json, "place", changes->items[i].place);
        ev_json_kv_string(&json, "text", changes->items[i].text);
        ev_json_object_end(&json);
        ev_buffer_append(&line, "\n", 1);
    }
    fwrite(line.data, 1, line.length, stdout);
    ev_buffer_finish(&line);
}

static int diff_topic(struct schema_source *source, const struct schema_topic *topic, bool json, struct ev_error *error)
{
    static struct ev_schema_changes changes;
    struct ev_registry_version *latest;
    const struct ev_schema *registered;
    size_t count;
    int result = ev_registry_versions(source->registry, topic->subject, true, &source->arena, &latest, &count, error);
    if (result < 0)
        return result;
    if (count == 0) {
        if (!json)
            printf("%s: not in the registry\n", topic->subject);
        return 0;
    }
    result = ev_schema_tree_parse(latest->schema_json, NULL, &source->arena, &registered, error);
    if (result == 0)
        result = ev_schema_changes(registered, topic->tree, &source->arena, &changes, error);
    if (result == 0)
        (json ? print_json : print_words)(topic, latest, &changes);
    return result;
}

static int run(const struct ev_config *config)
{
    struct schema_source source;
    struct ev_error error = {0};
    int result = schema_source_open(config, &source, &error);
    for (size_t i = 0; i < source.count && result == 0; i++)
        result = diff_topic(&source, &source.topics[i], ev_config_bool(config, "json"), &error);
    schema_source_close(&source);
    if (result < 0)
        cli_complain("%s", error.message);
    return result == 0 ? CLI_OK : result == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static const struct ev_config_option options[] = {
    SCHEMA_OPTIONS,
    {"json", EV_CONFIG_BOOL, "false", "a JSON object for each change, one a line", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_schema_diff = {
    .program = {"schema diff", "what differs between these schemas and the registry's latest", "[options] [TOPIC...]",
                options},
    .run = run,
};
