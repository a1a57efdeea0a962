/* Heap memory that is there or the process ends (ev_fatal): after that no caller has a branch for NULL. Sizes that come
 * from input must be bounded before they get here. Everything is freed by free(). Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Not zeroed. A size of 0 gives an address that may be freed, never NULL. */
void *ev_memory_alloc(size_t size) __attribute__((malloc, warn_unused_result));
/* `count` items of `size` bytes, zeroed; their product may not overflow. */
void *ev_memory_alloc_array(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
/* Like realloc(): `old` is gone afterwards. */
void *ev_memory_resize(void *old, size_t size) __attribute__((warn_unused_result));
/* A copy with a NUL behind it; `bytes` may be NULL when `length` is 0. */
char *ev_memory_copy(const void *bytes, size_t length) __attribute__((malloc, warn_unused_result));

#define ev_memory_new(type) ((type *)ev_memory_alloc_array(1, sizeof(type)))

/* `_cleanup_free_ char *text = ...;` frees when the scope is left. EV_TAKE(text) gives it up to the caller. */
#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(ev_memory_free_at)
void ev_memory_free_at(void *address_of_pointer);

#define EV_TAKE(pointer)                                                                                               \
    ({                                                                                                                 \
        __typeof__(pointer) *ev_take_at = &(pointer);                                                                  \
        __typeof__(pointer) ev_taken = *ev_take_at;                                                                    \
        *ev_take_at = NULL;                                                                                            \
        ev_taken;                                                                                                      \
    })
