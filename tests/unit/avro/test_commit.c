/* Commits: what is encoded is decoded, by the writer's own schema and by others; a decoder asks once for each schema.
 */
#include "testing.h"

#include "avro/commit.h"
#include "gen/cart.h"
#include "gen/order.h"
#include "gen/topics.h"
#include "random_record.h"

#define SCHEMAS_MAX 4

/* A source with schemas by id. */
struct fake_source {
    const char *schemas[SCHEMAS_MAX];
    int asked[SCHEMAS_MAX];
    bool away;
};

static int fake_get(void *context, int32_t id, struct ev_str *ret_json, struct ev_error *error)
{
    struct fake_source *source = context;
    if (source->away)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "away");
    if (id < 0 || id >= SCHEMAS_MAX || !source->schemas[id])
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no schema %d", (int)id);
    source->asked[id]++;
    *ret_json = ev_str_of(source->schemas[id]);
    return 0;
}

struct fixture {
    struct ev_arena arena;
    struct ev_buffer bytes;
    struct ev_error error;
    struct fake_source source;
    struct ev_commit_decoder *decoder;
    struct ev_fake_random random;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    ev_arena_init(&fixture->arena, 0);
    ev_buffer_init(&fixture->bytes);
    ev_fake_random_init(&fixture->random, 11);
    fixture->source.schemas[1] = order_topic.commit_schema;
    struct ev_schema_source source = {fake_get, &fixture->source};
    assert_ok(ev_commit_decoder_create(&order_topic, &source, &fixture->decoder, &fixture->error), fixture->error);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ev_commit_decoder_destroy(fixture->decoder);
    ev_arena_finish(&fixture->arena);
    ev_buffer_finish(&fixture->bytes);
    test_free(fixture);
    return 0;
}

static struct ev_commit sample_commit(void)
{
    struct ev_commit commit = {
        .stream_id = EV_STR("order-536365"),
        .base_version = 3,
        .epoch = 12,
        .seq = 70000,
        .correlation_id = EV_STR("corr"),
        .causation_id = EV_STR(""),
        .actor = EV_STR("customer:17850"),
        .traceparent = EV_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .occurred_at = INT64_C(1291191960000),
    };
    for (size_t i = 0; i < 16; i++) {
        commit.command_id.bytes[i] = (uint8_t)(i * 17);
        commit.request_hash.bytes[i] = (uint8_t)(255 - i);
    }
    return commit;
}

static void assert_same_head(const struct ev_commit *a, const struct ev_commit *b)
{
    assert_true(ev_str_equal(a->stream_id, b->stream_id));
    assert_true(a->base_version == b->base_version && a->epoch == b->epoch && a->seq == b->seq);
    assert_true(ev_uuid_equal(&a->command_id, &b->command_id));
    assert_true(ev_hash128_equal(&a->request_hash, &b->request_hash));
    assert_true(ev_str_equal(a->correlation_id, b->correlation_id));
    assert_true(ev_str_equal(a->causation_id, b->causation_id));
    assert_true(ev_str_equal(a->actor, b->actor));
    assert_true(ev_str_equal(a->traceparent, b->traceparent));
    assert_true(a->occurred_at == b->occurred_at);
}

/* All the topic's events, `count` in all, at random. */
static struct ev_event *random_events(struct fixture *fixture, const struct ev_topic_schema *topic, size_t count)
{
    struct ev_event *events = ev_arena_new_array(&fixture->arena, struct ev_event, count);
    for (size_t i = 0; i < count; i++) {
        events[i].type = topic->types[i % topic->type_count];
        void *body = ev_arena_alloc(&fixture->arena, events[i].type->record->size);
        ev_record_random(events[i].type->record, &random_options_default, &fixture->random.random, &fixture->arena,
                         body);
        events[i].body = body;
    }
    return events;
}

static void assert_same_events(const struct ev_commit *a, const struct ev_commit *b)
{
    assert_int_equal(a->event_count, b->event_count);
    for (size_t i = 0; i < a->event_count; i++) {
        assert_ptr_equal(a->events[i].type, b->events[i].type);
        assert_true(ev_record_equal(a->events[i].type->record, a->events[i].body, b->events[i].body));
    }
}

