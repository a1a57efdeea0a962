#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify.h"
#include "core/memory.h"
#include "fold/document.h"
#include "views/views.h"

#define POLL_MS 500
#define STALL_MS 30000   /* no record for so long before the end: an error */
#define SHARDS_MAX 65536 /* times that a partition is read at most */

/* A document in memory, as a store would hold it. */
struct kept {
    struct ev_document_meta meta;
    bool deleted;
    bool refused; /* a fold refused to go on: it stays as it is */
    size_t length;
    char body[];
};

struct view_fold {
    const struct ev_view *view;
    struct verify_fold *result; /* of the partition */
    struct ev_map documents;    /* key -> struct kept * */
};

struct pass {
    const struct verify_fold_options *options;
    struct verify_partition *partition;
    struct ev_batch batch;
    struct ev_arena arena;
    struct ev_buffer scratch;
    size_t view_count;
    struct view_fold views[VERIFY_VIEWS_MAX];
    uint64_t shard, shards;
    size_t bytes; /* of all documents */
    bool too_much;
};

/* What a document takes beside its body: the block, the key and its slot. */
#define KEPT_OVERHEAD (sizeof(struct kept) + 64)

static void forget_documents(struct pass *pass)
{
    for (size_t i = 0; i < pass->view_count; i++) {
        size_t cursor = 0;
        void *kept;
        while (ev_map_next(&pass->views[i].documents, &cursor, NULL, &kept))
            free(kept);
        ev_map_finish(&pass->views[i].documents);
    }
    pass->bytes = 0;
}

static void keep(struct pass *pass, struct view_fold *fold, const struct ev_sink_document *document, bool refused)
{
    struct kept *kept = ev_memory_alloc(sizeof(*kept) + document->body.length);
    *kept = (struct kept){
        .meta = document->meta, .deleted = document->deleted, .refused = refused, .length = document->body.length};
    if (kept->length > 0)
        memcpy(kept->body, document->body.data, kept->length);
    struct kept *before = ev_map_put(&fold->documents, document->key, kept);
    pass->bytes += KEPT_OVERHEAD + document->key.length + kept->length;
    if (before)
        pass->bytes -= KEPT_OVERHEAD + document->key.length + before->length;
    free(before);
}

static void fold_document(struct pass *pass, struct view_fold *fold, const struct ev_batch_document *document)
{
    const struct kept *kept = ev_map_get(&fold->documents, document->key);
    struct ev_sink_document stored = {.key = document->key, .meta.offset = -1}, made;
    struct ev_document_stop stop = {.offset = -1};
    struct ev_document_folder folder = {
        .view = fold->view, .arena = &pass->arena, .scratch = &pass->scratch, .limit = pass->partition->until};
    if (kept && kept->refused)
        return;
    if (kept) {
        stored.meta = kept->meta;
        stored.deleted = kept->deleted;
        stored.body = (struct ev_str){kept->body, kept->length};
    }
    ev_arena_reset(&pass->arena);
    bool changed = ev_document_fold(&folder, document, &stored, &made, &stop);
    bool refused = stop.offset >= 0;
    if (changed)
        keep(pass, fold, &made, refused);
    else if (refused && stored.meta.offset >= 0)
        keep(pass, fold, &stored, true);
    else if (refused) { /* there is no document yet, and there won't be one */
        stored.deleted = true;
        stored.body = EV_STR("");
        stored.meta.partition = document->partition;
        keep(pass, fold, &stored, true);
    }
}

static void fold_batch(struct pass *pass)
{
    for (size_t i = 0; i < pass->view_count && !pass->too_much; i++) {
        struct view_fold *fold = &pass->views[i];
        ev_batch_group(&pass->batch, fold->view);
        for (size_t j = 0; j < pass->batch.documents.count; j++) {
            const struct ev_batch_document *document = pass->batch.documents.items[j];
            if (pass->shards == 1 || ev_hash64(document->key) % pass->shards == pass->shard)
                fold_document(pass, fold, document);
        }
        ev_batch_ungroup(&pass->batch);
        pass->too_much = pass->bytes > pass->options->memory;
    }
}

/* --- counting --- */

static void count_schema(struct verify_topic *topic, struct ev_str raw)
{
    const uint8_t *bytes = (const uint8_t *)raw.data;
    if (raw.length < 5)
        return;
    int32_t id = (int32_t)((uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4]);
    size_t at = 0;
    while (at < topic->schema_count && topic->schemas[at].id != id)
        at++;
    if (at == VERIFY_SCHEMAS_MAX)
        return;
    topic->schema_count = at < topic->schema_count ? topic->schema_count : at + 1;
    topic->schemas[at].id = id;
    topic->schemas[at].commits++;
}

static void count_batch(const struct pass *pass)
{
    struct verify_topic *topic = pass->options->topic;
    for (size_t i = 0; i < pass->batch.record_count; i++) {
        const struct ev_log_record *record = &pass->batch.records[i];
        topic->void_count += record->verdict == EV_VERDICT_VOID || record->verdict == EV_VERDICT_VOID_FENCE;
        if (record->verdict != EV_VERDICT_COMMIT)
            continue;
        topic->commits++;
        topic->events += (int64_t)record->commit.event_count;
        count_schema(topic, record->raw);
    }
}

/* --- reading --- */

/* A record that can't be decoded: noted, and nothing of the partition is read beyond it. */
static int note_stop(const struct pass *pass, struct ev_error *error)
{
    int32_t number;
    int64_t offset;
    if (!ev_reader_failed(pass->options->source->reader, &number, &offset))
        return error->code;
    pass->partition->stopped = offset;
    snprintf(pass->partition->cause, VERIFY_CAUSE_MAX, "%.*s", VERIFY_CAUSE_MAX - 1, error->message);
    return 1;
}

