/* `orderlog schema verify-log`: the gate for a change of schemas, upcasters or folds. Decodes every stored event and
 * folds the views in memory; what came out is saved by the build before the change and compared by the one after it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify.h"
#include "core/memory.h"
#include "gen/topics.h"
#include "views/views.h"

#define BROKER_TIMEOUT_MS 10000

struct verify {
    const struct ev_config *config;
    struct verify_state *now;
    struct verify_state *before; /* NULL: nothing to compare with */
    bool differs;
};

struct verify_topic *verify_topic_find(struct verify_state *state, struct ev_str name)
{
    for (size_t i = 0; i < state->topic_count; i++)
        if (ev_str_equal(state->topics[i].name, name))
            return &state->topics[i];
    return NULL;
}

struct verify_view *verify_view_find(struct verify_state *state, struct ev_str name)
{
    for (size_t i = 0; i < state->view_count; i++)
        if (ev_str_equal(state->views[i].name, name))
            return &state->views[i];
    return NULL;
}

/* --- what is read --- */

/* How far the views fold: to the end, or to where the build before did, on the same log. */
static int set_bounds(const struct verify *verify, struct log_source *source, struct verify_topic *topic,
                      struct ev_error *error)
{
    const struct verify_topic *before = verify->before ? verify_topic_find(verify->before, topic->name) : NULL;
    int32_t count;
    int result = ev_reader_describe(source->reader, BROKER_TIMEOUT_MS, &count, topic->topic_id, error);
    if (result < 0)
        return result;
    if (before && (strcmp(before->topic_id, topic->topic_id) != 0 || before->partition_count != count))
        return ev_error_set(error, EV_ERR_CONFLICT, "topic %.*s is not the one that the digests were saved of",
                            EV_STR_ARG(topic->name));
    topic->partition_count = count;
    topic->partitions = ev_arena_new_array(&verify->now->arena, struct verify_partition, (size_t)count);
    for (int32_t i = 0; i < count && result == 0; i++) {
        struct verify_partition *partition = &topic->partitions[i];
        result = ev_reader_bounds(source->reader, i, BROKER_TIMEOUT_MS, &partition->first, &partition->end, error);
        partition->until = before ? before->partitions[i].until : partition->end;
        if (result == 0 && partition->until > partition->end)
            return ev_error_set(error, EV_ERR_CONFLICT,
                                "%.*s, partition %d ends at %" PRId64 ", before the saved position %" PRId64,
                                EV_STR_ARG(topic->name), (int)i, partition->end, partition->until);
    }
    return result;
}

static void add_views(struct verify_state *state, const struct verify_topic *topic)
{
    for (size_t i = 0; i < orderlog_view_count && state->view_count < VERIFY_VIEWS_MAX; i++) {
        const struct ev_view *view = orderlog_views[i];
        if (!ev_str_equal(ev_str_of(view->topic->name), topic->name))
            continue;
        state->views[state->view_count++] = (struct verify_view){
            .name = ev_str_of(view->name),
            .topic = topic->name,
            .version = view->version,
            .document = view->document->fingerprint,
            .partition_count = topic->partition_count,
            .partitions = ev_arena_new_array(&state->arena, struct verify_fold, (size_t)topic->partition_count),
        };
    }
}

static void print_topic(const struct verify_topic *topic)
{
    printf("%.*s: %" PRId64 " commits with %" PRId64 " events, %" PRId64 " void records", EV_STR_ARG(topic->name),
           topic->commits, topic->events, topic->void_count);
    for (size_t i = 0; i < topic->schema_count; i++)
        printf("%s%d (%" PRId64 ")", i ? ", " : "; commits by schema id: ", (int)topic->schemas[i].id,
               topic->schemas[i].commits);
    printf("\n");
}

