/* What the parts of the command API share: one struct command_app per process, made by main.c, immutable while the
 * loops run. */
#pragma once

#include <stdatomic.h>

#include "avro/registry.h"
#include "core/core.h"
#include "domain/domain.h"
#include "libhttp/server.h"
#include "log/kafka_log.h"
#include "log/owner_hints.h"
#include "log/topics.h"
#include "price_list.h"
#include "price_reader.h"
#include "stream/checkpoint_lmdb.h"
#include "stream/executor.h"

#define COMMAND_TOPICS_MAX 8
#define COMMAND_THREADS_MAX 64
#define COMMAND_OWNER_ID_MAX 128

struct command_topic {
    const struct ev_topic_schema *schema;
    const struct ev_decider *const *deciders;
    char full_name[EV_TOPIC_NAME_MAX + 1];
    int32_t partitions;
    int32_t schema_id;        /* of its commits */
    bool owned;               /* this instance may own partitions of it (--only) */
    char id[EV_TOPIC_ID_MAX]; /* Kafka's */
};

struct command_limits {
    int64_t deadline_ms; /* of a command that names none */
    size_t requests_max; /* per partition */
    size_t dedup_entries_max;
    int64_t dedup_window_ms;
    int64_t linger_ms;
    size_t forwards_max; /* commands for partitions of other instances, in all */
    int64_t checkpoint_every_ms, checkpoint_every_records;
};

struct shard;
struct ownership;
struct forwarder;
struct command_app {
    struct ev_kafka_config kafka;
    struct ev_registry *registry;
    struct ev_schema_source schemas;
    struct ev_metrics *metrics;
    struct command_topic topics[COMMAND_TOPICS_MAX];
    size_t topic_count;
    struct command_limits limits;
    char owner_id[COMMAND_OWNER_ID_MAX];
    struct ev_checkpoint_lmdb *checkpoints; /* NULL: none are kept; checkpoints.h */
    struct ev_state_memory state_memory;
    uint64_t deciders_fingerprint;
    struct price_list *prices;
    struct price_reader *price_reader;
    struct http_server *server;
    struct ownership *ownership; /* ownership.h */
    struct ev_owner_hints *hints;
    struct forwarder *forwarder;
    char advertised[EV_OWNER_URL_MAX + 1]; /* where other instances reach the private listener */
    _Atomic int64_t ready_ms;              /* monotonic: when all its partitions were last seen served; 0: never */
    unsigned threads;
    _Atomic(struct shard *) shards[COMMAND_THREADS_MAX]; /* by loop; NULL until its loop has started */
};

/* The topic that holds the category; never NULL for a category that was generated. */
const struct command_topic *command_topic_of(const struct command_app *app, const char *category);
