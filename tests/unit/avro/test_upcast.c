/* Upcasters and retired events: commits as an old program wrote them, read by a new one. Both contracts are written out
 * by hand; they share the records. */
#include "testing.h"

#include "avro/commit.h"

#define EVENT(name) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[{\"name\":\"value\",\"type\":\"long\"}]}"
#define SCHEMA                                                                                                         \
    "{\"type\":\"record\",\"name\":\"Commit\",\"fields\":["                                                            \
    "{\"name\":\"stream_id\",\"type\":\"string\"},{\"name\":\"base_version\",\"type\":\"long\"},"                      \
    "{\"name\":\"epoch\",\"type\":\"long\"},{\"name\":\"seq\",\"type\":\"long\"},"                                     \
    "{\"name\":\"command_id\",\"type\":\"string\"},{\"name\":\"request_hash\",\"type\":\"bytes\"},"                    \
    "{\"name\":\"correlation_id\",\"type\":\"string\"},{\"name\":\"causation_id\",\"type\":\"string\"},"               \
    "{\"name\":\"actor\",\"type\":\"string\"},{\"name\":\"traceparent\",\"type\":[\"null\",\"string\"]},"              \
    "{\"name\":\"occurred_at\",\"type\":\"long\"},"                                                                    \
    "{\"name\":\"events\",\"type\":{\"type\":\"array\",\"items\":[" EVENT("Moved") "," EVENT("Left") "," EVENT(        \
        "Came") "," EVENT("Endless") "," EVENT("Many") "," EVENT("Old") "]}}]}"

struct body {
    int64_t value;
};
static const struct ev_field body_fields[] = {
    {.name = "value", .kind = EV_KIND_LONG, .offset = offsetof(struct body, value)},
};
#define RECORD(record_name)                                                                                            \
    {                                                                                                                  \
        .name = record_name, .full_name = record_name, .size = sizeof(struct body), .field_count = 1,                  \
        .fields = body_fields,                                                                                         \
    }
static const struct ev_record records[] = {RECORD("Moved"),   RECORD("Left"), RECORD("Came"),
                                           RECORD("Endless"), RECORD("Many"), RECORD("Old")};
enum { MOVED, LEFT, CAME, ENDLESS, MANY, OLD, TYPES };

static void moved_upcast(const void *body, struct ev_upcast *upcast);
static void left_upcast(const void *body, struct ev_upcast *upcast);
static void endless_upcast(const void *body, struct ev_upcast *upcast);
static void many_upcast(const void *body, struct ev_upcast *upcast);

static const struct ev_event_type old_types[] = {
    {.name = "Moved", .record = &records[MOVED]}, {.name = "Left", .record = &records[LEFT]},
    {.name = "Came", .record = &records[CAME]},   {.name = "Endless", .record = &records[ENDLESS]},
    {.name = "Many", .record = &records[MANY]},   {.name = "Old", .record = &records[OLD]},
};
/* Moved became Left and Came; then Left became Came with the opposite sign. */
static const struct ev_event_type new_types[] = {
    {.name = "Moved", .record = &records[MOVED], .number = -1, .upcast = moved_upcast},
    {.name = "Left", .record = &records[LEFT], .number = -1, .upcast = left_upcast},
    {.name = "Came", .record = &records[CAME]},
    {.name = "Endless", .record = &records[ENDLESS], .number = -1, .upcast = endless_upcast},
    {.name = "Many", .record = &records[MANY], .number = -1, .upcast = many_upcast},
    {.name = "Old", .record = &records[OLD], .retired = true},
};
#define LIST(types)                                                                                                    \
    (const struct ev_event_type *const[])                                                                              \
    {                                                                                                                  \
        &(types)[0], &(types)[1], &(types)[2], &(types)[3], &(types)[4], &(types)[5]                                   \
    }
static const struct ev_topic_schema old_topic = {
    .name = "move", .commit_schema = SCHEMA, .types = LIST(old_types), .type_count = TYPES};
static const struct ev_topic_schema new_topic = {
    .name = "move", .commit_schema = SCHEMA, .types = LIST(new_types), .type_count = TYPES};

static void moved_upcast(const void *untyped, struct ev_upcast *upcast)
{
    const struct body *old = untyped;
    ((struct body *)ev_upcast_add(upcast, &new_types[LEFT]))->value = old->value;
    ((struct body *)ev_upcast_add(upcast, &new_types[CAME]))->value = old->value + upcast->commit->occurred_at;
}
static void left_upcast(const void *untyped, struct ev_upcast *upcast)
{
    const struct body *old = untyped;
    ((struct body *)ev_upcast_add(upcast, &new_types[CAME]))->value = -old->value;
}
static void endless_upcast(const void *body, struct ev_upcast *upcast)
{
    (void)body;
    ev_upcast_add(upcast, &new_types[ENDLESS]);
}
static void many_upcast(const void *untyped, struct ev_upcast *upcast)
{
    const struct body *old = untyped;
    for (int64_t i = 0; i < old->value; i++)
        ev_upcast_add(upcast, &new_types[CAME]);
}

static int get_schema(void *context, int32_t id, struct ev_str *ret_json, struct ev_error *error)
{
    (void)context;
    (void)id;
    (void)error;
    *ret_json = EV_STR(SCHEMA);
    return 0;
}

