/* Schemas as trees: what is parsed, what differs in words, what can be read. Expected texts are written out by hand
 * from the Avro specification. */
#include "testing.h"

#include <stdio.h>

#include "avro/schema_changes.h"
#include "avro/schema_compat.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

struct fixture {
    struct ev_arena arena;
    struct ev_error error;
    struct ev_schema_changes changes;
    struct ev_incompatibilities found;
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

static const struct ev_schema *parse(struct fixture *fixture, const char *json)
{
    const struct ev_schema *schema = NULL;
    assert_ok(ev_schema_tree_parse(ev_str_of(json), NULL, &fixture->arena, &schema, &fixture->error), fixture->error);
    return schema;
}

static const struct ev_schema_labels labels = {.reader = "the reader", .writer = "the writer"};

static bool can_read(struct fixture *fixture, const char *reader, const char *writer)
{
    int answer = ev_schema_can_read(parse(fixture, reader), parse(fixture, writer), &labels, &fixture->arena,
                                    &fixture->found, &fixture->error);
    assert_true(answer == 0 || answer == 1);
    assert_true(fixture->found.total == 0 ? answer == 0 : answer == 1); /* there is always a reason */
    return answer == 0;
}

static void assert_reason(struct fixture *fixture, enum ev_incompatibility_kind kind, const char *place,
                          const char *text)
{
    assert_int_equal(fixture->found.total, 1);
    assert_int_equal(fixture->found.items[0].kind, kind);
    assert_text_equal(fixture->found.items[0].place, place);
    assert_text_equal(fixture->found.items[0].text, text);
}

static void assert_changes(struct fixture *fixture, const char *older, const char *newer, const char *expected)
{
    struct ev_buffer text;
    ev_buffer_init(&text);
    assert_ok(ev_schema_changes(parse(fixture, older), parse(fixture, newer), &fixture->arena, &fixture->changes,
                                &fixture->error),
              fixture->error);
    for (size_t i = 0; i < fixture->changes.count; i++)
        ev_buffer_printf(&text, "%s|%.*s|%.*s\n", ev_schema_change_kind_text(fixture->changes.items[i].kind),
                         EV_STR_ARG(fixture->changes.items[i].place), EV_STR_ARG(fixture->changes.items[i].text));
    assert_text_equal(ev_buffer_str(&text), expected);
    ev_buffer_finish(&text);
}

static void test_parse_and_print(void **state)
{
    struct fixture *fixture = *state;
    static const char *const same[] = {
        "\"string\"",
        "[\"null\",\"long\"]",
        "{\"type\":\"long\",\"format\":\"money\"}",
        "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"bytes\"}}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a.b\",\"size\":16}",
        "{\"type\":\"enum\",\"name\":\"E\",\"namespace\":\"\",\"symbols\":[\"A\",\"B\"],\"default\":\"B\"}",
        "{\"type\":\"record\",\"name\":\"L\",\"namespace\":\"n\",\"aliases\":[\"n.Old\"],\"fields\":[{\"name\":"
        "\"next\",\"type\":"
        "[\"null\",\"n.L\"],\"default\":null,\"aliases\":[\"rest\"]}]}",
    };
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        struct ev_buffer text;
        ev_buffer_init(&text);
        ev_schema_tree_print(parse(fixture, same[i]), &text);
        assert_text_equal(ev_buffer_str(&text), same[i]);
        ev_buffer_finish(&text);
    }
}

static void test_what_is_no_schema(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {
        "7",
        "\"strin\"",
        "{\"type\":\"record\",\"name\":\"R\"}",
        "{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}",
        "{\"type\":\"array\"}",
        "[\"null\",\"null\"]",
        "[\"null\",[\"int\"]]",
        RECORD(FIELD("a", "\"int\"") "," FIELD("a", "\"int\"")),
        RECORD(FIELD("a", "\"n.S\"")),
        RECORD(FIELD("a", RECORD(FIELD("b", "\"int\"")))), /* the name twice */
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const struct ev_schema *schema;
        int rc = ev_schema_tree_parse(ev_str_of(wrong[i]), NULL, &fixture->arena, &schema, &fixture->error);
        if (rc != EV_ERR_INVALID)
            fail_msg("%s: %d", wrong[i], rc);
    }
    struct ev_buffer deep;
    const struct ev_schema *schema;
    ev_buffer_init(&deep);
    for (int i = 0; i <= EV_SCHEMA_TREE_DEPTH_MAX; i++)
        ev_buffer_printf(&deep, "{\"type\":\"array\",\"items\":");
    ev_buffer_printf(&deep, "\"int\"");
    for (int i = 0; i <= EV_SCHEMA_TREE_DEPTH_MAX; i++)
        ev_buffer_printf(&deep, "}");
    assert_int_equal(ev_schema_tree_parse(ev_buffer_str(&deep), NULL, &fixture->arena, &schema, &fixture->error),
                     EV_ERR_LIMIT);
    ev_buffer_finish(&deep);
}