/* A record that can't be decoded fails the gate, unless the build before stopped at the same one. */
static void judge_stops(struct verify *verify, const struct verify_topic *topic)
{
    const struct verify_topic *before = verify->before ? verify_topic_find(verify->before, topic->name) : NULL;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct verify_partition *partition = &topic->partitions[i];
        bool known = before && before->partitions[i].stopped == partition->stopped;
        if (partition->stopped < 0)
            continue;
        printf("  partition %d stops at offset %" PRId64 "%s: %s\n", (int)i, partition->stopped,
               known ? ", as it did before" : "", partition->cause);
        verify->differs = verify->differs || !known;
    }
}

/* A topic that was never made holds nothing; one that was read before must still be there. */
static int pass_over(struct verify *verify, struct verify_topic *topic, struct ev_error *error)
{
    const struct verify_topic *before = verify->before ? verify_topic_find(verify->before, topic->name) : NULL;
    if (before && before->partition_count > 0)
        return error->code;
    printf("%.*s: there is no such topic yet\n", EV_STR_ARG(topic->name));
    add_views(verify->now, topic);
    return 0;
}

static int verify_one_topic(struct verify *verify, const struct ev_topic_schema *schema, struct ev_error *error)
{
    struct log_source source;
    struct progress progress;
    struct verify_topic *topic = &verify->now->topics[verify->now->topic_count++];
    topic->name = ev_str_of(schema->name);
    topic->upcasts = schema->upcasts;
    int result = log_source_open(verify->config, schema, LOG_SOURCE_FROM_END, true, &source, error);
    if (result < 0)
        return result == EV_ERR_NOT_FOUND ? pass_over(verify, topic, error) : result;
    result = set_bounds(verify, &source, topic, error);
    int64_t total = 0;
    for (int32_t i = 0; i < topic->partition_count && result == 0; i++)
        total += topic->partitions[i].end - topic->partitions[i].first;
    progress_start(&progress, schema->name, total);
    if (result == 0)
        add_views(verify->now, topic);
    for (int32_t i = 0; i < topic->partition_count && result == 0; i++) {
        const struct verify_fold_options options = {
            .source = &source,
            .state = verify->now,
            .topic = topic,
            .partition = i,
            .memory = (size_t)ev_config_int(verify->config, "memory-mebibytes") << 20,
            .progress = &progress,
        };
        result = verify_fold_partition(&options, error);
    }
    if (result == 0) {
        progress_finish(&progress);
        print_topic(topic);
        judge_stops(verify, topic);
    }
    log_source_close(&source);
    return result;
}

/* --- what is compared --- */

static bool is_accepted(const struct verify *verify, struct ev_str view)
{
    const char *const *names;
    size_t count = ev_config_list(verify->config, "accept", &names);
    for (size_t i = 0; i < count; i++)
        if (ev_str_equal(ev_str_of(names[i]), view))
            return true;
    return false;
}

static int64_t documents_of(const struct verify_view *view)
{
    int64_t count = 0;
    for (int32_t i = 0; i < view->partition_count; i++)
        count += view->partitions[i].documents;
    return count;
}

static void print_refused(const struct verify_view *view)
{
    int64_t count = 0;
    for (int32_t i = 0; i < view->partition_count; i++)
        count += view->partitions[i].refused;
    if (count > 0)
        printf("  %.*s: %" PRId64 " documents stand still, their folds refuse an event\n", EV_STR_ARG(view->name),
               count);
}

/* Partitions whose digests aren't those of before. */
static size_t print_differences(const struct verify_view *now, const struct verify_view *before)
{
    size_t count = 0;
    for (int32_t i = 0; i < now->partition_count; i++) {
        const struct verify_fold *a = &before->partitions[i], *b = &now->partitions[i];
        if (strcmp(a->text, b->text) == 0 && a->documents == b->documents && a->refused == b->refused)
            continue;
        count++;
        printf("    partition %d: %" PRId64 " documents %s before, %" PRId64 " documents %s now\n", (int)i,
               a->documents, a->text, b->documents, b->text);
    }
    return count;
}

