/* The first byte chooses a topic, the schema id in the record one of some writers' schemas: the topic's own, and such
 * as an older or newer program might have registered. */
#include <string.h>

#include "avro/commit.h"
#include "fuzz.h"
#include "gen/topics.h"

#define VARIANTS 5

/* Text of the schema replaced by other text, all over. */
static const struct {
    const char *from, *to;
} changes[VARIANTS] = {
    {"", ""},
    /* every "sku" is new to us, and ours is filled from nothing: events with it can't be read, the others can */
    {"\"name\":\"sku\"", "\"name\":\"article\""},
    /* a field more in front of each that has a customer */
    {"{\"name\":\"customer_id\"",
     "{\"name\":\"region\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"double\"]}},{\"name\":\"customer_id\""},
    /* smaller numbers, to be promoted */
    {"\"name\":\"quantity\",\"type\":\"long\"", "\"name\":\"quantity\",\"type\":\"int\""},
    /* another order of symbols, and one that isn't known */
    {"\"symbols\":[\"GOODS\",\"SERVICE\"]", "\"symbols\":[\"GIFT\",\"SERVICE\",\"GOODS\"]"},
};

static struct ev_str replace_all(struct ev_arena *arena, const char *text, const char *from, const char *to)
{
    struct ev_buffer out;
    ev_buffer_init(&out);
    const char *at;
    while (*from && (at = strstr(text, from))) {
        ev_buffer_append(&out, text, (size_t)(at - text));
        ev_buffer_append(&out, to, strlen(to));
        text = at + strlen(from);
    }
    ev_buffer_append(&out, text, strlen(text));
    struct ev_str made = ev_arena_copy(arena, ev_buffer_str(&out));
    ev_buffer_finish(&out);
    return made;
}

struct source {
    const struct ev_topic_schema *topic;
    struct ev_commit_decoder *decoder;
};

static struct ev_arena schemas; /* for the process's life */

static int get_schema(void *context, int32_t id, struct ev_str *ret_json, struct ev_error *error)
{
    const struct source *source = context;
    if (id < 0 || id >= VARIANTS)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no schema %d", (int)id);
    *ret_json = replace_all(&schemas, source->topic->commit_schema, changes[id].from, changes[id].to);
    return 0;
}

#define TOPICS_MAX 16
static struct source *source_of(size_t index)
{
    static struct source sources[TOPICS_MAX];
    struct source *source = &sources[index];
    FUZZ_CHECK(index < TOPICS_MAX);
    if (!source->decoder) {
        struct ev_schema_source port = {get_schema, source};
        source->topic = orderlog_topics[index];
        FUZZ_CHECK(ev_commit_decoder_create(source->topic, &port, &source->decoder, NULL) == 0);
    }
    return source;
}

/* What was decoded is written with the current schema and read again. */
static void check_commit(struct source *source, const struct ev_commit *commit, struct ev_arena *arena)
{
    struct ev_buffer bytes, text;
    struct ev_json_writer writer;
    struct ev_commit again;
    struct ev_error error;
    ev_buffer_init(&bytes);
    ev_buffer_init(&text);
    FUZZ_CHECK(commit->event_count <= EV_COMMIT_EVENTS_MAX);
    int rc = ev_commit_encode(source->topic, 0, commit, &bytes, &error);
    FUZZ_CHECK(rc == 0 || rc == EV_ERR_LIMIT);
    if (rc == 0) {
        FUZZ_CHECK(ev_commit_decode(source->decoder, ev_buffer_str(&bytes), arena, &again, &error) == 0);
        FUZZ_CHECK(again.event_count == commit->event_count);
        for (size_t i = 0; i < again.event_count; i++)
            FUZZ_CHECK(ev_record_equal(again.events[i].type->record, again.events[i].body, commit->events[i].body));
    }
    ev_json_init(&writer, &text);
    ev_commit_print(commit, &writer);
    ev_buffer_finish(&bytes);
    ev_buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct source *source = source_of(data[0] % orderlog_topic_count);
    struct ev_str record = {(const char *)data + 1, size - 1};
    struct ev_arena arena;
    struct ev_error error;
    struct ev_commit commit, head;
    ev_arena_init(&arena, 0);
    int rc = ev_commit_decode(source->decoder, record, &arena, &commit, &error);
    FUZZ_CHECK(rc == 0 || rc == EV_ERR_CORRUPT || rc == EV_ERR_NOT_FOUND || rc == EV_ERR_UNSUPPORTED);
    FUZZ_CHECK(arena.total <= FUZZ_ARENA_MAX(size));
    if (rc == 0) {
        FUZZ_CHECK(ev_commit_decode_head(source->decoder, record, &head, &error) == 0);
        FUZZ_CHECK(ev_str_equal(head.stream_id, commit.stream_id) && head.seq == commit.seq);
        check_commit(source, &commit, &arena);
    }
    ev_arena_finish(&arena);
    return 0;
}
