#include "log/owner_hints.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/memory.h"
#include "log/kafka_admin.h"

#define OWNERS_NAME "owners"
#define READ_WAIT_MS 100 /* how soon the thread notices that it is to end */

/* --- a hint's text --- */

static bool take_text(yyjson_val *root, const char *name, char *ret, size_t size)
{
    struct ev_str text = ev_json_str(yyjson_obj_get(root, name));
    if (!text.data || text.length == 0 || text.length >= size || memchr(text.data, '\0', text.length))
        return false;
    memcpy(ret, text.data, text.length);
    ret[text.length] = '\0';
    return true;
}

int ev_owner_hint_parse(struct ev_str value, struct ev_owner_hint *ret, struct ev_error *error)
{
    struct ev_arena arena = {0};
    yyjson_val *root;
    *ret = (struct ev_owner_hint){0};
    int r = ev_json_parse(value, &arena, &root, error);
    if (r == 0 && (!take_text(root, "url", ret->url, sizeof(ret->url)) ||
                   !take_text(root, "instance", ret->instance, sizeof(ret->instance)) ||
                   !yyjson_is_int(yyjson_obj_get(root, "epoch")) || !yyjson_is_int(yyjson_obj_get(root, "time"))))
        r = EV_ERR_CORRUPT;
    if (r == 0) {
        ret->epoch = yyjson_get_sint(yyjson_obj_get(root, "epoch"));
        ret->time_ms = yyjson_get_sint(yyjson_obj_get(root, "time"));
    }
    ev_arena_finish(&arena);
    return r < 0 ? ev_error_set(error, EV_ERR_CORRUPT, "this is no hint about an owner") : 0;
}

void ev_owner_hint_format(const struct ev_owner_hint *hint, struct ev_buffer *out)
{
    struct ev_json_writer writer;
    ev_json_init(&writer, out);
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "url", hint->url);
    ev_json_kv_cstr(&writer, "instance", hint->instance);
    ev_json_kv_int64(&writer, "epoch", hint->epoch);
    ev_json_kv_int64(&writer, "time", hint->time_ms);
    ev_json_object_end(&writer);
}

/* --- the topic --- */

struct policy {
    bool is_compact;
};

static void check_setting(void *context, const char *name, const char *value)
{
    struct policy *policy = context;
    if (strcmp(name, "cleanup.policy") == 0)
        policy->is_compact = value && strstr(value, "compact");
}

static int check_topic(rd_kafka_t *rk, const char *topic, int64_t timeout_ms, struct ev_error *error)
{
    struct ev_topic_info info;
    struct policy policy = {0};
    int r = ev_kafka_admin_describe(rk, topic, timeout_ms, &info, error);
    if (r == 0)
        r = ev_kafka_admin_settings(rk, topic, timeout_ms, check_setting, &policy, error);
    if (r == 0 && (info.partitions != 1 || !policy.is_compact))
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "topic %s can't be used: it must have one partition and be compacted; delete it and have "
                            "it made again, it holds nothing but hints",
                            topic);
    return r;
}

static int make_topic(rd_kafka_t *rk, const char *topic, const struct ev_topic_options *options, struct ev_error *error)
{
    char insync[16];
    snprintf(insync, sizeof(insync), "%d", (int)options->min_insync_replicas);
    const char *const settings[] = {"cleanup.policy", "compact", "min.insync.replicas", insync, NULL};
    int r = ev_kafka_admin_make_topic(rk, topic, 1, options->replication_factor, settings, options->timeout_ms, error);
    return r < 0 ? r : 0;
}

