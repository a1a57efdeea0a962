#include "cli/stores.h"

#include <string.h>

#include "sinks/elasticsearch.h"

int stores_open(const struct ev_config *config, struct stores *ret, struct ev_error *error)
{
    *ret = (struct stores){.config = config};
    return mongo_pool_create(ev_config_string(config, "mongodb-uri"), &ret->mongo, error);
}

void stores_close(struct stores *stores)
{
    mongo_pool_destroy(stores->mongo);
    *stores = (struct stores){0};
}

static bool is_a_store(const char *name)
{
    return strcmp(name, choice_store_name(CHOICE_MONGODB)) == 0 ||
           strcmp(name, choice_store_name(CHOICE_ELASTICSEARCH)) == 0;
}

/* With every view chosen, --sink leaves out those that aren't kept there. */
static void keep_store(const char *store, struct choice choices[CHOICE_MAX], size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (!store || strcmp(choice_store_name(choices[i].store), store) == 0)
            choices[kept++] = choices[i];
    *count = kept;
}

int stores_choose(const struct ev_config *config, bool all, struct choice ret[CHOICE_MAX], size_t *ret_count,
                  struct ev_error *error)
{
    const char *const *names, *store = ev_config_string(config, "sink");
    size_t count = ev_config_positional(config, &names);
    struct ev_buffer text;
    if (store && !is_a_store(store))
        return ev_error_set(error, EV_ERR_INVALID, "--sink is mongodb or elasticsearch, not %s", store);
    if (count == 0 && !all)
        return ev_error_set(error, EV_ERR_INVALID, "which view?");
    ev_buffer_init(&text);
    for (size_t i = 0; i < count; i++)
        ev_buffer_printf(&text, "%s%s%s%s", i ? "," : "", names[i], store ? "/" : "", store ? store : "");
    ev_buffer_append_byte(&text, '\0');
    int r = choice_parse(count ? text.data : NULL, ret, ret_count, error);
    ev_buffer_finish(&text);
    if (r >= 0 && count == 0)
        keep_store(store, ret, ret_count);
    return r;
}

int stores_make_sink(const struct stores *stores, enum choice_store store, struct ev_sink **ret, struct ev_error *error)
{
    const char *prefix = ev_config_string(stores->config, "topic-prefix");
    switch (store) {
    case CHOICE_MONGODB:
        return mongo_sink_create(stores->mongo, prefix, ret, error);
    case CHOICE_ELASTICSEARCH:
        return elasticsearch_sink_create(ev_config_string(stores->config, "elasticsearch-url"), prefix, ret, error);
    }
    return ev_error_set(error, EV_ERR_INTERNAL, "no such store");
}
