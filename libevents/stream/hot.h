/* Hot streams: those with a big state and many commands (a product in a flash sale). Encoding and decoding the state
 * for each command would cost as much as the state is big, and as many copies would be in memory as commits are in
 * flight. So a few streams of each partition are kept decoded, twice: as confirmed, and as the next decision sees it,
 * with all that is in flight. Their flights carry the commit's events instead of the state after it.
 *
 * While a stream is hot, its `encoded` may lag behind its version: ev_hot_encode brings it up to date. What goes away
 * is never lost: a state that doesn't hold any more (a void commit) is made anew from what is confirmed and the flights
 * that are left. Memory: about twice the decoded states and as much garbage again. Of one thread, like its partition.
 */
#pragma once

#include "core/arena.h"
#include "stream/flights.h"

#define EV_HOT_STREAMS_MAX 4                 /* of a partition */
#define EV_HOT_BYTES_DEFAULT ((size_t)4096)  /* encoded state from which on a stream can be hot */
#define EV_HOT_IDLE_USES 64                  /* of others, before a stream makes room for another */
#define EV_HOT_GARBAGE_MIN ((size_t)1 << 18) /* left behind in an arena before it is cleaned */

struct ev_partition;
struct ev_decider;
struct ev_events;

/* One decoded state; what it points to is in the arena. */
struct ev_hot_state {
    struct ev_arena arena;
    void *state;
    size_t fresh; /* bytes of the arena when it had no garbage */
    bool valid;
};

struct ev_hot_stream {
    struct ev_stream *stream; /* NULL: the place is free */
    struct ev_hot_state confirmed, newest;
    bool ahead;    /* `confirmed` is newer than the stream's encoded form */
    uint64_t used; /* of the partition's uses, the last one */
};

struct ev_hot {
    struct ev_hot_stream streams[EV_HOT_STREAMS_MAX];
    uint64_t uses;
};

/* Is it hot, or does it become so now? Not when its state is small or all places are taken by busier ones. */
bool ev_hot_take(struct ev_partition *partition, struct ev_stream *stream);
/* Of a hot stream, owned by the module and valid until the next call about the stream. Not to be changed. */
int ev_hot_newest(struct ev_partition *partition, const struct ev_stream *stream, void **ret, struct ev_error *error);
const void *ev_hot_confirmed(struct ev_partition *partition, const struct ev_stream *stream);

/* The events as a flight carries them; malloc'd. */
char *ev_hot_pack(struct ev_partition *partition, const struct ev_event *events, size_t count, uint32_t *ret_length);
/* The stream's newest state after the events of a flight, which must have been decided on it. */
void ev_hot_fly(struct ev_partition *partition, const struct ev_stream *stream, struct ev_str packed);
/* The stream's confirmed state after them. */
void ev_hot_confirm(struct ev_partition *partition, const struct ev_stream *stream, struct ev_str packed);
/* A flight of the stream is void, or its encoded form was replaced: what was derived is no more. Fine when not hot. */
void ev_hot_drop_newest(struct ev_partition *partition, const struct ev_stream *stream);
void ev_hot_replaced(struct ev_partition *partition, const struct ev_stream *stream);

/* Brings the stream's encoded form up to its version. To be called before it is read; nothing to do when not hot. */
void ev_hot_encode(struct ev_partition *partition, const struct ev_stream *stream);
/* The same for all: for who takes the streams as they are, e.g. for a checkpoint. They stay hot. */
void ev_hot_encode_all(struct ev_partition *partition);
/* What the decoded states take, garbage included. */
size_t ev_hot_bytes(const struct ev_partition *partition);
/* The stream goes away, or all do: without encoding. Fine when not hot. */
void ev_hot_forget(struct ev_partition *partition, const struct ev_stream *stream);
void ev_hot_clear(struct ev_partition *partition);
