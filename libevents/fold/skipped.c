#include "fold/skipped.h"

#include <inttypes.h>
#include <stdio.h>

#define SKIPPED_KEY_MAX (EV_VIEW_KEY_MAX + 24)

static struct ev_str commit_key(struct ev_str key, int64_t offset, char buffer[SKIPPED_KEY_MAX])
{
    int length = snprintf(buffer, SKIPPED_KEY_MAX, "%.*s#%" PRId64, EV_STR_ARG(key), offset);
    return (struct ev_str){buffer, (size_t)length};
}

void ev_skipped_init(struct ev_skipped *skipped)
{
    *skipped = (struct ev_skipped){0};
    ev_map_init(&skipped->commits);
}

void ev_skipped_finish(struct ev_skipped *skipped)
{
    ev_map_finish(&skipped->commits);
}

int ev_skipped_add(struct ev_skipped *skipped, struct ev_str key, int64_t offset, struct ev_error *error)
{
    char buffer[SKIPPED_KEY_MAX];
    if (skipped->commits.count >= EV_SKIPPED_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %zu commits are left out", EV_SKIPPED_MAX);
    ev_map_put(&skipped->commits, commit_key(key, offset, buffer), skipped);
    skipped->any_record = skipped->any_record || ev_str_starts_with(key, EV_STR(EV_PARKED_PARTITION));
    return 0;
}

struct skipped_load {
    struct ev_skipped *skipped;
    struct ev_error *error;
};

static int take(void *context, const struct ev_parked *parked)
{
    struct skipped_load *load = context;
    return parked->skipped ? ev_skipped_add(load->skipped, parked->key, parked->offset, load->error) : 0;
}

int ev_skipped_load(struct ev_skipped *skipped, struct ev_sink *sink, const struct ev_view *view,
                    struct ev_error *error)
{
    struct skipped_load load = {skipped, error};
    return sink->load_parked(sink, view, take, &load, error);
}

bool ev_skipped_holds(const void *untyped, struct ev_str key, int64_t offset)
{
    const struct ev_skipped *skipped = untyped;
    char buffer[SKIPPED_KEY_MAX];
    return skipped->commits.count > 0 && ev_map_get(&skipped->commits, commit_key(key, offset, buffer)) != NULL;
}

bool ev_skipped_holds_record(const struct ev_skipped *skipped, int32_t partition, int64_t offset)
{
    char key[sizeof(EV_PARKED_PARTITION) + 16];
    if (!skipped->any_record)
        return false;
    int length = snprintf(key, sizeof(key), EV_PARKED_PARTITION "%" PRId32, partition);
    return ev_skipped_holds(skipped, (struct ev_str){key, (size_t)length}, offset);
}
