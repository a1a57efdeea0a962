#include "log/kafka_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/memory.h"
#include "log/kafka_log_internal.h"

int64_t ev_kafka_log_now(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static const uint64_t one = 1;

void ev_kafka_log_wake(struct ev_kafka_log *log)
{
    ssize_t written = write(log->wake_fd, &one, sizeof(one));
    (void)written; /* can fail only when the counter is at its end: then the descriptor is readable anyway */
}

void ev_kafka_log_watch(struct ev_kafka_log *log, rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, log->wake_fd, &one, sizeof(one));
}

int ev_kafka_log_create(const struct ev_kafka_log_options *options, struct ev_kafka_log **ret, struct ev_error *error)
{
    struct ev_kafka_log *log = ev_memory_new(struct ev_kafka_log);
    log->kafka = options->kafka;
    snprintf(log->linger_ms, sizeof(log->linger_ms), "%lld", (long long)options->linger_ms);
    log->fetcher.wait_ms = "10";
    log->fetcher.min_bytes = "1";
    log->follower.wait_ms = "100";
    log->follower.min_bytes = "1048576";
    log->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int r = log->wake_fd < 0 ? ev_error_set(error, EV_ERR_IO, "eventfd: %s", strerror(errno))
                             : ev_kafka_producer_create(log, error);
    if (r < 0) {
        ev_kafka_log_destroy(log);
        return r;
    }
    *ret = log;
    return 0;
}

void ev_kafka_log_destroy(struct ev_kafka_log *log)
{
    if (!log)
        return;
    for (int i = 0; i < EV_KAFKA_LOG_RETIRED_MAX; i++) {
        if (log->retired[i].ending)
            pthread_join(log->retired[i].thread, NULL);
        else
            ev_kafka_producer_destroy(&log->retired[i]);
    }
    ev_kafka_producer_destroy(&log->producer);
    ev_kafka_outbox_finish(log);
    ev_kafka_fetcher_destroy(log, &log->fetcher);
    ev_kafka_fetcher_destroy(log, &log->follower);
    for (int i = 0; i < log->port_count; i++) {
        free(log->ports[i]->topic);
        free(log->ports[i]->partitions);
        free(log->ports[i]);
    }
    if (log->wake_fd >= 0)
        close(log->wake_fd);
    free(log);
}

int ev_kafka_log_open(struct ev_kafka_log *log, const char *topic, int32_t partition_count, struct ev_log_port **ret,
                      struct ev_error *error)
{
    if (log->port_count == EV_KAFKA_LOG_TOPICS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %d topics", EV_KAFKA_LOG_TOPICS_MAX);
    if (partition_count <= 0)
        return ev_error_set(error, EV_ERR_INVALID, "%s: %d partitions", topic, (int)partition_count);
    for (int i = 0; i < log->port_count; i++) {
        if (strcmp(log->ports[i]->topic, topic) == 0)
            return ev_error_set(error, EV_ERR_INVALID, "%s is open already", topic);
    }
    struct ev_kafka_port *port = ev_memory_new(struct ev_kafka_port);
    *port = (struct ev_kafka_port){
        .port = {.append = ev_kafka_producer_append,
                 .read = ev_kafka_fetcher_read,
                 .stop = ev_kafka_fetcher_stop,
                 .end_offset = ev_kafka_offsets_ask,
                 .purge = ev_kafka_producer_purge},
        .log = log,
        .index = log->port_count,
        .topic = ev_memory_copy(topic, strlen(topic)),
        .partition_count = partition_count,
        .partitions = ev_memory_alloc_array((size_t)partition_count, sizeof(*port->partitions)),
    };
    for (int32_t i = 0; i < partition_count; i++) {
        port->partitions[i].port = port;
        port->partitions[i].partition = i;
    }
    log->ports[log->port_count++] = port;
    *ret = &port->port;
    return 0;
}

int ev_kafka_log_fd(const struct ev_kafka_log *log)
{
    return log->wake_fd;
}

size_t ev_kafka_log_poll(struct ev_kafka_log *log)
{
    uint64_t wakes;
    ssize_t got = read(log->wake_fd, &wakes, sizeof(wakes)); /* before looking: what comes later wakes again */
    (void)got;
    size_t answers = ev_kafka_producer_poll(log) + ev_kafka_fetcher_poll(log, &log->fetcher);
    return answers + ev_kafka_fetcher_poll(log, &log->follower);
}

void ev_kafka_log_stats(const struct ev_kafka_log *log, struct ev_kafka_log_stats *ret)
{
    *ret = log->stats;
}

const struct ev_error *ev_kafka_log_last_error(const struct ev_kafka_log *log)
{
    return &log->last_error;
}
