#include "fold/document_cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* One block: the entry, its key, its body. */
struct ev_document_cache_entry {
    struct ev_document_cache_entry *newer, *older;
    struct ev_document_meta meta;
    bool deleted;
    size_t key_length, body_length;
    char bytes[];
};

/* What the map spends on an entry beside it: a slot and a copy of the key. */
#define CACHE_ENTRY_OVERHEAD ((size_t)64)

static struct ev_str entry_key(const struct ev_document_cache_entry *entry)
{
    return (struct ev_str){entry->bytes, entry->key_length};
}

static size_t entry_cost(size_t key_length, size_t body_length)
{
    return sizeof(struct ev_document_cache_entry) + 2 * key_length + body_length + CACHE_ENTRY_OVERHEAD;
}

static void cache_unlink(struct ev_document_cache *cache, struct ev_document_cache_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void cache_link_newest(struct ev_document_cache *cache, struct ev_document_cache_entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

void ev_document_cache_init(struct ev_document_cache *cache, size_t bytes_max)
{
    *cache = (struct ev_document_cache){.bytes_max = bytes_max};
    ev_map_init(&cache->by_key);
}

void ev_document_cache_clear(struct ev_document_cache *cache)
{
    while (cache->oldest) {
        struct ev_document_cache_entry *entry = cache->oldest;
        cache_unlink(cache, entry);
        free(entry);
    }
    cache->bytes = 0;
    ev_map_finish(&cache->by_key);
}

void ev_document_cache_finish(struct ev_document_cache *cache)
{
    if (cache)
        ev_document_cache_clear(cache);
}

bool ev_document_cache_get(struct ev_document_cache *cache, struct ev_str key, struct ev_sink_document *ret)
{
    struct ev_document_cache_entry *entry = ev_map_get(&cache->by_key, key);
    if (!entry)
        return false;
    cache_unlink(cache, entry);
    cache_link_newest(cache, entry);
    ret->meta = entry->meta;
    ret->deleted = entry->deleted;
    ret->body = (struct ev_str){entry->bytes + entry->key_length, entry->body_length};
    return true;
}

void ev_document_cache_remove(struct ev_document_cache *cache, struct ev_str key)
{
    struct ev_document_cache_entry *entry = ev_map_remove(&cache->by_key, key);
    if (!entry)
        return;
    cache_unlink(cache, entry);
    cache->bytes -= entry_cost(entry->key_length, entry->body_length);
    free(entry);
}

void ev_document_cache_put(struct ev_document_cache *cache, const struct ev_sink_document *document)
{
    ev_document_cache_remove(cache, document->key);
    size_t cost = entry_cost(document->key.length, document->body.length);
    if (cost > cache->bytes_max)
        return;
    while (cache->bytes + cost > cache->bytes_max)
        ev_document_cache_remove(cache, entry_key(cache->oldest));

    struct ev_document_cache_entry *entry =
        ev_memory_alloc(sizeof(*entry) + document->key.length + document->body.length);
    *entry = (struct ev_document_cache_entry){
        .meta = document->meta,
        .deleted = document->deleted,
        .key_length = document->key.length,
        .body_length = document->body.length,
    };
    if (document->key.length)
        memcpy(entry->bytes, document->key.data, document->key.length);
    if (document->body.length)
        memcpy(entry->bytes + document->key.length, document->body.data, document->body.length);
    cache_link_newest(cache, entry);
    cache->bytes += cost;
    ev_map_put(&cache->by_key, entry_key(entry), entry);
}
