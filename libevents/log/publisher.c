#include "log/publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "log/kafka_admin.h"

struct kafka_publisher {
    struct ev_publisher port;
    struct ev_kafka_config kafka;
    char topic[EV_TOPIC_NAME_MAX + 1];
    int32_t replication_factor;
    const char *const *headers;
    rd_kafka_t *producer;
    rd_kafka_queue_t *queue; /* of the producer's events */
    rd_kafka_topic_t *to;
    size_t unacknowledged;
    struct ev_error failure; /* code 0: none since open */
};

static struct kafka_publisher *publisher_of(struct ev_publisher *self)
{
    return (struct kafka_publisher *)self;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the producer --- */

static void producer_close(struct kafka_publisher *self)
{
    if (!self->producer)
        return;
    (void)rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (self->to)
        rd_kafka_topic_destroy(self->to);
    rd_kafka_queue_destroy(self->queue);
    rd_kafka_destroy(self->producer);
    self->producer = NULL;
    self->queue = NULL;
    self->to = NULL;
    self->unacknowledged = 0;
}

/* message.timeout.ms=0: no record is given up, so none after it can pass it. Where one is refused for good all the
 * same, the gapless guarantee ends the producer instead of going on behind it. */
static int producer_create(struct kafka_publisher *self, struct ev_error *error)
{
    char messages[24], kbytes[24], record[24];
    snprintf(messages, sizeof(messages), "%d", EV_PUBLISHER_QUEUE_MESSAGES_MAX);
    snprintf(kbytes, sizeof(kbytes), "%zu", EV_PUBLISHER_QUEUE_BYTES_MAX / 1024);
    snprintf(record, sizeof(record), "%zu", EV_PUBLISHER_RECORD_BYTES_MAX);
    const char *const defaults[] = {
        "linger.ms",
        "5",
        "socket.nagle.disable",
        "true",
        "socket.timeout.ms",
        "10000",
        "reconnect.backoff.ms",
        "50",
        "reconnect.backoff.max.ms",
        "1000",
        "queue.buffering.max.messages",
        messages,
        "queue.buffering.max.kbytes",
        kbytes,
        "topic.metadata.propagation.max.ms",
        "5000",
        NULL,
    };
    const char *const required[] = {
        "enable.idempotence", "true", "enable.gapless.guarantee", "true", "acks", "all",
        "message.timeout.ms", "0",    "message.max.bytes",        record, NULL,
    };
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(&self->kafka, defaults, required, &conf, error);
    if (r < 0)
        return r;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    r = ev_kafka_client_create(RD_KAFKA_PRODUCER, conf, &self->producer, error);
    if (r < 0)
        return r;
    self->queue = rd_kafka_queue_get_main(self->producer);
    self->to = rd_kafka_topic_new(self->producer, self->topic, NULL);
    return self->to ? 0 : ev_kafka_error(error, rd_kafka_last_error(), self->topic, NULL);
}

/* Kept whatever its age and size: the last record of each partition is what a restart goes by. */
static int topic_ensure(struct kafka_publisher *self, int32_t partitions, int64_t timeout_ms, struct ev_error *error)
{
    char bytes[24];
    struct ev_topic_info info;
    snprintf(bytes, sizeof(bytes), "%zu", EV_PUBLISHER_RECORD_BYTES_MAX + 1024 * 1024);
    const char *const settings[] = {
        "cleanup.policy", "delete", "retention.ms", "-1", "retention.bytes", "-1", "max.message.bytes", bytes, NULL};
    int r = ev_kafka_admin_describe(self->producer, self->topic, timeout_ms, &info, error);
    if (r == EV_ERR_NOT_FOUND) {
        r = ev_kafka_admin_make_topic(self->producer, self->topic, partitions, self->replication_factor, settings,
                                      timeout_ms, error);
        info.partitions = partitions;
        if (r > 0) /* somebody else made it a moment ago */
            r = ev_kafka_admin_describe(self->producer, self->topic, timeout_ms, &info, error);
    }
    if (r < 0)
        return r;
    if (info.partitions != partitions)
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "topic %s has %d partitions, the log that it is made from has %d: delete it, and it is "
                            "written anew",
                            self->topic, (int)info.partitions, (int)partitions);
    return 0;
}

