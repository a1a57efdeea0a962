/* Digests of documents: two stores hold the same documents of a view exactly when their digests are equal (but for a
 * collision of a 128-bit hash). The order of a scan doesn't matter, and neither does how a store writes a document
 * down: the canonical form is made of the key, the meta and the Avro bytes. Pure. */
#pragma once

#include "core/buffer.h"
#include "core/hash.h"
#include "fold/sink.h"

/* Of one partition's documents. Adds up (modulo 2^128) the hashes of all canonical forms, so a document that is there
 * twice differs from one that is there once. */
struct ev_digest {
    uint64_t high, low;
    int64_t documents; /* tombstones too */
};

/* Appends the canonical bytes: key, deleted, offset, partition, sequence, body. */
void ev_document_canonical(const struct ev_sink_document *document, struct ev_buffer *out);
struct ev_hash128 ev_document_hash(const struct ev_sink_document *document);
void ev_digest_add(struct ev_digest *digest, const struct ev_sink_document *document);
/* Digests of two disjoint sets to that of both. */
void ev_digest_join(struct ev_digest *digest, const struct ev_digest *other);
bool ev_digest_equal(const struct ev_digest *a, const struct ev_digest *b);
/* 32 hexadecimal digits and NUL. */
#define EV_DIGEST_TEXT_MAX 33
void ev_digest_format(const struct ev_digest *digest, char ret_text[EV_DIGEST_TEXT_MAX]);

/* Scans a view: `ret` is indexed by partition. INVALID for a document of a partition beyond `count`. */
int ev_digest_scan(struct ev_sink *sink, const struct ev_view *view, struct ev_digest *ret, size_t count,
                   struct ev_error *error);