static void test_round_trip(void **state)
{
    struct fixture *fixture = *state;
    for (size_t count = 0; count < 40; count += 3) {
        struct ev_commit commit = sample_commit(), decoded, head;
        commit.events = random_events(fixture, &order_topic, count);
        commit.event_count = count;
        if (count % 2)
            commit.traceparent = EV_STR_NULL;
        ev_buffer_clear(&fixture->bytes);
        assert_ok(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), fixture->error);
        assert_memory_equal(fixture->bytes.data, "\0\0\0\0\x01", 5);
        struct ev_str bytes = ev_buffer_str(&fixture->bytes);
        assert_ok(ev_commit_decode(fixture->decoder, bytes, &fixture->arena, &decoded, &fixture->error),
                  fixture->error);
        assert_same_head(&commit, &decoded);
        assert_same_events(&commit, &decoded);
        assert_ok(ev_commit_decode_head(fixture->decoder, bytes, &head, &fixture->error), fixture->error);
        assert_same_head(&commit, &head);
    }
    assert_int_equal(fixture->source.asked[1], 1);
}

/* Encoding appends: what was in the buffer stays. */
static void test_encode_appends(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit(), decoded;
    ev_buffer_append(&fixture->bytes, "before", 6);
    assert_ok(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), fixture->error);
    assert_memory_equal(fixture->bytes.data, "before\0", 7);
    struct ev_str bytes = {fixture->bytes.data + 6, fixture->bytes.length - 6};
    assert_ok(ev_commit_decode(fixture->decoder, bytes, &fixture->arena, &decoded, &fixture->error), fixture->error);
}

static void test_fence(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit fence = {.stream_id = EV_STR(""), .epoch = 5, .actor = EV_STR("http://127.0.0.1:9080")}, decoded;
    assert_true(ev_commit_is_fence(&fence));
    assert_ok(ev_commit_encode(&order_topic, 1, &fence, &fixture->bytes, &fixture->error), fixture->error);
    assert_ok(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        fixture->error);
    assert_true(ev_commit_is_fence(&decoded));
    assert_true(decoded.epoch == 5);
    assert_text_equal(decoded.actor, "http://127.0.0.1:9080");
    assert_int_equal(decoded.event_count, 0);
}

static void test_truncated_and_leftover(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit(), decoded;
    commit.events = random_events(fixture, &order_topic, 5);
    commit.event_count = 5;
    assert_ok(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), fixture->error);
    for (size_t length = 0; length < fixture->bytes.length; length++) {
        struct ev_str part = exact_copy((struct ev_str){fixture->bytes.data, length});
        assert_int_equal(ev_commit_decode(fixture->decoder, part, &fixture->arena, &decoded, &fixture->error),
                         EV_ERR_CORRUPT);
        test_free((void *)part.data);
    }
    ev_buffer_append(&fixture->bytes, "", 1);
    assert_int_equal(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        EV_ERR_CORRUPT);
}

static void test_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit();
    commit.events = random_events(fixture, &order_topic, EV_COMMIT_EVENTS_MAX + 1);
    commit.event_count = EV_COMMIT_EVENTS_MAX + 1;
    assert_int_equal(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), EV_ERR_LIMIT);
    assert_int_equal(fixture->bytes.length, 0);
    char *text = ev_arena_alloc(&fixture->arena, EV_COMMIT_BYTES_MAX);
    memset(text, 'x', EV_COMMIT_BYTES_MAX);
    commit = sample_commit();
    commit.actor = (struct ev_str){text, EV_COMMIT_BYTES_MAX};
    assert_int_equal(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), EV_ERR_LIMIT);
    assert_int_equal(fixture->bytes.length, 0);
}

static void test_event_of_another_topic(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit();
    struct cart_emptied emptied = {.cart_id = EV_STR("c")};
    struct ev_event event = {&cart_emptied_event, &emptied};
    commit.events = &event;
    commit.event_count = 1;
    assert_int_equal(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), EV_ERR_INVALID);
}

