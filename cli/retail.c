#include "cli/retail.h"

#include <string.h>
#include <strings.h>

#include "cli/csv.h"

static const char *const columns[] = {"InvoiceNo",   "StockCode", "Description", "Quantity",
                                      "InvoiceDate", "UnitPrice", "CustomerID",  "Country"};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

enum column { INVOICE_NO, STOCK_CODE, DESCRIPTION, QUANTITY, INVOICE_DATE, UNIT_PRICE, CUSTOMER_ID, COUNTRY };

const char *retail_kind_text(enum retail_kind kind)
{
    static const char *const texts[] = {
#define X(name, text) text,
        RETAIL_KINDS(X)
#undef X
    };
    return texts[kind];
}

bool retail_is_service(struct ev_str sku)
{
    static const char *const services[] = {"POST", "DOT",          "M",         "C2",   "23444", "23574", "D",
                                           "S",    "BANK CHARGES", "AMAZONFEE", "CRUK", "B",     "22016"};
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (strlen(services[i]) == sku.length && strncasecmp(services[i], sku.data, sku.length) == 0)
            return true;
    }
    return sku.length > 5 && strncasecmp(sku.data, "gift_", 5) == 0;
}

static struct ev_str trim(struct ev_str s)
{
    while (s.length > 0 && s.data[0] == ' ')
        s = (struct ev_str){s.data + 1, s.length - 1};
    while (s.length > 0 && s.data[s.length - 1] == ' ')
        s.length--;
    return s;
}

/* "2010-12-01 08:26:00", read as UTC. */
static bool parse_date(struct ev_str text, int64_t *ret_ms)
{
    char rfc3339[24];
    if (text.length != 19 || text.data[10] != ' ')
        return false;
    memcpy(rfc3339, text.data, 19);
    rfc3339[10] = 'T';
    rfc3339[19] = 'Z';
    return ev_timestamp_parse((struct ev_str){rfc3339, 20}, ret_ms);
}

/* "17850.0" → "17850"; empty → null. */
static struct ev_str parse_customer(struct ev_arena *arena, struct ev_str text)
{
    if (text.length == 0)
        return EV_STR_NULL;
    if (text.length > 2 && memcmp(text.data + text.length - 2, ".0", 2) == 0)
        text.length -= 2;
    return ev_arena_copy(arena, text);
}

static int parse_row(struct retail_file *file, int64_t line, const struct ev_str *fields, struct retail_row *ret,
                     struct ev_error *error)
{
    const char *at_fault = NULL;
    if (!ev_str_to_int64(fields[QUANTITY], &ret->quantity))
        at_fault = columns[QUANTITY];
    else if (!ev_money_parse(fields[UNIT_PRICE], &ret->price))
        at_fault = columns[UNIT_PRICE];
    else if (!parse_date(fields[INVOICE_DATE], &ret->at_ms))
        at_fault = columns[INVOICE_DATE];
    else if (fields[INVOICE_NO].length == 0)
        at_fault = columns[INVOICE_NO];
    else if (fields[STOCK_CODE].length == 0)
        at_fault = columns[STOCK_CODE];
    if (at_fault)
        return ev_error_set(error, EV_ERR_INVALID, "%s, line %lld: %s can't be read", file->path, (long long)line,
                            at_fault);
    ret->sku = ev_arena_copy(&file->arena, fields[STOCK_CODE]);
    ret->description = ev_arena_copy(&file->arena, trim(fields[DESCRIPTION]));
    ret->line = line;
    return 0;
}

static struct retail_invoice *invoice_of(struct retail_file *file, struct ev_map *by_number,
                                         const struct ev_str *fields)
{
    struct retail_invoice *invoice = ev_map_get(by_number, fields[INVOICE_NO]);
    if (invoice)
        return invoice;
    invoice = ev_arena_new(&file->arena, struct retail_invoice);
    invoice->number = ev_arena_copy(&file->arena, fields[INVOICE_NO]);
    invoice->customer = parse_customer(&file->arena, fields[CUSTOMER_ID]);
    invoice->country = ev_arena_copy(&file->arena, fields[COUNTRY]);
    ev_map_put(by_number, invoice->number, invoice);
    *ev_array_push(&file->arena, &file->invoices) = invoice;
    return invoice;
}

