/* GET /v1/reports/sales/search: the same report out of the orders themselves, by aggregations over Elasticsearch's
 * orders. It is what the other one is reconciled with.
 *
 * An order's document says how much of it was cancelled and returned, not when: here both count on the day of the
 * order, there each on its own day; and an order cancelled in two parts is one cancellation here.
 *
 * Everything is read by composite aggregations, page by page, so that no bucket is cut off. Sums come as doubles: exact
 * below 2^53, and refused from there on. By SKU lines are grouped by price as well, and values are multiplied here. */
#include "gen/views.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/money.h"
#include "core/timestamp.h"
#include "json_text.h"
#include "report.h"
#include "resources.h"

#define AGGREGATION_PAGE 2000
#define AGGREGATION_PAGES_MAX 500 /* of one report, all passes together */
#define AGGREGATION_CURRENCIES_MAX 50
#define AGGREGATION_EXACT 9007199254740992.0 /* 2^53 */

struct aggregation;

/* One walk over composite buckets. `append` writes the aggregations, with the composite one's head by
 * aggregation_append_composite; `path` leads to it; `take` adds a bucket. */
struct aggregation_pass {
    void (*append)(struct aggregation *aggregation, struct ev_buffer *out);
    int (*take)(struct aggregation *aggregation, yyjson_val *bucket, struct ev_error *error);
    const char *const *path;
    enum order_kind kind;
    bool by_currency; /* walked once per currency: lines don't know it */
};

struct aggregation {
    struct query *query;
    struct sales_report report;
    struct elastic_request request;
    struct ev_buffer body;
    struct ev_arena answer; /* of one page */
    struct ev_buffer after; /* after_key of the page before, as JSON; empty: the first page */
    const struct aggregation_pass *passes;
    size_t pass, pass_count, currency, pages;
    struct ev_str currencies[AGGREGATION_CURRENCIES_MAX];
    size_t currency_count;
    int64_t parked_at_ms; /* since when the first of the orders goes no further; 0: all do */
};

static void aggregation_ask(struct aggregation *aggregation);

/* --- requests --- */

static const struct aggregation_pass *aggregation_current(const struct aggregation *aggregation)
{
    return &aggregation->passes[aggregation->pass];
}

static void aggregation_append_filter(struct aggregation *aggregation, struct ev_buffer *out)
{
    const struct param_value *params = aggregation->query->params;
    const struct aggregation_pass *pass = aggregation_current(aggregation);
    json_text_append(out,
                     "'size':0,'query':{'bool':{'must_not':[{'term':{'_deleted':true}}],'filter':[{'range':{'day':{'"
                     "gte':%i,'lte':%i}}}",
                     params[REPORT_FROM].number, params[REPORT_TO].number);
    if (params[REPORT_COUNTRY].present)
        json_text_append_item(out, "{'term':{'country':%j}}", params[REPORT_COUNTRY].text);
    if (params[REPORT_CURRENCY].present)
        json_text_append_item(out, "{'term':{'currency':%j}}", params[REPORT_CURRENCY].text);
    if (pass->by_currency) {
        json_text_append_item(out, "{'term':{'currency':%j}}", aggregation->currencies[aggregation->currency]);
        json_text_append_item(out, "{'term':{'kind':'%s'}}", order_kind_enum.symbols[pass->kind]);
    }
    json_text_append(out, "]}}");
}

/* The first page's query is that of the whole report. An index from before these marks were searchable tells nothing.
 */
static void aggregation_append_parked(const struct aggregation *aggregation, struct ev_buffer *out)
{
    if (aggregation->pages == 1)
        json_text_append(out, "'parked':{'min':{'field':'_parked.at_ms'}},");
}

static void aggregation_take_parked(struct aggregation *aggregation, yyjson_val *root)
{
    yyjson_val *first = yyjson_obj_get(yyjson_obj_get(yyjson_obj_get(root, "aggregations"), "parked"), "value");
    if (yyjson_is_num(first))
        aggregation->parked_at_ms = (int64_t)yyjson_get_num(first);
}

/* 'rows':{'composite':{…} — the caller closes the aggregation. */
static void aggregation_append_composite(struct aggregation *aggregation, const char *sources, struct ev_buffer *out)
{
    json_text_append(out, "'rows':{'composite':{'size':%i,'sources':[", (int64_t)AGGREGATION_PAGE);
    json_text_append(out, sources);
    json_text_append(out, "]");
    if (aggregation->after.length > 0)
        json_text_append(out, ",'after':%r", ev_buffer_str(&aggregation->after));
    json_text_append(out, "}");
}

