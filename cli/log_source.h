/* Reading the whole log, or a part of it, for the subcommands tail, stream and reconcile. */
#pragma once

#include "cli/cli.h"
#include "log/reader.h"

#define LOG_SOURCE_OPTIONS                                                                                             \
    {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers of Kafka", 0, 0},                         \
        {"schema-registry-url",                                                                                        \
         EV_CONFIG_STRING,                                                                                             \
         "http://127.0.0.1:8085/apis/ccompat/v7",                                                                      \
         "schema registry, Confluent API",                                                                             \
         0,                                                                                                            \
         0},                                                                                                           \
        {"schema-cache",                                                                                               \
         EV_CONFIG_STRING,                                                                                             \
         NULL,                                                                                                         \
         "file that keeps the registry's schemas, for when it is away; one for each registry",                         \
         0,                                                                                                            \
         0},                                                                                                           \
    {                                                                                                                  \
        "topic-prefix", EV_CONFIG_STRING, "orderlog", "namespace of the topics", 0, 0                                  \
    }

enum log_source_from { LOG_SOURCE_FROM_START, LOG_SOURCE_FROM_END };

struct log_source {
    const struct ev_topic_schema *topic;
    struct ev_registry *registry;
    struct ev_reader *reader;
    int32_t partition_count;
    int64_t *until; /* per partition: the end when the source was opened */
    int64_t total;  /* records from the beginning to those ends */
};

int log_source_open(const struct ev_config *config, const struct ev_topic_schema *topic, enum log_source_from from,
                    bool include_void, struct log_source *ret, struct ev_error *error);
void log_source_close(struct log_source *source);

/* Calls `each` for every record up to the ends noted at opening; stops when it returns non-zero, and returns that.
 * `partition` < 0: all. */
int log_source_scan(struct log_source *source, int32_t partition,
                    int (*each)(void *context, const struct ev_log_record *record), void *context,
                    struct ev_error *error);

/* One line of JSON: topic, partition, offset, then the commit. */
void log_source_print(const struct ev_topic_schema *topic, const struct ev_log_record *record);
