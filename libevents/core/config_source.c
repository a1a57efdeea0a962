#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/config_internal.h"

/* A file in whole, at most EV_CONFIG_FILE_MAX bytes; the text lies in the arena. */
static int config_read_file(struct ev_arena *arena, const char *path, struct ev_str *ret, struct ev_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        int code = errno == ENOENT ? EV_ERR_NOT_FOUND : EV_ERR_IO;
        return ev_error_set(error, code, "%s can't be opened: %s", path, strerror(errno));
    }
    char *text = ev_arena_alloc(arena, EV_CONFIG_FILE_MAX + 1);
    size_t length = fread(text, 1, EV_CONFIG_FILE_MAX + 1, file);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    if (failed)
        return ev_error_set(error, EV_ERR_IO, "%s can't be read: %s", path, strerror(failed));
    if (length > EV_CONFIG_FILE_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "%s is longer than %zu bytes", path, EV_CONFIG_FILE_MAX);
    if (memchr(text, '\0', length))
        return ev_error_set(error, EV_ERR_INVALID, "%s is no text: there is a NUL byte in it", path);
    *ret = (struct ev_str){text, length};
    return 0;
}

static bool config_is_comment(struct ev_str rest)
{
    rest = ev_str_trim(rest);
    return rest.length == 0 || rest.data[0] == '#';
}

/* What stands behind "=": quoted by ' or " (taken as it is), or up to white space and "#". False: a quote isn't closed.
 */
static bool config_parse_value(struct ev_str text, struct ev_str *ret)
{
    text = ev_str_trim(text);
    if (text.length > 0 && (text.data[0] == '"' || text.data[0] == '\'')) {
        const char *end = memchr(text.data + 1, text.data[0], text.length - 1);
        if (!end || !config_is_comment((struct ev_str){end + 1, (size_t)(text.data + text.length - end - 1)}))
            return false;
        *ret = (struct ev_str){text.data + 1, (size_t)(end - text.data - 1)};
        return true;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '#' && (i == 0 || text.data[i - 1] == ' ' || text.data[i - 1] == '\t')) {
            text.length = i;
            break;
        }
    }
    *ret = ev_str_trim(text);
    return true;
}

int config_read_lines(struct ev_config *config, const char *path, struct config_settings *ret, struct ev_error *error)
{
    struct ev_str text, line;
    int fault = config_read_file(&config->arena, path, &text, error);
    if (fault)
        return fault;
    for (size_t number = 1; ev_str_split(&text, '\n', &line); number++) {
        if (config_is_comment(line))
            continue;
        struct config_setting setting = {.value = ev_str_trim(line), .line = number};
        ev_str_split(&setting.value, '=', &setting.name);
        setting.name = ev_str_trim(setting.name);
        if (ev_str_starts_with(setting.name, EV_STR("export ")))
            setting.name = ev_str_trim((struct ev_str){setting.name.data + 7, setting.name.length - 7});
        if (!setting.value.data || setting.name.length == 0)
            return ev_error_set(error, EV_ERR_INVALID, "%s:%zu: a line is NAME = VALUE or a # comment", path, number);
        if (!config_parse_value(setting.value, &setting.value))
            return ev_error_set(error, EV_ERR_INVALID, "%s:%zu: a quote isn't closed, or something stands behind it",
                                path, number);
        *ev_array_push(&config->arena, ret) = setting;
    }
    return 0;
}

int config_apply_file(struct ev_config *config, const char *path, struct ev_error *error)
{
    struct config_settings settings = {0};
    int fault = config_read_lines(config, path, &settings, error);
    for (size_t i = 0; i < settings.count && !fault; i++) {
        const struct config_setting *setting = &settings.items[i];
        char where[CONFIG_WHERE_MAX];
        snprintf(where, sizeof(where), "%s:%zu", path, setting->line);
        int option = config_find_option(config, setting->name);
        if (ev_str_starts_with(setting->name, EV_STR(CONFIG_KAFKA_PREFIX))) {
            struct ev_str name = {setting->name.data + strlen(CONFIG_KAFKA_PREFIX),
                                  setting->name.length - strlen(CONFIG_KAFKA_PREFIX)};
            fault = config_assign_kafka(config, name, setting->value, where, error);
        } else if (option < 0) {
            fault = ev_error_set(error, EV_ERR_INVALID, "%s: unknown name \"%.*s\"; %s --help lists those there are",
                                 where, EV_STR_ARG(setting->name), config->program->name);
        } else {
            fault = config_assign(config, (size_t)option, setting->value, where, error);
        }
    }
    return fault;
}

