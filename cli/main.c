/* Dispatch of `orderlog SUBCOMMAND …`: finds the row whose words the arguments begin with. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct cli_subcommand *const subcommands[] = {
    &cli_import_retail,
    &cli_import_catalogue,
    &cli_reconcile,
    &cli_command,
    &cli_tail,
    &cli_stream,
    &cli_lag,
    &cli_audit,
    &cli_parked_list,
    &cli_parked_show,
    &cli_parked_retry,
    &cli_parked_skip,
    &cli_pause,
    &cli_resume,
    &cli_replay,
    &cli_views,
    &cli_rollback,
    &cli_schema_diff,
    &cli_schema_check,
    &cli_schema_register,
    &cli_schema_verify_log,
    &cli_completion,
};

static volatile sig_atomic_t interrupted;

const struct cli_subcommand *const *cli_subcommands(size_t *ret_count)
{
    *ret_count = sizeof(subcommands) / sizeof(subcommands[0]);
    return subcommands;
}

void cli_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("orderlog: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

void cli_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void print_help(FILE *out)
{
    fputs("Orderlog's tool for operators: imports, commands by hand, a look at the log, views and their lag, "
          "reconciliation.\n\n"
          "usage: orderlog SUBCOMMAND [options] [arguments]\n\nsubcommands:\n",
          out);
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
        fprintf(out, "  %-18s %s\n", subcommands[i]->program.name, subcommands[i]->program.summary);
    fputs("\n`orderlog SUBCOMMAND --help` lists its options. Exit codes: 0 done, 1 failed, 2 wrong usage.\n", out);
}

/* How many arguments the subcommand's name takes up; 0 when they don't begin with it. */
static int matching_words(const char *name, int argc, char **argv)
{
    int words = 0;
    while (*name) {
        size_t length = strcspn(name, " ");
        if (words + 1 >= argc || strlen(argv[words + 1]) != length || memcmp(argv[words + 1], name, length) != 0)
            return 0;
        words++;
        name += length;
        name += strspn(name, " ");
    }
    return words;
}

/* "import" alone names a group of subcommands: which ones, and how each is used. False: there is no such group. */
static bool print_group(FILE *out, const char *word)
{
    size_t length = strlen(word), found = 0;
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        const struct ev_config_program *program = &subcommands[i]->program;
        if (strncmp(program->name, word, length) != 0 || program->name[length] != ' ')
            continue;
        if (found++ == 0)
            fprintf(out, "usage: orderlog %s SUBCOMMAND [options] [arguments]\n\nsubcommands:\n", word);
        fprintf(out, "  %-18s %s\n", program->name, program->summary);
    }
    return found > 0;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int run_subcommand(const struct cli_subcommand *subcommand, int argc, char **argv)
{
    struct ev_config *config = NULL;
    struct ev_error error = {0};
    int result = ev_config_load(&subcommand->program, argc, argv, &config, &error);
    if (result > 0)
        return CLI_OK;
    if (result < 0) {
        cli_complain("%s\nTry: orderlog %s --help", error.message, subcommand->program.name);
        return CLI_USAGE;
    }
    enum ev_log_level level = EV_LOG_WARN;
    const char *wanted = ev_config_string(config, "log-level");
    if (wanted)
        ev_log_level_parse(ev_str_of(wanted), &level);
    ev_log_init("orderlog", level);
    cli_catch_interrupts();
    int exit_code = subcommand->run(config);
    ev_config_destroy(config);
    return exit_code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (is_help(argv[1])) {
        print_help(stdout);
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        int words = matching_words(subcommands[i]->program.name, argc, argv);
        if (words > 0)
            return run_subcommand(subcommands[i], argc - words, argv + words);
    }
    bool asked = argc > 2 && is_help(argv[2]);
    if (print_group(asked ? stdout : stderr, argv[1])) {
        if (argc > 2 && !asked)
            cli_complain("there is no subcommand '%s %s'", argv[1], argv[2]);
        return asked ? CLI_OK : CLI_USAGE;
    }
    cli_complain("there is no subcommand '%s'; orderlog --help lists them", argv[1]);
    return CLI_USAGE;
}
