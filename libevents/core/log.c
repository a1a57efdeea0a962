#include "core/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/timestamp.h"

static const struct ev_str log_level_names[] = {
    [EV_LOG_DEBUG] = {"debug", 5},
    [EV_LOG_INFO] = {"info", 4},
    [EV_LOG_WARN] = {"warn", 4},
    [EV_LOG_ERROR] = {"error", 5},
};

#define LOG_LEVELS (sizeof(log_level_names) / sizeof(log_level_names[0]))

/* The name is set before there are threads; the level may change any time. */
static char log_service[EV_LOG_SERVICE_MAX] = "orderlog";
static atomic_int log_level = EV_LOG_INFO;

void ev_log_init(const char *service, enum ev_log_level level)
{
    snprintf(log_service, sizeof(log_service), "%s", service);
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool ev_log_level_parse(struct ev_str text, enum ev_log_level *ret)
{
    for (size_t i = 0; i < LOG_LEVELS; i++) {
        if (ev_str_equal(text, log_level_names[i])) {
            *ret = (enum ev_log_level)i;
            return true;
        }
    }
    return false;
}

bool ev_log_enabled(enum ev_log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* At most EV_LOG_TEXT_MAX bytes, cut where a character ends. */
static struct ev_str log_cut(struct ev_str s)
{
    if (s.length <= EV_LOG_TEXT_MAX)
        return s;
    s.length = EV_LOG_TEXT_MAX;
    for (int i = 0; i < 3 && (s.data[s.length] & 0xc0) == 0x80; i++)
        s.length--;
    return s;
}

static void log_write_field(struct ev_json_writer *json, const struct ev_log_field *field)
{
    ev_json_key(json, log_cut(ev_str_of(field->name)));
    switch (field->type) {
    case EV_LOG_FIELD_STR:
        ev_json_string(json, log_cut(field->string));
        break;
    case EV_LOG_FIELD_INT:
        ev_json_int64(json, field->integer);
        break;
    case EV_LOG_FIELD_DOUBLE:
        ev_json_double(json, field->real);
        break;
    case EV_LOG_FIELD_END:
        ev_json_null(json);
        break;
    }
}

static void log_compose(struct ev_buffer *line, enum ev_log_level level, const char *message_id, const char *text,
                        const struct ev_log_field *fields)
{
    char time[EV_TIMESTAMP_TEXT_MAX];
    ev_timestamp_format(ev_clock_wall_ms(&ev_clock_system), time);
    struct ev_json_writer json;
    ev_json_init(&json, line);
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "time", time);
    ev_json_kv_string(&json, "level", (size_t)level < LOG_LEVELS ? log_level_names[level] : EV_STR_NULL);
    ev_json_kv_cstr(&json, "service", log_service);
    ev_json_kv_string(&json, "message_id", log_cut(ev_str_of(message_id)));
    ev_json_kv_string(&json, "message", log_cut(ev_str_of(text)));
    for (size_t i = 0; fields && fields[i].type != EV_LOG_FIELD_END && i < EV_LOG_FIELDS_MAX; i++)
        log_write_field(&json, &fields[i]);
    ev_json_object_end(&json);
    ev_buffer_append_byte(line, '\n');
}

void ev_log_write(enum ev_log_level level, const char *message_id, const char *text, const struct ev_log_field *fields)
{
    if (!ev_log_enabled(level))
        return;
    int saved_errno = errno;
    struct ev_buffer line;
    ev_buffer_init(&line);
    log_compose(&line, level, message_id, text, fields);
    /* In one piece, so that lines of threads and processes that share the file don't mix. What the system didn't take
     * (a pipe without a reader, a full disk) is lost: a program doesn't stop because of its log. */
    ssize_t written;
    do {
        written = write(STDERR_FILENO, line.data, line.length);
    } while (written < 0 && errno == EINTR);
    ev_buffer_finish(&line);
    errno = saved_errno;
}
