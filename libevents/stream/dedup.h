/* The command ids that one partition remembers: the settled ones of the window, oldest first, then those in flight, in
 * the log's order. A ring of entries and an index over it, 64 to 128 bytes an entry while it grows. Bounded by count
 * and by the commits' own time, so that it is a function of the log: one commit forgets at most
 * EV_DEDUP_FORGOTTEN_PER_COMMIT_MAX for their age, so that a clock far in the future can't empty the window. Ids may be
 * chosen by clients: the index is seeded. Not thread-safe. */
#pragma once

#include "core/hash.h"
#include "core/uuid.h"

#define EV_DEDUP_CAPACITY_MAX ((size_t)1 << 30)
#define EV_DEDUP_FORGOTTEN_PER_COMMIT_MAX 2 /* one takes the new one's place, one more lets a window shrink */

struct ev_dedup_entry {
    struct ev_uuid command_id;
    uint64_t request_hash; /* the first half of the request's */
    int64_t version;       /* of the stream after the commit */
    int64_t offset;        /* -1 while in flight */
    int64_t occurred_at;
};

/* Part of the id's hash beside the place, so that looking for an id that isn't there touches no entry. */
struct ev_dedup_slot {
    uint32_t place; /* in the ring, + 1; 0: free */
    uint32_t tag;
};

struct ev_dedup {
    struct ev_dedup_entry *entries; /* ring, by number modulo capacity */
    struct ev_dedup_slot *index;    /* of 2 * capacity slots */
    size_t capacity;                /* power of two up to EV_DEDUP_CAPACITY_MAX, or 0 */
    uint64_t first, settled, next;  /* numbers: [first, settled) are in the log, [settled, next) in flight */
    size_t entries_max;
    int64_t window_ms;
    uint64_t seed;
};

/* `entries_max` bounds the settled ones; more than half of EV_DEDUP_CAPACITY_MAX counts as that half. */
void ev_dedup_init(struct ev_dedup *dedup, size_t entries_max, int64_t window_ms, uint64_t seed);
void ev_dedup_finish(struct ev_dedup *dedup);
void ev_dedup_clear(struct ev_dedup *dedup);
uint64_t ev_dedup_short_hash(const struct ev_hash128 *hash);
/* NULL: not remembered. Borrowed until the next change. `*ret_number` (may be NULL) tells a commit in flight: the
 * number that ev_dedup_push returned. */
const struct ev_dedup_entry *ev_dedup_find(const struct ev_dedup *dedup, const struct ev_uuid *command_id,
                                           uint64_t *ret_number);
/* Adds one in flight. Its number grows by one with each. */
uint64_t ev_dedup_push(struct ev_dedup *dedup, const struct ev_dedup_entry *entry);
/* The oldest in flight is in the log at `offset`; forgets what no longer fits into the window. */
void ev_dedup_settle(struct ev_dedup *dedup, int64_t offset);
/* For an empty one: the next that is pushed gets this number. With ev_dedup_restore, which adds the next settled one
 * and forgets none but for the count, a window is what it was when it was copied. */
void ev_dedup_restore_at(struct ev_dedup *dedup, uint64_t number);
void ev_dedup_restore(struct ev_dedup *dedup, const struct ev_dedup_entry *entry);
/* Borrowed; the number is in [first, next). */
const struct ev_dedup_entry *ev_dedup_at(const struct ev_dedup *dedup, uint64_t number);
/* Forgets all that are in flight. */
void ev_dedup_drop_in_flight(struct ev_dedup *dedup);
static inline size_t ev_dedup_count(const struct ev_dedup *dedup)
{
    return (size_t)(dedup->next - dedup->first);
}
size_t ev_dedup_bytes(const struct ev_dedup *dedup);
