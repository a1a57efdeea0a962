/* `orderlog schema check`: would these schemas break anybody, by the subject's compatibility mode, and whom. The
 * judgement is ours, by Avro's rules (avro/schema_compat.h), because a registry says no more than no; its own is asked
 * for too. */
#include <stdio.h>
#include <string.h>

#include "avro/schema_compat.h"
#include "cli/schema_source.h"
#include "views/views.h"

struct mode {
    const char *name;
    bool backward, forward, transitive;
};
static const struct mode modes[] = {
    {"NONE", false, false, false},
    {"BACKWARD", true, false, false},
    {"BACKWARD_TRANSITIVE", true, false, true},
    {"FORWARD", false, true, false},
    {"FORWARD_TRANSITIVE", false, true, true},
    {"FULL", true, true, false},
    {"FULL_TRANSITIVE", true, true, true},
};

enum direction { NEW_READS_OLD, OLD_READS_NEW };

struct check {
    struct schema_source *source;
    const struct schema_topic *topic;
    const struct mode *mode;
    bool breaks;
    struct ev_error *error;
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

/* "orders, customers" */
static void print_views(struct ev_str topic)
{
    size_t count = 0;
    for (size_t i = 0; i < orderlog_view_count; i++)
        if (ev_str_equal(ev_str_of(orderlog_views[i]->topic->name), topic))
            printf("%s%s", count++ ? ", " : "", orderlog_views[i]->name);
    if (count == 0)
        printf("none");
}

static void print_whom(const struct check *check, enum direction direction)
{
    struct ev_str topic = check->topic->name;
    if (direction == NEW_READS_OLD) {
        printf("    for whom: programs of the new build that read events which are in the log already\n"
               "      command-api: can't load the streams of %.*s that hold them; commands on these fail\n"
               "      projectors: replays, audits and repairs of these views stop there: ",
               EV_STR_ARG(topic));
        print_views(topic);
        printf("\n      query-api: goes on with the documents as they are; what comes later for them is missing\n");
    } else {
        printf("    for whom: programs of the old build that meet events which the new one writes\n"
               "      projectors still running: stop at the first such event in these views: ");
        print_views(topic);
        printf("\n      query-api: its answers grow old until the projectors are renewed\n"
               "      command-api of the old build: can't take over a partition of %.*s that holds one\n"
               "      other readers of the topic: must get the new schema first\n",
               EV_STR_ARG(topic));
    }
}

/* Tells what stands in the way in one direction, against one version. `counts`: the mode asks for it. */
static void tell(struct check *check, enum direction direction, bool counts, int version,
                 const struct ev_incompatibilities *found)
{
    const char *what =
        direction == NEW_READS_OLD ? "new programs can't read old events" : "old programs can't read new events";
    printf("  %s (version %d): %s\n", counts ? "breaks" : "mind", version, what);
    for (size_t i = 0; i < found->count; i++)
        printf("    %.*s %.*s\n", EV_STR_ARG(found->items[i].place), EV_STR_ARG(found->items[i].text));
    if (found->total > found->count)
        printf("    and %zu more\n", found->total - found->count);
    print_whom(check, direction);
    if (!counts)
        printf("    the mode %s allows it%s\n", check->mode->name,
               direction == OLD_READS_NEW
                   ? ": renew the readers before the first such event is written"
                   : "; the log is kept for ever, and `orderlog schema verify-log` reads all of it");
    check->breaks = check->breaks || counts;
}

static int compare(struct check *check, const struct ev_registry_version *version, enum direction direction,
                   bool counts)
{
    static struct ev_incompatibilities found;
    const struct ev_schema *old;
    char label[32];
    snprintf(label, sizeof(label), "version %d", (int)version->version);
    struct ev_schema_labels labels = {.reader = "the new schema", .writer = label};
    int result = ev_schema_tree_parse(version->schema_json, NULL, &check->source->arena, &old, check->error);
    if (result < 0)
        return result;
    const struct ev_schema *reader = check->topic->tree, *writer = old;
    if (direction == OLD_READS_NEW) {
        labels = (struct ev_schema_labels){.reader = label, .writer = "the new schema"};
        reader = old;
        writer = check->topic->tree;
    }
    result = ev_schema_can_read(reader, writer, &labels, &check->source->arena, &found, check->error);
    if (result > 0)
        tell(check, direction, counts, version->version, &found);
    return result < 0 ? result : 0;
}

/* The latest version decides; older ones do where the mode is transitive. */
static int compare_versions(struct check *check, const struct ev_registry_version *versions, size_t count)
{
    const struct mode *mode = check->mode;
    for (size_t i = count; i-- > 0;) {
        bool latest = i + 1 == count;
        int result = compare(check, &versions[i], NEW_READS_OLD, mode->backward && (latest || mode->transitive));
        if (result == 0 && (latest || (mode->forward && mode->transitive)))
            result = compare(check, &versions[i], OLD_READS_NEW, mode->forward);
        if (result < 0)
            return result;
    }
    return 0;
}

/* What the registry itself says. Where it says otherwise than we do, the one that refuses counts. */
static int ask_registry(struct check *check)
{
    struct ev_str reasons = EV_STR_NULL;
    int answer = ev_registry_test(check->source->registry, check->topic->subject, check->topic->json,
                                  check->mode->transitive, &check->source->arena, &reasons, check->error);
    if (answer < 0)
        return answer;
    printf("  the registry %s%s", answer == 0 ? "would take it" : "would refuse it",
           (answer == 0) == check->breaks ? ", which is not what Avro's rules say\n" : "\n");
    if (answer == 1 && reasons.data)
        printf("    its words: %.*s\n", EV_STR_ARG(reasons));
    check->breaks = check->breaks || answer == 1;
    return 0;
}

static int check_topic(struct schema_source *source, const struct schema_topic *topic, bool *ret_breaks,
                       struct ev_error *error)
{
    char mode[EV_REGISTRY_MODE_MAX];
    struct ev_registry_version *versions;
    size_t count;
    struct check check = {.source = source, .topic = topic, .error = error};
    int result =
        ev_registry_versions(source->registry, topic->subject, false, &source->arena, &versions, &count, error);
    if (result == 0 && count == 0) {
        printf("%s: not in the registry; nothing can break\n", topic->subject);
        return 0;
    }
    if (result == 0)
        result = ev_registry_compatibility(source->registry, topic->subject, mode, error);
    if (result < 0)
        return result;
    check.mode = find_mode(mode);
    if (!check.mode)
        return ev_error_set(error, EV_ERR_UNSUPPORTED, "%s: the compatibility mode %s is not known", topic->subject,
                            mode);
    printf("%s: mode %s, latest version %d\n", topic->subject, mode, (int)versions[count - 1].version);
    result = compare_versions(&check, versions, count);
    if (result == 0)
        result = ask_registry(&check);
    if (result == 0)
        printf("  %s\n", check.breaks ? "it would break" : "good");
    *ret_breaks = *ret_breaks || check.breaks;
    return result;
}

static int run(const struct ev_config *config)
{
    struct schema_source source;
    struct ev_error error = {0};
    bool breaks = false;
    int result = schema_source_open(config, &source, &error);
    for (size_t i = 0; i < source.count && result == 0; i++)
        result = check_topic(&source, &source.topics[i], &breaks, &error);
    schema_source_close(&source);
    if (result < 0)
        cli_complain("%s", error.message);
    return result == EV_ERR_INVALID ? CLI_USAGE : result < 0 || breaks ? CLI_FAILURE : CLI_OK;
}

static const struct ev_config_option options[] = {
    SCHEMA_OPTIONS,
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_schema_check = {
    .program = {"schema check", "would these schemas break anybody, and whom (exit code 1: yes)",
                "[options] [TOPIC...]", options},
    .run = run,
};
