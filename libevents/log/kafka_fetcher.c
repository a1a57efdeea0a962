/* Reading for owners: catching up and gaps, and following for standbys. librdkafka's simple consumer, because each
 * partition starts and stops on its own, at an offset that is given, with no group. All records come by one queue.
 *
 * Two of them: a read that ends is told of the end when a fetch came back with nothing, so it must not wait long; one
 * that follows would burn the processor that way. Who follows isn't in a hurry: it takes what a tenth of a second has
 * brought at once, instead of a fetch for each group of records, which costs the broker more than the group. */
#include <stdio.h>

#include "log/kafka_log_internal.h"

#define BATCH 256

static int create_topic(struct ev_kafka_fetcher *fetcher, struct ev_kafka_port *port, struct ev_error *error)
{
    char why[256];
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    rd_kafka_topic_conf_set_opaque(conf, port);
    if (rd_kafka_topic_conf_set(conf, "auto.offset.reset", "error", why, sizeof(why)) != RD_KAFKA_CONF_OK) {
        rd_kafka_topic_conf_destroy(conf);
        return ev_error_set(error, EV_ERR_INTERNAL, "auto.offset.reset: %s", why);
    }
    fetcher->topics[port->index] = rd_kafka_topic_new(fetcher->rk, port->topic, conf);
    if (fetcher->topics[port->index])
        return 0;
    rd_kafka_topic_conf_destroy(conf);
    return ev_kafka_error(error, rd_kafka_last_error(), port->topic, NULL);
}

static int create(struct ev_kafka_log *log, struct ev_kafka_fetcher *fetcher, struct ev_error *error)
{
    char kbytes[24], bytes[24];
    snprintf(kbytes, sizeof(kbytes), "%zu", EV_KAFKA_LOG_FETCH_BYTES_MAX / 1024);
    snprintf(bytes, sizeof(bytes), "%zu", EV_KAFKA_LOG_FETCH_BYTES_MAX);
    const char *const defaults[] = {
        /* After a change of leaders a partition may be waited for in vain until this passes: 5 minutes by default. */
        "topic.metadata.refresh.interval.ms",
        "2000",
        "fetch.wait.max.ms",
        fetcher->wait_ms,
        "fetch.min.bytes",
        fetcher->min_bytes,
        "fetch.queue.backoff.ms",
        "2",
        "fetch.error.backoff.ms",
        "50",
        "queued.min.messages",
        "10000",
        "queued.max.messages.kbytes",
        kbytes,
        "fetch.message.max.bytes",
        bytes,
        "socket.nagle.disable",
        "true",
        "socket.timeout.ms",
        "10000",
        "reconnect.backoff.ms",
        "50",
        "reconnect.backoff.max.ms",
        "1000",
        "topic.metadata.propagation.max.ms",
        "5000",
        NULL,
    };
    const char *const required[] = {
        "enable.partition.eof",
        "true",
        "isolation.level",
        "read_uncommitted",
        "enable.auto.commit",
        "false",
        "check.crcs",
        "true",
        NULL,
    };
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(&log->kafka, defaults, required, &conf, error);
    if (r < 0)
        return r;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    r = ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, &fetcher->rk, error);
    if (r < 0)
        return r;
    fetcher->queue = rd_kafka_queue_new(fetcher->rk);
    fetcher->main_queue = rd_kafka_queue_get_main(fetcher->rk);
    ev_kafka_log_watch(log, fetcher->queue);
    ev_kafka_log_watch(log, fetcher->main_queue);
    return 0;
}

static void stop(struct ev_kafka_port *port, int32_t partition)
{
    struct ev_kafka_port_partition *state = &port->partitions[partition];
    if (!state->read_tag)
        return;
    state->read_tag = 0;
    (void)rd_kafka_consume_stop(state->reader->topics[port->index], partition);
}

void ev_kafka_fetcher_stop(struct ev_log_port *port, int32_t partition)
{
    stop((struct ev_kafka_port *)port, partition);
}

