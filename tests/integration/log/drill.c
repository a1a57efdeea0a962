/* log_drill: the executor and its log against a real Kafka, for tests/integration/log and for measuring.
 * Prints one JSON object per command. Exit codes: 0 ok, 1 failure, 2 usage. */
#include "drill.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t drill_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void drill_must(int r, const char *what, const struct ev_error *error)
{
    if (r >= 0)
        return;
    fprintf(stderr, "log_drill: %s: %s (%s)\n", what, error->message, ev_error_name(r));
    exit(1);
}

static void on_lost(void *context, int32_t partition)
{
    struct drill_node *node = context;
    (void)partition;
    node->lost++;
}

void drill_node_start(struct drill_node *node, const struct drill *drill, bool unconfirmed)
{
    struct ev_error error = {0};
    struct ev_topic_info info;
    struct ev_log_port *port;
    const struct ev_topic_options wanted = {DRILL_PARTITIONS, 1, 1, DRILL_TIMEOUT_MS};
    drill_must(ev_topic_ensure(&drill->kafka, shelf_topic.name, &wanted, &info, &error), "topic", &error);
    drill_must(ev_topic_full_name(&drill->kafka, shelf_topic.name, node->topic, &error), "topic", &error);
    node->partitions = info.partitions;
    node->lost = 0;
    const struct ev_kafka_log_options log = {.kafka = drill->kafka};
    drill_must(ev_kafka_log_create(&log, &node->log, &error), "log", &error);
    drill_must(ev_kafka_log_open(node->log, node->topic, info.partitions, &port, &error), "log", &error);
    const struct ev_executor_options options = {
        .topic = &shelf_topic,
        .topic_name = node->topic,
        .deciders = shelf_deciders,
        .partition_count = info.partitions,
        .dedup_entries_max = 1000000,
        .dedup_window_ms = 24 * 3600 * 1000,
        .requests_max = 10000,
        .owner_id = drill->name,
        .clock = ev_clock_system,
        .schema_id = SHELF_SCHEMA_ID,
        .schemas = shelf_schemas,
        .on_lost = on_lost,
        .context = node,
        .unconfirmed = unconfirmed,
    };
    drill_must(ev_executor_create(&options, port, &node->executor, &error), "executor", &error);
    for (int32_t i = 0; i < info.partitions; i++)
        ev_executor_acquire(node->executor, i);
}

void drill_node_stop(struct drill_node *node)
{
    ev_executor_destroy(node->executor);
    ev_kafka_log_destroy(node->log);
}

/* What waits for a partition that another has taken goes back to who asked, as in the command API. */
static void hand_back(struct drill_node *node, int32_t partition)
{
    struct ev_partition_status status;
    ev_executor_partition_status(node->executor, partition, &status);
    if (status.state != EV_OWNER_LOST)
        return;
    struct ev_request *request = ev_executor_withdraw(node->executor, partition);
    while (request) {
        struct ev_request *next = request->next;
        struct ev_result result = {.outcome = EV_OUTCOME_FAILED, .partition = partition, .offset = -1};
        (void)ev_error_set_retriable(&result.error, EV_ERR_FENCED, "another node has the partition");
        request->done(request, &result);
        request = next;
    }
}

void drill_node_turn(struct drill_node *node, int64_t wait_ms)
{
    struct pollfd fd = {.fd = ev_kafka_log_fd(node->log), .events = POLLIN};
    if (poll(&fd, 1, (int)wait_ms) > 0)
        (void)ev_kafka_log_poll(node->log);
    static int64_t next_tick;
    int64_t now = drill_now_us() / 1000;
    if (now >= next_tick) {
        (void)ev_executor_tick(node->executor);
        next_tick = now + 10;
    }
    for (int32_t i = 0; i < node->partitions; i++)
        hand_back(node, i);
}

static bool all_served(const struct drill_node *node)
{
    for (int32_t i = 0; i < node->partitions; i++) {
        if (!ev_executor_is_serving(node->executor, i))
            return false;
    }
    return true;
}

void drill_node_serve(struct drill_node *node)
{
    int64_t deadline = drill_now_us() + (int64_t)DRILL_TIMEOUT_MS * 1000;
    while (!all_served(node)) {
        drill_node_turn(node, 10);
        if (drill_now_us() > deadline) {
            struct ev_partition_status status;
            ev_executor_partition_status(node->executor, 0, &status);
            fprintf(stderr, "log_drill: partitions aren't served; partition 0 is %s: %s\n",
                    ev_owner_state_name(status.state), status.last_error.message);
            exit(1);
        }
    }
}

static const struct {
    const char *name, *help;
    int (*run)(const struct drill *drill);
} commands[] = {
    {"write", "COUNT commands over STREAMS shelves, WINDOW in flight; retries what failed until it is answered",
     drill_write},
    {"verify", "reads the topic and checks what it holds", drill_verify},
    {"raw", "the same number of records by librdkafka alone", drill_raw},
    {"ratio", "both in turns: commits per second, and what share of librdkafka's own rate that is", drill_ratio},
    {"fence", "a second owner takes the partitions over from a first one that keeps writing", drill_fence},
    {"reject", "COUNT commands that are refused, WINDOW at a time: what confirmation costs", drill_reject},
};

static int usage(FILE *out)
{
    fprintf(out, "usage: log_drill BROKERS PREFIX COMMAND [count=N] [window=N] [base=N] [streams=N] [payload=N] "
                 "[headers=1] [progress=1] [name=NAME] [kafka.NAME=VALUE …]\n\ncommands:\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
    return out == stderr ? 2 : 0;
}

static void option(struct drill *drill, const char *name, const char *value)
{
    int64_t number = strtoll(value, NULL, 10);
    if (strcmp(name, "count") == 0)
        drill->count = number;
    else if (strcmp(name, "window") == 0)
        drill->window = (int)number;
    else if (strcmp(name, "base") == 0)
        drill->base = number;
    else if (strcmp(name, "streams") == 0)
        drill->streams = (int)number;
    else if (strcmp(name, "payload") == 0)
        drill->payload = (int)number;
    else if (strcmp(name, "headers") == 0)
        drill->headers = number != 0;
    else if (strcmp(name, "progress") == 0)
        drill->progress = number != 0;
    else if (strcmp(name, "name") == 0)
        drill->name = value;
    else
        exit(usage(stderr));
}

int main(int argc, char **argv)
{
    static const char *properties[64];
    struct drill drill = {.name = "drill", .count = 20000, .window = 64, .streams = 200, .payload = 100};
    size_t property_count = 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc < 4)
        return usage(stderr);
    drill.kafka = (struct ev_kafka_config){argv[1], argv[2], properties, "log_drill"};
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return usage(stderr);
        *value++ = '\0';
        if (strncmp(argv[i], "kafka.", 6) != 0) {
            option(&drill, argv[i], value);
        } else if (property_count + 2 < sizeof(properties) / sizeof(properties[0])) {
            properties[property_count++] = argv[i] + 6;
            properties[property_count++] = value;
        }
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[3], commands[i].name) == 0)
            return commands[i].run(&drill);
    }
    return usage(stderr);
}
