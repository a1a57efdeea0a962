#include "proof/proof.h"

#include <inttypes.h>
#include <string.h>

#include "core/memory.h"
#include "proof/compare.h"
#include "proof/resolve.h"

#define PROOF_DESCRIBE_TIMEOUT_MS 10000
#define PROOF_REACH_EVERY_MS 100

/* One pass: its documents as the log has them, and the keys of those that aren't the same in the store. */
struct pass {
    const struct proof_options *options;
    struct proof_result *result;
    struct fresh fresh;
    struct ev_arena keys_arena;
    struct {
        struct ev_str *items;
        size_t count, capacity;
    } suspects;
    struct ev_map suspected; /* their keys: a scan of what is written meanwhile may meet a document twice */
    int64_t scanned;
    struct ev_error *error;
};

static int pass_suspect(struct pass *pass, struct ev_str key)
{
    if (pass->suspects.count >= PROOF_SUSPECTS_MAX)
        return ev_error_set(pass->error, EV_ERR_LIMIT,
                            "more than %zu documents of view %s in %s aren't what the log says: build the view anew",
                            PROOF_SUSPECTS_MAX, pass->options->view->name, pass->options->sink->name);
    if (!ev_map_get(&pass->suspected, key)) {
        ev_map_put(&pass->suspected, key, pass);
        *ev_array_push(&pass->keys_arena, &pass->suspects) = ev_arena_copy(&pass->keys_arena, key);
    }
    return 0;
}

/* A document that no key of a view can mean: nothing could mend it either. */
static void tell_nameless(struct pass *pass, const struct ev_sink_document *stored)
{
    const struct proof_difference difference = {
        .kind = PROOF_EXTRA,
        .key = EV_STR("(no text)"),
        .partition = stored->meta.partition,
        .stored_offset = stored->meta.offset,
        .expected_offset = -1,
        .cause = EV_STR("its _id is no text, so it is no document of the view: remove it by hand"),
    };
    pass->result->counts[PROOF_EXTRA]++;
    pass->result->documents++;
    ev_digest_add(&pass->result->partitions[0].stored, stored);
    if (pass->options->tell)
        pass->options->tell(pass->options->context, &difference);
}

static int compare_each(void *context, const struct ev_sink_document *stored)
{
    struct pass *pass = context;
    int r = fresh_pace(&pass->fresh, pass->fresh.records + ++pass->scanned, pass->error);
    if (r < 0)
        return r;
    if (stored->key.length == 0) {
        if (pass->fresh.pass == 0)
            tell_nameless(pass, stored);
        return 0;
    }
    if (!fresh_takes(&pass->fresh, stored->key))
        return 0;
    struct fresh_document *document = fresh_get(&pass->fresh, stored->key);
    struct ev_sink_document expected;
    fresh_describe(document, stored->key, &expected);
    if (document && document->seen)
        return 0;
    if (document)
        document->seen = true;
    if (expected.meta.offset < 0 || !compare_equal(stored, &expected) || document->stopped_at >= 0)
        return pass_suspect(pass, stored->key);
    struct proof_partition *partition = &pass->result->partitions[expected.meta.partition];
    ev_digest_add(&partition->expected, &expected);
    ev_digest_add(&partition->stored, stored);
    pass->result->documents++;
    return 0;
}

static int suspect_unseen(struct pass *pass)
{
    size_t cursor = 0;
    struct ev_str key;
    void *value;
    int r = 0;
    while (r >= 0 && ev_map_next(&pass->fresh.documents, &cursor, &key, &value))
        if (!((const struct fresh_document *)value)->seen)
            r = pass_suspect(pass, key);
    return r;
}

static int pass_run(struct pass *pass, struct ev_error *error)
{
    const struct proof_options *options = pass->options;
    struct proof_result *result = pass->result;
    int64_t until[EV_PROJECTION_PARTITIONS_MAX] = {0};
    for (int32_t i = 0; i < result->partition_count; i++)
        until[i] = result->partitions[i].position;
    int r = fresh_fold(&pass->fresh, until, error);
    if (pass->fresh.bytes > result->bytes_peak)
        result->bytes_peak = pass->fresh.bytes;
    result->records += pass->fresh.records;
    result->events += pass->fresh.events;
    if (r >= 0)
        r = options->sink->scan(options->sink, options->view, compare_each, pass, error);
    if (r >= 0)
        r = suspect_unseen(pass);
    if (r >= 0)
        r = resolve_suspects(options, &pass->fresh, pass->suspects.items, pass->suspects.count, result, error);
    return r;
}

