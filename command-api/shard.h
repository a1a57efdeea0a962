/* What one event loop owns: a Kafka log, an executor for each topic with the partitions that are this loop's, and what
 * they tell. Everything here happens on the loop, but for shard_submit and what is atomic. */
#pragma once

#include <stdatomic.h>

#include "app.h"

struct shard;
struct shard_metrics;

/* What an executor's callbacks are about. */
struct shard_topic {
    struct shard *shard;
    const struct command_topic *topic;
    struct ev_executor *executor;
    struct ev_checkpoint_port *checkpoints; /* NULL: none are kept */
    int64_t *troubled_since_ms;             /* by partition; 0: all is well */
};

struct shard {
    struct command_app *app;
    struct http_loop *loop;
    unsigned index;
    struct ev_kafka_log *log;
    struct shard_topic topics[COMMAND_TOPICS_MAX]; /* by index of the topic */
    struct ev_buffer scratch;                      /* answers are written here, then copied */
    struct shard_metrics *metrics;
    int64_t next_look_ms, next_report_ms;
    atomic_uint serving, standby; /* partitions, at the last look */
};

/* For http_server_options: made when the loop starts, ended when it has drained. `app` is a struct command_app. */
int shard_start(struct http_loop *loop, void *app);
int64_t shard_tick(struct http_loop *loop, void *app);
void shard_stop(struct http_loop *loop, void *app);

/* The shard of the loop that this thread runs; NULL elsewhere. */
struct shard *shard_current(void);

/* A request on its way to the executor of its topic, perhaps on another loop. Stays until request.done was called,
 * which happens on the loop of the stream's partition. */
struct shard_request {
    struct ev_request request; /* first */
    const struct command_topic *topic;
    struct command_app *app;
    struct http_post post;
};
/* From any thread. On the partition's own loop the executor is called at once, and so may be request.done. */
void shard_submit(struct shard_request *request);
/* The partition of the request's stream. Any thread. */
int32_t shard_partition(const struct shard_request *request);
