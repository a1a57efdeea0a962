#include "report.h"

#include <stdio.h>

const struct param report_params[REPORT_PARAMS] = {
    [REPORT_FROM] = {.name = "from", .kind = PARAM_DATE, .required = true},
    [REPORT_TO] = {.name = "to", .kind = PARAM_DATE, .required = true},
    [REPORT_GROUP] = {.name = "group", .kind = PARAM_SYMBOL, .symbols = &sales_group_by_enum, .required = true},
    [REPORT_COUNTRY] = {.name = "country", .kind = PARAM_TEXT, .min = 1, .max = 64},
    [REPORT_CURRENCY] = {.name = "currency", .kind = PARAM_TEXT, .min = 3, .max = 3},
    [REPORT_LIMIT] = {.name = "limit", .kind = PARAM_INT, .min = 1, .max = REPORT_LIMIT_MAX, .paging = true},
    [REPORT_CURSOR] = {.name = "cursor", .kind = PARAM_CURSOR, .paging = true},
};

enum sales_group_by report_group_by(const struct query *query)
{
    return (enum sales_group_by)query->params[REPORT_GROUP].number;
}

bool report_check(struct query *query)
{
    struct ev_error error = {0};
    int64_t value;
    if (params_check_days(&query->params[REPORT_FROM], &query->params[REPORT_TO], &error) != 0) {
        query_reply_parameter(query, "to", error.message);
        return false;
    }
    if (query->cursor.part_count == 0 ||
        (query->cursor.part_count == 3 && ev_str_to_int64(query->cursor.parts[0], &value)))
        return true;
    query_reply_parameter(query, "cursor", "is no cursor of this report");
    return false;
}

static int report_cursor(const struct query *query, const struct sales_row *last, struct ev_str *ret,
                         struct ev_error *error)
{
    char value[32];
    snprintf(value, sizeof(value), "%lld", (long long)last->figures.value);
    const struct ev_str parts[] = {ev_str_of(value), last->key, last->currency};
    return query_next_cursor(query, parts, 3, ret, error);
}

void report_reply(struct query *query, struct sales_report *report, int64_t parked_at_ms)
{
    struct query_answer answer = QUERY_ANSWER_NONE;
    struct ev_buffer body = {0};
    struct ev_json_writer writer;
    struct ev_error error = {0};
    const struct cursor *cursor = &query->cursor;
    int64_t value = 0;
    size_t first = 0, limit = (size_t)query_limit(query, REPORT_LIMIT, REPORT_LIMIT_DEFAULT);
    sales_report_sort(report);
    if (cursor->part_count) {
        ev_str_to_int64(cursor->parts[0], &value); /* report_check has looked */
        first = sales_report_find(report, value, cursor->parts[1], cursor->parts[2]);
    }
    size_t end = report->rows.count - first > limit ? first + limit : report->rows.count;
    if (end < report->rows.count &&
        report_cursor(query, report->rows.items[end - 1], &answer.next_cursor, &error) != 0) {
        sales_report_finish(report);
        query_reply_fault(query, &error);
        return;
    }

    ev_json_init(&writer, &body);
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "from", query->params[REPORT_FROM].text);
    ev_json_kv_string(&writer, "to", query->params[REPORT_TO].text);
    ev_json_kv_string(&writer, "group", query->params[REPORT_GROUP].text);
    ev_json_kv_int64(&writer, "row_count", (int64_t)report->rows.count);
    ev_json_key(&writer, EV_STR("totals"));
    sales_report_print_totals(report, report->by == SALES_BY_SKU ? SALES_IN_SKU_TOTAL : SALES_IN_DAYS, &writer);
    ev_json_key(&writer, EV_STR("rows"));
    ev_json_array_begin(&writer);
    for (size_t i = first; i < end; i++)
        sales_report_print_row(report, report->rows.items[i], &writer);
    ev_json_array_end(&writer);
    query_write_next_cursor(&writer, answer.next_cursor);
    ev_json_object_end(&writer);
    sales_report_finish(report);
    answer.body = &body;
    answer.parked_at_ms = parked_at_ms;
    query_reply(query, &answer);
}
