/* Structured log of a program: one JSON line per message on stderr, with time, level, a stable message id and typed
 * fields. Thread-safe. For programs only: libraries return errors. */
#pragma once

#include "core/str.h"

enum ev_log_level { EV_LOG_DEBUG, EV_LOG_INFO, EV_LOG_WARN, EV_LOG_ERROR };

enum ev_log_field_type { EV_LOG_FIELD_END, EV_LOG_FIELD_STR, EV_LOG_FIELD_INT, EV_LOG_FIELD_DOUBLE };
struct ev_log_field {
    const char *name;
    enum ev_log_field_type type;
    struct ev_str string;
    int64_t integer;
    double real;
};

static inline struct ev_log_field ev_log_str(const char *name, struct ev_str value)
{
    return (struct ev_log_field){.name = name, .type = EV_LOG_FIELD_STR, .string = value};
}
static inline struct ev_log_field ev_log_cstr(const char *name, const char *value)
{
    return (struct ev_log_field){.name = name, .type = EV_LOG_FIELD_STR, .string = ev_str_of(value)};
}
static inline struct ev_log_field ev_log_int(const char *name, int64_t value)
{
    return (struct ev_log_field){.name = name, .type = EV_LOG_FIELD_INT, .integer = value};
}
static inline struct ev_log_field ev_log_double(const char *name, double value)
{
    return (struct ev_log_field){.name = name, .type = EV_LOG_FIELD_DOUBLE, .real = value};
}

/* `service` is the program's name on every line (copied). Lines below `level` are dropped. */
void ev_log_init(const char *service, enum ev_log_level level);
bool ev_log_level_parse(struct ev_str text, enum ev_log_level *ret);
void ev_log_write(enum ev_log_level level, const char *message_id, const char *text, const struct ev_log_field *fields);
/* ev_log(EV_LOG_INFO, "partition.serving", "partition is served", ev_log_int("partition", 3)); */
#define ev_log(level, message_id, text, ...)                                                                           \
    ev_log_write((level), (message_id), (text),                                                                        \
                 (const struct ev_log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = EV_LOG_FIELD_END}})
