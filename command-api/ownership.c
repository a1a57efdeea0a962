#include "ownership.h"

unsigned ownership_loop_of(const struct command_app *app, int32_t partition)
{
    return (unsigned)partition % app->threads;
}

void ownership_acquire(struct shard *shard)
{
    const struct command_app *app = shard->app;
    for (size_t i = 0; i < app->topic_count; i++) {
        for (int32_t partition = 0; partition < app->topics[i].partitions; partition++) {
            if (ownership_loop_of(app, partition) == shard->index)
                ev_executor_acquire(shard->topics[i].executor, partition);
        }
    }
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
