#include <mongoc/mongoc.h>

#include "cli/reconcile.h"

#define SERVER_TIMEOUT_MS 5000
#define COLLECTION "orders_v1"

static struct ev_str get_string(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    uint32_t length = 0;
    if (!bson_iter_init_find(&iter, document, name) || !BSON_ITER_HOLDS_UTF8(&iter))
        return EV_STR_NULL;
    const char *text = bson_iter_utf8(&iter, &length);
    return (struct ev_str){text, length};
}

static int64_t get_int64(const bson_t *document, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, document, name) ? bson_iter_as_int64(&iter) : 0;
}

static void add_lines(struct figures *figures, const bson_t *document, struct ev_str country)
{
    bson_iter_t iter, line;
    if (!bson_iter_init_find(&iter, document, "lines") || !bson_iter_recurse(&iter, &line))
        return;
    while (bson_iter_next(&line)) {
        bson_t fields;
        uint32_t length = 0;
        const uint8_t *data = NULL;
        if (!BSON_ITER_HOLDS_DOCUMENT(&line))
            continue;
        bson_iter_document(&line, &length, &data);
        if (bson_init_static(&fields, data, length))
            figures_line(figures, get_string(&fields, "sku"), country, get_int64(&fields, "quantity"),
                         get_int64(&fields, "unit_price"));
    }
}

static void add_document(struct figures *figures, const bson_t *document)
{
    struct ev_str kind = get_string(document, "kind"), id = get_string(document, "id");
    struct ev_str customer = get_string(document, "customer_id"), country = get_string(document, "country");
    size_t category = 0;
    while (category < id.length && id.data[category] != '-')
        category++;
    if (category < id.length) /* "order-536365" → "536365" */
        id = (struct ev_str){id.data + category + 1, id.length - category - 1};
    if (ev_str_equal(kind, EV_STR("BAD_DEBT"))) {
        figures_begin(figures, FIGURES_BAD_DEBT, id, customer);
        figures_line(figures, EV_STR("B"), country, 1, get_int64(document, "amount"));
    } else {
        figures_begin(figures, ev_str_equal(kind, EV_STR("RETURN")) ? FIGURES_RETURN : FIGURES_ORDER, id, customer);
        add_lines(figures, document, country);
    }
    figures_end(figures);
}

static int scan_orders(mongoc_client_t *client, const char *database, const char *collection_name,
                       const struct reconcile_month *month, struct figures *figures, struct ev_error *error)
{
    bson_error_t fault;
    const bson_t *document;
    mongoc_collection_t *collection = mongoc_client_get_collection(client, database, collection_name);
    bson_t *filter =
        BCON_NEW("placed_at", "{", "$gte", BCON_INT64(month->from_ms), "$lt", BCON_INT64(month->until_ms), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, NULL, NULL);
    while (mongoc_cursor_next(cursor, &document))
        add_document(figures, document);
    int result = 0;
    if (mongoc_cursor_error(cursor, &fault))
        result = ev_error_set(error, EV_ERR_UNAVAILABLE, "MongoDB: %s", fault.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    mongoc_collection_destroy(collection);
    return result;
}

int reconcile_mongo_documents(const struct ev_config *config, const struct reconcile_month *month,
                              struct ev_arena *arena, struct figure_set *ret, struct ev_error *error)
{
    bson_error_t fault;
    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new_with_error(ev_config_string(config, "mongodb-uri"), &fault);
    if (!uri)
        return ev_error_set(error, EV_ERR_INVALID, "mongodb-uri: %s", fault.message);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SERVER_TIMEOUT_MS);
    const char *database = mongoc_uri_get_database(uri) ? mongoc_uri_get_database(uri) : "orderlog";
    const char *prefix = ev_config_string(config, "topic-prefix");
    struct ev_str collection = ev_str_equal(ev_str_of(prefix), EV_STR("orderlog"))
                                   ? EV_STR(COLLECTION)
                                   : ev_arena_printf(arena, "%s_%s", prefix, COLLECTION);
    mongoc_client_t *client = mongoc_client_new_from_uri(uri);
    struct figures *figures = figures_create();
    int result = scan_orders(client, database, collection.data, month, figures, error);
    if (result == 0)
        result = figures_finish(figures, arena, ret, error);
    /* stock corrections are no order documents */
    static const enum figure unknown[] = {FIGURE_ROWS, FIGURE_INVOICES, FIGURE_OTHER_ROWS, FIGURE_GUEST_INVOICES,
                                          FIGURE_STOCK_CODES};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        ret->values[unknown[i]] = EV_STR_NULL;
    figures_destroy(figures);
    mongoc_client_destroy(client);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return result;
}
