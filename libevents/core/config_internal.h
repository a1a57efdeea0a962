/* What config.c, config_source.c and config_help.c share. */
#pragma once

#include "core/arena.h"
#include "core/config.h"

#define CONFIG_ENVIRONMENT_PREFIX "ORDERLOG_"
#define CONFIG_ENVIRONMENT_CONFIG "ORDERLOG_CONFIG"
#define CONFIG_ENVIRONMENT_KAFKA "ORDERLOG_KAFKA_OPTS"
#define CONFIG_FILE_SUFFIX "_FILE"
#define CONFIG_KAFKA_PREFIX "kafka."
#define CONFIG_WHERE_MAX 256

struct config_value {
    const char *text;   /* NULL: not given */
    int64_t integer;    /* INT, and BOOL as 0 or 1 */
    const char **items; /* LIST */
    size_t item_count;
};

struct config_texts {
    const char **items;
    size_t count;
    size_t capacity;
};

/* Everything lies in the arena. */
struct ev_config {
    struct ev_arena arena;
    const struct ev_config_program *program;
    size_t option_count;
    struct config_value *values; /* in the order of the program's options */
    struct config_texts positional;
    struct config_texts kafka; /* name, value, name, value, …, NULL when loading is done */
};

/* An assignment that was read and not yet made: a flag, or a line of a file. */
struct config_setting {
    struct ev_str name;
    struct ev_str value;
    size_t line; /* of a file */
};

struct config_settings {
    struct config_setting *items;
    size_t count;
    size_t capacity;
};

/* config.c: checks and keeps one value; `where` is for the message: a flag, a variable, FILE:LINE. */
int config_assign(struct ev_config *config, size_t option, struct ev_str text, const char *where,
                  struct ev_error *error);
/* `name` is without the prefix "kafka.". */
int config_assign_kafka(struct ev_config *config, struct ev_str name, struct ev_str value, const char *where,
                        struct ev_error *error);
/* Index in the table, or -1. */
int config_find_option(const struct ev_config *config, struct ev_str name);

/* config_source.c: each reads one kind of source. A missing file is NOT_FOUND. */
int config_read_lines(struct ev_config *config, const char *path, struct config_settings *ret, struct ev_error *error);
int config_apply_file(struct ev_config *config, const char *path, struct ev_error *error);
/* `dotenv` NULL: the process's environment, else the lines of the file `.env`. */
int config_apply_environment(struct ev_config *config, const struct config_settings *dotenv, struct ev_error *error);
/* What an environment variable has in the process's environment or, after that, in .env; NULL where neither. */
const char *config_environment_get(struct ev_config *config, const struct config_settings *dotenv, const char *name);
/* "kafka-brokers" gives "ORDERLOG_KAFKA_BROKERS". */
const char *config_environment_name(struct ev_arena *arena, const char *option);

/* config_help.c */
void config_print_markdown(const struct ev_config_program *program);