struct fixture {
    struct ev_arena arena;
    struct ev_buffer bytes;
    struct ev_commit_decoder *decoder;
    struct ev_commit decoded;
    struct ev_error error;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    const struct ev_schema_source source = {.get = get_schema};
    ev_arena_init(&fixture->arena, 0);
    ev_buffer_init(&fixture->bytes);
    assert_ok(ev_commit_decoder_create(&new_topic, &source, &fixture->decoder, &fixture->error), fixture->error);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ev_commit_decoder_destroy(fixture->decoder);
    ev_buffer_finish(&fixture->bytes);
    ev_arena_finish(&fixture->arena);
    test_free(fixture);
    return 0;
}

static int encode(struct fixture *fixture, const struct ev_topic_schema *topic, const struct ev_event *events,
                  size_t count)
{
    const struct ev_commit commit = {
        .stream_id = EV_STR("move-1"), .occurred_at = 1000, .events = events, .event_count = count};
    ev_buffer_clear(&fixture->bytes);
    return ev_commit_encode(topic, 7, &commit, &fixture->bytes, &fixture->error);
}

static int decode(struct fixture *fixture, const struct ev_event *events, size_t count)
{
    assert_ok(encode(fixture, &old_topic, events, count), fixture->error);
    return ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &fixture->decoded,
                            &fixture->error);
}

static void assert_came(const struct fixture *fixture, size_t index, int64_t value)
{
    assert_ptr_equal(fixture->decoded.events[index].type, &new_types[CAME]);
    assert_int_equal(((const struct body *)fixture->decoded.events[index].body)->value, value);
}

static void test_split_and_chained(void **state)
{
    struct fixture *fixture = *state;
    const struct body three = {3}, five = {5};
    const struct ev_event events[] = {
        {&old_types[CAME], &five}, {&old_types[MOVED], &three}, {&old_types[LEFT], &five}};
    assert_ok(decode(fixture, events, 3), fixture->error);
    assert_int_equal(fixture->decoded.event_count, 4);
    assert_came(fixture, 0, 5);
    assert_came(fixture, 1, -3);   /* Moved, Left, Came */
    assert_came(fixture, 2, 1003); /* sees the commit's head */
    assert_came(fixture, 3, -5);
}

static void test_one_event(void **state)
{
    struct fixture *fixture = *state;
    const struct body three = {3};
    const struct ev_commit head = {.occurred_at = 7};
    struct ev_event event = {&new_types[MOVED], &three};
    assert_ok(ev_event_upcast(&event, &head, &fixture->arena, &fixture->decoded.events, &fixture->decoded.event_count,
                              &fixture->error),
              fixture->error);
    assert_int_equal(fixture->decoded.event_count, 2);
    assert_came(fixture, 0, -3);
    assert_came(fixture, 1, 10);
    event.type = &new_types[CAME];
    assert_ok(ev_event_upcast(&event, &head, &fixture->arena, &fixture->decoded.events, &fixture->decoded.event_count,
                              &fixture->error),
              fixture->error);
    assert_int_equal(fixture->decoded.event_count, 1);
    assert_came(fixture, 0, 3);
    event.type = &new_types[ENDLESS];
    assert_int_equal(ev_event_upcast(&event, &head, &fixture->arena, &fixture->decoded.events,
                                     &fixture->decoded.event_count, &fixture->error),
                     EV_ERR_UNSUPPORTED);
}

static void test_nothing_takes_its_place(void **state)
{
    struct fixture *fixture = *state;
    const struct body none = {0};
    const struct ev_event event = {&old_types[MANY], &none};
    assert_ok(decode(fixture, &event, 1), fixture->error);
    assert_int_equal(fixture->decoded.event_count, 0);
    assert_false(ev_commit_is_fence(&fixture->decoded));
}

static void test_bounds(void **state)
{
    struct fixture *fixture = *state;
    const struct body most = {EV_UPCAST_EVENTS_MAX}, more = {EV_UPCAST_EVENTS_MAX + 1};
    struct ev_event event = {&old_types[MANY], &most};
    assert_ok(decode(fixture, &event, 1), fixture->error);
    assert_int_equal(fixture->decoded.event_count, EV_UPCAST_EVENTS_MAX);
    event.body = &more;
    assert_int_equal(decode(fixture, &event, 1), EV_ERR_UNSUPPORTED);
    event.type = &old_types[ENDLESS];
    assert_int_equal(decode(fixture, &event, 1), EV_ERR_UNSUPPORTED);
    assert_non_null(strstr(fixture->error.message, "Endless"));
}

static void test_retired(void **state)
{
    struct fixture *fixture = *state;
    const struct body body = {9};
    const struct ev_event old = {&old_types[OLD], &body}, retired = {&new_types[OLD], &body};
    const struct ev_event split = {&new_types[MOVED], &body}, good = {&new_types[CAME], &body};
    assert_ok(decode(fixture, &old, 1), fixture->error); /* is read … */
    assert_ptr_equal(fixture->decoded.events[0].type, &new_types[OLD]);
    assert_int_equal(encode(fixture, &new_topic, &retired, 1), EV_ERR_INVALID); /* … and not written */
    assert_int_equal(fixture->bytes.length, 0);
    assert_int_equal(encode(fixture, &new_topic, &split, 1), EV_ERR_INVALID);
    assert_ok(encode(fixture, &new_topic, &good, 1), fixture->error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_split_and_chained), TEST(test_one_event), TEST(test_nothing_takes_its_place), TEST(test_bounds),
        TEST(test_retired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
