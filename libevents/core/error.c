#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

static void error_fill(struct ev_error *error, enum ev_error_code code, bool retriable, const char *format,
                       va_list arguments)
{
    /* Through a copy: an argument may be the message that is there already, as in "partition 3: %s". */
    struct ev_error filled = {.code = code, .retriable = retriable};
    if (vsnprintf(filled.message, sizeof(filled.message), format, arguments) < 0)
        snprintf(filled.message, sizeof(filled.message), "%s", ev_error_text(code));
    *error = filled;
}

int ev_error_set(struct ev_error *error, enum ev_error_code code, const char *format, ...)
{
    if (!error)
        return code;
    va_list arguments;
    va_start(arguments, format);
    error_fill(error, code, false, format, arguments);
    va_end(arguments);
    return code;
}

int ev_error_set_retriable(struct ev_error *error, enum ev_error_code code, const char *format, ...)
{
    if (!error)
        return code;
    va_list arguments;
    va_start(arguments, format);
    error_fill(error, code, true, format, arguments);
    va_end(arguments);
    return code;
}

const char *ev_error_name(int code)
{
    switch (code) {
#define X(name, number, text)                                                                                          \
    case number:                                                                                                       \
        return #name;
        EV_ERROR_CODES(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

const char *ev_error_text(int code)
{
    switch (code) {
#define X(name, number, text)                                                                                          \
    case number:                                                                                                       \
        return text;
        EV_ERROR_CODES(X)
#undef X
    default:
        return "unknown error";
    }
}
