/* Event topics: how they must be, making them, and refusing those that are otherwise. Blocking, for start-up and tools.
 *
 * An event topic holds the truth for ever: retention.ms=-1, retention.bytes=-1, cleanup.policy=delete, its first offset
 * is 0, and its partition count never changes, because a stream's partition is computed from it. Kafka itself would let
 * anyone add partitions or make a topic anew, so what a topic was made as is written down in PREFIX.meta, a compacted
 * topic with one partition: key = topic, value = {"topic", "partitions", "topic_id"} in JSON. (Not as a topic
 * configuration: brokers refuse names they don't know. Not in a file: it must lie beside the topic that it describes.)
 */
#pragma once

#include <stdint.h>

#include "core/error.h"
#include "log/kafka.h"

#define EV_TOPIC_NAME_MAX 249 /* Kafka's bound */
#define EV_TOPIC_PARTITIONS_MAX 1024
#define EV_TOPIC_ID_MAX 64

struct ev_topic_options {
    int32_t partitions;
    int32_t replication_factor;
    int32_t min_insync_replicas;
    int64_t timeout_ms;
};

struct ev_topic_info {
    int32_t partitions;
    char topic_id[EV_TOPIC_ID_MAX]; /* Kafka's, base64 */
};

/* Writes PREFIX.NAME. INVALID when that is no topic name. */
int ev_topic_full_name(const struct ev_kafka_config *kafka, const char *name, char ret[EV_TOPIC_NAME_MAX + 1],
                       struct ev_error *error);
/* Makes PREFIX.NAME and writes it down, where it doesn't exist; then checks it like ev_topic_check. Safe when several
 * processes do so at once. An existing topic keeps its partition count: options->partitions is for new ones. */
int ev_topic_ensure(const struct ev_kafka_config *kafka, const char *name, const struct ev_topic_options *options,
                    struct ev_topic_info *ret, struct ev_error *error);
/* 0 when the topic is as it must be. NOT_FOUND: there is none. CONFLICT: it is otherwise, the message says what is
 * wrong and what to do. UNAVAILABLE: no broker answered in time. */
int ev_topic_check(const struct ev_kafka_config *kafka, const char *name, int64_t timeout_ms, struct ev_topic_info *ret,
                   struct ev_error *error);
