/* GET /v1/orders/{order_id} and GET /v1/orders */
#include "gen/views.h"

#include <pthread.h>
#include <string.h>

#include "core/fatal.h"
#include "core/timestamp.h"
#include "document.h"
#include "resources.h"
#include "single.h"

/* --- one --- */

enum { ORDER_KIND_PARAM };
static const struct param order_params[] = {
    [ORDER_KIND_PARAM] = {.name = "kind", .kind = PARAM_SYMBOL, .symbols = &order_kind_enum},
};

/* Orders, returns and adjustments share the view; their documents' keys are the streams' ids. In the order in which a
 * plain id is looked for. */
static const struct {
    enum order_kind kind;
    const char *prefix;
} order_streams[] = {
    {ORDER_KIND_ORDER, "order-"},
    {ORDER_KIND_RETURN, "returns-"},
    {ORDER_KIND_BAD_DEBT, "adjustment-"},
};
#define ORDER_STREAMS (sizeof(order_streams) / sizeof(order_streams[0]))
_Static_assert(ORDER_STREAMS + 1 <= SINGLE_KEYS_MAX, "room for the id as it is, too");

static size_t order_keys(const struct query *query, struct ev_str id, struct ev_str ret_keys[SINGLE_KEYS_MAX])
{
    const struct param_value *kind = &query->params[ORDER_KIND_PARAM];
    size_t count = 0;
    for (size_t i = 0; i < ORDER_STREAMS; i++)
        if (!kind->present || kind->number == (int64_t)order_streams[i].kind)
            ret_keys[count++] = ev_arena_printf(query->arena, "%s%.*s", order_streams[i].prefix, EV_STR_ARG(id));
    /* Documents show the stream's id, so it is taken as well. */
    for (size_t i = 0; i < ORDER_STREAMS; i++)
        if ((!kind->present || kind->number == (int64_t)order_streams[i].kind) &&
            ev_str_starts_with(id, ev_str_of(order_streams[i].prefix)))
            ret_keys[count++] = id;
    return count;
}

static void order_read(struct query *query, struct mongo_session *session)
{
    struct orders_document document;
    struct document_meta meta;
    struct ev_error error = {0};
    struct ev_str keys[SINGLE_KEYS_MAX], id = query_path_value(query, "order_id");
    size_t count = order_keys(query, id, keys);
    int answer = single_load(query, session, &orders_document_record, keys, count, &document, &meta, &error);
    if (answer < 0)
        query_reply_fault(query, &error);
    else if (answer > 0)
        query_reply_not_found(query, "order, return or adjustment", id);
    else
        single_reply(query, &orders_document_record, &document, &meta, document.version, true);
}

const struct query_resource order_get_resource = {
    .path = "/v1/orders/{order_id}",
    .name = "GetOrder",
    .summary = "one order, return or adjustment with its lines",
    .store = QUERY_STORE_MONGODB,
    .view = QUERY_VIEW_ORDERS,
    .params = order_params,
    .param_count = sizeof(order_params) / sizeof(order_params[0]),
    .read = order_read,
};

/* --- lists --- */

enum { ORDERS_CUSTOMER, ORDERS_FROM, ORDERS_TO, ORDERS_KIND, ORDERS_STATUS, ORDERS_LIMIT, ORDERS_CURSOR };
static const struct param orders_params[] = {
    [ORDERS_CUSTOMER] = {.name = "customer_id", .kind = PARAM_TEXT, .min = 1, .max = 64},
    [ORDERS_FROM] = {.name = "from", .kind = PARAM_DATE},
    [ORDERS_TO] = {.name = "to", .kind = PARAM_DATE},
    [ORDERS_KIND] = {.name = "kind", .kind = PARAM_SYMBOL, .symbols = &order_kind_enum},
    [ORDERS_STATUS] = {.name = "status", .kind = PARAM_SYMBOL, .symbols = &order_status_enum},
    [ORDERS_LIMIT] = {.name = "limit", .kind = PARAM_INT, .min = 1, .max = QUERY_LIST_LIMIT_MAX, .paging = true},
    [ORDERS_CURSOR] = {.name = "cursor", .kind = PARAM_CURSOR, .paging = true},
};

/* An item of the list: the document with the count of its lines instead of the lines, which may be thousands. One that
 * goes no further says since when. */
struct order_summary {
    struct orders_document order;
    int64_t line_count;
    int64_t parked_since;
};
#define ORDER_SUMMARY_FIELDS_MAX 40
static struct ev_field order_summary_fields[ORDER_SUMMARY_FIELDS_MAX];
static struct ev_record order_summary_record, order_parked_record;

/* The document's table with one field exchanged, and once more with one more; so a field added to the view is in the
 * list without further work. */
