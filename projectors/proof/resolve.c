#include "proof/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "proof/compare.h"

#define RESOLVE_BOUNDS_TIMEOUT_MS 10000
#define RESOLVE_LOOK_MS (EV_PROJECTION_CONTROL_INTERVAL_MS + 1000) /* in which projections have looked again */

/* One document that is looked at. */
struct suspect {
    struct ev_str key;
    bool told, mended; /* in an earlier round */

    struct ev_sink_document stored; /* offset -1: isn't there */
    struct ev_sink_document expected;
    const struct fresh_document *fresh;
    const struct ev_parked *parked;
    struct fresh_wanted wanted;
    bool faulty, again; /* found wrong; to be looked at once more */
    enum proof_kind kind;
    struct ev_str cause;
};

struct resolve {
    const struct proof_options *options;
    const struct fresh *base;
    struct proof_result *result;
    struct ev_arena arena; /* of one chunk */
    struct ev_map parked;  /* key → struct ev_parked in the arena */
    int64_t passed[EV_PROJECTION_PARTITIONS_MAX], ends[EV_PROJECTION_PARTITIONS_MAX];
    struct suspect *suspects; /* of one chunk */
    size_t count;
};

int resolve_checkpoints(const struct proof_options *options, int32_t partition_count, int64_t *ret,
                        struct ev_error *error)
{
    struct ev_sink *sink = options->sink;
    for (int32_t i = 0; i < partition_count; i++) {
        struct ev_checkpoint checkpoint = {0};
        int r = sink->load_checkpoint(sink, options->view, i, &checkpoint, error);
        if (r < 0 && r != EV_ERR_NOT_FOUND)
            return r;
        ret[i] = r < 0 ? 0 : checkpoint.cursor.next_offset;
    }
    return 0;
}

static int take_parked(void *context, const struct ev_parked *parked)
{
    struct resolve *resolve = context;
    if (parked->skipped)
        return 0;
    struct ev_parked *copy = ev_arena_new(&resolve->arena, struct ev_parked);
    *copy = *parked;
    copy->key = ev_arena_copy(&resolve->arena, parked->key);
    ev_map_put(&resolve->parked, copy->key, copy);
    return 0;
}

/* In this order: what the checkpoint covers was written before it was saved, and parked before that; and the log is as
 * long as any document that was loaded before its end was asked for. */
static int look_at_store(struct resolve *resolve, struct ev_error *error)
{
    const struct proof_options *options = resolve->options;
    struct ev_sink *sink = options->sink;
    int r = resolve_checkpoints(options, resolve->base->partition_count, resolve->passed, error);
    if (r < 0)
        return r;
    struct ev_sink_document *documents = ev_arena_new_array(&resolve->arena, struct ev_sink_document, resolve->count);
    for (size_t i = 0; i < resolve->count; i++)
        documents[i] = (struct ev_sink_document){.key = resolve->suspects[i].key, .meta.offset = -1};
    r = sink->load(sink, options->view, documents, resolve->count, &resolve->arena, error);
    ev_map_finish(&resolve->parked);
    if (r >= 0)
        r = sink->load_parked(sink, options->view, take_parked, resolve, error);
    for (int32_t i = 0; i < resolve->base->partition_count && r >= 0; i++) {
        int64_t first;
        r = options->source.bounds(options->source.context, i, RESOLVE_BOUNDS_TIMEOUT_MS, &first, &resolve->ends[i],
                                   error);
    }
    for (size_t i = 0; i < resolve->count && r >= 0; i++) {
        resolve->suspects[i].stored = documents[i];
        resolve->suspects[i].parked = ev_map_get(&resolve->parked, resolve->suspects[i].key);
    }
    return r < 0 ? r : 0;
}

/* Folds the suspects' streams up to what is wanted of each: on from the base where that isn't further already, or anew.
 */
