/* `orderlog audit`: do the stores hold what the log says? Compares every document with a fresh fold of the log, also
 * while the system runs, tells what differs, and mends it when asked to. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "avro/registry.h"
#include "cli/stores.h"
#include "log/position.h"
#include "proof/proof.h"

#define AUDIT_TRIES 4 /* of one view in one store that is away for a moment */
#define AUDIT_RETRY_MS 2000

struct audit {
    const struct ev_config *config;
    struct stores stores;
    struct ev_registry *registry;
    struct ev_arena arena;
    struct ev_position positions[EV_POSITIONS_MAX]; /* of --at */
    size_t position_count;
    bool json;
    int64_t shown, show_max; /* of one view and store */
    const struct ev_view *view;
    struct ev_sink *sink;
};

static bool audit_wait(void *context, int64_t ms)
{
    (void)context;
    if (ms > 0)
        poll(NULL, 0, (int)ms);
    return !cli_interrupted();
}

static void print_field(const struct proof_field *field)
{
    printf("    %.*s: %.*s, the log says %.*s\n", EV_STR_ARG(field->name),
           EV_STR_ARG(field->stored.data ? field->stored : EV_STR("nothing")),
           EV_STR_ARG(field->expected.data ? field->expected : EV_STR("nothing")));
}

static void tell_text(const struct audit *audit, const struct proof_difference *difference)
{
    printf("%s/%s %.*s: %s%s%.*s%s\n", audit->view->name, audit->sink->name, EV_STR_ARG(difference->key),
           proof_kind_text(difference->kind), difference->cause.data ? ": " : "", EV_STR_ARG(difference->cause),
           difference->mended ? "; mended" : "");
    for (size_t i = 0; i < difference->field_count; i++)
        print_field(&difference->fields[i]);
}

static void print_json(struct ev_buffer *line)
{
    ev_buffer_append_byte(line, '\n');
    fwrite(line->data, 1, line->length, stdout);
    ev_buffer_finish(line);
    fflush(stdout);
}

static void audit_tell(void *context, const struct proof_difference *difference)
{
    struct audit *audit = context;
    struct ev_buffer line;
    struct ev_json_writer writer;
    if (audit->shown++ >= audit->show_max)
        return;
    if (!audit->json) {
        tell_text(audit, difference);
        return;
    }
    ev_buffer_init(&line);
    ev_json_init(&writer, &line);
    proof_print_difference(audit->view, audit->sink, difference, &writer);
    print_json(&line);
}

static void print_positions(const struct proof_result *result)
{
    fputs("    positions", stdout);
    for (int32_t i = 0; i < result->partition_count; i++)
        printf(" %d:%lld", (int)i, (long long)result->partitions[i].position);
    fputs("\n", stdout);
}

static void print_partitions(const struct proof_result *result)
{
    for (int32_t i = 0; i < result->partition_count; i++) {
        char stored[EV_DIGEST_TEXT_MAX], expected[EV_DIGEST_TEXT_MAX];
        ev_digest_format(&result->partitions[i].stored, stored);
        ev_digest_format(&result->partitions[i].expected, expected);
        printf("    partition %d: %s, the log says %s\n", (int)i, stored, expected);
    }
}

static void print_result(const struct audit *audit, const struct proof_result *result)
{
    struct ev_buffer line;
    struct ev_json_writer writer;
    if (audit->json) {
        ev_buffer_init(&line);
        ev_json_init(&writer, &line);
        proof_print(audit->view, audit->sink, result, &writer);
        print_json(&line);
        return;
    }
    if (audit->shown > audit->show_max)
        printf("    and %lld more (--show)\n", (long long)(audit->shown - audit->show_max));
    printf("%s/%s %s: %lld documents", audit->view->name, audit->sink->name,
           proof_holds(result) ? "is what the log says" : "ISN'T what the log says", (long long)result->documents);
    for (int kind = 0; kind < PROOF_KIND_COUNT; kind++)
        if (result->counts[kind])
            printf(", %lld %s", (long long)result->counts[kind], proof_kind_text((enum proof_kind)kind));
    if (result->mended)
        printf(", %lld mended", (long long)result->mended);
    printf("; %lld records of the log in %.1f s\n", (long long)result->records, (double)result->took_ms / 1000);
    print_positions(result);
    print_partitions(result);
    fflush(stdout);
}

/* Positions of other topics don't concern the view; where none is given, the store's checkpoint is taken. */
static size_t positions_of(const struct audit *audit, int64_t ret[EV_PROJECTION_PARTITIONS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < audit->position_count; i++) {
        const struct ev_position *position = &audit->positions[i];
        if (!ev_str_equal(position->topic, ev_str_of(audit->view->topic->name)) || position->partition < 0 ||
            position->partition >= EV_PROJECTION_PARTITIONS_MAX)
            continue;
        while (count <= (size_t)position->partition)
            ret[count++] = -1;
        ret[position->partition] = position->offset + 1;
    }
    return count;
}

