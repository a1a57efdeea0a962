/* `orderlog import retail FILE…`: invoices of retail files become commands (docs/retail-import.md), one commit per
 * invoice. Restartable: every command has an Idempotency-Key made of the invoice's number, and orders, returns and
 * stock documents are idempotent by their ids besides. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/retail.h"
#include "cli/sender.h"

struct import {
    const struct retail_file *file;
    struct ev_arena arena;
    struct ev_map stock_chain_ends; /* sku → the last job that was chained for it */
    struct {
        struct sender_job **items;
        size_t count, capacity;
    } jobs; /* heads of chains */
    int64_t total;
    struct progress progress;
};

static struct sender_job *new_job(struct import *import, const char *path_format, struct ev_str id, const void *content,
                                  void (*write_body)(const struct sender_job *, struct ev_json_writer *))
{
    struct sender_job *job = ev_arena_new(&import->arena, struct sender_job);
    struct ev_str segment = sender_encode_segment(&import->arena, id);
    job->method = "POST";
    job->path = ev_arena_printf(&import->arena, path_format, (int)segment.length, segment.data);
    job->content = content;
    job->write_body = write_body;
    import->total++;
    return job;
}

static void kv_time(struct ev_json_writer *json, const char *key, int64_t ms)
{
    char text[EV_TIMESTAMP_TEXT_MAX];
    size_t length = ev_timestamp_format(ms, text);
    ev_json_kv_string(json, key, (struct ev_str){text, length});
}

static void kv_money(struct ev_json_writer *json, const char *key, int64_t amount)
{
    char text[EV_MONEY_TEXT_MAX];
    size_t length = ev_money_format(amount, text);
    ev_json_kv_string(json, key, (struct ev_str){text, length});
}

static void write_party(const struct retail_invoice *invoice, struct ev_json_writer *json)
{
    if (invoice->customer.data)
        ev_json_kv_string(json, "customer_id", invoice->customer);
    ev_json_kv_string(json, "country", invoice->country);
    ev_json_kv_cstr(json, "currency", RETAIL_CURRENCY);
}

static void write_lines(const struct retail_invoice *invoice, struct ev_json_writer *json)
{
    ev_json_key(json, EV_STR("lines"));
    ev_json_array_begin(json);
    for (size_t i = 0; i < invoice->rows.count; i++) {
        const struct retail_row *row = &invoice->rows.items[i];
        ev_json_object_begin(json);
        ev_json_kv_string(json, "sku", row->sku);
        ev_json_kv_string(json, "title", row->description);
        ev_json_kv_int64(json, "quantity", row->quantity < 0 ? -row->quantity : row->quantity);
        kv_money(json, "unit_price", row->price);
        ev_json_kv_cstr(json, "kind", retail_is_service(row->sku) ? "SERVICE" : "GOODS");
        ev_json_object_end(json);
    }
    ev_json_array_end(json);
}

static void write_order(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct retail_invoice *invoice = job->content;
    ev_json_object_begin(json);
    write_party(invoice, json);
    kv_time(json, "placed_at", invoice->at_ms);
    write_lines(invoice, json);
    ev_json_object_end(json);
}

static void write_return(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct retail_invoice *invoice = job->content;
    ev_json_object_begin(json);
    write_party(invoice, json);
    kv_time(json, "returned_at", invoice->at_ms);
    write_lines(invoice, json);
    ev_json_object_end(json);
}

static void write_bad_debt(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct retail_invoice *invoice = job->content;
    const struct retail_row *row = &invoice->rows.items[0];
    ev_json_object_begin(json);
    write_party(invoice, json);
    kv_time(json, "adjusted_at", invoice->at_ms);
    kv_money(json, "amount", row->quantity * row->price);
    ev_json_kv_string(json, "reason", row->description.length > 0 ? row->description : EV_STR("no reason given"));
    ev_json_object_end(json);
}