static void compare_view(struct verify *verify, const struct verify_view *now)
{
    const struct verify_view *before = verify_view_find(verify->before, now->name);
    bool accepted = is_accepted(verify, now->name);
    printf("  %.*s version %" PRId64 ": ", EV_STR_ARG(now->name), now->version);
    if (!before) {
        printf("new, %" PRId64 " documents\n", documents_of(now));
    } else if (before->version != now->version) {
        printf("changed on purpose, it was version %" PRId64 "; %s\n", before->version,
               accepted ? "accepted" : "not comparable: look at a replay's summary, then --accept it");
        verify->differs = verify->differs || !accepted;
    } else if (before->partition_count != now->partition_count) {
        printf("is of another topic than before\n");
        verify->differs = true;
    } else {
        printf("%" PRId64 " documents\n", documents_of(now));
        size_t count = print_differences(now, before);
        if (count > 0)
            printf("    differs in %zu of %d partitions%s%s\n", count, (int)now->partition_count,
                   before->document != now->document ? "; the document's schema changed, the view's version didn't"
                                                     : "",
                   accepted ? "; accepted" : "");
        else
            printf("    equal\n");
        verify->differs = verify->differs || (count > 0 && !accepted);
    }
}

static void report_views(struct verify *verify)
{
    const struct verify_state *now = verify->now;
    printf("views:\n");
    for (size_t i = 0; i < now->view_count; i++) {
        if (verify->before)
            compare_view(verify, &now->views[i]);
        else
            printf("  %.*s version %" PRId64 ": %" PRId64 " documents\n", EV_STR_ARG(now->views[i].name),
                   now->views[i].version, documents_of(&now->views[i]));
        print_refused(&now->views[i]);
    }
    for (size_t i = 0; verify->before && i < verify->before->view_count; i++)
        if (!verify_view_find(verify->now, verify->before->views[i].name))
            printf("  %.*s: is no more\n", EV_STR_ARG(verify->before->views[i].name));
}

static int verify_all(struct verify *verify, struct ev_error *error)
{
    const char *against = ev_config_string(verify->config, "against"), *save = ev_config_string(verify->config, "save");
    int result = against ? verify_file_read(against, verify->before, error) : 0;
    if (!against)
        verify->before = NULL;
    for (size_t i = 0; i < orderlog_topic_count && result == 0; i++)
        result = verify->now->topic_count < VERIFY_TOPICS_MAX
                     ? verify_one_topic(verify, orderlog_topics[i], error)
                     : ev_error_set(error, EV_ERR_LIMIT, "more than %d topics", VERIFY_TOPICS_MAX);
    if (result < 0)
        return result;
    report_views(verify);
    printf("%s\n", verify->differs ? "NOT GOOD"
                   : against       ? "good: every event is read, every view folds to the same"
                                   : "good: every event is read");
    return save ? verify_file_write(save, verify->now, error) : 0;
}

static int run(const struct ev_config *config)
{
    struct verify verify = {
        .config = config, .now = ev_memory_new(struct verify_state), .before = ev_memory_new(struct verify_state)};
    struct verify_state *states[] = {verify.now, verify.before};
    struct ev_error error = {0};
    int result = verify_all(&verify, &error);
    if (result < 0)
        cli_complain("%s", error.message);
    for (size_t i = 0; i < 2; i++) {
        ev_arena_finish(&states[i]->arena);
        free(states[i]);
    }
    return result < 0 || verify.differs ? CLI_FAILURE : CLI_OK;
}

static const struct ev_config_option options[] = {
    LOG_SOURCE_OPTIONS,
    {"save", EV_CONFIG_STRING, NULL, "write position and digests to this file: with the build before a change", 0, 0},
    {"against", EV_CONFIG_STRING, NULL,
     "compare with this file, at its position: with the build after the change (exit code 1: they differ)", 0, 0},
    {"accept", EV_CONFIG_LIST, NULL, "views that differ on purpose", 0, 0},
    {"memory-mebibytes", EV_CONFIG_INT, "256", "for documents; where they take more, partitions are read several times",
     1, 65536},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_schema_verify_log = {
    .program = {"schema verify-log",
                "decode and fold every stored event, and compare the folds with those before a change", "[options]",
                options},
    .run = run,
};
