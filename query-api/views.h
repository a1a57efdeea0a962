/* The views that this program reads, and how they are named in the stores. Pure. */
#pragma once

#include "avro/record.h"

#define QUERY_STORES_TABLE(X)                                                                                          \
    X(MONGODB, "mongodb")                                                                                              \
    X(ELASTICSEARCH, "elasticsearch")

enum query_store {
#define X(name, text) QUERY_STORE_##name,
    QUERY_STORES_TABLE(X)
#undef X
        QUERY_STORES
};

/* name, topic that feeds it, whether Elasticsearch has it as well */
#define QUERY_VIEWS_TABLE(X)                                                                                           \
    X(PRODUCTS, "products", "product", true)                                                                           \
    X(CARTS, "carts", "cart", false)                                                                                   \
    X(ORDERS, "orders", "order", true)                                                                                 \
    X(CUSTOMERS, "customers", "order", false)                                                                          \
    X(SALES_DAILY, "sales_daily", "order", false)

enum query_view_id {
#define X(name, text, topic, searched) QUERY_VIEW_##name,
    QUERY_VIEWS_TABLE(X)
#undef X
        QUERY_VIEWS
};

struct query_view {
    const char *name;
    const char *topic; /* without prefix */
    bool stores[QUERY_STORES];
};
extern const struct query_view query_views[QUERY_VIEWS];

/* "mongodb" */
const char *query_store_name(enum query_store store);
bool query_view_find(struct ev_str name, enum query_view_id *ret);

#define VIEW_NAME_MAX 128
/* `prefix` is the installation's; the default one ("orderlog") is left out of names. */
void view_collection_name(const char *prefix, const char *collection, char ret_name[VIEW_NAME_MAX]);
/* A replay makes another generation of the same version: "orders_v1_g2"; the first has no suffix. */
void view_versioned_collection_name(const char *prefix, enum query_view_id view, int version, int generation,
                                    char ret_name[VIEW_NAME_MAX]);
void view_index_name(const char *prefix, const char *index, char ret_name[VIEW_NAME_MAX]);
void view_versioned_index_name(const char *prefix, enum query_view_id view, int version, int generation,
                               char ret_name[VIEW_NAME_MAX]);
/* "v1", "v1-g2": what an index's name has behind the view's; false for anything else. */
bool view_index_suffix_parse(struct ev_str suffix, int *ret_version, int *ret_generation);
/* "orders_v1", "orders_v1_g2": how checkpoints and parked entries name a generation, in both stores. */
void view_generation_key(enum query_view_id view, int version, int generation, char ret_key[VIEW_NAME_MAX]);
/* A checkpoint's key, "<view>_v<version>[_g<generation>]/<partition>", in both stores; false for the key of no view of
 * ours. */
void view_checkpoint_key(enum query_view_id view, int version, int generation, int32_t partition,
                         char ret_key[VIEW_NAME_MAX]);
bool view_checkpoint_key_parse(struct ev_str key, enum query_view_id *ret_view, int *ret_version, int *ret_generation,
                               int32_t *ret_partition);
