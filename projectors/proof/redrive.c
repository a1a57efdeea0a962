#include "proof/redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proof/fresh.h"

#define REDRIVE_BOUNDS_TIMEOUT_MS 10000
#define REDRIVE_LOOK_EVERY_MS 200

struct chunk {
    const struct proof_options *options;
    struct redrive *items;
    size_t count;
    bool dry_run;
    int32_t partition_count;
    int64_t ends[EV_PROJECTION_PARTITIONS_MAX];
    struct ev_arena arena;
    struct ev_map wanted, by_key;
    struct fresh_wanted everything;
    struct ev_sink_document *documents; /* beside the items */
    size_t open;                        /* handed over, and not taken on yet */
};

const char *redrive_outcome_text(enum redrive_outcome outcome)
{
    switch (outcome) {
    case REDRIVE_DONE:
        return "done";
    case REDRIVE_WAITS:
        return "waits for the projectors";
    case REDRIVE_STAYS:
        return "stays parked";
    case REDRIVE_WOULD:
        return "would go on";
    }
    return "unknown";
}

static void set_outcome(struct redrive *item, enum redrive_outcome outcome, const char *cause)
{
    item->outcome = outcome;
    snprintf(item->cause, sizeof(item->cause), "%.*s", (int)sizeof(item->cause) - 1, cause);
}

static int32_t item_partition(const struct chunk *chunk, const struct redrive *item)
{
    int32_t partition = item->parked.partition;
    return partition >= 0 && partition < chunk->partition_count ? partition : 0;
}

/* First the documents, then the log's end: what is loaded is never beyond it. */
static int look(struct chunk *chunk, struct ev_error *error)
{
    const struct proof_options *options = chunk->options;
    char topic_id[64];
    ev_arena_reset(&chunk->arena);
    chunk->documents = ev_arena_new_array(&chunk->arena, struct ev_sink_document, chunk->count);
    for (size_t i = 0; i < chunk->count; i++)
        chunk->documents[i] = (struct ev_sink_document){.key = chunk->items[i].parked.key, .meta.offset = -1};
    int r = options->sink->load(options->sink, options->view, chunk->documents, chunk->count, &chunk->arena, error);
    if (r >= 0)
        r = options->source.describe(options->source.context, REDRIVE_BOUNDS_TIMEOUT_MS, &chunk->partition_count,
                                     topic_id, error);
    for (int32_t i = 0; i < chunk->partition_count && r >= 0; i++) {
        int64_t first;
        r = options->source.bounds(options->source.context, i, REDRIVE_BOUNDS_TIMEOUT_MS, &first, &chunk->ends[i],
                                   error);
    }
    return r;
}

static int fold(struct chunk *chunk, const struct ev_skipped *skipped, struct fresh *fresh, struct ev_error *error)
{
    fresh_init(fresh, chunk->options, chunk->partition_count);
    fresh->skipped = skipped;
    fresh->wanted = &chunk->wanted;
    fresh->may_stop = true;
    int r = fresh_fold(fresh, chunk->ends, error);
    for (int32_t i = 0; i < chunk->partition_count && r >= 0; i++)
        if (fresh->cursors[i].next_offset < chunk->ends[i])
            chunk->ends[i] = fresh->cursors[i].next_offset; /* no projection is further either */
    return r;
}

/* Puts the folded documents in their places and hands their keys back; those that can't be folded stay. */
static int write_one(struct chunk *chunk, const struct fresh *fresh, size_t index, struct ev_error *error)
{
    const struct proof_options *options = chunk->options;
    struct redrive *item = &chunk->items[index];
    const struct fresh_document *document = fresh_get(fresh, item->parked.key);
    struct ev_sink_document folded;
    if (item->outcome != REDRIVE_WAITS)
        return 0;
    bool stopped = document && document->stopped_at >= 0;
    if (stopped)
        set_outcome(item, REDRIVE_STAYS, document->cause);
    else if (chunk->dry_run)
        set_outcome(item, REDRIVE_WOULD, "");
    if (chunk->dry_run || (stopped && document->stopped_at == item->parked.offset))
        return 0;
    fresh_describe(document, item->parked.key, &folded);
    folded.previous_offset = chunk->documents[index].meta.offset;
    folded.revision = chunk->documents[index].revision;
    folded.removed = folded.meta.offset < 0;
    int r = options->sink->mend(options->sink, options->view, &folded, 1, error);
    if (r < 0)
        return r;
    if (folded.result == EV_WRITE_FAILED) {
        set_outcome(item, REDRIVE_STAYS, folded.error.message);
        return 0;
    }
    if (folded.result != EV_WRITE_DONE)
        return 0; /* somebody else wrote it: the next round looks again */
    struct ev_parked handed = item->parked;
    if (stopped) {
        handed.offset = document->stopped_at; /* further than before */
        snprintf(handed.cause, sizeof(handed.cause), "%s", item->cause);
    } else {
        handed.redriven_to = chunk->ends[item_partition(chunk, item)];
        chunk->open++;
    }
    return options->sink->save_parked(options->sink, options->view, &handed, error);
}

static int mark_left(void *context, const struct ev_parked *parked)
{
    struct chunk *chunk = context;
    struct redrive *item = ev_map_get(&chunk->by_key, parked->key);
    if (item && !parked->skipped) {
        item->parked.redriven_to = parked->redriven_to;
        chunk->open++;
    }
    return 0;
}

