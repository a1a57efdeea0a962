/* Raw librdkafka with a fixed number of records in flight: how fast the client and the broker are by themselves. Prints
 * one JSON line.
 *
 *   raw_producer BROKERS TOPIC IN_FLIGHT SECONDS BYTES
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define LATENCIES_MAX 4000000
#define DELIVERIES_MAX 1024

static uint32_t *latencies_us;
static size_t delivered;

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void set(rd_kafka_conf_t *settings, const char *name, const char *value)
{
    char fault[256];
    if (rd_kafka_conf_set(settings, name, value, fault, sizeof(fault)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "raw_producer: %s\n", fault);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static rd_kafka_t *start(const char *brokers)
{
    char fault[256];
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    set(settings, "bootstrap.servers", brokers);
    set(settings, "enable.idempotence", "true");
    set(settings, "acks", "all");
    set(settings, "message.timeout.ms", "0");
    set(settings, "linger.ms", "0");
    set(settings, "max.in.flight.requests.per.connection", "5");
    set(settings, "socket.nagle.disable", "true");
    rd_kafka_conf_set_events(settings, RD_KAFKA_EVENT_DR);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, settings, fault, sizeof(fault));
    if (!producer) {
        fprintf(stderr, "raw_producer: %s\n", fault);
        exit(1);
    }
    return producer;
}

/* Takes what was delivered off the queue; returns how many. */
static int drain(rd_kafka_queue_t *queue, int timeout_ms)
{
    int count = 0;
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    const rd_kafka_message_t *messages[DELIVERIES_MAX];
    size_t got;
    while (event && (got = rd_kafka_event_message_array(event, messages, DELIVERIES_MAX)) > 0) {
        int64_t now = now_us();
        for (size_t i = 0; i < got; i++) {
            if (messages[i]->err) {
                fprintf(stderr, "raw_producer: %s\n", rd_kafka_err2str(messages[i]->err));
                exit(1);
            }
            if (delivered < LATENCIES_MAX)
                latencies_us[delivered++] = (uint32_t)(now - (int64_t)(intptr_t)messages[i]->_private);
        }
        count += (int)got;
    }
    if (event)
        rd_kafka_event_destroy(event);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: raw_producer BROKERS TOPIC IN_FLIGHT SECONDS BYTES\n", stderr);
        return 2;
    }
    int in_flight_max = (int)strtol(argv[3], NULL, 10), in_flight = 0;
    int64_t seconds = strtol(argv[4], NULL, 10);
    size_t bytes = (size_t)strtol(argv[5], NULL, 10);
    rd_kafka_t *producer = start(argv[1]);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, argv[2], NULL);
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(producer, 0, topic, &metadata, 10000) != 0 || metadata->topics[0].partition_cnt == 0)
        return 1;
    int32_t partitions = metadata->topics[0].partition_cnt, next = 0;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer);
    char *body = calloc(1, bytes + 1);
    latencies_us = malloc(sizeof(*latencies_us) * LATENCIES_MAX);
    memset(body, 'x', bytes);
    int64_t started = now_us(), until = started + seconds * 1000000;
    while (now_us() < until || in_flight > 0) {
        while (in_flight < in_flight_max && now_us() < until) {
            if (rd_kafka_produce(topic, next, RD_KAFKA_MSG_F_COPY, body, bytes, NULL, 0, (void *)(intptr_t)now_us()) !=
                0)
                break;
            next = (next + 1) % partitions;
            in_flight++;
        }
        in_flight -= drain(queue, 100);
    }
    double elapsed = (double)(now_us() - started) / 1e6;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    qsort(latencies_us, delivered, sizeof(latencies_us[0]), compare);
    printf("{\"per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"cpu_us\":%.2f,\"count\":%zu}\n",
           (double)delivered / elapsed, latencies_us[delivered / 2] / 1e3, latencies_us[delivered * 99 / 100] / 1e3,
           cpu * 1e6 / (double)delivered, delivered);
    return 0;
}
