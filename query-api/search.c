/* GET /v1/products: text search, filters, facets and pages in Elasticsearch. */
#include "gen/views.h"

#include <string.h>

#include "core/money.h"
#include "core/timestamp.h"
#include "document.h"
#include "resources.h"
#include "search.h"

static const char *const search_sort_names[] = {"relevance", "sku", "price", "-price", "newest"};
static const struct ev_enum search_sort_enum = {.name = "sort", .count = 5, .symbols = search_sort_names};

static const struct param search_params[SEARCH_PARAMS] = {
    [SEARCH_Q] = {.name = "q", .kind = PARAM_TEXT, .min = 1, .max = PARAM_TEXT_DEFAULT_MAX},
    [SEARCH_SUPPLIER] = {.name = "supplier", .kind = PARAM_TEXT, .min = 1, .max = PARAM_TEXT_DEFAULT_MAX},
    [SEARCH_PRICE_FROM] = {.name = "price_from", .kind = PARAM_MONEY},
    [SEARCH_PRICE_TO] = {.name = "price_to", .kind = PARAM_MONEY},
    [SEARCH_CURRENCY] = {.name = "currency", .kind = PARAM_TEXT, .min = 3, .max = 3},
    [SEARCH_IN_STOCK] = {.name = "in_stock", .kind = PARAM_BOOL},
    [SEARCH_SORT] = {.name = "sort", .kind = PARAM_SYMBOL, .symbols = &search_sort_enum},
    [SEARCH_LIMIT] = {.name = "limit", .kind = PARAM_INT, .min = 1, .max = QUERY_LIST_LIMIT_MAX, .paging = true},
    [SEARCH_CURSOR] = {.name = "cursor", .kind = PARAM_CURSOR, .paging = true},
};

enum search_sort search_sort_of(const struct query *query)
{
    if (query->params[SEARCH_SORT].present)
        return (enum search_sort)query->params[SEARCH_SORT].number;
    return query->params[SEARCH_Q].present ? SEARCH_BY_RELEVANCE : SEARCH_BY_SKU;
}

/* --- the answer --- */

static struct ev_str search_json_text(yyjson_val *value, struct ev_arena *arena)
{
    size_t length;
    char *text = yyjson_val_write(value, YYJSON_WRITE_NOFLAG, &length);
    struct ev_str copy = text ? ev_arena_copy(arena, (struct ev_str){text, length}) : EV_STR_NULL;
    free(text);
    return copy;
}

/* A cursor holds the sort values of the last hit, as JSON. */
static int search_next_cursor(const struct query *query, yyjson_val *hit, struct ev_str *ret, struct ev_error *error)
{
    struct ev_str parts[SEARCH_SORT_VALUES] = {EV_STR_NULL};
    size_t index, count;
    yyjson_val *value, *values = yyjson_obj_get(hit, "sort");
    if (yyjson_arr_size(values) != SEARCH_SORT_VALUES)
        return ev_error_set(error, EV_ERR_CORRUPT, "Elasticsearch's hit has no sort values");
    yyjson_arr_foreach (values, index, count, value) {
        parts[index] = search_json_text(value, query->arena);
    }
    return query_next_cursor(query, parts, SEARCH_SORT_VALUES, ret, error);
}

static void search_write_highlight(yyjson_val *hit, struct ev_json_writer *writer)
{
    size_t index, count;
    yyjson_val *name, *fragments;
    ev_json_key(writer, EV_STR("highlight"));
    ev_json_object_begin(writer);
    yyjson_obj_foreach (yyjson_obj_get(hit, "highlight"), index, count, name, fragments) {
        ev_json_key(writer, ev_json_str(name));
        ev_json_string(writer, ev_json_str(yyjson_arr_get_first(fragments)));
    }
    ev_json_object_end(writer);
}

static void search_write_parked(int64_t since_ms, struct ev_json_writer *writer)
{
    char since[EV_TIMESTAMP_TEXT_MAX];
    size_t length = ev_timestamp_format(since_ms, since);
    ev_json_kv_string(writer, "parked_since", (struct ev_str){since, length});
}

