/* Hash map from byte-string keys to pointers: open addressing, linear probing, backward-shift deletion. The map copies
 * keys; it doesn't own values. Keys may come from outside: the hash is seeded at random per process. Not thread-safe.
 * Memory: 24 bytes a slot, at most 7/8 of the slots used, and the key in a heap block of its own; it doesn't shrink. */
#pragma once

#include "core/str.h"

/* More ends the process: whoever fills a map bounds it far below. */
#define EV_MAP_COUNT_MAX ((size_t)1 << 31)

struct ev_map_slot;

/* A zeroed one is an empty one. */
struct ev_map {
    struct ev_map_slot *slots;
    size_t capacity; /* power of two, or 0 */
    size_t count;
};

void ev_map_init(struct ev_map *map);
void ev_map_finish(struct ev_map *map); /* NULL is fine; empty and usable afterwards */
/* NULL when the key isn't there. The null key is the empty key. */
void *ev_map_get(const struct ev_map *map, struct ev_str key);
/* Returns the value that was there before, or NULL. `value` must not be NULL. */
void *ev_map_put(struct ev_map *map, struct ev_str key, void *value);
/* Returns the value that was there, or NULL. */
void *ev_map_remove(struct ev_map *map, struct ev_str key);
/* Iteration in no particular order (and another one in every process): start with *cursor = 0; false at the end. The
 * map must not change meanwhile; *ret_key is borrowed from it. Both ret_ may be NULL. */
bool ev_map_next(const struct ev_map *map, size_t *cursor, struct ev_str *ret_key, void **ret_value);