static int fold_suspects(struct resolve *resolve, struct fresh *fresh, struct ev_map *wanted, struct ev_error *error)
{
    const struct fresh *base = resolve->base;
    bool anew = false;
    ev_map_init(wanted);
    fresh_init(fresh, resolve->options, base->partition_count);
    fresh->wanted = wanted;
    fresh->skipped = base->skipped;
    fresh->may_stop = true; /* nothing behind what can't be decoded is in the store … */
    for (size_t i = 0; i < resolve->count; i++) {
        struct suspect *suspect = &resolve->suspects[i];
        const struct fresh_document *document = fresh_get(base, suspect->key);
        suspect->wanted.next_event = INT64_MAX;
        ev_map_put(wanted, suspect->key, &suspect->wanted);
        /* Limit 0 asks for nothing but the next event: what the base has will do. */
        anew = anew || (document && suspect->wanted.limit > 0 && document->meta.offset >= suspect->wanted.limit);
    }
    if (!anew) {
        memcpy(fresh->cursors, base->cursors, sizeof(fresh->cursors));
        for (size_t i = 0; i < resolve->count; i++) {
            const struct fresh_document *document = fresh_get(base, resolve->suspects[i].key);
            if (document)
                fresh_take_over(fresh, resolve->suspects[i].key, document);
        }
    }
    return fresh_fold(fresh, resolve->ends, error);
}

static void fold_finish(struct resolve *resolve, struct fresh *fresh, struct ev_map *wanted)
{
    resolve->result->records += fresh->records;
    resolve->result->events += fresh->events;
    fresh_finish(fresh);
    ev_map_finish(wanted);
}

static int32_t suspect_partition(const struct resolve *resolve, const struct suspect *suspect)
{
    int32_t partition = suspect->fresh ? suspect->fresh->meta.partition : suspect->stored.meta.partition;
    return partition >= 0 && partition < resolve->base->partition_count ? partition : 0;
}

static void suspect_fault(struct suspect *suspect, enum proof_kind kind)
{
    suspect->faulty = true;
    suspect->kind = kind;
}

/* It goes no further, though the checkpoint does. */
static void judge_older(struct suspect *suspect, enum proof_kind otherwise)
{
    const struct fresh_document *fresh = suspect->fresh;
    if (suspect->parked)
        suspect->cause = ev_str_of(suspect->parked->cause);
    else if (fresh && fresh->stopped_at >= 0)
        suspect->cause = ev_str_of(fresh->cause);
    suspect_fault(suspect, suspect->cause.data ? PROOF_PARKED : otherwise);
}

static void judge(const struct resolve *resolve, struct suspect *suspect)
{
    const struct fresh_document *fresh = suspect->fresh;
    int64_t passed = resolve->passed[suspect_partition(resolve, suspect)];
    bool due = suspect->wanted.next_event < passed || (fresh && fresh->stopped_at >= 0 && fresh->stopped_at < passed);
    suspect->faulty = false;
    suspect->cause = EV_STR_NULL;
    if (suspect->stored.meta.offset < 0) {
        /* Nothing was folded beyond the base: what that has is due. */
        if (due || fresh)
            judge_older(suspect, PROOF_MISSING);
    } else if (suspect->stored.unreadable) {
        suspect_fault(suspect, PROOF_UNREADABLE);
        suspect->cause = ev_str_of(suspect->stored.error.message);
    } else if (!compare_equal(&suspect->stored, &suspect->expected)) {
        bool nowhere = !fresh && suspect->wanted.next_event == INT64_MAX;
        suspect_fault(suspect, nowhere ? PROOF_EXTRA : PROOF_DIFFERENT);
    } else if (due) {
        judge_older(suspect, PROOF_BEHIND);
    }
}

/* … unless another program can decode it. */
static int refuse_beyond(const struct resolve *resolve, const struct fresh *fresh, const struct suspect *suspect,
                         struct ev_error *error)
{
    int32_t partition = suspect->stored.meta.partition;
    if (suspect->stored.meta.offset < 0 || suspect->stored.unreadable || partition < 0 ||
        partition >= fresh->partition_count || fresh->cursors[partition].next_offset >= resolve->ends[partition] ||
        suspect->stored.meta.offset < fresh->cursors[partition].next_offset)
        return 0;
    return ev_error_set(error, EV_ERR_UNSUPPORTED,
                        "document %.*s reflects offset %lld of partition %d, beyond what can be decoded here",
                        EV_STR_ARG(suspect->key), (long long)suspect->stored.meta.offset, (int)partition);
}

