/* `orderlog parked list|show|retry|skip`: documents that go no further because an event can't be folded or a store
 * refuses them; looked at by cause, and brought on again, alone or in bulk. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "avro/registry.h"
#include "cli/parked_stopped.h"
#include "cli/stores.h"
#include "core/memory.h"
#include "core/timestamp.h"
#include "fold/fingerprint.h"
#include "log/reader.h"

#define PARKED_READ_MAX ((size_t)10000) /* of one view and store */
#define PARKED_SAMPLES 3                /* keys shown of a cause */
#define PARKED_READ_TIMEOUT_MS 20000

enum parked_action { PARKED_LIST, PARKED_SHOW, PARKED_RETRY, PARKED_SKIP };

struct parked {
    const struct ev_config *config;
    enum parked_action action;
    bool json;
    struct stores stores;
    struct ev_registry *registry;
    struct ev_arena arena; /* of one view and store */
    const struct ev_view *view;
    enum choice_store store;
    struct ev_sink *sink; /* of the live generation */
    char fingerprint[EV_FINGERPRINT_TEXT_MAX];
    struct {
        struct redrive *items;
        size_t count, capacity;
    } entries;
    size_t documents; /* the first of them; partitions come behind */
    bool stays;       /* some couldn't be brought on */
};

static bool parked_wait(void *context, int64_t ms)
{
    (void)context;
    if (ms > 0)
        poll(NULL, 0, (int)ms);
    return !cli_interrupted();
}

static bool is_wanted(const struct parked *parked, const struct ev_parked *entry)
{
    const char *key = ev_config_string(parked->config, "key"), *cause = ev_config_string(parked->config, "cause");
    bool skipped = parked->action == PARKED_LIST && ev_config_bool(parked->config, "skipped");
    return entry->skipped == skipped && (!key || ev_str_equal(entry->key, ev_str_of(key))) &&
           (!cause || strstr(entry->cause, cause));
}

static int take_entry(void *context, const struct ev_parked *entry)
{
    struct parked *parked = context;
    if (!is_wanted(parked, entry) || parked->entries.count >= PARKED_READ_MAX)
        return 0;
    struct redrive *item = ev_array_push(&parked->arena, &parked->entries);
    item->parked = *entry;
    item->parked.key = ev_arena_copy(&parked->arena, entry->key);
    return 0;
}

static void print_line(struct ev_buffer *line)
{
    ev_buffer_append_byte(line, '\n');
    fwrite(line->data, 1, line->length, stdout);
    ev_buffer_finish(line);
}

static void write_entry(const struct parked *parked, const struct redrive *item, struct ev_json_writer *writer)
{
    const struct ev_parked *entry = &item->parked;
    ev_json_kv_cstr(writer, "view", parked->view->name);
    ev_json_kv_cstr(writer, "sink", parked->sink->name);
    ev_json_kv_string(writer, "key", entry->key);
    ev_json_kv_int64(writer, "partition", entry->partition);
    ev_json_kv_int64(writer, "offset", entry->offset);
    ev_json_kv_cstr(writer, "cause", entry->cause);
    char at[EV_TIMESTAMP_TEXT_MAX];
    ev_timestamp_format(entry->parked_at_ms, at);
    ev_json_kv_cstr(writer, "parked_at", at);
}

static void print_entry(const struct parked *parked, const struct redrive *item, const char *outcome)
{
    struct ev_buffer line;
    struct ev_json_writer writer;
    if (!parked->json) {
        printf("%s/%s %.*s: %s%s%s\n", parked->view->name, parked->sink->name, EV_STR_ARG(item->parked.key), outcome,
               item->cause[0] ? ": " : "", item->cause);
        return;
    }
    ev_buffer_init(&line);
    ev_json_init(&writer, &line);
    ev_json_object_begin(&writer);
    write_entry(parked, item, &writer);
    ev_json_kv_cstr(&writer, "outcome", outcome);
    if (item->cause[0])
        ev_json_kv_cstr(&writer, "still", item->cause);
    ev_json_object_end(&writer);
    print_line(&line);
}

