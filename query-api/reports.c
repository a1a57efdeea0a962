/* GET /v1/reports/sales: the partial documents of sales_daily in MongoDB, merged. */
#include "gen/views.h"

#include <string.h>

#include "core/timestamp.h"
#include "document.h"
#include "report.h"
#include "resources.h"

#define REPORT_DOCUMENTS_MAX 500000 /* partials that one report reads */

struct report_read {
    struct query *query;
    struct sales_report report;
    struct ev_arena scratch; /* of one document */
    size_t documents;
    int64_t parked_at_ms; /* since when the first of them goes no further; 0: all do */
};

static struct sales_figures report_figures_of_document(const struct sales_daily_document *document)
{
    return (struct sales_figures){
#define X(name, format, where) .name = document->name,
        SALES_FIGURES(X)
#undef X
    };
}

static struct sales_figures report_figures_of_item(const struct sold_item *item)
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

static int report_add_items(struct sales_report *report, const struct sales_daily_document *document,
                            struct ev_error *error)
{
    for (size_t i = 0; i < document->items.count; i++) {
        struct sales_figures figures = report_figures_of_item(&document->items.items[i]);
        int fault = sales_report_add(report, document->items.items[i].sku, document->currency, &figures, error);
        if (fault)
            return fault;
    }
    return 0;
}

static int report_add_document(struct sales_report *report, const struct sales_daily_document *document,
                               struct ev_error *error)
{
    char day[EV_DATE_TEXT_MAX];
    struct ev_str key = document->country;
    struct sales_figures figures = report_figures_of_document(document);
    if (report->by == SALES_BY_SKU)
        return report_add_items(report, document, error);
    if (report->by == SALES_BY_DAY)
        key = (struct ev_str){day, ev_date_format(document->day, day)};
    return sales_report_add(report, key, document->currency, &figures, error);
}

static int report_take(void *context, const bson_t *bson, struct ev_error *error)
{
    struct report_read *read = context;
    struct sales_daily_document document;
    struct document_meta meta;
    if (++read->documents > REPORT_DOCUMENTS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "the report reads more than %d documents: ask for fewer days",
                            REPORT_DOCUMENTS_MAX);
    ev_arena_reset(&read->scratch);
    int fault = document_from_bson(&sales_daily_document_record, bson, &read->scratch, &document, &meta, error);
    if (fault || meta.deleted)
        return fault;
    read->parked_at_ms = document_first_parked(read->parked_at_ms, meta.parked_at_ms);
    return report_add_document(&read->report, &document, error);
}

static void report_filter(const struct query *query, bson_t *filter)
{
    const struct param_value *params = query->params;
    bson_t range;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "day", &range);
    BSON_APPEND_INT64(&range, "$gte", params[REPORT_FROM].number);
    BSON_APPEND_INT64(&range, "$lte", params[REPORT_TO].number);
    bson_append_document_end(filter, &range);
    if (params[REPORT_COUNTRY].present)
        bson_append_utf8(filter, "country", -1, params[REPORT_COUNTRY].text.data,
                         (int)params[REPORT_COUNTRY].text.length);
    if (params[REPORT_CURRENCY].present)
        bson_append_utf8(filter, "currency", -1, params[REPORT_CURRENCY].text.data,
                         (int)params[REPORT_CURRENCY].text.length);
}

/* The items are most of a document and only needed by SKU. */
static void report_options(enum sales_group_by by, bson_t *options)
{
    bson_t fields;
    if (by == SALES_BY_SKU)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(options, "projection", &fields);
    BSON_APPEND_INT32(&fields, "items", 0);
    bson_append_document_end(options, &fields);
}

static void report_read(struct query *query, struct mongo_session *session)
{
    struct report_read read = {.query = query};
    struct ev_error error = {0};
    bson_t filter = BSON_INITIALIZER, options = BSON_INITIALIZER;
    sales_report_init(&read.report, report_group_by(query), query->arena);
    ev_arena_init(&read.scratch, 0);
    report_filter(query, &filter);
    report_options(read.report.by, &options);
    int fault = mongo_find_each(session, query->view.target, &filter, &options, report_take, &read, &error);
    bson_destroy(&filter);
    bson_destroy(&options);
    ev_arena_finish(&read.scratch);
    if (!fault) {
        report_reply(query, &read.report, read.parked_at_ms);
        return;
    }
    sales_report_finish(&read.report);
    query_reply_fault(query, &error);
}

const struct query_resource report_sales_resource = {
    .path = "/v1/reports/sales",
    .name = "ReportSales",
    .summary = "sales by day, country or SKU, each event on its own day",
    .store = QUERY_STORE_MONGODB,
    .view = QUERY_VIEW_SALES_DAILY,
    .params = report_params,
    .param_count = REPORT_PARAMS,
    .check = report_check,
    .read = report_read,
};
