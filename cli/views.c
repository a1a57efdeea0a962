/* orderlog views, orderlog rollback: the generations of views in the stores. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/stores.h"

#define OLDER_THAN_DEFAULT_S "86400"

/* --- views --- */

struct row {
    const struct choice *choice;
    struct generation generation;
    int64_t documents, position;
};

static const char *state_of(const struct generation *generation)
{
    if (generation->live)
        return "live";
    return generation->state == GENERATION_READY && generation->retired_at_ms > 0
               ? "kept"
               : generation_state_text(generation->state);
}

static void format_age(int64_t created_at_ms, char ret[32])
{
    int64_t s = created_at_ms > 0 ? (ev_clock_wall_ms(&ev_clock_system) - created_at_ms) / 1000 : -1;
    if (s < 0)
        snprintf(ret, 32, "-");
    else if (s < 120)
        snprintf(ret, 32, "%" PRId64 " s", s);
    else if (s < 7200)
        snprintf(ret, 32, "%" PRId64 " min", s / 60);
    else
        snprintf(ret, 32, "%" PRId64 " h", s / 3600);
}

static void print_row(const struct row *row)
{
    char age[32];
    format_age(row->generation.created_at_ms, age);
    printf("%-12s %-14s %7d %10d  %-9s %10" PRId64 " %10" PRId64 " %9s  %.8s\n", row->choice->view->name,
           choice_store_name(row->choice->store), row->generation.version, row->generation.number,
           state_of(&row->generation), row->documents, row->position, age,
           row->generation.fingerprint[0] ? row->generation.fingerprint : "-");
}

static void print_row_json(const struct row *row)
{
    const struct generation *generation = &row->generation;
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    ev_json_init(&json, &line);
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "view", row->choice->view->name);
    ev_json_kv_cstr(&json, "sink", choice_store_name(row->choice->store));
    ev_json_kv_int64(&json, "version", generation->version);
    ev_json_kv_int64(&json, "generation", generation->number);
    ev_json_kv_cstr(&json, "state", state_of(generation));
    ev_json_kv_int64(&json, "documents", row->documents);
    ev_json_kv_int64(&json, "position", row->position);
    ev_json_kv_int64(&json, "created_at_ms", generation->created_at_ms);
    ev_json_kv_int64(&json, "retired_at_ms", generation->retired_at_ms);
    ev_json_kv_cstr(&json, "fingerprint", generation->fingerprint);
    ev_json_kv_cstr(&json, "owner", generation->owner);
    ev_json_object_end(&json);
    ev_buffer_append_byte(&line, '\n');
    fwrite(line.data, 1, line.length, stdout);
    ev_buffer_finish(&line);
}

static int list_one(struct ev_sink *sink, const struct choice *choice, bool json, struct ev_error *error)
{
    const struct generation_store *store = replay_generations(choice->store);
    struct generation all[GENERATIONS_MAX];
    size_t count;
    int r = store->list(sink, choice->view->name, all, &count, error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct row row = {.choice = choice, .generation = all[i]};
        r = store->measure(sink, &all[i], &row.documents, &row.position, error);
        if (r >= 0)
            (json ? print_row_json : print_row)(&row);
    }
    return r;
}

static int sweep_one(struct ev_sink *sink, const struct choice *choice, int64_t older_than_ms, struct ev_error *error)
{
    int dropped = replay_sweep(sink, choice->store, choice->view->name, older_than_ms, error);
    if (dropped > 0)
        printf("%s in %s: %d dropped\n", choice->view->name, choice_store_name(choice->store), dropped);
    return dropped;
}

static int run_views(const struct ev_config *config)
{
    struct choice choices[CHOICE_MAX];
    struct stores stores = {0};
    struct ev_error error = {0};
    size_t count = 0;
    bool json = ev_config_bool(config, "json"), drop = ev_config_bool(config, "drop-old");
    int r = stores_choose(config, true, choices, &count, &error);
    if (r < 0) {
        cli_complain("%s\nTry: orderlog views --help", error.message);
        return CLI_USAGE;
    }
    r = stores_open(config, &stores, &error);
    if (r >= 0 && !json && !drop)
        printf("%-12s %-14s %7s %10s  %-9s %10s %10s %9s  %s\n", "view", "sink", "version", "generation", "state",
               "documents", "position", "age", "fold");
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct ev_sink *sink = NULL;
        r = stores_make_sink(&stores, choices[i].store, &sink, &error);
        if (r < 0)
            break;
        r = drop ? sweep_one(sink, &choices[i], ev_config_int(config, "older-than") * 1000, &error)
                 : list_one(sink, &choices[i], json, &error);
        sink->destroy(sink);
    }
    if (r < 0)
        cli_complain("%s", error.message);
    stores_close(&stores);
    return r >= 0 ? CLI_OK : r == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static const struct ev_config_option views_options[] = {
    {"json", EV_CONFIG_BOOL, "false", "one JSON object a line", 0, 0},
    {"drop-old", EV_CONFIG_BOOL, "false",
     "drop generations that stopped being live long ago, and what replays left behind. Projectors leave such a "
     "generation first: repeat it after some seconds, or let the projectors do it",
     0, 0},
    {"older-than", EV_CONFIG_INT, OLDER_THAN_DEFAULT_S, "seconds since it stopped being live, for --drop-old", 0,
     315360000},
    STORES_OPTIONS,
    {0},
};

const struct cli_subcommand cli_views = {
    .program = {"views", "list the versions and generations of views, or drop old ones", "[VIEW...]", views_options},
    .run = run_views,
};

/* --- rollback --- */

static int roll_back_one(const struct stores *stores, const struct choice *choice, struct ev_error *error)
{
    struct generation before, after;
    struct ev_sink *sink = NULL;
    int r = stores_make_sink(stores, choice->store, &sink, error);
    if (r < 0)
        return r;
    r = replay_roll_back(sink, choice->store, choice->view->name, &before, &after, error);
    if (r >= 0)
        printf("%s in %s: version %d, generation %d is live again; version %d, generation %d is kept\n",
               choice->view->name, choice_store_name(choice->store), after.version, after.number, before.version,
               before.number);
    sink->destroy(sink);
    return r;
}

static int run_rollback(const struct ev_config *config)
{
    struct choice choices[CHOICE_MAX];
    struct stores stores = {0};
    struct ev_error error = {0};
    size_t count = 0, moved = 0;
    int r = stores_choose(config, false, choices, &count, &error);
    if (r < 0) {
        cli_complain("%s\nTry: orderlog rollback --help", error.message);
        return CLI_USAGE;
    }
    r = stores_open(config, &stores, &error);
    for (size_t i = 0; i < count && r >= 0; i++) {
        r = roll_back_one(&stores, &choices[i], &error);
        moved += r >= 0;
        if (r == EV_ERR_NOT_FOUND && (moved > 0 || i + 1 < count)) {
            printf("%s\n", error.message);
            r = 0;
        }
    }
    if (r < 0)
        cli_complain("%s", error.message);
    stores_close(&stores);
    return r >= 0 && moved > 0 ? CLI_OK : r == EV_ERR_INVALID ? CLI_USAGE : CLI_FAILURE;
}

static const struct ev_config_option rollback_options[] = {
    STORES_OPTIONS,
    {0},
};

const struct cli_subcommand cli_rollback = {
    .program = {"rollback", "make the generation of a view live again that was so before", "VIEW...", rollback_options},
    .run = run_rollback,
};