/* What differs from key to key is taken off: causes are grouped by what is left. */
static struct ev_str cause_group(const struct ev_parked *entry)
{
    struct ev_str cause = ev_str_of(entry->cause);
    const char *of = strstr(entry->cause, " of ");
    if (ev_str_starts_with(cause, EV_STR("the fold refused ")) && of)
        cause.length = (size_t)(of - entry->cause);
    return cause;
}

struct cause_count {
    size_t count;
    int64_t first_ms, last_ms;
    const struct redrive *samples[PARKED_SAMPLES];
};

static void print_group(const struct parked *parked, struct ev_str cause, const struct cause_count *group)
{
    char first[EV_TIMESTAMP_TEXT_MAX], last[EV_TIMESTAMP_TEXT_MAX];
    ev_timestamp_format(group->first_ms, first);
    ev_timestamp_format(group->last_ms, last);
    printf("%s/%s %zu: %.*s\n    from %s to %s, e.g.", parked->view->name, parked->sink->name, group->count,
           EV_STR_ARG(cause), first, last);
    for (size_t i = 0; i < PARKED_SAMPLES && i < group->count; i++)
        printf(" %.*s", EV_STR_ARG(group->samples[i]->parked.key));
    fputs("\n", stdout);
}

static void print_groups(struct parked *parked)
{
    struct ev_map groups;
    struct ev_str cause;
    size_t cursor = 0;
    void *value;
    ev_map_init(&groups);
    for (size_t i = 0; i < parked->entries.count; i++) {
        const struct redrive *item = &parked->entries.items[i];
        if (redrive_is_partition(&item->parked) && !item->parked.skipped) {
            stopped_print(parked->view, parked->sink, &item->parked);
            continue;
        }
        struct cause_count *group = ev_map_get(&groups, cause_group(&item->parked));
        if (!group) {
            group = ev_arena_new(&parked->arena, struct cause_count);
            group->first_ms = group->last_ms = item->parked.parked_at_ms;
            ev_map_put(&groups, cause_group(&item->parked), group);
        }
        if (group->count < PARKED_SAMPLES)
            group->samples[group->count] = item;
        group->count++;
        if (item->parked.parked_at_ms < group->first_ms)
            group->first_ms = item->parked.parked_at_ms;
        if (item->parked.parked_at_ms > group->last_ms)
            group->last_ms = item->parked.parked_at_ms;
    }
    while (ev_map_next(&groups, &cursor, &cause, &value))
        print_group(parked, cause, value);
    ev_map_finish(&groups);
}

static int open_reader(const struct parked *parked, struct ev_reader **ret, struct ev_error *error)
{
    const struct ev_reader_options options = {
        .kafka = {.brokers = ev_config_string(parked->config, "kafka-brokers"),
                  .topic_prefix = ev_config_string(parked->config, "topic-prefix"),
                  .properties = ev_config_kafka(parked->config),
                  .client_id = "orderlog"},
        .topic = parked->view->topic,
        .schemas = ev_registry_source(parked->registry),
        .include_void = true,
        .include_unreadable = true,
    };
    return ev_reader_create(&options, ret, error);
}

/* The commit that parked it, as it lies in the log. */
static int write_commit(struct parked *parked, const struct ev_parked *entry, struct ev_json_writer *writer,
                        struct ev_error *error)
{
    const struct ev_cursor at = {.partition = entry->partition, .next_offset = entry->offset, .last_offset = -1};
    struct ev_reader *reader = NULL;
    struct ev_log_record record;
    int r = open_reader(parked, &reader, error);
    if (r >= 0)
        r = ev_reader_assign(reader, &at, 1, error);
    int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + PARKED_READ_TIMEOUT_MS;
    int got = 0;
    while (r >= 0 && got == 0 && !cli_interrupted() && ev_clock_monotonic_ms(&ev_clock_system) < deadline) {
        got = ev_reader_poll(reader, &parked->arena, &record, 1, 500, error);
        r = got < 0 && !error->retriable ? got : 0;
        got = got > 0 ? got : 0;
    }
    if (got == 1 && record.offset == entry->offset) {
        /* Its verdict can't be told without what lies before it, so the head alone was read: once more, whole. */
        struct ev_commit commit;
        struct ev_commit_decoder *decoder = NULL;
        const struct ev_schema_source schemas = ev_registry_source(parked->registry);
        r = ev_commit_decoder_create(parked->view->topic, &schemas, &decoder, error);
        if (r >= 0)
            r = ev_commit_decode(decoder, record.raw, &parked->arena, &commit, error);
        ev_json_key(writer, EV_STR("commit"));
        ev_commit_print(r >= 0 ? &commit : &record.commit, writer);
        ev_commit_decoder_destroy(decoder);
    }
    ev_reader_destroy(reader);
    return r;
}

