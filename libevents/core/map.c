#include "core/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/clock.h"
#include "core/fatal.h"
#include "core/memory.h"

#define MAP_CAPACITY_MIN ((size_t)16)

struct ev_map_slot {
    void *value; /* NULL: the slot is free */
    char *key;   /* owned */
    uint32_t length;
    uint32_t hash;
};

/* Keys come from clients, so the hash is seeded: nobody outside can make keys that collide. */
static uint64_t map_seed;
static pthread_once_t map_seed_once = PTHREAD_ONCE_INIT;

static void map_make_seed(void)
{
    map_seed = ev_random_u64(&ev_random_system);
}

static uint32_t map_hash(struct ev_str key)
{
    pthread_once(&map_seed_once, map_make_seed);
    return (uint32_t)XXH3_64bits_withSeed(key.length ? key.data : "", key.length, map_seed);
}

static bool slot_has_key(const struct ev_map_slot *slot, uint32_t hash, struct ev_str key)
{
    return slot->hash == hash && slot->length == key.length &&
           (key.length == 0 || memcmp(slot->key, key.data, key.length) == 0);
}

/* The slot of the key, or the free one where it belongs. There always is a free slot. */
static struct ev_map_slot *map_find(const struct ev_map *map, uint32_t hash, struct ev_str key)
{
    size_t mask = map->capacity - 1;
    size_t index = hash & mask;
    while (map->slots[index].value && !slot_has_key(&map->slots[index], hash, key))
        index = (index + 1) & mask;
    return &map->slots[index];
}

static void map_grow(struct ev_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : MAP_CAPACITY_MIN;
    if (capacity > EV_MAP_COUNT_MAX * 2)
        ev_fatal("a map holds more than %zu entries", EV_MAP_COUNT_MAX);
    struct ev_map_slot *slots = ev_memory_alloc_array(capacity, sizeof(*slots));
    for (size_t i = 0; i < map->capacity; i++) {
        if (!map->slots[i].value)
            continue;
        size_t index = map->slots[i].hash & (capacity - 1);
        while (slots[index].value)
            index = (index + 1) & (capacity - 1);
        slots[index] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
}

void ev_map_init(struct ev_map *map)
{
    *map = (struct ev_map){0};
}

void ev_map_finish(struct ev_map *map)
{
    if (!map)
        return;
    for (size_t i = 0; i < map->capacity; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct ev_map){0};
}

void *ev_map_get(const struct ev_map *map, struct ev_str key)
{
    return map->count ? map_find(map, map_hash(key), key)->value : NULL;
}

void *ev_map_put(struct ev_map *map, struct ev_str key, void *value)
{
    if (!value || key.length > UINT32_MAX)
        ev_fatal("a map takes no NULL value and no key of %zu bytes", key.length);
    if (map->count >= map->capacity - map->capacity / 8) /* at most 7/8 full */
        map_grow(map);
    uint32_t hash = map_hash(key);
    struct ev_map_slot *slot = map_find(map, hash, key);
    void *before = slot->value;
    if (!before) {
        slot->key = ev_memory_copy(key.data, key.length);
        slot->length = (uint32_t)key.length;
        slot->hash = hash;
        map->count++;
    }
    slot->value = value;
    return before;
}

void *ev_map_remove(struct ev_map *map, struct ev_str key)
{
    if (map->count == 0)
        return NULL;
    struct ev_map_slot *slot = map_find(map, map_hash(key), key);
    void *value = slot->value;
    if (!value)
        return NULL;
    free(slot->key);
    /* Backward shift: what follows moves up into the hole unless it would get before its own first place; so a chain
     * never has a gap and no tombstones pile up. */
    size_t mask = map->capacity - 1;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t next = (hole + 1) & mask; map->slots[next].value; next = (next + 1) & mask) {
        size_t distance = (next - (map->slots[next].hash & mask)) & mask;
        if (distance < ((next - hole) & mask))
            continue;
        map->slots[hole] = map->slots[next];
        hole = next;
    }
    map->slots[hole] = (struct ev_map_slot){0};
    map->count--;
    return value;
}

bool ev_map_next(const struct ev_map *map, size_t *cursor, struct ev_str *ret_key, void **ret_value)
{
    while (*cursor < map->capacity) {
        const struct ev_map_slot *slot = &map->slots[(*cursor)++];
        if (!slot->value)
            continue;
        if (ret_key)
            *ret_key = (struct ev_str){slot->key, slot->length};
        if (ret_value)
            *ret_value = slot->value;
        return true;
    }
    return false;
}
