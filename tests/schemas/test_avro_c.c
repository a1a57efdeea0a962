/* Our codecs and avro-c's generic values on the same bytes: commits with every event, value by value, and back to the
 * same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Not <avro.h>: it would take our avro/resolver.h for its own. */
#include <avro/basics.h>
#include <avro/errors.h>
#include <avro/generic.h>
#include <avro/io.h>
#include <avro/schema.h>
#include <avro/value.h>

#include "avro/commit_head.h"
#include "avro/record_internal.h"
#include "core/core.h"
#include "gen/topics.h"
#include "random_record.h"

#define COMMITS 200
#define EVENTS_MAX 8
#define BYTES_MAX 65536

#define assert_avro(expression)                                                                                        \
    do {                                                                                                               \
        if ((expression) != 0)                                                                                         \
            fail_msg("%s: %s", #expression, avro_strerror());                                                          \
    } while (0)

static void compare_record(const struct ev_record *record, const void *value, avro_value_t *theirs);

static void compare_text(struct ev_str ours, const void *theirs, size_t length)
{
    assert_int_equal(ours.length, length);
    if (length > 0)
        assert_memory_equal(ours.data, theirs, length);
}

static void compare_array(const struct ev_field *field, const ev_any_array *ours, avro_value_t *theirs);

static void compare_value(const struct ev_field *field, enum ev_kind kind, const void *at, avro_value_t *theirs)
{
    int flag, symbol;
    int32_t small;
    int64_t large;
    double real;
    const char *text;
    const void *bytes;
    size_t length;
    switch (kind) {
    case EV_KIND_BOOL:
        assert_avro(avro_value_get_boolean(theirs, &flag));
        assert_int_equal(*(const bool *)at, flag);
        break;
    case EV_KIND_INT:
        assert_avro(avro_value_get_int(theirs, &small));
        assert_int_equal(*(const int32_t *)at, small);
        break;
    case EV_KIND_LONG:
        assert_avro(avro_value_get_long(theirs, &large));
        assert_true(*(const int64_t *)at == large);
        break;
    case EV_KIND_DOUBLE:
        assert_avro(avro_value_get_double(theirs, &real));
        assert_memory_equal(at, &real, sizeof(real));
        break;
    case EV_KIND_STRING:
        assert_avro(avro_value_get_string(theirs, &text, &length));
        compare_text(*(const struct ev_str *)at, text, length - 1); /* theirs counts the NUL */
        break;
    case EV_KIND_BYTES:
        assert_avro(avro_value_get_bytes(theirs, &bytes, &length));
        compare_text(*(const struct ev_str *)at, bytes, length);
        break;
    case EV_KIND_ENUM:
        assert_avro(avro_value_get_enum(theirs, &symbol));
        text = avro_schema_enum_get(avro_value_get_schema(theirs), symbol);
        assert_string_equal(field->symbols->symbols[*(const int32_t *)at], text);
        break;
    case EV_KIND_RECORD:
        compare_record(field->record, at, theirs);
        break;
    case EV_KIND_ARRAY:
        compare_array(field, at, theirs);
        break;
    }
}

static void compare_array(const struct ev_field *field, const ev_any_array *ours, avro_value_t *theirs)
{
    size_t count;
    assert_avro(avro_value_get_size(theirs, &count));
    assert_int_equal(ours->count, count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t item;
        assert_avro(avro_value_get_by_index(theirs, i, &item, NULL));
        compare_value(field, field->item_kind, ev_at(ours->items, i * field->item_size), &item);
    }
}

static void compare_record(const struct ev_record *record, const void *value, avro_value_t *theirs)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        const void *at = ev_field_value(field, ev_at(value, field->offset));
        avro_value_t member, branch;
        assert_avro(avro_value_get_by_name(theirs, field->name, &member, NULL));
        if (!field->nullable) {
            compare_value(field, field->kind, at, &member);
            continue;
        }
        int index;
        assert_avro(avro_value_get_discriminant(&member, &index));
        assert_int_equal(index, at != NULL);
        assert_avro(avro_value_get_current_branch(&member, &branch));
        if (at)
            compare_value(field, field->kind, at, &branch);
    }
}

static void compare_events(const struct ev_topic_schema *topic, const struct ev_commit *commit, avro_value_t *theirs)
{
    avro_value_t events;
    size_t count;
    assert_avro(avro_value_get_by_name(theirs, "events", &events, NULL));
    assert_avro(avro_value_get_size(&events, &count));
    assert_int_equal(commit->event_count, count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t item, body;
        int index;
        assert_avro(avro_value_get_by_index(&events, i, &item, NULL));
        assert_avro(avro_value_get_discriminant(&item, &index));
        assert_ptr_equal(topic->types[index], commit->events[i].type);
        assert_avro(avro_value_get_current_branch(&item, &body));
        compare_record(commit->events[i].type->record, commit->events[i].body, &body);
    }
}