/* Until no key is parked any more, or the projection has given those that are left back. */
static int await_taken(struct chunk *chunk, struct ev_error *error)
{
    const struct proof_options *options = chunk->options;
    int64_t deadline = ev_clock_monotonic_ms(options->clock) + REDRIVE_TAKE_TIMEOUT_MS;
    for (;;) {
        size_t waiting = 0;
        for (size_t i = 0; i < chunk->count; i++)
            if (chunk->items[i].outcome == REDRIVE_WAITS)
                chunk->items[i].parked.redriven_to = -1; /* gone, unless it's found */
        chunk->open = 0;
        int r = options->sink->load_parked(options->sink, options->view, mark_left, chunk, error);
        if (r < 0)
            return r;
        for (size_t i = 0; i < chunk->count; i++) {
            struct redrive *item = &chunk->items[i];
            if (item->outcome == REDRIVE_WAITS && item->parked.redriven_to < 0)
                item->outcome = REDRIVE_DONE;
            waiting += item->outcome == REDRIVE_WAITS && item->parked.redriven_to > 0;
        }
        if (waiting == 0 || ev_clock_monotonic_ms(options->clock) > deadline || !options->wait ||
            !options->wait(options->context, REDRIVE_LOOK_EVERY_MS))
            return 0;
    }
}

static bool chunk_has_more(const struct chunk *chunk)
{
    bool more = false;
    for (size_t i = 0; i < chunk->count; i++)
        more = more || (chunk->items[i].outcome == REDRIVE_WAITS && chunk->items[i].parked.redriven_to == 0);
    return more;
}

static int run_round(struct chunk *chunk, const struct ev_skipped *skipped, struct ev_error *error)
{
    const struct proof_options *options = chunk->options;
    struct fresh fresh = {0};
    int r = look(chunk, error);
    if (r < 0)
        return r;
    r = fold(chunk, skipped, &fresh, error);
    chunk->open = 0;
    for (size_t i = 0; i < chunk->count && r >= 0; i++)
        r = write_one(chunk, &fresh, i, error);
    fresh_finish(&fresh);
    if (r < 0 || chunk->dry_run || chunk->open == 0)
        return r;
    r = options->sink->change_control(options->sink, options->view, EV_CONTROL_LOOK_AGAIN, error);
    return r < 0 ? r : await_taken(chunk, error);
}

static int save_skips(const struct chunk *chunk, struct ev_error *error)
{
    int r = 0;
    for (size_t i = 0; i < chunk->count && r >= 0; i++) {
        struct ev_parked skipped = chunk->items[i].parked;
        skipped.skipped = true;
        skipped.redriven_to = 0;
        r = chunk->options->sink->save_parked(chunk->options->sink, chunk->options->view, &skipped, error);
    }
    return r;
}

/* For a dry run, which writes none. */
static int pretend_skips(const struct chunk *chunk, struct ev_skipped *skipped, struct ev_error *error)
{
    int r = 0;
    for (size_t i = 0; i < chunk->count && r >= 0; i++)
        r = ev_skipped_add(skipped, chunk->items[i].parked.key, chunk->items[i].parked.offset, error);
    return r;
}

static int run_chunk(struct chunk *chunk, bool skip, struct ev_error *error)
{
    struct ev_skipped skipped;
    ev_skipped_init(&skipped);
    int r = skip && !chunk->dry_run ? save_skips(chunk, error) : 0;
    if (r >= 0)
        r = ev_skipped_load(&skipped, chunk->options->sink, chunk->options->view, error);
    if (r >= 0 && skip && chunk->dry_run)
        r = pretend_skips(chunk, &skipped, error);
    for (int round = 0; r >= 0 && round < REDRIVE_ROUNDS && (round == 0 || chunk_has_more(chunk)); round++)
        r = run_round(chunk, &skipped, error);
    ev_skipped_finish(&skipped);
    return r;
}

int redrive_run(const struct proof_options *options, struct redrive *items, size_t count, bool skip, bool dry_run,
                struct ev_error *error)
{
    int r = 0;
    for (size_t at = 0; at < count && r >= 0; at += REDRIVE_AT_ONCE) {
        struct chunk chunk = {.options = options, .items = items + at, .dry_run = dry_run};
        chunk.count = count - at < REDRIVE_AT_ONCE ? count - at : REDRIVE_AT_ONCE;
        chunk.everything.limit = INT64_MAX;
        ev_arena_init(&chunk.arena, 0);
        ev_map_init(&chunk.wanted);
        ev_map_init(&chunk.by_key);
        for (size_t i = 0; i < chunk.count; i++) {
            set_outcome(&chunk.items[i], REDRIVE_WAITS, "");
            chunk.items[i].parked.redriven_to = 0;
            ev_map_put(&chunk.wanted, chunk.items[i].parked.key, &chunk.everything);
            ev_map_put(&chunk.by_key, chunk.items[i].parked.key, &chunk.items[i]);
        }
        r = run_chunk(&chunk, skip, error);
        ev_map_finish(&chunk.wanted);
        ev_map_finish(&chunk.by_key);
        ev_arena_finish(&chunk.arena);
    }
    return r;
}

bool redrive_is_partition(const struct ev_parked *parked)
{
    return ev_str_starts_with(parked->key, EV_STR(EV_PARKED_PARTITION));
}

int redrive_partition(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked, bool skip,
                      struct ev_error *error)
{
    struct ev_parked entry = *parked, skipped = *parked;
    entry.skipped = false;
    skipped.skipped = true;
    int r = skip ? sink->save_parked(sink, view, &skipped, error) : 0;
    if (r >= 0)
        r = sink->remove_parked(sink, view, &entry, error);
    return r < 0 ? r : sink->change_control(sink, view, EV_CONTROL_LOOK_AGAIN, error);
}