static int judge_all(struct resolve *resolve, struct fresh *fresh, struct ev_map *wanted, struct ev_error *error)
{
    for (size_t i = 0; i < resolve->count; i++) {
        struct suspect *suspect = &resolve->suspects[i];
        int64_t offset = suspect->stored.meta.offset;
        suspect->wanted.limit = suspect->stored.unreadable ? INT64_MAX : offset < 0 ? 0 : offset + 1;
    }
    int r = fold_suspects(resolve, fresh, wanted, error);
    for (size_t i = 0; i < resolve->count && r >= 0; i++) {
        struct suspect *suspect = &resolve->suspects[i];
        suspect->fresh = fresh_get(fresh, suspect->key);
        if (!suspect->fresh && suspect->stored.meta.offset < 0)
            suspect->fresh = fresh_get(resolve->base, suspect->key);
        fresh_describe(suspect->fresh, suspect->key, &suspect->expected);
        judge(resolve, suspect);
        r = refuse_beyond(resolve, fresh, suspect, error);
    }
    return r;
}

/* Into the digests of where they belong: both sides as they are now. */
static void book_digests(struct resolve *resolve, const struct suspect *suspect)
{
    struct proof_partition *partition = &resolve->result->partitions[suspect_partition(resolve, suspect)];
    struct ev_sink_document expected = suspect->expected;
    if (suspect->faulty && suspect->kind != PROOF_PARKED)
        fresh_describe(fresh_get(resolve->base, suspect->key), suspect->key, &expected);
    else if (suspect->stored.meta.offset < 0)
        expected.meta.offset = -1;
    if (suspect->stored.meta.offset >= 0)
        ev_digest_add(&partition->stored, &suspect->stored);
    if (expected.meta.offset >= 0)
        ev_digest_add(&partition->expected, &expected);
    resolve->result->documents += suspect->stored.meta.offset >= 0;
    resolve->result->moved += !suspect->faulty && suspect->stored.meta.offset >= partition->position;
}

static void tell(struct resolve *resolve, const struct suspect *suspect, bool mended)
{
    struct proof_field fields[PROOF_FIELDS_MAX];
    if (!resolve->options->tell)
        return;
    const struct proof_difference difference = {
        .kind = suspect->kind,
        .key = suspect->key,
        .partition = suspect_partition(resolve, suspect),
        .stored_offset = suspect->stored.meta.offset,
        .expected_offset = suspect->expected.meta.offset,
        .cause = suspect->cause,
        .fields = fields,
        .field_count =
            suspect->kind == PROOF_PARKED || suspect->kind == PROOF_BEHIND
                ? 0
                : compare_fields(resolve->options->view, &suspect->stored, &suspect->expected, &resolve->arena, fields),
        .mended = mended,
    };
    resolve->options->tell(resolve->options->context, &difference);
}

/* What a repair puts there: the stream as far as it may be folded. */
static int fold_for_mending(struct resolve *resolve, struct fresh *fresh, struct ev_map *wanted, struct ev_error *error)
{
    for (size_t i = 0; i < resolve->count; i++) {
        struct suspect *suspect = &resolve->suspects[i];
        suspect->wanted.limit = suspect->parked ? suspect->parked->offset : INT64_MAX;
    }
    return fold_suspects(resolve, fresh, wanted, error);
}

static bool suspect_is_mendable(const struct suspect *suspect)
{
    return suspect->faulty && suspect->kind != PROOF_PARKED && suspect->key.length > 0;
}

static int mend(struct resolve *resolve, struct ev_error *error)
{
    const struct proof_options *options = resolve->options;
    struct ev_sink_document *documents = ev_arena_new_array(&resolve->arena, struct ev_sink_document, resolve->count);
    struct suspect **mended = ev_arena_new_array(&resolve->arena, struct suspect *, resolve->count);
    size_t count = 0;
    struct fresh fresh;
    struct ev_map wanted;
    int r = fold_for_mending(resolve, &fresh, &wanted, error);
    for (size_t i = 0; i < resolve->count && r >= 0; i++) {
        struct suspect *suspect = &resolve->suspects[i];
        if (!suspect_is_mendable(suspect))
            continue;
        struct ev_sink_document *document = &documents[count];
        fresh_describe(fresh_get(&fresh, suspect->key), suspect->key, document);
        document->removed = document->meta.offset < 0;
        document->previous_offset = suspect->stored.meta.offset;
        document->revision = suspect->stored.revision;
        mended[count++] = suspect;
    }
    if (r >= 0 && count > 0)
        r = options->sink->mend(options->sink, options->view, documents, count, error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        mended[i]->mended = documents[i].result == EV_WRITE_DONE;
        mended[i]->again = documents[i].result != EV_WRITE_FAILED;
        if (documents[i].result == EV_WRITE_FAILED)
            mended[i]->cause = ev_arena_copy(&resolve->arena, ev_str_of(documents[i].error.message));
    }
    fold_finish(resolve, &fresh, &wanted);
    return r;
}

