/* The codecs as a filter, for tests in other languages: one JSON object per line in, one out. See usage(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avro/resolver.h"
#include "avro/schema_changes.h"
#include "avro/schema_compat.h"
#include "avro_c_resolve.h"
#include "core/core.h"
#include "gen/topics.h"
#include "random_record.h"

#define EXIT_USAGE 2

struct tool {
    struct ev_arena arena;
    struct ev_buffer line, bytes;
    struct ev_json_writer writer;
    struct ev_error error;
};

static const struct ev_record *record_find(struct ev_str full_name)
{
    for (size_t i = 0; i < orderlog_record_count; i++)
        if (ev_str_equal(full_name, ev_str_of(orderlog_records[i]->full_name)))
            return orderlog_records[i];
    return NULL;
}

static void put_hex(struct tool *tool, const char *key, struct ev_str bytes)
{
    char *text = ev_arena_alloc(&tool->arena, 2 * bytes.length + 1);
    for (size_t i = 0; i < bytes.length; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(uint8_t)bytes.data[i]);
    ev_json_kv_string(&tool->writer, key, (struct ev_str){text, 2 * bytes.length});
}

static bool get_hex(struct tool *tool, struct ev_str text, struct ev_str *ret)
{
    char *bytes = ev_arena_alloc(&tool->arena, text.length / 2 + 1);
    for (size_t i = 0; i < text.length / 2; i++) {
        unsigned value;
        if (sscanf(text.data + 2 * i, "%2x", &value) != 1)
            return false;
        bytes[i] = (char)value;
    }
    *ret = (struct ev_str){bytes, text.length / 2};
    return text.data && text.length % 2 == 0;
}

static void put_error(struct tool *tool, int code)
{
    ev_json_kv_cstr(&tool->writer, "error", ev_error_name(code));
    ev_json_kv_cstr(&tool->writer, "message", tool->error.message);
}

/* The value in both JSON forms and as bytes. */
static void put_value(struct tool *tool, const struct ev_record *record, const void *value)
{
    ev_buffer_clear(&tool->bytes);
    ev_record_encode(record, value, &tool->bytes);
    put_hex(tool, "bytes", ev_buffer_str(&tool->bytes));
    ev_json_key(&tool->writer, EV_STR("plain"));
    ev_record_print_plain(record, value, &tool->writer);
    ev_json_key(&tool->writer, EV_STR("print"));
    ev_record_print(record, value, &tool->writer);
}

/* {"record", "bytes", "schema"?}: decoded, as the given writer's schema has it or as the record's own. */
static void do_decode(struct tool *tool, yyjson_val *request)
{
    const struct ev_record *record = record_find(ev_json_str(yyjson_obj_get(request, "record")));
    struct ev_str schema = ev_json_str(yyjson_obj_get(request, "schema")), bytes;
    if (!record || !get_hex(tool, ev_json_str(yyjson_obj_get(request, "bytes")), &bytes)) {
        put_error(tool,
                  ev_error_set(&tool->error, EV_ERR_INVALID, "no such record, or bytes that are not hexadecimal"));
        return;
    }
    void *value = ev_arena_alloc(&tool->arena, record->size);
    struct ev_resolver *resolver = NULL;
    int rc = schema.data ? ev_resolver_create(schema, record, &resolver, &tool->error) : 0;
    if (rc == 0)
        rc = schema.data ? ev_resolver_decode(resolver, bytes, &tool->arena, value, &tool->error)
                         : ev_record_decode(record, bytes, &tool->arena, value, &tool->error);
    if (rc < 0)
        put_error(tool, rc);
    else
        put_value(tool, record, value);
    ev_resolver_destroy(resolver);
}

static int source_get(void *context, int32_t id, struct ev_str *ret_json, struct ev_error *error)
{
    (void)id;
    *ret_json = *(const struct ev_str *)context;
    return ret_json->data ? 0 : ev_error_set(error, EV_ERR_NOT_FOUND, "no schema was given");
}

