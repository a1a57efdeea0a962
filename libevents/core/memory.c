#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"

void *ev_memory_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        ev_fatal("out of memory: %zu bytes were refused", size);
    return memory;
}

void *ev_memory_alloc_array(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        ev_fatal("out of memory: %zu items of %zu bytes were refused", count, size);
    return memory;
}

void *ev_memory_resize(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        ev_fatal("out of memory: %zu bytes were refused", size);
    return memory;
}

char *ev_memory_copy(const void *bytes, size_t length)
{
    if (length == SIZE_MAX)
        ev_fatal("a copy of %zu bytes and a NUL is too long", length);
    char *copy = ev_memory_alloc(length + 1);
    if (length)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

void ev_memory_free_at(void *address_of_pointer)
{
    void *memory;
    memcpy(&memory, address_of_pointer, sizeof(memory));
    free(memory);
}
