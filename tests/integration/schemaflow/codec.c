/* The codecs of topic cart as a small program, to be built of the schemas as they are and of changed ones: one writes,
 * the other reads.
 *
 *   codec encode REGISTRY_URL SUBJECT SEED   a JSON line for each event type: {"type", "record", "commit"}, the record
 * in hexadecimal; {"type", "refused"} where no new commit may hold it. The last line is a commit of all events that may
 * be written codec decode REGISTRY_URL                a JSON line for each line of hexadecimal on stdin: {"commit"}, or
 * {"error", "message", "retriable"} */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avro/registry.h"
#include "core/core.h"
#include "gen/topics.h"
#include "random_record.h"

enum { EXIT_USAGE = 2 };

struct codec {
    struct ev_registry *registry;
    int32_t schema_id;
    struct ev_arena arena;
    struct ev_buffer bytes, line;
    struct ev_json_writer json;
};

static int fail(const struct ev_error *error)
{
    fprintf(stderr, "codec: %s\n", error->message);
    return EXIT_FAILURE;
}

static void begin_line(struct codec *codec)
{
    ev_buffer_clear(&codec->line);
    ev_json_init(&codec->json, &codec->line);
    ev_json_object_begin(&codec->json);
}

static void end_line(struct codec *codec)
{
    ev_json_object_end(&codec->json);
    ev_buffer_append(&codec->line, "\n", 1);
    fwrite(codec->line.data, 1, codec->line.length, stdout);
}

static void put_hex(struct codec *codec, struct ev_str bytes)
{
    struct ev_buffer hex;
    ev_buffer_init(&hex);
    for (size_t i = 0; i < bytes.length; i++)
        ev_buffer_printf(&hex, "%02x", (unsigned)(unsigned char)bytes.data[i]);
    ev_json_kv_string(&codec->json, "record", ev_buffer_str(&hex));
    ev_buffer_finish(&hex);
}

/* False where the event may not be written. */
static bool encode(struct codec *codec, const char *type, const struct ev_event *events, size_t count)
{
    struct ev_error error = {0};
    const struct ev_commit commit = {.stream_id = EV_STR("cart-1"),
                                     .epoch = 1,
                                     .events = events,
                                     .event_count = count,
                                     .occurred_at = 1291161600000};
    ev_buffer_clear(&codec->bytes);
    int result = ev_commit_encode(&cart_topic, codec->schema_id, &commit, &codec->bytes, &error);
    begin_line(codec);
    ev_json_kv_cstr(&codec->json, "type", type);
    if (result < 0) {
        ev_json_kv_cstr(&codec->json, "refused", error.message);
    } else {
        put_hex(codec, ev_buffer_str(&codec->bytes));
        ev_json_key(&codec->json, EV_STR("commit"));
        ev_commit_print(&commit, &codec->json);
    }
    end_line(codec);
    return result == 0;
}

static int run_encode(struct codec *codec, const char *subject, int64_t seed)
{
    struct ev_error error = {0};
    struct ev_fake_random random;
    struct random_options options = random_options_default;
    struct ev_event *written = ev_arena_new_array(&codec->arena, struct ev_event, cart_topic.type_count);
    size_t count = 0;
    options.formats = true;
    ev_fake_random_init(&random, (uint64_t)seed);
    if (ev_registry_ensure(codec->registry, subject, ev_str_of(cart_topic.commit_schema), &codec->schema_id, &error) <
        0)
        return fail(&error);
    for (size_t i = 0; i < cart_topic.type_count; i++) {
        const struct ev_event_type *type = cart_topic.types[i];
        void *body = ev_arena_alloc(&codec->arena, type->record->size);
        ev_record_random(type->record, &options, &random.random, &codec->arena, body);
        const struct ev_event event = {type, body};
        if (encode(codec, type->name, &event, 1))
            written[count++] = event;
    }
    return encode(codec, "all", written, count) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool read_hex(struct ev_str text, struct ev_buffer *out)
{
    ev_buffer_clear(out);
    for (size_t i = 0; i + 1 < text.length; i += 2) {
        char digits[3] = {text.data[i], text.data[i + 1], '\0'}, *end;
        ev_buffer_append_byte(out, (char)strtoul(digits, &end, 16));
        if (*end)
            return false;
    }
    return text.length % 2 == 0;
}

static int run_decode(struct codec *codec)
{
    struct ev_error error = {0};
    struct ev_commit_decoder *decoder;
    struct ev_schema_source source = ev_registry_source(codec->registry);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    if (ev_commit_decoder_create(&cart_topic, &source, &decoder, &error) < 0)
        return fail(&error);
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        struct ev_commit commit;
        ev_arena_reset(&codec->arena);
        if (!read_hex(ev_str_trim((struct ev_str){line, (size_t)length}), &codec->bytes))
            return EXIT_USAGE;
        int result = ev_commit_decode(decoder, ev_buffer_str(&codec->bytes), &codec->arena, &commit, &error);
        begin_line(codec);
        if (result < 0) {
            ev_json_kv_cstr(&codec->json, "error", ev_error_name(result));
            ev_json_kv_cstr(&codec->json, "message", error.message);
            ev_json_kv_bool(&codec->json, "retriable", error.retriable);
        } else {
            ev_json_key(&codec->json, EV_STR("commit"));
            ev_commit_print(&commit, &codec->json);
        }
        end_line(codec);
    }
    free(line);
    ev_commit_decoder_destroy(decoder);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct codec codec = {0};
    struct ev_error error = {0};
    int64_t seed = 0;
    bool encodes = argc == 5 && strcmp(argv[1], "encode") == 0 && ev_str_to_int64(ev_str_of(argv[4]), &seed);
    if (!encodes && !(argc == 3 && strcmp(argv[1], "decode") == 0)) {
        fputs("usage: codec encode REGISTRY_URL SUBJECT SEED | decode REGISTRY_URL\n", stderr);
        return EXIT_USAGE;
    }
    if (ev_registry_create(argv[2], NULL, &codec.registry, &error) < 0)
        return fail(&error);
    ev_arena_init(&codec.arena, 0);
    int status = encodes ? run_encode(&codec, argv[3], seed) : run_decode(&codec);
    ev_registry_destroy(codec.registry);
    ev_arena_finish(&codec.arena);
    ev_buffer_finish(&codec.bytes);
    ev_buffer_finish(&codec.line);
    return status;
}
