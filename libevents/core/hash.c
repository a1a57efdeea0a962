#include "core/hash.h"

#include <string.h>
#include <xxhash.h>

#include "core/fatal.h"

#define MURMUR2_SEED 0x9747b28cu
#define MURMUR2_MULTIPLIER 0x5bd1e995u
#define MURMUR2_SHIFT 24

static uint32_t murmur2_word(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* MurmurHash2 by Austin Appleby (public domain), as in org.apache.kafka.common.utils.Utils. */
static uint32_t murmur2(struct ev_str bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t left = bytes.length;
    uint32_t hash = MURMUR2_SEED ^ (uint32_t)bytes.length;
    for (; left >= 4; at += 4, left -= 4) {
        uint32_t word = murmur2_word(at) * MURMUR2_MULTIPLIER;
        word = (word ^ word >> MURMUR2_SHIFT) * MURMUR2_MULTIPLIER;
        hash = hash * MURMUR2_MULTIPLIER ^ word;
    }
    if (left >= 3)
        hash ^= (uint32_t)at[2] << 16;
    if (left >= 2)
        hash ^= (uint32_t)at[1] << 8;
    if (left >= 1)
        hash = (hash ^ at[0]) * MURMUR2_MULTIPLIER;
    hash = (hash ^ hash >> 13) * MURMUR2_MULTIPLIER;
    return hash ^ hash >> 15;
}

int32_t ev_hash_partition(struct ev_str key, int32_t partitions)
{
    if (partitions <= 0)
        ev_fatal("a topic can't have %d partitions", (int)partitions);
    return (int32_t)(murmur2(key) & 0x7fffffffu) % partitions;
}

uint64_t ev_hash64(struct ev_str bytes)
{
    return XXH3_64bits(bytes.length ? bytes.data : "", bytes.length);
}

struct ev_hash128 ev_hash128(struct ev_str bytes)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.length ? bytes.data : "", bytes.length));
    struct ev_hash128 hash;
    _Static_assert(sizeof(hash.bytes) == sizeof(canonical.digest), "a 128-bit hash has 16 bytes");
    memcpy(hash.bytes, canonical.digest, sizeof(hash.bytes));
    return hash;
}

bool ev_hash128_equal(const struct ev_hash128 *a, const struct ev_hash128 *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
