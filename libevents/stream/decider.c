#include "stream/decider.h"

#include <stdarg.h>
#include <stdio.h>

int ev_reject(struct ev_decision *decision, int rejection, const char *pointer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(decision->detail, sizeof(decision->detail), format, arguments);
    va_end(arguments);
    snprintf(decision->pointer, sizeof(decision->pointer), "%s", pointer);
    return rejection;
}
