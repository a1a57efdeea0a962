#include "stream/dedup.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/memory.h"
#include "log/mutant.h"

#define CAPACITY_MIN 64

void ev_dedup_init(struct ev_dedup *dedup, size_t entries_max, int64_t window_ms, uint64_t seed)
{
    size_t bound =
        EV_DEDUP_CAPACITY_MAX / 2; /* the other half is for those in flight, which the caller bounds far below */
    *dedup = (struct ev_dedup){
        .entries_max = entries_max < bound ? entries_max : bound,
        .window_ms = window_ms,
        .seed = seed,
    };
}

void ev_dedup_clear(struct ev_dedup *dedup)
{
    free(dedup->entries);
    free(dedup->index);
    ev_dedup_init(dedup, dedup->entries_max, dedup->window_ms, dedup->seed);
}

void ev_dedup_finish(struct ev_dedup *dedup)
{
    if (dedup)
        ev_dedup_clear(dedup);
}

uint64_t ev_dedup_short_hash(const struct ev_hash128 *hash)
{
    uint64_t half;
    memcpy(&half, hash->bytes, sizeof(half));
    return half;
}

static struct ev_dedup_entry *entry_at(const struct ev_dedup *dedup, uint64_t number)
{
    return &dedup->entries[number & (dedup->capacity - 1)];
}

static uint64_t hash_of(const struct ev_dedup *dedup, const struct ev_uuid *id)
{
    return XXH3_64bits_withSeed(id->bytes, sizeof(id->bytes), dedup->seed);
}

/* The low bits say where an id belongs, the high ones are its tag. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static uint32_t place_of(const struct ev_dedup *dedup, uint64_t number)
{
    return (uint32_t)(number & (dedup->capacity - 1)) + 1;
}

static uint64_t number_at(const struct ev_dedup *dedup, uint32_t place)
{
    return dedup->first + ((place - 1 - dedup->first) & (dedup->capacity - 1));
}

static void index_add(struct ev_dedup *dedup, uint64_t number)
{
    uint64_t hash = hash_of(dedup, &entry_at(dedup, number)->command_id);
    size_t mask = dedup->capacity * 2 - 1, i = hash & mask;
    while (dedup->index[i].place)
        i = (i + 1) & mask;
    dedup->index[i] = (struct ev_dedup_slot){place_of(dedup, number), tag_of(hash)};
}

static void index_remove(struct ev_dedup *dedup, uint64_t number)
{
    size_t mask = dedup->capacity * 2 - 1;
    size_t hole = hash_of(dedup, &entry_at(dedup, number)->command_id) & mask;
    while (dedup->index[hole].place != place_of(dedup, number))
        hole = (hole + 1) & mask;
    dedup->index[hole].place = 0;
    for (size_t i = (hole + 1) & mask; dedup->index[i].place; i = (i + 1) & mask) {
        const struct ev_dedup_entry *entry = entry_at(dedup, number_at(dedup, dedup->index[i].place));
        size_t home = hash_of(dedup, &entry->command_id) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            dedup->index[hole] = dedup->index[i];
            dedup->index[i].place = 0;
            hole = i;
        }
    }
}

static void grow(struct ev_dedup *dedup)
{
    struct ev_dedup old = *dedup;
    dedup->capacity = old.capacity ? old.capacity * 2 : CAPACITY_MIN;
    dedup->entries = ev_memory_alloc_array(dedup->capacity, sizeof(*dedup->entries));
    dedup->index = ev_memory_alloc_array(dedup->capacity * 2, sizeof(*dedup->index));
    for (uint64_t number = old.first; number != old.next; number++) {
        *entry_at(dedup, number) = *entry_at(&old, number);
        index_add(dedup, number);
    }
    free(old.entries);
    free(old.index);
}

const struct ev_dedup_entry *ev_dedup_find(const struct ev_dedup *dedup, const struct ev_uuid *command_id,
                                           uint64_t *ret_number)
{
    if (dedup->capacity == 0 || EV_MUTANT(DEDUPLICATION))
        return NULL;
    uint64_t hash = hash_of(dedup, command_id);
    size_t mask = dedup->capacity * 2 - 1;
    for (size_t i = hash & mask; dedup->index[i].place; i = (i + 1) & mask) {
        if (dedup->index[i].tag != tag_of(hash))
            continue;
        uint64_t number = number_at(dedup, dedup->index[i].place);
        const struct ev_dedup_entry *entry = entry_at(dedup, number);
        if (ev_uuid_equal(&entry->command_id, command_id)) {
            if (ret_number)
                *ret_number = number;
            return entry;
        }
    }
    return NULL;
}

uint64_t ev_dedup_push(struct ev_dedup *dedup, const struct ev_dedup_entry *entry)
{
    if (ev_dedup_count(dedup) == dedup->capacity)
        grow(dedup);
    uint64_t number = dedup->next++;
    *entry_at(dedup, number) = *entry;
    index_add(dedup, number);
    return number;
}

static void forget_first(struct ev_dedup *dedup)
{
    index_remove(dedup, dedup->first);
    dedup->first++;
}

static void settle_first_in_flight(struct ev_dedup *dedup, int64_t offset)
{
    entry_at(dedup, dedup->settled++)->offset = offset;
    while (dedup->settled - dedup->first > dedup->entries_max)
        forget_first(dedup);
}

void ev_dedup_settle(struct ev_dedup *dedup, int64_t offset)
{
    int64_t now = entry_at(dedup, dedup->settled)->occurred_at;
    settle_first_in_flight(dedup, offset);
    for (int i = 0; i < EV_DEDUP_FORGOTTEN_PER_COMMIT_MAX && dedup->first != dedup->settled; i++) {
        if (now - entry_at(dedup, dedup->first)->occurred_at <= dedup->window_ms)
            break;
        forget_first(dedup);
    }
}

void ev_dedup_restore_at(struct ev_dedup *dedup, uint64_t number)
{
    dedup->first = dedup->settled = dedup->next = number;
}

void ev_dedup_restore(struct ev_dedup *dedup, const struct ev_dedup_entry *entry)
{
    (void)ev_dedup_push(dedup, entry);
    settle_first_in_flight(dedup, entry->offset);
}

const struct ev_dedup_entry *ev_dedup_at(const struct ev_dedup *dedup, uint64_t number)
{
    return entry_at(dedup, number);
}

void ev_dedup_drop_in_flight(struct ev_dedup *dedup)
{
    while (dedup->next != dedup->settled)
        index_remove(dedup, --dedup->next);
}

size_t ev_dedup_bytes(const struct ev_dedup *dedup)
{
    return dedup->capacity * (sizeof(*dedup->entries) + 2 * sizeof(*dedup->index));
}
