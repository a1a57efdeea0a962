#include "sales.h"

#include <stdlib.h>

#include "avro/record.h"
#include "core/money.h"

static const char *const sales_group_by_names[] = {
    [SALES_BY_DAY] = "day", [SALES_BY_COUNTRY] = "country", [SALES_BY_SKU] = "sku"};
const struct ev_enum sales_group_by_enum = {.name = "group", .count = 3, .symbols = sales_group_by_names};

struct sales_figure {
    const char *name;
    size_t offset;
    enum sales_format format;
    unsigned where; /* enum sales_where, or-ed */
};
static const struct sales_figure sales_figure_table[] = {
#define X(figure, form, shown)                                                                                         \
    {.name = #figure, .offset = offsetof(struct sales_figures, figure), .format = SALES_##form, .where = (shown)},
    SALES_FIGURES(X)
#undef X
};
#define SALES_FIGURE_COUNT (sizeof(sales_figure_table) / sizeof(sales_figure_table[0]))

static int64_t sales_figure_get(const struct sales_figures *figures, const struct sales_figure *figure)
{
    return *(const int64_t *)(const void *)((const char *)figures + figure->offset);
}

int sales_figures_add(struct sales_figures *to, const struct sales_figures *more, struct ev_error *error)
{
#define X(name, format, where)                                                                                         \
    if (!ev_money_add(to->name, more->name, &to->name))                                                                \
        return ev_error_set(error, EV_ERR_LIMIT, "the sum of %s is beyond 64 bits", #name);
    SALES_FIGURES(X)
#undef X
    return 0;
}

void sales_report_init(struct sales_report *report, enum sales_group_by by, struct ev_arena *arena)
{
    *report = (struct sales_report){.by = by, .arena = arena};
    ev_map_init(&report->index);
}

void sales_report_finish(struct sales_report *report)
{
    ev_map_finish(&report->index);
}

static struct sales_row *sales_report_row(struct sales_report *report, struct ev_str key, struct ev_str currency)
{
    struct ev_str name = ev_arena_printf(report->arena, "%.*s\n%.*s", EV_STR_ARG(key), EV_STR_ARG(currency));
    struct sales_row *row = ev_map_get(&report->index, name);
    if (row || report->rows.count == SALES_ROWS_MAX)
        return row;
    row = ev_arena_new(report->arena, struct sales_row);
    row->key = ev_arena_copy(report->arena, key);
    row->currency = ev_arena_copy(report->arena, currency);
    ev_map_put(&report->index, name, row);
    *ev_array_push(report->arena, &report->rows) = row;
    return row;
}

static struct sales_row *sales_report_total(struct sales_report *report, struct ev_str currency)
{
    for (size_t i = 0; i < report->totals.count; i++)
        if (ev_str_equal(report->totals.items[i].currency, currency))
            return &report->totals.items[i];
    struct sales_row *total = ev_array_push(report->arena, &report->totals);
    total->currency = ev_arena_copy(report->arena, currency);
    return total;
}

int sales_report_add(struct sales_report *report, struct ev_str key, struct ev_str currency,
                     const struct sales_figures *figures, struct ev_error *error)
{
    struct sales_row *row = sales_report_row(report, key, currency);
    if (!row)
        return ev_error_set(error, EV_ERR_LIMIT, "the report has more than %d rows: ask for fewer days",
                            SALES_ROWS_MAX);
    int fault = sales_figures_add(&row->figures, figures, error);
    if (fault)
        return fault;
    return sales_figures_add(&sales_report_total(report, currency)->figures, figures, error);
}

/* --- order --- */

static int sales_compare(enum sales_group_by by, int64_t value_a, struct ev_str key_a, struct ev_str currency_a,
                         const struct sales_row *b)
{
    if (by != SALES_BY_DAY && value_a != b->figures.value)
        return value_a > b->figures.value ? -1 : 1;
    int order = ev_str_compare(key_a, b->key);
    return order ? order : ev_str_compare(currency_a, b->currency);
}

static int sales_compare_rows(const void *a, const void *b, void *by)
{
    const struct sales_row *row = *(const struct sales_row *const *)a;
    return sales_compare(*(enum sales_group_by *)by, row->figures.value, row->key, row->currency,
                         *(const struct sales_row *const *)b);
}

void sales_report_sort(struct sales_report *report)
{
    if (report->rows.count > 1)
        qsort_r(report->rows.items, report->rows.count, sizeof(report->rows.items[0]), sales_compare_rows, &report->by);
}

size_t sales_report_find(const struct sales_report *report, int64_t value, struct ev_str key, struct ev_str currency)
{
    size_t low = 0, high = report->rows.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sales_compare(report->by, value, key, currency, report->rows.items[middle]) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* --- printing --- */

void sales_figures_print(const struct sales_figures *figures, enum sales_where where, struct ev_json_writer *writer)
{
    char text[EV_MONEY_TEXT_MAX];
    for (size_t i = 0; i < SALES_FIGURE_COUNT; i++) {
        const struct sales_figure *figure = &sales_figure_table[i];
        if (!(figure->where & (unsigned)where))
            continue;
        int64_t value = sales_figure_get(figures, figure);
        if (figure->format == SALES_COUNT) {
            ev_json_kv_int64(writer, figure->name, value);
        } else {
            size_t length = ev_money_format(value, text);
            ev_json_kv_string(writer, figure->name, (struct ev_str){text, length});
        }
    }
}

void sales_report_print_row(const struct sales_report *report, const struct sales_row *row,
                            struct ev_json_writer *writer)
{
    ev_json_object_begin(writer);
    ev_json_kv_string(writer, sales_group_by_names[report->by], row->key);
    ev_json_kv_string(writer, "currency", row->currency);
    sales_figures_print(&row->figures, report->by == SALES_BY_SKU ? SALES_IN_SKU : SALES_IN_DAYS, writer);
    ev_json_object_end(writer);
}

static int sales_compare_totals(const void *a, const void *b)
{
    return ev_str_compare(((const struct sales_row *)a)->currency, ((const struct sales_row *)b)->currency);
}

void sales_report_print_totals(struct sales_report *report, enum sales_where where, struct ev_json_writer *writer)
{
    if (report->totals.count > 1)
        qsort(report->totals.items, report->totals.count, sizeof(report->totals.items[0]), sales_compare_totals);
    ev_json_array_begin(writer);
    for (size_t i = 0; i < report->totals.count; i++) {
        ev_json_object_begin(writer);
        ev_json_kv_string(writer, "currency", report->totals.items[i].currency);
        sales_figures_print(&report->totals.items[i].figures, where, writer);
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
}
