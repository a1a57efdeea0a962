#include "core/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_internal.h"
#include "core/fatal.h"
#include "core/memory.h"

/* What the command line says, before any of it is applied. */
struct config_flags {
    struct config_settings settings;
    const char *config_path;
};

int config_find_option(const struct ev_config *config, struct ev_str name)
{
    for (size_t i = 0; i < config->option_count; i++)
        if (ev_str_equal(ev_str_of(config->program->options[i].name), name))
            return (int)i;
    return -1;
}

static bool config_parse_bool(struct ev_str text, int64_t *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ev_str_equal(text, ev_str_of(words[i]))) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static int config_parse_int(const struct ev_config_option *option, struct ev_str text, const char *where, int64_t *ret,
                            struct ev_error *error)
{
    bool bounded = option->min != 0 || option->max != 0;
    if (ev_str_to_int64(text, ret) && (!bounded || (*ret >= option->min && *ret <= option->max)))
        return 0;
    if (!bounded)
        return ev_error_set(error, EV_ERR_INVALID, "%s: %s is a whole number, not \"%.*s\"", where, option->name,
                            EV_STR_ARG(text));
    return ev_error_set(error, EV_ERR_INVALID, "%s: %s is a whole number from %" PRId64 " to %" PRId64 ", not \"%.*s\"",
                        where, option->name, option->min, option->max, EV_STR_ARG(text));
}

static void config_split_list(struct ev_arena *arena, struct ev_str text, struct config_value *value)
{
    struct config_texts items = {0};
    struct ev_str part;
    while (ev_str_split(&text, ',', &part)) {
        part = ev_str_trim(part);
        if (part.length > 0)
            *ev_array_push(arena, &items) = ev_arena_copy(arena, part).data;
    }
    value->items = items.items;
    value->item_count = items.count;
}

int config_assign(struct ev_config *config, size_t index, struct ev_str text, const char *where, struct ev_error *error)
{
    const struct ev_config_option *option = &config->program->options[index];
    struct config_value value = {0};
    int fault = 0;
    if (text.length > EV_CONFIG_VALUE_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "%s: %s is longer than %zu bytes", where, option->name,
                            EV_CONFIG_VALUE_MAX);
    switch (option->type) {
    case EV_CONFIG_STRING:
    case EV_CONFIG_SECRET:
        break;
    case EV_CONFIG_LIST:
        config_split_list(&config->arena, text, &value);
        break;
    case EV_CONFIG_INT:
        fault = config_parse_int(option, text, where, &value.integer, error);
        break;
    case EV_CONFIG_BOOL:
        if (!config_parse_bool(text, &value.integer))
            fault = ev_error_set(error, EV_ERR_INVALID, "%s: %s is true or false, not \"%.*s\"", where, option->name,
                                 EV_STR_ARG(text));
        break;
    }
    if (fault)
        return fault;
    value.text = ev_arena_copy(&config->arena, text).data;
    config->values[index] = value;
    return 0;
}

int config_assign_kafka(struct ev_config *config, struct ev_str name, struct ev_str value, const char *where,
                        struct ev_error *error)
{
    if (name.length == 0)
        return ev_error_set(error, EV_ERR_INVALID, "%s: the name of a librdkafka property is missing", where);
    if (name.length > EV_CONFIG_VALUE_MAX || value.length > EV_CONFIG_VALUE_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "%s: longer than %zu bytes", where, EV_CONFIG_VALUE_MAX);
    for (size_t i = 0; i < config->kafka.count; i += 2) {
        if (ev_str_equal(ev_str_of(config->kafka.items[i]), name)) {
            config->kafka.items[i + 1] = ev_arena_copy(&config->arena, value).data;
            return 0;
        }
    }
    if (config->kafka.count / 2 == EV_CONFIG_KAFKA_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "%s: more than %d librdkafka properties", where,
                            EV_CONFIG_KAFKA_MAX);
    *ev_array_push(&config->arena, &config->kafka) = ev_arena_copy(&config->arena, name).data;
    *ev_array_push(&config->arena, &config->kafka) = ev_arena_copy(&config->arena, value).data;
    return 0;
}

static bool config_is_kafka(struct ev_str name)
{
    return ev_str_starts_with(name, EV_STR(CONFIG_KAFKA_PREFIX));
}

/* Whether a flag stands alone; others take the next argument unless they have "=". */
static int config_flag_is_bool(const struct ev_config *config, struct ev_str name, bool *ret, struct ev_error *error)
{
    int index = config_find_option(config, name);
    *ret = index >= 0 && config->program->options[index].type == EV_CONFIG_BOOL;
    if (index >= 0 || config_is_kafka(name) || ev_str_equal(name, EV_STR("config")))
        return 0;
    return ev_error_set(error, EV_ERR_INVALID, "unknown flag --%.*s; %s --help lists those there are", EV_STR_ARG(name),
                        config->program->name);
}

/* One flag that begins with "--", with its value from the next argument where it has none: then *at moves on. */
static int config_read_flag(struct ev_config *config, int argc, char **argv, int *at, struct config_flags *flags,
                            struct ev_error *error)
{
    struct ev_str value = ev_str_of(argv[*at] + 2), name;
    ev_str_split(&value, '=', &name);
    bool is_bool;
    int fault = config_flag_is_bool(config, name, &is_bool, error);
    if (fault)
        return fault;
    if (!value.data && is_bool)
        value = EV_STR("true");
    if (!value.data && *at + 1 == argc)
        return ev_error_set(error, EV_ERR_INVALID, "flag --%.*s needs a value", EV_STR_ARG(name));
    if (!value.data)
        value = ev_str_of(argv[++*at]);
    if (ev_str_equal(name, EV_STR("config")))
        flags->config_path = value.data; /* ends where the argument ends */
    else
        *ev_array_push(&config->arena, &flags->settings) = (struct config_setting){.name = name, .value = value};
    return 0;
}

