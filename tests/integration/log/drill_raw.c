/* librdkafka alone, with the same settings and as much in flight, to measure beside: no state, no decision, no fence.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "drill.h"

struct raw {
    int64_t open, finished, failed;
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct raw *raw = opaque;
    (void)rk;
    raw->open--;
    raw->finished++;
    raw->failed += message->err != 0;
}

static rd_kafka_t *producer(const struct drill *drill, struct raw *raw)
{
    static const char *const settings[] = {
        "linger.ms", "0", "enable.idempotence", "true", "acks", "all", "message.timeout.ms", "0", NULL,
    };
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool good =
        rd_kafka_conf_set(conf, "bootstrap.servers", drill->kafka.brokers, why, sizeof(why)) == RD_KAFKA_CONF_OK;
    for (const char *const *setting = settings; setting[0]; setting += 2)
        good = good && rd_kafka_conf_set(conf, setting[0], setting[1], why, sizeof(why)) == RD_KAFKA_CONF_OK;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, raw);
    rd_kafka_t *rk = good ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)) : NULL;
    if (!rk) {
        fprintf(stderr, "log_drill: %s\n", why);
        exit(1);
    }
    return rk;
}

static void send_all(rd_kafka_t *rk, const struct drill *drill, struct raw *raw, const char *topic, const char *value)
{
    int64_t sent = 0;
    while (raw->finished < drill->count) {
        while (raw->open < drill->window && sent < drill->count) {
            rd_kafka_resp_err_t err =
                rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)(sent % DRILL_PARTITIONS)),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("key", 3),
                                  RD_KAFKA_V_VALUE((void *)value, (size_t)drill->payload), RD_KAFKA_V_END);
            if (err)
                break;
            raw->open++;
            sent++;
        }
        rd_kafka_poll(rk, 10);
    }
}

int drill_raw(const struct drill *drill)
{
    struct ev_error error = {0};
    struct ev_topic_info info;
    struct raw raw = {0};
    char topic[EV_TOPIC_NAME_MAX + 1];
    const struct ev_topic_options wanted = {DRILL_PARTITIONS, 1, 1, DRILL_TIMEOUT_MS};
    drill_must(ev_topic_ensure(&drill->kafka, "raw", &wanted, &info, &error), "topic", &error);
    drill_must(ev_topic_full_name(&drill->kafka, "raw", topic, &error), "topic", &error);
    char *value = ev_memory_alloc((size_t)drill->payload + 1);
    memset(value, 'v', (size_t)drill->payload);
    rd_kafka_t *rk = producer(drill, &raw);
    struct drill warm = *drill;
    warm.count = drill->streams; /* as many as the executor's run stocks first */
    send_all(rk, &warm, &raw, topic, value);
    raw = (struct raw){0};
    int64_t start = drill_now_us();
    send_all(rk, drill, &raw, topic, value);
    int64_t took = drill_now_us() - start;
    printf("{\"records\": %lld, \"failed\": %lld, \"per_second\": %.0f}\n", (long long)raw.finished,
           (long long)raw.failed, (double)raw.finished * 1e6 / (double)took);
    rd_kafka_flush(rk, DRILL_TIMEOUT_MS);
    rd_kafka_destroy(rk);
    free(value);
    return raw.failed ? 1 : 0;
}
