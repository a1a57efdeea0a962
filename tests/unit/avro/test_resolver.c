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

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"Thing\",\"namespace\":\"test\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

static int decode_as(struct fixture *fixture, const struct ev_record *reader, const char *schema, struct ev_str bytes,
                     void *ret)
{
    struct ev_resolver *resolver;
    int rc = ev_resolver_create(ev_str_of(schema), reader, &resolver, &fixture->error);
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

#define DECODE(schema, bytes)                                                                                          \
    decode_as(fixture, &thing_record, (schema), (struct ev_str){(bytes), sizeof(bytes) - 1}, &fixture->thing)

static void test_missing_fields_get_defaults(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(DECODE(RECORD(FIELD("id", "\"string\"")), "\x02x"), fixture->error);
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
    assert_int_equal(DECODE(RECORD(FIELD("count", "\"long\"")), "\x02"), EV_ERR_INVALID);
    assert_non_null(strstr(fixture->error.message, "Thing.id"));
}

static void test_unknown_fields_are_skipped(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] =
        RECORD(FIELD("a", "\"null\"") "," FIELD("b", "\"boolean\"") "," FIELD("c", "\"float\"") "," FIELD(
            "d",
            "\"double"
            "\"") "," FIELD("e",
                            "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}") "," FIELD("f",
                                                                                        "\"bytes\"") "," FIELD("g",
                                                                                                               "{\"type"
                                                                                                               "\":"
                                                                                                               "\"map\""
                                                                                                               ",\"valu"
                                                                                                               "es\":"
                                                                                                               "\"int\""
                                                                                                               "}") "," FIELD("h",
                                                                                                                              "{\"type\":\"array\",\"items\":{\"type\":\"record\","
                                                                                                                              "\"name\":\"R\",\"fields\":[" FIELD(
                                                                                                                                  "x",
                                                                                                                                  "\"long\"") "]}}") "," FIELD("i",
                                                                                                                                                               "[\"null\",\"test."
                                                                                                                                                               "R\"]") "," FIELD("j",
                                                                                                                                                                                 "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}") "," FIELD("id",
                                                                                                                                                                                                                                                     "\"string\""));
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
    static const char schema[] =
        RECORD(FIELD("good", "\"boolean\"") "," FIELD("count", "\"long\"") "," FIELD("id", "\"string\""));
    assert_ok(DECODE(schema, "\x00\x0a\x02x"), fixture->error);
    assert_false(fixture->thing.good);
    assert_true(fixture->thing.count == 5);
    assert_text_equal(fixture->thing.id, "x");
}

static void test_renamed_field_by_alias(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(DECODE(RECORD(FIELD("key", "\"string\"")), "\x02k"), fixture->error);
    assert_text_equal(fixture->thing.id, "k");
    /* The name wins over an alias, wherever the two stand. */
    assert_ok(DECODE(RECORD(FIELD("id", "\"string\"") "," FIELD("name", "\"string\"")), "\x02i\x02n"), fixture->error);
    assert_text_equal(fixture->thing.id, "i");
}

static void test_promotions(void **state)
{
    struct fixture *fixture = *state;
    static const char ints[] = RECORD(FIELD("id", "\"bytes\"") "," FIELD("count", "\"int\"") "," FIELD(
        "limit", "\"int\"") "," FIELD("ratio", "\"int\""));
    assert_ok(DECODE(ints, "\x02x\x03\x04\x06"), fixture->error);
    assert_true(fixture->thing.count == -2);
    assert_true(fixture->thing.limit.present && fixture->thing.limit.value == 2);
    assert_true(fixture->thing.ratio == 3.0);
    assert_ok(DECODE(RECORD(FIELD("id", "\"string\"") "," FIELD("ratio", "\"long\"")), "\x02x\x01"), fixture->error);
    assert_true(fixture->thing.ratio == -1.0);
    assert_ok(DECODE(RECORD(FIELD("id", "\"string\"") "," FIELD("ratio", "\"float\"")), "\x02x\0\0\xc0\x3f"),
              fixture->error);
    assert_true(fixture->thing.ratio == 1.5);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"string\"") "," FIELD("count", "\"double\"")), ""), EV_ERR_INVALID);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"long\"")), ""), EV_ERR_INVALID);
    /* An int written with more than 32 bits is no int. */
    assert_int_equal(
        DECODE(RECORD(FIELD("id", "\"string\"") "," FIELD("ratio", "\"int\"")), "\x02x\x80\x80\x80\x80\x80\x01"),
        EV_ERR_CORRUPT);
}

