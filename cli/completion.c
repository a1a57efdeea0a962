/* `orderlog completion bash|zsh`: a completion script made of the table of subcommands and their options. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_options(const struct ev_config_option *options)
{
    for (const struct ev_config_option *option = options; option->name; option++)
        printf(" --%s", option->name);
    printf(" --help");
}

static int run(const struct ev_config *config)
{
    const char *const *arguments;
    size_t subcommand_count;
    const struct cli_subcommand *const *subcommands = cli_subcommands(&subcommand_count);
    size_t count = ev_config_positional(config, &arguments);
    if (count != 1 || (strcmp(arguments[0], "bash") != 0 && strcmp(arguments[0], "zsh") != 0)) {
        cli_complain("name the shell: bash or zsh");
        return CLI_USAGE;
    }
    if (strcmp(arguments[0], "zsh") == 0)
        puts("autoload -U +X bashcompinit && bashcompinit");
    puts("_orderlog() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} said=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" words=\n"
         "  case \"$said\" in");
    for (size_t i = 0; i < subcommand_count; i++) {
        printf("    '%s'*) words='", subcommands[i]->program.name);
        print_options(subcommands[i]->program.options);
        puts("' ;;");
    }
    puts("    import) words='retail catalogue' ;;");
    printf("    *) words='");
    for (size_t i = 0; i < subcommand_count; i++)
        printf("%s%.*s", i ? " " : "", (int)strcspn(subcommands[i]->program.name, " "), subcommands[i]->program.name);
    puts("' ;;\n"
         "  esac\n"
         "  if [[ $current == -* || -z $said || $said == import ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -F _orderlog orderlog");
    return CLI_OK;
}

static const struct ev_config_option options[] = {
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_completion = {
    .program = {"completion", "print a completion script for bash or zsh", "bash|zsh", options},
    .run = run,
};
