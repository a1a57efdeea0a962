/* `orderlog stream ID`: the commits of one stream as JSON lines, e.g. `orderlog stream order-536365`. */
#include <string.h>

#include "cli/log_source.h"
#include "core/hash.h"
#include "gen/topics.h"

struct wanted {
    const struct ev_topic_schema *topic;
    struct ev_str stream_id;
    int64_t found;
};

static int print_if_wanted(void *context, const struct ev_log_record *record)
{
    struct wanted *wanted = context;
    if (record->verdict == EV_VERDICT_COMMIT && ev_str_equal(record->commit.stream_id, wanted->stream_id)) {
        log_source_print(wanted->topic, record);
        wanted->found++;
    }
    return 0;
}

static int run(const struct ev_config *config)
{
    const char *const *arguments;
    struct log_source source;
    struct ev_error error = {0};
    if (ev_config_positional(config, &arguments) != 1 || !strchr(arguments[0], '-')) {
        cli_complain("name one stream, CATEGORY-KEY, e.g. order-536365");
        return CLI_USAGE;
    }
    size_t category_length = strcspn(arguments[0], "-");
    struct wanted wanted = {.stream_id = ev_str_of(arguments[0])};
    wanted.topic = orderlog_topic_of_category((struct ev_str){arguments[0], category_length});
    if (!wanted.topic) {
        cli_complain("there is no category '%.*s'", (int)category_length, arguments[0]);
        return CLI_USAGE;
    }
    int result = log_source_open(config, wanted.topic, LOG_SOURCE_FROM_START, false, &source, &error);
    if (result == 0) {
        struct ev_str key = ev_str_of(arguments[0] + category_length + 1);
        result =
            log_source_scan(&source, ev_hash_partition(key, source.partition_count), print_if_wanted, &wanted, &error);
        log_source_close(&source);
    }
    if (result < 0)
        cli_complain("%s", error.message);
    else if (wanted.found == 0)
        cli_complain("the log has no stream '%s'", arguments[0]);
    return result < 0 || wanted.found == 0 ? CLI_FAILURE : CLI_OK;
}

static const struct ev_config_option options[] = {
    LOG_SOURCE_OPTIONS,
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_stream = {
    .program = {"stream", "print the commits of one stream", "[options] STREAM", options},
    .run = run,
};
