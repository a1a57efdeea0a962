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

void view_versioned_collection_name(const char *prefix, enum query_view_id view, int version,
                                    char ret_name[VIEW_NAME_MAX])
{
    char name[VIEW_NAME_MAX];
    snprintf(name, sizeof(name), "%s_v%d", query_views[view].name, version);
    view_collection_name(prefix, name, ret_name);
}

void view_index_name(const char *prefix, const char *index, char ret_name[VIEW_NAME_MAX])
{
    if (view_prefix_is_default(prefix))
        snprintf(ret_name, VIEW_NAME_MAX, "%s", index);
    else
        snprintf(ret_name, VIEW_NAME_MAX, "%s-%s", prefix, index);
}

void view_versioned_index_name(const char *prefix, enum query_view_id view, int version, char ret_name[VIEW_NAME_MAX])
{
    char name[VIEW_NAME_MAX];
    snprintf(name, sizeof(name), "%s-v%d", query_views[view].name, version);
    view_index_name(prefix, name, ret_name);
}

void view_checkpoint_key(enum query_view_id view, int version, int32_t partition, char ret_key[VIEW_NAME_MAX])
{
    snprintf(ret_key, VIEW_NAME_MAX, "%s_v%d/%d", query_views[view].name, version, partition);
}

bool view_checkpoint_key_parse(struct ev_str key, enum query_view_id *ret_view, int *ret_version,
                               int32_t *ret_partition)
{
    struct ev_str rest = key, name;
    if (!ev_str_split(&rest, '/', &name))
        return false;
    size_t mark = name.length;
    while (mark > 1 && name.data[mark - 1] != 'v')
        mark--;
    if (mark < 2 || name.data[mark - 2] != '_')
        return false;
    int64_t version, partition;
    if (!ev_str_to_int64((struct ev_str){name.data + mark, name.length - mark}, &version) || version < 1 ||
        version > INT32_MAX || !ev_str_to_int64(rest, &partition) || partition < 0 || partition > INT32_MAX ||
        !query_view_find((struct ev_str){name.data, mark - 2}, ret_view))
        return false;
    *ret_version = (int)version;
    *ret_partition = (int32_t)partition;
    return true;
}
