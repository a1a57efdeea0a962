#include "core/fatal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FATAL_LINE_MAX 512

void ev_fatal(const char *format, ...)
{
    char line[FATAL_LINE_MAX];
    int prefix = snprintf(line, sizeof(line), "fatal: ");
    va_list arguments;
    va_start(arguments, format);
    int text = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, arguments);
    va_end(arguments);
    size_t room = sizeof(line) - (size_t)prefix - 2;
    size_t length = (size_t)prefix + (text < 0 ? 0 : (size_t)text > room ? room : (size_t)text);
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written; /* there is nobody left to tell */
    abort();
}
