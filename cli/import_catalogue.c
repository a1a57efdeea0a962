/* `orderlog import catalogue FILE…`: products from JSON lines (the layout of querqy/chorus: id, title, supplier, ean,
 * short_description, img_…, attr_t_… texts, attr_n_… numbers, attr_b_… yes/no). A product's SKU is the prefix and its
 * id, so that it can't be taken for a shop's own. Restartable. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/sender.h"

#define LINE_BYTES_MAX (256 * 1024)
#define ATTRIBUTES_MAX 512
#define ATTRIBUTE_NAME_MAX 128

struct catalogue {
    struct ev_arena arena;
    const char *sku_prefix;
    struct {
        struct sender_job **items;
        size_t count, capacity;
    } jobs;
    int64_t skipped;
    struct progress progress;
};

struct product_line {
    struct ev_str sku;
    struct ev_str text; /* the JSON line */
};

static void write_attribute(struct ev_json_writer *json, const char *key, yyjson_val *value)
{
    ev_json_object_begin(json);
    ev_json_kv_cstr(json, "name", key + strlen("attr_x_"));
    if (yyjson_is_num(value))
        ev_json_kv_double(json, "number", yyjson_get_num(value));
    else if (yyjson_is_bool(value))
        ev_json_kv_cstr(json, "text", yyjson_get_bool(value) ? "yes" : "no");
    else
        ev_json_kv_string(json, "text", (struct ev_str){yyjson_get_str(value), yyjson_get_len(value)});
    ev_json_object_end(json);
}

static void write_attributes(struct ev_json_writer *json, yyjson_val *product)
{
    size_t index, count, written = 0;
    yyjson_val *key, *value;
    ev_json_key(json, EV_STR("attributes"));
    ev_json_array_begin(json);
    yyjson_obj_foreach (product, index, count, key, value) {
        const char *name = yyjson_get_str(key);
        bool fits = strlen(name) > strlen("attr_x_") && strlen(name) < ATTRIBUTE_NAME_MAX;
        if (strncmp(name, "attr_", 5) != 0 || !fits || written == ATTRIBUTES_MAX)
            continue;
        if (yyjson_is_num(value) || yyjson_is_bool(value) || yyjson_is_str(value)) {
            write_attribute(json, name, value);
            written++;
        }
    }
    ev_json_array_end(json);
}

static void write_strings(struct ev_json_writer *json, const char *key, yyjson_val *array)
{
    size_t index, count;
    yyjson_val *item;
    ev_json_key(json, ev_str_of(key));
    ev_json_array_begin(json);
    yyjson_arr_foreach (array, index, count, item) {
        if (yyjson_is_str(item))
            ev_json_string(json, (struct ev_str){yyjson_get_str(item), yyjson_get_len(item)});
    }
    ev_json_array_end(json);
}

static void kv_member(struct ev_json_writer *json, const char *key, yyjson_val *product, const char *member)
{
    yyjson_val *value = yyjson_obj_get(product, member);
    if (yyjson_is_str(value))
        ev_json_kv_string(json, key, (struct ev_str){yyjson_get_str(value), yyjson_get_len(value)});
}

static void write_details(struct ev_json_writer *json, yyjson_val *product)
{
    static const char *const images[] = {"img_high", "img_500x500", "img_low", "img_thumb"};
    yyjson_val *released = yyjson_obj_get(product, "date_released");
    kv_member(json, "title", product, "title");
    kv_member(json, "short_description", product, "short_description");
    kv_member(json, "supplier", product, "supplier");
    if (yyjson_is_str(released) && yyjson_get_len(released) >= 10)
        ev_json_kv_string(json, "released_on", (struct ev_str){yyjson_get_str(released), 10});
    write_strings(json, "eans", yyjson_obj_get(product, "ean"));
    ev_json_key(json, EV_STR("images"));
    ev_json_array_begin(json);
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        yyjson_val *image = yyjson_obj_get(product, images[i]);
        if (yyjson_is_str(image))
            ev_json_string(json, (struct ev_str){yyjson_get_str(image), yyjson_get_len(image)});
    }
    ev_json_array_end(json);
    write_attributes(json, product);
}

static void write_product(const struct sender_job *job, struct ev_json_writer *json)
{
    const struct product_line *line = job->content;
    bool creates = strcmp(job->method, "POST") == 0;
    yyjson_doc *document = yyjson_read(line->text.data, line->text.length, 0);
    ev_json_object_begin(json);
    if (creates)
        ev_json_kv_string(json, "sku", line->sku);
    write_details(json, yyjson_doc_get_root(document));
    ev_json_object_end(json);
    yyjson_doc_free(document);
}

static struct sender_job *new_job(struct catalogue *catalogue, const char *method, const struct product_line *line)
{
    struct sender_job *job = ev_arena_new(&catalogue->arena, struct sender_job);
    bool creates = strcmp(method, "POST") == 0;
    struct ev_str segment = sender_encode_segment(&catalogue->arena, line->sku);
    job->method = method;
    job->path =
        creates ? EV_STR("/v1/products") : ev_arena_printf(&catalogue->arena, "/v1/products/%.*s", EV_STR_ARG(segment));
    job->content = line;
    job->write_body = write_product;
    snprintf(job->idempotency_key, sizeof(job->idempotency_key), "catalogue/%.*s",
             (int)(line->sku.length > 40 ? 40 : line->sku.length), line->sku.data);
    return job;
}

/* A product that is there already with other content is changed to what the file says. */
static struct sender_job *product_answered(struct sender_job *job, int status, struct ev_str body, void *context)
{
    struct catalogue *catalogue = context;
    (void)body;
    if (status != 409)
        return NULL;
    struct sender_job *change = new_job(catalogue, "PATCH", job->content);
    change->idempotency_key[0] = '\0'; /* its effect depends on what is there */
    return change;
}