struct fixture {
    struct ev_arena arena;
    struct ev_buffer bytes;
    struct ev_fake_random random;
};

static struct ev_commit random_commit(struct fixture *fixture, const struct ev_topic_schema *topic,
                                      struct ev_commit_head *head)
{
    const struct ev_random *random = &fixture->random.random;
    ev_record_random(&ev_commit_head_record, &random_options_default, random, &fixture->arena, head);
    struct ev_commit commit = {
        .stream_id = head->stream_id,
        .base_version = head->base_version,
        .epoch = head->epoch,
        .seq = head->seq,
        .correlation_id = head->correlation_id,
        .causation_id = head->causation_id,
        .actor = head->actor,
        .traceparent = head->traceparent,
        .occurred_at = head->occurred_at,
        .event_count = ev_random_below(random, EVENTS_MAX + 1),
    };
    random->fill(random->context, commit.command_id.bytes, sizeof(commit.command_id.bytes));
    random->fill(random->context, commit.request_hash.bytes, sizeof(commit.request_hash.bytes));
    char *text = ev_arena_alloc(&fixture->arena, EV_UUID_TEXT_LENGTH + 1);
    ev_uuid_format(&commit.command_id, text);
    head->command_id = (struct ev_str){text, EV_UUID_TEXT_LENGTH};
    head->request_hash = ev_arena_copy(&fixture->arena, (struct ev_str){(char *)commit.request_hash.bytes, 16});
    struct ev_event *events = ev_arena_new_array(&fixture->arena, struct ev_event, EVENTS_MAX);
    for (size_t i = 0; i < commit.event_count; i++) {
        events[i].type = topic->types[ev_random_below(random, topic->type_count)];
        void *body = ev_arena_alloc(&fixture->arena, events[i].type->record->size);
        ev_record_random(events[i].type->record, &random_options_default, random, &fixture->arena, body);
        events[i].body = body;
    }
    commit.events = events;
    return commit;
}

static void check_commit(struct fixture *fixture, const struct ev_topic_schema *topic, avro_value_t *theirs)
{
    struct ev_commit_head head;
    struct ev_error error;
    struct ev_commit commit = random_commit(fixture, topic, &head);
    ev_buffer_clear(&fixture->bytes);
    if (ev_commit_encode(topic, 1, &commit, &fixture->bytes, &error) < 0)
        fail_msg("%s", error.message);
    const char *body = fixture->bytes.data + EV_COMMIT_PREFIX_BYTES;
    size_t length = fixture->bytes.length - EV_COMMIT_PREFIX_BYTES;
    avro_reader_t reader = avro_reader_memory(body, (int64_t)length);
    assert_avro(avro_value_reset(theirs));
    assert_avro(avro_value_read(reader, theirs));
    avro_reader_free(reader);
    compare_record(&ev_commit_head_record, &head, theirs);
    compare_events(topic, &commit, theirs);

    static char again[BYTES_MAX];
    avro_writer_t writer = avro_writer_memory(again, sizeof(again));
    assert_avro(avro_value_write(writer, theirs));
    assert_int_equal(avro_writer_tell(writer), length);
    assert_memory_equal(again, body, length);
    avro_writer_free(writer);
}

static void test_commits_of_every_topic(void **state)
{
    (void)state;
    struct fixture fixture;
    ev_arena_init(&fixture.arena, 0);
    ev_buffer_init(&fixture.bytes);
    ev_fake_random_init(&fixture.random, 5);
    for (size_t i = 0; i < orderlog_topic_count; i++) {
        const char *json = orderlog_topics[i]->commit_schema;
        avro_schema_t schema;
        avro_value_t value;
        assert_avro(avro_schema_from_json_length(json, strlen(json), &schema));
        avro_value_iface_t *class = avro_generic_class_from_schema(schema);
        assert_avro(avro_generic_value_new(class, &value));
        for (size_t commit = 0; commit < COMMITS; commit++) {
            check_commit(&fixture, orderlog_topics[i], &value);
            ev_arena_reset(&fixture.arena);
        }
        avro_value_decref(&value);
        avro_value_iface_decref(class);
        avro_schema_decref(schema);
    }
    ev_arena_finish(&fixture.arena);
    ev_buffer_finish(&fixture.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_commits_of_every_topic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
