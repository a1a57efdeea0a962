/* `orderlog command NAME JSON`: sends any command, public or private; `orderlog command --list` shows them. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "avro/command.h"
#include "cli/cli.h"
#include "cli/http.h"
#include "cli/sender.h"
#include "gen/topics.h"

#define BODY_BYTES_MAX ((size_t)1024 * 1024)

static void list_commands(void)
{
    for (size_t i = 0; i < orderlog_command_count; i++) {
        const struct ev_command_type *type = orderlog_commands[i];
        printf("%-20s %-7s %-6s %-40s %s\n", type->name, type->exposure == EV_EXPOSURE_PUBLIC ? "public" : "private",
               type->method, type->path, type->summary);
    }
}

/* The value of a path field as text; null where the document hasn't got it. */
static struct ev_str member_text(struct ev_arena *arena, yyjson_val *document, const char *name, size_t length)
{
    yyjson_val *value = yyjson_obj_getn(document, name, length);
    if (yyjson_is_str(value))
        return (struct ev_str){yyjson_get_str(value), yyjson_get_len(value)};
    if (yyjson_is_int(value))
        return ev_arena_printf(arena, "%lld", (long long)yyjson_get_sint(value));
    return EV_STR_NULL;
}

/* "/v1/carts/{cart_id}/items" with the document's members filled in. */
static int fill_path(const struct ev_command_type *type, yyjson_val *document, struct ev_arena *arena,
                     struct ev_buffer *ret_url, struct ev_error *error)
{
    const char *at = type->path;
    while (*at) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            ev_buffer_append(ret_url, at++, 1);
            continue;
        }
        struct ev_str value = member_text(arena, document, at + 1, (size_t)(end - at - 1));
        if (!value.data || value.length == 0)
            return ev_error_set(error, EV_ERR_INVALID, "%s needs /%.*s", type->name, (int)(end - at - 1), at + 1);
        ev_buffer_append_str(ret_url, sender_encode_segment(arena, value));
        at = end + 1;
    }
    return 0;
}

static bool is_path_field(const struct ev_command_type *type, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strchr(type->path, '{'); at; at = strchr(at + 1, '{')) {
        if (strncmp(at + 1, name, length) == 0 && at[1 + length] == '}')
            return true;
    }
    return false;
}

/* The document without the members that went into the path. */
static void write_body(const struct ev_command_type *type, yyjson_val *document, struct ev_buffer *out)
{
    struct ev_json_writer json;
    size_t index, count;
    yyjson_val *key, *value;
    ev_json_init(&json, out);
    ev_json_object_begin(&json);
    yyjson_obj_foreach (document, index, count, key, value) {
        if (is_path_field(type, yyjson_get_str(key)))
            continue;
        size_t length = 0;
        char *text = yyjson_val_write(value, 0, &length);
        ev_json_key(&json, (struct ev_str){yyjson_get_str(key), yyjson_get_len(key)});
        ev_json_raw(&json, (struct ev_str){text, length});
        free(text);
    }
    ev_json_object_end(&json);
}

static struct ev_str read_stdin(struct ev_buffer *buffer)
{
    ssize_t got = 1;
    while (got > 0 && buffer->length < BODY_BYTES_MAX) {
        got = read(STDIN_FILENO, ev_buffer_reserve(buffer, 65536), 65536);
        if (got > 0)
            buffer->length += (size_t)got;
    }
    return ev_buffer_str(buffer);
}

struct sending {
    struct ev_arena arena;
    struct ev_buffer url, body, answer, input;
};

