#include "core/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"

/* Under AddressSanitizer the free part of a chunk is poisoned, so that use after a reset and overruns are reported. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(address, size) ASAN_POISON_MEMORY_REGION((address), (size))
#define ARENA_UNPOISON(address, size) ASAN_UNPOISON_MEMORY_REGION((address), (size))
#else
#define ARENA_POISON(address, size) ((void)(address), (void)(size))
#define ARENA_UNPOISON(address, size) ((void)(address), (void)(size))
#endif

#define ARENA_ALIGNMENT _Alignof(max_align_t)
/* Chunks double up to this size; a larger request gets a chunk of its own size. */
#define ARENA_CHUNK_MAX ((size_t)256 * 1024)
#define ARENA_ARRAY_CAPACITY_MIN ((size_t)4)

struct ev_arena_chunk {
    struct ev_arena_chunk *next; /* older */
    size_t size;                 /* of `bytes` */
    _Alignas(max_align_t) char bytes[];
};

static size_t arena_round_up(size_t size)
{
    if (size == 0)
        return ARENA_ALIGNMENT;
    if (size > SIZE_MAX / 2)
        ev_fatal("%zu bytes were asked of an arena", size);
    return (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
}

static void arena_add_chunk(struct ev_arena *arena, size_t size)
{
    struct ev_arena_chunk *chunk = ev_memory_alloc(sizeof(*chunk) + size);
    chunk->next = arena->chunk;
    chunk->size = size;
    ARENA_POISON(chunk->bytes, chunk->size);
    arena->chunk = chunk;
    arena->used = 0;
}

static void arena_free_chunks(struct ev_arena *arena)
{
    struct ev_arena_chunk *chunk = arena->chunk;
    while (chunk) {
        struct ev_arena_chunk *next = chunk->next;
        ARENA_UNPOISON(chunk->bytes, chunk->size);
        free(chunk);
        chunk = next;
    }
    arena->chunk = NULL;
    arena->used = 0;
}

static size_t arena_next_chunk_size(const struct ev_arena *arena, size_t at_least)
{
    size_t size = EV_ARENA_CHUNK_DEFAULT;
    if (arena->chunk)
        size = arena->chunk->size >= ARENA_CHUNK_MAX / 2 ? ARENA_CHUNK_MAX : arena->chunk->size * 2;
    return size < at_least ? at_least : size;
}

/* Not zeroed; doesn't look at the limit. */
static void *arena_take(struct ev_arena *arena, size_t size)
{
    size_t rounded = arena_round_up(size);
    if (!arena->chunk || arena->chunk->size - arena->used < rounded)
        arena_add_chunk(arena, arena_next_chunk_size(arena, rounded));
    char *memory = arena->chunk->bytes + arena->used;
    arena->used += rounded;
    arena->total += rounded;
    ARENA_UNPOISON(memory, size);
    return memory;
}

static bool arena_has_room(const struct ev_arena *arena, size_t size)
{
    if (arena->limit == 0)
        return true;
    return size <= arena->limit && arena->total <= arena->limit - size &&
           arena_round_up(size) <= arena->limit - arena->total;
}

void ev_arena_init(struct ev_arena *arena, size_t limit)
{
    *arena = (struct ev_arena){.limit = limit};
}

void ev_arena_finish(struct ev_arena *arena)
{
    if (!arena)
        return;
    arena_free_chunks(arena);
    arena->total = 0;
}

void ev_arena_reset(struct ev_arena *arena)
{
    /* What was needed in several chunks will be needed again: next time it is one chunk, as large as they were. */
    if (arena->chunk && (arena->chunk->next || arena->chunk->size > EV_ARENA_KEEP_MAX)) {
        size_t size = 0;
        for (const struct ev_arena_chunk *chunk = arena->chunk; chunk && size < EV_ARENA_KEEP_MAX; chunk = chunk->next)
            size += chunk->size;
        arena_free_chunks(arena);
        arena_add_chunk(arena, size > EV_ARENA_KEEP_MAX ? EV_ARENA_KEEP_MAX : size);
    } else if (arena->chunk) {
        ARENA_POISON(arena->chunk->bytes, arena->chunk->size);
    }
    arena->used = 0;
    arena->total = 0;
}

void *ev_arena_alloc(struct ev_arena *arena, size_t size)
{
    return memset(arena_take(arena, size), 0, size);
}

void *ev_arena_alloc_array(struct ev_arena *arena, size_t count, size_t item_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        ev_fatal("%zu items of %zu bytes were asked of an arena", count, item_size);
    return ev_arena_alloc(arena, size);
}

void *ev_arena_try_alloc(struct ev_arena *arena, size_t size)
{
    return arena_has_room(arena, size) ? ev_arena_alloc(arena, size) : NULL;
}

void *ev_arena_try_alloc_raw(struct ev_arena *arena, size_t size)
{
    return arena_has_room(arena, size) ? arena_take(arena, size) : NULL;
}

bool ev_arena_try_extend(struct ev_arena *arena, void *memory, size_t old_size, size_t size)
{
    size_t old_rounded = arena_round_up(old_size), rounded = arena_round_up(size);
    char *start = memory;
    if (!arena->chunk || !memory || size < old_size)
        return false;
    if (start + old_rounded != arena->chunk->bytes + arena->used || arena->used < old_rounded)
        return false;
    size_t more = rounded - old_rounded;
    if (more > arena->chunk->size - arena->used || (arena->limit && more > arena->limit - arena->total))
        return false;
    arena->used += more;
    arena->total += more;
    ARENA_UNPOISON(start, size);
    return true;
}

struct ev_str ev_arena_copy(struct ev_arena *arena, struct ev_str s)
{
    if (!s.data)
        return EV_STR_NULL;
    char *copy = arena_take(arena, s.length + 1);
    memcpy(copy, s.data, s.length);
    copy[s.length] = '\0';
    return (struct ev_str){copy, s.length};
}

struct ev_str ev_arena_printf(struct ev_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        ev_fatal("the format \"%s\" can't be printed", format);
    char *text = arena_take(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return (struct ev_str){text, (size_t)length};
}

void ev_array_reserve(struct ev_arena *arena, struct ev_array *array, size_t item_size, size_t capacity)
{
    if (capacity <= array->capacity)
        return;
    if (capacity > SIZE_MAX / 2 / item_size)
        ev_fatal("an array of %zu items of %zu bytes is too large", capacity, item_size);
    if (array->items && ev_arena_try_extend(arena, array->items, array->capacity * item_size, capacity * item_size)) {
        memset((char *)array->items + array->capacity * item_size, 0, (capacity - array->capacity) * item_size);
        array->capacity = capacity;
        return;
    }
    void *items = ev_arena_alloc_array(arena, capacity, item_size);
    if (array->count)
        memcpy(items, array->items, array->count * item_size);
    array->items = items;
    array->capacity = capacity;
}

void *ev_array_insert_raw(struct ev_arena *arena, struct ev_array *array, size_t item_size, size_t index)
{
    if (index > array->count)
        ev_fatal("insertion at %zu of an array with %zu items", index, array->count);
    if (array->count == array->capacity)
        ev_array_reserve(arena, array, item_size, array->capacity ? array->capacity * 2 : ARENA_ARRAY_CAPACITY_MIN);
    char *at = (char *)array->items + index * item_size;
    memmove(at + item_size, at, (array->count - index) * item_size);
    array->count++;
    return memset(at, 0, item_size);
}

void *ev_array_push_raw(struct ev_arena *arena, struct ev_array *array, size_t item_size)
{
    return ev_array_insert_raw(arena, array, item_size, array->count);
}

void ev_array_remove_raw(struct ev_array *array, size_t item_size, size_t index)
{
    if (index >= array->count)
        ev_fatal("removal at %zu of an array with %zu items", index, array->count);
    char *at = (char *)array->items + index * item_size;
    memmove(at, at + item_size, (array->count - index - 1) * item_size);
    array->count--;
}
