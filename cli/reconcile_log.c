#include "avro/commit.h"
#include "cli/log_source.h"
#include "cli/reconcile.h"
#include "cli/retail.h"
#include "gen/adjustment.h"
#include "gen/order.h"
#include "gen/returns.h"
#include "gen/stock.h"
#include "gen/topics.h"

struct reading {
    const struct reconcile_month *month;
    struct figures *figures;
};

static bool is_in_month(const struct reading *reading, int64_t at_ms)
{
    return at_ms >= reading->month->from_ms && at_ms < reading->month->until_ms;
}

static void add_order(struct reading *reading, const struct order_placed *order)
{
    if (!is_in_month(reading, order->placed_at))
        return;
    figures_begin(reading->figures, FIGURES_ORDER, order->order_id, order->customer_id);
    for (size_t i = 0; i < order->lines.count; i++) {
        const struct order_line *line = &order->lines.items[i];
        figures_line(reading->figures, line->sku, order->country, line->quantity, line->unit_price);
    }
    figures_end(reading->figures);
}

static void add_return(struct reading *reading, const struct return_recorded *returned)
{
    if (!is_in_month(reading, returned->returned_at))
        return;
    figures_begin(reading->figures, FIGURES_RETURN, returned->return_id, returned->customer_id);
    for (size_t i = 0; i < returned->lines.count; i++) {
        const struct order_line *line = &returned->lines.items[i];
        figures_line(reading->figures, line->sku, returned->country, line->quantity, line->unit_price);
    }
    figures_end(reading->figures);
}

static void add_bad_debt(struct reading *reading, const struct bad_debt_adjusted *adjusted)
{
    if (!is_in_month(reading, adjusted->adjusted_at))
        return;
    figures_begin(reading->figures, FIGURES_BAD_DEBT, adjusted->adjustment_id, adjusted->customer_id);
    figures_line(reading->figures, EV_STR("B"), adjusted->country, 1, adjusted->amount);
    figures_end(reading->figures);
}

static void add_correction(struct reading *reading, const struct stock_adjusted *adjusted)
{
    if (!is_in_month(reading, adjusted->adjusted_at))
        return;
    figures_begin(reading->figures, FIGURES_CORRECTION, adjusted->reference, EV_STR_NULL);
    figures_line(reading->figures, adjusted->sku, EV_STR(""), adjusted->delta, 0);
    figures_end(reading->figures);
}

static int add_record(void *context, const struct ev_log_record *record)
{
    struct reading *reading = context;
    for (size_t i = 0; i < record->commit.event_count; i++) {
        const struct ev_event *event = &record->commit.events[i];
        if (event->type == &order_placed_event)
            add_order(reading, event->body);
        else if (event->type == &return_recorded_event)
            add_return(reading, event->body);
        else if (event->type == &bad_debt_adjusted_event)
            add_bad_debt(reading, event->body);
        else if (event->type == &stock_adjusted_event)
            add_correction(reading, event->body);
    }
    return 0;
}

static int read_topic(const struct ev_config *config, const struct ev_topic_schema *topic, struct reading *reading,
                      struct ev_error *error)
{
    struct log_source source;
    int result = log_source_open(config, topic, LOG_SOURCE_FROM_START, false, &source, error);
    if (result < 0)
        return result;
    result = log_source_scan(&source, -1, add_record, reading, error);
    log_source_close(&source);
    return result;
}

/* Invoices of the month's file that are no command, so that the log can't have them: added as the corrections that they
 * are. */
static int add_what_is_no_command(const char *folder, struct reading *reading, struct ev_arena *arena,
                                  struct ev_error *error)
{
    struct ev_str path = ev_arena_printf(arena, "%s/%s.csv.gz", folder, reading->month->name);
    struct retail_file file;
    int result = retail_file_read(path.data, &file, error);
    for (size_t i = 0; result == 0 && i < file.invoices.count; i++) {
        const struct retail_invoice *invoice = file.invoices.items[i];
        if (invoice->kind < RETAIL_FIRST_REASON)
            continue;
        figures_begin(reading->figures, FIGURES_CORRECTION, invoice->number, invoice->customer);
        for (size_t j = 0; j < invoice->rows.count; j++)
            figures_line(reading->figures, invoice->rows.items[j].sku, invoice->country,
                         invoice->rows.items[j].quantity, 0);
        figures_end(reading->figures);
    }
    retail_file_finish(&file);
    return result;
}

int reconcile_log(const struct ev_config *config, const struct reconcile_month *month, struct ev_arena *arena,
                  struct figure_set *ret, struct ev_error *error)
{
    struct reading reading = {month, figures_create()};
    int result = read_topic(config, &order_topic, &reading, error);
    if (result == 0)
        result = read_topic(config, &product_topic, &reading, error);
    if (result == 0 && ev_config_string(config, "retail-dir"))
        result = add_what_is_no_command(ev_config_string(config, "retail-dir"), &reading, arena, error);
    if (result == 0)
        result = figures_finish(reading.figures, arena, ret, error);
    figures_destroy(reading.figures);
    return result;
}
