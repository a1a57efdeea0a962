/* Orders made up from a seed, appended to Kafka as their owner would: a fence first, commits with epoch and sequence
 * number. Now and then a new fence, and after it a commit of the writer that was fenced off, which doesn't count. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "drill.h"
#include "gen/order.h"
#include "gen/topics.h"
#include "log/topics.h"

#define SKUS 2000
#define CUSTOMERS 500
#define DAYS 30
#define FENCE_EVERY 700
#define TIMEOUT_MS 30000
#define FIRST_DAY_MS INT64_C(1291161600000)

struct feed {
    struct drill *drill;
    const struct ev_random *random;
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    int32_t schema_id, partitions;
    int64_t *epochs, *next_seqs;
    size_t cut; /* bytes left out at the end of commits */
    struct ev_arena arena;
    struct ev_buffer bytes;
};

static int64_t pick(const struct feed *feed, int64_t count)
{
    return (int64_t)ev_random_below(feed->random, (uint64_t)count);
}

static int feed_send(struct feed *feed, int32_t partition, struct ev_str key, struct ev_str value,
                     struct ev_error *error)
{
    while (rd_kafka_produce(feed->topic, partition, RD_KAFKA_MSG_F_COPY, (void *)value.data, value.length, key.data,
                            key.length, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return ev_error_set(error, EV_ERR_UNAVAILABLE, "%s", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(feed->producer, 100);
    }
    rd_kafka_poll(feed->producer, 0);
    return 0;
}

static int feed_commit(struct feed *feed, int32_t partition, struct ev_commit *commit, struct ev_error *error)
{
    ev_buffer_clear(&feed->bytes);
    int r = ev_commit_encode(&order_topic, feed->schema_id, commit, &feed->bytes, error);
    const struct ev_str bytes = {feed->bytes.data, feed->bytes.length - feed->cut};
    return r < 0 ? r : feed_send(feed, partition, commit->stream_id, bytes, error);
}

static int feed_fence(struct feed *feed, int32_t partition, struct ev_error *error)
{
    feed->epochs[partition]++;
    feed->next_seqs[partition] = 0;
    struct ev_commit fence = {.stream_id = EV_STR(""),
                              .epoch = feed->epochs[partition],
                              .command_id = ev_uuid_v7(&ev_clock_system, feed->random),
                              .correlation_id = EV_STR(""),
                              .causation_id = EV_STR(""),
                              .actor = EV_STR("drill")};
    return feed_commit(feed, partition, &fence, error);
}

static int feed_event(struct feed *feed, struct ev_str stream, int64_t base_version, const struct ev_event_type *type,
                      const void *body, bool late, struct ev_error *error)
{
    int32_t partition = ev_hash_partition(stream, feed->partitions);
    const struct ev_event event = {type, body};
    struct ev_commit commit = {.stream_id = stream,
                               .base_version = base_version,
                               .epoch = feed->epochs[partition] - (late ? 1 : 0),
                               .seq = feed->next_seqs[partition],
                               .command_id = ev_uuid_v7(&ev_clock_system, feed->random),
                               .correlation_id = EV_STR("drill"),
                               .causation_id = EV_STR(""),
                               .actor = EV_STR("drill"),
                               .occurred_at = FIRST_DAY_MS + pick(feed, DAYS) * 86400000,
                               .events = &event,
                               .event_count = 1};
    feed->next_seqs[partition] += late ? 0 : 1;
    return feed_commit(feed, partition, &commit, error);
}

static struct ev_str feed_sku(struct feed *feed)
{
    /* A few SKUs are in most orders, most in few. */
    int64_t rank = pick(feed, SKUS) * pick(feed, SKUS) / SKUS;
    return ev_arena_printf(&feed->arena, "SKU-%" PRId64, rank);
}

static void feed_make_order(struct feed *feed, struct ev_str order_id, struct order_placed *placed)
{
    static const char *const countries[] = {"United Kingdom", "United Kingdom", "United Kingdom", "EIRE", "France"};
    *placed = (struct order_placed){
        .order_id = order_id,
        .country = ev_str_of(countries[pick(feed, 5)]),
        .currency = EV_STR("GBP"),
        .placed_at = FIRST_DAY_MS + pick(feed, DAYS * INT64_C(86400000)),
    };
    if (pick(feed, 10) > 0)
        placed->customer_id = ev_arena_printf(&feed->arena, "%" PRId64, 12000 + pick(feed, CUSTOMERS));
    int64_t lines = 1 + pick(feed, ev_config_int(feed->drill->config, "lines"));
    for (int64_t i = 0; i < lines; i++) {
        struct order_line *line = ev_array_push(&feed->arena, &placed->lines);
        line->line_no = (int32_t)i + 1;
        line->sku = feed_sku(feed);
        line->title = ev_arena_printf(&feed->arena, "TITLE OF %.*s", EV_STR_ARG(line->sku));
        line->quantity = 1 + pick(feed, 24);
        line->unit_price = pick(feed, 30) == 0 ? 0 : 10 * (1 + pick(feed, 10000));
        line->kind = LINE_KIND_GOODS;
    }
}

static int feed_cancel(struct feed *feed, struct ev_str stream, const struct order_placed *placed,
                       struct ev_error *error)
{
    const struct order_line *line = &placed->lines.items[0];
    struct line_quantity part = {.line_no = line->line_no,
                                 .sku = line->sku,
                                 .quantity = line->quantity,
                                 .unit_price = line->unit_price,
                                 .kind = line->kind};
    const struct order_cancelled cancelled = {.order_id = placed->order_id,
                                              .customer_id = placed->customer_id,
                                              .country = placed->country,
                                              .currency = placed->currency,
                                              .cancelled_at = placed->placed_at + 3600000,
                                              .lines = {.items = &part, .count = 1}};
    return feed_event(feed, stream, 1, &order_cancelled_event, &cancelled, false, error);
}

static int feed_order(struct feed *feed, int64_t number, struct ev_error *error)
{
    struct order_placed placed;
    ev_arena_reset(&feed->arena);
    struct ev_str order_id =
        ev_arena_printf(&feed->arena, "%" PRId64 "-%" PRId64, ev_config_int(feed->drill->config, "seed"), number);
    struct ev_str stream = ev_arena_printf(&feed->arena, "order-%.*s", EV_STR_ARG(order_id));
    feed_make_order(feed, order_id, &placed);
    int r = feed_event(feed, stream, 0, &order_placed_event, &placed, false, error);
    if (r >= 0 && pick(feed, 20) == 0)
        r = feed_cancel(feed, stream, &placed, error);
    if (r >= 0 && number % FENCE_EVERY == FENCE_EVERY - 1) {
        r = feed_fence(feed, ev_hash_partition(stream, feed->partitions), error);
        if (r >= 0)
            r = feed_event(feed, stream, 1, &order_placed_event, &placed, true, error);
    }
    return r;
}

/* One more commit of the first order: its head is right, its events can't be decoded. */
static int feed_cut(struct feed *feed, struct ev_error *error)
{
    struct order_placed placed;
    struct ev_str order_id = ev_arena_printf(&feed->arena, "%" PRId64 "-0", ev_config_int(feed->drill->config, "seed"));
    struct ev_str stream = ev_arena_printf(&feed->arena, "order-%.*s", EV_STR_ARG(order_id));
    feed_make_order(feed, order_id, &placed);
    feed->cut = 1;
    int r = feed_cancel(feed, stream, &placed, error);
    feed->cut = 0;
    return r;
}

/* The epochs that the partitions have reached, so that the log may be fed more than once. */
static int feed_read_epochs(struct feed *feed, struct ev_error *error)
{
    struct ev_reader *reader;
    struct ev_memory_sink memory;
    int r = drill_make_reader(feed->drill, &orders_view, &reader, error);
    if (r < 0)
        return r;
    ev_memory_sink_init(&memory);
    const struct ev_projection_options options = {.view = &orders_view,
                                                  .source = ev_commit_source_of_reader(reader),
                                                  .sink = &memory.sink,
                                                  .clock = &ev_clock_system,
                                                  .random = &ev_random_system};
    struct ev_projection *projection = ev_projection_create(&options);
    r = drill_run(projection, error);
    for (int32_t i = 0; i < feed->partitions && r >= 0; i++) {
        struct ev_checkpoint checkpoint = {0};
        if (memory.sink.load_checkpoint(&memory.sink, &orders_view, i, &checkpoint, error) == 0)
            feed->epochs[i] = checkpoint.cursor.ledger.epoch;
    }
    ev_projection_destroy(projection);
    ev_memory_sink_finish(&memory);
    ev_reader_destroy(reader);
    return r;
}

static int feed_open(struct feed *feed, struct ev_error *error)
{
    const struct ev_config *config = feed->drill->config;
    const struct ev_topic_options topic_options = {.partitions = (int32_t)ev_config_int(config, "partitions"),
                                                   .replication_factor = 1,
                                                   .min_insync_replicas = 1,
                                                   .timeout_ms = TIMEOUT_MS};
    struct ev_topic_info info;
    char topic[EV_TOPIC_NAME_MAX + 1], subject[EV_TOPIC_NAME_MAX + 8], text[512];
    int r = ev_topic_ensure(&feed->drill->kafka, order_topic.name, &topic_options, &info, error);
    if (r >= 0)
        r = ev_topic_full_name(&feed->drill->kafka, order_topic.name, topic, error);
    if (r < 0)
        return r;
    snprintf(subject, sizeof(subject), "%s-value", topic);
    r = ev_registry_register(feed->drill->registry, subject, ev_str_of(order_topic.commit_schema), &feed->schema_id,
                             error);
    if (r < 0)
        return r;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", feed->drill->kafka.brokers, text, sizeof(text));
    rd_kafka_conf_set(conf, "enable.idempotence", "true", text, sizeof(text));
    feed->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!feed->producer)
        return ev_error_set(error, EV_ERR_INTERNAL, "%s", text);
    feed->topic = rd_kafka_topic_new(feed->producer, topic, NULL);
    feed->partitions = info.partitions;
    feed->epochs = ev_memory_alloc_array((size_t)info.partitions, sizeof(int64_t));
    feed->next_seqs = ev_memory_alloc_array((size_t)info.partitions, sizeof(int64_t));
    return feed_read_epochs(feed, error);
}

static int feed_all(struct feed *feed, struct ev_error *error)
{
    int64_t commits = ev_config_int(feed->drill->config, "commits");
    int r = 0;
    for (int32_t i = 0; i < feed->partitions && r >= 0; i++)
        r = feed_fence(feed, i, error);
    for (int64_t i = 0; i < commits && r >= 0; i++)
        r = feed_order(feed, i, error);
    if (r >= 0 && ev_config_bool(feed->drill->config, "garbage"))
        r = feed_send(feed, 0, EV_STR("garbage"), EV_STR("no commit at all"), error);
    if (r >= 0 && ev_config_bool(feed->drill->config, "cut"))
        r = feed_cut(feed, error);
    if (r >= 0 && rd_kafka_flush(feed->producer, TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        r = ev_error_set(error, EV_ERR_TIMEOUT, "Kafka didn't take all records in time");
    if (r >= 0)
        printf("{\"orders\":%" PRId64 ",\"partitions\":%" PRId32 "}\n", commits, feed->partitions);
    return r;
}

int drill_feed(struct drill *drill, struct ev_error *error)
{
    struct ev_fake_random random;
    ev_fake_random_init(&random, (uint64_t)ev_config_int(drill->config, "seed"));
    struct feed feed = {.drill = drill, .random = &random.random};
    int r = feed_open(&feed, error);
    if (r >= 0)
        r = feed_all(&feed, error);
    if (feed.topic)
        rd_kafka_topic_destroy(feed.topic);
    if (feed.producer)
        rd_kafka_destroy(feed.producer);
    ev_arena_finish(&feed.arena);
    ev_buffer_finish(&feed.bytes);
    ev_memory_free_at(&feed.epochs);
    ev_memory_free_at(&feed.next_seqs);
    return r;
}