/* A commit whose events come in `count` blocks of one event each, into fixture->bytes. */
static void encode_blocks_of_one(struct fixture *fixture, size_t count)
{
    struct ev_commit commit = sample_commit();
    struct order_cancelled cancelled = {.order_id = EV_STR("o")};
    struct ev_event event = {&order_cancelled_event, &cancelled};
    struct ev_buffer one, *bytes = &fixture->bytes;
    ev_buffer_init(&one);
    assert_ok(ev_commit_encode(&order_topic, 1, &commit, bytes, &fixture->error), fixture->error);
    commit.events = &event;
    commit.event_count = 1;
    assert_ok(ev_commit_encode(&order_topic, 1, &commit, &one, &fixture->error), fixture->error);
    size_t head = --bytes->length; /* all but the end of the events */
    for (size_t i = 0; i < count; i++)
        ev_buffer_append(bytes, one.data + head, one.length - head - 1);
    ev_buffer_append(bytes, "", 1);
    ev_buffer_finish(&one);
}

/* Found by fuzzing: an array that grew by one with each block cost memory by the square of its length. */
static void test_many_blocks_cost_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit decoded;
    encode_blocks_of_one(fixture, EV_COMMIT_EVENTS_MAX);
    assert_ok(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        fixture->error);
    assert_int_equal(decoded.event_count, EV_COMMIT_EVENTS_MAX);
    size_t least = EV_COMMIT_EVENTS_MAX * (sizeof(struct ev_event) + sizeof(struct order_cancelled));
    assert_in_range(fixture->arena.total, least, 2 * least);
}

static void test_too_many_events_in_the_input(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit decoded;
    encode_blocks_of_one(fixture, EV_COMMIT_EVENTS_MAX + 1);
    assert_int_equal(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        EV_ERR_CORRUPT);
}

static void test_not_the_wire_format(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit decoded;
    static const struct ev_str cases[] = {{NULL, 0}, {"", 0}, {"\0\0\0\0", 4}, {"\1\0\0\0\1\0", 6}, {"{\"a\":1}", 7}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(ev_commit_decode_head(fixture->decoder, cases[i], &decoded, &fixture->error), EV_ERR_CORRUPT);
}

/* Places in the record where the id and the hash lie: after prefix, stream_id and three numbers. */
static void test_head_that_is_no_head(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = {.stream_id = EV_STR("s"), .actor = EV_STR("")}, decoded;
    assert_ok(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), fixture->error);
    char *id = fixture->bytes.data + 5 + 2 + 3 + 1, *hash_length = id + EV_UUID_TEXT_LENGTH;
    assert_int_equal(*hash_length, 2 * 16);
    *id = 'x';
    assert_int_equal(ev_commit_decode_head(fixture->decoder, ev_buffer_str(&fixture->bytes), &decoded, &fixture->error),
                     EV_ERR_CORRUPT);
    assert_non_null(strstr(fixture->error.message, "command_id"));
    *id = '0';
    assert_ok(ev_commit_decode_head(fixture->decoder, ev_buffer_str(&fixture->bytes), &decoded, &fixture->error),
              fixture->error);
    *hash_length = 2 * 15; /* the last byte of the hash is then an empty correlation id, and so on */
    assert_int_equal(ev_commit_decode_head(fixture->decoder, ev_buffer_str(&fixture->bytes), &decoded, &fixture->error),
                     EV_ERR_CORRUPT);
    assert_non_null(strstr(fixture->error.message, "request_hash"));
}

static void test_schema_source(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit(), decoded;
    assert_ok(ev_commit_encode(&order_topic, 1, &commit, &fixture->bytes, &fixture->error), fixture->error);
    struct ev_str bytes = ev_buffer_str(&fixture->bytes);
    fixture->source.away = true;
    assert_int_equal(ev_commit_decode_head(fixture->decoder, bytes, &decoded, &fixture->error), EV_ERR_UNAVAILABLE);
    assert_true(fixture->error.retriable);
    fixture->source.away = false;
    assert_ok(ev_commit_decode_head(fixture->decoder, bytes, &decoded, &fixture->error), fixture->error);
    fixture->source.away = true; /* what is known needs no source */
    assert_ok(ev_commit_decode_head(fixture->decoder, bytes, &decoded, &fixture->error), fixture->error);
    fixture->source.away = false;
    fixture->bytes.data[4] = 3;
    assert_int_equal(ev_commit_decode_head(fixture->decoder, bytes, &decoded, &fixture->error), EV_ERR_NOT_FOUND);
}

/* The current schema as a newer program might have it: text replaced by other text, once. */
static const char *changed_schema(struct fixture *fixture, const char *from, const char *to)
{
    const char *schema = order_topic.commit_schema, *at = strstr(schema, from);
    assert_non_null(at);
    return ev_arena_printf(&fixture->arena, "%.*s%s%s", (int)(at - schema), schema, to, at + strlen(from)).data;
}