static int send_command(const struct ev_config *config, const struct ev_command_type *type, struct ev_str text,
                        struct sending *sending)
{
    struct ev_error error = {0};
    yyjson_val *document = NULL;
    char key[128] = "", match[64] = "";
    const char *headers[3] = {NULL};
    size_t header_count = 0;
    int status = 0;
    int result = ev_json_parse(text, &sending->arena, &document, &error);
    if (result == 0 && !yyjson_is_obj(document))
        result = ev_error_set(&error, EV_ERR_INVALID, "the command must be a JSON object");
    if (result == 0) {
        ev_buffer_printf(&sending->url, "%s", ev_config_string(config, "command-url"));
        result = fill_path(type, document, &sending->arena, &sending->url, &error);
    }
    if (result < 0) {
        cli_complain("%s", error.message);
        return CLI_USAGE;
    }
    write_body(type, document, &sending->body);
    ev_buffer_append(&sending->url, "", 1);
    if (ev_config_string(config, "idempotency-key")) {
        snprintf(key, sizeof(key), "Idempotency-Key: %s", ev_config_string(config, "idempotency-key"));
        headers[header_count++] = key;
    }
    if (ev_config_string(config, "if-match")) {
        snprintf(match, sizeof(match), "If-Match: \"%s\"", ev_config_string(config, "if-match"));
        headers[header_count++] = match;
    }
    const struct http_request request = {
        .method = type->method,
        .url = sending->url.data,
        .body = ev_buffer_str(&sending->body),
        .headers = headers,
        .timeout_ms = ev_config_int(config, "timeout") * 1000,
    };
    result = http_ask(&request, &status, &sending->answer, &error);
    if (result < 0) {
        cli_complain("%s", error.message);
        return CLI_FAILURE;
    }
    printf("%.*s\n", EV_STR_ARG(ev_buffer_str(&sending->answer)));
    return status >= 200 && status < 300 ? CLI_OK : CLI_FAILURE;
}

static int run(const struct ev_config *config)
{
    const char *const *arguments;
    size_t count = ev_config_positional(config, &arguments);
    struct sending sending;
    if (ev_config_bool(config, "list")) {
        list_commands();
        return CLI_OK;
    }
    if (count < 1 || count > 2) {
        cli_complain("name a command and its JSON (- or nothing: from stdin)\nTry: orderlog command --list");
        return CLI_USAGE;
    }
    const struct ev_command_type *type = orderlog_command_type_find(ev_str_of(arguments[0]));
    if (!type) {
        cli_complain("there is no command '%s'\nTry: orderlog command --list", arguments[0]);
        return CLI_USAGE;
    }
    ev_arena_init(&sending.arena, 0);
    ev_buffer_init(&sending.url);
    ev_buffer_init(&sending.body);
    ev_buffer_init(&sending.answer);
    ev_buffer_init(&sending.input);
    bool from_stdin = count == 1 || strcmp(arguments[1], "-") == 0;
    struct ev_str text = from_stdin ? read_stdin(&sending.input) : ev_str_of(arguments[1]);
    int exit_code = send_command(config, type, text, &sending);
    ev_buffer_finish(&sending.url);
    ev_buffer_finish(&sending.body);
    ev_buffer_finish(&sending.answer);
    ev_buffer_finish(&sending.input);
    ev_arena_finish(&sending.arena);
    return exit_code;
}

static const struct ev_config_option options[] = {
    {"command-url", EV_CONFIG_STRING, "http://127.0.0.1:9080", "private listener of the command API", 0, 0},
    {"idempotency-key", EV_CONFIG_STRING, NULL, "key that makes a repetition harmless", 0, 0},
    {"if-match", EV_CONFIG_STRING, NULL, "version that the stream must have", 0, 0},
    {"timeout", EV_CONFIG_INT, "30", "seconds to wait for the answer", 1, 600},
    {"list", EV_CONFIG_BOOL, "false", "list the commands", 0, 0},
    {"log-level", EV_CONFIG_STRING, "warn", "debug, info, warn or error", 0, 0},
    {0},
};

const struct cli_subcommand cli_command = {
    .program = {"command", "send any command: NAME and its fields as JSON", "[options] NAME [JSON]", options},
    .run = run,
};
