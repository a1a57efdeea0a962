/* The `orderlog` tool: one row per subcommand in a table, one file per subcommand. */
#pragma once

#include "core/core.h"

enum cli_exit { CLI_OK = 0, CLI_FAILURE = 1, CLI_USAGE = 2 };

struct cli_subcommand {
    struct ev_config_program program; /* name with spaces: "import retail"; its options; --help is made of it */
    /* `config` holds options and positional arguments. Returns an exit code; has printed what went wrong. */
    int (*run)(const struct ev_config *config);
};

extern const struct cli_subcommand cli_import_retail, cli_import_catalogue, cli_reconcile, cli_command, cli_tail,
    cli_stream, cli_lag, cli_audit, cli_parked_list, cli_parked_show, cli_parked_retry, cli_parked_skip, cli_pause,
    cli_resume, cli_replay, cli_views, cli_rollback, cli_schema_diff, cli_schema_check, cli_schema_register,
    cli_schema_verify_log, cli_completion;

/* All subcommands in the order of the help, for dispatch and shell completion. */
const struct cli_subcommand *const *cli_subcommands(size_t *ret_count);

/* "orderlog: TEXT" on stderr. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* True after SIGINT or SIGTERM: long work ends at the next good moment. */
bool cli_interrupted(void);
void cli_catch_interrupts(void);
