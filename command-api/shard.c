#include "shard.h"

#include <stdlib.h>

#include "checkpoints.h"
#include "core/memory.h"
#include "hints.h"
#include "ownership.h"
#include "shard_metrics.h"

#define LOOK_INTERVAL_MS 20
#define REPORT_INTERVAL_MS 1000
/* A fault that lasts so long counts. */
#define TROUBLE_MS 2000
#define TROUBLE_TOLD INT64_MAX
#define LAST_CHECKPOINT_MS 10000 /* at a stop, for each topic */

static _Thread_local struct shard *current;

struct shard *shard_current(void)
{
    return current;
}

static void on_kafka_readable(void *context)
{
    struct shard *shard = context;
    ev_kafka_log_poll(shard->log);
}

static void on_serving(void *context, int32_t partition)
{
    const struct shard_topic *at = context;
    at->shard->next_look_ms = 0;
    ownership_on_serving(at, partition);
    hints_announce(at, partition);
    ev_log(EV_LOG_INFO, "partition.serving", "the partition is served", ev_log_cstr("topic", at->topic->full_name),
           ev_log_int("partition", partition));
}

static void on_lost(void *context, int32_t partition)
{
    const struct shard_topic *at = context;
    at->shard->next_look_ms = 0;
    ownership_on_lost(at, partition);
    ev_log(EV_LOG_WARN, "partition.lost", "another writer has taken the partition",
           ev_log_cstr("topic", at->topic->full_name), ev_log_int("partition", partition));
}

static void on_drained(void *context, int32_t partition)
{
    const struct shard_topic *at = context;
    at->shard->next_look_ms = 0;
    ownership_on_drained(at, partition);
    ev_log(EV_LOG_INFO, "partition.drained", "the partition is given up", ev_log_cstr("topic", at->topic->full_name),
           ev_log_int("partition", partition));
}

static void on_checkpoint(void *context, int32_t partition, const struct ev_checkpoint_news *news)
{
    const struct shard_topic *at = context;
    checkpoints_log(at->topic, partition, news);
}

static int shard_open_topic(struct shard *shard, size_t index, struct ev_error *error)
{
    struct command_app *app = shard->app;
    const struct command_topic *topic = &app->topics[index];
    struct shard_topic *at = &shard->topics[index];
    struct ev_log_port *port;
    *at = (struct shard_topic){.shard = shard, .topic = topic};
    at->troubled_since_ms = ev_memory_alloc_array((size_t)topic->partitions, sizeof(*at->troubled_since_ms));
    int result = ev_kafka_log_open(shard->log, topic->full_name, topic->partitions, &port, error);
    if (result == 0 && app->checkpoints)
        result = ev_checkpoint_lmdb_port(app->checkpoints, topic->full_name, &at->checkpoints, error);
    if (result < 0)
        return result;
    struct ev_executor_options options = {
        .topic = topic->schema,
        .topic_name = topic->full_name,
        .deciders = topic->deciders,
        .partition_count = topic->partitions,
        .dedup_entries_max = app->limits.dedup_entries_max,
        .dedup_window_ms = app->limits.dedup_window_ms,
        .requests_max = app->limits.requests_max,
        .owner_id = app->owner_id,
        .clock = ev_clock_system,
        .schema_id = topic->schema_id,
        .schemas = app->schemas,
        .random = http_loop_random(shard->loop),
        .on_serving = on_serving,
        .on_lost = on_lost,
        .on_drained = on_drained,
        .on_checkpoint = on_checkpoint,
        .context = at,
        .checkpoints = at->checkpoints,
        .topic_id = topic->id,
        .deciders_fingerprint = app->deciders_fingerprint,
        .checkpoint_every_ms = app->limits.checkpoint_every_ms,
        .checkpoint_every_records = app->limits.checkpoint_every_records,
        .memory = &app->state_memory,
    };
    return ev_executor_create(&options, port, &at->executor, error);
}

static int shard_open(struct shard *shard, struct ev_error *error)
{
    struct command_app *app = shard->app;
    struct ev_kafka_log_options options = {.kafka = app->kafka, .linger_ms = app->limits.linger_ms};
    int result = ev_kafka_log_create(&options, &shard->log, error);
    for (size_t i = 0; i < app->topic_count && result == 0; i++)
        result = shard_open_topic(shard, i, error);
    if (result == 0)
        result = http_loop_watch(shard->loop, ev_kafka_log_fd(shard->log), on_kafka_readable, shard, error);
    return result;
}

int shard_start(struct http_loop *loop, void *context)
{
    struct command_app *app = context;
    struct shard *shard = ev_memory_new(struct shard);
    struct ev_error error = {0};
    shard->app = app;
    shard->loop = loop;
    shard->index = http_loop_index(loop);
    http_loop_set_user(loop, shard);
    current = shard;
    int result = shard_open(shard, &error);
    if (result < 0) {
        ev_log(EV_LOG_ERROR, "shard.failed", "a loop could not start", ev_log_int("loop", shard->index),
               ev_log_cstr("error", error.message));
        return result;
    }
    shard->metrics = shard_metrics_create(shard);
    atomic_store(&app->shards[shard->index], shard);
    result = ownership_shard_started(shard, &error);
    if (result < 0)
        ev_log(EV_LOG_ERROR, "shard.failed", "the instances' group can't be joined",
               ev_log_cstr("error", error.message));
    return result;
}