static int check_header(const struct csv_reader *csv, const char *path, const struct ev_str *fields, size_t count,
                        struct ev_error *error)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (i >= count || !ev_str_equal(fields[i], ev_str_of(columns[i])))
            return ev_error_set(error, EV_ERR_INVALID, "%s, line %lld: column %zu must be %s", path,
                                (long long)csv_line(csv), i + 1, columns[i]);
    }
    return 0;
}

static int read_rows(struct retail_file *file, struct csv_reader *csv, struct ev_map *by_number, struct ev_error *error)
{
    struct ev_str fields[CSV_FIELDS_MAX];
    size_t count = 0;
    int result = csv_next(csv, fields, &count, error);
    if (result == 0)
        return ev_error_set(error, EV_ERR_INVALID, "%s: the file is empty", file->path);
    if (result > 0)
        result = check_header(csv, file->path, fields, count, error);
    while (result >= 0 && (result = csv_next(csv, fields, &count, error)) > 0) {
        struct retail_row row = {0};
        if (count != COLUMN_COUNT)
            return ev_error_set(error, EV_ERR_INVALID, "%s, line %lld: %zu fields instead of %zu", file->path,
                                (long long)csv_line(csv), count, COLUMN_COUNT);
        result = parse_row(file, csv_line(csv), fields, &row, error);
        if (result < 0)
            return result;
        struct retail_invoice *invoice = invoice_of(file, by_number, fields);
        if (invoice->rows.count == 0 || row.at_ms < invoice->at_ms)
            invoice->at_ms = row.at_ms;
        *ev_array_push(&file->arena, &invoice->rows) = row;
        file->row_count++;
    }
    return result;
}

/* What the rows of one invoice have in common. */
struct traits {
    bool any_zero_quantity, any_positive, any_negative, any_price, any_negative_price, any_zero_price,
        any_negative_with_price;
};

static struct traits invoice_traits(const struct retail_invoice *invoice)
{
    struct traits traits = {0};
    for (size_t i = 0; i < invoice->rows.count; i++) {
        const struct retail_row *row = &invoice->rows.items[i];
        traits.any_zero_quantity |= row->quantity == 0;
        traits.any_positive |= row->quantity > 0;
        traits.any_negative |= row->quantity < 0;
        traits.any_price |= row->price > 0;
        traits.any_zero_price |= row->price == 0;
        traits.any_negative_price |= row->price < 0;
        traits.any_negative_with_price |= row->quantity < 0 && row->price > 0;
    }
    return traits;
}

/* The table of docs/retail-import.md; the first rule that applies decides. */
static enum retail_kind classify(const struct retail_invoice *invoice)
{
    struct traits t = invoice_traits(invoice);
    size_t rows = invoice->rows.count;
    if (t.any_zero_quantity)
        return RETAIL_NOT_ZERO_QUANTITY;
    if (rows > RETAIL_INVOICE_ROWS_MAX)
        return RETAIL_NOT_TOO_LONG;
    if (invoice->number.data[0] == 'A')
        return rows == 1 ? RETAIL_BAD_DEBT : RETAIL_NOT_SINGLE_BAD_DEBT;
    if (invoice->number.data[0] == 'C')
        return t.any_positive || t.any_zero_price || t.any_negative_price ? RETAIL_NOT_POSITIVE_RETURN : RETAIL_RETURN;
    if (t.any_negative_price || t.any_negative_with_price)
        return RETAIL_NOT_NEGATIVE_PRICE;
    if (t.any_price)
        return t.any_negative ? RETAIL_NOT_MIXED_QUANTITY : RETAIL_ORDER;
    if (!t.any_negative && (rows > 1 || invoice->customer.data))
        return RETAIL_FREE_ORDER;
    if (rows > 1)
        return RETAIL_NOT_MIXED_QUANTITY;
    if (invoice->customer.data)
        return RETAIL_NOT_CUSTOMER;
    return retail_is_service(invoice->rows.items[0].sku) ? RETAIL_NOT_SERVICE : RETAIL_CORRECTION;
}

/* An invoice may have one SKU at two prices: what was seen later in the file is valid a millisecond later, since two
 * can't be from the same time. */
