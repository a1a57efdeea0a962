/* `orderlog lag`: how far each view is behind the log, as the projectors' private listener tells; --watch repeats it,
 * --wait waits until nothing is left. */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/http.h"

#define ASK_TIMEOUT_MS 5000
#define WATCH_EVERY_MS 1000
#define WAIT_EVERY_MS 50

static int ask(const struct ev_config *config, struct ev_arena *arena, struct ev_str *ret_text, yyjson_val **ret,
               struct ev_error *error)
{
    struct ev_buffer answer, url;
    int status = 0;
    ev_buffer_init(&answer);
    ev_buffer_init(&url);
    ev_buffer_printf(&url, "%s/v1/lag", ev_config_string(config, "projectors-url"));
    ev_buffer_append(&url, "", 1);
    const struct http_request request = {.method = "GET", .url = url.data, .timeout_ms = ASK_TIMEOUT_MS};
    int result = http_ask(&request, &status, &answer, error);
    *ret_text = ev_arena_copy(arena, ev_buffer_str(&answer));
    if (result == 0 && status != 200)
        result = ev_error_set(error, EV_ERR_UNAVAILABLE, "%s answers %d", url.data, status);
    if (result == 0)
        result = ev_json_parse(*ret_text, arena, ret, error);
    ev_buffer_finish(&answer);
    ev_buffer_finish(&url);
    return result;
}

static long long number(yyjson_val *object, const char *name)
{
    return (long long)yyjson_get_sint(yyjson_obj_get(object, name));
}

static const char *text(yyjson_val *object, const char *name)
{
    const char *value = yyjson_get_str(yyjson_obj_get(object, name));
    return value ? value : "";
}

/* Sum of what is left to reflect; -1 when a projection isn't at work or its knowledge of the log's end is older than
 * `age_max_ms`: records that were appended since would be missing from the sum. */
static long long left_over(yyjson_val *lag, int64_t age_max_ms)
{
    size_t index, count;
    yyjson_val *projection;
    long long sum = 0;
    yyjson_arr_foreach (yyjson_obj_get(lag, "projections"), index, count, projection) {
        long long events = number(projection, "lag_events");
        bool at_work =
            strcmp(text(projection, "state"), "live") == 0 || strcmp(text(projection, "state"), "behind") == 0;
        long long age_ms = number(projection, "ends_age_ms");
        if (events < 0 || !at_work || age_ms < 0 || age_ms >= age_max_ms)
            return -1;
        sum += events;
    }
    return index == 0 ? -1 : sum;
}

static void print_table(yyjson_val *lag)
{
    size_t index, count;
    yyjson_val *projection;
    printf("%-14s %-14s %-9s %10s %10s %10s %7s  %s\n", "view", "sink", "state", "lag", "seconds", "events/s", "parked",
           "last error");
    yyjson_arr_foreach (yyjson_obj_get(lag, "projections"), index, count, projection) {
        printf("%-14s %-14s %-9s %10lld %10.1f %10.0f %7lld  %s\n", text(projection, "view"), text(projection, "sink"),
               text(projection, "state"), number(projection, "lag_events"),
               yyjson_get_num(yyjson_obj_get(projection, "lag_seconds")),
               yyjson_get_num(yyjson_obj_get(projection, "events_per_second")), number(projection, "parked"),
               text(projection, "error"));
    }
}

static void print_answer(const struct ev_config *config, struct ev_str answer, yyjson_val *lag)
{
    bool for_people = isatty(STDOUT_FILENO) == 1 || ev_config_int(config, "wait") > 0;
    if (ev_config_bool(config, "json") || !for_people) {
        printf("%.*s\n", EV_STR_ARG(answer));
    } else {
        if (ev_config_bool(config, "watch"))
            fputs("\033[H\033[2J", stdout);
        print_table(lag);
    }
    fflush(stdout);
}

static int wait_until_caught_up(const struct ev_config *config, int64_t wait_ms, struct ev_error *error)
{
    int64_t begin_ms = ev_clock_monotonic_ms(&ev_clock_system), until_ms = begin_ms + wait_ms;
    long long left = -1;
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    while (left != 0 && !cli_interrupted()) {
        struct ev_str answer;
        yyjson_val *lag = NULL;
        ev_arena_reset(&arena);
        int64_t asked_ms = ev_clock_monotonic_ms(&ev_clock_system);
        int result = ask(config, &arena, &answer, &lag, error);
        left = result == 0 ? left_over(lag, asked_ms - begin_ms) : -1;
        if (left != 0 && ev_clock_monotonic_ms(&ev_clock_system) >= until_ms) {
            if (result == 0)
                ev_error_set(error, EV_ERR_TIMEOUT, "the views haven't caught up within %lld s: %.*s",
                             (long long)(wait_ms / 1000), EV_STR_ARG(answer));
            break;
        }
        if (left != 0)
            poll(NULL, 0, WAIT_EVERY_MS);
    }
    ev_arena_finish(&arena);
    return left == 0 ? 0 : EV_ERR_TIMEOUT;
}

static int show(const struct ev_config *config, struct ev_error *error)
{
    struct ev_arena arena;
    int result = 0;
    ev_arena_init(&arena, 0);
    do {
        struct ev_str answer;
        yyjson_val *lag = NULL;
        ev_arena_reset(&arena);
        result = ask(config, &arena, &answer, &lag, error);
        if (result == 0)
            print_answer(config, answer, lag);
        else if (ev_config_bool(config, "watch"))
            cli_complain("%s", error->message);
        if (ev_config_bool(config, "watch"))
            poll(NULL, 0, WATCH_EVERY_MS);
    } while (ev_config_bool(config, "watch") && !cli_interrupted());
    ev_arena_finish(&arena);
    return result;
}

static int run(const struct ev_config *config)
{
    struct ev_error error = {0};
    int64_t wait_s = ev_config_int(config, "wait");
    int result = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (wait_s > 0)
        result = wait_until_caught_up(config, wait_s * 1000, &error);
    if (result == 0)
        result = show(config, &error);
    curl_global_cleanup();
    if (result < 0)
        cli_complain("%s", error.message);
    return result < 0 ? CLI_FAILURE : CLI_OK;
}

static const struct ev_config_option options[] = {
    {"projectors-url", EV_CONFIG_STRING, "http://127.0.0.1:9082", "private listener of the projectors", 0, 0},
    {"wait", EV_CONFIG_INT, "0", "wait up to so many seconds until every view has caught up", 0, 86400},
    {"watch", EV_CONFIG_BOOL, "false", "show it every second", 0, 0},
    {"json", EV_CONFIG_BOOL, "false", "JSON also on a terminal", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_lag = {
    .program = {"lag", "show how far the views are behind, or wait for them", "[options]", options},
    .run = run,
};