static void print_whole(struct parked *parked, const struct redrive *item)
{
    struct ev_buffer line;
    struct ev_json_writer writer;
    struct ev_error fault = {0};
    ev_buffer_init(&line);
    ev_json_init(&writer, &line);
    ev_json_object_begin(&writer);
    write_entry(parked, item, &writer);
    if (write_commit(parked, &item->parked, &writer, &fault) < 0)
        ev_json_kv_cstr(&writer, "commit_unreadable", fault.message);
    ev_json_object_end(&writer);
    print_line(&line);
}

/* The reader is made for the first of them. */
static int may_be_skipped(struct parked *parked, const struct ev_parked *entry, struct ev_reader **reader,
                          struct ev_error *error)
{
    int r = *reader ? 0 : open_reader(parked, reader, error);
    return r < 0 ? r : stopped_may_be_skipped(*reader, entry, error);
}

static int act_on_partition(struct parked *parked, struct redrive *item, struct ev_reader **reader,
                            struct ev_error *error)
{
    bool skip = parked->action == PARKED_SKIP, dry_run = ev_config_bool(parked->config, "dry-run");
    int r = skip ? may_be_skipped(parked, &item->parked, reader, error) : 0;
    if (r == EV_ERR_UNSUPPORTED) {
        item->outcome = REDRIVE_STAYS;
        snprintf(item->cause, sizeof(item->cause), "%.*s", (int)sizeof(item->cause) - 1, error->message);
        parked->stays = true;
        r = 0;
    } else if (r >= 0) {
        item->outcome = dry_run ? REDRIVE_WOULD : REDRIVE_WAITS;
        if (!dry_run)
            r = redrive_partition(parked->sink, parked->view, &item->parked, skip, error);
    }
    if (r >= 0)
        print_entry(parked, item, item->cause[0] ? "stays parked" : skip ? "goes on without it" : "is tried again");
    return r;
}

/* Partitions first: the documents are folded anew. They move behind the others, whose number is left. */
static int act_on_partitions(struct parked *parked, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    size_t kept = 0;
    int r = 0;
    for (size_t i = 0; i < parked->entries.count && r >= 0; i++) {
        struct redrive item = parked->entries.items[i];
        if (redrive_is_partition(&item.parked))
            r = act_on_partition(parked, &item, &reader, error);
        parked->entries.items[i] = parked->entries.items[kept];
        parked->entries.items[kept] = item;
        kept += !redrive_is_partition(&item.parked);
    }
    ev_reader_destroy(reader);
    parked->documents = kept;
    return r;
}

static int redrive_in(struct parked *parked, struct ev_sink *sink, struct redrive *items, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    int r = open_reader(parked, &reader, error);
    if (r >= 0) {
        const struct proof_options options = {.view = parked->view,
                                              .source = ev_commit_source_of_reader(reader),
                                              .sink = sink,
                                              .clock = &ev_clock_system,
                                              .wait = parked_wait};
        r = redrive_run(&options, items, parked->documents, parked->action == PARKED_SKIP,
                        ev_config_bool(parked->config, "dry-run"), error);
    }
    ev_reader_destroy(reader);
    return r;
}

/* Another generation that projectors feed with the same fold. */
static bool is_fed_beside(const struct parked *parked, const struct generation *generation)
{
    return generation->version == parked->view->version && generation->number != parked->sink->generation &&
           (generation->live || generation->state == GENERATION_READY) &&
           (!generation->fingerprint[0] || strcmp(generation->fingerprint, parked->fingerprint) == 0);
}