/* --- numbers --- */

static int aggregation_sum(yyjson_val *bucket, const char *name, int64_t *ret, struct ev_error *error)
{
    double sum = yyjson_get_num(yyjson_obj_get(yyjson_obj_get(bucket, name), "value"));
    if (!(fabs(sum) < AGGREGATION_EXACT) || sum != floor(sum))
        return ev_error_set(error, EV_ERR_LIMIT, "the sum of %s is beyond what Elasticsearch adds exactly", name);
    *ret = (int64_t)sum;
    return 0;
}

static int64_t aggregation_count(yyjson_val *bucket, const char *name)
{
    return yyjson_get_sint(yyjson_obj_get(yyjson_obj_get(bucket, name), "doc_count"));
}

static yyjson_val *aggregation_key(yyjson_val *bucket, const char *name)
{
    return yyjson_obj_get(yyjson_obj_get(bucket, "key"), name);
}

/* A number, or a text of digits: the form in which a date comes depends on its mapping's format. */
static bool aggregation_key_number(yyjson_val *bucket, const char *name, int64_t *ret)
{
    yyjson_val *key = aggregation_key(bucket, name);
    if (yyjson_is_int(key))
        *ret = yyjson_get_sint(key);
    return yyjson_is_int(key) || ev_str_to_int64(ev_json_str(key), ret);
}

/* --- by day and by country: whole documents --- */

static void aggregation_append_documents(struct aggregation *aggregation, struct ev_buffer *out)
{
    static const char by_day[] = "{'day':{'terms':{'field':'day'}}},",
                      by_country[] = "{'country':{'terms':{'field':'country'}}},";
    struct ev_buffer sources = {0};
    json_text_append(&sources, aggregation->report.by == SALES_BY_DAY ? by_day : by_country);
    json_text_append(&sources, "{'currency':{'terms':{'field':'currency'}}},{'kind':{'terms':{'field':'kind'}}}");
    ev_buffer_append_byte(&sources, '\0');
    aggregation_append_composite(aggregation, sources.data, out);
    ev_buffer_finish(&sources);
    json_text_append(out, ",'aggs':{'orders':{'filter':{'range':{'units':{'gt':0}}}}");
    json_text_append(out, ",'cancellations':{'filter':{'nested':{'path':'lines','query':"
                          "{'range':{'lines.cancelled':{'gt':0}}}}}}");
    json_text_append(out, ",'returns':{'filter':{'nested':{'path':'lines','query':"
                          "{'range':{'lines.returned':{'gt':0}}}}}}");
    static const char *const sums[] = {"units",           "free_units",      "value",
                                       "cancelled_units", "cancelled_value", "returned_units",
                                       "returned_value",  "amount",          NULL};
    for (const char *const *sum = sums; *sum; sum++)
        json_text_append(out, ",'%s':{'sum':{'field':'%s'}}", *sum, *sum);
    json_text_append(out, "}}");
}

static int aggregation_order_figures(yyjson_val *bucket, struct sales_figures *figures, struct ev_error *error)
{
    figures->orders = aggregation_count(bucket, "orders");
    figures->cancellations = aggregation_count(bucket, "cancellations");
    figures->returns = aggregation_count(bucket, "returns");
    int fault = aggregation_sum(bucket, "units", &figures->units, error);
    if (!fault)
        fault = aggregation_sum(bucket, "free_units", &figures->free_units, error);
    if (!fault)
        fault = aggregation_sum(bucket, "value", &figures->value, error);
    if (!fault)
        fault = aggregation_sum(bucket, "cancelled_units", &figures->cancelled_units, error);
    if (!fault)
        fault = aggregation_sum(bucket, "cancelled_value", &figures->cancelled_value, error);
    return fault;
}

static int aggregation_document_figures(enum order_kind kind, yyjson_val *bucket, struct sales_figures *figures,
                                        struct ev_error *error)
{
    int fault = 0;
    switch (kind) {
    case ORDER_KIND_ORDER:
        fault = aggregation_order_figures(bucket, figures, error);
        break;
    case ORDER_KIND_RETURN:
        figures->returns = yyjson_get_sint(yyjson_obj_get(bucket, "doc_count"));
        break;
    case ORDER_KIND_BAD_DEBT:
        figures->bad_debts = yyjson_get_sint(yyjson_obj_get(bucket, "doc_count"));
        return aggregation_sum(bucket, "amount", &figures->bad_debt_value, error);
    }
    if (!fault)
        fault = aggregation_sum(bucket, "returned_units", &figures->returned_units, error);
    if (!fault)
        fault = aggregation_sum(bucket, "returned_value", &figures->returned_value, error);
    return fault;
}

