/* Structured log of a program: one JSON line per message on stderr, in one write, with "time", "level", "service",
 * "message_id", "message" and the typed fields under their own names (which must be others). Thread-safe. For programs
 * only: libraries return errors. */
#pragma once

#include "core/str.h"

#define EV_LOG_SERVICE_MAX 64
#define EV_LOG_TEXT_MAX ((size_t)4096) /* bytes of one string; the rest is cut off */
#define EV_LOG_FIELDS_MAX 32           /* further fields are left out */

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

/* `service` is the program's name on every line (copied, cut at EV_LOG_SERVICE_MAX - 1). Lines below `level` are
 * dropped. Before other threads are started; until then the level is info. */
void ev_log_init(const char *service, enum ev_log_level level);
/* "debug", "info", "warn" or "error". */
bool ev_log_level_parse(struct ev_str text, enum ev_log_level *ret);
/* Whether a line of this level would be written, for fields that are costly to make. */
bool ev_log_enabled(enum ev_log_level level);
/* `fields` end with type EV_LOG_FIELD_END; NULL for none. Leaves errno alone. */
void ev_log_write(enum ev_log_level level, const char *message_id, const char *text, const struct ev_log_field *fields);
/* ev_log(EV_LOG_INFO, "partition.serving", "partition is served", ev_log_int("partition", 3)); */
#define ev_log(level, message_id, text, ...)                                                                           \
    ev_log_write((level), (message_id), (text),                                                                        \
                 (const struct ev_log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = EV_LOG_FIELD_END}})