static void add_title(struct retail_file *file, struct retail_product *product, struct ev_str title, int64_t at_ms)
{
    for (size_t i = 0; i < product->titles.count; i++) {
        if (ev_str_equal(product->titles.items[i].title, title))
            return;
    }
    if (product->titles.count > 0 && at_ms <= product->titles.items[product->titles.count - 1].since_ms)
        at_ms = product->titles.items[product->titles.count - 1].since_ms + 1;
    *ev_array_push(&file->arena, &product->titles) = (struct retail_title){title, at_ms};
}

static void add_price(struct retail_file *file, struct retail_product *product, int64_t price, int64_t at_ms)
{
    for (size_t i = 0; i < product->prices.count; i++) {
        if (product->prices.items[i].price == price)
            return;
    }
    if (product->prices.count > 0 && at_ms <= product->prices.items[product->prices.count - 1].since_ms)
        at_ms = product->prices.items[product->prices.count - 1].since_ms + 1;
    *ev_array_push(&file->arena, &product->prices) = (struct retail_price){price, at_ms};
}

static void collect_products(struct retail_file *file)
{
    struct ev_map by_sku;
    ev_map_init(&by_sku);
    for (size_t i = 0; i < file->invoices.count; i++) {
        const struct retail_invoice *invoice = file->invoices.items[i];
        if (invoice->kind != RETAIL_ORDER && invoice->kind != RETAIL_FREE_ORDER && invoice->kind != RETAIL_RETURN)
            continue;
        for (size_t j = 0; j < invoice->rows.count; j++) {
            const struct retail_row *row = &invoice->rows.items[j];
            struct retail_product *product = ev_map_get(&by_sku, row->sku);
            if (retail_is_service(row->sku))
                continue;
            if (!product) {
                product = ev_arena_new(&file->arena, struct retail_product);
                product->sku = row->sku;
                ev_map_put(&by_sku, row->sku, product);
                *ev_array_push(&file->arena, &file->products) = product;
            }
            if (row->description.length > 0)
                add_title(file, product, row->description, row->at_ms);
            if (row->price > 0)
                add_price(file, product, row->price, row->at_ms);
        }
    }
    ev_map_finish(&by_sku);
}

/* A SKU's opening balance is the lowest running sum of its corrections, where that is below zero. */
struct running {
    struct ev_str sku;
    int64_t sum, lowest;
};

static void collect_openings(struct retail_file *file)
{
    struct ev_map by_sku;
    struct {
        struct running **items;
        size_t count, capacity;
    } sums = {0};
    ev_map_init(&by_sku);
    for (size_t i = 0; i < file->invoices.count; i++) {
        const struct retail_invoice *invoice = file->invoices.items[i];
        if (invoice->kind != RETAIL_CORRECTION)
            continue;
        const struct retail_row *row = &invoice->rows.items[0];
        struct running *running = ev_map_get(&by_sku, row->sku);
        if (!running) {
            running = ev_arena_new(&file->arena, struct running);
            running->sku = row->sku;
            ev_map_put(&by_sku, row->sku, running);
            *ev_array_push(&file->arena, &sums) = running;
        }
        running->sum += row->quantity;
        if (running->sum < running->lowest)
            running->lowest = running->sum;
    }
    for (size_t i = 0; i < sums.count; i++) {
        if (sums.items[i]->lowest < 0)
            *ev_array_push(&file->arena, &file->openings) =
                (struct retail_opening){sums.items[i]->sku, -sums.items[i]->lowest};
    }
    ev_map_finish(&by_sku);
}

static struct ev_str file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return (struct ev_str){name, strcspn(name, ".")};
}

int retail_file_read(const char *path, struct retail_file *ret, struct ev_error *error)
{
    struct csv_reader *csv = NULL;
    struct ev_map by_number;
    memset(ret, 0, sizeof(*ret));
    ev_arena_init(&ret->arena, 0);
    ret->path = path;
    ret->name = file_name(path);
    int result = csv_open(path, &csv, error);
    if (result < 0)
        return result;
    ev_map_init(&by_number);
    result = read_rows(ret, csv, &by_number, error);
    ev_map_finish(&by_number);
    csv_close(csv);
    if (result < 0)
        return result;
    for (size_t i = 0; i < ret->invoices.count; i++) {
        struct retail_invoice *invoice = ret->invoices.items[i];
        invoice->kind = classify(invoice);
        ret->counts[invoice->kind]++;
    }
    collect_products(ret);
    collect_openings(ret);
    return 0;
}

void retail_file_finish(struct retail_file *file)
{
    ev_arena_finish(&file->arena);
}
