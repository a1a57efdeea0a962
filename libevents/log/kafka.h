/* How to reach Kafka: what every part that talks to it is given. */
#pragma once

struct ev_kafka_config {
    const char *brokers;
    const char *topic_prefix;
    const char *const
        *properties; /* NULL-terminated name/value pairs for librdkafka, may be NULL; they win over our defaults */
    const char *client_id;
};
