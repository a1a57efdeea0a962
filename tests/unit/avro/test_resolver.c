/* Schema resolution: what other versions wrote, read into one reader. Bytes are written out by hand. */
#include "testing.h"

enum colour { RED, GREEN, BLUE };
static const struct ev_enum colour_enum = {
    .name = "Colour",
    .count = 3,
    .symbols = (const char *const[]){"RED", "GREEN", "BLUE"},
    .full_name = "test.Colour",
    .default_symbol = "GREEN",
};
static const struct ev_enum strict_enum = {
    .name = "Colour",
    .count = 2,
    .symbols = (const char *const[]){"BLUE", "RED"},
    .full_name = "test.Colour",
};

struct part {
    struct ev_str name;
    int64_t weight;
};
struct part_array {
    struct part *items;
    size_t count, capacity;
};
static const struct ev_field part_fields[] = {
    {.name = "name", .kind = EV_KIND_STRING, .offset = offsetof(struct part, name)},
    {.name = "weight", .kind = EV_KIND_LONG, .offset = offsetof(struct part, weight), .default_json = "7"},
};
static const struct ev_record part_record = {
    .name = "Part",
    .full_name = "test.Part",
    .size = sizeof(struct part),
    .field_count = 2,
    .fields = part_fields,
    .aliases = (const char *const[]){"old.Piece", NULL},
};

struct thing {
    struct ev_str id;
    int64_t count;
    struct ev_str note; /* nullable */
    struct ev_optional_long limit;
    int32_t colour;
    double ratio;
    struct part_array parts;
    struct part *spare; /* nullable */
    bool good;
    struct ev_str title; /* default "none" */
};
#define THING(field_name, field_kind, ...)                                                                             \
    {                                                                                                                  \
        .name = #field_name, .kind = (field_kind), .offset = offsetof(struct thing, field_name), __VA_ARGS__           \
    }
static const struct ev_field thing_fields[] = {
    THING(id, EV_KIND_STRING, .aliases = (const char *const[]){"name", "key", NULL}),
    THING(count, EV_KIND_LONG, .default_json = "-3"),
    THING(note, EV_KIND_STRING, .nullable = true, .default_json = "null"),
    THING(limit, EV_KIND_LONG, .nullable = true, .value_offset = offsetof(struct ev_optional_long, value),
          .default_json = "null"),
    THING(colour, EV_KIND_ENUM, .symbols = &colour_enum, .default_json = "\"BLUE\""),
    THING(ratio, EV_KIND_DOUBLE, .default_json = "0.5"),
    THING(parts, EV_KIND_ARRAY, .item_kind = EV_KIND_RECORD, .item_size = sizeof(struct part), .record = &part_record,
          .default_json = "[]"),
    THING(spare, EV_KIND_RECORD, .nullable = true, .record = &part_record, .default_json = "null"),
    THING(good, EV_KIND_BOOL, .default_json = "true"),
    THING(title, EV_KIND_STRING, .default_json = "\"none \\u00e9\""),
};
static const struct ev_record thing_record = {
    .name = "Thing",
    .full_name = "test.Thing",
    .size = sizeof(struct thing),
    .field_count = COUNT_OF(thing_fields),
    .fields = thing_fields,
};