/* A partition that serves may still be stuck, e.g. on a record that can't be read. Told once, when it has lasted a
 * while. */
static bool is_troubled(const struct shard_topic *at, int32_t partition, int64_t now_ms)
{
    struct ev_partition_status status;
    ev_executor_partition_status(at->executor, partition, &status);
    int64_t *since_ms = &at->troubled_since_ms[partition];
    if (status.last_error.code == EV_ERR_NONE) {
        if (*since_ms == TROUBLE_TOLD)
            ev_log(EV_LOG_INFO, "partition.recovered", "the partition makes progress again",
                   ev_log_cstr("topic", at->topic->full_name), ev_log_int("partition", partition));
        *since_ms = 0;
        return false;
    }
    if (*since_ms == 0)
        *since_ms = now_ms;
    if (*since_ms == TROUBLE_TOLD || now_ms - *since_ms < TROUBLE_MS)
        return *since_ms == TROUBLE_TOLD;
    *since_ms = TROUBLE_TOLD;
    ev_log(EV_LOG_ERROR, "partition.troubled", "the partition makes no progress",
           ev_log_cstr("topic", at->topic->full_name), ev_log_int("partition", partition),
           ev_log_cstr("state", ev_owner_state_name(status.state)), ev_log_cstr("error", status.last_error.message));
    return true;
}

static void shard_look(struct shard *shard, int64_t now_ms)
{
    unsigned serving = 0, standby = 0;
    for (size_t i = 0; i < shard->app->topic_count; i++) {
        const struct shard_topic *at = &shard->topics[i];
        for (int32_t partition = 0; partition < at->topic->partitions; partition++)
            if (ownership_loop_of(shard->app, partition) == shard->index && !is_troubled(at, partition, now_ms)) {
                serving += ev_executor_is_serving(at->executor, partition);
                standby += ev_executor_is_standby(at->executor, partition);
            }
    }
    atomic_store_explicit(&shard->standby, standby, memory_order_relaxed);
    atomic_store_explicit(&shard->serving, serving, memory_order_relaxed);
}

int64_t shard_tick(struct http_loop *loop, void *context)
{
    struct command_app *app = context;
    struct shard *shard = http_loop_user(loop);
    if (!shard->metrics)
        return 0; /* could not start; the server is stopping */
    int64_t wait_ms = LOOK_INTERVAL_MS;
    for (size_t i = 0; i < app->topic_count; i++) {
        int64_t until_ms = ev_executor_tick(shard->topics[i].executor);
        wait_ms = until_ms < wait_ms ? until_ms : wait_ms;
    }
    int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
    if (now_ms >= shard->next_look_ms) {
        ownership_tick(shard, now_ms);
        shard_look(shard, now_ms);
        shard->next_look_ms = now_ms + LOOK_INTERVAL_MS;
    }
    if (now_ms >= shard->next_report_ms) {
        shard_metrics_report(shard);
        hints_mend(shard);
        shard->next_report_ms = now_ms + REPORT_INTERVAL_MS;
    }
    return wait_ms;
}

static void take_last_checkpoint(const struct shard_topic *at)
{
    size_t unwritten = at->executor ? ev_executor_checkpoint(at->executor, LAST_CHECKPOINT_MS) : 0;
    if (unwritten > 0 && at->checkpoints)
        ev_log(EV_LOG_WARN, "checkpoint.unwritten", "partitions without a checkpoint of their end",
               ev_log_cstr("topic", at->topic->full_name), ev_log_int("partitions", (int64_t)unwritten));
}

/* The loop has drained: no exchange waits for an answer, so no executor has a request. */
void shard_stop(struct http_loop *loop, void *context)
{
    struct command_app *app = context;
    struct shard *shard = http_loop_user(loop);
    atomic_store(&app->shards[shard->index], NULL);
    for (size_t i = 0; i < app->topic_count; i++) {
        take_last_checkpoint(&shard->topics[i]);
        ev_executor_destroy(shard->topics[i].executor);
        free(shard->topics[i].troubled_since_ms);
    }
    ev_kafka_log_destroy(shard->log);
    shard_metrics_destroy(shard->metrics);
    ev_buffer_finish(&shard->scratch);
    http_loop_set_user(loop, NULL);
    current = NULL;
    free(shard);
}

static size_t topic_index(const struct command_app *app, const struct command_topic *topic)
{
    return (size_t)(topic - app->topics);
}

static void submit_here(void *context)
{
    struct shard_request *request = context;
    ev_executor_submit(current->topics[topic_index(request->app, request->topic)].executor, &request->request);
}

/* The executor's rule for the partition (ev_executor_partition), for threads that have no executor. */
int32_t shard_partition(const struct shard_request *request)
{
    struct ev_str stream = request->request.stream_id, category;
    ev_str_split(&stream, '-', &category);
    return ev_hash_partition(stream, request->topic->partitions);
}

void shard_submit(struct shard_request *request)
{
    struct command_app *app = request->app;
    unsigned loop = ownership_loop_of(app, shard_partition(request));
    if (current && current->index == loop) {
        submit_here(request);
        return;
    }
    request->post = (struct http_post){.function = submit_here, .context = request};
    http_loop_post_node(http_server_loop(app->server, loop), &request->post);
}
