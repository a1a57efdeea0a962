/* End offsets by the asynchronous admin call: one call at a time for all partitions that ask, over the producer's
 * connections (those of the fetcher may be waiting for records). */
#include <string.h>

#include "log/kafka_log_internal.h"

static void answer(struct ev_kafka_port *port, int32_t partition, int64_t end, const struct ev_error *error)
{
    uint64_t tag = port->partitions[partition].end_asked;
    port->partitions[partition].end_asked = 0;
    port->log->end_asked--;
    if (port->port.listener.end_offset)
        port->port.listener.end_offset(port->port.listener.context, partition, tag, end, error);
}

static void fail_asked(struct ev_kafka_log *log, const struct ev_error *error)
{
    log->end_asked++; /* what is asked from within an answer waits until all answers were given */
    for (int i = 0; i < log->port_count && log->end_asked > 1; i++) {
        struct ev_kafka_port *port = log->ports[i];
        for (int32_t partition = 0; partition < port->partition_count; partition++) {
            if (port->partitions[partition].end_asked)
                answer(port, partition, -1, error);
        }
    }
    log->end_asked--;
}

void ev_kafka_offsets_fail(struct ev_kafka_log *log, const struct ev_error *error)
{
    fail_asked(log, error);
    ev_kafka_offsets_send(log);
}

void ev_kafka_offsets_send(struct ev_kafka_log *log)
{
    if (log->end_wanted == 0 || log->end_asked > 0 || !log->producer.rk)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)log->end_wanted);
    for (int i = 0; i < log->port_count; i++) {
        struct ev_kafka_port *port = log->ports[i];
        for (int32_t partition = 0; partition < port->partition_count && log->end_wanted > 0; partition++) {
            struct ev_kafka_port_partition *state = &port->partitions[partition];
            if (!state->end_wanted)
                continue;
            rd_kafka_topic_partition_list_add(list, port->topic, partition)->offset = RD_KAFKA_OFFSET_SPEC_LATEST;
            state->end_asked = state->end_wanted;
            state->end_wanted = 0;
            log->end_wanted--;
            log->end_asked++;
        }
    }
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(log->producer.rk, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, EV_KAFKA_LOG_END_OFFSET_TIMEOUT_MS, NULL, 0);
    rd_kafka_ListOffsets(log->producer.rk, list, options, log->producer.queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_topic_partition_list_destroy(list);
    log->stats.end_offset_calls++;
}

int ev_kafka_offsets_ask(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_error *error)
{
    struct ev_kafka_port *self = (struct ev_kafka_port *)port;
    struct ev_kafka_log *log = self->log;
    if (!log->producer.rk)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s", log->last_error.message);
    if (!self->partitions[partition].end_wanted)
        log->end_wanted++;
    self->partitions[partition].end_wanted = tag; /* the newest question is the one that counts */
    ev_kafka_offsets_send(log);
    return 0;
}

static struct ev_kafka_port *port_of(struct ev_kafka_log *log, const char *topic)
{
    for (int i = 0; i < log->port_count; i++) {
        if (strcmp(log->ports[i]->topic, topic) == 0)
            return log->ports[i];
    }
    return NULL;
}

static void answer_one(struct ev_kafka_log *log, const rd_kafka_ListOffsetsResultInfo_t *info)
{
    const rd_kafka_topic_partition_t *place = rd_kafka_ListOffsetsResultInfo_topic_partition(info);
    struct ev_kafka_port *port = port_of(log, place->topic);
    struct ev_error error = {0};
    if (!port || place->partition < 0 || place->partition >= port->partition_count ||
        !port->partitions[place->partition].end_asked)
        return;
    if (place->err)
        (void)ev_kafka_error(&error, place->err, port->topic, NULL);
    else if (place->offset < 0)
        (void)ev_error_set_retriable(&error, EV_ERR_UNAVAILABLE, "%s: the broker told no end offset", port->topic);
    answer(port, place->partition, place->offset, error.code ? &error : NULL);
}

size_t ev_kafka_offsets_answer(struct ev_kafka_log *log, rd_kafka_event_t *event)
{
    struct ev_error error = {0};
    size_t asked = log->end_asked, count = 0;
    log->end_asked++; /* as above */
    if (rd_kafka_event_error(event)) {
        (void)ev_kafka_error(&error, rd_kafka_event_error(event), "end offsets", rd_kafka_event_error_string(event));
    } else {
        const rd_kafka_ListOffsets_result_t *result = rd_kafka_event_ListOffsets_result(event);
        const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(result, &count);
        for (size_t i = 0; i < count; i++)
            answer_one(log, infos[i]);
        (void)ev_error_set_retriable(&error, EV_ERR_UNAVAILABLE, "the broker left a partition out");
    }
    fail_asked(log, &error);
    log->end_asked--;
    ev_kafka_offsets_send(log);
    return asked;
}