static void write_correction(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct retail_invoice *invoice = job->content;
    const struct retail_row *row = &invoice->rows.items[0];
    ev_json_object_begin(json);
    ev_json_kv_int64(json, "delta", row->quantity);
    ev_json_kv_string(json, "reason", row->description.length > 0 ? row->description : EV_STR("no reason given"));
    ev_json_kv_string(json, "reference", invoice->number);
    kv_time(json, "adjusted_at", invoice->at_ms);
    ev_json_object_end(json);
}

/* The opening's reference needs the file's name; both lie behind the job's content. */
struct opening_content {
    const struct retail_opening *opening;
    struct ev_str reference;
};

static void write_opening(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct opening_content *content = job->content;
    ev_json_object_begin(json);
    ev_json_kv_int64(json, "quantity", content->opening->quantity);
    ev_json_kv_string(json, "reference", content->reference);
    ev_json_object_end(json);
}

static void write_product_history(const struct retail_product *product, struct ev_json_writer *json)
{
    ev_json_key(json, EV_STR("titles"));
    ev_json_array_begin(json);
    for (size_t i = 0; i < product->titles.count; i++) {
        ev_json_object_begin(json);
        ev_json_kv_string(json, "title", product->titles.items[i].title);
        kv_time(json, "valid_from", product->titles.items[i].since_ms);
        ev_json_object_end(json);
    }
    ev_json_array_end(json);
    ev_json_key(json, EV_STR("prices"));
    ev_json_array_begin(json);
    for (size_t i = 0; i < product->prices.count; i++) {
        ev_json_object_begin(json);
        kv_money(json, "price", product->prices.items[i].price);
        ev_json_kv_cstr(json, "currency", RETAIL_CURRENCY);
        kv_time(json, "valid_from", product->prices.items[i].since_ms);
        ev_json_object_end(json);
    }
    ev_json_array_end(json);
}

static void write_new_product(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct retail_product *product = job->content;
    size_t titles = product->titles.count;
    ev_json_object_begin(json);
    ev_json_kv_string(json, "sku", product->sku);
    ev_json_kv_string(json, "title", titles > 0 ? product->titles.items[titles - 1].title : product->sku);
    write_product_history(product, json);
    ev_json_object_end(json);
}

static void write_changed_product(const struct sender_job *job, struct ev_json_writer *json)
{
    ev_json_object_begin(json);
    write_product_history(job->content, json);
    ev_json_object_end(json);
}

/* A product that is there already (of another month's file) gets the titles and prices that this file adds. */
static struct sender_job *product_answered(struct sender_job *job, int status, struct ev_str body, void *context)
{
    struct import *import = context;
    const struct retail_product *product = job->content;
    (void)body;
    if (status != 409)
        return NULL;
    struct sender_job *change = new_job(import, "/v1/products/%.*s", product->sku, product, write_changed_product);
    import->total--; /* it stands in for the first */
    change->method = "PATCH";
    snprintf(change->idempotency_key, sizeof(change->idempotency_key), "retail/%.*s/change",
             EV_STR_ARG(import->file->name));
    return change;
}

static void add_products(struct import *import)
{
    for (size_t i = 0; i < import->file->products.count; i++) {
        const struct retail_product *product = import->file->products.items[i];
        struct sender_job *job = new_job(import, "/v1/products%.0s", EV_STR(""), product, write_new_product);
        snprintf(job->idempotency_key, sizeof(job->idempotency_key), "retail/%.*s/%.*s", EV_STR_ARG(import->file->name),
                 EV_STR_ARG(product->sku));
        job->answered = product_answered;
        *ev_array_push(&import->arena, &import->jobs) = job;
    }
}

/* Commands on one SKU's stock follow each other, in the file's order. */
static void chain_on_stock(struct import *import, struct ev_str sku, struct sender_job *job)
{
    struct sender_job *last = ev_map_put(&import->stock_chain_ends, sku, job);
    if (last)
        last->chain = job;
    else
        *ev_array_push(&import->arena, &import->jobs) = job;
}

