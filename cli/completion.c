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

/* How long the first word of a subcommand's name is, and whether a subcommand before it begins with the same. */
static size_t first_word(const struct cli_subcommand *const *subcommands, size_t index, bool *ret_again)
{
    const char *name = subcommands[index]->program.name;
    size_t length = strcspn(name, " ");
    *ret_again = false;
    for (size_t i = 0; i < index; i++) {
        const char *other = subcommands[i]->program.name;
        *ret_again = *ret_again || (strcspn(other, " ") == length && strncmp(other, name, length) == 0);
    }
    return length;
}

/* "import" is completed by the second words of the subcommands that begin with it. */
static void print_groups(const struct cli_subcommand *const *subcommands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = subcommands[i]->program.name;
        bool again;
        size_t length = first_word(subcommands, i, &again);
        if (again || name[length] == '\0')
            continue;
        printf("    %.*s) group=1 words='", (int)length, name);
        for (size_t j = i; j < count; j++) {
            const char *other = subcommands[j]->program.name;
            if (strncmp(other, name, length + 1) == 0)
                printf("%s%s", j > i ? " " : "", other + length + 1);
        }
        puts("' ;;");
    }
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
         "  local current=${COMP_WORDS[COMP_CWORD]} said=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" words= group=\n"
         "  case \"$said\" in");
    for (size_t i = 0; i < subcommand_count; i++) {
        printf("    '%s'*) words='", subcommands[i]->program.name);
        print_options(subcommands[i]->program.options);
        puts("' ;;");
    }
    print_groups(subcommands, subcommand_count);
    printf("    *) words='");
    for (size_t i = 0; i < subcommand_count; i++) {
        bool again;
        size_t length = first_word(subcommands, i, &again);
        if (!again)
            printf("%s%.*s", i ? " " : "", (int)length, subcommands[i]->program.name);
    }
    puts("' ;;\n"
         "  esac\n"
         "  if [[ $current == -* || -z $said || -n $group ]]; then\n"
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