int ev_owner_hints_prepare(const struct ev_kafka_config *kafka, const struct ev_topic_options *create,
                           int64_t timeout_ms, struct ev_error *error)
{
    char topic[EV_TOPIC_NAME_MAX + 1];
    rd_kafka_t *rk;
    int r = ev_topic_full_name(kafka, OWNERS_NAME, topic, error);
    if (r == 0)
        r = ev_kafka_admin_create(kafka, &rk, error);
    if (r < 0)
        return r;
    r = check_topic(rk, topic, timeout_ms, error);
    if (r == EV_ERR_NOT_FOUND && create) {
        int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + timeout_ms;
        r = make_topic(rk, topic, create, error);
        if (r == 0)
            do /* brokers learn of it one after the other */
                r = check_topic(rk, topic, timeout_ms, error);
            while (r == EV_ERR_NOT_FOUND && rd_kafka_poll(rk, READ_WAIT_MS) >= 0 &&
                   ev_clock_monotonic_ms(&ev_clock_system) < deadline);
    }
    rd_kafka_destroy(rk);
    return r;
}

/* --- reading and writing --- */

struct topic_hints {
    char name[EV_TOPIC_NAME_MAX + 1];
    int32_t partitions;
    struct ev_owner_hint *hints; /* by partition; version 0: none. Under the lock. */
};

struct ev_owner_hints {
    struct topic_hints topics[EV_OWNER_TOPICS_MAX];
    size_t topic_count;
    char owners[EV_TOPIC_NAME_MAX + 1]; /* the topic's name */
    rd_kafka_t *consumer, *producer;
    rd_kafka_topic_t *topic; /* the consumer's */
    void (*changed)(void *context);
    void *context;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    pthread_mutex_t lock;
};

static struct ev_owner_hint *slot_of(struct ev_owner_hints *hints, struct ev_str key)
{
    const char *slash = key.data ? memrchr(key.data, '/', key.length) : NULL;
    int64_t partition;
    if (!slash)
        return NULL;
    struct ev_str name = {key.data, (size_t)(slash - key.data)}, digits = {slash + 1, key.length - name.length - 1};
    for (size_t i = 0; i < hints->topic_count; i++) {
        struct topic_hints *topic = &hints->topics[i];
        if (ev_str_equal(ev_str_of(topic->name), name) && ev_str_to_int64(digits, &partition) && partition >= 0 &&
            partition < topic->partitions)
            return &topic->hints[partition];
    }
    return NULL;
}

/* What is no hint is left aside: anybody may write to the topic, and nothing depends on it. */
static void take(struct ev_owner_hints *hints, const rd_kafka_message_t *message)
{
    struct ev_owner_hint *slot = slot_of(hints, (struct ev_str){message->key, message->key_len});
    struct ev_owner_hint hint;
    struct ev_error error;
    if (!slot || !message->payload ||
        ev_owner_hint_parse((struct ev_str){message->payload, message->len}, &hint, &error) < 0)
        return;
    pthread_mutex_lock(&hints->lock);
    hint.version = slot->version + 1;
    *slot = hint;
    pthread_mutex_unlock(&hints->lock);
    if (hints->changed)
        hints->changed(hints->context);
}