static void add_openings(struct import *import)
{
    struct ev_str reference = ev_arena_printf(&import->arena, "opening balance %.*s", EV_STR_ARG(import->file->name));
    for (size_t i = 0; i < import->file->openings.count; i++) {
        const struct retail_opening *opening = &import->file->openings.items[i];
        struct opening_content *content = ev_arena_new(&import->arena, struct opening_content);
        *content = (struct opening_content){opening, reference};
        struct sender_job *job = new_job(import, "/v1/stock/%.*s/receipts", opening->sku, content, write_opening);
        snprintf(job->idempotency_key, sizeof(job->idempotency_key), "retail/open/%.*s",
                 EV_STR_ARG(import->file->name));
        chain_on_stock(import, opening->sku, job);
    }
}

static void add_invoice(struct import *import, const struct retail_invoice *invoice)
{
    struct sender_job *job = NULL;
    switch (invoice->kind) {
    case RETAIL_ORDER:
    case RETAIL_FREE_ORDER:
        job = new_job(import, "/v1/orders/%.*s/record", invoice->number, invoice, write_order);
        break;
    case RETAIL_RETURN:
        job = new_job(import, "/v1/returns/%.*s/record", invoice->number, invoice, write_return);
        break;
    case RETAIL_BAD_DEBT:
        job = new_job(import, "/v1/adjustments/%.*s/record", invoice->number, invoice, write_bad_debt);
        break;
    case RETAIL_CORRECTION:
        job = new_job(import, "/v1/stock/%.*s/adjustments", invoice->rows.items[0].sku, invoice, write_correction);
        break;
    case RETAIL_NOT_SERVICE:
    case RETAIL_NOT_MIXED_QUANTITY:
    case RETAIL_NOT_NEGATIVE_PRICE:
    case RETAIL_NOT_CUSTOMER:
    case RETAIL_NOT_POSITIVE_RETURN:
    case RETAIL_NOT_SINGLE_BAD_DEBT:
    case RETAIL_NOT_ZERO_QUANTITY:
    case RETAIL_NOT_TOO_LONG:
    case RETAIL_KIND_COUNT:
        return;
    }
    snprintf(job->idempotency_key, sizeof(job->idempotency_key), "retail/%.*s", EV_STR_ARG(invoice->number));
    if (invoice->kind == RETAIL_CORRECTION)
        chain_on_stock(import, invoice->rows.items[0].sku, job);
    else
        *ev_array_push(&import->arena, &import->jobs) = job;
}

static void import_progressed(void *context, int64_t answered, const char *waiting)
{
    struct import *import = context;
    progress_update(&import->progress, answered, waiting);
}

/* What each invoice became, as JSON lines on stdout: nothing is dropped silently. */
static void list_rows_without_command(const struct retail_file *file)
{
    for (size_t i = 0; i < file->invoices.count; i++) {
        const struct retail_invoice *invoice = file->invoices.items[i];
        if (invoice->kind < RETAIL_FIRST_REASON)
            continue;
        for (size_t j = 0; j < invoice->rows.count; j++) {
            const struct retail_row *row = &invoice->rows.items[j];
            struct ev_buffer line;
            struct ev_json_writer json;
            ev_buffer_init(&line);
            ev_json_init(&json, &line);
            ev_json_object_begin(&json);
            ev_json_kv_cstr(&json, "no_command", retail_kind_text(invoice->kind));
            ev_json_kv_cstr(&json, "file", file->path);
            ev_json_kv_int64(&json, "line", row->line);
            ev_json_kv_string(&json, "invoice", invoice->number);
            ev_json_kv_string(&json, "sku", row->sku);
            ev_json_kv_string(&json, "description", row->description);
            ev_json_kv_int64(&json, "quantity", row->quantity);
            ev_json_object_end(&json);
            printf("%.*s\n", EV_STR_ARG(ev_buffer_str(&line)));
            ev_buffer_finish(&line);
        }
    }
}

