/* Pairs of types that a comparison has met, each with an address that stands for what is known of it. Types hold each
 * other, so a comparison that forgets would not end. */
#pragma once

#include <string.h>

#include "avro/schema_tree.h"
#include "core/map.h"

struct ev_schema_pairs {
    struct ev_map map;
};

struct ev_schema_pair_key {
    char bytes[2 * sizeof(void *)];
};

static inline struct ev_schema_pair_key ev_schema_pair_key(const struct ev_schema *a, const struct ev_schema *b)
{
    struct ev_schema_pair_key key;
    memcpy(key.bytes, &a, sizeof(a));
    memcpy(key.bytes + sizeof(a), &b, sizeof(b));
    return key;
}

static inline void ev_schema_pairs_init(struct ev_schema_pairs *pairs)
{
    ev_map_init(&pairs->map);
}

static inline void ev_schema_pairs_finish(struct ev_schema_pairs *pairs)
{
    ev_map_finish(&pairs->map);
}

/* NULL: not met yet. */
static inline const void *ev_schema_pairs_get(const struct ev_schema_pairs *pairs, const struct ev_schema *a,
                                              const struct ev_schema *b)
{
    struct ev_schema_pair_key key = ev_schema_pair_key(a, b);
    return ev_map_get(&pairs->map, (struct ev_str){key.bytes, sizeof(key.bytes)});
}

static inline void ev_schema_pairs_put(struct ev_schema_pairs *pairs, const struct ev_schema *a,
                                       const struct ev_schema *b, const void *value)
{
    struct ev_schema_pair_key key = ev_schema_pair_key(a, b);
    ev_map_put(&pairs->map, (struct ev_str){key.bytes, sizeof(key.bytes)}, (void *)(uintptr_t)value);
}
