/* Appending. A producer lives until it meets a fatal error or is stuck; the next one starts with a new producer id, and
 * what the old one still had in flight is for the owners to settle: their new fences decide. */
#include <inttypes.h>
#include <stdio.h>

#include "log/kafka_log_internal.h"

#define FATAL_RENEW_MIN_MS 1000 /* a producer that fails at once isn't replaced more often */

static int create_topic(struct ev_kafka_producer *producer, struct ev_kafka_port *port, struct ev_error *error)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    rd_kafka_topic_conf_set_opaque(conf, port);
    producer->topics[port->index] = rd_kafka_topic_new(producer->rk, port->topic, conf);
    if (producer->topics[port->index])
        return 0;
    rd_kafka_topic_conf_destroy(conf);
    return ev_kafka_error(error, rd_kafka_last_error(), port->topic, NULL);
}

rd_kafka_topic_t *ev_kafka_producer_topic(struct ev_kafka_producer *producer, struct ev_kafka_port *port,
                                          struct ev_error *error)
{
    if (!producer->topics[port->index] && create_topic(producer, port, error) < 0)
        return NULL;
    return producer->topics[port->index];
}

int ev_kafka_producer_create(struct ev_kafka_log *log, struct ev_error *error)
{
    char messages[24], kbytes[24], record[24];
    snprintf(messages, sizeof(messages), "%d", EV_KAFKA_LOG_QUEUE_MESSAGES_MAX);
    snprintf(kbytes, sizeof(kbytes), "%zu", EV_KAFKA_LOG_QUEUE_BYTES_MAX / 1024);
    snprintf(record, sizeof(record), "%zu", EV_LOG_RECORD_BYTES_MAX);
    const char *const defaults[] = {
        "linger.ms",
        log->linger_ms,
        "compression.type",
        "none",
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
        /* A question for end offsets names the leader's epoch and doesn't have it looked up again when it is told that
         * it has passed: after a change of leaders that would last until the next refresh, 5 minutes by default. */
        "topic.metadata.refresh.interval.ms",
        "2000",
        NULL,
    };
    const char *const required[] = {
        "enable.idempotence",
        "true",
        "acks",
        "all",
        "message.timeout.ms",
        "0",
        "max.in.flight.requests.per.connection",
        "5",
        "message.max.bytes",
        record,
        NULL,
    };
    struct ev_kafka_producer *producer = &log->producer;
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(&log->kafka, defaults, required, &conf, error);
    if (r < 0)
        return r;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    *producer = (struct ev_kafka_producer){0};
    r = ev_kafka_client_create(RD_KAFKA_PRODUCER, conf, &producer->rk, error);
    if (r < 0)
        return r;
    producer->created_ms = ev_kafka_log_now();
    producer->queue = rd_kafka_queue_get_main(producer->rk);
    ev_kafka_log_watch(log, producer->queue);
    for (int i = 0; i < log->port_count && r == 0; i++)
        r = create_topic(producer, log->ports[i], error);
    log->stats.producers++;
    return r;
}

void ev_kafka_producer_destroy(struct ev_kafka_producer *producer)
{
    if (!producer->rk)
        return;
    (void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
    for (int i = 0; i < EV_KAFKA_LOG_TOPICS_MAX; i++) {
        if (producer->topics[i])
            rd_kafka_topic_destroy(producer->topics[i]);
    }
    rd_kafka_queue_destroy(producer->queue);
    rd_kafka_destroy(producer->rk);
    producer->rk = NULL;
}

int ev_kafka_producer_append(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_str key,
                             struct ev_str record, const struct ev_commit *commit, struct ev_error *error)
{
    struct ev_kafka_port *self = (struct ev_kafka_port *)port;
    struct ev_kafka_log *log = self->log;
    struct ev_kafka_port_partition *state = &self->partitions[partition];
    if (!log->producer.rk || log->producer.fatal) {
        ev_kafka_log_wake(log); /* the poll replaces it */
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s", log->last_error.message);
    }
    rd_kafka_headers_t *headers = ev_kafka_headers_create(self->topic, partition, commit);
    if (!headers)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s: no memory for a record's headers", self->topic);
    int r = ev_kafka_outbox_add(self, partition, tag, key, record, headers, error);
    if (r < 0) {
        rd_kafka_headers_destroy(headers);
        return r;
    }
    if (state->unanswered++ == 0)
        state->progress_ms = ev_kafka_log_now();
    log->stats.queued_messages++;
    return 0;
}

/* One stuck partition costs the others of the loop a new fence, so it takes a while. */
void ev_kafka_producer_purge(struct ev_log_port *port, int32_t partition)
{
    struct ev_kafka_port *self = (struct ev_kafka_port *)port;
    struct ev_kafka_port_partition *state = &self->partitions[partition];
    ev_kafka_outbox_forget(state);
    if (state->unanswered == 0 || ev_kafka_log_now() - state->progress_ms < EV_KAFKA_LOG_STUCK_MS)
        return;
    self->log->renew_wanted = true;
    ev_kafka_log_wake(self->log);
}

void ev_kafka_producer_answer(struct ev_kafka_log *log, struct ev_kafka_port_partition *state, uint64_t tag,
                              int64_t offset, const struct ev_error *error)
{
    const struct ev_log_listener *listener = &state->port->port.listener;
    state->unanswered--;
    state->progress_ms = ev_kafka_log_now();
    log->stats.queued_messages--;
    log->stats.appended += !error;
    log->stats.failed += error != NULL;
    if (listener->appended)
        listener->appended(listener->context, state->partition, tag, offset, error);
}

static void report(struct ev_kafka_log *log, const rd_kafka_message_t *message)
{
    struct ev_kafka_port *port = rd_kafka_topic_opaque(message->rkt);
    struct ev_kafka_port_partition *state = &port->partitions[message->partition];
    struct ev_error error = {0};
    state->sent--;
    if (message->err)
        (void)ev_kafka_error(&error, message->err, port->topic, NULL);
    ev_kafka_producer_answer(log, state, (uint64_t)(uintptr_t)message->_private,
                             message->err || message->offset < 0 ? -1 : message->offset, message->err ? &error : NULL);
}

static size_t reports(struct ev_kafka_log *log, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *messages[64];
    size_t count, total = 0;
    while ((count = rd_kafka_event_message_array(event, messages, 64)) > 0) {
        for (size_t i = 0; i < count; i++)
            report(log, messages[i]);
        total += count;
    }
    return total;
}

static void note_error(struct ev_kafka_log *log, struct ev_kafka_producer *producer, rd_kafka_event_t *event)
{
    char why[256] = "";
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    if (err == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event)) {
        err = rd_kafka_fatal_error(producer->rk, why, sizeof(why));
        producer->fatal = true;
    }
    (void)ev_kafka_error(&log->last_error, err, producer->fatal ? "producer failed for good" : "producer",
                         why[0] ? why : rd_kafka_event_error_string(event));
}