static int find_name(void *context, struct ev_str full_name, struct ev_arena *arena, struct ev_str *ret_json,
                     struct ev_error *error)
{
    (void)context;
    if (ev_str_equal(full_name, EV_STR("n.Inner")))
        *ret_json =
            ev_arena_copy(arena, EV_STR("{\"type\":\"record\",\"name\":\"Inner\",\"namespace\":\"n\",\"fields\":"
                                        "[{\"name\":\"again\",\"type\":[\"null\",\"n.R\"]}]}"));
    else
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no %.*s", EV_STR_ARG(full_name));
    return 0;
}

static void test_names_from_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    const struct ev_schema_names names = {.find = find_name};
    const struct ev_schema *schema;
    assert_ok(ev_schema_tree_parse(EV_STR(RECORD(FIELD("a", "\"n.Inner\""))), &names, &fixture->arena, &schema,
                                   &fixture->error),
              fixture->error);
    assert_ptr_equal(schema->fields[0].type->fields[0].type->branches[1], schema); /* it holds itself */
    assert_int_equal(ev_schema_tree_parse(EV_STR(RECORD(FIELD("a", "\"n.None\""))), &names, &fixture->arena, &schema,
                                          &fixture->error),
                     EV_ERR_NOT_FOUND);
}

static void test_numbers_and_texts(void **state)
{
    struct fixture *fixture = *state;
    static const char *const kinds[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};
    /* Row: reader; column: writer. */
    static const char *const table[] = {
        "10000000", "01000000", "00100000", "00110000", "00111000", "00111100", "00000011", "00000011",
    };
    for (size_t r = 0; r < COUNT_OF(kinds); r++) {
        for (size_t w = 0; w < COUNT_OF(kinds); w++) {
            char reader[16], writer[16];
            snprintf(reader, sizeof(reader), "\"%s\"", kinds[r]);
            snprintf(writer, sizeof(writer), "\"%s\"", kinds[w]);
            if (can_read(fixture, reader, writer) != (table[r][w] == '1'))
                fail_msg("%s from %s", kinds[r], kinds[w]);
        }
    }
}

static void test_fields(void **state)
{
    struct fixture *fixture = *state;
    static const char one[] = RECORD(FIELD("a", "\"int\""));
    static const char two[] = RECORD(FIELD("a", "\"int\"") "," FIELD("b", "[\"null\",\"string\"]"));
    static const char with_default[] =
        RECORD(FIELD("a", "\"int\"") ",{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null}");
    static const char renamed[] = RECORD("{\"name\":\"c\",\"type\":\"long\",\"aliases\":[\"a\"]}");

    assert_false(can_read(fixture, two, one));
    assert_reason(fixture, EV_INCOMPATIBLE_DEFAULT, "R.b", "is not in the writer and has no default in the reader");
    assert_true(can_read(fixture, one, two));
    assert_true(can_read(fixture, with_default, one));
    assert_true(can_read(fixture, renamed, one));
    assert_false(can_read(fixture, one, renamed)); /* the old reader knows no alias */
    assert_reason(fixture, EV_INCOMPATIBLE_DEFAULT, "R.a", "is not in the writer and has no default in the reader");

    assert_changes(fixture, one, two, "field_added|R.b|added: null or string, without a default\n");
    assert_changes(fixture, one, with_default, "field_added|R.b|added: null or string, with the default null\n");
    assert_changes(fixture, two, one, "field_removed|R.b|removed\n");
    assert_changes(fixture, two, with_default, "default_changed|R.b|got the default null\n");
    assert_changes(fixture, one, renamed,
                   "field_renamed|R.c|renamed from a, which is an alias of it now\n"
                   "type_changed|R.c|changed its type from int to long\n");
    assert_changes(fixture, one, one, "");
}

static void test_types(void **state)
{
    struct fixture *fixture = *state;
    static const char was[] = RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"long\"}"));
    static const char is[] = RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"int\"}"));
    static const char money[] =
        RECORD(FIELD("a", "{\"type\":\"array\",\"items\":{\"type\":\"long\",\"format\":\"money\"}}"));
    assert_false(can_read(fixture, is, was));
    assert_reason(fixture, EV_INCOMPATIBLE_TYPE, "R.a[]",
                  "is long in the writer and int in the reader, and Avro doesn't convert the one to the other");
    assert_true(can_read(fixture, was, is));
    assert_true(can_read(fixture, money, was));
    assert_changes(fixture, was, is, "type_changed|R.a[]|changed its type from long to int\n");
    assert_changes(fixture, was, money, "type_changed|R.a[]|changed its type from long to long (money)\n");
    assert_false(can_read(fixture, "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}",
                          "{\"type\":\"fixed\",\"name\":\"F\",\"size\":8}"));
    assert_int_equal(fixture->found.items[0].kind, EV_INCOMPATIBLE_SIZE);
    assert_false(can_read(fixture, "{\"type\":\"fixed\",\"name\":\"G\",\"size\":4}",
                          "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}"));
    assert_int_equal(fixture->found.items[0].kind, EV_INCOMPATIBLE_NAME);
}

