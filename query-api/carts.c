/* GET /v1/carts/{cart_id} */
#include "gen/views.h"
#include "resources.h"
#include "single.h"

static void cart_read(struct query *query, struct mongo_session *session)
{
    struct carts_document document;
    struct document_meta meta;
    struct ev_error error = {0};
    struct ev_str id = query_path_value(query, "cart_id");
    int answer = single_load(query, session, &carts_document_record, &id, 1, &document, &meta, &error);
    if (answer < 0)
        query_reply_fault(query, &error);
    else if (answer > 0)
        query_reply_not_found(query, "cart", id);
    else
        single_reply(query, &carts_document_record, &document, &meta, document.version, true);
}

const struct query_resource cart_get_resource = {
    .path = "/v1/carts/{cart_id}",
    .name = "GetCart",
    .summary = "one cart with its lines and total",
    .store = QUERY_STORE_MONGODB,
    .view = QUERY_VIEW_CARTS,
    .read = cart_read,
};