static int aggregation_kind(yyjson_val *bucket, enum order_kind *ret, struct ev_error *error)
{
    struct ev_str kind = ev_json_str(aggregation_key(bucket, "kind"));
    for (size_t i = 0; i < order_kind_enum.count; i++) {
        if (ev_str_equal(kind, ev_str_of(order_kind_enum.symbols[i]))) {
            *ret = (enum order_kind)i;
            return 0;
        }
    }
    return ev_error_set(error, EV_ERR_CORRUPT, "Elasticsearch holds an order of the unknown kind \"%.*s\"",
                        EV_STR_ARG(kind));
}

static int aggregation_take_documents(struct aggregation *aggregation, yyjson_val *bucket, struct ev_error *error)
{
    struct sales_figures figures = {0};
    struct ev_str key = ev_json_str(aggregation_key(bucket, "country"));
    char day[EV_DATE_TEXT_MAX];
    int64_t day_ms;
    enum order_kind kind = ORDER_KIND_ORDER;
    int fault = aggregation_kind(bucket, &kind, error);
    if (!fault)
        fault = aggregation_document_figures(kind, bucket, &figures, error);
    if (fault)
        return fault;
    if (aggregation->report.by == SALES_BY_DAY) {
        if (!aggregation_key_number(bucket, "day", &day_ms))
            return ev_error_set(error, EV_ERR_CORRUPT, "Elasticsearch's day is no number of milliseconds");
        key = (struct ev_str){day, ev_date_format(day_ms, day)};
    }
    return sales_report_add(&aggregation->report, key, ev_json_str(aggregation_key(bucket, "currency")), &figures,
                            error);
}

static const char *const aggregation_documents_path[] = {"rows", NULL};
static const struct aggregation_pass aggregation_document_passes[] = {
    {.append = aggregation_append_documents, .take = aggregation_take_documents, .path = aggregation_documents_path},
};

/* --- by SKU: lines --- */

static void aggregation_append_lines(struct aggregation *aggregation, struct ev_buffer *out)
{
    json_text_append(out, "'lines':{'nested':{'path':'lines'},'aggs':{");
    aggregation_append_composite(aggregation,
                                 "{'sku':{'terms':{'field':'lines.sku'}}},"
                                 "{'unit_price':{'terms':{'field':'lines.unit_price'}}}",
                                 out);
    json_text_append(out, ",'aggs':{'quantity':{'sum':{'field':'lines.quantity'}}"
                          ",'cancelled':{'sum':{'field':'lines.cancelled'}}"
                          ",'returned':{'sum':{'field':'lines.returned'}}}}}}");
}

static int aggregation_multiply(int64_t unit_price, int64_t units, int64_t *ret, struct ev_error *error)
{
    return ev_money_multiply(unit_price, units, ret)
               ? 0
               : ev_error_set(error, EV_ERR_LIMIT, "the value of an SKU is beyond 64 bits");
}

static int aggregation_line_figures(enum order_kind kind, yyjson_val *bucket, struct sales_figures *figures,
                                    struct ev_error *error)
{
    int64_t unit_price, quantity;
    if (!aggregation_key_number(bucket, "unit_price", &unit_price))
        return ev_error_set(error, EV_ERR_CORRUPT, "Elasticsearch's unit price is no whole number");
    int fault = aggregation_sum(bucket, "quantity", &quantity, error);
    if (fault)
        return fault;
    if (unit_price == 0) {
        figures->free_units = kind == ORDER_KIND_ORDER ? quantity : 0;
        return 0;
    }
    if (kind == ORDER_KIND_ORDER)
        figures->units = quantity;
    fault = aggregation_sum(bucket, "cancelled", &figures->cancelled_units, error);
    if (!fault)
        fault = aggregation_sum(bucket, "returned", &figures->returned_units, error);
    if (!fault)
        fault = aggregation_multiply(unit_price, figures->units, &figures->value, error);
    if (!fault)
        fault = aggregation_multiply(unit_price, figures->cancelled_units, &figures->cancelled_value, error);
    if (!fault)
        fault = aggregation_multiply(unit_price, figures->returned_units, &figures->returned_value, error);
    return fault;
}