#define COLOURS(symbols) FIELD("colour", "{\"type\":\"enum\",\"name\":\"Colour\",\"symbols\":[" symbols "]}")

static void test_enum_symbols_by_name(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] = RECORD(FIELD("id", "\"string\"") "," COLOURS("\"BLUE\",\"PINK\",\"RED\""));
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
    static const char schema[] = RECORD(COLOURS("\"RED\",\"GREEN\""));
    assert_ok(decode_as(fixture, &record, schema, EV_STR("\x00"), &strict), fixture->error);
    assert_int_equal(strict.colour, 1);
    assert_int_equal(decode_as(fixture, &record, schema, EV_STR("\x02"), &strict), EV_ERR_UNSUPPORTED);
}

static void test_null_and_value(void **state)
{
    struct fixture *fixture = *state;
    static const char backwards[] = RECORD(FIELD("note", "[\"string\",\"null\"]") "," FIELD(
        "limit", "[\"null\",\"int\",\"long\"]") "," FIELD("id", "\"string\""));
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
    static const char schema[] = RECORD(FIELD("id", "[\"null\",\"string\"]"));
    assert_ok(DECODE(schema, "\x02\x02x"), fixture->error);
    assert_text_equal(fixture->thing.id, "x");
    assert_int_equal(DECODE(schema, "\x00"), EV_ERR_UNSUPPORTED);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"null\"")), ""), EV_ERR_INVALID);
    assert_int_equal(DECODE(RECORD(FIELD("id", "[\"null\",\"long\"]")), ""), EV_ERR_INVALID);
}

#define PART(fields) "{\"type\":\"record\",\"name\":\"Part\",\"fields\":[" fields "]}"

static void test_records_inside(void **state)
{
    struct fixture *fixture = *state;
    static const char schema[] = RECORD(FIELD("id", "\"string\"") "," FIELD(
        "parts", "{\"type\":\"array\",\"items\":" PART(FIELD("more", "\"long\"") "," FIELD(
                     "name", "\"string\"")) "}") "," FIELD("spare", "[\"null\",\"test.Part\"]"));
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
    static const char piece[] = RECORD(FIELD("id", "\"string\"") "," FIELD(
        "spare", "[\"null\",{\"type\":\"record\",\"name\":\"Piece\",\"namespace\":\"old\",\"fields\":[" FIELD(
                     "name", "\"string\"") "]}]"));
    assert_ok(DECODE(piece, "\x02x\x02\x02p"), fixture->error);
    assert_text_equal(fixture->thing.spare->name, "p");
    static const char other[] = RECORD(FIELD("id", "\"string\"") "," FIELD(
        "spare", "[\"null\",{\"type\":\"record\",\"name\":\"Piece\",\"namespace\":\"young\",\"fields\":[" FIELD(
                     "name", "\"string\"") "]}]"));
    assert_ok(DECODE(other, "\x02x\x00"), fixture->error); /* a branch that isn't known hurts only when it comes */
    assert_int_equal(DECODE(other, "\x02x\x02\x02p"), EV_ERR_UNSUPPORTED);
}

static void test_schemas_that_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char recursive[] = RECORD(FIELD("id", "\"string\"") "," FIELD("next", "[\"null\",\"test.Thing\"]"));
    assert_int_equal(DECODE(recursive, ""), EV_ERR_UNSUPPORTED);
    assert_int_equal(DECODE("{\"type\":\"record\",\"name\":\"Other\",\"fields\":[]}", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE("\"string\"", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE("not JSON", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE("", ""), EV_ERR_INVALID);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"nothing\"")), ""), EV_ERR_INVALID);
}

static void test_invalid_text(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"string\"")), "\x02\xff"), EV_ERR_CORRUPT);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"bytes\"")), "\x02\xff"), EV_ERR_CORRUPT);
    assert_non_null(strstr(fixture->error.message, "Thing.id"));
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"string\"")), "\x01"), EV_ERR_CORRUPT);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"string\"")), "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                     EV_ERR_CORRUPT);
    assert_int_equal(DECODE(RECORD(FIELD("id", "\"string\"")), "\x02xx"), EV_ERR_CORRUPT);
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
