/* A program for the tests beside it and for measuring. It writes a log of made-up orders straight to Kafka (with
 * fences, void commits and garbage, which no command can make), runs one projection by itself, and compares a store
 * with a fold of the log in memory. */
#pragma once

#include "avro/registry.h"
#include "core/config.h"
#include "fold/digest.h"
#include "fold/memory_sink.h"
#include "fold/projection.h"
#include "sinks/elasticsearch.h"
#include "sinks/mongo.h"
#include "views/views.h"

struct drill {
    const struct ev_config *config;
    struct ev_kafka_config kafka;
    struct ev_registry *registry;
    struct mongo_pool *mongo;
    const char *prefix;
};

/* feed: appends orders to the topic "order". */
int drill_feed(struct drill *drill, struct ev_error *error);
/* project VIEW SINK: runs one projection until it has caught up, and prints how long it took. */
int drill_project(struct drill *drill, const struct ev_view *view, const char *sink_name, struct ev_error *error);
/* prove VIEW SINK: 1 when the store differs from a fold of the log up to the store's own checkpoints. */
int drill_prove(struct drill *drill, const struct ev_view *view, const char *sink_name, struct ev_error *error);

/* A view of the shop, or "deleting". NULL: there is none. */
const struct ev_view *drill_find_view(struct ev_str name);
/* put or delete SINK KEY OFFSET PREVIOUS: one write to the view "deleting"; prints what the sink says. show SINK KEY:
 * what is there. */
struct drill_write {
    struct ev_str key;
    int64_t offset, previous;
    bool deleted, shows;
};
int drill_write(struct drill *drill, const char *sink_name, const struct drill_write *what, struct ev_error *error);

/* "memory", "mongodb" or "elasticsearch"; the caller destroys it. */
int drill_make_sink(struct drill *drill, const char *name, struct ev_sink **ret, struct ev_error *error);
int drill_make_reader(struct drill *drill, const struct ev_view *view, struct ev_reader **ret, struct ev_error *error);
/* Steps until all partitions' checkpoints are at the ends that the log has when this begins. */
int drill_run(struct ev_projection *projection, struct ev_error *error);
int64_t drill_now_ms(void);