/* Counts and tells of each once, also when it is mended in a later round. */
static void book(struct resolve *resolve, struct suspect *suspect, bool was_mended)
{
    struct proof_result *result = resolve->result;
    bool parked = suspect->faulty && suspect->kind == PROOF_PARKED, wrong = suspect->faulty && !parked;
    if (parked || (wrong && !suspect->told))
        result->counts[suspect->kind]++;
    result->mended += (suspect->told && !wrong) || suspect->mended;
    result->mended -= was_mended;
    if (parked || (wrong && !(suspect->told && suspect->mended)))
        tell(resolve, suspect, suspect->mended);
    suspect->told = suspect->told || wrong;
    if (!suspect->again)
        book_digests(resolve, suspect);
}

static int resolve_chunk(struct resolve *resolve, bool may_mend, struct ev_error *error)
{
    struct fresh fresh = {0};
    struct ev_map wanted;
    bool any = false;
    int r = look_at_store(resolve, error);
    if (r < 0)
        return r;
    r = judge_all(resolve, &fresh, &wanted, error);
    for (size_t i = 0; i < resolve->count && r >= 0; i++)
        any = any || suspect_is_mendable(&resolve->suspects[i]);
    bool *was_mended = ev_arena_new_array(&resolve->arena, bool, resolve->count + 1);
    for (size_t i = 0; i < resolve->count; i++) {
        was_mended[i] = resolve->suspects[i].mended;
        resolve->suspects[i].mended = resolve->suspects[i].again = false;
    }
    if (r >= 0 && any && may_mend)
        r = mend(resolve, error);
    for (size_t i = 0; i < resolve->count && r >= 0; i++)
        book(resolve, &resolve->suspects[i], was_mended[i]);
    fold_finish(resolve, &fresh, &wanted);
    return r;
}

static bool round_has_more(const struct resolve *resolve)
{
    bool more = false;
    for (size_t i = 0; i < resolve->count; i++)
        more = more || resolve->suspects[i].again;
    return more;
}

/* A projection that has read what was wrong may write it again, on with the next event: it is told to forget it. */
static int let_projections_look(struct resolve *resolve, struct ev_error *error)
{
    const struct proof_options *options = resolve->options;
    int r = options->sink->change_control(options->sink, options->view, EV_CONTROL_LOOK_AGAIN, error);
    if (r >= 0 && options->wait && !options->wait(options->context, RESOLVE_LOOK_MS))
        return ev_error_set(error, EV_ERR_TIMEOUT, "stopped");
    return r;
}

/* Rounds over one chunk: after the first, over what was mended, so that it is seen to be right. */
static int resolve_rounds(struct resolve *resolve, struct ev_error *error)
{
    int r = 0;
    for (int round = 0; resolve->count > 0 && r >= 0; round++) {
        size_t left = 0;
        ev_arena_reset(&resolve->arena);
        r = resolve_chunk(resolve, resolve->options->mend && round < PROOF_MEND_ROUNDS, error);
        if (r >= 0 && round_has_more(resolve))
            r = let_projections_look(resolve, error);
        for (size_t i = 0; i < resolve->count; i++)
            if (resolve->suspects[i].again)
                resolve->suspects[left++] = resolve->suspects[i];
        resolve->count = left;
    }
    return r;
}

int resolve_suspects(const struct proof_options *options, const struct fresh *base, const struct ev_str *keys,
                     size_t count, struct proof_result *result, struct ev_error *error)
{
    struct resolve resolve = {.options = options, .base = base, .result = result};
    int r = 0;
    ev_arena_init(&resolve.arena, 0);
    ev_map_init(&resolve.parked);
    resolve.suspects = ev_memory_alloc_array(PROOF_SUSPECTS_AT_ONCE, sizeof(*resolve.suspects));
    for (size_t at = 0; at < count && r >= 0; at += PROOF_SUSPECTS_AT_ONCE) {
        resolve.count = count - at < PROOF_SUSPECTS_AT_ONCE ? count - at : PROOF_SUSPECTS_AT_ONCE;
        for (size_t i = 0; i < resolve.count; i++)
            resolve.suspects[i] = (struct suspect){.key = keys[at + i]};
        r = resolve_rounds(&resolve, error);
    }
    free(resolve.suspects);
    ev_map_finish(&resolve.parked);
    ev_arena_finish(&resolve.arena);
    return r;
}
