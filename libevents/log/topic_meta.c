#include "log/topic_meta.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"

/* --- reading --- */

struct search {
    const char *topic;
    struct ev_topic_info *info;
    bool found;
};

static int take(struct search *search, const rd_kafka_message_t *message, struct ev_error *error)
{
    struct ev_str key = {message->key, message->key_len}, text = {message->payload, message->len};
    struct ev_arena arena = {0};
    yyjson_val *root;
    if (!key.data || !ev_str_equal(key, ev_str_of(search->topic)))
        return 0;
    search->found = text.length > 0;
    if (!search->found)
        return 0;
    int r = ev_json_parse(text, &arena, &root, error);
    yyjson_val *partitions = r == 0 ? yyjson_obj_get(root, "partitions") : NULL;
    const char *id = r == 0 ? yyjson_get_str(yyjson_obj_get(root, "topic_id")) : NULL;
    if (r == 0 && (!yyjson_is_int(partitions) || !id))
        r = ev_error_set(error, EV_ERR_CORRUPT, "what is written down of topic %s can't be read: %.*s", search->topic,
                         EV_STR_ARG(text));
    if (r == 0) {
        search->info->partitions = (int32_t)yyjson_get_int(partitions);
        snprintf(search->info->topic_id, sizeof(search->info->topic_id), "%s", id);
    }
    ev_arena_finish(&arena);
    return r;
}

/* From the first record to the end as it is then. 1 at the end. */
static int read_one(rd_kafka_topic_t *topic, struct search *search, int64_t wait_ms, struct ev_error *error)
{
    rd_kafka_message_t *message = rd_kafka_consume(topic, 0, (int)wait_ms);
    int r = 0;
    if (!message)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s: no answer from Kafka",
                                      rd_kafka_topic_name(topic));
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        r = 1;
    else if (message->err)
        r = ev_kafka_error(error, message->err, rd_kafka_topic_name(topic), rd_kafka_message_errstr(message));
    else
        r = take(search, message, error);
    rd_kafka_message_destroy(message);
    return r;
}

static int read_all(rd_kafka_t *rk, const char *meta_topic, struct search *search, int64_t timeout_ms,
                    struct ev_error *error)
{
    int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + timeout_ms, left = timeout_ms;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, meta_topic, NULL);
    int r = 0;
    if (!topic || rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0) {
        r = ev_kafka_error(error, rd_kafka_last_error(), meta_topic, NULL);
    } else {
        while (r == 0) {
            left = deadline - ev_clock_monotonic_ms(&ev_clock_system);
            r = read_one(topic, search, left > 0 ? left : 0, error);
        }
        (void)rd_kafka_consume_stop(topic, 0);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return r < 0 ? r : 0;
}

int ev_topic_meta_read(const struct ev_kafka_config *kafka, const char *meta_topic, const char *topic,
                       int64_t timeout_ms, struct ev_topic_info *ret, struct ev_error *error)
{
    static const char *const defaults[] = {"fetch.wait.max.ms", "10", NULL};
    static const char *const required[] = {"enable.partition.eof", "true", "enable.auto.commit", "false", NULL};
    struct search search = {.topic = topic, .info = ret};
    struct ev_topic_info info;
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    int r = ev_kafka_conf_create(kafka, defaults, required, &conf, error);
    if (r == 0)
        r = ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, &rk, error);
    if (r < 0)
        return r;
    r = ev_kafka_admin_describe(rk, meta_topic, timeout_ms, &info, error);
    if (r == 0)
        r = read_all(rk, meta_topic, &search, timeout_ms, error);
    rd_kafka_destroy(rk);
    return r < 0 ? r : !search.found;
}

/* --- writing --- */

int ev_topic_meta_write(rd_kafka_t *rk, const char *meta_topic, const char *topic, int64_t timeout_ms,
                        const struct ev_topic_info *info, struct ev_error *error)
{
    struct ev_json_writer writer;
    struct ev_buffer value = {0};
    ev_json_init(&writer, &value);
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "topic", topic);
    ev_json_kv_int64(&writer, "partitions", info->partitions);
    ev_json_kv_cstr(&writer, "topic_id", info->topic_id);
    ev_json_object_end(&writer);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        rk, RD_KAFKA_V_TOPIC(meta_topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(topic, strlen(topic)), RD_KAFKA_V_VALUE(value.data, value.length), RD_KAFKA_V_END);
    ev_buffer_finish(&value);
    if (!err)
        err = rd_kafka_flush(rk, (int)timeout_ms); /* the caller reads it back: what failed is seen there */
    return err ? ev_kafka_error(error, err, meta_topic, NULL) : 0;
}