int ev_kafka_fetcher_read(struct ev_log_port *port, int32_t partition, uint64_t tag, int64_t from, int64_t until,
                          struct ev_error *error)
{
    struct ev_kafka_port *self = (struct ev_kafka_port *)port;
    struct ev_kafka_log *log = self->log;
    struct ev_kafka_port_partition *state = &self->partitions[partition];
    struct ev_kafka_fetcher *fetcher = until == EV_LOG_FOLLOW ? &log->follower : &log->fetcher;
    if (!fetcher->rk && create(log, fetcher, error) < 0)
        return error->code;
    if (!fetcher->topics[self->index] && create_topic(fetcher, self, error) < 0)
        return error->code;
    stop(self, partition);
    if (rd_kafka_consume_start_queue(fetcher->topics[self->index], partition, from, fetcher->queue) != 0)
        return ev_kafka_error(error, rd_kafka_last_error(), self->topic, NULL);
    state->read_tag = tag;
    state->reader = fetcher;
    state->read_until = until;
    state->read_batch = fetcher->batch;
    log->stats.reads++;
    return 0;
}

static void done(struct ev_kafka_port *port, int32_t partition, int64_t next, const struct ev_error *error)
{
    uint64_t tag = port->partitions[partition].read_tag;
    stop(port, partition);
    if (port->port.listener.read_done)
        port->port.listener.read_done(port->port.listener.context, partition, tag, next, error);
}

static void hand_out(struct ev_kafka_log *log, const struct ev_kafka_fetcher *fetcher,
                     const rd_kafka_message_t *message)
{
    struct ev_kafka_port *port = rd_kafka_topic_opaque(message->rkt);
    int32_t partition = message->partition;
    struct ev_kafka_port_partition *state = &port->partitions[partition];
    struct ev_error error = {0};
    uint64_t tag = state->read_tag;
    if (!tag || state->reader != fetcher || state->read_batch == fetcher->batch)
        return; /* of a read that is over */
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->offset >= state->read_until)
            done(port, partition, message->offset, NULL);
        return;
    }
    if (message->err) {
        (void)ev_kafka_error(&error, message->err, port->topic, rd_kafka_message_errstr(message));
        done(port, partition, 0, &error);
        return;
    }
    if (state->read_until < 0 || message->offset < state->read_until) {
        log->stats.records_read++;
        if (port->port.listener.record)
            port->port.listener.record(port->port.listener.context, partition, tag, message->offset,
                                       (struct ev_str){message->payload ? message->payload : "", message->len});
    }
    /* The listener may have started another read. */
    if (state->read_tag == tag && state->read_until >= 0 && message->offset + 1 >= state->read_until)
        done(port, partition, message->offset + 1, NULL);
}

static void note_errors(struct ev_kafka_log *log, struct ev_kafka_fetcher *fetcher)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(fetcher->main_queue, 0))) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            (void)ev_kafka_error(&log->last_error, rd_kafka_event_error(event), "consumer",
                                 rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
    }
}

size_t ev_kafka_fetcher_poll(struct ev_kafka_log *log, struct ev_kafka_fetcher *fetcher)
{
    rd_kafka_message_t *messages[BATCH];
    size_t total = 0;
    if (!fetcher->rk)
        return 0;
    note_errors(log, fetcher);
    /* Looking at the length first spares an idle consumer the system call that librdkafka makes for a batch. */
    while (total < EV_KAFKA_LOG_POLL_RECORDS_MAX && rd_kafka_queue_length(fetcher->queue) > 0) {
        ssize_t count = rd_kafka_consume_batch_queue(fetcher->queue, 0, messages, BATCH);
        if (count <= 0)
            return total;
        fetcher->batch = ++fetcher->batches;
        for (ssize_t i = 0; i < count; i++) {
            hand_out(log, fetcher, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
        fetcher->batch = 0;
        total += (size_t)count;
    }
    if (total >= EV_KAFKA_LOG_POLL_RECORDS_MAX)
        ev_kafka_log_wake(log);
    return total;
}

void ev_kafka_fetcher_destroy(struct ev_kafka_log *log, struct ev_kafka_fetcher *fetcher)
{
    if (!fetcher->rk)
        return;
    for (int i = 0; i < log->port_count; i++) {
        for (int32_t partition = 0; partition < log->ports[i]->partition_count; partition++)
            if (log->ports[i]->partitions[partition].reader == fetcher)
                stop(log->ports[i], partition);
        if (fetcher->topics[i])
            rd_kafka_topic_destroy(fetcher->topics[i]);
    }
    rd_kafka_queue_io_event_enable(fetcher->queue, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(fetcher->main_queue, -1, NULL, 0);
    rd_kafka_queue_destroy(fetcher->queue);
    rd_kafka_queue_destroy(fetcher->main_queue);
    rd_kafka_destroy(fetcher->rk);
    fetcher->rk = NULL;
}
