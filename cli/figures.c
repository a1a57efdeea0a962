#include "cli/figures.h"

#include <stdlib.h>
#include <string.h>

struct figures {
    enum figures_kind kind; /* of the document that is open */
    struct ev_str id;
    int64_t lines;
    bool priced, guest;
    int64_t rows, documents, sale_invoices, sale_units, sale_value, returns, returned_units, returned_value, bad_debts,
        other_rows, guests;
    struct figures_ranking *skus, *countries, *customers, *stock_codes;
    struct ev_buffer longest_id;
    int64_t longest_lines;
    bool overflow;
};

const char *figure_name(enum figure figure)
{
    static const char *const names[] = {
#define X(name, text) text,
        FIGURES(X)
#undef X
    };
    return names[figure];
}

struct figures *figures_create(void)
{
    struct figures *figures = calloc(1, sizeof(*figures));
    if (!figures)
        return NULL;
    ev_buffer_init(&figures->longest_id);
    figures->skus = figures_ranking_create();
    figures->countries = figures_ranking_create();
    figures->customers = figures_ranking_create();
    figures->stock_codes = figures_ranking_create();
    return figures;
}

void figures_destroy(struct figures *figures)
{
    if (!figures)
        return;
    figures_ranking_destroy(figures->skus);
    figures_ranking_destroy(figures->countries);
    figures_ranking_destroy(figures->customers);
    figures_ranking_destroy(figures->stock_codes);
    ev_buffer_finish(&figures->longest_id);
    free(figures);
}

void figures_begin(struct figures *figures, enum figures_kind kind, struct ev_str id, struct ev_str customer)
{
    figures->kind = kind;
    figures->id = id;
    figures->lines = 0;
    figures->priced = false;
    figures->guest = customer.data == NULL;
    if (customer.data)
        figures_ranking_add(figures->customers, customer, 1);
}

static void add(struct figures *figures, int64_t *sum, int64_t value)
{
    if (!ev_money_add(*sum, value, sum))
        figures->overflow = true;
}

static void sale_line(struct figures *figures, struct ev_str sku, struct ev_str country, int64_t quantity,
                      int64_t unit_price)
{
    int64_t value = 0;
    if (unit_price == 0) {
        figures->other_rows++;
        return;
    }
    if (!ev_money_multiply(unit_price, quantity, &value))
        figures->overflow = true;
    figures->priced = true;
    add(figures, &figures->sale_units, quantity);
    add(figures, &figures->sale_value, value);
    if (!figures_ranking_add(figures->skus, sku, quantity) || !figures_ranking_add(figures->countries, country, value))
        figures->overflow = true;
}

void figures_line(struct figures *figures, struct ev_str sku, struct ev_str country, int64_t quantity,
                  int64_t unit_price)
{
    int64_t value = 0;
    figures->lines++;
    figures->rows++;
    figures_ranking_add(figures->stock_codes, sku, 1);
    switch (figures->kind) {
    case FIGURES_ORDER:
        sale_line(figures, sku, country, quantity, unit_price);
        break;
    case FIGURES_RETURN:
        if (!ev_money_multiply(unit_price, quantity, &value))
            figures->overflow = true;
        add(figures, &figures->returned_units, quantity);
        add(figures, &figures->returned_value, value);
        break;
    case FIGURES_CORRECTION:
        figures->other_rows++;
        break;
    case FIGURES_BAD_DEBT:
        break;
    }
}

static bool is_longer(const struct figures *figures)
{
    if (figures->kind != FIGURES_ORDER && figures->kind != FIGURES_RETURN)
        return false;
    if (figures->lines != figures->longest_lines)
        return figures->lines > figures->longest_lines;
    return ev_str_compare(figures->id, ev_buffer_str(&figures->longest_id)) < 0;
}

void figures_end(struct figures *figures)
{
    figures->documents++;
    figures->guests += figures->guest;
    figures->sale_invoices += figures->kind == FIGURES_ORDER && figures->priced;
    figures->returns += figures->kind == FIGURES_RETURN;
    figures->bad_debts += figures->kind == FIGURES_BAD_DEBT;
    if (is_longer(figures)) {
        figures->longest_lines = figures->lines;
        ev_buffer_clear(&figures->longest_id);
        ev_buffer_append_str(&figures->longest_id, figures->id);
    }
}

static struct ev_str number_text(struct ev_arena *arena, int64_t number)
{
    return ev_arena_printf(arena, "%lld", (long long)number);
}

static struct ev_str money_text(struct ev_arena *arena, int64_t amount)
{
    char text[EV_MONEY_TEXT_MAX];
    ev_money_format(amount, text);
    return ev_arena_copy(arena, ev_str_of(text));
}

int figures_finish(struct figures *figures, struct ev_arena *arena, struct figure_set *ret, struct ev_error *error)
{
    struct ev_str *values = ret->values;
    if (figures->overflow)
        return ev_error_set(error, EV_ERR_INTERNAL, "%s: a sum doesn't fit in 64 bits", ret->source);
    values[FIGURE_ROWS] = number_text(arena, figures->rows);
    values[FIGURE_INVOICES] = number_text(arena, figures->documents);
    values[FIGURE_SALE_INVOICES] = number_text(arena, figures->sale_invoices);
    values[FIGURE_SALE_UNITS] = number_text(arena, figures->sale_units);
    values[FIGURE_SALE_VALUE] = money_text(arena, figures->sale_value);
    values[FIGURE_CANCELLATION_INVOICES] = number_text(arena, figures->returns);
    values[FIGURE_CANCELLED_UNITS] = number_text(arena, -figures->returned_units);
    values[FIGURE_CANCELLED_VALUE] = money_text(arena, -figures->returned_value);
    values[FIGURE_ADJUSTMENT_ROWS] = number_text(arena, figures->bad_debts);
    values[FIGURE_OTHER_ROWS] = number_text(arena, figures->other_rows);
    values[FIGURE_CUSTOMERS] = number_text(arena, (int64_t)figures_ranking_size(figures->customers));
    values[FIGURE_GUEST_INVOICES] = number_text(arena, figures->guests);
    values[FIGURE_STOCK_CODES] = number_text(arena, (int64_t)figures_ranking_size(figures->stock_codes));
    values[FIGURE_LONGEST_INVOICE] = ev_arena_printf(
        arena, "%.*s %lld", EV_STR_ARG(ev_buffer_str(&figures->longest_id)), (long long)figures->longest_lines);
    values[FIGURE_TOP_SKUS] = figures_ranking_text(figures->skus, FIGURES_TOP_SKUS, false, arena);
    values[FIGURE_TOP_COUNTRIES] = figures_ranking_text(figures->countries, FIGURES_TOP_COUNTRIES, true, arena);
    return 0;
}
