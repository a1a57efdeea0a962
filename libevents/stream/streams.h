/* The streams of one partition that are in memory: confirmed state, version and position of each, by id. Hash table
 * with open addressing over one heap block per stream plus one for its state, about 24 + 80 bytes beside id and state.
 * Ids come from clients: the hash is seeded. Each stream is in one of a few lists, the one that was touched last at the
 * front; what the lists mean is the user's. Not thread-safe. */
#pragma once

#include "core/clock.h"
#include "core/str.h"

#define EV_STREAM_LISTS 4

struct ev_stream {
    struct ev_stream *newer, *older; /* in its list */
    uint64_t hash;
    int64_t version;        /* confirmed; 0: no commit yet, only the place for one in flight */
    int64_t offset;         /* of its last commit; -1: none */
    uint64_t newest_flight; /* number of its newest commit in flight, 0: none */
    char *encoded; /* its state, Avro; NULL at version 0. Of a hot stream (hot.h) it may lag behind `version` */
    uint32_t encoded_length;
    uint16_t decider; /* index of its category's decider */
    uint16_t id_length;
    uint8_t list;
    char id[];
};

struct ev_stream_list {
    struct ev_stream *newest, *oldest;
    size_t count, bytes;
};

struct ev_streams {
    struct ev_stream **slots;
    size_t capacity, count; /* capacity: a power of two, or 0 */
    uint64_t seed;
    size_t bytes; /* of all blocks, without malloc's own */
    struct ev_stream_list lists[EV_STREAM_LISTS];
};

void ev_streams_init(struct ev_streams *streams, uint64_t seed);
void ev_streams_finish(struct ev_streams *streams);
void ev_streams_clear(struct ev_streams *streams);
/* NULL where there is none. `id` is at most 65535 bytes long. */
struct ev_stream *ev_streams_find(const struct ev_streams *streams, struct ev_str id);
/* The one there is, or a new one of version 0, in list 0. Its address stays until it is removed. */
struct ev_stream *ev_streams_ensure(struct ev_streams *streams, struct ev_str id, uint16_t decider);
void ev_streams_remove(struct ev_streams *streams, struct ev_stream *stream);
/* To the front of a list, which may be its own. */
void ev_streams_touch(struct ev_streams *streams, struct ev_stream *stream, unsigned list);
/* Takes over `state` (malloc'd). */
void ev_streams_set_state(struct ev_streams *streams, struct ev_stream *stream, char *state, uint32_t length);
