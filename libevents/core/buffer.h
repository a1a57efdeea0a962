/* A growable byte buffer on the heap, for what is encoded. A zeroed one is an empty one. Not thread-safe. */
#pragma once

#include "core/str.h"

/* A length beyond this is a fault of the program (it bounds what it encodes) and ends the process. */
#define EV_BUFFER_MAX ((size_t)1 << 30)

struct ev_buffer {
    char *data;
    size_t length;
    size_t capacity;
};

void ev_buffer_init(struct ev_buffer *buffer);
void ev_buffer_finish(struct ev_buffer *buffer); /* NULL is fine; empty and usable afterwards */
void ev_buffer_clear(struct ev_buffer *buffer);  /* keeps the memory */
/* Room for `more` bytes at the end, at the address given until the next call; whoever fills it adds to `length`. Never
 * fails (ends the process when the system is out of memory). */
char *ev_buffer_reserve(struct ev_buffer *buffer, size_t more);
/* `data` may be NULL when `length` is 0 and may not lie in the buffer itself. */
void ev_buffer_append(struct ev_buffer *buffer, const void *data, size_t length);
void ev_buffer_append_str(struct ev_buffer *buffer, struct ev_str s);
void ev_buffer_append_byte(struct ev_buffer *buffer, char byte);
void ev_buffer_printf(struct ev_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What is in it, borrowed until the next change; never the null string. */
struct ev_str ev_buffer_str(const struct ev_buffer *buffer);
/* Hands the bytes over to the caller, who frees them; the buffer is empty afterwards. There is a NUL behind them, not
 * counted in *ret_length (which may be NULL). */
char *ev_buffer_take(struct ev_buffer *buffer, size_t *ret_length);