struct fixture {
    struct ev_arena arena;
    struct ev_error error;
    struct thing thing;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    ev_arena_init(&fixture->arena, 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ev_arena_finish(&fixture->arena);
    test_free(fixture);
    return 0;
}

/* A writer's schema of the record test.Thing from "NAME: TYPE; NAME: TYPE", with single quotes for double ones. */
static struct ev_str schema_of(struct fixture *fixture, const char *fields)
{
    struct ev_buffer json;
    struct ev_str rest = ev_str_of(fields), field;
    ev_buffer_init(&json);
    ev_buffer_printf(&json, "{'type':'record','name':'Thing','namespace':'test','fields':[");
    for (bool first = true; ev_str_split(&rest, ';', &field); first = false) {
        struct ev_str name;
        field = ev_str_trim(field);
        assert_true(ev_str_split(&field, ':', &name) && field.data);
        ev_buffer_printf(&json, "%s{'name':'%.*s','type':%.*s}", first ? "" : ",", EV_STR_ARG(name), EV_STR_ARG(field));
    }
    ev_buffer_printf(&json, "]}");
    for (size_t i = 0; i < json.length; i++)
        if (json.data[i] == '\'')
            json.data[i] = '"';
    struct ev_str schema = ev_arena_copy(&fixture->arena, ev_buffer_str(&json));
    ev_buffer_finish(&json);
    return schema;
}

static int decode_with(struct fixture *fixture, const struct ev_record *reader, struct ev_str schema,
                       struct ev_str bytes, void *ret)
{
    struct ev_resolver *resolver;
    int rc = ev_resolver_create(schema, reader, &resolver, &fixture->error);
    if (rc < 0)
        return rc;
    struct ev_str exact = exact_copy(bytes);
    rc = ev_resolver_decode(resolver, exact, &fixture->arena, ret, &fixture->error);
    if (rc == 0) { /* what borrows from the input is looked at before that goes */
        void *copy = ev_arena_alloc(&fixture->arena, reader->size);
        ev_record_copy(reader, ret, copy, &fixture->arena);
        memcpy(ret, copy, reader->size);
    }
    test_free((void *)exact.data);
    ev_resolver_destroy(resolver); /* and what was decoded must not need the resolver */
    return rc;
}

static int decode_as(struct fixture *fixture, const struct ev_record *reader, const char *fields, struct ev_str bytes,
                     void *ret)
{
    return decode_with(fixture, reader, schema_of(fixture, fields), bytes, ret);
}

#define DECODE(schema, bytes)                                                                                          \
    decode_as(fixture, &thing_record, (schema), (struct ev_str){(bytes), sizeof(bytes) - 1}, &fixture->thing)

static void test_missing_fields_get_defaults(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(DECODE("id: 'string'", "\x02x"), fixture->error);
    const struct thing *thing = &fixture->thing;
    assert_text_equal(thing->id, "x");
    assert_true(thing->count == -3);
    assert_null(thing->note.data);
    assert_false(thing->limit.present);
    assert_int_equal(thing->colour, BLUE);
    assert_true(thing->ratio == 0.5);
    assert_int_equal(thing->parts.count, 0);
    assert_null(thing->spare);
    assert_true(thing->good);
    assert_text_equal(thing->title, "none \xc3\xa9");
}

static void test_missing_field_without_default(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(DECODE("count: 'long'", "\x02"), EV_ERR_INVALID);
    assert_non_null(strstr(fixture->error.message, "Thing.id"));
}

static void test_unknown_fields_are_skipped(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] =
        "a: 'null'; b: 'boolean'; c: 'float'; d: 'double';"
        "e: {'type': 'fixed', 'name': 'F', 'size': 3};"
        "f: 'bytes'; g: {'type': 'map', 'values': 'int'};"
        "h: {'type': 'array', 'items': {'type': 'record', 'name': 'R',"
        "'fields': [{'name': 'x', 'type': 'long'}]}};"
        "i: ['null', 'test.R']; j: {'type': 'enum', 'name': 'E', 'symbols': ['A']}; id: 'string'";
    static const char bytes[] = "\x01"                             /* b */
                                "\0\0\0\0"                         /* c */
                                "\0\0\0\0\0\0\0\0"                 /* d */
                                "abc"                              /* e */
                                "\x04zz"                           /* f */
                                "\x02\x02k\x05\x00"                /* g: {"k": -3} */
                                "\x04\x02\x80\x01\x01\x02\x08\x00" /* h: 2 items, then a block with its size */
                                "\x02\x0e"                         /* i */
                                "\x00"                             /* j */
                                "\x02y";
    assert_ok(DECODE(schema, bytes), fixture->error);
    assert_text_equal(fixture->thing.id, "y");
    for (size_t length = 0; length < sizeof(bytes) - 1; length++) {
        int rc = decode_as(fixture, &thing_record, schema, (struct ev_str){bytes, length}, &fixture->thing);
        assert_int_equal(rc, EV_ERR_CORRUPT);
    }
}

