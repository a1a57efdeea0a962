/* The Elasticsearch sink (OpenSearch too): an index per view and version. A document's external version is made
 * of its _offset, so a write that comes late is refused by the engine; deleted documents stay as marks, because the
 * engine forgets the versions of what is deleted. Checkpoints lie in an index of their own and are saved after a
 * refresh of the view's index.
 *
 * Writes go through an alias of the version and nothing else, so that an index which was removed is never made anew by
 * a write, without its mapping. Checkpoints and parked entries name the index (by its UUID) that they belong to. */
#pragma once

#include "fold/sink.h"

#define ES_BULK_DOCUMENTS_MAX ((size_t)1000)
#define ES_BULK_BYTES_MAX ((size_t)5 * 1024 * 1024)
#define ES_FLUSH_INTERVAL_MS 100 /* refreshes and checkpoints at most so often */
#define ES_SCAN_SIZE 500

/* Indexes get "<topic_prefix>-" in front unless it is "orderlog". */
int elasticsearch_sink_create(const char *url, const char *topic_prefix, struct ev_sink **ret, struct ev_error *error);
/* Whether there is an index definition (schemas/indexes/VIEW.json) for the view. */
bool elasticsearch_sink_serves(const struct ev_view *view);
