#include "fold/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void append_u64(struct ev_buffer *out, uint64_t value)
{
    char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(value >> (56 - 8 * i));
    ev_buffer_append(out, bytes, sizeof(bytes));
}

/* Fixed widths and lengths before what varies: no two documents have the same bytes. */
void ev_document_canonical(const struct ev_sink_document *document, struct ev_buffer *out)
{
    append_u64(out, document->key.length);
    ev_buffer_append_str(out, document->key);
    ev_buffer_append_byte(out, document->deleted ? 1 : 0);
    append_u64(out, (uint64_t)document->meta.offset);
    append_u64(out, (uint64_t)document->meta.partition);
    append_u64(out, (uint64_t)document->meta.sequence);
    if (!document->deleted)
        ev_buffer_append_str(out, document->body);
}

struct ev_hash128 ev_document_hash(const struct ev_sink_document *document)
{
    struct ev_buffer bytes;
    ev_buffer_init(&bytes);
    ev_document_canonical(document, &bytes);
    struct ev_hash128 hash = ev_hash128(ev_buffer_str(&bytes));
    ev_buffer_finish(&bytes);
    return hash;
}

static uint64_t read_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

void ev_digest_join(struct ev_digest *digest, const struct ev_digest *other)
{
    digest->low += other->low;
    digest->high += other->high + (digest->low < other->low ? 1 : 0);
    digest->documents += other->documents;
}

void ev_digest_add(struct ev_digest *digest, const struct ev_sink_document *document)
{
    struct ev_hash128 hash = ev_document_hash(document);
    struct ev_digest one = {.high = read_u64(hash.bytes), .low = read_u64(hash.bytes + 8), .documents = 1};
    ev_digest_join(digest, &one);
}

bool ev_digest_equal(const struct ev_digest *a, const struct ev_digest *b)
{
    return a->high == b->high && a->low == b->low && a->documents == b->documents;
}

void ev_digest_format(const struct ev_digest *digest, char ret_text[EV_DIGEST_TEXT_MAX])
{
    snprintf(ret_text, EV_DIGEST_TEXT_MAX, "%016" PRIx64 "%016" PRIx64, digest->high, digest->low);
}

struct digest_scan {
    struct ev_digest *digests;
    size_t count;
    int32_t beyond;
};

static int digest_scan_each(void *context, const struct ev_sink_document *document)
{
    struct digest_scan *scan = context;
    if (document->meta.partition < 0 || (size_t)document->meta.partition >= scan->count) {
        scan->beyond = document->meta.partition;
        return 1;
    }
    ev_digest_add(&scan->digests[document->meta.partition], document);
    return 0;
}

int ev_digest_scan(struct ev_sink *sink, const struct ev_view *view, struct ev_digest *ret, size_t count,
                   struct ev_error *error)
{
    struct digest_scan scan = {.digests = ret, .count = count};
    for (size_t i = 0; i < count; i++)
        ret[i] = (struct ev_digest){0};
    int r = sink->scan(sink, view, digest_scan_each, &scan, error);
    if (r > 0)
        return ev_error_set(error, EV_ERR_INVALID, "view %s has a document of partition %" PRId32 " in %s, beyond %zu",
                            view->name, scan.beyond, sink->name, count);
    return r;
}
