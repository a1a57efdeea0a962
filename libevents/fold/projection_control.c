/* What operators ask of a projection, and its parked keys as they lie in the store: looked at now and then. */
#include <stdlib.h>

#include "core/memory.h"
#include "fold/projection_internal.h"

/* The entries of one look, in an arena: while the sink hands them out, no other call of it may be made. */
struct parked_look {
    struct ev_arena arena;
    struct {
        struct ev_parked *items;
        size_t count, capacity;
    } entries;
    struct ev_skipped skipped;
    struct ev_error *error;
};

static int look_each(void *context, const struct ev_parked *parked)
{
    struct parked_look *look = context;
    if (parked->skipped)
        return ev_skipped_add(&look->skipped, parked->key, parked->offset, look->error);
    if (look->entries.count > EV_PROJECTION_PARKED_MAX)
        return 1;
    struct ev_parked *copy = ev_array_push(&look->arena, &look->entries);
    *copy = *parked;
    copy->key = ev_arena_copy(&look->arena, parked->key);
    return 0;
}

void projection_forget_parked(struct ev_map *parked)
{
    size_t cursor = 0;
    void *value;
    while (ev_map_next(parked, &cursor, NULL, &value))
        free(value);
    ev_map_finish(parked);
}

void projection_remember_parked(struct ev_map *parked, const struct ev_parked *from, int64_t left_out)
{
    struct projection_parked *entry = ev_memory_new(struct projection_parked);
    *entry =
        (struct projection_parked){.left_out = left_out, .offset = from->offset, .parked_at_ms = from->parked_at_ms};
    free(ev_map_put(parked, from->key, entry));
}

static int64_t last_taken(const struct ev_projection *projection, int32_t partition)
{
    bool known = partition >= 0 && partition < projection->partition_count;
    return known ? projection->partitions[partition].cursor.next_offset - 1 : INT64_MAX;
}

/* A key that was folded anew is taken on again when nothing of it was left out since; else that has to be done again.
 */
static int take_entry(struct ev_projection *projection, const struct ev_parked *entry, struct ev_map *next,
                      struct ev_error *error)
{
    const struct projection_parked *known = ev_map_get(&projection->parked, entry->key);
    int64_t left_out = known ? known->left_out : last_taken(projection, entry->partition);
    bool foreign = entry->partition >= 0 && entry->partition < projection->partition_count &&
                   !projection->partitions[entry->partition].owned;
    if (entry->redriven_to <= 0 || foreign) {
        projection_remember_parked(next, entry, left_out);
        return 0;
    }
    if (left_out < entry->redriven_to)
        return projection->sink->remove_parked(projection->sink, projection->view, entry, error);
    struct ev_parked again = *entry;
    again.redriven_to = 0;
    projection_remember_parked(next, entry, left_out);
    return projection->sink->save_parked(projection->sink, projection->view, &again, error);
}

int projection_look_at_parked(struct ev_projection *projection, struct ev_error *error)
{
    struct parked_look look = {.error = error};
    struct ev_map next;
    ev_arena_init(&look.arena, 0);
    ev_skipped_init(&look.skipped);
    ev_map_init(&next);
    int r = projection->sink->load_parked(projection->sink, projection->view, look_each, &look, error);
    if (r > 0 || look.entries.count > EV_PROJECTION_PARKED_MAX)
        r = ev_error_set(error, EV_ERR_LIMIT,
                         "view %s has more than %d parked documents in %s; look at them by: orderlog parked list %s",
                         projection->view->name, EV_PROJECTION_PARKED_MAX, projection->sink->name,
                         projection->view->name);
    for (size_t i = 0; i < look.entries.count && r >= 0; i++)
        r = take_entry(projection, &look.entries.items[i], &next, error);
    if (r >= 0) {
        projection_forget_parked(&projection->parked);
        projection->parked = next;
        ev_skipped_finish(&projection->skipped);
        projection->skipped = look.skipped;
        look.skipped = (struct ev_skipped){0};
        projection_release_partitions(projection);
        projection_count(projection, 0, 0, 0);
    } else {
        projection_forget_parked(&next);
    }
    ev_skipped_finish(&look.skipped);
    ev_arena_finish(&look.arena);
    return r;
}

int projection_follow_control(struct ev_projection *projection, struct ev_error *error)
{
    int64_t now = ev_clock_monotonic_ms(projection->options.clock);
    if (now - projection->control_asked_ms < EV_PROJECTION_CONTROL_INTERVAL_MS)
        return 0;
    struct ev_control control;
    int r = projection->sink->load_control(projection->sink, projection->view, &control, error);
    if (r < 0)
        return r;
    if (control.revision != projection->control.revision) {
        ev_document_cache_clear(&projection->cache);
        r = projection_look_at_parked(projection, error);
        if (r < 0)
            return r;
    }
    projection->control = control;
    projection->control_asked_ms = now;
    return 0;
}