static void test_enums(void **state)
{
    struct fixture *fixture = *state;
#define ENUM(symbols) "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]}"
    assert_true(can_read(fixture, ENUM("\"A\",\"B\""), ENUM("\"B\"")));
    assert_false(can_read(fixture, ENUM("\"B\""), ENUM("\"A\",\"B\"")));
    assert_reason(fixture, EV_INCOMPATIBLE_SYMBOL, "E",
                  "has the symbol A in the writer; the reader doesn't know it and has no default");
    assert_true(can_read(fixture, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\"],\"default\":\"B\"}",
                         ENUM("\"A\",\"B\"")));
    assert_changes(fixture, ENUM("\"A\",\"B\""), ENUM("\"B\",\"C\""),
                   "symbol_added|E|got the symbol C\nsymbol_removed|E|lost the symbol A\n"
                   "reordered|E|has its symbols in another order\n");
}

#define EVENT(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"namespace\":\"n\",\"fields\":[" fields "]}"
#define COMMIT(events)                                                                                                 \
    "{\"type\":\"record\",\"name\":\"Commit\",\"namespace\":\"n\",\"fields\":[{\"name\":\"events\",\"type\":{"         \
    "\"type\":\"array\",\"items\":[" events "]}}]}"

static void test_unions(void **state)
{
    struct fixture *fixture = *state;
    static const char one[] = COMMIT(EVENT("Made", FIELD("id", "\"string\"")));
    static const char two[] =
        COMMIT(EVENT("Made", FIELD("id", "\"string\"")) "," EVENT("Gone", FIELD("id", "\"string\"")));
    static const char renamed[] = COMMIT(
        "{\"type\":\"record\",\"name\":\"Created\",\"namespace\":\"n\",\"aliases\":[\"n.Made\"],\"fields\":[" FIELD(
            "id", "\"string\"") "]}");
    assert_true(can_read(fixture, two, one));
    assert_false(can_read(fixture, one, two));
    assert_reason(fixture, EV_INCOMPATIBLE_BRANCH, "Commit.events[]",
                  "may hold record Gone in the writer; the reader doesn't know it");
    assert_true(can_read(fixture, renamed, one));
    assert_false(can_read(fixture, one, renamed));
    assert_changes(fixture, one, two, "branch_added|Commit.events[]|record n.Gone added\n");
    assert_changes(fixture, two, one, "branch_removed|Commit.events[]|record n.Gone removed\n");
    assert_changes(fixture, one, renamed, "renamed|Created|record renamed from n.Made, which is an alias of it now\n");

    static const char narrower[] = COMMIT(EVENT("Made", FIELD("id", "\"string\"") "," FIELD("by", "\"string\"")));
    assert_false(can_read(fixture, narrower, one)); /* the place inside is told, not the union */
    assert_reason(fixture, EV_INCOMPATIBLE_DEFAULT, "Made.by", "is not in the writer and has no default in the reader");

    assert_true(can_read(fixture, "[\"null\",\"long\"]", "\"int\""));
    assert_false(can_read(fixture, "\"long\"", "[\"null\",\"int\"]"));
    assert_true(can_read(fixture, "\"long\"", "[\"long\",\"int\"]"));
}

static void test_types_that_hold_themselves(void **state)
{
    struct fixture *fixture = *state;
    static const char tree[] = RECORD(FIELD("next", "[\"null\",\"R\"]"));
    static const char deeper[] = RECORD(FIELD("next", "[\"null\",\"R\"]") "," FIELD("value", "\"int\""));
    assert_true(can_read(fixture, tree, tree));
    assert_true(can_read(fixture, tree, deeper));
    assert_false(can_read(fixture, deeper, tree));
    assert_changes(fixture, tree, deeper, "field_added|R.value|added: int, without a default\n");
}

static void test_too_many_steps(void **state)
{
    struct fixture *fixture = *state;
    struct ev_buffer text;
    ev_buffer_init(&text);
    ev_buffer_printf(&text, "[");
    for (int i = 0; i < 3000; i++)
        ev_buffer_printf(&text, "%s{\"type\":\"enum\",\"name\":\"E%d\",\"symbols\":[\"A\"]}", i ? "," : "", i);
    ev_buffer_printf(&text, "]");
    ev_buffer_append_byte(&text, '\0');
    const struct ev_schema *schema = parse(fixture, text.data);
    assert_int_equal(ev_schema_can_read(schema, schema, &labels, &fixture->arena, &fixture->found, &fixture->error),
                     EV_ERR_LIMIT);
    assert_int_equal(ev_schema_changes(schema, schema, &fixture->arena, &fixture->changes, &fixture->error),
                     EV_ERR_LIMIT);
    ev_buffer_finish(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_parse_and_print),
        TEST(test_what_is_no_schema),
        TEST(test_names_from_elsewhere),
        TEST(test_numbers_and_texts),
        TEST(test_fields),
        TEST(test_types),
        TEST(test_enums),
        TEST(test_unions),
        TEST(test_types_that_hold_themselves),
        TEST(test_too_many_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