/* The same commit as bytes for the schema with id 2, whose event 0 (OrderPlaced) has `prefix` in front of its fields.
 */
static void encode_changed(struct fixture *fixture, const struct ev_commit *commit, const char *prefix,
                           size_t prefix_length)
{
    struct ev_buffer head;
    ev_buffer_init(&head);
    struct ev_commit empty = *commit;
    empty.event_count = 0;
    assert_ok(ev_commit_encode(&order_topic, 2, &empty, &head, &fixture->error), fixture->error);
    ev_buffer_append(&fixture->bytes, head.data, head.length - 1);
    ev_buffer_append(&fixture->bytes, "\x02\x00", 2); /* one event, branch 0 */
    ev_buffer_append(&fixture->bytes, prefix, prefix_length);
    ev_record_encode(commit->events[0].type->record, commit->events[0].body, &fixture->bytes);
    ev_buffer_append(&fixture->bytes, "", 1);
    ev_buffer_finish(&head);
}

#define PLACED_FIELDS "\"name\":\"OrderPlaced\",\"namespace\":\"orderlog.order\",\"fields\":["

static void test_added_field_of_a_newer_writer(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit(), decoded;
    fixture->source.schemas[2] =
        changed_schema(fixture, PLACED_FIELDS, PLACED_FIELDS "{\"name\":\"added\",\"type\":\"string\"},");
    commit.events = random_events(fixture, &order_topic, 1);
    commit.event_count = 1;
    encode_changed(fixture, &commit, "\x06new", 4);
    assert_ok(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        fixture->error);
    assert_same_head(&commit, &decoded);
    assert_same_events(&commit, &decoded);
}

/* An event that isn't known stops the commit that has it, and no other. */
static void test_unknown_event_of_a_newer_writer(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit(), decoded;
    fixture->source.schemas[2] = changed_schema(
        fixture, "\"items\":[",
        "\"items\":[{\"type\":\"record\",\"name\":\"OrderHeld\",\"namespace\":\"orderlog.order\",\"fields\":[]},");
    commit.events = random_events(fixture, &order_topic, 1);
    commit.event_count = 1;
    assert_ok(ev_commit_encode(&order_topic, 2, &commit, &fixture->bytes, &fixture->error), fixture->error);
    struct ev_str bytes = ev_buffer_str(&fixture->bytes);
    assert_int_equal(ev_commit_decode(fixture->decoder, bytes, &fixture->arena, &decoded, &fixture->error),
                     EV_ERR_UNSUPPORTED);
    assert_non_null(strstr(fixture->error.message, "OrderHeld"));
    assert_ok(ev_commit_decode_head(fixture->decoder, bytes, &decoded, &fixture->error), fixture->error);
    ev_buffer_clear(&fixture->bytes);
    commit.event_count = 0;
    assert_ok(ev_commit_encode(&order_topic, 2, &commit, &fixture->bytes, &fixture->error), fixture->error);
    assert_ok(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        fixture->error);
}