static void order_summary_make_table(void)
{
    size_t count = orders_document_record.field_count;
    order_summary_record = orders_document_record;
    order_summary_record.name = "OrderSummary";
    order_summary_record.size = sizeof(struct order_summary);
    order_summary_record.fields = order_summary_fields;
    if (count + 1 > ORDER_SUMMARY_FIELDS_MAX)
        ev_fatal("orders have more than %d fields", ORDER_SUMMARY_FIELDS_MAX - 1);
    order_parked_record = order_summary_record;
    order_parked_record.field_count = count + 1;
    order_summary_fields[count] = (struct ev_field){.name = "parked_since",
                                                    .kind = EV_KIND_LONG,
                                                    .format = EV_FORMAT_TIMESTAMP,
                                                    .offset = offsetof(struct order_summary, parked_since)};
    for (size_t i = 0; i < count; i++) {
        order_summary_fields[i] = orders_document_record.fields[i];
        if (strcmp(order_summary_fields[i].name, "lines") == 0)
            order_summary_fields[i] = (struct ev_field){
                .name = "line_count", .kind = EV_KIND_LONG, .offset = offsetof(struct order_summary, line_count)};
    }
}

static const struct ev_record *order_summary_table(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, order_summary_make_table);
    return &order_summary_record;
}

struct orders_page {
    struct query *query;
    struct ev_json_writer writer;
    int64_t limit, count;
    int64_t last_placed_at;
    struct ev_str last_id;
    int64_t parked_at_ms; /* since when the first of them goes no further; 0: all do */
    bool more;
};

static int64_t orders_count_lines(const bson_t *document)
{
    bson_iter_t iter, lines;
    int64_t count = 0;
    if (!bson_iter_init_find(&iter, document, "lines") || !bson_iter_recurse(&iter, &lines))
        return 0;
    while (bson_iter_next(&lines))
        count++;
    return count;
}

static int orders_take(void *context, const bson_t *document, struct ev_error *error)
{
    struct orders_page *page = context;
    struct order_summary summary;
    struct document_meta meta;
    if (page->count == page->limit) {
        page->more = true;
        return 0;
    }
    const struct ev_record *table = order_summary_table();
    int fault = document_from_bson(table, document, page->query->arena, &summary, &meta, error);
    if (fault)
        return fault;
    summary.line_count = orders_count_lines(document);
    summary.parked_since = meta.parked_at_ms;
    page->parked_at_ms = document_first_parked(page->parked_at_ms, meta.parked_at_ms);
    ev_record_print(meta.parked_at_ms > 0 ? &order_parked_record : table, &summary, &page->writer);
    page->last_placed_at = summary.order.placed_at;
    page->last_id = summary.order.id;
    page->count++;
    return 0;
}

/* Behind (placed_at, _id) in descending order. The first condition is implied by the others; it is what an index is
 * searched by. */
static void orders_append_cursor(const struct query *query, int64_t placed_at, bson_t *filter)
{
    struct ev_str id = query->cursor.parts[1];
    bson_t list, one, range;
    BSON_APPEND_ARRAY_BEGIN(filter, "$or", &list);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
    BSON_APPEND_DOCUMENT_BEGIN(&one, "placed_at", &range);
    BSON_APPEND_INT64(&range, "$lt", placed_at);
    bson_append_document_end(&one, &range);
    bson_append_document_end(&list, &one);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "1", &one);
    BSON_APPEND_INT64(&one, "placed_at", placed_at);
    BSON_APPEND_DOCUMENT_BEGIN(&one, "_id", &range);
    bson_append_utf8(&range, "$lt", 3, id.data, (int)id.length);
    bson_append_document_end(&one, &range);
    bson_append_document_end(&list, &one);
    bson_append_array_end(filter, &list);
}

static void orders_append_times(const struct query *query, const int64_t *before, bson_t *filter)
{
    const struct param_value *from = &query->params[ORDERS_FROM], *to = &query->params[ORDERS_TO];
    bson_t range;
    if (!from->present && !to->present && !before)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "placed_at", &range);
    if (from->present)
        BSON_APPEND_INT64(&range, "$gte", from->number);
    if (to->present)
        BSON_APPEND_INT64(&range, "$lt", to->number + PARAM_DAY_MS);
    if (before)
        BSON_APPEND_INT64(&range, "$lte", *before);
    bson_append_document_end(filter, &range);
}

