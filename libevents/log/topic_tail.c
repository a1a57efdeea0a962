#include "log/topic_tail.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "log/kafka_admin.h"

struct check {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    struct ev_commit_decoder *decoder;
    struct ev_buffer text; /* what was found, joined by "; " */
    int64_t deadline_ms;
};

static void lost(struct check *check, struct ev_topic_tail *tail, const char *what, int64_t offset)
{
    tail->lost = true;
    ev_buffer_printf(&check->text, "%spartition %d %s offset %" PRId64 ", the checkpoint was taken at %" PRId64,
                     check->text.length ? "; " : "", (int)tail->partition, what, offset, tail->mark.next_offset);
}

/* The record that the mark names. 1: there is none. */
static int compare(struct check *check, struct ev_topic_tail *tail, const rd_kafka_message_t *message,
                   struct ev_error *error)
{
    struct ev_commit head;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        lost(check, tail, "ends before", tail->mark.last_offset);
        return 0;
    }
    if (message->err)
        return ev_kafka_error(error, message->err, rd_kafka_topic_name(check->topic), rd_kafka_message_errstr(message));
    struct ev_str record = {message->payload ? message->payload : "", message->len};
    int r = ev_commit_decode_head(check->decoder, record, &head, error);
    if (r < 0)
        return r;
    if (message->offset != tail->mark.last_offset || !ev_owner_mark_names(&tail->mark, &head))
        lost(check, tail, "holds another record at", tail->mark.last_offset);
    return 0;
}

static int read_one(struct check *check, struct ev_topic_tail *tail, struct ev_error *error)
{
    int64_t left = check->deadline_ms - ev_clock_monotonic_ms(&ev_clock_system);
    const char *name = rd_kafka_topic_name(check->topic);
    if (rd_kafka_consume_start(check->topic, tail->partition, tail->mark.last_offset) != 0)
        return ev_kafka_error(error, rd_kafka_last_error(), name, NULL);
    rd_kafka_message_t *message = rd_kafka_consume(check->topic, tail->partition, left > 0 ? (int)left : 0);
    int r = message ? compare(check, tail, message, error)
                    : ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s: no answer from Kafka", name);
    if (message)
        rd_kafka_message_destroy(message);
    (void)rd_kafka_consume_stop(check->topic, tail->partition);
    return r;
}

static int check_all(struct check *check, int32_t partitions, struct ev_topic_tail *tails, size_t count,
                     struct ev_error *error)
{
    const char *name = rd_kafka_topic_name(check->topic);
    int64_t *ends = ev_memory_alloc_array((size_t)partitions, sizeof(*ends));
    int64_t left = check->deadline_ms - ev_clock_monotonic_ms(&ev_clock_system);
    int r = ev_kafka_admin_offsets(check->rk, name, partitions, RD_KAFKA_OFFSET_SPEC_LATEST, left > 0 ? left : 1, ends,
                                   error);
    for (size_t i = 0; i < count && r == 0; i++) {
        tails[i].lost = false;
        if (ends[tails[i].partition] < tails[i].mark.next_offset)
            lost(check, &tails[i], "ends at", ends[tails[i].partition]);
        else
            r = read_one(check, &tails[i], error);
    }
    free(ends);
    return r;
}

int ev_topic_tails_check(const struct ev_kafka_config *kafka, const char *topic, int32_t partitions,
                         struct ev_commit_decoder *decoder, struct ev_topic_tail *tails, size_t count,
                         int64_t timeout_ms, struct ev_error *error)
{
    static const char *const defaults[] = {"fetch.wait.max.ms", "10", NULL};
    static const char *const required[] = {
        "enable.partition.eof", "true", "enable.auto.commit", "false", "auto.offset.reset", "error", NULL};
    struct check check = {.decoder = decoder, .deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + timeout_ms};
    rd_kafka_conf_t *conf;
    if (count == 0)
        return 0;
    int r = ev_kafka_conf_create(kafka, defaults, required, &conf, error);
    if (r == 0)
        r = ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, &check.rk, error);
    if (r < 0)
        return r;
    check.topic = rd_kafka_topic_new(check.rk, topic, NULL);
    r = check.topic ? check_all(&check, partitions, tails, count, error)
                    : ev_kafka_error(error, rd_kafka_last_error(), topic, NULL);
    if (check.topic)
        rd_kafka_topic_destroy(check.topic);
    rd_kafka_destroy(check.rk);
    if (r == 0 && check.text.length > 0) {
        (void)ev_error_set(error, EV_ERR_CONFLICT, "topic %s has lost a tail: %.*s", topic,
                           EV_STR_ARG(ev_buffer_str(&check.text)));
        r = 1;
    }
    ev_buffer_finish(&check.text);
    return r;
}
