/* GET /v1/products/{sku} */
#include "gen/views.h"
#include "resources.h"
#include "single.h"

static void product_read(struct query *query, struct mongo_session *session)
{
    struct products_document document;
    struct document_meta meta;
    struct ev_error error = {0};
    struct ev_str sku = query_path_value(query, "sku");
    int answer = single_load(query, session, &products_document_record, &sku, 1, &document, &meta, &error);
    if (answer < 0)
        query_reply_fault(query, &error);
    else if (answer > 0)
        query_reply_not_found(query, "product", sku);
    else
        /* The ETag is the version that commands take in If-Match, that of the product's stream. The document shows the
         * stock as well, which has a stream of its own: so the tag can't say that nothing has changed. */
        single_reply(query, &products_document_record, &document, &meta, document.version, false);
}

const struct query_resource product_get_resource = {
    .path = "/v1/products/{sku}",
    .name = "GetProduct",
    .summary = "one product with its titles, prices and stock",
    .store = QUERY_STORE_MONGODB,
    .view = QUERY_VIEW_PRODUCTS,
    .read = product_read,
};
