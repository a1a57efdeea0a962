#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"

#define BUFFER_CAPACITY_MIN ((size_t)256)

void ev_buffer_init(struct ev_buffer *buffer)
{
    *buffer = (struct ev_buffer){0};
}

void ev_buffer_finish(struct ev_buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->data);
    *buffer = (struct ev_buffer){0};
}

void ev_buffer_clear(struct ev_buffer *buffer)
{
    buffer->length = 0;
}

char *ev_buffer_reserve(struct ev_buffer *buffer, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(buffer->length, more, &needed) || needed > EV_BUFFER_MAX)
        ev_fatal("a buffer of %zu bytes can't take %zu more", buffer->length, more);
    if (needed > buffer->capacity || !buffer->data) {
        size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_CAPACITY_MIN;
        while (capacity < needed)
            capacity *= 2;
        buffer->data = ev_memory_resize(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void ev_buffer_append(struct ev_buffer *buffer, const void *data, size_t length)
{
    if (length == 0)
        return;
    memcpy(ev_buffer_reserve(buffer, length), data, length);
    buffer->length += length;
}

void ev_buffer_append_str(struct ev_buffer *buffer, struct ev_str s)
{
    ev_buffer_append(buffer, s.data, s.length);
}

void ev_buffer_append_byte(struct ev_buffer *buffer, char byte)
{
    *ev_buffer_reserve(buffer, 1) = byte;
    buffer->length++;
}

void ev_buffer_printf(struct ev_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        ev_fatal("the format \"%s\" can't be printed", format);
    char *at = ev_buffer_reserve(buffer, (size_t)length + 1);
    vsnprintf(at, (size_t)length + 1, format, again);
    va_end(again);
    buffer->length += (size_t)length;
}

struct ev_str ev_buffer_str(const struct ev_buffer *buffer)
{
    return buffer->data ? (struct ev_str){buffer->data, buffer->length} : EV_STR("");
}

char *ev_buffer_take(struct ev_buffer *buffer, size_t *ret_length)
{
    *ev_buffer_reserve(buffer, 1) = '\0';
    char *data = buffer->data;
    if (ret_length)
        *ret_length = buffer->length;
    *buffer = (struct ev_buffer){0};
    return data;
}
