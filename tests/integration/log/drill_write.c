#include <stdio.h>
#include <sys/resource.h>

#include "client.h"

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void stock_all(struct drill_node *node, const struct drill *drill)
{
    struct client client;
    client_init(&client, node, drill, CLIENT_STOCKS, 0, drill->streams);
    (void)client_run(&client);
    client_finish(&client);
}

static void print(struct client *client, int64_t took_us, double cpu)
{
    struct ev_executor_stats stats;
    struct ev_kafka_log_stats log;
    int64_t queries = 0;
    ev_executor_stats(client->node->executor, &stats);
    ev_kafka_log_stats(client->node->log, &log);
    for (int32_t i = 0; i < client->node->partitions; i++) {
        struct ev_partition_status status;
        ev_executor_partition_status(client->node->executor, i, &status);
        queries += status.counts.end_offset_queries;
    }
    printf("{\"committed\": %lld, \"duplicates\": %lld, \"rejected\": %lld, \"failed\": %lld, \"faults\": %lld, "
           "\"per_second\": %.0f, \"p50_us\": %lld, \"p99_us\": %lld, \"cpu_us_per_command\": %.1f, \"voids\": %lld, "
           "\"refences\": %lld, \"producers\": %lld, \"end_offset_queries\": %lld, \"end_offset_calls\": %lld}\n",
           (long long)client->outcomes[EV_OUTCOME_COMMITTED], (long long)client->outcomes[EV_OUTCOME_DUPLICATE],
           (long long)client->outcomes[EV_OUTCOME_REJECTED], (long long)client->outcomes[EV_OUTCOME_FAILED],
           (long long)client->faults, (double)client->finished * 1e6 / (double)took_us,
           (long long)client_latency_us(client, 500), (long long)client_latency_us(client, 990),
           cpu * 1e6 / (double)client->finished, (long long)stats.voids, (long long)stats.refences,
           (long long)log.producers, (long long)queries, (long long)log.end_offset_calls);
}

static int run(const struct drill *drill, enum client_kind kind, bool unconfirmed)
{
    struct drill_node node;
    struct client client;
    drill_node_start(&node, drill, unconfirmed);
    drill_node_serve(&node);
    stock_all(&node, drill);
    client_init(&client, &node, drill, kind, drill->base, drill->base + drill->count);
    double cpu = cpu_seconds();
    int64_t took_us = client_run(&client);
    cpu = cpu_seconds() - cpu;
    print(&client, took_us, cpu);
    bool good = client.faults == 0;
    client_finish(&client);
    drill_node_stop(&node);
    return good ? 0 : 1;
}

int drill_write(const struct drill *drill)
{
    return run(drill, CLIENT_SELLS, false);
}

int drill_reject(const struct drill *drill)
{
    int confirmed = run(drill, CLIENT_ASKS_UNKNOWN, false);
    int unconfirmed = run(drill, CLIENT_ASKS_UNKNOWN, true);
    return confirmed || unconfirmed;
}
