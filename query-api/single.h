/* Reading one document by its key from MongoDB: what the resources with an id have in common. */
#pragma once

#include "document.h"
#include "query.h"

#define SINGLE_KEYS_MAX 4

/* The first of the keys, in their order, that has a document: fills `ret` (the record's struct) and answers 0; 1: there
 * is none. Everything lies in the query's arena. */
int single_load(struct query *query, struct mongo_session *session, const struct ev_record *record,
                const struct ev_str *keys, size_t key_count, void *ret, struct document_meta *ret_meta,
                struct ev_error *error);
/* The document as the answer, with its version as the ETag. */
void single_reply(struct query *query, const struct ev_record *record, const void *document,
                  const struct document_meta *meta, int64_t version, bool cacheable);
