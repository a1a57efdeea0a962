#include "replay/bulks.h"

#include <stdlib.h>

#include "core/memory.h"

void replay_bulks_init(struct replay_bulks *bulks, size_t count, size_t bytes_max)
{
    *bulks = (struct replay_bulks){.count = count,
                                   .bytes_max = bytes_max < REPLAY_BULK_BYTES_MAX ? bytes_max : REPLAY_BULK_BYTES_MAX};
    pthread_mutex_init(&bulks->lock, NULL);
    pthread_cond_init(&bulks->changed, NULL);
    bulks->all = ev_memory_alloc_array(count, sizeof(*bulks->all));
    for (size_t i = 0; i < count; i++) {
        bulks->all[i] = (struct replay_bulk){
            .documents = ev_memory_alloc_array(REPLAY_BULK_DOCUMENTS, sizeof(*bulks->all[i].documents)),
            .next = bulks->empty,
        };
        ev_arena_init(&bulks->all[i].arena, 0);
        bulks->empty = &bulks->all[i];
    }
}

void replay_bulks_finish(struct replay_bulks *bulks)
{
    if (!bulks->all)
        return;
    for (size_t i = 0; i < bulks->count; i++) {
        free(bulks->all[i].documents);
        ev_arena_finish(&bulks->all[i].arena);
    }
    free(bulks->all);
    pthread_cond_destroy(&bulks->changed);
    pthread_mutex_destroy(&bulks->lock);
    *bulks = (struct replay_bulks){0};
}

static void begin_change(struct replay_bulks *bulks)
{
    pthread_mutex_lock(&bulks->lock);
}

static void end_change(struct replay_bulks *bulks)
{
    pthread_cond_broadcast(&bulks->changed);
    pthread_mutex_unlock(&bulks->lock);
}

struct replay_bulk *replay_bulks_take_empty(struct replay_bulks *bulks)
{
    pthread_mutex_lock(&bulks->lock);
    while (!bulks->empty && !bulks->stopped)
        pthread_cond_wait(&bulks->changed, &bulks->lock);
    struct replay_bulk *bulk = bulks->stopped ? NULL : bulks->empty;
    if (bulk)
        bulks->empty = bulk->next;
    pthread_mutex_unlock(&bulks->lock);
    return bulk;
}

void replay_bulks_give_full(struct replay_bulks *bulks, struct replay_bulk *bulk)
{
    begin_change(bulks);
    bulk->next = NULL;
    *(bulks->first ? &bulks->last->next : &bulks->first) = bulk;
    bulks->last = bulk;
    end_change(bulks);
}

struct replay_bulk *replay_bulks_take_full(struct replay_bulks *bulks)
{
    pthread_mutex_lock(&bulks->lock);
    while (!bulks->first && !bulks->closed && !bulks->stopped)
        pthread_cond_wait(&bulks->changed, &bulks->lock);
    struct replay_bulk *bulk = bulks->stopped ? NULL : bulks->first;
    if (bulk)
        bulks->first = bulk->next;
    pthread_mutex_unlock(&bulks->lock);
    return bulk;
}

void replay_bulks_give_empty(struct replay_bulks *bulks, struct replay_bulk *bulk)
{
    bulk->count = bulk->bytes = 0;
    ev_arena_reset(&bulk->arena);
    begin_change(bulks);
    bulk->next = bulks->empty;
    bulks->empty = bulk;
    end_change(bulks);
}

void replay_bulks_close(struct replay_bulks *bulks)
{
    begin_change(bulks);
    bulks->closed = true;
    end_change(bulks);
}

void replay_bulks_stop(struct replay_bulks *bulks)
{
    begin_change(bulks);
    bulks->stopped = true;
    end_change(bulks);
}

void replay_bulk_add(struct replay_bulk *bulk, const struct ev_sink_document *document)
{
    struct ev_sink_document *added = &bulk->documents[bulk->count++];
    *added = *document;
    added->key = ev_arena_copy(&bulk->arena, document->key);
    added->body = ev_arena_copy(&bulk->arena, document->body);
    bulk->bytes += document->body.length;
}
