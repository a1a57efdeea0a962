/* Configuration as a table: type, name, default and help of every option, and out of it parsing, --help and the
 * documentation (--help=markdown). Later sources win:
 *   1. the default
 *   2. the file of `--config FILE` or ORDERLOG_CONFIG: lines `name = value`, `#` comments; unknown names are errors
 *   3. `.env` in the working directory: lines `NAME=value` with the environment's names; others are ignored
 *   4. the environment: ORDERLOG_ and the name in upper case with `.` and `-` as `_`; others are ignored, because
 * several programs share one environment; empty means not given. SECRETs also by ORDERLOG_…_FILE, the path of a file
 *   5. flags: `--name value` or `--name=value`, BOOLs `--name` alone or `--name=false`; unknown ones are errors
 * A value in a file ends at white space and `#`; in quotes (' or ") it is taken as it is.
 * Names that begin with `kafka.` are not in the table: they are handed to librdkafka, property by property
 * (environment: ORDERLOG_KAFKA_OPTS="name=value,..."; a comma in a value has a backslash before it). */
#pragma once

#include "core/buffer.h"
#include "core/error.h"

#define EV_CONFIG_DOTENV ".env"
#define EV_CONFIG_FILE_MAX ((size_t)64 * 1024) /* bytes of a file */
#define EV_CONFIG_VALUE_MAX ((size_t)8 * 1024) /* bytes of a value */
#define EV_CONFIG_KAFKA_MAX 128                /* properties for librdkafka */

/* INT: a whole number. BOOL: true, false, yes, no, on, off, 1, 0. SECRET: a text that no message repeats. LIST: texts
 * separated by commas, white space around them taken off, empty ones left out. */
enum ev_config_type { EV_CONFIG_STRING, EV_CONFIG_INT, EV_CONFIG_BOOL, EV_CONFIG_SECRET, EV_CONFIG_LIST };

struct ev_config_option {
    const char *name; /* "kafka-brokers"; not "config", "help" or "version" */
    enum ev_config_type type;
    const char *default_value; /* NULL: none, the value is then NULL/0/false */
    const char *help;
    int64_t min, max; /* EV_CONFIG_INT: bounds (both 0: none) */
};

struct ev_config; /* the values; immutable after loading, may be read from any thread */

/* Must outlive the config. */
struct ev_config_program {
    const char *name;                       /* "command-api" */
    const char *summary;                    /* one line */
    const char *usage;                      /* "[options]" */
    const struct ev_config_option *options; /* ends with name == NULL */
};

/* 0, or negative with a message that names source and line: INVALID (unknown name, bad value), NOT_FOUND or IO (a file
 * that was named). `argv` may have positional arguments, kept in order; after `--` all are. Positive: 1 when --help was
 * asked for and has been printed to stdout, 2 when --version was; *ret is set for 0 alone. */
int ev_config_load(const struct ev_config_program *program, int argc, char **argv, struct ev_config **ret,
                   struct ev_error *error);
void ev_config_destroy(struct ev_config *config); /* NULL is fine */

/* To ask for a name that is not in the table ends the process. Strings are owned by the config. */
const char *ev_config_string(const struct ev_config *config,
                             const char *name); /* NULL where not given and no default */
int64_t ev_config_int(const struct ev_config *config, const char *name);
bool ev_config_bool(const struct ev_config *config, const char *name);
size_t ev_config_list(const struct ev_config *config, const char *name, const char *const **ret);
size_t ev_config_positional(const struct ev_config *config, const char *const **ret);
/* The kafka.* properties, without the prefix, as NULL-terminated name/value pairs owned by the config. */
const char *const *ev_config_kafka(const struct ev_config *config);
void ev_config_print_help(const struct ev_config_program *program);

/* Options every program has; first in its table. */
#define EV_CONFIG_COMMON                                                                                               \
    {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers of Kafka", 0, 0},                         \
        {"schema-registry-url",                                                                                        \
         EV_CONFIG_STRING,                                                                                             \
         "http://127.0.0.1:8085/apis/ccompat/v7",                                                                      \
         "schema registry, Confluent API",                                                                             \
         0,                                                                                                            \
         0},                                                                                                           \
        {"mongodb-uri",                                                                                                \
         EV_CONFIG_SECRET,                                                                                             \
         "mongodb://127.0.0.1:27017/orderlog",                                                                         \
         "MongoDB, with the database's name",                                                                          \
         0,                                                                                                            \
         0},                                                                                                           \
        {"elasticsearch-url", EV_CONFIG_SECRET, "http://127.0.0.1:9200", "Elasticsearch or OpenSearch", 0, 0},         \
        {"topic-prefix",                                                                                               \
         EV_CONFIG_STRING,                                                                                             \
         "orderlog",                                                                                                   \
         "namespace: topics are PREFIX.NAME; also prefixes indexes and collections when not the default",              \
         0,                                                                                                            \
         0},                                                                                                           \
        {"data-dir", EV_CONFIG_STRING, ".run/data", "directory for caches and checkpoints of this process", 0, 0},     \
    {                                                                                                                  \
        "log-level", EV_CONFIG_STRING, "info", "debug, info, warn or error", 0, 0                                      \
    }
