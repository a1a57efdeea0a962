#include "replay/skips.h"

#include <string.h>

#include "fold/skipped.h"
#include "proof/redrive.h"
#include "replay/build.h"
#include "replay/prove.h"

void replay_skips_init(struct replay_skips *skips)
{
    *skips = (struct replay_skips){0};
    ev_arena_init(&skips->arena, 0);
}

void replay_skips_finish(struct replay_skips *skips)
{
    ev_arena_finish(&skips->arena);
    *skips = (struct replay_skips){0};
}

struct skips_read {
    struct replay_skips *skips;
    struct ev_error *error;
};

static int take(void *context, const struct ev_parked *parked)
{
    struct skips_read *read = context;
    if (!parked->skipped)
        return 0;
    if (read->skips->entries.count >= EV_SKIPPED_MAX)
        return ev_error_set(read->error, EV_ERR_LIMIT, "more than %zu commits are left out", EV_SKIPPED_MAX);
    struct ev_parked *entry = ev_array_push(&read->skips->arena, &read->skips->entries);
    *entry = *parked;
    entry->key = ev_arena_copy(&read->skips->arena, parked->key);
    return 0;
}

/* 1: the live generation has read this log's partition, or none of it yet. */
static int is_of_log(struct ev_sink *live, const struct ev_view *view, int32_t partition, const char *topic_id,
                     struct ev_error *error)
{
    struct ev_checkpoint checkpoint;
    int r = live->load_checkpoint(live, view, partition, &checkpoint, error);
    if (r == EV_ERR_NOT_FOUND)
        return 1;
    return r < 0 ? r : strcmp(checkpoint.topic_id, topic_id) == 0;
}

int replay_skips_read(struct ev_sink *live, const struct ev_view *view, const char *topic_id, struct replay_skips *ret,
                      struct ev_error *error)
{
    struct skips_read read = {ret, error};
    int32_t partition = -1;
    size_t kept = 0;
    int of_log = 0, r = live->load_parked(live, view, take, &read, error);
    for (size_t i = 0; i < ret->entries.count && r >= 0; i++) {
        struct ev_parked *entry = &ret->entries.items[i];
        if (entry->partition != partition) {
            partition = entry->partition;
            r = of_log = is_of_log(live, view, partition, topic_id, error);
        }
        if (of_log > 0)
            ret->entries.items[kept++] = *entry;
    }
    ret->entries.count = kept;
    return r < 0 ? r : 0;
}

int replay_skips_save(const struct replay_skips *skips, struct ev_sink *to, const struct ev_view *view,
                      struct ev_error *error)
{
    int r = 0;
    for (size_t i = 0; i < skips->entries.count && r >= 0; i++)
        r = to->save_parked(to, view, &skips->entries.items[i], error);
    return r;
}

/* --- what was decided meanwhile --- */

struct following {
    void *replay;
    struct ev_error error; /* why the replay has to end */
    int stopped;
};

static bool on_wait(void *context, int64_t ms)
{
    struct following *following = context;
    following->stopped = replay_wait(following->replay, 0, ms, &following->error);
    return following->stopped >= 0;
}

static int known_ones(const struct replay_skips *known, struct ev_skipped *ret, struct ev_error *error)
{
    int r = 0;
    for (size_t i = 0; i < known->entries.count && r >= 0; i++)
        r = ev_skipped_add(ret, known->entries.items[i].key, known->entries.items[i].offset, error);
    return r;
}

/* `items` are the new ones of `now` that are of a document, in its arena; the others are carried out at once. */
static int new_ones(struct replay_skips *now, const struct ev_skipped *known, struct ev_sink *to,
                    const struct ev_view *view, struct redrive **ret_items, size_t *ret_count, struct ev_error *error)
{
    int r = 0;
    *ret_count = 0;
    *ret_items = ev_arena_new_array(&now->arena, struct redrive, now->entries.count + 1);
    for (size_t i = 0; i < now->entries.count && r >= 0; i++) {
        const struct ev_parked *entry = &now->entries.items[i];
        if (ev_skipped_holds(known, entry->key, entry->offset))
            continue;
        if (redrive_is_partition(entry))
            r = redrive_partition(to, view, entry, true, error);
        else
            (*ret_items)[(*ret_count)++] = (struct redrive){.parked = *entry};
    }
    return r;
}

static int leave_out(const struct replay_options *options, struct redrive *items, size_t count, struct ev_sink *to,
                     void *replay, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    struct following following = {.replay = replay};
    int r = replay_make_reader(options, options->view, &reader, error);
    if (r < 0)
        return r;
    const struct proof_options proof_options = {
        .view = options->view,
        .source = ev_commit_source_of_reader(reader),
        .sink = to,
        .clock = &ev_clock_system,
        .wait = on_wait,
        .context = &following,
    };
    r = redrive_run(&proof_options, items, count, true, false, error);
    ev_reader_destroy(reader);
    if (following.stopped < 0) {
        *error = following.error;
        return following.stopped;
    }
    return r;
}

int replay_skips_follow(const struct replay_options *options, const struct replay_skips *known, struct ev_sink *live,
                        const char *topic_id, struct ev_sink *to, void *replay, struct ev_error *error)
{
    struct replay_skips now;
    struct ev_skipped before;
    struct redrive *items;
    size_t count = 0;
    replay_skips_init(&now);
    ev_skipped_init(&before);
    int r = replay_skips_read(live, options->view, topic_id, &now, error);
    if (r >= 0)
        r = known_ones(known, &before, error);
    if (r >= 0)
        r = new_ones(&now, &before, to, options->view, &items, &count, error);
    if (r >= 0 && count > 0)
        r = leave_out(options, items, count, to, replay, error);
    ev_skipped_finish(&before);
    replay_skips_finish(&now);
    return r;
}