/* {"topic", "schema", "bytes"}: a commit, printed. */
static void do_commit(struct tool *tool, yyjson_val *request)
{
    const struct ev_topic_schema *topic = orderlog_topic_find(ev_json_str(yyjson_obj_get(request, "topic")));
    struct ev_str schema = ev_json_str(yyjson_obj_get(request, "schema")), bytes;
    struct ev_schema_source source = {source_get, &schema};
    struct ev_commit_decoder *decoder = NULL;
    struct ev_commit commit;
    if (!topic || !get_hex(tool, ev_json_str(yyjson_obj_get(request, "bytes")), &bytes)) {
        put_error(tool, ev_error_set(&tool->error, EV_ERR_INVALID, "no such topic, or bytes that are not hexadecimal"));
        return;
    }
    int rc = ev_commit_decoder_create(topic, &source, &decoder, &tool->error);
    if (rc == 0)
        rc = ev_commit_decode(decoder, bytes, &tool->arena, &commit, &tool->error);
    if (rc < 0) {
        put_error(tool, rc);
    } else {
        ev_json_key(&tool->writer, EV_STR("print"));
        ev_commit_print(&commit, &tool->writer);
        ev_buffer_clear(&tool->bytes);
        rc = ev_commit_encode(topic, 1, &commit, &tool->bytes, &tool->error);
        if (rc == 0)
            put_hex(tool, "bytes", ev_buffer_str(&tool->bytes));
    }
    ev_commit_decoder_destroy(decoder);
}

/* {"command", "body"}: `body` is JSON text; whether it is valid, and the faults. */
static void do_command(struct tool *tool, yyjson_val *request)
{
    const struct ev_command_type *type = orderlog_command_type_find(ev_json_str(yyjson_obj_get(request, "command")));
    yyjson_val *body;
    int rc = ev_json_parse(ev_json_str(yyjson_obj_get(request, "body")), &tool->arena, &body, &tool->error);
    if (rc < 0 || !type) {
        put_error(tool, rc < 0 ? rc : ev_error_set(&tool->error, EV_ERR_INVALID, "no such command"));
        return;
    }
    struct ev_faults faults;
    void *command = ev_arena_alloc(&tool->arena, type->record->size);
    rc = ev_command_parse(type, body, NULL, 0, &tool->arena, command, &faults);
    ev_json_kv_bool(&tool->writer, "valid", rc == 0);
    ev_json_key(&tool->writer, EV_STR("faults"));
    ev_json_array_begin(&tool->writer);
    for (size_t i = 0; i < faults.count; i++) {
        ev_json_object_begin(&tool->writer);
        ev_json_kv_string(&tool->writer, "pointer", faults.items[i].pointer);
        ev_json_kv_string(&tool->writer, "code", faults.items[i].code);
        ev_json_kv_string(&tool->writer, "detail", faults.items[i].detail);
        ev_json_object_end(&tool->writer);
    }
    ev_json_array_end(&tool->writer);
    if (rc == 0) {
        ev_json_key(&tool->writer, EV_STR("print"));
        ev_record_print(type->record, command, &tool->writer);
    }
}

/* Two schemas: whether the reader reads what the writer wrote, why not, and what differs. */
static void do_compare(struct tool *tool, yyjson_val *request)
{
    static struct ev_incompatibilities found;
    static struct ev_schema_changes changes;
    const struct ev_schema_labels labels = {.reader = "the reader", .writer = "the writer"};
    const struct ev_schema *reader, *writer;
    struct ev_str reader_json = ev_json_str(yyjson_obj_get(request, "reader"));
    struct ev_str writer_json = ev_json_str(yyjson_obj_get(request, "writer"));
    int rc = ev_schema_tree_parse(reader_json, NULL, &tool->arena, &reader, &tool->error);
    if (rc == 0)
        rc = ev_schema_tree_parse(writer_json, NULL, &tool->arena, &writer, &tool->error);
    if (rc == 0)
        rc = ev_schema_changes(writer, reader, &tool->arena, &changes, &tool->error);
    if (rc == 0)
        rc = ev_schema_can_read(reader, writer, &labels, &tool->arena, &found, &tool->error);
    if (rc < 0) {
        put_error(tool, rc);
        return;
    }
    ev_json_kv_bool(&tool->writer, "readable", rc == 0);
    if (rc == 0 && yyjson_is_true(yyjson_obj_get(request, "avro_c"))) /* it crashes on what can't be resolved */
        ev_json_kv_bool(&tool->writer, "avro_c", avro_c_resolves(reader_json.data, writer_json.data));
    ev_json_kv_int64(&tool->writer, "changes", (int64_t)changes.total);
    ev_json_key(&tool->writer, EV_STR("reasons"));
    ev_json_array_begin(&tool->writer);
    for (size_t i = 0; i < found.count; i++)
        ev_json_string(&tool->writer, found.items[i].text);
    ev_json_array_end(&tool->writer);
}

