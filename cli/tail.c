/* `orderlog tail`: decoded commits as JSON lines, as they come or from the beginning. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/log_source.h"
#include "gen/topics.h"

#define TOPICS_MAX 16
#define BATCH_MAX 256
#define POLL_MS 50

static int print_record(void *context, const struct ev_log_record *record)
{
    const struct ev_topic_schema *topic = context;
    log_source_print(topic, record);
    return ferror(stdout) ? EV_ERR_IO : 0;
}

static int follow(struct log_source *sources, size_t count, struct ev_error *error)
{
    struct ev_log_record *records = calloc(BATCH_MAX, sizeof(*records));
    struct ev_arena arena;
    int result = records ? 0 : ev_error_set(error, EV_ERR_NO_MEMORY, "out of memory");
    ev_arena_init(&arena, 0);
    while (result == 0 && !cli_interrupted()) {
        for (size_t i = 0; i < count && result == 0; i++) {
            ev_arena_reset(&arena);
            int got = ev_reader_poll(sources[i].reader, &arena, records, BATCH_MAX, POLL_MS, error);
            if (got < 0 && !error->retriable)
                result = got;
            for (int j = 0; j < got && result == 0; j++)
                result = print_record((void *)(uintptr_t)sources[i].topic, &records[j]);
        }
        if (fflush(stdout) != 0)
            result = ev_error_set(error, EV_ERR_IO, "stdout was closed");
    }
    ev_arena_finish(&arena);
    free(records);
    return result;
}

static int run(const struct ev_config *config)
{
    struct log_source sources[TOPICS_MAX];
    size_t count = 0;
    struct ev_error error = {0};
    const char *only = ev_config_string(config, "topic");
    bool from_start = ev_config_bool(config, "from-start");
    bool follows = ev_config_bool(config, "follow");
    int result = 0;
    for (size_t i = 0; i < orderlog_topic_count && result == 0 && count < TOPICS_MAX; i++) {
        if (only && !ev_str_equal(ev_str_of(only), ev_str_of(orderlog_topics[i]->name)))
            continue;
        result = log_source_open(config, orderlog_topics[i],
                                 from_start || !follows ? LOG_SOURCE_FROM_START : LOG_SOURCE_FROM_END,
                                 ev_config_bool(config, "void"), &sources[count], &error);
        count += result == 0;
    }
    if (result == 0 && count == 0)
        result = ev_error_set(&error, EV_ERR_INVALID, "there is no topic '%s'", only ? only : "");
    if (result == 0 && follows) {
        result = follow(sources, count, &error);
    } else {
        for (size_t i = 0; i < count && result == 0; i++)
            result = log_source_scan(&sources[i], -1, print_record, (void *)(uintptr_t)sources[i].topic, &error);
    }
    for (size_t i = 0; i < count; i++)
        log_source_close(&sources[i]);
    if (result < 0 && !cli_interrupted())
        cli_complain("%s", error.message);
    return result < 0 && !cli_interrupted() ? CLI_FAILURE : CLI_OK;
}

static const struct ev_config_option options[] = {
    LOG_SOURCE_OPTIONS,
    {"topic", EV_CONFIG_STRING, NULL, "one topic alone (product, cart or order)", 0, 0},
    {"from-start", EV_CONFIG_BOOL, "false", "begin with the first record", 0, 0},
    {"follow", EV_CONFIG_BOOL, "true", "wait for more; false: print the whole log and end", 0, 0},
    {"void", EV_CONFIG_BOOL, "false", "show fences and void records too", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_tail = {
    .program = {"tail", "print commits as JSON lines as they come", "[options]", options},
    .run = run,
};