/* 0: go on; 1: a record stops it; negative: a fault. */
static int read_batch(struct pass *pass, int64_t *heard_ms, struct ev_error *error)
{
    struct ev_commit_source source = ev_commit_source_of_reader(pass->options->source->reader);
    ev_batch_clear(&pass->batch);
    int result = ev_batch_collect(&pass->batch, &source, &ev_clock_system, POLL_MS, true, error);
    int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
    if (pass->batch.record_count > 0)
        *heard_ms = now_ms;
    if (result < 0 && !error->retriable && pass->batch.record_count == 0)
        return note_stop(pass, error);
    if (cli_interrupted())
        return ev_error_set(error, EV_ERR_TIMEOUT, "interrupted");
    if (now_ms - *heard_ms > STALL_MS)
        return result < 0 ? result : ev_error_set(error, EV_ERR_TIMEOUT, "no record came for %d s", STALL_MS / 1000);
    return 0;
}

/* Reads once from the beginning: the first shard to the end of the log, the others as far as views fold. */
static int run_pass(struct pass *pass, int64_t *progress_base, struct ev_error *error)
{
    const struct verify_fold_options *options = pass->options;
    struct verify_partition *partition = pass->partition;
    struct ev_cursor cursor = {.partition = options->partition, .next_offset = partition->first, .last_offset = -1};
    bool first = pass->shard == 0 && pass->shards == 1;
    int64_t until = first ? partition->end : partition->until, heard_ms = ev_clock_monotonic_ms(&ev_clock_system);
    ev_ledger_init(&cursor.ledger);
    pass->too_much = false;
    int result = ev_reader_assign(options->source->reader, &cursor, 1, error);
    while (result == 0 && cursor.next_offset < until) {
        result = read_batch(pass, &heard_ms, error);
        if (result != 0)
            break;
        if (first)
            count_batch(pass);
        if (!pass->too_much)
            fold_batch(pass);
        if (pass->too_much && !first)
            break;
        if (pass->too_much)
            forget_documents(pass);
        result = ev_reader_cursor(options->source->reader, options->partition, &cursor);
        int64_t read = cursor.next_offset < until ? cursor.next_offset : until; /* a batch may reach beyond */
        progress_update(options->progress, *progress_base + read - partition->first, NULL);
    }
    *progress_base = options->progress->done;
    return result < 0 ? result : 0;
}

static void add_up(struct pass *pass)
{
    for (size_t i = 0; i < pass->view_count; i++) {
        struct view_fold *fold = &pass->views[i];
        struct ev_str key;
        void *value;
        size_t cursor = 0;
        while (ev_map_next(&fold->documents, &cursor, &key, &value)) {
            const struct kept *kept = value;
            const struct ev_sink_document document = {
                .key = key, .meta = kept->meta, .deleted = kept->deleted, .body = {kept->body, kept->length}};
            ev_digest_add(&fold->result->digest, &document);
            fold->result->refused += kept->refused;
        }
    }
    forget_documents(pass);
}

static void start_over(struct pass *pass, uint64_t shards)
{
    forget_documents(pass);
    for (size_t i = 0; i < pass->view_count; i++) {
        pass->views[i].result->digest = (struct ev_digest){0};
        pass->views[i].result->refused = 0;
    }
    pass->shard = 0;
    pass->shards = shards;
}

static int run_passes(struct pass *pass, struct ev_error *error)
{
    int64_t progress_base = pass->options->progress->done;
    int64_t planned = progress_base + pass->partition->end - pass->partition->first; /* done when this partition is */
    start_over(pass, 1);
    while (pass->shard < pass->shards) {
        int result = run_pass(pass, &progress_base, error);
        if (result < 0)
            return result;
        if (!pass->too_much) {
            add_up(pass);
            pass->shard++;
            continue;
        }
        if (pass->shards == SHARDS_MAX)
            return ev_error_set(error, EV_ERR_LIMIT,
                                "%zu MiB don't hold the documents of partition %d: --memory-mebibytes",
                                pass->options->memory >> 20, (int)pass->options->partition);
        start_over(pass, pass->shards * 2);
        int64_t again =
            progress_base + (int64_t)pass->shards * (pass->partition->until - pass->partition->first) - planned;
        pass->options->progress->total += again;
        planned += again;
    }
    return 0;
}

static void choose_views(struct pass *pass)
{
    const struct verify_fold_options *options = pass->options;
    for (size_t i = 0; i < orderlog_view_count; i++) {
        const struct ev_view *view = orderlog_views[i];
        struct verify_view *result = verify_view_find(options->state, ev_str_of(view->name));
        if (result && ev_str_equal(ev_str_of(view->topic->name), options->topic->name))
            pass->views[pass->view_count++] =
                (struct view_fold){.view = view, .result = &result->partitions[options->partition]};
    }
}

int verify_fold_partition(const struct verify_fold_options *options, struct ev_error *error)
{
    static const struct ev_batch_bounds bounds = {0};
    struct pass *pass = ev_memory_new(struct pass);
    pass->options = options;
    pass->partition = &options->topic->partitions[options->partition];
    pass->partition->stopped = -1;
    choose_views(pass);
    ev_batch_init(&pass->batch, &bounds);
    ev_arena_init(&pass->arena, 0);
    ev_buffer_init(&pass->scratch);
    int result = run_passes(pass, error);
    for (size_t i = 0; i < pass->view_count; i++) {
        struct verify_fold *fold = pass->views[i].result;
        ev_digest_format(&fold->digest, fold->text);
        fold->documents = fold->digest.documents;
    }
    forget_documents(pass);
    ev_batch_finish(&pass->batch);
    ev_arena_finish(&pass->arena);
    ev_buffer_finish(&pass->scratch);
    free(pass);
    return result;
}
