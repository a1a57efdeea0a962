#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/config_internal.h"

#define HELP_COLUMN 34
#define HELP_WIDTH 100

static const char *const config_type_names[] = {
    [EV_CONFIG_STRING] = "TEXT",   [EV_CONFIG_INT] = "NUMBER", [EV_CONFIG_BOOL] = "",
    [EV_CONFIG_SECRET] = "SECRET", [EV_CONFIG_LIST] = "LIST",
};

/* Help, bounds, default and variable in one paragraph. */
static void config_describe(struct ev_buffer *out, const struct ev_config_option *option, struct ev_arena *arena)
{
    ev_buffer_printf(out, "%s", option->help);
    if (option->type == EV_CONFIG_LIST)
        ev_buffer_printf(out, "; separated by commas");
    if (option->type == EV_CONFIG_INT && (option->min != 0 || option->max != 0))
        ev_buffer_printf(out, "; %" PRId64 " to %" PRId64, option->min, option->max);
    if (option->default_value && *option->default_value)
        ev_buffer_printf(out, "; default %s", option->default_value);
    ev_buffer_printf(out, " [%s]", config_environment_name(arena, option->name));
}

/* Word by word from HELP_COLUMN on, where the cursor is; a word that is too long has a line of its own. */
static void config_print_wrapped(struct ev_str text)
{
    size_t column = HELP_COLUMN;
    struct ev_str word;
    while (ev_str_split(&text, ' ', &word)) {
        if (column > HELP_COLUMN && column + 1 + word.length > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            putchar(' ');
            column++;
        }
        printf("%.*s", EV_STR_ARG(word));
        column += word.length;
    }
    putchar('\n');
}

static void config_print_option(const char *flag, const char *type, struct ev_str description)
{
    int width = printf("  --%s%s%s", flag, *type ? " " : "", type);
    if (width >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    else
        printf("%*s", HELP_COLUMN - width, "");
    config_print_wrapped(description);
}

void ev_config_print_help(const struct ev_config_program *program)
{
    struct ev_arena arena;
    struct ev_buffer description;
    ev_arena_init(&arena, 0);
    ev_buffer_init(&description);
    printf("Usage: %s %s\n%s\n\nOptions:\n", program->name, program->usage, program->summary);
    for (const struct ev_config_option *option = program->options; option->name; option++) {
        ev_buffer_clear(&description);
        config_describe(&description, option, &arena);
        config_print_option(option->name, config_type_names[option->type], ev_buffer_str(&description));
    }
    config_print_option("kafka.PROPERTY", "VALUE",
                        EV_STR("any property of librdkafka, e.g. --kafka.security.protocol SSL "
                               "[" CONFIG_ENVIRONMENT_KAFKA "=\"PROPERTY=VALUE,...\"]"));
    config_print_option("config", "FILE",
                        EV_STR("lines NAME = VALUE with the names above, # comments [" CONFIG_ENVIRONMENT_CONFIG "]"));
    config_print_option("help", "", EV_STR("this text; --help=markdown prints the options as a table"));
    config_print_option("version", "", EV_STR("name and version"));
    printf("\nLater sources win: default, file, .env in the working directory, environment, flags.\n"
           "A SECRET may also be read from a file: its variable's name with " CONFIG_FILE_SUFFIX
           " behind it holds the path.\n");
    ev_buffer_finish(&description);
    ev_arena_finish(&arena);
}

void config_print_markdown(const struct ev_config_program *program)
{
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    printf("| option | variable | type | default | meaning |\n|---|---|---|---|---|\n");
    for (const struct ev_config_option *option = program->options; option->name; option++) {
        const char *type = option->type == EV_CONFIG_BOOL ? "BOOL" : config_type_names[option->type];
        const char *value = option->default_value ? option->default_value : "";
        const char *quote = *value ? "`" : "";
        printf("| `--%s` | `%s%s` | %s", option->name, config_environment_name(&arena, option->name),
               option->type == EV_CONFIG_SECRET ? "`, `…_FILE" : "", type);
        if (option->type == EV_CONFIG_INT && (option->min != 0 || option->max != 0))
            printf(" %" PRId64 "–%" PRId64, option->min, option->max);
        printf(" | %s%s%s | %s |\n", quote, value, quote, option->help);
    }
    ev_arena_finish(&arena);
}
