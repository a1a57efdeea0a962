/* Bump allocation for things that die together: one arena per request, per batch, per fold step. Not thread-safe.
 * Memory is taken in chunks and kept over a reset, up to EV_ARENA_KEEP_MAX. */
#pragma once

#include "core/str.h"

#define EV_ARENA_CHUNK_DEFAULT ((size_t)16 * 1024)
#define EV_ARENA_KEEP_MAX ((size_t)1024 * 1024)

struct ev_arena_chunk;

/* A zeroed one is empty and has no limit. */
struct ev_arena {
    struct ev_arena_chunk *chunk; /* newest first */
    size_t used;                  /* in the newest chunk */
    size_t total;                 /* bytes handed out since the last reset, rounded up to the alignment */
    size_t limit;                 /* bound on `total`; 0: none */
};

/* `limit` bounds what ev_arena_try_alloc hands out between resets, in bytes (0: no bound). */
void ev_arena_init(struct ev_arena *arena, size_t limit);
void ev_arena_finish(struct ev_arena *arena); /* NULL is fine; empty and usable afterwards, with its limit */
/* All that was handed out is invalid afterwards. */
void ev_arena_reset(struct ev_arena *arena);

/* Zeroed and aligned for any type; never NULL: ends the process with a message when the system is out of memory.
 * For sizes which the program bounds; does not look at `limit`. */
void *ev_arena_alloc(struct ev_arena *arena, size_t size);
void *ev_arena_alloc_array(struct ev_arena *arena, size_t count, size_t item_size);
/* The same for sizes that come from input: NULL when `limit` would be passed. */
void *ev_arena_try_alloc(struct ev_arena *arena, size_t size);
/* The same, but not zeroed: for what is filled at once. */
void *ev_arena_try_alloc_raw(struct ev_arena *arena, size_t size);
/* Lets the newest allocation grow where it is (the new bytes aren't zeroed); false when it isn't the newest, or the
 * chunk or the limit has no room, and then nothing has changed. */
bool ev_arena_try_extend(struct ev_arena *arena, void *memory, size_t old_size, size_t size);
/* NUL-terminated as well; the null string stays null. Doesn't look at `limit`. */
struct ev_str ev_arena_copy(struct ev_arena *arena, struct ev_str s);
struct ev_str ev_arena_printf(struct ev_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ev_arena_new(arena, type) ((type *)ev_arena_alloc((arena), sizeof(type)))
#define ev_arena_new_array(arena, type, count) ((type *)ev_arena_alloc_array((arena), (count), sizeof(type)))

/* Growable arrays in an arena. Generated structs declare them as `struct { T *items; size_t count; size_t capacity; }`;
 * every such struct has this layout, which is why this one may alias it. A zeroed one is empty. Doubling leaves the old
 * items behind in the arena unless they were its newest allocation. Like ev_arena_alloc these never fail and don't look
 * at `limit`: the caller bounds the count. An index out of range ends the process. */
struct ev_array {
    void *items;
    size_t count;
    size_t capacity;
} __attribute__((may_alias));
/* Room for `capacity` items in all. */
void ev_array_reserve(struct ev_arena *arena, struct ev_array *array, size_t item_size, size_t capacity);
/* Appends one zeroed item and gives its address. */
void *ev_array_push_raw(struct ev_arena *arena, struct ev_array *array, size_t item_size);
#define ev_array_push(arena, array)                                                                                    \
    ((__typeof__((array)->items))ev_array_push_raw((arena), (struct ev_array *)(void *)(array),                        \
                                                   sizeof(*(array)->items)))
/* Inserts one zeroed item at `index` (<= count), or removes the one there. */
void *ev_array_insert_raw(struct ev_arena *arena, struct ev_array *array, size_t item_size, size_t index);
#define ev_array_insert(arena, array, index)                                                                           \
    ((__typeof__((array)->items))ev_array_insert_raw((arena), (struct ev_array *)(void *)(array),                      \
                                                     sizeof(*(array)->items), (index)))
void ev_array_remove_raw(struct ev_array *array, size_t item_size, size_t index);
#define ev_array_remove(array, index)                                                                                  \
    ev_array_remove_raw((struct ev_array *)(void *)(array), sizeof(*(array)->items), (index))
