/* The documents a projection wrote last, as Avro bytes, least recently used out first: spares loading them again. An
 * entry is right as long as every write of its document succeeds; the projection drops it when one doesn't. Not
 * thread-safe. */
#pragma once

#include "core/map.h"
#include "fold/sink.h"

struct ev_document_cache_entry;

struct ev_document_cache {
    struct ev_map by_key;
    struct ev_document_cache_entry *newest, *oldest;
    size_t bytes;     /* keys and bodies, and a fixed amount for each entry */
    size_t bytes_max; /* a document that alone is larger isn't kept */
};

void ev_document_cache_init(struct ev_document_cache *cache, size_t bytes_max);
void ev_document_cache_finish(struct ev_document_cache *cache);
/* Fills meta, deleted and body (borrowed until the cache changes) of `ret`; false when the key isn't there. */
bool ev_document_cache_get(struct ev_document_cache *cache, struct ev_str key, struct ev_sink_document *ret);
/* Copies key, meta, deleted and body. */
void ev_document_cache_put(struct ev_document_cache *cache, const struct ev_sink_document *document);
void ev_document_cache_remove(struct ev_document_cache *cache, struct ev_str key);
void ev_document_cache_clear(struct ev_document_cache *cache);