static int add_line(struct catalogue *catalogue, const char *path, int64_t number, struct ev_str text,
                    struct ev_error *error)
{
    yyjson_read_err fault;
    yyjson_doc *document = yyjson_read_opts((char *)(uintptr_t)text.data, text.length, 0, NULL, &fault);
    if (!document)
        return ev_error_set(error, EV_ERR_INVALID, "%s, line %lld: %s", path, (long long)number, fault.msg);
    yyjson_val *id = yyjson_obj_get(yyjson_doc_get_root(document), "id");
    yyjson_val *title = yyjson_obj_get(yyjson_doc_get_root(document), "title");
    if (!yyjson_is_str(id) || !yyjson_is_str(title)) {
        yyjson_doc_free(document);
        return ev_error_set(error, EV_ERR_INVALID, "%s, line %lld: no id or no title", path, (long long)number);
    }
    struct product_line *line = ev_arena_new(&catalogue->arena, struct product_line);
    line->sku = ev_arena_printf(&catalogue->arena, "%s%s", catalogue->sku_prefix, yyjson_get_str(id));
    line->text = ev_arena_copy(&catalogue->arena, text);
    yyjson_doc_free(document);
    struct sender_job *job = new_job(catalogue, "POST", line);
    job->answered = product_answered;
    *ev_array_push(&catalogue->arena, &catalogue->jobs) = job;
    return 0;
}

static int read_file(struct catalogue *catalogue, const char *path, struct ev_error *error)
{
    char *line = ev_arena_alloc(&catalogue->arena, LINE_BYTES_MAX);
    gzFile file = gzopen(path, "rb");
    int64_t number = 0;
    int result = 0;
    if (!file)
        return ev_error_set(error, EV_ERR_IO, "%s can't be opened: %s", path, strerror(errno));
    while (result == 0 && gzgets(file, line, LINE_BYTES_MAX)) {
        size_t length = strlen(line);
        number++;
        if (length + 1 == LINE_BYTES_MAX)
            result = ev_error_set(error, EV_ERR_LIMIT, "%s, line %lld: longer than 256 KiB", path, (long long)number);
        else if (length > 1)
            result = add_line(catalogue, path, number, (struct ev_str){line, length}, error);
    }
    int zlib_number = 0;
    const char *text = gzerror(file, &zlib_number);
    if (result == 0 && zlib_number != Z_OK && zlib_number != Z_STREAM_END)
        result = ev_error_set(error, EV_ERR_IO, "%s: %s", path, text);
    gzclose(file);
    return result;
}

static void import_progressed(void *context, int64_t answered, const char *waiting)
{
    struct catalogue *catalogue = context;
    progress_update(&catalogue->progress, answered, waiting);
}

static int send_all(struct catalogue *catalogue, const struct ev_config *config, const char *path)
{
    struct sender_totals totals;
    struct ev_error error = {0};
    const struct sender_options options = {
        .base_url = ev_config_string(config, "command-url"),
        .in_flight = (unsigned)ev_config_int(config, "in-flight"),
        .patience_ms = ev_config_int(config, "patience") * 1000,
        .progressed = import_progressed,
        .context = catalogue,
    };
    progress_start(&catalogue->progress, "import catalogue", (int64_t)catalogue->jobs.count);
    int result = sender_run(&options, catalogue->jobs.items, catalogue->jobs.count, &totals, &error);
    progress_update(&catalogue->progress, totals.sent, NULL);
    progress_finish(&catalogue->progress);
    printf("{\"imported\":\"%s\",\"products\":%zu,\"commands\":%lld,\"refused\":%lld,\"retries\":%lld}\n", path,
           catalogue->jobs.count, (long long)totals.sent, (long long)totals.refused, (long long)totals.retries);
    if (result < 0)
        cli_complain("%s: %s", path, error.message);
    else if (totals.refused > 0)
        cli_complain("%s: %lld commands were refused; the first: %s", path, (long long)totals.refused,
                     totals.first_refusal);
    return result < 0 || totals.refused > 0 ? CLI_FAILURE : CLI_OK;
}

static int run(const struct ev_config *config)
{
    const char *const *paths;
    size_t count = ev_config_positional(config, &paths);
    int exit_code = CLI_OK;
    if (count == 0) {
        cli_complain("name at least one file\nTry: orderlog import catalogue --help");
        return CLI_USAGE;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < count && exit_code == CLI_OK; i++) {
        struct catalogue catalogue = {.sku_prefix = ev_config_string(config, "sku-prefix")};
        struct ev_error error = {0};
        ev_arena_init(&catalogue.arena, 0);
        if (read_file(&catalogue, paths[i], &error) < 0) {
            cli_complain("%s", error.message);
            exit_code = CLI_FAILURE;
        } else {
            exit_code = send_all(&catalogue, config, paths[i]);
        }
        ev_arena_finish(&catalogue.arena);
    }
    curl_global_cleanup();
    return exit_code;
}

static const struct ev_config_option options[] = {
    {"command-url", EV_CONFIG_STRING, "http://127.0.0.1:9080", "private listener of the command API", 0, 0},
    {"in-flight", EV_CONFIG_INT, "64", "commands in flight at once", 1, SENDER_IN_FLIGHT_MAX},
    {"patience", EV_CONFIG_INT, "600", "seconds without any answer after which the import gives up", 1, 86400},
    {"sku-prefix", EV_CONFIG_STRING, "IC-", "put before the file's ids to make SKUs", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_import_catalogue = {
    .program = {"import catalogue", "import products (JSON lines, gzip or plain) as commands", "[options] FILE…",
                options},
    .run = run,
};