static void test_reordered_fields(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] = "good: 'boolean'; count: 'long'; id: 'string'";
    assert_ok(DECODE(schema, "\x00\x0a\x02x"), fixture->error);
    assert_false(fixture->thing.good);
    assert_true(fixture->thing.count == 5);
    assert_text_equal(fixture->thing.id, "x");
}

static void test_renamed_field_by_alias(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(DECODE("key: 'string'", "\x02k"), fixture->error);
    assert_text_equal(fixture->thing.id, "k");
    /* The name wins over an alias, wherever the two stand. */
    assert_ok(DECODE("id: 'string'; name: 'string'", "\x02i\x02n"), fixture->error);
    assert_text_equal(fixture->thing.id, "i");
}

static void test_promotions(void **state)
{
    struct fixture *fixture = *state;
    static const char ints[] = "id: 'bytes'; count: 'int'; limit: 'int'; ratio: 'int'";
    assert_ok(DECODE(ints, "\x02x\x03\x04\x06"), fixture->error);
    assert_true(fixture->thing.count == -2);
    assert_true(fixture->thing.limit.present && fixture->thing.limit.value == 2);
    assert_true(fixture->thing.ratio == 3.0);
    assert_ok(DECODE("id: 'string'; ratio: 'long'", "\x02x\x01"), fixture->error);
    assert_true(fixture->thing.ratio == -1.0);
    assert_ok(DECODE("id: 'string'; ratio: 'float'", "\x02x\0\0\xc0\x3f"), fixture->error);
    assert_true(fixture->thing.ratio == 1.5);
    assert_int_equal(DECODE("id: 'string'; count: 'double'", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE("id: 'long'", ""), EV_ERR_INVALID);
    /* An int written with more than 32 bits is no int. */
    assert_int_equal(DECODE("id: 'string'; ratio: 'int'", "\x02x\x80\x80\x80\x80\x80\x01"), EV_ERR_CORRUPT);
}

static void test_enum_symbols_by_name(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] =
        "id: 'string'; colour: {'type': 'enum', 'name': 'Colour', 'symbols': ['BLUE', 'PINK', 'RED']}";
    static const int expected[] = {BLUE, GREEN /* the default for what is not known */, RED};
    for (int i = 0; i < 3; i++) {
        char bytes[] = {2, 'x', (char)(2 * i), 0};
        assert_ok(decode_as(fixture, &thing_record, schema, (struct ev_str){bytes, 3}, &fixture->thing),
                  fixture->error);
        assert_int_equal(fixture->thing.colour, expected[i]);
    }
    assert_int_equal(DECODE(schema, "\x02x\x06"), EV_ERR_CORRUPT);
    assert_int_equal(DECODE(schema, "\x02x\x01"), EV_ERR_CORRUPT);
}

static void test_enum_without_default(void **state)
{
    struct fixture *fixture = *state;
    struct strict {
        int32_t colour;
    } strict;
    static const struct ev_field fields[] = {{.name = "colour", .kind = EV_KIND_ENUM, .symbols = &strict_enum}};
    static const struct ev_record record = {
        .name = "Thing", .full_name = "test.Thing", .size = sizeof(strict), .field_count = 1, .fields = fields};
    static const char schema[] = "colour: {'type': 'enum', 'name': 'Colour', 'symbols': ['RED', 'GREEN']}";
    assert_ok(decode_as(fixture, &record, schema, EV_STR("\x00"), &strict), fixture->error);
    assert_int_equal(strict.colour, 1);
    assert_int_equal(decode_as(fixture, &record, schema, EV_STR("\x02"), &strict), EV_ERR_UNSUPPORTED);
}

static void test_null_and_value(void **state)
{
    struct fixture *fixture = *state;
    static const char backwards[] = "note: ['string', 'null']; limit: ['null', 'int', 'long']; id: 'string'";
    assert_ok(DECODE(backwards, "\x00\x02n\x04\x08\x02x"), fixture->error);
    assert_text_equal(fixture->thing.note, "n");
    assert_true(fixture->thing.limit.present && fixture->thing.limit.value == 4);
    assert_ok(DECODE(backwards, "\x02\x00\x02x"), fixture->error);
    assert_null(fixture->thing.note.data);
    assert_false(fixture->thing.limit.present);
    assert_int_equal(DECODE(backwards, "\x04\x00\x02x"), EV_ERR_CORRUPT);
}

