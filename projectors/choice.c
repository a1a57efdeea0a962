#include "choice.h"

#include <string.h>

#include "sinks/elasticsearch.h"

static const char *const store_names[] = {
    [CHOICE_MONGODB] = "mongodb",
    [CHOICE_ELASTICSEARCH] = "elasticsearch",
};

const char *choice_store_name(enum choice_store store)
{
    return store_names[store];
}

/* Every view lies in MongoDB; those with an index definition in Elasticsearch as well. */
static bool choice_exists(const struct ev_view *view, enum choice_store store)
{
    switch (store) {
    case CHOICE_MONGODB:
        return true;
    case CHOICE_ELASTICSEARCH:
        return elasticsearch_sink_serves(view);
    }
    return false;
}

static void choice_add(const struct ev_view *view, enum choice_store store, struct choice ret[CHOICE_MAX],
                       size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (ret[i].view == view && ret[i].store == store)
            return;
    if (*count < CHOICE_MAX)
        ret[(*count)++] = (struct choice){view, store};
}

static int choice_add_part(struct ev_str part, struct choice ret[CHOICE_MAX], size_t *count, struct ev_error *error)
{
    struct ev_str rest = ev_str_trim(part), name = EV_STR_NULL, store_name = EV_STR_NULL;
    ev_str_split(&rest, '/', &name);
    if (rest.data)
        store_name = rest;
    const struct ev_view *view = orderlog_view_find(name);
    size_t before = *count;
    if (!view)
        return ev_error_set(error, EV_ERR_INVALID,
                            "there is no view \"%.*s\"; there are products, carts, orders, customers and sales_daily",
                            EV_STR_ARG(name));
    for (size_t store = 0; store < CHOICE_STORE_COUNT; store++)
        if (choice_exists(view, (enum choice_store)store) &&
            (!store_name.data || ev_str_equal(store_name, ev_str_of(store_names[store]))))
            choice_add(view, (enum choice_store)store, ret, count);
    if (store_name.data && *count == before)
        return ev_error_set(error, EV_ERR_INVALID, "view %s isn't kept in \"%.*s\" (or was named twice)", view->name,
                            EV_STR_ARG(store_name));
    return 0;
}

int choice_parse(const char *text, struct choice ret[CHOICE_MAX], size_t *ret_count, struct ev_error *error)
{
    struct ev_str rest = ev_str_of(text), part;
    *ret_count = 0;
    if (!text || !*text) {
        for (size_t i = 0; i < orderlog_view_count; i++)
            for (size_t store = 0; store < CHOICE_STORE_COUNT; store++)
                if (choice_exists(orderlog_views[i], (enum choice_store)store))
                    choice_add(orderlog_views[i], (enum choice_store)store, ret, ret_count);
        return 0;
    }
    if (strcmp(text, "none") == 0)
        return 0;
    while (ev_str_split(&rest, ',', &part)) {
        int r = choice_add_part(part, ret, ret_count, error);
        if (r < 0)
            return r;
    }
    return 0;
}