static void print_summary(const struct import *import, const struct sender_totals *totals)
{
    const struct retail_file *file = import->file;
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    ev_json_init(&json, &line);
    ev_json_object_begin(&json);
    ev_json_kv_string(&json, "imported", file->name);
    ev_json_kv_int64(&json, "rows", file->row_count);
    ev_json_kv_int64(&json, "invoices", (int64_t)file->invoices.count);
    ev_json_kv_int64(&json, "products", (int64_t)file->products.count);
    ev_json_kv_int64(&json, "opening_balances", (int64_t)file->openings.count);
    ev_json_key(&json, EV_STR("invoices_by_kind"));
    ev_json_object_begin(&json);
    for (int i = 0; i < RETAIL_KIND_COUNT; i++) {
        if (i < RETAIL_FIRST_REASON || file->counts[i] > 0)
            ev_json_kv_int64(&json, retail_kind_text((enum retail_kind)i), file->counts[i]);
    }
    ev_json_object_end(&json);
    ev_json_kv_int64(&json, "commands", totals->sent);
    ev_json_kv_int64(&json, "refused", totals->refused);
    ev_json_kv_int64(&json, "retries", totals->retries);
    ev_json_kv_int64(&json, "milliseconds", ev_clock_monotonic_ms(&ev_clock_system) - import->progress.started_ms);
    ev_json_object_end(&json);
    printf("%.*s\n", EV_STR_ARG(ev_buffer_str(&line)));
    ev_buffer_finish(&line);
}

static int send_file(const struct retail_file *file, const struct ev_config *config)
{
    struct import import = {.file = file};
    struct sender_totals totals;
    struct ev_error error = {0};
    const struct sender_options options = {
        .base_url = ev_config_string(config, "command-url"),
        .in_flight = (unsigned)ev_config_int(config, "in-flight"),
        .patience_ms = ev_config_int(config, "patience") * 1000,
        .progressed = import_progressed,
        .context = &import,
    };
    ev_arena_init(&import.arena, 0);
    ev_map_init(&import.stock_chain_ends);
    add_products(&import);
    add_openings(&import);
    for (size_t i = 0; i < file->invoices.count; i++)
        add_invoice(&import, file->invoices.items[i]);
    progress_start(&import.progress, "import retail", import.total);
    int result = sender_run(&options, import.jobs.items, import.jobs.count, &totals, &error);
    progress_update(&import.progress, totals.sent, NULL);
    progress_finish(&import.progress);
    print_summary(&import, &totals);
    ev_map_finish(&import.stock_chain_ends);
    ev_arena_finish(&import.arena);
    if (result < 0)
        cli_complain("%s: %s", file->path, error.message);
    else if (totals.refused > 0)
        cli_complain("%s: %lld commands were refused; the first: %s", file->path, (long long)totals.refused,
                     totals.first_refusal);
    return result < 0 || totals.refused > 0 ? CLI_FAILURE : CLI_OK;
}

static int run(const struct ev_config *config)
{
    const char *const *paths;
    size_t count = ev_config_positional(config, &paths);
    int exit_code = CLI_OK;
    if (count == 0) {
        cli_complain("name at least one file\nTry: orderlog import retail --help");
        return CLI_USAGE;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < count && exit_code == CLI_OK; i++) {
        struct retail_file file;
        struct ev_error error = {0};
        if (retail_file_read(paths[i], &file, &error) < 0) {
            cli_complain("%s", error.message);
            exit_code = CLI_FAILURE;
        } else {
            if (ev_config_bool(config, "list"))
                list_rows_without_command(&file);
            else
                exit_code = send_file(&file, config);
        }
        retail_file_finish(&file);
    }
    curl_global_cleanup();
    return exit_code;
}

static const struct ev_config_option options[] = {
    {"command-url", EV_CONFIG_STRING, "http://127.0.0.1:9080", "private listener of the command API", 0, 0},
    {"in-flight", EV_CONFIG_INT, "64", "commands in flight at once", 1, SENDER_IN_FLIGHT_MAX},
    {"patience", EV_CONFIG_INT, "600", "seconds without any answer after which the import gives up", 1, 86400},
    {"list", EV_CONFIG_BOOL, "false", "send nothing: list the rows that are no command, with the reason", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_import_retail = {
    .program = {"import retail", "import retail invoices (CSV, gzip or plain) as commands", "[options] FILE…", options},
    .run = run,
};