static int aggregation_take_lines(struct aggregation *aggregation, yyjson_val *bucket, struct ev_error *error)
{
    struct sales_figures figures = {0};
    int fault = aggregation_line_figures(aggregation_current(aggregation)->kind, bucket, &figures, error);
    return fault ? fault
                 : sales_report_add(&aggregation->report, ev_json_str(aggregation_key(bucket, "sku")),
                                    aggregation->currencies[aggregation->currency], &figures, error);
}

/* In how many orders an SKU was sold: an order with two lines of it counts once, so lines can't be counted. */
static void aggregation_append_line_orders(struct aggregation *aggregation, struct ev_buffer *out)
{
    json_text_append(out, "'lines':{'nested':{'path':'lines'},'aggs':{'priced':{'filter':"
                          "{'range':{'lines.unit_price':{'gt':0}}},'aggs':{");
    aggregation_append_composite(aggregation, "{'sku':{'terms':{'field':'lines.sku'}}}", out);
    json_text_append(out, ",'aggs':{'orders':{'reverse_nested':{}}}}}}}}");
}

static int aggregation_take_line_orders(struct aggregation *aggregation, yyjson_val *bucket, struct ev_error *error)
{
    struct sales_figures figures = {.orders = aggregation_count(bucket, "orders")};
    return sales_report_add(&aggregation->report, ev_json_str(aggregation_key(bucket, "sku")),
                            aggregation->currencies[aggregation->currency], &figures, error);
}

static void aggregation_append_currencies(struct aggregation *aggregation, struct ev_buffer *out)
{
    aggregation_append_composite(aggregation, "{'currency':{'terms':{'field':'currency'}}}", out);
    json_text_append(out, "}");
}