static int run_pass(const struct proof_options *options, struct proof_result *result, const struct ev_skipped *skipped,
                    uint64_t number, uint64_t passes, struct ev_error *error)
{
    struct pass pass = {.options = options, .result = result, .error = error};
    fresh_init(&pass.fresh, options, result->partition_count);
    pass.fresh.skipped = skipped;
    pass.fresh.pass = number;
    pass.fresh.passes = passes;
    ev_arena_init(&pass.keys_arena, 0);
    ev_map_init(&pass.suspected);
    int r = pass_run(&pass, error);
    fresh_finish(&pass.fresh);
    ev_arena_finish(&pass.keys_arena);
    ev_map_finish(&pass.suspected);
    result->passes++;
    return r;
}

/* The store has got to the positions that were asked for, or does so in time. */
static int await_positions(const struct proof_options *options, const struct proof_result *result,
                           struct ev_error *error)
{
    int64_t deadline = ev_clock_monotonic_ms(options->clock) + PROOF_REACH_TIMEOUT_MS;
    int64_t passed[EV_PROJECTION_PARTITIONS_MAX];
    for (;;) {
        int32_t behind = -1;
        int r = resolve_checkpoints(options, result->partition_count, passed, error);
        if (r < 0)
            return r;
        for (int32_t i = 0; i < result->partition_count; i++)
            if (passed[i] < result->partitions[i].position)
                behind = i;
        if (behind < 0)
            return 0;
        if (ev_clock_monotonic_ms(options->clock) > deadline ||
            (options->wait && !options->wait(options->context, PROOF_REACH_EVERY_MS)))
            return ev_error_set(
                error, EV_ERR_TIMEOUT,
                "view %s in %s reflects partition %" PRId32 " up to offset %" PRId64 ", not yet up to %" PRId64,
                options->view->name, options->sink->name, behind, passed[behind], result->partitions[behind].position);
    }
}

static int find_positions(const struct proof_options *options, struct proof_result *result, struct ev_error *error)
{
    int64_t positions[EV_PROJECTION_PARTITIONS_MAX];
    char topic_id[64];
    int32_t count = 0;
    int r = options->source.describe(options->source.context, PROOF_DESCRIBE_TIMEOUT_MS, &count, topic_id, error);
    if (r < 0)
        return r;
    if (count > EV_PROJECTION_PARTITIONS_MAX || options->at_count > (size_t)count)
        return ev_error_set(error, EV_ERR_INVALID, "topic %s has %" PRId32 " partitions", options->view->topic->name,
                            count);
    result->partition_count = count;
    r = resolve_checkpoints(options, count, positions, error);
    for (int32_t i = 0; i < count && r >= 0; i++) {
        bool given = (size_t)i < options->at_count && options->at[i] >= 0;
        result->partitions[i].position = given ? options->at[i] : positions[i];
    }
    return r < 0 || options->at_count == 0 ? r : await_positions(options, result, error);
}

/* What was found out so far is of no use once the documents turn out to need more memory: it begins anew, with more
 * passes. */
static void begin_anew(struct proof_result *result)
{
    struct proof_result fresh = {.partition_count = result->partition_count,
                                 .records = result->records,
                                 .events = result->events,
                                 .passes = result->passes,
                                 .bytes_peak = result->bytes_peak};
    for (int32_t i = 0; i < result->partition_count; i++)
        fresh.partitions[i].position = result->partitions[i].position;
    *result = fresh;
}

int proof_run(const struct proof_options *options, struct proof_result *ret, struct ev_error *error)
{
    int64_t before = ev_clock_monotonic_ms(options->clock);
    *ret = (struct proof_result){0};
    *error = (struct ev_error){0};
    struct ev_skipped skipped;
    ev_skipped_init(&skipped);
    int r = ev_skipped_load(&skipped, options->sink, options->view, error);
    if (r >= 0)
        r = find_positions(options, ret, error);
    uint64_t passes = 1;
    for (uint64_t number = 0; r >= 0 && number < passes; number++) {
        r = run_pass(options, ret, &skipped, number, passes, error);
        /* Nothing was told yet: the first pass folds before it compares, and the others hold about as much. */
        if (r == EV_ERR_LIMIT && number == 0 && ret->documents == 0 && passes < PROOF_PASSES_MAX) {
            passes *= 2;
            number = UINT64_MAX; /* and 0 after the increment */
            begin_anew(ret);
            r = 0;
        }
    }
    ev_skipped_finish(&skipped);
    ret->took_ms = ev_clock_monotonic_ms(options->clock) - before;
    return r;
}