static void orders_filter(const struct query *query, const int64_t *before, bson_t *filter)
{
    const struct param_value *params = query->params;
    bson_t not_deleted;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_deleted", &not_deleted);
    BSON_APPEND_BOOL(&not_deleted, "$ne", true);
    bson_append_document_end(filter, &not_deleted);
    if (params[ORDERS_CUSTOMER].present)
        bson_append_utf8(filter, "customer_id", -1, params[ORDERS_CUSTOMER].text.data,
                         (int)params[ORDERS_CUSTOMER].text.length);
    orders_append_times(query, before, filter);
    if (params[ORDERS_KIND].present)
        BSON_APPEND_UTF8(filter, "kind", order_kind_enum.symbols[params[ORDERS_KIND].number]);
    if (params[ORDERS_STATUS].present)
        BSON_APPEND_UTF8(filter, "status", order_status_enum.symbols[params[ORDERS_STATUS].number]);
    if (before)
        orders_append_cursor(query, *before, filter);
}

/* Newest first; one more than the page holds, to know whether there is another. Of the lines just enough to count them.
 */
static void orders_options(int64_t limit, bson_t *options)
{
    bson_t sort, fields;
    BSON_APPEND_DOCUMENT_BEGIN(options, "sort", &sort);
    BSON_APPEND_INT32(&sort, "placed_at", -1);
    BSON_APPEND_INT32(&sort, "_id", -1);
    bson_append_document_end(options, &sort);
    BSON_APPEND_INT64(options, "limit", limit + 1);
    BSON_APPEND_DOCUMENT_BEGIN(options, "projection", &fields);
    for (size_t i = 0; i < orders_document_record.field_count; i++) {
        const char *name = orders_document_record.fields[i].name;
        BSON_APPEND_INT32(&fields, strcmp(name, "lines") == 0 ? "lines.line_no" : name, 1);
    }
    BSON_APPEND_INT32(&fields, "_parked.at_ms", 1);
    bson_append_document_end(options, &fields);
}

static int orders_reply(struct query *query, struct orders_page *page, struct ev_buffer *body, struct ev_error *error)
{
    struct query_answer answer = QUERY_ANSWER_NONE;
    char placed_at[32];
    if (page->more) {
        snprintf(placed_at, sizeof(placed_at), "%lld", (long long)page->last_placed_at);
        const struct ev_str last[] = {ev_str_of(placed_at), page->last_id};
        int fault = query_next_cursor(query, last, 2, &answer.next_cursor, error);
        if (fault)
            return fault;
    }
    ev_json_array_end(&page->writer);
    query_write_next_cursor(&page->writer, answer.next_cursor);
    ev_json_object_end(&page->writer);
    answer.body = body;
    answer.parked_at_ms = page->parked_at_ms;
    query_reply(query, &answer);
    return 0;
}

static void orders_read(struct query *query, struct mongo_session *session)
{
    struct ev_buffer body = {0};
    struct ev_error error = {0};
    struct orders_page page = {.query = query, .limit = query_limit(query, ORDERS_LIMIT, QUERY_LIST_LIMIT_DEFAULT)};
    bson_t filter = BSON_INITIALIZER, options = BSON_INITIALIZER;
    int64_t before;
    ev_str_to_int64(query->cursor.parts[0], &before); /* orders_check has looked */
    orders_filter(query, query->cursor.part_count ? &before : NULL, &filter);
    orders_options(page.limit, &options);
    ev_json_init(&page.writer, &body);
    ev_json_object_begin(&page.writer);
    ev_json_key(&page.writer, EV_STR("items"));
    ev_json_array_begin(&page.writer);
    int fault = mongo_find_each(session, query->view.target, &filter, &options, orders_take, &page, &error);
    bson_destroy(&filter);
    bson_destroy(&options);
    if (!fault)
        fault = orders_reply(query, &page, &body, &error);
    if (!fault)
        return; /* the query is gone */
    ev_buffer_finish(&body);
    query_reply_fault(query, &error);
}

static bool orders_check(struct query *query)
{
    struct ev_error error = {0};
    int64_t placed_at;
    if (params_check_days(&query->params[ORDERS_FROM], &query->params[ORDERS_TO], &error) != 0) {
        query_reply_parameter(query, "to", error.message);
        return false;
    }
    if (query->cursor.part_count == 0 ||
        (query->cursor.part_count == 2 && ev_str_to_int64(query->cursor.parts[0], &placed_at)))
        return true;
    query_reply_parameter(query, "cursor", "is no cursor of this list");
    return false;
}

const struct query_resource orders_list_resource = {
    .path = "/v1/orders",
    .name = "ListOrders",
    .summary = "orders, returns and adjustments by customer and day, newest first",
    .store = QUERY_STORE_MONGODB,
    .view = QUERY_VIEW_ORDERS,
    .params = orders_params,
    .param_count = sizeof(orders_params) / sizeof(orders_params[0]),
    .check = orders_check,
    .read = orders_read,
};
