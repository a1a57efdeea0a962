/* `orderlog reconcile`: a month's totals, expected and as each store and the log have them, side by side. */
#include "cli/reconcile.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "cli/log_source.h"

#define DAY_MS INT64_C(86400000)
#define SOURCES_MAX 4

struct source {
    const char *name;
    int (*add_up)(const struct ev_config *, const struct reconcile_month *, struct ev_arena *, struct figure_set *,
                  struct ev_error *);
};
static const struct source sources[SOURCES_MAX] = {
    {"mongodb", reconcile_mongo_documents},
    {"reports", reconcile_mongo_reports},
    {"elasticsearch", reconcile_elasticsearch},
    {"log", reconcile_log},
};

static bool parse_month(const char *name, struct reconcile_month *ret)
{
    char text[16];
    if (strlen(name) != 7)
        return false;
    snprintf(text, sizeof(text), "%s-01", name);
    if (!ev_date_parse(ev_str_of(text), &ret->from_ms))
        return false;
    for (ret->until_ms = ret->from_ms + 28 * DAY_MS;; ret->until_ms += DAY_MS) {
        ev_date_format(ret->until_ms, text);
        if (strncmp(text, name, 7) != 0)
            break;
    }
    ret->name = name;
    ev_date_format(ret->from_ms, ret->first_day);
    ev_date_format(ret->until_ms - DAY_MS, ret->last_day);
    return true;
}

static bool is_wanted(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name)) {
        bool begins = at == list || at[-1] == ',';
        if (begins && (at[length] == '\0' || at[length] == ','))
            return true;
    }
    return false;
}

static const struct figure_set *first_difference(const struct figure_set *expected, const struct figure_set *sets,
                                                 size_t count, int figure)
{
    for (size_t i = 0; i < count; i++) {
        if (sets[i].values[figure].data && !ev_str_equal(sets[i].values[figure], expected->values[figure]))
            return &sets[i];
    }
    return NULL;
}

static void print_figure_json(const char *month, const struct figure_set *expected, const struct figure_set *sets,
                              size_t count, int figure, bool same)
{
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    ev_json_init(&json, &line);
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "month", month);
    ev_json_kv_cstr(&json, "figure", figure_name((enum figure)figure));
    ev_json_kv_string(&json, "expected", expected->values[figure]);
    for (size_t i = 0; i < count; i++)
        ev_json_kv_string(&json, sets[i].source, sets[i].values[figure]);
    ev_json_kv_bool(&json, "ok", same);
    ev_json_object_end(&json);
    printf("%.*s\n", EV_STR_ARG(ev_buffer_str(&line)));
    ev_buffer_finish(&line);
}

/* A row: the figure, what is expected, a cell per source ("same", "-" where it doesn't know it, or its value), OK or
 * the difference. */
static void print_figure_row(const struct figure_set *expected, const struct figure_set *sets, size_t count, int figure,
                             bool same)
{
    bool is_long = expected->values[figure].length > 24;
    printf("%-28s %-24.*s", figure_name((enum figure)figure), is_long ? 0 : (int)expected->values[figure].length,
           expected->values[figure].data);
    for (size_t i = 0; i < count; i++) {
        struct ev_str value = sets[i].values[figure];
        const char *cell = !value.data ? "-" : ev_str_equal(value, expected->values[figure]) ? "same" : "differs";
        if (value.data && !is_long)
            printf(" %-14.*s", EV_STR_ARG(value));
        else
            printf(" %-14s", cell);
    }
    puts(same ? " OK" : " DIFFERS");
    if (is_long)
        printf("%-28s   %.*s\n", "", EV_STR_ARG(expected->values[figure]));
    for (size_t i = 0; i < count && !same; i++) {
        if (sets[i].values[figure].data && !ev_str_equal(sets[i].values[figure], expected->values[figure]))
            printf("%-28s   %s has %.*s\n", "", sets[i].source, EV_STR_ARG(sets[i].values[figure]));
    }
}

static int print_table(const char *month, const struct figure_set *expected, const struct figure_set *sets,
                       size_t count, bool as_json)
{
    int differences = 0;
    if (!as_json) {
        printf("\n%-28s %-24s", month, "expected");
        for (size_t i = 0; i < count; i++)
            printf(" %-14s", sets[i].source);
        putchar('\n');
    }
    for (int figure = 0; figure < FIGURE_COUNT; figure++) {
        bool same = !first_difference(expected, sets, count, figure);
        differences += !same;
        if (as_json)
            print_figure_json(month, expected, sets, count, figure, same);
        else
            print_figure_row(expected, sets, count, figure, same);
    }
    return differences;
}

static int reconcile_one(const struct ev_config *config, const struct reconcile_month *month, int *ret_differences)
{
    struct ev_arena arena;
    struct figure_set expected = {0}, sets[SOURCES_MAX] = {0};
    struct ev_error error = {0};
    size_t count = 0;
    ev_arena_init(&arena, 0);
    int result = figures_expected(ev_config_string(config, "expected"), month->name, &arena, &expected, &error);
    for (size_t i = 0; i < SOURCES_MAX && result == 0; i++) {
        if (!is_wanted(ev_config_string(config, "sources"), sources[i].name))
            continue;
        sets[count].source = sources[i].name;
        result = sources[i].add_up(config, month, &arena, &sets[count++], &error);
    }
    if (result < 0)
        cli_complain("%s", error.message);
    else
        *ret_differences += print_table(month->name, &expected, sets, count, ev_config_bool(config, "json"));
    ev_arena_finish(&arena);
    return result;
}

static int run(const struct ev_config *config)
{
    const char *const *months;
    size_t count = ev_config_positional(config, &months);
    int differences = 0, result = 0;
    if (count == 0) {
        cli_complain("name at least one month, e.g. 2010-12");
        return CLI_USAGE;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < count && result == 0; i++) {
        struct reconcile_month month;
        if (!parse_month(months[i], &month)) {
            cli_complain("'%s' is no month such as 2010-12", months[i]);
            return CLI_USAGE;
        }
        result = reconcile_one(config, &month, &differences);
    }
    curl_global_cleanup();
    if (result < 0)
        return CLI_FAILURE;
    if (!ev_config_bool(config, "json"))
        printf(differences == 0 ? "\nreconciled: every figure agrees\n" : "\n%d figures differ\n", differences);
    return differences == 0 ? CLI_OK : CLI_FAILURE;
}

static const struct ev_config_option options[] = {
    LOG_SOURCE_OPTIONS,
    {"mongodb-uri", EV_CONFIG_SECRET, "mongodb://127.0.0.1:27017/orderlog", "MongoDB, with the database's name", 0, 0},
    {"query-url", EV_CONFIG_STRING, "http://127.0.0.1:8081", "the query API", 0, 0},
    {"expected", EV_CONFIG_STRING, "sample/online-retail/expected.json", "file with the expected figures", 0, 0},
    {"sources", EV_CONFIG_STRING, "mongodb,reports,elasticsearch,log", "what to compare, any of these", 0, 0},
    {"retail-dir", EV_CONFIG_STRING, NULL,
     "folder of the files YYYY-MM.csv.gz: what in them is no command is added to the log's figures", 0, 0},
    {"json", EV_CONFIG_BOOL, "false", "a JSON line per figure instead of a table", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_reconcile = {
    .program = {"reconcile", "compare a month's totals in the stores and the log with what is expected",
                "[options] YYYY-MM…", options},
    .run = run,
};
