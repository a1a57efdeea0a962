/* Hashes with fixed, documented outputs: partitions and proofs depend on them for ever. */
#pragma once

#include "core/str.h"

/* Kafka's default partitioner (murmur2 with seed 0x9747b28c, sign bit cleared, modulo), so that other Kafka clients
 * that write or look up by key agree. `partitions` > 0; the null key counts as the empty one (Kafka's would be spread).
 */
int32_t ev_hash_partition(struct ev_str key, int32_t partitions);

/* XXH3 (libxxhash) with seed 0, 64 and 128 bits. Anyone can make collisions: for digests of our own data, not for
 * tables whose keys come from clients. */
uint64_t ev_hash64(struct ev_str bytes);
struct ev_hash128 {
    uint8_t bytes[16]; /* canonical, big endian */
};
struct ev_hash128 ev_hash128(struct ev_str bytes);
bool ev_hash128_equal(const struct ev_hash128 *a, const struct ev_hash128 *b);