/* `parked_at_ms` becomes the first time since when one of the hits goes no further. */
static int search_write_hit(const struct query *query, yyjson_val *hit, struct ev_arena *tree,
                            struct ev_json_writer *writer, int64_t *parked_at_ms, struct ev_error *error)
{
    struct products_document document;
    struct document_meta meta;
    yyjson_val *score = yyjson_obj_get(hit, "_score");
    int fault =
        document_from_json(&products_document_record, yyjson_obj_get(hit, "_source"), tree, &document, &meta, error);
    if (fault)
        return fault;
    *parked_at_ms = document_first_parked(*parked_at_ms, meta.parked_at_ms);
    ev_json_object_begin(writer);
    ev_json_key(writer, EV_STR("product"));
    ev_record_print(&products_document_record, &document, writer);
    if (yyjson_is_num(score) && search_sort_of(query) == SEARCH_BY_RELEVANCE)
        ev_json_kv_double(writer, "score", yyjson_get_num(score));
    if (query->params[SEARCH_Q].present)
        search_write_highlight(hit, writer);
    if (meta.parked_at_ms > 0)
        search_write_parked(meta.parked_at_ms, writer);
    ev_json_object_end(writer);
    return 0;
}

static void search_write_supplier_facet(yyjson_val *buckets, struct ev_json_writer *writer)
{
    size_t index, count;
    yyjson_val *bucket;
    ev_json_key(writer, EV_STR("suppliers"));
    ev_json_array_begin(writer);
    yyjson_arr_foreach (buckets, index, count, bucket) {
        ev_json_object_begin(writer);
        ev_json_kv_string(writer, "supplier", ev_json_str(yyjson_obj_get(bucket, "key")));
        ev_json_kv_int64(writer, "count", yyjson_get_sint(yyjson_obj_get(bucket, "doc_count")));
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
}

static void search_write_money(struct ev_json_writer *writer, const char *key, int64_t amount)
{
    char text[EV_MONEY_TEXT_MAX];
    size_t length = ev_money_format(amount, text);
    ev_json_kv_string(writer, key, (struct ev_str){text, length});
}

/* Buckets come in the order of the ranges that were asked for. */
static void search_write_price_facet(yyjson_val *buckets, struct ev_json_writer *writer)
{
    ev_json_key(writer, EV_STR("prices"));
    ev_json_array_begin(writer);
    for (size_t i = 0; i < SEARCH_PRICE_RANGES; i++) {
        ev_json_object_begin(writer);
        search_write_money(writer, "from", search_price_bounds[i]);
        if (i + 1 < SEARCH_PRICE_RANGES)
            search_write_money(writer, "to", search_price_bounds[i + 1]);
        ev_json_kv_int64(writer, "count", yyjson_get_sint(yyjson_obj_get(yyjson_arr_get(buckets, i), "doc_count")));
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
}

static yyjson_val *search_facet(yyjson_val *root, const char *name)
{
    yyjson_val *facet = yyjson_obj_get(yyjson_obj_get(root, "aggregations"), name);
    return yyjson_obj_get(yyjson_obj_get(facet, "by"), "buckets");
}

static int search_write(const struct query *query, yyjson_val *root, struct ev_arena *tree,
                        struct ev_json_writer *writer, struct query_answer *answer, struct ev_error *error)
{
    size_t index, count, limit = (size_t)query_limit(query, SEARCH_LIMIT, QUERY_LIST_LIMIT_DEFAULT);
    yyjson_val *hits = yyjson_obj_get(root, "hits"), *hit;
    ev_json_object_begin(writer);
    ev_json_kv_int64(writer, "total", yyjson_get_sint(yyjson_obj_get(yyjson_obj_get(hits, "total"), "value")));
    ev_json_key(writer, EV_STR("items"));
    ev_json_array_begin(writer);
    yyjson_arr_foreach (yyjson_obj_get(hits, "hits"), index, count, hit) {
        if (index == limit) /* one more was asked for, to know that there is one */
            break;
        int fault = search_write_hit(query, hit, tree, writer, &answer->parked_at_ms, error);
        if (!fault && index + 1 == limit && count > limit)
            fault = search_next_cursor(query, hit, &answer->next_cursor, error);
        if (fault)
            return fault;
    }
    ev_json_array_end(writer);
    ev_json_key(writer, EV_STR("facets"));
    ev_json_object_begin(writer);
    search_write_supplier_facet(search_facet(root, "suppliers"), writer);
    search_write_price_facet(search_facet(root, "prices"), writer);
    ev_json_object_end(writer);
    query_write_next_cursor(writer, answer->next_cursor);
    ev_json_object_end(writer);
    return 0;
}

static void search_done(struct elastic_request *request)
{
    struct query *query = request->context;
    struct query_answer answer = QUERY_ANSWER_NONE;
    struct ev_buffer body = {0};
    struct ev_json_writer writer;
    struct ev_error error = {0};
    struct ev_arena tree; /* far larger than what an exchange's arena is for; its bound is that of the answer */
    yyjson_val *root;
    ev_arena_init(&tree, 0);
    int fault = elastic_answer(query->api->elastic, request, &tree, &root, &error);
    elastic_request_finish(request);
    ev_json_init(&writer, &body);
    if (!fault)
        fault = search_write(query, root, &tree, &writer, &answer, &error);
    ev_arena_finish(&tree);
    if (!fault) {
        answer.body = &body;
        query_reply(query, &answer);
        return;
    }
    ev_buffer_finish(&body);
    /* The sort values of a cursor are the one thing that the table of parameters can't check. */
    if (request->status == 400 && query->cursor.part_count > 0)
        query_reply_parameter(query, "cursor", "is no cursor of this list");
    else
        query_reply_fault(query, &error);
}

/* --- the request --- */

static bool search_check(struct query *query)
{
    const struct param_value *params = query->params;
    if (params[SEARCH_PRICE_FROM].present && params[SEARCH_PRICE_TO].present &&
        params[SEARCH_PRICE_TO].number < params[SEARCH_PRICE_FROM].number) {
        query_reply_parameter(query, "price_to", "is below \"price_from\"");
        return false;
    }
    for (size_t i = 0; i < query->cursor.part_count; i++) {
        struct ev_error error = {0};
        yyjson_val *value;
        if (query->cursor.part_count != SEARCH_SORT_VALUES ||
            ev_json_parse(query->cursor.parts[i], query->arena, &value, &error) != 0 || yyjson_is_ctn(value)) {
            query_reply_parameter(query, "cursor", "is no cursor of this list");
            return false;
        }
    }
    return true;
}

static void search_start(struct query *query)
{
    struct elastic_request *request = ev_arena_new(query->arena, struct elastic_request);
    struct ev_buffer body = {0};
    search_write_request(query, &body);
    *request = (struct elastic_request){.method = "POST",
                                        .body = ev_arena_copy(query->arena, ev_buffer_str(&body)),
                                        .timeout_ms = ELASTIC_QUERY_TIMEOUT_MS,
                                        .done = search_done,
                                        .context = query};
    ev_buffer_finish(&body);
    snprintf(request->path, sizeof(request->path), "/%s/_search", query->view.target);
    if (elastic_submit(query->api->elastic, request) != 0)
        query_reply_fault(query, &request->error);
}

const struct query_resource products_search_resource = {
    .path = "/v1/products",
    .name = "SearchProducts",
    .summary = "products by text, supplier, price and stock, with facets; catalogued and not discontinued ones",
    .store = QUERY_STORE_ELASTICSEARCH,
    .view = QUERY_VIEW_PRODUCTS,
    .params = search_params,
    .param_count = SEARCH_PARAMS,
    .check = search_check,
    .search = search_start,
};