static void test_null_where_the_reader_has_none(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] = "id: ['null', 'string']";
    assert_ok(DECODE(schema, "\x02\x02x"), fixture->error);
    assert_text_equal(fixture->thing.id, "x");
    assert_int_equal(DECODE(schema, "\x00"), EV_ERR_UNSUPPORTED);
    assert_int_equal(DECODE("id: 'null'", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE("id: ['null', 'long']", ""), EV_ERR_INVALID);
}

static void test_records_inside(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] =
        "id: 'string'; parts: {'type': 'array', 'items': {'type': 'record', 'name': 'Part', 'fields': ["
        "{'name': 'more', 'type': 'long'}, {'name': 'name', 'type': 'string'}]}};"
        "spare: ['null', 'test.Part']";
    assert_ok(DECODE(schema, "\x02x\x04\x02\x02"
                             "a\x04\x02"
                             "b\x00\x02\x06\x02"
                             "c"),
              fixture->error);
    assert_int_equal(fixture->thing.parts.count, 2);
    assert_text_equal(fixture->thing.parts.items[1].name, "b");
    assert_true(fixture->thing.parts.items[1].weight == 7);
    assert_non_null(fixture->thing.spare);
    assert_text_equal(fixture->thing.spare->name, "c");
    assert_true(fixture->thing.spare->weight == 7);
}

static void test_record_renamed_by_alias(void **state)
{
    struct fixture *fixture = *state;
    static const char piece[] = "id: 'string'; spare: ['null', {'type': 'record', 'name': 'Piece',"
                                "'namespace': 'old', 'fields': [{'name': 'name', 'type': 'string'}]}]";
    assert_ok(DECODE(piece, "\x02x\x02\x02p"), fixture->error);
    assert_text_equal(fixture->thing.spare->name, "p");
    static const char other[] = "id: 'string'; spare: ['null', {'type': 'record', 'name': 'Piece',"
                                "'namespace': 'young', 'fields': [{'name': 'name', 'type': 'string'}]}]";
    assert_ok(DECODE(other, "\x02x\x00"), fixture->error); /* a branch that isn't known hurts only when it comes */
    assert_int_equal(DECODE(other, "\x02x\x02\x02p"), EV_ERR_UNSUPPORTED);
}

static void test_schemas_that_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const schemas[] = {"{\"type\":\"record\",\"name\":\"Other\",\"fields\":[]}", "\"string\"",
                                          "not JSON", ""};
    for (size_t i = 0; i < COUNT_OF(schemas); i++)
        assert_int_equal(decode_with(fixture, &thing_record, ev_str_of(schemas[i]), EV_STR(""), &fixture->thing),
                         EV_ERR_INVALID);
    assert_int_equal(DECODE("id: 'nothing'", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE("id: 'string'; next: ['null', 'test.Thing']", ""), EV_ERR_UNSUPPORTED);
}

static void test_invalid_text(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(DECODE("id: 'string'", "\x02\xff"), EV_ERR_CORRUPT);
    assert_int_equal(DECODE("id: 'bytes'", "\x02\xff"), EV_ERR_CORRUPT);
    assert_non_null(strstr(fixture->error.message, "Thing.id"));
    assert_int_equal(DECODE("id: 'string'", "\x01"), EV_ERR_CORRUPT);
    assert_int_equal(DECODE("id: 'string'", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), EV_ERR_CORRUPT);
    assert_int_equal(DECODE("id: 'string'", "\x02xx"), EV_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_missing_fields_get_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_field_without_default, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_fields_are_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reordered_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renamed_field_by_alias, setup, teardown),
        cmocka_unit_test_setup_teardown(test_promotions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_enum_symbols_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_enum_without_default, setup, teardown),
        cmocka_unit_test_setup_teardown(test_null_and_value, setup, teardown),
        cmocka_unit_test_setup_teardown(test_null_where_the_reader_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_record_renamed_by_alias, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schemas_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_invalid_text, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
