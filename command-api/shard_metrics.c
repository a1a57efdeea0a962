#include "shard_metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "ownership.h"

#define EXECUTOR_GAUGES(X)                                                                                             \
    X(streams, "Streams whose state is in memory.")                                                                    \
    X(state_bytes, "Bytes of the streams' states.")                                                                    \
    X(dedup_entries, "Commands that are remembered for deduplication.")                                                \
    X(pending, "Requests without an answer.")                                                                          \
    X(committed, "Commits since the start.")                                                                           \
    X(rejected, "Rejections since the start.")                                                                         \
    X(unchanged, "Commands that changed nothing since the start.")                                                     \
    X(duplicates, "Repeated commands since the start.")                                                                \
    X(voids, "Void records met since the start.")                                                                      \
    X(refences, "Fences after doubt since the start.")                                                                 \
    X(loads, "Streams read from the checkpoint since the start.")                                                      \
    X(evictions, "Streams dropped from memory since the start; they are in the checkpoint.")                           \
    X(refused_for_memory, "Commands refused because no memory was left for their streams.")                            \
    X(checkpoints, "Checkpoints of partitions written since the start.")                                               \
    X(checkpoint_failures, "Checkpoints that could not be written since the start.")                                   \
    X(checkpoint_bytes, "Bytes written in checkpoints since the start.")                                               \
    X(checkpoint_ms, "Milliseconds from the beginning of checkpoints to their end, all together.")                     \
    X(checkpoint_lag, "Records that no checkpoint holds yet.")                                                         \
    X(checkpoint_age_ms, "Age of the oldest partition's checkpoint; -1: there is none.")

#define LOG_GAUGES(X)                                                                                                  \
    X(queued_messages, "Records that wait for their delivery report.")                                                 \
    X(appended, "Records appended since the start.")                                                                   \
    X(failed, "Appends that failed since the start.")                                                                  \
    X(producers, "Producers made since the start.")                                                                    \
    X(records_read, "Records read since the start.")                                                                   \
    X(end_offset_calls, "Questions for end offsets since the start.")

struct executor_gauges {
#define X(name, help) struct ev_metric *name;
    EXECUTOR_GAUGES(X)
#undef X
};
struct shard_metrics {
    struct executor_gauges executors[COMMAND_TOPICS_MAX];
    struct ev_metric *rebuilds[COMMAND_TOPICS_MAX][EV_REBUILD_REASON_COUNT];
    struct ev_metric *state_memory, *checkpoint_used, *checkpoint_map; /* of the process */
#define X(name, help) struct ev_metric *name;
    LOG_GAUGES(X)
#undef X
    struct ev_metric *serving, *standby, *assigned, *generation, *rebalances;
};

struct shard_metrics *shard_metrics_create(const struct shard *shard)
{
    struct shard_metrics *created = ev_memory_new(struct shard_metrics);
    struct ev_metrics *metrics = shard->app->metrics;
    char labels[EV_TOPIC_NAME_MAX + 64];
    for (size_t i = 0; i < shard->app->topic_count; i++) {
        snprintf(labels, sizeof(labels), "topic=\"%s\",loop=\"%u\"", shard->app->topics[i].full_name, shard->index);
#define X(name, help) created->executors[i].name = ev_metrics_gauge(metrics, "orderlog_executor_" #name, labels, help);
        EXECUTOR_GAUGES(X)
#undef X
        for (int r = 0; r < EV_REBUILD_REASON_COUNT; r++) {
            snprintf(labels, sizeof(labels), "topic=\"%s\",loop=\"%u\",reason=\"%s\"", shard->app->topics[i].full_name,
                     shard->index, ev_rebuild_reason_name((enum ev_rebuild_reason)r));
            created->rebuilds[i][r] =
                ev_metrics_gauge(metrics, "orderlog_checkpoint_rebuilds", labels,
                                 "Partitions built from the log's start although there was a checkpoint.");
        }
    }
    created->state_memory = ev_metrics_gauge(metrics, "orderlog_state_memory_bytes", "",
                                             "Memory of streams that --state-memory-mb bounds.");
    created->checkpoint_used =
        ev_metrics_gauge(metrics, "orderlog_checkpoint_file_bytes", "", "Pages of the checkpoints' file.");
    created->checkpoint_map =
        ev_metrics_gauge(metrics, "orderlog_checkpoint_file_bytes_max", "", "Bound on the checkpoints' file.");
    snprintf(labels, sizeof(labels), "loop=\"%u\"", shard->index);
#define X(name, help) created->name = ev_metrics_gauge(metrics, "orderlog_log_" #name, labels, help);
    LOG_GAUGES(X)
#undef X
    created->serving = ev_metrics_gauge(metrics, "orderlog_partitions_serving", labels, "Partitions that are served.");
    created->standby = ev_metrics_gauge(metrics, "orderlog_partitions_standby", labels,
                                        "Partitions of others that are read, to take over quickly.");
    created->assigned =
        ev_metrics_gauge(metrics, "orderlog_partitions_assigned", "", "Partitions that the group has assigned.");
    created->generation = ev_metrics_gauge(metrics, "orderlog_group_generation", "", "Of the instances' group.");
    created->rebalances = ev_metrics_gauge(metrics, "orderlog_group_rebalances", "",
                                           "Times that the group has told this instance its share.");
    return created;
}

void shard_metrics_destroy(struct shard_metrics *metrics)
{
    free(metrics); /* the gauges are the registry's */
}

static void report_checkpoints(const struct shard *shard)
{
    struct command_app *app = shard->app;
    struct ev_checkpoint_lmdb_stats stats;
    ev_metric_set(shard->metrics->state_memory, (int64_t)atomic_load(&app->state_memory.used));
    if (!app->checkpoints)
        return;
    ev_checkpoint_lmdb_stats(app->checkpoints, &stats);
    ev_metric_set(shard->metrics->checkpoint_used, stats.used_bytes);
    ev_metric_set(shard->metrics->checkpoint_map, stats.map_bytes);
}

void shard_metrics_report(const struct shard *shard)
{
    const struct shard_metrics *metrics = shard->metrics;
    for (size_t i = 0; i < shard->app->topic_count; i++) {
        struct ev_executor_stats stats;
        ev_executor_stats(shard->topics[i].executor, &stats);
#define X(name, help) ev_metric_set(metrics->executors[i].name, (int64_t)stats.name);
        EXECUTOR_GAUGES(X)
#undef X
        for (int r = 0; r < EV_REBUILD_REASON_COUNT; r++)
            ev_metric_set(metrics->rebuilds[i][r], stats.rebuilds[r]);
    }
    report_checkpoints(shard);
    struct ev_kafka_log_stats log;
    ev_kafka_log_stats(shard->log, &log);
#define X(name, help) ev_metric_set(metrics->name, log.name);
    LOG_GAUGES(X)
#undef X
    struct ownership_status status;
    ownership_status(shard->app, &status);
    ev_metric_set(metrics->assigned, status.assigned);
    ev_metric_set(metrics->generation, status.generation);
    ev_metric_set(metrics->rebalances, status.rebalances);
    ev_metric_set(metrics->standby, (int64_t)atomic_load_explicit(&shard->standby, memory_order_relaxed));
    ev_metric_set(metrics->serving, (int64_t)atomic_load_explicit(&shard->serving, memory_order_relaxed));
}
