/* Documents as BSON and as plain JSON, and back: equal for any value of any view's document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gen/views.h"
#include "random_record.h"
#include "sinks/bson.h"
#include "sinks/index_definition.h"
#include "sinks/json_document.h"
#include "views/views.h"

#define ROUNDS 300

static void encode(const struct ev_record *record, const void *value, struct ev_buffer *out)
{
    ev_buffer_clear(out);
    ev_record_encode(record, value, out);
}

static void assert_same_bytes(const struct ev_record *record, const void *a, const void *b)
{
    struct ev_buffer first = {0}, second = {0};
    encode(record, a, &first);
    encode(record, b, &second);
    assert_true(ev_str_equal(ev_buffer_str(&first), ev_buffer_str(&second)));
    ev_buffer_finish(&first);
    ev_buffer_finish(&second);
}

typedef void (*convert)(const struct ev_record *record, const void *value, void *ret, struct ev_arena *arena);

static void through_bson(const struct ev_record *record, const void *value, void *ret, struct ev_arena *arena)
{
    struct ev_error error = {0};
    bson_t *bson = bson_new();
    BSON_APPEND_UTF8(bson, "_id", "key");
    BSON_APPEND_INT64(bson, "_offset", 5);
    sink_bson_append(record, value, bson);
    assert_true(bson_validate(bson, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL));
    /* Strings borrow from the BSON: it has to live as long as the arena. */
    void *bytes = ev_arena_alloc(arena, bson->len);
    memcpy(bytes, bson_get_data(bson), bson->len);
    bson_t view;
    assert_true(bson_init_static(&view, bytes, bson->len));
    if (sink_bson_read(record, &view, arena, ret, &error) < 0)
        fail_msg("%s", error.message);
    bson_destroy(bson);
}

static void through_json(const struct ev_record *record, const void *value, void *ret, struct ev_arena *arena)
{
    struct ev_error error = {0};
    struct ev_buffer text = {0};
    struct ev_json_writer writer;
    yyjson_val *root;
    ev_json_init(&writer, &text);
    ev_record_print_plain(record, value, &writer);
    assert_int_equal(ev_json_parse(ev_buffer_str(&text), arena, &root, &error), 0);
    if (sink_json_read(record, root, arena, ret, &error) < 0)
        fail_msg("%s", error.message);
    ev_buffer_finish(&text);
}

static void round_trips(convert through, const struct random_options *options)
{
    struct ev_fake_random random;
    struct ev_arena arena;
    ev_fake_random_init(&random, 11);
    ev_arena_init(&arena, 0);
    for (int i = 0; i < ROUNDS; i++) {
        const struct ev_record *record = orderlog_views[(size_t)i % orderlog_view_count]->document;
        ev_arena_reset(&arena);
        void *value = ev_arena_alloc(&arena, record->size), *back = ev_arena_alloc(&arena, record->size);
        ev_record_random(record, options, &random.random, &arena, value);
        through(record, value, back, &arena);
        assert_true(ev_record_equal(record, value, back));
        assert_same_bytes(record, value, back);
    }
    ev_arena_finish(&arena);
}

static void test_bson(void **state)
{
    (void)state;
    round_trips(through_bson, &random_options_default);
    struct random_options boundaries = random_options_default;
    boundaries.boundaries_only = true;
    round_trips(through_bson, &boundaries);
}

/* JSON can't tell -0 from 0 and has no infinities; formats' values avoid them. */
static void test_json(void **state)
{
    (void)state;
    struct random_options printable = random_options_default;
    printable.formats = true;
    round_trips(through_json, &printable);
}

static int read_bson(const char *json, struct ev_error *error)
{
    bson_error_t fault;
    struct ev_arena arena;
    bson_t *bson = bson_new_from_json((const uint8_t *)json, -1, &fault);
    struct sold_item item = {0};
    assert_non_null(bson);
    ev_arena_init(&arena, 0);
    int r = sink_bson_read(&sold_item_record, bson, &arena, &item, error);
    ev_arena_finish(&arena);
    bson_destroy(bson);
    return r;
}

static int read_json(const char *json, struct ev_error *error)
{
    struct ev_arena arena;
    struct sold_item item = {0};
    yyjson_val *root;
    ev_arena_init(&arena, 0);
    assert_int_equal(ev_json_parse(ev_str_of(json), &arena, &root, error), 0);
    int r = sink_json_read(&sold_item_record, root, &arena, &item, error);
    ev_arena_finish(&arena);
    return r;
}

#define LONG(number) "{\"$numberLong\":\"" #number "\"}"
#define REST(n)                                                                                                        \
    "\"orders\":" n ",\"units\":" n ",\"free_units\":" n ",\"value\":" n ",\"cancelled_units\":" n                     \
    ",\"cancelled_value\":" n ",\"returned_units\":" n

static void test_refuses_what_is_not_the_schema(void **state)
{
    (void)state;
    struct ev_error error;
    assert_int_equal(read_bson("{\"sku\":\"a\"," REST(LONG(1)) ",\"returned_value\":" LONG(1) "}", &error), 0);
    assert_int_equal(read_bson("{\"sku\":\"a\"," REST(LONG(1)) "}", &error), EV_ERR_CORRUPT);
    assert_non_null(strstr(error.message, "returned_value"));
    assert_int_equal(read_bson("{\"sku\":\"a\"," REST(LONG(1)) ",\"returned_value\":" LONG(1) ",\"more\":1}", &error),
                     EV_ERR_CORRUPT);
    assert_non_null(strstr(error.message, "more"));
    assert_int_equal(read_bson("{\"sku\":1," REST(LONG(1)) ",\"returned_value\":" LONG(1) "}", &error), EV_ERR_CORRUPT);
    assert_int_equal(read_bson("{\"sku\":\"a\"," REST(LONG(1)) ",\"returned_value\":1.5}", &error), EV_ERR_CORRUPT);

    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") ",\"returned_value\":-9223372036854775808}", &error), 0);
    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") ",\"returned_value\":9223372036854775808}", &error),
                     EV_ERR_CORRUPT);
    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") ",\"returned_value\":1.0}", &error), EV_ERR_CORRUPT);
    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") "}", &error), EV_ERR_CORRUPT);
    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") ",\"returned_value\":null}", &error), EV_ERR_CORRUPT);
    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") ",\"returned_value\":1,\"_offset\":3}", &error), 0);
    assert_int_equal(read_json("{\"sku\":\"a\"," REST("1") ",\"returned_value\":1,\"more\":3}", &error),
                     EV_ERR_CORRUPT);
}

static void test_index_definitions_are_json(void **state)
{
    (void)state;
    static const char *const names[] = {"orders", "products", "checkpoints", "parked"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ev_arena arena;
        struct ev_error error;
        yyjson_val *root;
        const struct index_definition *definition = index_definition_find(ev_str_of(names[i]));
        assert_non_null(definition);
        ev_arena_init(&arena, 0);
        assert_int_equal(ev_json_parse(ev_str_of(definition->json), &arena, &root, &error), 0);
        yyjson_val *dynamic = yyjson_obj_get(yyjson_obj_get(root, "mappings"), "dynamic");
        assert_true(ev_str_equal(ev_json_str(dynamic), EV_STR("strict")));
        ev_arena_finish(&arena);
    }
    assert_null(index_definition_find(EV_STR("carts")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bson),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_refuses_what_is_not_the_schema),
        cmocka_unit_test(test_index_definitions_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
