#include <stdlib.h>
#include <string.h>

#include "cli/figures.h"

struct entry {
    struct ev_str name;
    int64_t number;
};

struct figures_ranking {
    struct ev_map by_name;
    struct ev_arena arena;
};

struct figures_ranking *figures_ranking_create(void)
{
    struct figures_ranking *ranking = calloc(1, sizeof(*ranking));
    if (!ranking)
        return NULL;
    ev_map_init(&ranking->by_name);
    ev_arena_init(&ranking->arena, 0);
    return ranking;
}

void figures_ranking_destroy(struct figures_ranking *ranking)
{
    if (!ranking)
        return;
    ev_map_finish(&ranking->by_name);
    ev_arena_finish(&ranking->arena);
    free(ranking);
}

bool figures_ranking_add(struct figures_ranking *ranking, struct ev_str name, int64_t number)
{
    struct entry *entry = ev_map_get(&ranking->by_name, name);
    if (!entry) {
        entry = ev_arena_new(&ranking->arena, struct entry);
        entry->name = ev_arena_copy(&ranking->arena, name);
        ev_map_put(&ranking->by_name, entry->name, entry);
    }
    return ev_money_add(entry->number, number, &entry->number);
}

size_t figures_ranking_size(const struct figures_ranking *ranking)
{
    return ranking->by_name.count;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = *(const struct entry *const *)a, *right = *(const struct entry *const *)b;
    if (left->number != right->number)
        return left->number > right->number ? -1 : 1;
    return ev_str_compare(left->name, right->name);
}

struct ev_str figures_ranking_text(const struct figures_ranking *ranking, size_t top, bool money,
                                   struct ev_arena *arena)
{
    size_t count = ranking->by_name.count, cursor = 0;
    struct entry **entries = ev_arena_new_array(arena, struct entry *, count + 1);
    struct ev_str key, text = EV_STR("");
    void *value;
    for (size_t i = 0; ev_map_next(&ranking->by_name, &cursor, &key, &value); i++)
        entries[i] = value;
    qsort(entries, count, sizeof(entries[0]), compare_entries);
    for (size_t i = 0; i < count && i < top; i++) {
        char number[EV_MONEY_TEXT_MAX];
        if (money)
            ev_money_format(entries[i]->number, number);
        else
            snprintf(number, sizeof(number), "%lld", (long long)entries[i]->number);
        text = ev_arena_printf(arena, "%.*s%s%.*s %s", EV_STR_ARG(text), i ? ", " : "", EV_STR_ARG(entries[i]->name),
                               number);
    }
    return text;
}
