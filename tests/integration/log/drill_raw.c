/* librdkafka alone, with the same settings and as much in flight, to measure beside: no state, no decision, no fence.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "core/memory.h"

struct raw {
    int64_t open, finished, failed;
};

/* What a commit of the drill weighs beside the buyer's name, nearly. */
#define COMMIT_HEAD_BYTES 200
#define COMMIT_HEADERS_BYTES 220

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

/* As many and as long as a commit's. */
static rd_kafka_headers_t *headers_like_a_commit(void)
{
    static const char *const names[] = {"ce_specversion", "ce_id",        "ce_source", "ce_type",
                                        "ce_time",        "content-type", "ce_subject"};
    static const char *const values[] = {"1.0",
                                         "00000000-0000-8000-0000-000000000000",
                                         "prefix.shelf",
                                         "test.shelf.UnitsSold",
                                         "2026-01-01T00:00:00.000Z",
                                         "application/avro",
                                         "shelf-100"};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)rd_kafka_header_add(headers, names[i], -1, values[i], -1);
    return headers;
}

static void send_all(rd_kafka_t *rk, const struct drill *drill, struct raw *raw, const char *topic, const char *value)
{
    int64_t sent = 0;
    while (raw->finished < drill->count) {
        while (raw->open < drill->window && sent < drill->count) {
            rd_kafka_headers_t *headers = drill->headers ? headers_like_a_commit() : NULL;
            rd_kafka_resp_err_t err = rd_kafka_producev(
                rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)(sent % DRILL_PARTITIONS)),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("key", 3),
                RD_KAFKA_V_VALUE((void *)value, (size_t)drill->payload), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
            if (err && headers)
                rd_kafka_headers_destroy(headers);
            if (err)
                break;
            raw->open++;
            sent++;
        }
        rd_kafka_poll(rk, 10);
    }
}

struct raw_client {
    struct raw raw;
    rd_kafka_t *rk;
    char topic[EV_TOPIC_NAME_MAX + 1];
    char *value;
};

static void raw_start(struct raw_client *client, const struct drill *drill)
{
    struct ev_error error = {0};
    struct ev_topic_info info;
    const struct ev_topic_options wanted = {DRILL_PARTITIONS, 1, 1, DRILL_TIMEOUT_MS};
    drill_must(ev_topic_ensure(&drill->kafka, "raw", &wanted, &info, &error), "topic", &error);
    drill_must(ev_topic_full_name(&drill->kafka, "raw", client->topic, &error), "topic", &error);
    client->raw = (struct raw){0};
    client->value = ev_memory_alloc((size_t)drill->payload + 1);
    memset(client->value, 'v', (size_t)drill->payload);
    client->rk = producer(drill, &client->raw);
}

static void raw_stop(struct raw_client *client)
{
    rd_kafka_flush(client->rk, DRILL_TIMEOUT_MS);
    rd_kafka_destroy(client->rk);
    free(client->value);
}

/* Records per second. */
static double raw_run(struct raw_client *client, const struct drill *drill)
{
    client->raw = (struct raw){0};
    int64_t start = drill_now_us();
    send_all(client->rk, drill, &client->raw, client->topic, client->value);
    return (double)client->raw.finished * 1e6 / (double)(drill_now_us() - start);
}

int drill_raw(const struct drill *drill)
{
    struct raw_client client;
    struct drill warm = *drill;
    raw_start(&client, drill);
    warm.count = drill->streams; /* as many as the executor's run stocks first */
    (void)raw_run(&client, &warm);
    double rate = raw_run(&client, drill);
    printf("{\"records\": %lld, \"failed\": %lld, \"per_second\": %.0f}\n", (long long)client.raw.finished,
           (long long)client.raw.failed, rate);
    bool good = client.raw.failed == 0;
    raw_stop(&client);
    return good ? 0 : 1;
}

/* --- the executor and librdkafka alone, in turns, so that both meet the same machine --- */

#define TURNS 15

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, TURNS, sizeof(*values), compare);
    return values[TURNS / 2];
}

static double executor_run(struct drill_node *node, const struct drill *drill, enum client_kind kind)
{
    struct client client;
    client_init(&client, node, drill, kind, drill->base, drill->base + drill->count);
    int64_t took = client_run(&client);
    double rate = (double)client.finished * 1e6 / (double)took;
    client_finish(&client);
    return rate;
}

int drill_ratio(const struct drill *drill)
{
    struct drill turn = *drill, stock = *drill, raw = *drill;
    struct drill_node node;
    struct raw_client client;
    double ours[TURNS], alone[TURNS], ratios[TURNS];
    turn.count = drill->count / TURNS;
    stock.count = drill->streams;
    raw.count = turn.count;
    raw.payload = drill->payload + (drill->headers ? COMMIT_HEAD_BYTES : COMMIT_HEAD_BYTES + COMMIT_HEADERS_BYTES);
    raw_start(&client, &raw);
    drill_node_start(&node, drill, false);
    drill_node_serve(&node);
    (void)executor_run(&node, &stock, CLIENT_STOCKS);
    (void)executor_run(&node, &turn, CLIENT_SELLS);
    (void)raw_run(&client, &raw);
    for (int i = 0; i < TURNS; i++) {
        turn.base += turn.count;
        ours[i] = executor_run(&node, &turn, CLIENT_SELLS);
        alone[i] = raw_run(&client, &raw);
        ratios[i] = ours[i] / alone[i];
    }
    double middle = median(ours), middle_alone = median(alone); /* sort */
    printf("{\"executor_per_second\": %.0f, \"raw_per_second\": %.0f, \"median_ratio\": %.2f, "
           "\"best_executor\": %.0f, \"best_raw\": %.0f, \"best_ratio\": %.2f}\n",
           middle, middle_alone, median(ratios), ours[TURNS - 1], alone[TURNS - 1], ours[TURNS - 1] / alone[TURNS - 1]);
    drill_node_stop(&node);
    raw_stop(&client);
    return 0;
}