static int kafka_open(struct ev_publisher *port, int32_t partitions, int64_t timeout_ms, struct ev_error *error)
{
    struct kafka_publisher *self = publisher_of(port);
    producer_close(self);
    self->failure = (struct ev_error){0};
    int r = producer_create(self, error);
    return r < 0 ? r : topic_ensure(self, partitions, timeout_ms, error);
}

/* --- the end of a partition --- */

static int consumer_create(const struct kafka_publisher *self, rd_kafka_t **ret, struct ev_error *error)
{
    static const char *const defaults[] = {"fetch.wait.max.ms", "10", "group.id", "orderlog.publisher", NULL};
    static const char *const required[] = {"enable.auto.commit", "false", "auto.offset.reset", "error", NULL};
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(&self->kafka, defaults, required, &conf, error);
    return r < 0 ? r : ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, ret, error);
}

static int mark_of(const struct kafka_publisher *self, const rd_kafka_message_t *message, struct ev_arena *arena,
                   struct ev_str *ret, struct ev_error *error)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, EV_PUBLISHER_MARK_HEADER, &value, &length) || length == 0 ||
        length > EV_PUBLISHER_MARK_MAX)
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "topic %s, partition %d, offset %" PRId64 ": the last record was written by somebody else",
                            self->topic, (int)message->partition, message->offset);
    *ret = ev_arena_copy(arena, (struct ev_str){value, length});
    return 0;
}

/* The record before `end`. */
static int mark_read(const struct kafka_publisher *self, rd_kafka_t *consumer, int32_t partition, int64_t end,
                     int64_t timeout_ms, struct ev_arena *arena, struct ev_str *ret, struct ev_error *error)
{
    int64_t until = now_ms() + timeout_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, self->topic, partition)->offset = end - 1;
    rd_kafka_resp_err_t err = rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return ev_kafka_error(error, err, self->topic, NULL);
    for (int64_t left = timeout_ms; left > 0; left = until - now_ms()) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, (int)left);
        if (!message)
            continue;
        int r = message->err ? ev_kafka_error(error, message->err, self->topic, rd_kafka_message_errstr(message))
                             : mark_of(self, message, arena, ret, error);
        rd_kafka_message_destroy(message);
        return r;
    }
    return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE,
                                  "%s, partition %d: the last record didn't come in %" PRId64 " ms", self->topic,
                                  (int)partition, timeout_ms);
}

static int kafka_last_mark(struct ev_publisher *port, int32_t partition, int64_t timeout_ms, struct ev_arena *arena,
                           struct ev_str *ret, struct ev_error *error)
{
    struct kafka_publisher *self = publisher_of(port);
    int64_t first = 0, end = 0;
    rd_kafka_t *consumer;
    *ret = EV_STR_NULL;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(self->producer, self->topic, partition, &first, &end, (int)timeout_ms);
    if (err)
        return ev_kafka_error(error, err, self->topic, "its end isn't known");
    if (end == 0)
        return 0;
    if (first == end)
        return ev_error_set(
            error, EV_ERR_CONFLICT,
            "topic %s, partition %d: its records are gone, and with them how far it came; keep the last "
            "ones, or delete the topic: it is then written anew from the log's start",
            self->topic, (int)partition);
    int r = consumer_create(self, &consumer, error);
    if (r < 0)
        return r;
    r = mark_read(self, consumer, partition, end, timeout_ms, arena, ret, error);
    rd_kafka_destroy_flags(consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return r;
}

/* --- sending --- */

static rd_kafka_headers_t *headers_of(const struct kafka_publisher *self, const char *mark)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    for (const char *const *pair = self->headers; pair && pair[0]; pair += 2)
        (void)rd_kafka_header_add(headers, pair[0], -1, pair[1], -1);
    (void)rd_kafka_header_add(headers, EV_PUBLISHER_MARK_HEADER, -1, mark, -1);
    return headers;
}