static void begin_line(struct tool *tool)
{
    ev_arena_reset(&tool->arena);
    ev_buffer_clear(&tool->line);
    ev_json_init(&tool->writer, &tool->line);
    ev_json_object_begin(&tool->writer);
}

static int end_line(struct tool *tool)
{
    ev_json_object_end(&tool->writer);
    ev_buffer_append(&tool->line, "\n", 1);
    return fwrite(tool->line.data, 1, tool->line.length, stdout) == tool->line.length ? 0 : -1;
}

/* Answers each line of standard input. */
static int run_filter(struct tool *tool, void (*answer)(struct tool *, yyjson_val *))
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int rc = 0;
    while (rc == 0 && (length = getline(&line, &room, stdin)) > 0) {
        yyjson_val *request;
        begin_line(tool);
        if (ev_json_parse((struct ev_str){line, (size_t)length}, &tool->arena, &request, &tool->error) < 0)
            put_error(tool, EV_ERR_INVALID);
        else
            answer(tool, request);
        rc = end_line(tool);
    }
    free(line);
    return rc == 0 && !ferror(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* `count` values of every record; every fourth has the ends of the ranges. */
static int run_random(struct tool *tool, uint64_t seed, int64_t count)
{
    struct ev_fake_random random;
    ev_fake_random_init(&random, seed);
    for (size_t i = 0; i < orderlog_record_count; i++) {
        for (int64_t j = 0; j < count; j++) {
            struct random_options options = random_options_default;
            options.boundaries_only = j % 4 == 3;
            begin_line(tool);
            void *value = ev_arena_alloc(&tool->arena, orderlog_records[i]->size);
            ev_record_random(orderlog_records[i], &options, &random.random, &tool->arena, value);
            ev_json_kv_cstr(&tool->writer, "record", orderlog_records[i]->full_name);
            put_value(tool, orderlog_records[i], value);
            if (end_line(tool) < 0)
                return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

static int usage(FILE *file, int status)
{
    fprintf(file,
            "usage: ev_codec_tool random SEED COUNT | decode | commit | command | compare\n"
            "  random   COUNT values of every record: {record, bytes, plain, print}\n"
            "  decode   {record, bytes, schema?} -> {bytes, plain, print} or {error, message}\n"
            "  commit   {topic, schema, bytes} -> {print, bytes} or {error, message}\n"
            "  command  {command, body} -> {valid, faults} or {error, message}\n"
            "  compare  {reader, writer, avro_c?} -> {readable, avro_c?, changes, reasons} or {error, message}\n");
    return status;
}

int main(int argc, char **argv)
{
    int64_t seed = 0, count = 0;
    struct tool tool = {0};
    const char *mode = argc > 1 ? argv[1] : "";
    ev_arena_init(&tool.arena, 0);
    ev_buffer_init(&tool.line);
    ev_buffer_init(&tool.bytes);
    int status;
    if (argc == 4 && strcmp(mode, "random") == 0 && ev_str_to_int64(ev_str_of(argv[2]), &seed) &&
        ev_str_to_int64(ev_str_of(argv[3]), &count))
        status = run_random(&tool, (uint64_t)seed, count);
    else if (argc == 2 && strcmp(mode, "decode") == 0)
        status = run_filter(&tool, do_decode);
    else if (argc == 2 && strcmp(mode, "commit") == 0)
        status = run_filter(&tool, do_commit);
    else if (argc == 2 && strcmp(mode, "command") == 0)
        status = run_filter(&tool, do_command);
    else if (argc == 2 && strcmp(mode, "compare") == 0)
        status = run_filter(&tool, do_compare);
    else
        status = strcmp(mode, "--help") == 0 ? usage(stdout, EXIT_SUCCESS) : usage(stderr, EXIT_USAGE);
    ev_arena_finish(&tool.arena);
    ev_buffer_finish(&tool.line);
    ev_buffer_finish(&tool.bytes);
    return status;
}
