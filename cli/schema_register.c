/* `orderlog schema register`: makes the schemas known to the registry. What is there already stays as it is. */
#include <stdio.h>

#include "cli/schema_source.h"

static int run(const struct ev_config *config)
{
    struct schema_source source;
    struct ev_error error = {0};
    int result = schema_source_open(config, &source, &error);
    for (size_t i = 0; i < source.count && result >= 0; i++) {
        const struct schema_topic *topic = &source.topics[i];
        int32_t id = 0;
        result = ev_registry_ensure(source.registry, topic->subject, topic->json, &id, &error);
        if (result >= 0)
            printf("%s: %s, id %d\n", topic->subject, result > 0 ? "registered" : "was registered already", (int)id);
    }
    schema_source_close(&source);
    if (result < 0)
        cli_complain("%s%s", error.message,
                     result == EV_ERR_CONFLICT ? "\n`orderlog schema check` says what would break, and for whom" : "");
    return result >= 0 ? CLI_OK : result == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static const struct ev_config_option options[] = {
    SCHEMA_OPTIONS,
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_schema_register = {
    .program = {"schema register", "register schemas that the registry doesn't have", "[options] [TOPIC...]", options},
    .run = run,
};