static int skip_in_generation(struct parked *parked, int number, struct ev_error *error)
{
    struct ev_sink *sink = NULL;
    struct redrive *items = ev_arena_new_array(&parked->arena, struct redrive, parked->documents + 1);
    for (size_t i = 0; i < parked->documents; i++)
        items[i].parked = parked->entries.items[i].parked;
    int r = stores_make_sink(&parked->stores, parked->store, &sink, error);
    if (r < 0)
        return r;
    sink->generation = number;
    sink->fingerprint = parked->fingerprint;
    r = sink->prepare(sink, parked->view, error);
    for (size_t i = parked->documents; i < parked->entries.count && r >= 0; i++)
        if (parked->entries.items[i].outcome == REDRIVE_WAITS)
            r = redrive_partition(sink, parked->view, &parked->entries.items[i].parked, true, error);
    if (r >= 0 && parked->documents > 0)
        r = redrive_in(parked, sink, items, error);
    sink->destroy(sink);
    return r;
}

/* A decision is on the view: so that it holds after a rollback, and in what a replay has just made ready. That looks
 * for decisions in the live generation after it has made its own ready; here it's the other way round, so that one of
 * the two finds the other. */
static int skip_elsewhere(struct parked *parked, struct ev_error *error)
{
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    _cleanup_free_ void *owned = all;
    size_t count = 0;
    int r = replay_generations(parked->store)->list(parked->sink, parked->view->name, all, &count, error);
    for (size_t i = 0; i < count && r >= 0; i++)
        if (is_fed_beside(parked, &all[i]))
            r = skip_in_generation(parked, all[i].number, error);
    return r;
}

static int bring_on(struct parked *parked, struct ev_error *error)
{
    bool dry_run = ev_config_bool(parked->config, "dry-run");
    int r = act_on_partitions(parked, error);
    if (r >= 0 && parked->documents > 0)
        r = redrive_in(parked, parked->sink, parked->entries.items, error);
    for (size_t i = 0; i < parked->documents && r >= 0; i++) {
        print_entry(parked, &parked->entries.items[i], redrive_outcome_text(parked->entries.items[i].outcome));
        parked->stays = parked->stays || parked->entries.items[i].outcome == REDRIVE_STAYS;
    }
    bool decided = parked->action == PARKED_SKIP && !dry_run && parked->entries.count > 0;
    return r >= 0 && decided ? skip_elsewhere(parked, error) : r;
}

static int act(struct parked *parked, struct ev_error *error)
{
    switch (parked->action) {
    case PARKED_LIST:
        if (!parked->json)
            print_groups(parked);
        for (size_t i = 0; i < parked->entries.count && parked->json; i++)
            print_entry(parked, &parked->entries.items[i], "parked");
        return 0;
    case PARKED_SHOW:
        for (size_t i = 0; i < parked->entries.count; i++)
            print_whole(parked, &parked->entries.items[i]);
        return 0;
    case PARKED_RETRY:
    case PARKED_SKIP:
        break;
    }
    return bring_on(parked, error);
}

static int act_on(struct parked *parked, const struct choice *choice, struct ev_error *error)
{
    parked->view = choice->view;
    parked->store = choice->store;
    ev_view_fingerprint(choice->view, parked->fingerprint);
    parked->entries.items = NULL;
    parked->entries.count = parked->entries.capacity = 0;
    ev_arena_reset(&parked->arena);
    int r = stores_make_sink(&parked->stores, choice->store, &parked->sink, error);
    if (r < 0)
        return r;
    /* Documents of another fold may be looked at, but not folded anew. */
    if (parked->action == PARKED_RETRY || parked->action == PARKED_SKIP)
        parked->sink->fingerprint = parked->fingerprint;
    r = parked->sink->prepare(parked->sink, parked->view, error);
    if (r >= 0)
        r = parked->sink->load_parked(parked->sink, parked->view, take_entry, parked, error);
    if (r >= 0)
        r = act(parked, error);
    parked->sink->destroy(parked->sink);
    return r;
}

