/* Configuration as a table: type, name, default and help of every option, and out of it --help, parsing and the documentation.
 * Later sources win: default, file (`--config FILE` or ORDERLOG_CONFIG; lines `name = value`, `#` comments), `.env` in the working directory,
 * environment (`ORDERLOG_` + upper-cased name with `.` and `-` as `_`; secrets also by `…_FILE`), flags (`--name value` or `--name=value`).
 * Names that begin with `kafka.` are not in the table: they are handed to librdkafka (environment: ORDERLOG_KAFKA_OPTS="name=value,..."). */
#pragma once

#include "core/buffer.h"
#include "core/error.h"

enum ev_config_type { EV_CONFIG_STRING, EV_CONFIG_INT, EV_CONFIG_BOOL, EV_CONFIG_SECRET, EV_CONFIG_LIST };

struct ev_config_option {
    const char *name;          /* "kafka-brokers" */
    enum ev_config_type type;
    const char *default_value; /* NULL: none, the value is then NULL/0 */
    const char *help;
    int64_t min, max;          /* EV_CONFIG_INT: bounds (both 0: none) */
};

struct ev_config; /* the values; immutable after loading, may be read from any thread */

struct ev_config_program {
    const char *name;     /* "command-api" */
    const char *summary;  /* one line */
    const char *usage;    /* "[options]" */
    const struct ev_config_option *options; /* ends with name == NULL */
};

/* 0, or INVALID with a message that names source and line (unknown name, bad value). `argv` may have positional arguments, kept in order.
 * Positive: 1 when --help was asked for and has been printed to stdout, 2 when --version was. */
int ev_config_load(const struct ev_config_program *program, int argc, char **argv, struct ev_config **ret,
                   struct ev_error *error);
void ev_config_destroy(struct ev_config *config);
const char *ev_config_string(const struct ev_config *config, const char *name); /* NULL where not given and no default */
int64_t ev_config_int(const struct ev_config *config, const char *name);
bool ev_config_bool(const struct ev_config *config, const char *name);
size_t ev_config_positional(const struct ev_config *config, const char *const **ret);
/* The kafka.* properties, without the prefix, as NULL-terminated name/value pairs owned by the config. */
const char *const *ev_config_kafka(const struct ev_config *config);
void ev_config_print_help(const struct ev_config_program *program);

/* Options every program has (brokers, registry, mongodb, elasticsearch, topic prefix, listen addresses, data dir, log level …); include in a table. */
#define EV_CONFIG_COMMON                                                                                               \
    {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers of Kafka", 0, 0},                         \
        {"schema-registry-url", EV_CONFIG_STRING, "http://127.0.0.1:8085/apis/ccompat/v7",                             \
         "schema registry, Confluent API", 0, 0},                                                                      \
        {"mongodb-uri", EV_CONFIG_SECRET, "mongodb://127.0.0.1:27017/orderlog", "MongoDB, with the database's name", 0, \
         0},                                                                                                           \
        {"elasticsearch-url", EV_CONFIG_SECRET, "http://127.0.0.1:9200", "Elasticsearch or OpenSearch", 0, 0},         \
        {"topic-prefix", EV_CONFIG_STRING, "orderlog", "namespace: topics are PREFIX.NAME; also prefixes indexes and collections when not the default", 0, 0},        \
        {"data-dir", EV_CONFIG_STRING, ".run/data", "directory for caches and checkpoints of this process", 0, 0},     \
        {"log-level", EV_CONFIG_STRING, "info", "debug, info, warn or error", 0, 0}
