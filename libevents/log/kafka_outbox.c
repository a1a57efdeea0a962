/* What is appended waits here until the loop's turn is over and librdkafka can send it at once: records of a partition
 * go in groups, the next group when the one before has been answered.
 *
 * librdkafka would queue them as well, but not quietly: an idempotent producer with five or more messages of a
 * partition in flight sends no more of them, and with linger.ms=0 its broker thread then turns in circles, polling
 * without a pause, until an answer comes (rd_kafka_toppar_producer_serve leaves the wake-up time at "now"). That took
 * half of the process's CPU time under load. A few records (PIPELINED_MAX) may be in flight without a group's end, so
 * that at little load none waits for another. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "log/kafka_log_internal.h"

#define PIPELINED_MAX 4 /* below librdkafka's RD_KAFKA_IDEMP_MAX_INFLIGHT, 5 */

struct ev_kafka_waiting {
    struct ev_kafka_waiting *next;
    uint64_t tag;
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t failed; /* why it won't be sent any more: it only waits to be told of it, in its turn */
    size_t key_length, record_length;
    char bytes[]; /* key, record */
};

static size_t size_of(const struct ev_kafka_waiting *waiting)
{
    return waiting->key_length + waiting->record_length;
}

static bool may_send(const struct ev_kafka_port_partition *state)
{
    return state->sent == 0 || state->sent + state->waiting_count <= PIPELINED_MAX;
}

static void list(struct ev_kafka_outbox *outbox, struct ev_kafka_port_partition *state)
{
    if (state->listed)
        return;
    state->listed = true;
    state->next_listed = outbox->first;
    outbox->first = state;
}

static void wake(struct ev_kafka_log *log)
{
    if (!log->outbox.due)
        ev_kafka_log_wake(log);
    log->outbox.due = true;
}

int ev_kafka_outbox_add(struct ev_kafka_port *port, int32_t partition, uint64_t tag, struct ev_str key,
                        struct ev_str record, rd_kafka_headers_t *headers, struct ev_error *error)
{
    struct ev_kafka_log *log = port->log;
    struct ev_kafka_outbox *outbox = &log->outbox;
    struct ev_kafka_port_partition *state = &port->partitions[partition];
    if (key.length + record.length > EV_LOG_RECORD_BYTES_MAX - EV_KAFKA_LOG_OVERHEAD_BYTES_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "%s: a record of %zu bytes; it may have %zu", port->topic,
                            key.length + record.length, EV_LOG_RECORD_BYTES_MAX - EV_KAFKA_LOG_OVERHEAD_BYTES_MAX);
    if (log->stats.queued_messages >= EV_KAFKA_LOG_QUEUE_MESSAGES_MAX ||
        outbox->bytes + key.length + record.length > EV_KAFKA_LOG_QUEUE_BYTES_MAX)
        return ev_error_set_retriable(error, EV_ERR_LIMIT, "%s: the queue of what is to be appended is full",
                                      port->topic);
    struct ev_kafka_waiting *waiting = ev_memory_alloc(sizeof(*waiting) + key.length + record.length);
    *waiting = (struct ev_kafka_waiting){
        .tag = tag, .headers = headers, .key_length = key.length, .record_length = record.length};
    if (key.length > 0)
        memcpy(waiting->bytes, key.data, key.length);
    memcpy(waiting->bytes + key.length, record.data, record.length);
    if (!state->waiting)
        state->waiting_last = &state->waiting;
    *state->waiting_last = waiting;
    state->waiting_last = &waiting->next;
    list(outbox, state);
    state->waiting_count++;
    outbox->bytes += size_of(waiting);
    if (may_send(state))
        wake(log);
    return 0;
}

/* The rest stays where it is; the headers are gone, by librdkafka or here. */
static void take_first(struct ev_kafka_log *log, struct ev_kafka_port_partition *state)
{
    struct ev_kafka_waiting *waiting = state->waiting;
    state->waiting = waiting->next;
    if (!state->waiting)
        state->waiting_last = &state->waiting;
    state->waiting_count--;
    log->outbox.bytes -= size_of(waiting);
    if (waiting->headers)
        rd_kafka_headers_destroy(waiting->headers);
    free(waiting);
}

static rd_kafka_resp_err_t send_first(struct ev_kafka_log *log, struct ev_kafka_port_partition *state)
{
    struct ev_kafka_waiting *waiting = state->waiting;
    struct ev_error error;
    rd_kafka_topic_t *topic = ev_kafka_producer_topic(&log->producer, state->port, &error);
    if (!topic)
        return RD_KAFKA_RESP_ERR__FAIL;
    rd_kafka_resp_err_t err = rd_kafka_producev(
        log->producer.rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(state->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(waiting->key_length ? waiting->bytes : NULL, waiting->key_length),
        RD_KAFKA_V_VALUE(waiting->bytes + waiting->key_length, waiting->record_length),
        RD_KAFKA_V_HEADERS(waiting->headers), RD_KAFKA_V_OPAQUE((void *)(uintptr_t)waiting->tag), RD_KAFKA_V_END);
    if (err)
        return err;
    waiting->headers = NULL;
    take_first(log, state);
    state->sent++;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Those that have an error are told of it when all before them have been answered: answers come in the calls' order. */
static size_t tell_failed(struct ev_kafka_log *log, struct ev_kafka_port_partition *state)
{
    size_t answers = 0;
    while (state->sent == 0 && state->waiting && state->waiting->failed) {
        struct ev_error error;
        uint64_t tag = state->waiting->tag;
        (void)ev_kafka_error(&error, state->waiting->failed, state->port->topic, NULL);
        take_first(log, state);
        ev_kafka_producer_answer(log, state, tag, -1, &error);
        answers++;
    }
    return answers;
}

static size_t send_group(struct ev_kafka_log *log, struct ev_kafka_port_partition *state)
{
    size_t answers = tell_failed(log, state);
    if (!log->producer.rk || log->producer.fatal || !may_send(state))
        return answers;
    while (state->waiting && !state->waiting->failed) {
        rd_kafka_resp_err_t err = send_first(log, state);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return answers; /* goes on with the next answers */
        if (err)
            state->waiting->failed = err;
    }
    return answers + tell_failed(log, state);
}

size_t ev_kafka_outbox_send(struct ev_kafka_log *log)
{
    struct ev_kafka_outbox *outbox = &log->outbox;
    struct ev_kafka_port_partition *state = outbox->first, *next;
    size_t answers = 0;
    outbox->due = false;
    outbox->first = NULL; /* what is added from within an answer lists its partition anew */
    for (; state; state = next) {
        next = state->next_listed;
        state->listed = false;
        answers += send_group(log, state);
        if (state->waiting)
            list(outbox, state);
    }
    return answers;
}

void ev_kafka_outbox_forget(struct ev_kafka_port_partition *state)
{
    for (struct ev_kafka_waiting *waiting = state->waiting; waiting; waiting = waiting->next)
        if (!waiting->failed)
            waiting->failed = RD_KAFKA_RESP_ERR__PURGE_QUEUE;
    if (state->waiting)
        wake(state->port->log);
}

void ev_kafka_outbox_finish(struct ev_kafka_log *log)
{
    for (struct ev_kafka_port_partition *state = log->outbox.first; state; state = state->next_listed)
        while (state->waiting)
            take_first(log, state);
    log->outbox.first = NULL;
}
