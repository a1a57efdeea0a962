/* Writes a small corpus of seeds, a folder per target: values of every record, commits of every topic, the commands'
 * examples, numbers and texts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "avro/command.h"
#include "avro/commit.h"
#include "core/core.h"
#include "gen/topics.h"
#include "random_record.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define VALUES 3   /* of each record */
#define COMMITS 12 /* of each topic */
#define SCHEMAS 5  /* writers' schemas that fuzz_commit knows */

struct corpus {
    const char *folder;
    size_t count;
    struct ev_arena arena;
    struct ev_buffer bytes;
    struct ev_fake_random random;
};

static void write_seed(struct corpus *corpus, const char *target)
{
    struct ev_str path = ev_arena_printf(&corpus->arena, "%s/%s", corpus->folder, target);
    if (mkdir(path.data, 0755) < 0 && errno != EEXIST) {
        perror(path.data);
        exit(EXIT_FAILURE);
    }
    path = ev_arena_printf(&corpus->arena, "%s/seed-%05zu", path.data, corpus->count++);
    FILE *file = fopen(path.data, "wb");
    if (!file || fwrite(corpus->bytes.data, 1, corpus->bytes.length, file) != corpus->bytes.length ||
        fclose(file) != 0) {
        perror(path.data);
        exit(EXIT_FAILURE);
    }
    ev_buffer_clear(&corpus->bytes);
    ev_arena_reset(&corpus->arena);
}

static void start_seed(struct corpus *corpus, size_t choice)
{
    char byte = (char)choice;
    ev_buffer_clear(&corpus->bytes);
    ev_buffer_append(&corpus->bytes, &byte, 1);
}

static void make_records(struct corpus *corpus)
{
    for (size_t i = 0; i < orderlog_record_count * VALUES; i++) {
        const struct ev_record *record = orderlog_records[i % orderlog_record_count];
        void *value = ev_arena_alloc(&corpus->arena, record->size);
        start_seed(corpus, i % orderlog_record_count);
        ev_record_random(record, &random_options_default, &corpus->random.random, &corpus->arena, value);
        ev_record_encode(record, value, &corpus->bytes);
        write_seed(corpus, "record");
    }
}

static void make_commit(struct corpus *corpus, size_t topic_index, size_t number)
{
    const struct ev_topic_schema *topic = orderlog_topics[topic_index];
    struct ev_event events[4];
    struct ev_commit commit = {.stream_id = EV_STR("order-1"),
                               .epoch = 1,
                               .seq = (int64_t)number,
                               .actor = EV_STR("a"),
                               .events = events,
                               .event_count = number % COUNT_OF(events)};
    for (size_t i = 0; i < commit.event_count; i++) {
        events[i].type = topic->types[(number + i) % topic->type_count];
        void *body = ev_arena_alloc(&corpus->arena, events[i].type->record->size);
        ev_record_random(events[i].type->record, &random_options_default, &corpus->random.random, &corpus->arena, body);
        events[i].body = body;
    }
    start_seed(corpus, topic_index);
    if (ev_commit_encode(topic, (int32_t)(number % SCHEMAS), &commit, &corpus->bytes, NULL) < 0)
        exit(EXIT_FAILURE);
    write_seed(corpus, "commit");
}

static void make_commands(struct corpus *corpus)
{
    for (size_t i = 0; i < orderlog_command_count; i++) {
        struct ev_arena arena;
        yyjson_val *schema, *example;
        size_t index, bound;
        ev_arena_init(&arena, 0);
        if (ev_json_parse(ev_str_of(orderlog_commands[i]->schema_json), &arena, &schema, NULL) < 0)
            exit(EXIT_FAILURE);
        yyjson_arr_foreach (yyjson_obj_get(schema, "examples"), index, bound, example) {
            size_t length;
            char *text = yyjson_val_write(example, 0, &length);
            start_seed(corpus, i);
            ev_buffer_append(&corpus->bytes, text, length);
            write_seed(corpus, "command");
            free(text);
        }
        ev_arena_finish(&arena);
    }
}

