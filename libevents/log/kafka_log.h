/* The log port over librdkafka, for one event loop: an idempotent producer for all topics and partitions of the loop, a
 * consumer for catching up and gaps, end offsets by the admin interface. Nothing here blocks the loop. Single-threaded:
 * everything is called on the loop that made it, and answers (ev_log_listener) come from within ev_kafka_log_poll
 * alone. librdkafka's own threads wake the loop by a file descriptor.
 *
 * Every record carries Kafka headers by the CloudEvents Kafka binding: ce_specversion, ce_id (command id), ce_source
 * (topic), ce_type (full name of the first event), ce_time, ce_subject (stream id), content-type, and traceparent where
 * there is one. */
#pragma once

#include "log/kafka.h"
#include "log/port.h"

#define EV_KAFKA_LOG_TOPICS_MAX 16
#define EV_KAFKA_LOG_QUEUE_MESSAGES_MAX 100000                  /* not answered, all partitions; beyond: LIMIT */
#define EV_KAFKA_LOG_QUEUE_BYTES_MAX ((size_t)64 * 1024 * 1024) /* to be sent, and as many that librdkafka has */
#define EV_KAFKA_LOG_OVERHEAD_BYTES_MAX ((size_t)4096)          /* of a record: headers and what Kafka adds */
#define EV_KAFKA_LOG_FETCH_BYTES_MAX ((size_t)1024 * 1024)      /* queued ahead per partition that is being read */
#define EV_KAFKA_LOG_POLL_RECORDS_MAX 1000                      /* handed out per poll, so that the loop breathes */
#define EV_KAFKA_LOG_POLL_REPORTS_MAX 10000
#define EV_KAFKA_LOG_END_OFFSET_TIMEOUT_MS 4000
#define EV_KAFKA_LOG_STUCK_MS 8000 /* a purge makes a new producer when a partition had no report for so long … */
#define EV_KAFKA_LOG_RENEW_MIN_MS 10000 /* … and the producer is at least so old */
#define EV_KAFKA_LOG_RETIRED_MAX 4      /* old producers that wind down at the same time */

struct ev_kafka_log;
struct ev_kafka_log_options {
    struct ev_kafka_config kafka;
    int64_t linger_ms; /* default 0 */
};

int ev_kafka_log_create(const struct ev_kafka_log_options *options, struct ev_kafka_log **ret, struct ev_error *error);
/* Appends that have no answer yet get none. Waits for librdkafka's threads to end, up to seconds. */
void ev_kafka_log_destroy(struct ev_kafka_log *log);
/* The port for one topic ("orderlog.order"), owned by the log; at most EV_KAFKA_LOG_TOPICS_MAX. Asking twice for a
 * topic is INVALID. */
int ev_kafka_log_open(struct ev_kafka_log *log, const char *topic, int32_t partition_count, struct ev_log_port **ret,
                      struct ev_error *error);

/* Readable when ev_kafka_log_poll has something to do. Level-triggered, owned by the log. */
int ev_kafka_log_fd(const struct ev_kafka_log *log);
/* Hands out what has come, without waiting. Returns how many answers that were; the descriptor stays readable if there
 * is more. */
size_t ev_kafka_log_poll(struct ev_kafka_log *log);

struct ev_kafka_log_stats {
    int64_t queued_messages;  /* appended, no report yet */
    int64_t appended, failed; /* reports since the start */
    int64_t producers;        /* made since the start: more than 1 after fatal errors */
    int64_t records_read, reads, end_offset_calls;
};
void ev_kafka_log_stats(const struct ev_kafka_log *log, struct ev_kafka_log_stats *ret);
/* The last error that librdkafka told of (broker down, fatal); code NONE: none yet. */
const struct ev_error *ev_kafka_log_last_error(const struct ev_kafka_log *log);
