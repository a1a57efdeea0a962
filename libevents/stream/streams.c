#include "stream/streams.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/memory.h"

#define CAPACITY_MIN 64

void ev_streams_init(struct ev_streams *streams, uint64_t seed)
{
    *streams = (struct ev_streams){.seed = seed};
}

void ev_streams_clear(struct ev_streams *streams)
{
    for (size_t i = 0; i < streams->capacity; i++) {
        if (streams->slots[i]) {
            free(streams->slots[i]->encoded);
            free(streams->slots[i]);
        }
    }
    free(streams->slots);
    ev_streams_init(streams, streams->seed);
}

void ev_streams_finish(struct ev_streams *streams)
{
    if (streams)
        ev_streams_clear(streams);
}

static size_t bytes_of(const struct ev_stream *stream)
{
    return sizeof(*stream) + stream->id_length + stream->encoded_length;
}

static void list_add(struct ev_streams *streams, struct ev_stream *stream, unsigned number)
{
    struct ev_stream_list *list = &streams->lists[number];
    stream->list = (uint8_t)number;
    stream->newer = NULL;
    stream->older = list->newest;
    if (list->newest)
        list->newest->newer = stream;
    else
        list->oldest = stream;
    list->newest = stream;
    list->count++;
    list->bytes += bytes_of(stream);
}

static void list_remove(struct ev_streams *streams, struct ev_stream *stream)
{
    struct ev_stream_list *list = &streams->lists[stream->list];
    if (stream->newer)
        stream->newer->older = stream->older;
    else
        list->newest = stream->older;
    if (stream->older)
        stream->older->newer = stream->newer;
    else
        list->oldest = stream->newer;
    list->count--;
    list->bytes -= bytes_of(stream);
}

void ev_streams_touch(struct ev_streams *streams, struct ev_stream *stream, unsigned list)
{
    list_remove(streams, stream);
    list_add(streams, stream, list);
}

/* The slot of `id`, or the free one where it belongs. */
static size_t slot_of(const struct ev_streams *streams, uint64_t hash, struct ev_str id)
{
    size_t mask = streams->capacity - 1, i = hash & mask;
    for (;; i = (i + 1) & mask) {
        const struct ev_stream *stream = streams->slots[i];
        if (!stream ||
            (stream->hash == hash && stream->id_length == id.length && memcmp(stream->id, id.data, id.length) == 0))
            return i;
    }
}

struct ev_stream *ev_streams_find(const struct ev_streams *streams, struct ev_str id)
{
    if (streams->count == 0)
        return NULL;
    return streams->slots[slot_of(streams, XXH3_64bits_withSeed(id.data, id.length, streams->seed), id)];
}

static void grow(struct ev_streams *streams)
{
    struct ev_streams old = *streams;
    streams->capacity = old.capacity ? old.capacity * 2 : CAPACITY_MIN;
    streams->slots = ev_memory_alloc_array(streams->capacity, sizeof(*streams->slots));
    streams->bytes += (streams->capacity - old.capacity) * sizeof(*streams->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        struct ev_stream *stream = old.slots[i];
        if (stream)
            streams->slots[slot_of(streams, stream->hash, (struct ev_str){stream->id, stream->id_length})] = stream;
    }
    free(old.slots);
}

struct ev_stream *ev_streams_ensure(struct ev_streams *streams, struct ev_str id, uint16_t decider)
{
    if (streams->count >= streams->capacity / 4 * 3)
        grow(streams);
    uint64_t hash = XXH3_64bits_withSeed(id.data, id.length, streams->seed);
    struct ev_stream **slot = &streams->slots[slot_of(streams, hash, id)];
    if (*slot)
        return *slot;
    struct ev_stream *stream = ev_memory_alloc(sizeof(*stream) + id.length);
    *stream = (struct ev_stream){.hash = hash, .offset = -1, .decider = decider, .id_length = (uint16_t)id.length};
    memcpy(stream->id, id.data, id.length);
    streams->bytes += bytes_of(stream);
    streams->count++;
    list_add(streams, stream, 0);
    return *slot = stream;
}

void ev_streams_remove(struct ev_streams *streams, struct ev_stream *stream)
{
    size_t mask = streams->capacity - 1;
    size_t hole = slot_of(streams, stream->hash, (struct ev_str){stream->id, stream->id_length});
    streams->count--;
    streams->bytes -= bytes_of(stream);
    list_remove(streams, stream);
    free(stream->encoded);
    free(stream);
    streams->slots[hole] = NULL;
    /* Close the gap: whoever was pushed past it moves back (Knuth 6.4, algorithm R). */
    for (size_t i = (hole + 1) & mask; streams->slots[i]; i = (i + 1) & mask) {
        size_t home = streams->slots[i]->hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            streams->slots[hole] = streams->slots[i];
            streams->slots[i] = NULL;
            hole = i;
        }
    }
}

void ev_streams_set_state(struct ev_streams *streams, struct ev_stream *stream, char *state, uint32_t length)
{
    streams->bytes += length;
    streams->bytes -= stream->encoded_length;
    streams->lists[stream->list].bytes += length;
    streams->lists[stream->list].bytes -= stream->encoded_length;
    free(stream->encoded);
    stream->encoded = state;
    stream->encoded_length = length;
}