static int config_answer_help(const struct ev_config_program *program, const char *argument)
{
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        ev_config_print_help(program);
        return 1;
    }
    if (strcmp(argument, "--help=markdown") == 0) {
        config_print_markdown(program);
        return 1;
    }
    if (strcmp(argument, "--version") == 0) {
        printf("%s %s\n", program->name, ORDERLOG_VERSION);
        return 2;
    }
    return 0;
}

static int config_read_flags(struct ev_config *config, int argc, char **argv, struct config_flags *flags,
                             struct ev_error *error)
{
    bool positional_only = false;
    for (int i = 1; i < argc; i++) {
        if (positional_only || argv[i][0] != '-' || argv[i][1] == '\0') {
            *ev_array_push(&config->arena, &config->positional) =
                ev_arena_copy(&config->arena, ev_str_of(argv[i])).data;
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            positional_only = true;
            continue;
        }
        int answer = config_answer_help(config->program, argv[i]);
        if (answer)
            return answer;
        if (argv[i][1] != '-')
            return ev_error_set(error, EV_ERR_INVALID, "unknown flag %s; %s --help lists those there are", argv[i],
                                config->program->name);
        int fault = config_read_flag(config, argc, argv, &i, flags, error);
        if (fault)
            return fault;
    }
    return 0;
}

static int config_apply_flags(struct ev_config *config, const struct config_flags *flags, struct ev_error *error)
{
    int fault = 0;
    for (size_t i = 0; i < flags->settings.count && !fault; i++) {
        const struct config_setting *setting = &flags->settings.items[i];
        char where[CONFIG_WHERE_MAX];
        snprintf(where, sizeof(where), "--%.*s", EV_STR_ARG(setting->name));
        if (config_is_kafka(setting->name)) {
            struct ev_str name = {setting->name.data + strlen(CONFIG_KAFKA_PREFIX),
                                  setting->name.length - strlen(CONFIG_KAFKA_PREFIX)};
            fault = config_assign_kafka(config, name, setting->value, where, error);
        } else {
            fault =
                config_assign(config, (size_t)config_find_option(config, setting->name), setting->value, where, error);
        }
    }
    return fault;
}

static void config_apply_defaults(struct ev_config *config)
{
    struct ev_error error;
    for (size_t i = 0; i < config->option_count; i++) {
        const char *text = config->program->options[i].default_value;
        if (text && config_assign(config, i, ev_str_of(text), "default", &error) < 0)
            ev_fatal("%s", error.message);
    }
}

/* Source by source; the later ones win. */
static int config_load_sources(struct ev_config *config, int argc, char **argv, struct ev_error *error)
{
    struct config_flags flags = {0};
    struct config_settings dotenv = {0};
    config_apply_defaults(config);
    int result = config_read_flags(config, argc, argv, &flags, error);
    if (result)
        return result;
    result = config_read_lines(config, EV_CONFIG_DOTENV, &dotenv, error);
    if (result && result != EV_ERR_NOT_FOUND)
        return result;
    const char *path = flags.config_path;
    if (!path)
        path = config_environment_get(config, &dotenv, CONFIG_ENVIRONMENT_CONFIG);
    result = path ? config_apply_file(config, path, error) : 0;
    if (!result)
        result = config_apply_environment(config, &dotenv, error);
    if (!result)
        result = config_apply_environment(config, NULL, error);
    if (!result)
        result = config_apply_flags(config, &flags, error);
    return result;
}

int ev_config_load(const struct ev_config_program *program, int argc, char **argv, struct ev_config **ret,
                   struct ev_error *error)
{
    struct ev_config *config = ev_memory_new(struct ev_config);
    ev_arena_init(&config->arena, 0);
    config->program = program;
    while (program->options[config->option_count].name)
        config->option_count++;
    config->values = ev_arena_new_array(&config->arena, struct config_value, config->option_count);
    int result = config_load_sources(config, argc, argv, error);
    if (result) {
        ev_config_destroy(config);
        return result;
    }
    *ev_array_push(&config->arena, &config->kafka) = NULL;
    *ret = config;
    return 0;
}

void ev_config_destroy(struct ev_config *config)
{
    if (!config)
        return;
    ev_arena_finish(&config->arena);
    free(config);
}

static const struct config_value *config_value(const struct ev_config *config, const char *name)
{
    int index = config_find_option(config, ev_str_of(name));
    if (index < 0)
        ev_fatal("option %s is asked for, but is not in the table of %s", name, config->program->name);
    return &config->values[index];
}

const char *ev_config_string(const struct ev_config *config, const char *name)
{
    return config_value(config, name)->text;
}

int64_t ev_config_int(const struct ev_config *config, const char *name)
{
    return config_value(config, name)->integer;
}

bool ev_config_bool(const struct ev_config *config, const char *name)
{
    return config_value(config, name)->integer != 0;
}

size_t ev_config_list(const struct ev_config *config, const char *name, const char *const **ret)
{
    const struct config_value *value = config_value(config, name);
    *ret = value->items;
    return value->item_count;
}

size_t ev_config_positional(const struct ev_config *config, const char *const **ret)
{
    *ret = config->positional.items;
    return config->positional.count;
}

const char *const *ev_config_kafka(const struct ev_config *config)
{
    return config->kafka.items;
}
