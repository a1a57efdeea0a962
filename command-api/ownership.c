#include "ownership.h"

#include <stdlib.h>

#include "core/memory.h"

/* A partition's place in one word: bit 0 here, bit 1 serving, the rest the generation. */
#define BIT_HERE 1u
#define BIT_SERVING 2u
#define GENERATION_SHIFT 2

struct ownership {
    _Atomic uint32_t *places[COMMAND_TOPICS_MAX]; /* by topic and partition */
};

static _Atomic uint32_t *place_of(const struct command_app *app, const struct command_topic *topic, int32_t partition)
{
    return &app->ownership->places[topic - app->topics][partition];
}

/* Only the partition's loop changes its place. */
static void place_set(const struct command_app *app, const struct command_topic *topic, int32_t partition,
                      uint32_t bits)
{
    _Atomic uint32_t *place = place_of(app, topic, partition);
    uint32_t before = atomic_load(place);
    uint32_t generation = before >> GENERATION_SHIFT;
    if ((before & BIT_HERE) != (bits & BIT_HERE))
        generation++;
    atomic_store(place, generation << GENERATION_SHIFT | bits);
}

unsigned ownership_loop_of(const struct command_app *app, int32_t partition)
{
    return (unsigned)partition % app->threads;
}

struct ownership_look ownership_look(const struct command_app *app, const struct command_topic *topic,
                                     int32_t partition)
{
    uint32_t place = atomic_load(place_of(app, topic, partition));
    return (struct ownership_look){
        .place = place & BIT_HERE ? OWNERSHIP_HERE : OWNERSHIP_NOT_HERE,
        .serving = (place & BIT_SERVING) != 0,
        .generation = place >> GENERATION_SHIFT,
    };
}

void ownership_acquire(struct shard *shard)
{
    const struct command_app *app = shard->app;
    for (size_t i = 0; i < app->topic_count; i++) {
        for (int32_t partition = 0; partition < app->topics[i].partitions; partition++) {
            if (ownership_loop_of(app, partition) != shard->index)
                continue;
            place_set(app, &app->topics[i], partition, BIT_HERE);
            ev_executor_acquire(shard->topics[i].executor, partition);
        }
    }
}

void ownership_on_serving(const struct shard_topic *at, int32_t partition)
{
    place_set(at->shard->app, at->topic, partition, BIT_HERE | BIT_SERVING);
}

void ownership_on_lost(const struct shard_topic *at, int32_t partition)
{
    place_set(at->shard->app, at->topic, partition, 0);
}

bool ownership_is_complete(const struct command_app *app, unsigned *ret_serving, unsigned *ret_total)
{
    unsigned serving = 0, total = 0;
    for (size_t i = 0; i < app->topic_count; i++)
        total += (unsigned)app->topics[i].partitions;
    for (unsigned i = 0; i < app->threads; i++) {
        const struct shard *shard = atomic_load(&app->shards[i]);
        serving += shard ? atomic_load(&shard->serving) : 0;
    }
    *ret_serving = serving;
    *ret_total = total;
    return total > 0 && serving == total;
}

void ownership_init(struct command_app *app)
{
    app->ownership = ev_memory_new(struct ownership);
    for (size_t i = 0; i < app->topic_count; i++)
        app->ownership->places[i] =
            ev_memory_alloc_array((size_t)app->topics[i].partitions, sizeof(*app->ownership->places[i]));
}

void ownership_finish(struct command_app *app)
{
    if (!app->ownership)
        return;
    for (size_t i = 0; i < app->topic_count; i++)
        free((void *)app->ownership->places[i]);
    free(app->ownership);
    app->ownership = NULL;
}
