#include "json_text.h"

#include <inttypes.h>
#include <stdarg.h>

#include "core/fatal.h"
#include "core/json.h"

static void json_text_value(struct ev_buffer *out, char kind, va_list *values)
{
    struct ev_json_writer writer;
    switch (kind) {
    case 'j':
        ev_json_init(&writer, out);
        ev_json_string(&writer, va_arg(*values, struct ev_str));
        break;
    case 'i':
        ev_buffer_printf(out, "%" PRId64, va_arg(*values, int64_t));
        break;
    case 'r':
        ev_buffer_append_str(out, va_arg(*values, struct ev_str));
        break;
    case 's':
        ev_buffer_append_str(out, ev_str_of(va_arg(*values, const char *)));
        break;
    default:
        ev_fatal("a JSON format has %%%c", kind);
    }
}

static void json_text_write(struct ev_buffer *out, const char *format, va_list *values)
{
    for (; *format; format++) {
        if (*format == '%')
            json_text_value(out, *++format, values);
        else
            ev_buffer_append_byte(out, *format == '\'' ? '"' : *format);
    }
}

void json_text_append(struct ev_buffer *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    json_text_write(out, format, &values);
    va_end(values);
}

void json_text_append_item(struct ev_buffer *out, const char *format, ...)
{
    va_list values;
    char last = out->length > 0 ? out->data[out->length - 1] : '[';
    if (last != '[' && last != '{')
        ev_buffer_append_byte(out, ',');
    va_start(values, format);
    json_text_write(out, format, &values);
    va_end(values);
}