static size_t serve(struct ev_kafka_log *log, struct ev_kafka_producer *producer, size_t max)
{
    size_t answers = 0;
    rd_kafka_event_t *event;
    while (answers < max && (event = rd_kafka_queue_poll(producer->queue, 0))) {
        rd_kafka_event_type_t type = rd_kafka_event_type(event);
        if (type == RD_KAFKA_EVENT_DR)
            answers += reports(log, event);
        else if (type == RD_KAFKA_EVENT_ERROR)
            note_error(log, producer, event);
        else if (type == RD_KAFKA_EVENT_LISTOFFSETS_RESULT && producer == &log->producer)
            answers += ev_kafka_offsets_answer(log, event);
        rd_kafka_event_destroy(event);
    }
    if (answers >= max)
        ev_kafka_log_wake(log);
    return answers;
}

/* --- replacing it --- */

static void *end_thread(void *argument)
{
    struct ev_kafka_producer *producer = argument;
    ev_kafka_producer_destroy(producer); /* waits for librdkafka's threads: not on the loop */
    atomic_store(&producer->ended, true);
    return NULL;
}

static struct ev_kafka_producer *retired_slot(struct ev_kafka_log *log)
{
    for (int i = 0; i < EV_KAFKA_LOG_RETIRED_MAX; i++) {
        if (!log->retired[i].ending && !log->retired[i].rk)
            return &log->retired[i];
    }
    return NULL;
}

static size_t serve_retired(struct ev_kafka_log *log)
{
    size_t answers = 0;
    for (int i = 0; i < EV_KAFKA_LOG_RETIRED_MAX; i++) {
        struct ev_kafka_producer *producer = &log->retired[i];
        if (producer->ending && atomic_load(&producer->ended)) {
            pthread_join(producer->thread, NULL);
            *producer = (struct ev_kafka_producer){0};
        }
        if (producer->ending || !producer->rk) /* in this order: while it ends, it is the thread's */
            continue;
        answers += serve(log, producer, EV_KAFKA_LOG_POLL_REPORTS_MAX);
        if (rd_kafka_outq_len(producer->rk) == 0)
            producer->ending = pthread_create(&producer->thread, NULL, end_thread, producer) == 0;
    }
    return answers;
}

static void renew(struct ev_kafka_log *log)
{
    struct ev_kafka_producer *slot = retired_slot(log);
    int64_t age = ev_kafka_log_now() - log->producer.created_ms;
    struct ev_error error = {0};
    if (log->producer.rk && !slot)
        return;
    if (age < (log->producer.fatal ? FATAL_RENEW_MIN_MS : EV_KAFKA_LOG_RENEW_MIN_MS))
        return;
    log->renew_wanted = false;
    (void)ev_error_set_retriable(&error, EV_ERR_UNAVAILABLE, "the producer is being replaced");
    if (log->producer.rk) {
        (void)rd_kafka_purge(log->producer.rk,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
        *slot = log->producer;
    }
    if (ev_kafka_producer_create(log, &error) < 0) {
        log->last_error = error; /* tried again with the next poll: it counts as failed */
        log->producer.fatal = true;
        log->producer.created_ms = ev_kafka_log_now();
    }
    ev_kafka_offsets_fail(log, &error);
}

size_t ev_kafka_producer_poll(struct ev_kafka_log *log)
{
    size_t answers = 0;
    if (log->producer.rk)
        answers += serve(log, &log->producer, EV_KAFKA_LOG_POLL_REPORTS_MAX);
    if (log->producer.fatal || log->renew_wanted)
        renew(log);
    answers += serve_retired(log);
    return answers + ev_kafka_outbox_send(log);
}
