/* Writes many valid commits straight into PREFIX.cart, as one owner of all partitions would: carts of a few commits
 * each. Nothing may own the topic meanwhile. Prints one JSON line.
 *
 *   commit_writer BROKERS PREFIX REGISTRY_URL COMMITS
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avro/registry.h"
#include "core/core.h"
#include "gen/cart.h"
#include "gen/topics.h"

#define COMMITS_PER_CART 4
#define PARTITIONS_MAX 64
#define EPOCH 1000000 /* above what any owner has reached */
#define METADATA_MS 10000
#define FLUSH_MS 60000

struct writer {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    int32_t partitions, schema_id;
    int64_t seq[PARTITIONS_MAX];
    struct ev_buffer record;
    int64_t failed;
};

static int fail(const char *what)
{
    fprintf(stderr, "commit_writer: %s\n", what);
    return -1;
}

static void on_delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct writer *writer = opaque;
    (void)producer;
    if (message->err)
        writer->failed++;
}

static int open_producer(struct writer *writer, const char *brokers, const char *name)
{
    static const char *const settings[] = {"enable.idempotence",           "true",   "linger.ms", "20",
                                           "queue.buffering.max.messages", "100000", NULL};
    char fault[256];
    const struct rd_kafka_metadata *metadata;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, fault, sizeof(fault)) != RD_KAFKA_CONF_OK)
        return fail(fault);
    for (int i = 0; settings[i]; i += 2)
        if (rd_kafka_conf_set(conf, settings[i], settings[i + 1], fault, sizeof(fault)) != RD_KAFKA_CONF_OK)
            return fail(fault);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    rd_kafka_conf_set_opaque(conf, writer);
    writer->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, fault, sizeof(fault));
    if (!writer->producer)
        return fail(fault);
    writer->topic = rd_kafka_topic_new(writer->producer, name, NULL);
    if (rd_kafka_metadata(writer->producer, 0, writer->topic, &metadata, METADATA_MS) != 0)
        return fail("no metadata");
    writer->partitions = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return writer->partitions < 1 || writer->partitions > PARTITIONS_MAX ? fail("no topic that fits") : 0;
}

static int append(struct writer *writer, int32_t partition, struct ev_str key, const struct ev_commit *commit)
{
    struct ev_error error;
    ev_buffer_clear(&writer->record);
    if (ev_commit_encode(&cart_topic, writer->schema_id, commit, &writer->record, &error) < 0)
        return fail(error.message);
    while (rd_kafka_produce(writer->topic, partition, RD_KAFKA_MSG_F_COPY, writer->record.data, writer->record.length,
                            key.data, key.length, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return fail(rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(writer->producer, 100);
    }
    rd_kafka_poll(writer->producer, 0);
    return 0;
}

static struct ev_commit commit_base(void)
{
    return (struct ev_commit){
        .stream_id = EV_STR(""),
        .epoch = EPOCH,
        .command_id = ev_uuid_v7(&ev_clock_system, &ev_random_system),
        .correlation_id = EV_STR("bench"),
        .causation_id = EV_STR(""),
        .actor = EV_STR("bench"),
        .occurred_at = ev_clock_wall_ms(&ev_clock_system),
    };
}

static int write_commit(struct writer *writer, int64_t number)
{
    char id[48];
    int length = snprintf(id, sizeof(id), "cart-%08lld", (long long)(number / COMMITS_PER_CART));
    struct ev_str key = {id + strlen("cart-"), (size_t)length - strlen("cart-")};
    int32_t partition = ev_hash_partition(key, writer->partitions);
    struct cart_created created = {.cart_id = key, .currency = EV_STR("GBP")};
    char sku[16];
    struct cart_item_added added = {.cart_id = key, .title = EV_STR("JUMBO BAG RED RETROSPOT"), .quantity = 2};
    added.sku = (struct ev_str){sku, (size_t)snprintf(sku, sizeof(sku), "SKU%lld", (long long)(number % 1000))};
    added.unit_price = 19500;
    int64_t version = number % COMMITS_PER_CART;
    struct ev_event event = version == 0 ? (struct ev_event){&cart_created_event, &created}
                                         : (struct ev_event){&cart_item_added_event, &added};
    struct ev_commit commit = commit_base();
    commit.stream_id = (struct ev_str){id, (size_t)length};
    commit.base_version = version;
    commit.seq = writer->seq[partition]++;
    commit.events = &event;
    commit.event_count = 1;
    return append(writer, partition, key, &commit);
}

static int write_all(struct writer *writer, int64_t count)
{
    int r = 0;
    for (int32_t partition = 0; partition < writer->partitions && r == 0; partition++) {
        struct ev_commit fence = commit_base();
        r = append(writer, partition, EV_STR(""), &fence);
    }
    for (int64_t number = 0; number < count && r == 0; number++)
        r = write_commit(writer, number);
    if (r == 0 && (rd_kafka_flush(writer->producer, FLUSH_MS) != 0 || writer->failed > 0))
        r = fail("not everything was delivered");
    return r;
}

int main(int argc, char **argv)
{
    static struct writer writer;
    struct ev_registry *registry;
    struct ev_error error = {0};
    char topic[256], subject[300];
    int64_t count;
    if (argc != 5 || !ev_str_to_int64(ev_str_of(argv[4]), &count)) {
        fputs("usage: commit_writer BROKERS PREFIX REGISTRY_URL COMMITS\n", stderr);
        return 2;
    }
    snprintf(topic, sizeof(topic), "%s.%s", argv[2], cart_topic.name);
    snprintf(subject, sizeof(subject), "%s-value", topic);
    int r = ev_registry_create(argv[3], NULL, &registry, &error);
    if (r == 0)
        r = ev_registry_lookup(registry, subject, ev_str_of(cart_topic.commit_schema), &writer.schema_id, &error);
    if (r < 0) {
        fail(error.message);
        return 1;
    }
    int64_t began = ev_clock_monotonic_ms(&ev_clock_system);
    r = open_producer(&writer, argv[1], topic);
    if (r == 0)
        r = write_all(&writer, count);
    if (r == 0)
        printf("{\"commits\":%lld,\"streams\":%lld,\"seconds\":%.3f}\n", (long long)count,
               (long long)((count + COMMITS_PER_CART - 1) / COMMITS_PER_CART),
               (double)(ev_clock_monotonic_ms(&ev_clock_system) - began) / 1e3);
    if (writer.topic)
        rd_kafka_topic_destroy(writer.topic);
    if (writer.producer)
        rd_kafka_destroy(writer.producer);
    ev_buffer_finish(&writer.record);
    ev_registry_destroy(registry);
    return r == 0 ? 0 : 1;
}
