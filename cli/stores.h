/* The views' stores, for the subcommands that work on them. */
#pragma once

#include "avro/registry.h"
#include "cli/cli.h"
#include "replay/replay.h"

#define STORES_OPTIONS                                                                                                 \
    {                                                                                                                  \
        "mongodb-uri",                                                                                                 \
        EV_CONFIG_SECRET,                                                                                              \
        "mongodb://127.0.0.1:27017/orderlog",                                                                          \
        "MongoDB, with the database's name",                                                                           \
        0,                                                                                                             \
        0},                                                                                                            \
        {"elasticsearch-url", EV_CONFIG_SECRET, "http://127.0.0.1:9200", "Elasticsearch or OpenSearch", 0, 0},         \
        {"topic-prefix", EV_CONFIG_STRING, "orderlog", "namespace of topics, collections and indexes", 0, 0},          \
        {"sink", EV_CONFIG_STRING, NULL, "mongodb or elasticsearch (default: each that has the view)", 0, 0},          \
    {                                                                                                                  \
        "log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0                                      \
    }

struct stores {
    const struct ev_config *config;
    struct mongo_pool *mongo;
};

int stores_open(const struct ev_config *config, struct stores *ret, struct ev_error *error);
void stores_close(struct stores *stores); /* safe on a zeroed one */
/* The views that the arguments name, in the stores that --sink names; all where none is named and `all`. INVALID with
 * what is wrong with them. */
int stores_choose(const struct ev_config *config, bool all, struct choice ret[CHOICE_MAX], size_t *ret_count,
                  struct ev_error *error);
/* A sink of the store; the caller destroys it. */
int stores_make_sink(const struct stores *stores, enum choice_store store, struct ev_sink **ret,
                     struct ev_error *error);
