#include "views.h"

#include <stdio.h>
#include <string.h>

#define VIEW_PREFIX_DEFAULT "orderlog"

const struct query_view query_views[QUERY_VIEWS] = {
#define X(id, text, topic_name, searched)                                                                              \
    [QUERY_VIEW_##id] = {.name = text,                                                                                 \
                         .topic = topic_name,                                                                          \
                         .stores = {[QUERY_STORE_MONGODB] = true, [QUERY_STORE_ELASTICSEARCH] = searched}},
    QUERY_VIEWS_TABLE(X)
#undef X
};

const char *query_store_name(enum query_store store)
{
    static const char *const names[QUERY_STORES] = {
#define X(name, text) [QUERY_STORE_##name] = text,
        QUERY_STORES_TABLE(X)
#undef X
    };
    return names[store];
}

bool query_view_find(struct ev_str name, enum query_view_id *ret)
{
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        if (ev_str_equal(name, ev_str_of(query_views[i].name))) {
            *ret = (enum query_view_id)i;
            return true;
        }
    }
    return false;
}

static bool view_prefix_is_default(const char *prefix)
{
    return strcmp(prefix, VIEW_PREFIX_DEFAULT) == 0;
}

void view_collection_name(const char *prefix, const char *collection, char ret_name[VIEW_NAME_MAX])
{
    if (view_prefix_is_default(prefix))
        snprintf(ret_name, VIEW_NAME_MAX, "%s", collection);
    else
        snprintf(ret_name, VIEW_NAME_MAX, "%s_%s", prefix, collection);
}

static void view_version_text(char separator, const char *view, int version, int generation,
                              char ret_text[VIEW_NAME_MAX])
{
    if (generation > 1)
        snprintf(ret_text, VIEW_NAME_MAX, "%s%cv%d%cg%d", view, separator, version, separator, generation);
    else
        snprintf(ret_text, VIEW_NAME_MAX, "%s%cv%d", view, separator, version);
}

void view_versioned_collection_name(const char *prefix, enum query_view_id view, int version, int generation,
                                    char ret_name[VIEW_NAME_MAX])
{
    char name[VIEW_NAME_MAX];
    view_version_text('_', query_views[view].name, version, generation, name);
    view_collection_name(prefix, name, ret_name);
}

void view_index_name(const char *prefix, const char *index, char ret_name[VIEW_NAME_MAX])
{
    if (view_prefix_is_default(prefix))
        snprintf(ret_name, VIEW_NAME_MAX, "%s", index);
    else
        snprintf(ret_name, VIEW_NAME_MAX, "%s-%s", prefix, index);
}

void view_versioned_index_name(const char *prefix, enum query_view_id view, int version, int generation,
                               char ret_name[VIEW_NAME_MAX])
{
    char name[VIEW_NAME_MAX];
    view_version_text('-', query_views[view].name, version, generation, name);
    view_index_name(prefix, name, ret_name);
}

void view_generation_key(enum query_view_id view, int version, int generation, char ret_key[VIEW_NAME_MAX])
{
    view_version_text('_', query_views[view].name, version, generation, ret_key);
}

void view_checkpoint_key(enum query_view_id view, int version, int generation, int32_t partition,
                         char ret_key[VIEW_NAME_MAX])
{
    char name[VIEW_NAME_MAX];
    view_generation_key(view, version, generation, name);
    snprintf(ret_key, VIEW_NAME_MAX, "%.*s/%d", VIEW_NAME_MAX - 16, name, partition);
}

/* "v1" or "g2" off the front, up to the separator or the end. */
static bool view_take_number(struct ev_str *rest, char separator, char letter, int *ret)
{
    struct ev_str part;
    int64_t value;
    if (!ev_str_split(rest, separator, &part) || part.length < 2 || part.data[0] != letter ||
        !ev_str_to_int64((struct ev_str){part.data + 1, part.length - 1}, &value) || value < 1 || value > INT32_MAX)
        return false;
    *ret = (int)value;
    return true;
}

static bool view_suffix_parse(char separator, struct ev_str suffix, int *ret_version, int *ret_generation)
{
    struct ev_str rest = suffix;
    *ret_generation = 1;
    if (!view_take_number(&rest, separator, 'v', ret_version))
        return false;
    return !rest.data || (view_take_number(&rest, separator, 'g', ret_generation) && !rest.data && *ret_generation > 1);
}

bool view_index_suffix_parse(struct ev_str suffix, int *ret_version, int *ret_generation)
{
    return view_suffix_parse('-', suffix, ret_version, ret_generation);
}

bool view_checkpoint_key_parse(struct ev_str key, enum query_view_id *ret_view, int *ret_version, int *ret_generation,
                               int32_t *ret_partition)
{
    struct ev_str rest = key, name;
    int64_t partition;
    if (!ev_str_split(&rest, '/', &name) || !ev_str_to_int64(rest, &partition) || partition < 0 ||
        partition > INT32_MAX)
        return false;
    *ret_partition = (int32_t)partition;
    /* A view's own name may hold what looks like a version: the longest view that leaves a suffix counts. */
    for (size_t mark = name.length; mark-- > 1;) {
        struct ev_str suffix = {name.data + mark + 1, name.length - mark - 1};
        if (name.data[mark] == '_' && query_view_find((struct ev_str){name.data, mark}, ret_view) &&
            view_suffix_parse('_', suffix, ret_version, ret_generation))
            return true;
    }
    return false;
}