static int act_on_all(struct parked *parked, struct ev_error *error)
{
    struct choice choices[CHOICE_MAX];
    size_t count = 0;
    bool bulk = parked->action == PARKED_LIST || ev_config_bool(parked->config, "all") ||
                ev_config_string(parked->config, "key") || ev_config_string(parked->config, "cause");
    int r = stores_choose(parked->config, parked->action == PARKED_LIST, choices, &count, error);
    if (r >= 0 && !bulk)
        r = ev_error_set(error, EV_ERR_INVALID, "which ones? --key KEY, --cause TEXT or --all");
    if (r >= 0)
        r = stores_open(parked->config, &parked->stores, error);
    if (r >= 0)
        r = ev_registry_create(ev_config_string(parked->config, "schema-registry-url"), NULL, &parked->registry, error);
    for (size_t i = 0; i < count && r >= 0; i++)
        r = act_on(parked, &choices[i], error);
    return r;
}

static int run(const struct ev_config *config, enum parked_action action)
{
    struct parked parked = {
        .config = config, .action = action, .json = ev_config_bool(config, "json") || !isatty(STDOUT_FILENO)};
    struct ev_error error = {0};
    ev_arena_init(&parked.arena, 0);
    int r = act_on_all(&parked, &error);
    ev_registry_destroy(parked.registry);
    stores_close(&parked.stores);
    ev_arena_finish(&parked.arena);
    if (r < 0)
        cli_complain("%s", error.message);
    if (r == EV_ERR_INVALID)
        return CLI_USAGE;
    return r < 0 || parked.stays ? CLI_FAILURE : CLI_OK;
}

static int run_list(const struct ev_config *config)
{
    return run(config, PARKED_LIST);
}

static int run_show(const struct ev_config *config)
{
    return run(config, PARKED_SHOW);
}

static int run_retry(const struct ev_config *config)
{
    return run(config, PARKED_RETRY);
}

static int run_skip(const struct ev_config *config)
{
    return run(config, PARKED_SKIP);
}

#define PARKED_OPTIONS                                                                                                 \
    {"key", EV_CONFIG_STRING, NULL, "the document of this key alone", 0, 0},                                           \
        {"cause", EV_CONFIG_STRING, NULL, "those whose cause holds this text", 0, 0},                                  \
        {"json", EV_CONFIG_BOOL, "false", "JSON lines also on a terminal", 0, 0},                                      \
        {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers of Kafka", 0, 0},                     \
        {"schema-registry-url",                                                                                        \
         EV_CONFIG_STRING,                                                                                             \
         "http://127.0.0.1:8085/apis/ccompat/v7",                                                                      \
         "schema registry, Confluent API",                                                                             \
         0,                                                                                                            \
         0},                                                                                                           \
        STORES_OPTIONS

static const struct ev_config_option list_options[] = {
    {"skipped", EV_CONFIG_BOOL, "false", "the commits that were left out, instead", 0, 0},
    {"all", EV_CONFIG_BOOL, "true", "every one; the default here", 0, 0},
    PARKED_OPTIONS,
    {0},
};
static const struct ev_config_option options[] = {
    {"all", EV_CONFIG_BOOL, "false", "every one", 0, 0},
    {"dry-run", EV_CONFIG_BOOL, "false", "tell what would come of it, and change nothing", 0, 0},
    PARKED_OPTIONS,
    {0},
};

const struct cli_subcommand cli_parked_list = {
    .program = {"parked list", "documents that go no further, by cause", "[options] [VIEW…]", list_options},
    .run = run_list,
};
const struct cli_subcommand cli_parked_show = {
    .program = {"parked show", "parked documents with the commits that parked them", "[options] VIEW…", options},
    .run = run_show,
};
const struct cli_subcommand cli_parked_retry = {
    .program = {"parked retry", "fold parked documents anew, and let them go on", "[options] VIEW…", options},
    .run = run_retry,
};
const struct cli_subcommand cli_parked_skip = {
    .program = {"parked skip", "leave the commits out that parked documents, and let them go on", "[options] VIEW…",
                options},
    .run = run_skip,
};
