/* Writing records for others to read: a topic of its own with as many partitions as the log's, in order and without a
 * gap. Each record carries a mark, a short text in its header EV_PUBLISHER_MARK_HEADER, by which a writer that starts
 * anew finds out how far an earlier one came: it reads the partition's last record. So the topic is its own checkpoint.
 *
 * What is promised of one partition: the first occurrences of records are in the order in which they were sent, and
 * none is left out. A record may occur again after a crash, or when a second process publishes at the same time, which
 * nobody prevents: what makes it the same record is the sender's business. One thread at a time per publisher. */
#pragma once

#include "core/arena.h"
#include "core/error.h"
#include "log/kafka.h"

#define EV_PUBLISHER_MARK_HEADER "orderlog-mark"
#define EV_PUBLISHER_MARK_MAX 256
#define EV_PUBLISHER_RECORD_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define EV_PUBLISHER_QUEUE_MESSAGES_MAX 20000
#define EV_PUBLISHER_QUEUE_BYTES_MAX ((size_t)32 * 1024 * 1024)

struct ev_publisher { /* port; ev_kafka_publisher_create makes the real one */
    /* Gets ready to send, for the first time or after a failure: what was on its way is given up. Makes the topic where
     * there is none; CONFLICT when there is one with another number of partitions. */
    int (*open)(struct ev_publisher *self, int32_t partitions, int64_t timeout_ms, struct ev_error *error);
    /* The mark of a partition's last record, in the arena; the null string when nothing was ever written. CONFLICT when
     * it is gone, or isn't ours. */
    int (*last_mark)(struct ev_publisher *self, int32_t partition, int64_t timeout_ms, struct ev_arena *arena,
                     struct ev_str *ret, struct ev_error *error);
    /* Copies what it is given. LIMIT and retriable when the queue is full: serve, and send again. */
    int (*send)(struct ev_publisher *self, int32_t partition, struct ev_str key, struct ev_str value, const char *mark,
                struct ev_error *error);
    /* Takes in acknowledgements, waiting at most so long for the first. An error: nothing more may be sent before the
     * next open. */
    int (*serve)(struct ev_publisher *self, int64_t timeout_ms, struct ev_error *error);
    size_t (*unacknowledged)(const struct ev_publisher *self);
    void (*destroy)(struct ev_publisher *self);
};

struct ev_kafka_publisher_options {
    struct ev_kafka_config kafka;
    const char *topic;          /* full name */
    int32_t replication_factor; /* of a topic that is made; -1: the brokers' default */
    const char *const *headers; /* NULL-terminated name/value pairs of every record, may be NULL; must stay */
};
int ev_kafka_publisher_create(const struct ev_kafka_publisher_options *options, struct ev_publisher **ret,
                              struct ev_error *error);