static void make_wire(struct corpus *corpus)
{
    static const struct ev_str seeds[] = {{"\x00", 1},
                                          {"\x04te", 3},
                                          {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
                                          {"\x03\x04"
                                           "ab\x00",
                                           5},
                                          {"0123456\xf0\x9f\x8d\xb5 tea", 15},
                                          {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10}};
    for (size_t i = 0; i < COUNT_OF(seeds); i++) {
        ev_buffer_append_str(&corpus->bytes, seeds[i]);
        write_seed(corpus, "wire");
    }
}

/* fuzz_schema: a schema and a changed one. */
static void make_schemas(struct corpus *corpus)
{
    static const char *const seeds[] = {
        "\"int\"\n\"long\"",
        "[\"null\",\"string\"]\n\"bytes\"",
        "{\"type\":\"array\",\"items\":\"int\"}\n{\"type\":\"map\",\"values\":\"float\"}",
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"aliases\":[\"Q\"],\"fields\":[{\"name\":\"a\","
        "\"type\":"
        "[\"null\",\"R\"],\"default\":null,\"aliases\":[\"b\"]}]}\n"
        "{\"type\":\"record\",\"name\":\"n.Q\",\"fields\":[{\"name\":\"b\",\"type\":[\"null\",\"n.Q\"]},{\"name\":"
        "\"c\","
        "\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"],\"default\":\"A\"}\n"
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\",\"C\"]}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}\n{\"type\":\"fixed\",\"name\":\"F\",\"size\":8}",
        "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[]},{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}]\n"
        "[{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}]",
    };
    for (size_t i = 0; i < COUNT_OF(seeds); i++) {
        ev_buffer_append_str(&corpus->bytes, ev_str_of(seeds[i]));
        write_seed(corpus, "schema");
    }
    for (size_t i = 0; i < orderlog_registered_schema_count; i++) {
        ev_buffer_append_str(&corpus->bytes, ev_str_of(orderlog_registered_schemas[i].json));
        write_seed(corpus, "schema");
    }
}

/* fuzz_position: positions made of bytes, and texts that are no tokens. */
static void make_positions(struct corpus *corpus)
{
    static const struct ev_str texts[] = {{"", 0}, {"MXxvcmRlcjowOjE3", 16}, {"AAAA,BBBB", 9}, {"====", 4}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        start_seed(corpus, 0);
        ev_buffer_append_str(&corpus->bytes, texts[i]);
        write_seed(corpus, "position");
    }
    for (size_t count = 1; count <= 17; count += 4) {
        char bytes[9 * 17];
        corpus->random.random.fill(corpus->random.random.context, bytes, sizeof(bytes));
        start_seed(corpus, 1);
        ev_buffer_append(&corpus->bytes, bytes, 9 * count);
        write_seed(corpus, "position");
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "--help") == 0) {
        fprintf(argc == 2 ? stdout : stderr,
                "usage: make_corpus FOLDER\nWrites FOLDER/TARGET/seed-NNNNN, the same each time.\n");
        return argc == 2 ? EXIT_SUCCESS : 2;
    }
    struct corpus corpus = {.folder = argv[1]};
    if (mkdir(argv[1], 0755) < 0 && errno != EEXIST) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    ev_fake_random_init(&corpus.random, 1);
    make_records(&corpus);
    for (size_t i = 0; i < orderlog_topic_count * COMMITS; i++)
        make_commit(&corpus, i % orderlog_topic_count, i / orderlog_topic_count);
    make_commands(&corpus);
    make_wire(&corpus);
    make_schemas(&corpus);
    make_positions(&corpus);
    ev_arena_finish(&corpus.arena);
    ev_buffer_finish(&corpus.bytes);
    return EXIT_SUCCESS;
}
