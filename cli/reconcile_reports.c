/* Figures from the query API's sales reports. The same report comes from MongoDB's partial sums and from
 * Elasticsearch's aggregations. */
#include <string.h>

#include "cli/http.h"
#include "cli/reconcile.h"
#include "cli/retail.h"

#define REPORT_TIMEOUT_MS 30000
#define PAGE_ROWS 1000
#define PAGES_MAX 1000

struct report {
    const struct ev_config *config;
    const struct reconcile_month *month;
    const char *path; /* "/v1/reports/sales" */
    struct ev_arena *arena;
};

/* One page of a report, parsed. `cursor` null: the first. */
static int ask_page(const struct report *report, const char *group, struct ev_str cursor, yyjson_val **ret,
                    struct ev_error *error)
{
    struct ev_buffer answer, url;
    int status = 0;
    ev_buffer_init(&answer);
    ev_buffer_init(&url);
    ev_buffer_printf(&url, "%s%s?from=%s&to=%s&group=%s&currency=%s&limit=%d",
                     ev_config_string(report->config, "query-url"), report->path, report->month->first_day,
                     report->month->last_day, group, RETAIL_CURRENCY, PAGE_ROWS);
    if (cursor.data)
        ev_buffer_printf(&url, "&cursor=%.*s", EV_STR_ARG(cursor));
    ev_buffer_append(&url, "", 1);
    const struct http_request request = {.method = "GET", .url = url.data, .timeout_ms = REPORT_TIMEOUT_MS};
    int result = http_ask(&request, &status, &answer, error);
    struct ev_str text = ev_arena_copy(report->arena, ev_buffer_str(&answer));
    if (result == 0 && status != 200)
        result = ev_error_set(error, EV_ERR_UNAVAILABLE, "%s: %d %.*s", url.data, status, EV_STR_ARG(text));
    if (result == 0)
        result = ev_json_parse(text, report->arena, ret, error);
    ev_buffer_finish(&answer);
    ev_buffer_finish(&url);
    return result;
}

static struct ev_str string_of(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    return yyjson_is_str(value) ? (struct ev_str){yyjson_get_str(value), yyjson_get_len(value)} : EV_STR_NULL;
}

/* The member of the rows that the ranking is of: money as text, or a number. */
static bool rank_row(struct figures_ranking *ranking, yyjson_val *row, const char *group, const char *member)
{
    int64_t number = yyjson_get_sint(yyjson_obj_get(row, member));
    struct ev_str money = string_of(row, member);
    if (money.data && !ev_money_parse(money, &number))
        return false;
    return number == 0 || figures_ranking_add(ranking, string_of(row, group), number);
}

/* Ranks all rows of the report grouped by `group`; the first page's totals are handed out. */
static int rank_report(const struct report *report, const char *group, const char *member,
                       struct figures_ranking *ranking, yyjson_val **ret_totals, struct ev_error *error)
{
    struct ev_str cursor = EV_STR_NULL;
    for (int page_number = 0; page_number < PAGES_MAX; page_number++) {
        yyjson_val *page = NULL, *row;
        size_t index, count;
        int result = ask_page(report, group, cursor, &page, error);
        if (result < 0)
            return result;
        if (page_number == 0)
            *ret_totals = yyjson_arr_get_first(yyjson_obj_get(page, "totals"));
        yyjson_arr_foreach (yyjson_obj_get(page, "rows"), index, count, row) {
            if (!rank_row(ranking, row, group, member))
                return ev_error_set(error, EV_ERR_INVALID, "%s: a row's %s can't be read", report->path, member);
        }
        cursor = string_of(page, "next_cursor");
        if (!cursor.data)
            return 0;
    }
    return ev_error_set(error, EV_ERR_LIMIT, "%s has more than %d pages", report->path, PAGES_MAX);
}

static struct ev_str number_text(struct ev_arena *arena, yyjson_val *totals, const char *member, int sign)
{
    return ev_arena_printf(arena, "%lld", (long long)(sign * yyjson_get_sint(yyjson_obj_get(totals, member))));
}

static struct ev_str money_text(struct ev_arena *arena, yyjson_val *totals, const char *member, int sign)
{
    int64_t amount = 0;
    char text[EV_MONEY_TEXT_MAX];
    ev_money_parse(string_of(totals, member), &amount);
    ev_money_format(sign * amount, text);
    return ev_arena_copy(arena, ev_str_of(text));
}

static void take_totals(struct ev_arena *arena, yyjson_val *totals, struct figure_set *ret)
{
    ret->values[FIGURE_SALE_INVOICES] = number_text(arena, totals, "orders", 1);
    ret->values[FIGURE_SALE_UNITS] = number_text(arena, totals, "units", 1);
    ret->values[FIGURE_SALE_VALUE] = money_text(arena, totals, "value", 1);
    ret->values[FIGURE_CANCELLATION_INVOICES] = number_text(arena, totals, "returns", 1);
    ret->values[FIGURE_CANCELLED_UNITS] = number_text(arena, totals, "returned_units", -1);
    ret->values[FIGURE_CANCELLED_VALUE] = money_text(arena, totals, "returned_value", -1);
    ret->values[FIGURE_ADJUSTMENT_ROWS] = number_text(arena, totals, "bad_debts", 1);
}

static int add_up(const struct report *report, struct figure_set *ret, struct ev_error *error)
{
    yyjson_val *totals = NULL, *sku_totals = NULL;
    struct figures_ranking *countries = figures_ranking_create(), *skus = figures_ranking_create();
    int result = rank_report(report, "country", "value", countries, &totals, error);
    if (result == 0)
        result = rank_report(report, "sku", "units", skus, &sku_totals, error);
    if (result == 0) {
        take_totals(report->arena, totals, ret);
        ret->values[FIGURE_TOP_COUNTRIES] = figures_ranking_text(countries, FIGURES_TOP_COUNTRIES, true, report->arena);
        ret->values[FIGURE_TOP_SKUS] = figures_ranking_text(skus, FIGURES_TOP_SKUS, false, report->arena);
    }
    figures_ranking_destroy(countries);
    figures_ranking_destroy(skus);
    return result;
}

int reconcile_mongo_reports(const struct ev_config *config, const struct reconcile_month *month, struct ev_arena *arena,
                            struct figure_set *ret, struct ev_error *error)
{
    const struct report report = {config, month, "/v1/reports/sales", arena};
    return add_up(&report, ret, error);
}

int reconcile_elasticsearch(const struct ev_config *config, const struct reconcile_month *month, struct ev_arena *arena,
                            struct figure_set *ret, struct ev_error *error)
{
    const struct report report = {config, month, "/v1/reports/sales/search", arena};
    return add_up(&report, ret, error);
}
