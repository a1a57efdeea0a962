/* GET /v1/customers/{customer_id}: the partial documents of all partitions, merged. */
#include "gen/views.h"

#include <string.h>

#include "core/timestamp.h"
#include "document.h"
#include "report.h"
#include "resources.h"

enum { CUSTOMER_LIMIT };
static const struct param customer_params[] = {
    [CUSTOMER_LIMIT] = {.name = "limit", .kind = PARAM_INT, .min = 1, .max = QUERY_LIST_LIMIT_MAX, .paging = true},
};

/* What was bought by SKU, in a sales report; the totals, which are more than its sums, as the totals of another. */
struct customer {
    struct query *query;
    struct sales_report items, totals;
    struct ev_optional_long first, last;
    struct ev_str country; /* of the last order */
    size_t documents;
    int64_t parked_at_ms; /* since when the first of them goes no further; 0: all do */
};

static struct sales_figures customer_figures_of_document(const struct customers_document *document)
{
    return (struct sales_figures){
        .orders = document->orders,
        .units = document->units,
        .free_units = document->free_units,
        .value = document->value,
        .cancellations = document->cancellations,
        .cancelled_units = document->cancelled_units,
        .cancelled_value = document->cancelled_value,
        .returns = document->returns,
        .returned_units = document->returned_units,
        .returned_value = document->returned_value,
    };
}

static struct sales_figures customer_figures_of_item(const struct sold_item *item)
{
    return (struct sales_figures){
        .orders = item->orders,
        .units = item->units,
        .free_units = item->free_units,
        .value = item->value,
        .cancelled_units = item->cancelled_units,
        .cancelled_value = item->cancelled_value,
        .returned_units = item->returned_units,
        .returned_value = item->returned_value,
    };
}

static void customer_merge_times(struct customer *customer, const struct customers_document *document)
{
    if (document->first_order_at.present &&
        (!customer->first.present || document->first_order_at.value < customer->first.value))
        customer->first = document->first_order_at;
    bool newest = document->last_order_at.present &&
                  (!customer->last.present || document->last_order_at.value > customer->last.value);
    if (newest)
        customer->last = document->last_order_at;
    if (newest || !customer->country.data)
        customer->country = document->country;
}

static int customer_take(void *context, const bson_t *bson, struct ev_error *error)
{
    struct customer *customer = context;
    struct customers_document document;
    struct document_meta meta;
    int fault = document_from_bson(&customers_document_record, bson, customer->query->arena, &document, &meta, error);
    if (fault || meta.deleted)
        return fault;
    customer->documents++;
    customer->parked_at_ms = document_first_parked(customer->parked_at_ms, meta.parked_at_ms);
    customer_merge_times(customer, &document);
    struct sales_figures figures = customer_figures_of_document(&document);
    fault = sales_report_add(&customer->totals, EV_STR(""), document.currency, &figures, error);
    for (size_t i = 0; i < document.items.count && !fault; i++) {
        figures = customer_figures_of_item(&document.items.items[i]);
        fault = sales_report_add(&customer->items, document.items.items[i].sku, document.currency, &figures, error);
    }
    return fault;
}

static void customer_print_time(struct ev_json_writer *writer, const char *key, const struct ev_optional_long *at)
{
    char text[EV_TIMESTAMP_TEXT_MAX];
    ev_json_key(writer, ev_str_of(key));
    if (at->present)
        ev_json_string(writer, (struct ev_str){text, ev_timestamp_format(at->value, text)});
    else
        ev_json_null(writer);
}

static void customer_reply(struct query *query, struct customer *customer)
{
    struct query_answer answer = QUERY_ANSWER_NONE;
    struct ev_buffer body = {0};
    struct ev_json_writer writer;
    size_t limit = (size_t)query_limit(query, CUSTOMER_LIMIT, QUERY_LIST_LIMIT_DEFAULT);
    sales_report_sort(&customer->items);
    ev_json_init(&writer, &body);
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "customer_id", query_path_value(query, "customer_id"));
    ev_json_kv_string(&writer, "country", customer->country);
    customer_print_time(&writer, "first_order_at", &customer->first);
    customer_print_time(&writer, "last_order_at", &customer->last);
    ev_json_key(&writer, EV_STR("totals"));
    sales_report_print_totals(&customer->totals, SALES_IN_CUSTOMER, &writer);
    ev_json_kv_int64(&writer, "item_count", (int64_t)customer->items.rows.count);
    ev_json_key(&writer, EV_STR("items"));
    ev_json_array_begin(&writer);
    for (size_t i = 0; i < customer->items.rows.count && i < limit; i++)
        sales_report_print_row(&customer->items, customer->items.rows.items[i], &writer);
    ev_json_array_end(&writer);
    ev_json_object_end(&writer);
    answer.body = &body;
    answer.parked_at_ms = customer->parked_at_ms;
    query_reply(query, &answer);
}

static void customer_read(struct query *query, struct mongo_session *session)
{
    struct customer customer = {.query = query};
    struct ev_error error = {0};
    struct ev_str id = query_path_value(query, "customer_id");
    bson_t filter = BSON_INITIALIZER;
    sales_report_init(&customer.items, SALES_BY_SKU, query->arena);
    sales_report_init(&customer.totals, SALES_BY_COUNTRY, query->arena);
    bson_append_utf8(&filter, "customer_id", -1, id.data, (int)id.length);
    int fault = mongo_find_each(session, query->view.target, &filter, NULL, customer_take, &customer, &error);
    bson_destroy(&filter);
    sales_report_finish(&customer.items);
    sales_report_finish(&customer.totals);
    if (fault)
        query_reply_fault(query, &error);
    else if (customer.documents == 0)
        query_reply_not_found(query, "customer", id);
    else
        customer_reply(query, &customer);
}

const struct query_resource customer_get_resource = {
    .path = "/v1/customers/{customer_id}",
    .name = "GetCustomer",
    .summary = "what a customer bought: totals, and the items of the highest value",
    .store = QUERY_STORE_MONGODB,
    .view = QUERY_VIEW_CUSTOMERS,
    .params = customer_params,
    .param_count = sizeof(customer_params) / sizeof(customer_params[0]),
    .read = customer_read,
};
