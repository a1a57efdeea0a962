#include "drill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/memory.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define CATCH_UP_TIMEOUT_MS 110000

static const struct ev_config_option options[] = {
    EV_CONFIG_COMMON,
    {"commits", EV_CONFIG_INT, "1000", "feed: how many", 0, 10000000},
    {"partitions", EV_CONFIG_INT, "4", "feed: of a topic that is made", 1, 64},
    {"seed", EV_CONFIG_INT, "1", "feed: of what is made up; the same seed, the same orders", 1, 1000000000},
    {"lines", EV_CONFIG_INT, "40", "feed: at most so many lines an order", 1, 2000},
    {"cut", EV_CONFIG_BOOL, "false", "feed: ends with a commit of the first order whose events can't be decoded", 0, 0},
    {"garbage", EV_CONFIG_BOOL, "false", "feed: ends partition 0 with a record that can't be decoded", 0, 0},
    {0},
};
static const struct ev_config_program program = {
    .name = "projector_drill",
    .summary = "Makes logs, runs projections and compares stores with them, for tests.",
    .usage =
        "[options] feed | project VIEW SINK | prove VIEW SINK | put|delete SINK KEY OFFSET PREVIOUS | show SINK KEY",
    .options = options,
};

int64_t drill_now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static void memory_destroy(struct ev_sink *sink)
{
    struct ev_memory_sink *memory = (struct ev_memory_sink *)sink;
    ev_memory_sink_finish(memory);
    free(memory);
}

int drill_make_sink(struct drill *drill, const char *name, struct ev_sink **ret, struct ev_error *error)
{
    if (strcmp(name, "mongodb") == 0)
        return mongo_sink_create(drill->mongo, drill->prefix, ret, error);
    if (strcmp(name, "elasticsearch") == 0)
        return elasticsearch_sink_create(ev_config_string(drill->config, "elasticsearch-url"), drill->prefix, ret,
                                         error);
    if (strcmp(name, "memory") != 0)
        return ev_error_set(error, EV_ERR_INVALID, "there is no sink %s", name);
    struct ev_memory_sink *memory = ev_memory_new(struct ev_memory_sink);
    ev_memory_sink_init(memory);
    memory->sink.destroy = memory_destroy;
    *ret = &memory->sink;
    return 0;
}

int drill_make_reader(struct drill *drill, const struct ev_view *view, struct ev_reader **ret, struct ev_error *error)
{
    const struct ev_reader_options reader_options = {
        .kafka = drill->kafka,
        .topic = view->topic,
        .schemas = ev_registry_source(drill->registry),
        .include_void = true,
        .include_unreadable = true,
    };
    return ev_reader_create(&reader_options, ret, error);
}

static bool caught_up(struct ev_projection *projection)
{
    struct ev_projection_status status;
    ev_projection_status(projection, &status);
    if (status.state != EV_PROJECTION_LIVE)
        return false;
    for (int32_t i = 0; i < status.partition_count; i++)
        if (!status.partitions[i].stopped && status.partitions[i].position < status.partitions[i].end)
            return false;
    return true;
}

int drill_run(struct ev_projection *projection, struct ev_error *error)
{
    int64_t deadline = drill_now_ms() + CATCH_UP_TIMEOUT_MS;
    for (;;) {
        int r = ev_projection_step(projection, 100, error);
        if (r < 0 && !error->retriable)
            return r;
        if (r >= 0 && caught_up(projection))
            return 0;
        if (drill_now_ms() > deadline)
            return ev_error_set(error, EV_ERR_TIMEOUT, "not caught up in time; last: %s", error->message);
    }
}

/* 1: it is none of these. */
static int run_write(struct drill *drill, const char *const *words, size_t count, struct ev_error *error)
{
    struct drill_write what = {0};
    if (count < 3)
        return 1;
    what.key = ev_str_of(words[2]);
    what.shows = strcmp(words[0], "show") == 0;
    what.deleted = strcmp(words[0], "delete") == 0;
    bool writes = what.deleted || strcmp(words[0], "put") == 0;
    if (what.shows && count == 3)
        return drill_write(drill, words[1], &what, error);
    if (!writes || count != 5 || !ev_str_to_int64(ev_str_of(words[3]), &what.offset) ||
        !ev_str_to_int64(ev_str_of(words[4]), &what.previous))
        return 1;
    return drill_write(drill, words[1], &what, error);
}

static int run(struct drill *drill, const char *const *words, size_t count, struct ev_error *error)
{
    if (count == 1 && strcmp(words[0], "feed") == 0)
        return drill_feed(drill, error);
    int r = run_write(drill, words, count, error);
    if (r <= 0)
        return r;
    const struct ev_view *view = count == 3 ? drill_find_view(ev_str_of(words[1])) : NULL;
    if (view && strcmp(words[0], "project") == 0)
        return drill_project(drill, view, words[2], error);
    if (view && strcmp(words[0], "prove") == 0)
        return drill_prove(drill, view, words[2], error);
    return ev_error_set(error, EV_ERR_INVALID, "usage: projector_drill %s", program.usage);
}

int main(int argc, char **argv)
{
    struct ev_config *config = NULL;
    struct ev_error error = {0};
    const char *const *words;
    int answer = ev_config_load(&program, argc, argv, &config, &error);
    if (answer > 0)
        return EXIT_OK;
    struct drill drill = {.config = config};
    if (answer == 0) {
        ev_log_init(program.name, EV_LOG_WARN);
        drill.prefix = ev_config_string(config, "topic-prefix");
        drill.kafka = (struct ev_kafka_config){.brokers = ev_config_string(config, "kafka-brokers"),
                                               .topic_prefix = drill.prefix,
                                               .properties = ev_config_kafka(config),
                                               .client_id = program.name};
        answer = ev_registry_create(ev_config_string(config, "schema-registry-url"), NULL, &drill.registry, &error);
    }
    if (answer == 0)
        answer = mongo_pool_create(ev_config_string(config, "mongodb-uri"), &drill.mongo, &error);
    if (answer == 0)
        answer = run(&drill, words, ev_config_positional(config, &words), &error);
    if (answer < 0)
        fprintf(stderr, "projector_drill: %s\n", error.message);
    mongo_pool_destroy(drill.mongo);
    ev_registry_destroy(drill.registry);
    ev_config_destroy(config);
    return answer == 0 ? EXIT_OK : answer == EV_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}