static void *read_main(void *context)
{
    struct ev_owner_hints *hints = context;
    while (!atomic_load(&hints->stopping)) {
        rd_kafka_message_t *message = rd_kafka_consume(hints->topic, 0, READ_WAIT_MS);
        if (!message)
            continue;
        if (!message->err) /* other errors pass: librdkafka goes on by itself */
            take(hints, message);
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

static int open_clients(struct ev_owner_hints *hints, const struct ev_kafka_config *kafka, struct ev_error *error)
{
    static const char *const reading[] = {"fetch.wait.max.ms", "100", "fetch.queue.backoff.ms", "10", NULL};
    static const char *const read_so[] = {"enable.auto.commit", "false", "auto.offset.reset", "earliest", NULL};
    char queue[16], timeout[16];
    snprintf(queue, sizeof(queue), "%d", EV_OWNER_HINT_QUEUE_MAX);
    snprintf(timeout, sizeof(timeout), "%d", EV_OWNER_HINT_TIMEOUT_MS);
    const char *const writing[] = {"linger.ms", "0", "message.timeout.ms", timeout, "queue.buffering.max.messages",
                                   queue,       NULL};
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(kafka, reading, read_so, &conf, error);
    if (r == 0)
        r = ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, &hints->consumer, error);
    if (r == 0)
        r = ev_kafka_conf_create(kafka, writing, NULL, &conf, error);
    if (r == 0)
        r = ev_kafka_client_create(RD_KAFKA_PRODUCER, conf, &hints->producer, error);
    if (r < 0)
        return r;
    hints->topic = rd_kafka_topic_new(hints->consumer, hints->owners, NULL);
    if (!hints->topic || rd_kafka_consume_start(hints->topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
        return ev_kafka_error(error, rd_kafka_last_error(), hints->owners, NULL);
    return 0;
}

int ev_owner_hints_create(const struct ev_owner_hints_options *options, struct ev_owner_hints **ret,
                          struct ev_error *error)
{
    if (options->topic_count > EV_OWNER_TOPICS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "hints are kept for at most %d topics", EV_OWNER_TOPICS_MAX);
    struct ev_owner_hints *hints = ev_memory_new(struct ev_owner_hints);
    pthread_mutex_init(&hints->lock, NULL);
    hints->changed = options->changed;
    hints->context = options->context;
    hints->topic_count = options->topic_count;
    for (size_t i = 0; i < options->topic_count; i++) {
        struct topic_hints *topic = &hints->topics[i];
        snprintf(topic->name, sizeof(topic->name), "%s", options->topics[i].name);
        topic->partitions = options->topics[i].partitions;
        topic->hints = ev_memory_alloc_array((size_t)topic->partitions, sizeof(*topic->hints));
    }
    int r = ev_topic_full_name(&options->kafka, OWNERS_NAME, hints->owners, error);
    if (r == 0)
        r = open_clients(hints, &options->kafka, error);
    if (r == 0 && pthread_create(&hints->thread, NULL, read_main, hints) != 0)
        r = ev_error_set(error, EV_ERR_IO, "the thread that reads %s could not be started", hints->owners);
    hints->started = r == 0;
    if (r < 0) {
        ev_owner_hints_destroy(hints);
        return r;
    }
    *ret = hints;
    return 0;
}

void ev_owner_hints_destroy(struct ev_owner_hints *hints)
{
    if (!hints)
        return;
    atomic_store(&hints->stopping, true);
    if (hints->started)
        pthread_join(hints->thread, NULL);
    if (hints->topic) {
        (void)rd_kafka_consume_stop(hints->topic, 0);
        rd_kafka_topic_destroy(hints->topic);
    }
    if (hints->consumer)
        rd_kafka_destroy(hints->consumer);
    if (hints->producer)
        rd_kafka_destroy(hints->producer); /* what still waits is dropped */
    for (size_t i = 0; i < hints->topic_count; i++)
        free(hints->topics[i].hints);
    pthread_mutex_destroy(&hints->lock);
    free(hints);
}

bool ev_owner_hints_find(struct ev_owner_hints *hints, size_t topic, int32_t partition, struct ev_owner_hint *ret)
{
    pthread_mutex_lock(&hints->lock);
    *ret = hints->topics[topic].hints[partition];
    pthread_mutex_unlock(&hints->lock);
    return ret->version > 0;
}

int ev_owner_hints_publish(struct ev_owner_hints *hints, size_t topic, int32_t partition,
                           const struct ev_owner_hint *hint, struct ev_error *error)
{
    struct ev_owner_hint dated = *hint;
    struct ev_buffer value = {0};
    char key[EV_TOPIC_NAME_MAX + 16];
    dated.time_ms = ev_clock_wall_ms(&ev_clock_system);
    ev_owner_hint_format(&dated, &value);
    snprintf(key, sizeof(key), "%s/%d", hints->topics[topic].name, (int)partition);
    rd_kafka_resp_err_t err =
        rd_kafka_producev(hints->producer, RD_KAFKA_V_TOPIC(hints->owners), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, strlen(key)),
                          RD_KAFKA_V_VALUE(value.data, value.length), RD_KAFKA_V_END);
    ev_buffer_finish(&value);
    return err ? ev_kafka_error(error, err, hints->owners, NULL) : 0;
}