static int kafka_send(struct ev_publisher *port, int32_t partition, struct ev_str key, struct ev_str value,
                      const char *mark, struct ev_error *error)
{
    struct kafka_publisher *self = publisher_of(port);
    if (self->failure.code || !self->producer) {
        *error = self->failure;
        return self->failure.code ? self->failure.code
                                  : ev_error_set(error, EV_ERR_INTERNAL, "%s isn't open", self->topic);
    }
    rd_kafka_headers_t *headers = headers_of(self, mark);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        self->producer, RD_KAFKA_V_RKT(self->to), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.length ? key.data : NULL, key.length),
        RD_KAFKA_V_VALUE((void *)value.data, value.length), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (err) {
        rd_kafka_headers_destroy(headers);
        return ev_kafka_error(error, err, self->topic, NULL);
    }
    self->unacknowledged++;
    return 0;
}

static void take_reports(struct kafka_publisher *self, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *messages[64];
    size_t count;
    while ((count = rd_kafka_event_message_array(event, messages, 64)) > 0) {
        self->unacknowledged -= count;
        for (size_t i = 0; i < count && !self->failure.code; i++)
            if (messages[i]->err)
                (void)ev_kafka_error(&self->failure, messages[i]->err, self->topic, "a record wasn't taken");
    }
}

/* Most errors are news of brokers that come and go. */
static void take_error(struct kafka_publisher *self, rd_kafka_event_t *event)
{
    char why[256] = "";
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    if (err != RD_KAFKA_RESP_ERR__FATAL && !rd_kafka_event_error_is_fatal(event))
        return;
    err = rd_kafka_fatal_error(self->producer, why, sizeof(why));
    if (!self->failure.code)
        (void)ev_error_set_retriable(&self->failure, EV_ERR_UNAVAILABLE, "%s: the producer has failed: %s %s",
                                     self->topic, rd_kafka_err2name(err), why);
}

static int kafka_serve(struct ev_publisher *port, int64_t timeout_ms, struct ev_error *error)
{
    struct kafka_publisher *self = publisher_of(port);
    rd_kafka_event_t *event;
    while (self->queue && (event = rd_kafka_queue_poll(self->queue, (int)timeout_ms))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            take_reports(self, event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            take_error(self, event);
        rd_kafka_event_destroy(event);
        timeout_ms = 0;
    }
    if (!self->failure.code)
        return 0;
    *error = self->failure;
    return self->failure.code;
}

static size_t kafka_unacknowledged(const struct ev_publisher *port)
{
    return ((const struct kafka_publisher *)port)->unacknowledged;
}

static void kafka_destroy(struct ev_publisher *port)
{
    struct kafka_publisher *self = publisher_of(port);
    producer_close(self);
    free(self);
}

int ev_kafka_publisher_create(const struct ev_kafka_publisher_options *options, struct ev_publisher **ret,
                              struct ev_error *error)
{
    if (strlen(options->topic) > EV_TOPIC_NAME_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "the topic's name is longer than %d bytes", EV_TOPIC_NAME_MAX);
    struct kafka_publisher *self = ev_memory_new(struct kafka_publisher);
    self->port = (struct ev_publisher){
        .open = kafka_open,
        .last_mark = kafka_last_mark,
        .send = kafka_send,
        .serve = kafka_serve,
        .unacknowledged = kafka_unacknowledged,
        .destroy = kafka_destroy,
    };
    self->kafka = options->kafka;
    self->replication_factor = options->replication_factor;
    self->headers = options->headers;
    snprintf(self->topic, sizeof(self->topic), "%s", options->topic);
    *ret = &self->port;
    return 0;
}