static int open_reader(const struct audit *audit, struct ev_reader **ret, struct ev_error *error)
{
    const struct ev_reader_options options = {
        .kafka = {.brokers = ev_config_string(audit->config, "kafka-brokers"),
                  .topic_prefix = ev_config_string(audit->config, "topic-prefix"),
                  .properties = ev_config_kafka(audit->config),
                  .client_id = "orderlog"},
        .topic = audit->view->topic,
        .schemas = ev_registry_source(audit->registry),
        .include_void = true,
        .include_unreadable = true,
    };
    return ev_reader_create(&options, ret, error);
}

/* 1: something is wrong. */
static int audit_one(struct audit *audit, const struct choice *choice, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    struct proof_result result;
    int64_t at[EV_PROJECTION_PARTITIONS_MAX];
    audit->view = choice->view;
    audit->shown = 0;
    int r = stores_make_sink(&audit->stores, choice->store, &audit->sink, error);
    if (r < 0)
        return r;
    r = open_reader(audit, &reader, error);
    if (r >= 0)
        r = audit->sink->prepare(audit->sink, audit->view, error);
    if (r >= 0) {
        const struct proof_options options = {
            .view = audit->view,
            .source = ev_commit_source_of_reader(reader),
            .sink = audit->sink,
            .clock = &ev_clock_system,
            .at = at,
            .at_count = positions_of(audit, at),
            .memory_bytes_max = (size_t)ev_config_int(audit->config, "memory-mebibytes") * 1024 * 1024,
            .records_per_second_max = ev_config_int(audit->config, "records-per-second"),
            .mend = ev_config_bool(audit->config, "fix"),
            .tell = audit_tell,
            .wait = audit_wait,
            .context = audit,
        };
        r = proof_run(&options, &result, error);
    }
    if (r >= 0) {
        print_result(audit, &result);
        r = proof_holds(&result) ? 0 : 1;
    }
    ev_reader_destroy(reader);
    audit->sink->destroy(audit->sink);
    return r;
}

static int audit_all(struct audit *audit, struct ev_error *error)
{
    struct choice choices[CHOICE_MAX];
    size_t count = 0;
    int wrong = 0;
    const char *at = ev_config_string(audit->config, "at");
    int r = stores_choose(audit->config, true, choices, &count, error);
    if (r >= 0 && at)
        r = ev_position_token_parse(ev_str_of(at), &audit->arena, audit->positions, &audit->position_count, error);
    if (r >= 0)
        r = stores_open(audit->config, &audit->stores, error);
    if (r >= 0)
        r = ev_registry_create(ev_config_string(audit->config, "schema-registry-url"), NULL, &audit->registry, error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        r = audit_one(audit, &choices[i], error);
        for (int tries = 1; r < 0 && error->retriable && audit->shown == 0 && tries < AUDIT_TRIES; tries++)
            r = audit_wait(NULL, AUDIT_RETRY_MS) ? audit_one(audit, &choices[i], error) : r;
        wrong += r > 0;
    }
    return r < 0 ? r : wrong;
}

static int run(const struct ev_config *config)
{
    struct audit audit = {.config = config,
                          .json = ev_config_bool(config, "json") || !isatty(STDOUT_FILENO),
                          .show_max = ev_config_int(config, "show")};
    struct ev_error error = {0};
    ev_arena_init(&audit.arena, 0);
    int r = audit_all(&audit, &error);
    ev_registry_destroy(audit.registry);
    stores_close(&audit.stores);
    ev_arena_finish(&audit.arena);
    if (r < 0)
        cli_complain("%s", error.message);
    return r == 0 ? CLI_OK : r == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static const struct ev_config_option options[] = {
    {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers of Kafka", 0, 0},
    {"schema-registry-url", EV_CONFIG_STRING, "http://127.0.0.1:8085/apis/ccompat/v7", "schema registry, Confluent API",
     0, 0},
    {"at", EV_CONFIG_STRING, NULL,
     "a position token, as commands answer with: nothing up to there may be missing (default: the store's own "
     "checkpoints)",
     0, 0},
    {"fix", EV_CONFIG_BOOL, "false", "mend what is wrong", 0, 0},
    {"show", EV_CONFIG_INT, "100", "print so many of the documents that differ, for each view and store", 0, 1000000},
    {"memory-mebibytes", EV_CONFIG_INT, "256", "documents kept in memory; for more, log and store are read again", 1,
     1048576},
    {"records-per-second", EV_CONFIG_INT, "0", "read at most so many records and documents a second (0: no bound)", 0,
     100000000},
    {"json", EV_CONFIG_BOOL, "false", "JSON lines also on a terminal", 0, 0},
    STORES_OPTIONS,
    {0},
};

const struct cli_subcommand cli_audit = {
    .program = {"audit", "compare the views in the stores with the log, and mend them", "[options] [VIEW…]", options},
    .run = run,
};
