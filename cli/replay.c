/* orderlog replay VIEW…|--all: builds another generation of views beside the live ones, proves it, makes it live. */
#include <stdio.h>
#include <string.h>

#include "avro/registry.h"
#include "cli/progress.h"
#include "cli/replay_report.h"
#include "cli/stores.h"
#include "core/directory.h"
#include "core/memory.h"
#include "fold/fingerprint.h"

#define PATH_LENGTH_MAX 4096
#define WHAT_MAX 96

struct replaying {
    struct progress progress;
    int64_t line_every_ms;
    char what[WHAT_MAX]; /* "orders/mongodb" */
};

static void on_progress(void *context, const struct replay_progress *now)
{
    struct replaying *replaying = context;
    const struct progress_details details = {
        .phase = replay_phase_text(now->phase),
        .documents = now->documents,
        .memory_bytes = now->memory_bytes,
        .course_permille = now->course_permille,
    };
    if (now->phase != REPLAY_DONE)
        progress_update_details(&replaying->progress, now->records, now->records_total, &details);
}

static bool on_should_stop(void *context)
{
    (void)context;
    return cli_interrupted();
}

static int run_one(const struct choice *choice, struct replay_options *options, const struct ev_config *config,
                   struct ev_error *error)
{
    struct replaying replaying = {.line_every_ms = ev_config_int(config, "progress-ms")};
    struct replay_result *result = ev_memory_new(struct replay_result);
    _cleanup_free_ void *owned = result;
    char fingerprint[EV_FINGERPRINT_TEXT_MAX];
    ev_view_fingerprint(choice->view, fingerprint);
    snprintf(replaying.what, sizeof(replaying.what), "%s/%s", choice->view->name, choice_store_name(choice->store));
    progress_start(&replaying.progress, replaying.what, 0);
    replaying.progress.line_every_ms = replaying.line_every_ms;
    options->view = choice->view;
    options->store = choice->store;
    options->fingerprint = fingerprint;
    options->context = &replaying;
    int r = replay_run(options, result, error);
    progress_finish(&replaying.progress);
    if (r < 0)
        return r;
    if (ev_config_bool(config, "json"))
        replay_report_json(choice, result);
    else
        replay_report_text(choice, result);
    fflush(stdout);
    return result->outcome == REPLAY_LIVE ? 0 : 1;
}

static int run_all(const struct ev_config *config, const struct stores *stores, const struct choice *choices,
                   size_t count, struct ev_error *error)
{
    char cache[PATH_LENGTH_MAX], scratch[PATH_LENGTH_MAX];
    const char *directory = ev_config_string(config, "data-dir");
    struct ev_registry *registry = NULL;
    int not_live = 0;
    if ((size_t)snprintf(cache, sizeof(cache), "%s/replay-schemas.cache", directory) >= sizeof(cache) ||
        (size_t)snprintf(scratch, sizeof(scratch), "%s/replay", directory) >= sizeof(scratch))
        return ev_error_set(error, EV_ERR_INVALID, "the name of the data directory is too long");
    int r = ev_directory_make(directory, error);
    if (r >= 0)
        r = ev_directory_make(scratch, error);
    if (r >= 0)
        r = ev_registry_create(ev_config_string(config, "schema-registry-url"), cache, &registry, error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct replay_options options = {
            .kafka = {.brokers = ev_config_string(config, "kafka-brokers"),
                      .topic_prefix = ev_config_string(config, "topic-prefix"),
                      .properties = ev_config_kafka(config),
                      .client_id = "orderlog"},
            .schemas = ev_registry_source(registry),
            .mongo = stores->mongo,
            .elasticsearch_url = ev_config_string(config, "elasticsearch-url"),
            .scratch_directory = scratch,
            .memory_bytes = (size_t)ev_config_int(config, "memory-mebibytes") * 1024 * 1024,
            .threads = (int)ev_config_int(config, "threads"),
            .accept = ev_config_bool(config, "accept"),
            .forget_skipped = ev_config_bool(config, "forget-skipped"),
            .progress = on_progress,
            .should_stop = on_should_stop,
        };
        r = run_one(&choices[i], &options, config, error);
        not_live += r > 0;
    }
    ev_registry_destroy(registry);
    return r < 0 ? r : not_live;
}

static int run(const struct ev_config *config)
{
    struct choice choices[CHOICE_MAX];
    struct stores stores = {0};
    struct ev_error error = {0};
    const char *const *names;
    size_t count;
    bool all = ev_config_bool(config, "all");
    if (all && ev_config_positional(config, &names) > 0) {
        cli_complain("name views or say --all");
        return CLI_USAGE;
    }
    int r = stores_choose(config, all, choices, &count, &error);
    if (r < 0) {
        cli_complain("%s\nTry: orderlog replay --help", error.message);
        return CLI_USAGE;
    }
    r = stores_open(config, &stores, &error);
    if (r >= 0)
        r = run_all(config, &stores, choices, count, &error);
    if (r < 0)
        cli_complain("%s", error.message);
    stores_close(&stores);
    return r == 0 ? CLI_OK : r == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static const struct ev_config_option options[] = {
    {"all", EV_CONFIG_BOOL, "false", "every view", 0, 0},
    {"accept", EV_CONFIG_BOOL, "false",
     "make it live though its documents differ from the live ones: the fold was changed on purpose", 0, 0},
    {"forget-skipped", EV_CONFIG_BOOL, "false",
     "fold again what `parked skip` has left out of documents; what still can't be folded is parked anew", 0, 0},
    {"memory-mebibytes", EV_CONFIG_INT, "256", "folded documents kept in memory; more go to a scratch file", 1,
     1048576},
    {"threads", EV_CONFIG_INT, "0", "partitions folded at a time (default: one per processor)", 0, REPLAY_THREADS_MAX},
    {"data-dir", EV_CONFIG_STRING, ".run/data", "directory of the scratch files and of the schema cache", 0, 0},
    {"json", EV_CONFIG_BOOL, "false", "print the result as one JSON object a line", 0, 0},
    {"progress-ms", EV_CONFIG_INT, "1000", "how often progress is a JSON line, where stderr is no terminal", 1, 60000},
    {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers of Kafka", 0, 0},
    {"schema-registry-url", EV_CONFIG_STRING, "http://127.0.0.1:8085/apis/ccompat/v7", "schema registry, Confluent API",
     0, 0},
    STORES_OPTIONS,
    {0},
};

const struct cli_subcommand cli_replay = {
    .program = {"replay", "build views again beside the live ones, prove them, and make them live", "VIEW...|--all",
                options},
    .run = run,
};