static void test_added_field_in_the_head(void **state)
{
    struct fixture *fixture = *state;
    struct ev_commit commit = sample_commit(), decoded;
    fixture->source.schemas[2] =
        changed_schema(fixture, "\"fields\":[{\"name\":\"stream_id\"",
                       "\"fields\":[{\"name\":\"region\",\"type\":\"int\"},{\"name\":\"stream_id\"");
    assert_ok(ev_commit_encode(&order_topic, 2, &commit, &fixture->bytes, &fixture->error), fixture->error);
    char *region = ev_buffer_reserve(&fixture->bytes, 1);
    memmove(fixture->bytes.data + 6, fixture->bytes.data + 5, (size_t)(region - fixture->bytes.data) - 5);
    fixture->bytes.data[5] = 42;
    fixture->bytes.length++;
    assert_ok(
        ev_commit_decode(fixture->decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
        fixture->error);
    assert_same_head(&commit, &decoded);
}

static void test_every_registered_version_resolves(void **state)
{
    struct fixture *fixture = *state;
    assert_true(orderlog_registered_schema_count >= orderlog_topic_count);
    for (size_t i = 0; i < orderlog_registered_schema_count; i++) {
        const struct orderlog_registered_schema *version = &orderlog_registered_schemas[i];
        struct ev_commit_decoder *decoder;
        struct ev_commit fence = {.stream_id = EV_STR(""), .epoch = 1}, decoded;
        struct ev_schema_source source = {fake_get, &fixture->source};
        fixture->source.schemas[3] = version->json;
        assert_ok(ev_commit_decoder_create(version->topic, &source, &decoder, &fixture->error), fixture->error);
        ev_buffer_clear(&fixture->bytes);
        assert_ok(ev_commit_encode(version->topic, 3, &fence, &fixture->bytes, &fixture->error), fixture->error);
        assert_ok(ev_commit_decode(decoder, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &fixture->error),
                  fixture->error);
        ev_commit_decoder_destroy(decoder);
    }
}

static void test_print(void **state)
{
    struct fixture *fixture = *state;
    struct ev_json_writer writer;
    struct ev_commit commit = sample_commit();
    struct order_cancelled cancelled = {
        .order_id = EV_STR("o"), .country = EV_STR("EIRE"), .currency = EV_STR("EUR"), .whole = true};
    struct ev_event event = {&order_cancelled_event, &cancelled};
    commit.events = &event;
    commit.event_count = 1;
    ev_json_init(&writer, &fixture->bytes);
    ev_commit_print(&commit, &writer);
    assert_text_equal(
        ev_buffer_str(&fixture->bytes),
        "{\"stream_id\":\"order-536365\",\"base_version\":3,\"epoch\":12,\"seq\":70000,"
        "\"command_id\":\"00112233-4455-6677-8899-aabbccddeeff\",\"request_hash\":\"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0\","
        "\"correlation_id\":\"corr\",\"causation_id\":\"\",\"actor\":\"customer:17850\","
        "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\",\"occurred_at\":\"2010-12-01T08:"
        "26:00Z\","
        "\"events\":[{\"type\":\"OrderCancelled\",\"data\":{\"order_id\":\"o\",\"customer_id\":null,\"country\":"
        "\"EIRE\","
        "\"currency\":\"EUR\",\"cancelled_at\":\"1970-01-01T00:00:00Z\",\"reason\":null,\"whole\":true,\"lines\":[]}}]"
        "}");
}

static void test_events_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct ev_events *events = ev_arena_new(&fixture->arena, struct ev_events);
    events->arena = &fixture->arena;
    for (size_t i = 0; i < EV_COMMIT_EVENTS_MAX; i++)
        order_cancelled_emit(events)->whole = true;
    assert_false(events->overflow);
    assert_int_equal(events->count, EV_COMMIT_EVENTS_MAX);
    assert_non_null(order_cancelled_emit(events));
    assert_true(events->overflow);
    assert_int_equal(events->count, EV_COMMIT_EVENTS_MAX);
}

static void test_tables_of_names(void **state)
{
    (void)state;
    assert_ptr_equal(orderlog_event_type_find(EV_STR("OrderPlaced")), &order_placed_event);
    assert_null(orderlog_event_type_find(EV_STR("OrderPlace")));
    assert_null(orderlog_event_type_find(EV_STR("")));
    assert_ptr_equal(orderlog_topic_find(EV_STR("cart")), &cart_topic);
    assert_ptr_equal(orderlog_topic_of_category(EV_STR("returns")), &order_topic);
    assert_null(orderlog_topic_of_category(EV_STR("views")));
    for (size_t i = 0; i < orderlog_command_count; i++)
        assert_ptr_equal(orderlog_command_type_find(ev_str_of(orderlog_commands[i]->name)), orderlog_commands[i]);
    for (size_t topic = 0; topic < orderlog_topic_count; topic++)
        for (size_t i = 0; i < orderlog_topics[topic]->type_count; i++)
            assert_ptr_equal(orderlog_event_type_find(ev_str_of(orderlog_topics[topic]->types[i]->name)),
                             orderlog_topics[topic]->types[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_encode_appends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_and_leftover, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_of_another_topic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_blocks_cost_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_events_in_the_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_the_wire_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_that_is_no_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schema_source, setup, teardown),
        cmocka_unit_test_setup_teardown(test_added_field_of_a_newer_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_event_of_a_newer_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_added_field_in_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_registered_version_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_print, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_are_bounded, setup, teardown),
        cmocka_unit_test(test_tables_of_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
