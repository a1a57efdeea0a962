/* `orderlog pause` and `orderlog resume`: the projections of a view stand still, over restarts too, until resumed. */
#include <stdio.h>

#include "cli/stores.h"

static int change(const struct ev_config *config, enum ev_control_change what, struct ev_error *error)
{
    struct stores stores = {0};
    struct choice choices[CHOICE_MAX];
    size_t count = 0;
    int r = stores_choose(config, false, choices, &count, error);
    if (r >= 0)
        r = stores_open(config, &stores, error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct ev_sink *sink;
        r = stores_make_sink(&stores, choices[i].store, &sink, error);
        if (r < 0)
            break;
        r = sink->prepare(sink, choices[i].view, error);
        if (r >= 0)
            r = sink->change_control(sink, choices[i].view, what, error);
        sink->destroy(sink);
        if (r >= 0)
            printf("%s/%s is %s\n", choices[i].view->name, choice_store_name(choices[i].store),
                   what == EV_CONTROL_PAUSE ? "paused: its projections stand still within a second or two, until "
                                              "orderlog resume"
                                            : "resumed");
    }
    stores_close(&stores);
    return r;
}

static int run(const struct ev_config *config, enum ev_control_change what)
{
    struct ev_error error = {0};
    int r = change(config, what, &error);
    if (r < 0)
        cli_complain("%s", error.message);
    return r >= 0 ? CLI_OK : r == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static int run_pause(const struct ev_config *config)
{
    return run(config, EV_CONTROL_PAUSE);
}

static int run_resume(const struct ev_config *config)
{
    return run(config, EV_CONTROL_RESUME);
}

static const struct ev_config_option options[] = {
    STORES_OPTIONS,
    {0},
};

const struct cli_subcommand cli_pause = {
    .program = {"pause", "let the projections of a view stand still, over restarts too", "[options] VIEW…", options},
    .run = run_pause,
};
const struct cli_subcommand cli_resume = {
    .program = {"resume", "let the projections of a view go on", "[options] VIEW…", options},
    .run = run_resume,
};