static int aggregation_take_currency(struct aggregation *aggregation, yyjson_val *bucket, struct ev_error *error)
{
    if (aggregation->currency_count == AGGREGATION_CURRENCIES_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %d currencies: ask for one", AGGREGATION_CURRENCIES_MAX);
    aggregation->currencies[aggregation->currency_count++] =
        ev_arena_copy(aggregation->query->arena, ev_json_str(aggregation_key(bucket, "currency")));
    return 0;
}

static const char *const aggregation_lines_path[] = {"lines", "rows", NULL};
static const char *const aggregation_priced_lines_path[] = {"lines", "priced", "rows", NULL};
static const struct aggregation_pass aggregation_line_passes[] = {
    {.append = aggregation_append_currencies, .take = aggregation_take_currency, .path = aggregation_documents_path},
    {.append = aggregation_append_lines,
     .take = aggregation_take_lines,
     .path = aggregation_lines_path,
     .kind = ORDER_KIND_ORDER,
     .by_currency = true},
    {.append = aggregation_append_line_orders,
     .take = aggregation_take_line_orders,
     .path = aggregation_priced_lines_path,
     .kind = ORDER_KIND_ORDER,
     .by_currency = true},
    {.append = aggregation_append_lines,
     .take = aggregation_take_lines,
     .path = aggregation_lines_path,
     .kind = ORDER_KIND_RETURN,
     .by_currency = true},
};

/* --- the walk --- */

static void aggregation_finish(struct aggregation *aggregation)
{
    elastic_request_finish(&aggregation->request);
    ev_buffer_finish(&aggregation->body);
    ev_buffer_finish(&aggregation->after);
    ev_arena_finish(&aggregation->answer);
}

static void aggregation_fail(struct aggregation *aggregation, const struct ev_error *error)
{
    struct ev_error copy = *error;
    sales_report_finish(&aggregation->report);
    aggregation_finish(aggregation);
    query_reply_fault(aggregation->query, &copy);
}

/* True when there is a pass that still has something to read. */
static bool aggregation_next_pass(struct aggregation *aggregation)
{
    ev_buffer_clear(&aggregation->after);
    if (aggregation_current(aggregation)->by_currency && aggregation->currency + 1 < aggregation->currency_count) {
        aggregation->currency++;
        return true;
    }
    aggregation->currency = 0;
    aggregation->pass++;
    return aggregation->pass < aggregation->pass_count &&
           (!aggregation_current(aggregation)->by_currency || aggregation->currency_count > 0);
}

static int aggregation_take_page(struct aggregation *aggregation, yyjson_val *root, bool *ret_more,
                                 struct ev_error *error)
{
    const struct aggregation_pass *pass = aggregation_current(aggregation);
    yyjson_val *rows = yyjson_obj_get(root, "aggregations"), *bucket;
    size_t index, count = 0;
    for (const char *const *name = pass->path; *name; name++)
        rows = yyjson_obj_get(rows, *name);
    yyjson_arr_foreach (yyjson_obj_get(rows, "buckets"), index, count, bucket) {
        int fault = pass->take(aggregation, bucket, error);
        if (fault)
            return fault;
    }
    yyjson_val *after = yyjson_obj_get(rows, "after_key");
    *ret_more = count == AGGREGATION_PAGE && after;
    ev_buffer_clear(&aggregation->after);
    if (*ret_more) {
        size_t length;
        _cleanup_free_ char *text = yyjson_val_write(after, YYJSON_WRITE_NOFLAG, &length);
        ev_buffer_append(&aggregation->after, text, text ? length : 0);
    }
    return 0;
}

static void aggregation_done(struct elastic_request *request)
{
    struct aggregation *aggregation = request->context;
    struct ev_error error = {0};
    yyjson_val *root;
    bool more = false;
    ev_arena_reset(&aggregation->answer);
    int fault = elastic_answer(aggregation->query->api->elastic, request, &aggregation->answer, &root, &error);
    if (!fault)
        aggregation_take_parked(aggregation, root);
    if (!fault)
        fault = aggregation_take_page(aggregation, root, &more, &error);
    if (fault) {
        aggregation_fail(aggregation, &error);
    } else if (more || aggregation_next_pass(aggregation)) {
        aggregation_ask(aggregation);
    } else {
        aggregation_finish(aggregation);
        report_reply(aggregation->query, &aggregation->report, aggregation->parked_at_ms);
    }
}

/* From the loop for the first page, from Elasticsearch's thread for the others. */
static void aggregation_ask(struct aggregation *aggregation)
{
    struct elastic_request *request = &aggregation->request;
    struct ev_error error = {0};
    if (++aggregation->pages > AGGREGATION_PAGES_MAX) {
        ev_error_set(&error, EV_ERR_LIMIT, "the report is too large: ask for fewer days");
        aggregation_fail(aggregation, &error);
        return;
    }
    elastic_request_finish(request);
    ev_buffer_clear(&aggregation->body);
    json_text_append(&aggregation->body, "{");
    aggregation_append_filter(aggregation, &aggregation->body);
    json_text_append(&aggregation->body, ",'aggs':{");
    aggregation_append_parked(aggregation, &aggregation->body);
    aggregation_current(aggregation)->append(aggregation, &aggregation->body);
    json_text_append(&aggregation->body, "}}");
    *request = (struct elastic_request){.method = "POST",
                                        .body = ev_buffer_str(&aggregation->body),
                                        .timeout_ms = ELASTIC_QUERY_TIMEOUT_MS,
                                        .done = aggregation_done,
                                        .context = aggregation};
    snprintf(request->path, sizeof(request->path), "/%s/_search", aggregation->query->view.target);
    if (elastic_submit(aggregation->query->api->elastic, request) != 0)
        aggregation_fail(aggregation, &request->error);
}

static void aggregation_start(struct query *query)
{
    struct aggregation *aggregation = ev_arena_new(query->arena, struct aggregation);
    enum sales_group_by by = report_group_by(query);
    aggregation->query = query;
    sales_report_init(&aggregation->report, by, query->arena);
    ev_arena_init(&aggregation->answer, 0);
    if (by == SALES_BY_SKU) {
        aggregation->passes = aggregation_line_passes;
        aggregation->pass_count = sizeof(aggregation_line_passes) / sizeof(aggregation_line_passes[0]);
    } else {
        aggregation->passes = aggregation_document_passes;
        aggregation->pass_count = 1;
    }
    aggregation_ask(aggregation);
}

const struct query_resource report_sales_search_resource = {
    .path = "/v1/reports/sales/search",
    .name = "SearchSales",
    .summary = "the sales report added up from the orders themselves; cancellations and returns on the order's day",
    .store = QUERY_STORE_ELASTICSEARCH,
    .view = QUERY_VIEW_ORDERS,
    .params = report_params,
    .param_count = REPORT_PARAMS,
    .check = report_check,
    .search = aggregation_start,
};