const char *config_environment_name(struct ev_arena *arena, const char *option)
{
    struct ev_str name = ev_arena_printf(arena, CONFIG_ENVIRONMENT_PREFIX "%s", option);
    char *c = (char *)name.data; /* ours: it has just been made */
    for (; *c; c++) {
        if (*c == '.' || *c == '-')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    return name.data;
}

/* One variable of one source, and for messages where it stands. Empty ones count as not given: that is how compose
 * files pass on what isn't set. */
static const char *config_lookup(struct ev_config *config, const struct config_settings *dotenv, const char *name,
                                 char where[CONFIG_WHERE_MAX])
{
    const char *text = NULL;
    snprintf(where, CONFIG_WHERE_MAX, "environment variable %s", name);
    if (!dotenv)
        text = getenv(name);
    for (size_t i = 0; dotenv && i < dotenv->count; i++) {
        if (!ev_str_equal(dotenv->items[i].name, ev_str_of(name)))
            continue;
        text = ev_arena_copy(&config->arena, dotenv->items[i].value).data;
        snprintf(where, CONFIG_WHERE_MAX, "%s:%zu", EV_CONFIG_DOTENV, dotenv->items[i].line);
    }
    return text && *text ? text : NULL;
}

const char *config_environment_get(struct ev_config *config, const struct config_settings *dotenv, const char *name)
{
    char where[CONFIG_WHERE_MAX];
    const char *text = config_lookup(config, NULL, name, where);
    return text ? text : config_lookup(config, dotenv, name, where);
}

/* ORDERLOG_X_FILE names a file that holds the secret, as container platforms mount them; a line end behind it isn't
 * part of it. */
static int config_assign_secret_file(struct ev_config *config, size_t option, const char *path, const char *where,
                                     struct ev_error *error)
{
    struct ev_str text = EV_STR_NULL;
    struct ev_error cause;
    int fault = config_read_file(&config->arena, path, &text, &cause);
    if (fault)
        return ev_error_set(error, fault, "%s: %s", where, cause.message);
    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.length--;
    if (text.length > 0 && text.data[text.length - 1] == '\r')
        text.length--;
    return config_assign(config, option, text, where, error);
}

static int config_apply_variable(struct ev_config *config, const struct config_settings *dotenv, size_t option,
                                 struct ev_error *error)
{
    char where[CONFIG_WHERE_MAX], file_where[CONFIG_WHERE_MAX];
    const char *name = config_environment_name(&config->arena, config->program->options[option].name);
    const char *text = config_lookup(config, dotenv, name, where);
    const char *path = NULL;
    if (config->program->options[option].type == EV_CONFIG_SECRET)
        path = config_lookup(config, dotenv, ev_arena_printf(&config->arena, "%s" CONFIG_FILE_SUFFIX, name).data,
                             file_where);
    if (text && path)
        return ev_error_set(error, EV_ERR_INVALID, "%s: %s and %s" CONFIG_FILE_SUFFIX " are both set; unset one", where,
                            name, name);
    if (path)
        return config_assign_secret_file(config, option, path, file_where, error);
    return text ? config_assign(config, option, ev_str_of(text), where, error) : 0;
}

/* "name=value,name=value"; a comma or backslash in a value has a backslash before it. */
static int config_apply_kafka_variable(struct ev_config *config, const char *text, const char *where,
                                       struct ev_error *error)
{
    struct ev_buffer property;
    ev_buffer_init(&property);
    int fault = 0;
    while (*text && !fault) {
        ev_buffer_clear(&property);
        for (; *text && *text != ','; text++) {
            if (*text == '\\' && (text[1] == ',' || text[1] == '\\'))
                text++;
            ev_buffer_append_byte(&property, *text);
        }
        text += *text == ',';
        struct ev_str name, value = ev_str_trim(ev_buffer_str(&property));
        ev_str_split(&value, '=', &name);
        if (name.length == 0 && !value.data)
            continue; /* a comma at the end */
        if (!value.data)
            fault = ev_error_set(error, EV_ERR_INVALID, "%s: \"%.*s\" is not NAME=VALUE", where, EV_STR_ARG(name));
        else
            fault = config_assign_kafka(config, ev_str_trim(name), ev_str_trim(value), where, error);
    }
    ev_buffer_finish(&property);
    return fault;
}

int config_apply_environment(struct ev_config *config, const struct config_settings *dotenv, struct ev_error *error)
{
    for (size_t i = 0; i < config->option_count; i++) {
        int fault = config_apply_variable(config, dotenv, i, error);
        if (fault)
            return fault;
    }
    char where[CONFIG_WHERE_MAX];
    const char *kafka = config_lookup(config, dotenv, CONFIG_ENVIRONMENT_KAFKA, where);
    return kafka ? config_apply_kafka_variable(config, kafka, where, error) : 0;
}
