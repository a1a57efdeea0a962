/* Commands: every fault with its pointer and code, what is stored, values from the URL. */
#include "testing.h"

#include "avro/command_internal.h"
#include "gen/cart.h"
#include "gen/order.h"
#include "gen/product.h"
#include "gen/stock.h"
#include "gen/topics.h"

struct fixture {
    struct ev_arena arena;
    struct ev_faults faults;
    struct ev_error error;
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

static int parse_text(struct fixture *fixture, const struct ev_command_type *type, struct ev_str json,
                      const struct ev_path_value *values, size_t count, void *ret)
{
    yyjson_val *body = NULL;
    if (json.data)
        assert_ok(ev_json_parse(json, &fixture->arena, &body, &fixture->error), fixture->error);
    return ev_command_parse(type, body, values, count, &fixture->arena, ret, &fixture->faults);
}

#define PARSE(type, json, ret) parse_text(fixture, (type), ev_str_of(json), NULL, 0, (ret))

/* The faults as "CODE POINTER" joined by commas, in their order. */
static void assert_faults(struct fixture *fixture, const char *expected)
{
    struct ev_buffer text;
    ev_buffer_init(&text);
    for (size_t i = 0; i < fixture->faults.count; i++)
        ev_buffer_printf(&text, "%s%.*s %.*s", i ? ", " : "", EV_STR_ARG(fixture->faults.items[i].code),
                         EV_STR_ARG(fixture->faults.items[i].pointer));
    assert_text_equal(ev_buffer_str(&text), expected);
    ev_buffer_finish(&text);
}

static void test_good_order(void **state)
{
    struct fixture *fixture = *state;
    struct place_order order;
    int rc =
        PARSE(&place_order_command,
              "{\"country\":\"EIRE\",\"currency\":\"EUR\",\"customer_id\":\"17850\",\"lines\":[{\"sku\":\"85123A\","
              "\"quantity\":6},{\"quantity\":1.0,\"sku\":\"tea 1-2\"}]}",
              &order);
    assert_int_equal(rc, 0);
    assert_text_equal(order.country, "EIRE");
    assert_text_equal(order.customer_id, "17850");
    assert_null(order.order_id.data);
    assert_int_equal(order.lines.count, 2);
    assert_true(order.lines.items[0].quantity == 6);
    assert_true(order.lines.items[1].quantity == 1);
    assert_text_equal(order.lines.items[1].sku, "tea 1-2");
    assert_null(order.lines.items[0].title.data);
    assert_false(order.lines.items[0].unit_price.present);
    assert_null(ev_command_key(&place_order_command, &order).data);
}

/* What one instance writes of a command another reads as the same; what comes from the path isn't in the body. */
static void test_what_is_printed_is_the_same_command(void **state)
{
    struct fixture *fixture = *state;
    const struct ev_path_value id = {EV_STR("order_id"), EV_STR("o-1")};
    const struct ev_str text =
        EV_STR("{\"country\":\"EIRE\",\"currency\":\"EUR\",\"placed_at\":\"2010-12-01T08:26:00.001Z\","
               "\"cart_version\":3,\"lines\":[{\"sku\":\"A\",\"title\":\"\\\"\\u00e9\",\"quantity\":6,"
               "\"unit_price\":\"0.0001\",\"kind\":\"SERVICE\"}]}");
    struct record_order first, second;
    struct ev_buffer printed = {0};
    struct ev_json_writer writer;
    assert_int_equal(parse_text(fixture, &record_order_command, text, &id, 1, &first), 0);
    ev_json_init(&writer, &printed);
    ev_command_print(&record_order_command, &first, &writer);
    assert_null(memmem(printed.data, printed.length, "null", 4));
    assert_null(memmem(printed.data, printed.length, "order_id", 8));
    assert_int_equal(parse_text(fixture, &record_order_command, ev_buffer_str(&printed), &id, 1, &second), 0);
    assert_true(ev_record_equal(record_order_command.record, &first, &second));
    ev_buffer_finish(&printed);
}

static void test_all_faults_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct place_order order;
    int rc = PARSE(&place_order_command,
                   "{\"currency\":\"eur\",\"customer_id\":\"\",\"order_id\":7,\"x/y~\":1,\"lines\":[{\"sku\":\" "
                   "a\",\"quantity\":0},"
                   "{\"quantity\":1000000001},3,{\"sku\":\"a\",\"quantity\":\"1\",\"title\":\"T\"}]}",
                   &order);
    assert_int_equal(rc, 1);
    assert_faults(fixture,
                  "pattern /currency, pattern /customer_id, type /order_id, unknown /x~1y~0, pattern /lines/0/sku, "
                  "minimum /lines/0/quantity, maximum /lines/1/quantity, required /lines/1/sku, type /lines/2, "
                  "type /lines/3/quantity, unknown /lines/3/title, required /country");
    for (size_t i = 0; i < fixture->faults.count; i++)
        assert_true(fixture->faults.items[i].detail.length > 0);
}

static void test_body_that_is_no_object(void **state)
{
    struct fixture *fixture = *state;
    struct place_order order;
    static const char *const bodies[] = {"[]", "null", "\"text\"", "1", "true"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        assert_int_equal(PARSE(&place_order_command, bodies[i], &order), 1);
        assert_faults(fixture, "type ");
    }
}

static void test_values_from_the_url(void **state)
{
    struct fixture *fixture = *state;
    struct change_cart_item change;
    const struct ev_path_value values[] = {{EV_STR("cart_id"), EV_STR("c1")}, {EV_STR("sku"), EV_STR("85123A")}};
    assert_int_equal(parse_text(fixture, &change_cart_item_command, EV_STR("{\"quantity\":2}"), values, 2, &change), 0);
    assert_text_equal(change.cart_id, "c1");
    assert_text_equal(change.sku, "85123A");
    assert_true(change.quantity == 2);
    assert_text_equal(ev_command_key(&change_cart_item_command, &change), "c1");

    assert_int_equal(
        parse_text(fixture, &change_cart_item_command, EV_STR("{\"quantity\":2,\"sku\":\"tea\"}"), values, 2, &change),
        1);
    assert_faults(fixture, "unknown /sku");
    assert_int_equal(parse_text(fixture, &change_cart_item_command, EV_STR("{\"quantity\":2}"), values, 1, &change), 1);
    assert_faults(fixture, "required /sku");

    const struct ev_path_value bad[] = {{EV_STR("cart_id"), EV_STR("c 1")},
                                        {EV_STR("quantity"), EV_STR("3")},
                                        {EV_STR("nothing"), EV_STR("3")},
                                        {EV_STR("sku"), EV_STR("\xff")}};
    assert_int_equal(parse_text(fixture, &change_cart_item_command, EV_STR("{\"quantity\":2}"), bad, 4, &change), 1);
    assert_faults(fixture, "pattern /cart_id, unknown /quantity, unknown /nothing, type /sku");

    struct empty_cart empty;
    assert_int_equal(parse_text(fixture, &empty_cart_command, EV_STR_NULL, values, 1, &empty), 0);
    assert_int_equal(parse_text(fixture, &empty_cart_command, EV_STR_NULL, NULL, 0, &empty), 1);
    assert_faults(fixture, "required /cart_id");
}

static void test_field_of_the_server(void **state)
{
    struct fixture *fixture = *state;
    struct add_cart_item add;
    assert_int_equal(
        PARSE(&add_cart_item_command, "{\"cart_id\":\"c\",\"sku\":\"a\",\"quantity\":1,\"unit_price\":\"1\"}", &add),
        1);
    assert_faults(fixture, "unknown /unit_price");
}

static void test_integers(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *number, *fault; /* "" where it is good */
        int64_t value;
    } cases[] = {
        {"1", "", 1},
        {"-5", "", -5},
        {"1.0", "", 1},
        {"1e3", "", 1000},
        {"-0", "", 0},
        {"-0.0", "", 0},
        {"1e-400", "", 0}, /* nearer to zero than any double */
        {"1000000000", "", 1000000000},
        {"-1000000000", "", -1000000000},
        {"1000000001", "maximum", 0},
        {"-1000000001", "minimum", 0},
        {"1.5", "type", 0},
        {"9223372036854775807", "maximum", 0},
        {"9223372036854775808", "maximum", 0},
        {"18446744073709551615", "maximum", 0},
        {"18446744073709551616", "maximum", 0},
        {"-9223372036854775808", "minimum", 0},
        {"-9223372036854775809", "minimum", 0},
        {"9223372036854775808.0", "maximum", 0},
        {"1e300", "maximum", 0},
        {"1e400", "maximum", 0},
        {"-1e400", "minimum", 0},
        {"\"1\"", "type", 0},
        {"null", "type", 0},
        {"true", "type", 0},
        {"[1]", "type", 0},
        {"{}", "type", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct adjust_stock adjust;
        struct ev_str body =
            ev_arena_printf(&fixture->arena, "{\"sku\":\"a\",\"reason\":\"r\",\"delta\":%s}", cases[i].number);
        const char *fault = cases[i].fault;
        if (parse_text(fixture, &adjust_stock_command, body, NULL, 0, &adjust) != (fault[0] != '\0'))
            fail_msg("%s", cases[i].number);
        if (fault[0])
            assert_faults(fixture, ev_arena_printf(&fixture->arena, "%s /delta", fault).data);
        else
            assert_true(adjust.delta == cases[i].value);
    }
}

static void test_numbers(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *number, *fault;
        double value;
    } cases[] = {
        {"1", "", 1},
        {"-2.5", "", -2.5},
        {"1e15", "", 1e15},
        {"1.0000001e15", "maximum", 0},
        {"-1e16", "minimum", 0},
        {"1e400", "maximum", 0},
        {"-1e400", "minimum", 0},
        {"18446744073709551616", "maximum", 0},
        {"\"1\"", "type", 0},
        {"null", "type", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct change_product change;
        struct ev_str body = ev_arena_printf(
            &fixture->arena, "{\"sku\":\"a\",\"attributes\":[{\"name\":\"n\",\"number\":%s}]}", cases[i].number);
        const char *fault = cases[i].fault;
        if (parse_text(fixture, &change_product_command, body, NULL, 0, &change) != (fault[0] != '\0'))
            fail_msg("%s", cases[i].number);
        if (fault[0])
            assert_faults(fixture, ev_arena_printf(&fixture->arena, "%s /attributes/0/number", fault).data);
        else
            assert_true(change.attributes.items[0].number.value == cases[i].value);
    }
}

static void test_formats(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *price, *from, *faults;
        int64_t amount;
    } cases[] = {
        {"\"2.55\"", "\"2010-12-01T08:26:00Z\"", "", 25500},
        {"\"0\"", "\"2010-12-01T09:26:00+01:00\"", "", 0},
        {"\"999999999\"", "\"1970-01-01T00:00:00Z\"", "", INT64_C(9999999990000)},
        {"\"999999999.0001\"", "\"2010-12-01T08:26:00Z\"", "maximum /prices/0/price", 0},
        {"\"-0.0001\"", "\"2010-12-01T08:26:00Z\"", "minimum /prices/0/price", 0},
        {"\"1.00001\"", "\"2010-12-01\"", "format /prices/0/price, format /prices/0/valid_from", 0},
        {"\"\"", "\"2010-02-30T00:00:00Z\"", "format /prices/0/price, format /prices/0/valid_from", 0},
        {"2.55", "0", "type /prices/0/price, type /prices/0/valid_from", 0},
        {"\"1e3\"", "null", "format /prices/0/price, type /prices/0/valid_from", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct change_product change;
        struct ev_str body = ev_arena_printf(
            &fixture->arena, "{\"sku\":\"a\",\"prices\":[{\"price\":%s,\"valid_from\":%s,\"currency\":\"GBP\"}]}",
            cases[i].price, cases[i].from);
        parse_text(fixture, &change_product_command, body, NULL, 0, &change);
        assert_faults(fixture, cases[i].faults);
        if (cases[i].faults[0] == '\0')
            assert_true(change.prices.items[0].price == cases[i].amount);
    }
}

static void test_lengths_are_of_characters(void **state)
{
    struct fixture *fixture = *state;
    struct check_out_cart check_out;
    char tea[64 * 4 + 1] = "";
    for (size_t i = 0; i < 64; i++)
        memcpy(tea + 4 * i, "\xf0\x9f\x8d\xb5", 4);
    struct ev_str body = ev_arena_printf(&fixture->arena, "{\"cart_id\":\"c\",\"country\":\"%s\"}", tea);
    assert_int_equal(parse_text(fixture, &check_out_cart_command, body, NULL, 0, &check_out), 0);
    assert_int_equal(check_out.country.length, 256);
    body = ev_arena_printf(&fixture->arena, "{\"cart_id\":\"c\",\"country\":\"%sx\"}", tea);
    assert_int_equal(parse_text(fixture, &check_out_cart_command, body, NULL, 0, &check_out), 1);
    assert_faults(fixture, "max_length /country");
    assert_int_equal(PARSE(&check_out_cart_command, "{\"cart_id\":\"c\",\"country\":\"\"}", &check_out), 1);
    assert_faults(fixture, "min_length /country");
}

static void test_absent_and_empty_lists(void **state)
{
    struct fixture *fixture = *state;
    struct change_product change;
    assert_int_equal(PARSE(&change_product_command, "{\"sku\":\"a\",\"eans\":[],\"titles\":[]}", &change), 0);
    assert_non_null(change.eans.items);
    assert_int_equal(change.eans.count, 0);
    assert_non_null(change.titles.items);
    assert_null(change.images.items);
    assert_null(change.prices.items);
    assert_false(change.released_on.present);
    struct place_order order;
    assert_int_equal(PARSE(&place_order_command, "{\"country\":\"E\",\"currency\":\"EUR\",\"lines\":[]}", &order), 1);
    assert_faults(fixture, "min_items /lines");
    assert_int_equal(PARSE(&change_product_command, "{\"sku\":\"a\",\"eans\":[\"1\",\"12345678\",5]}", &change), 1);
    assert_faults(fixture, "pattern /eans/0, type /eans/2");
}

static void test_list_that_is_too_long(void **state)
{
    struct fixture *fixture = *state;
    struct change_product change;
    struct ev_buffer body;
    ev_buffer_init(&body);
    ev_buffer_printf(&body, "{\"sku\":\"a\",\"images\":[\"x\"");
    for (int i = 0; i < 32; i++)
        ev_buffer_printf(&body, ",\"x\"");
    ev_buffer_printf(&body, "]}");
    assert_int_equal(parse_text(fixture, &change_product_command, ev_buffer_str(&body), NULL, 0, &change), 1);
    assert_faults(fixture, "max_items /images");
    ev_buffer_finish(&body);
}

static void test_enums(void **state)
{
    struct fixture *fixture = *state;
    struct record_order order;
    static const char body[] = "{\"order_id\":\"1\",\"country\":\"E\",\"currency\":\"EUR\",\"placed_at\":\"2010-12-"
                               "01T08:26:00Z\",\"lines\":[{\"sku\":\"a\","
                               "\"title\":\"\",\"quantity\":1,\"unit_price\":\"1\",\"kind\":%s}]}";
    assert_int_equal(parse_text(fixture, &record_order_command, ev_arena_printf(&fixture->arena, body, "\"SERVICE\""),
                                NULL, 0, &order),
                     0);
    assert_int_equal(order.lines.items[0].kind, LINE_KIND_SERVICE);
    assert_true(order.placed_at == INT64_C(1291191960000));
    static const char *const bad[] = {"\"service\"", "\"SERVIC\"", "\"SERVICES\"", "\"\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(
            parse_text(fixture, &record_order_command, ev_arena_printf(&fixture->arena, body, bad[i]), NULL, 0, &order),
            1);
        assert_faults(fixture, "enum /lines/0/kind");
    }
}

/* The bound on what is kept; all are counted. */
static void test_faults_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct empty_cart empty;
    struct ev_buffer body;
    ev_buffer_init(&body);
    ev_buffer_printf(&body, "{\"cart_id\":\"c\"");
    for (int i = 0; i < 1000; i++)
        ev_buffer_printf(&body, ",\"k%d\":0", i);
    ev_buffer_printf(&body, "}");
    assert_int_equal(parse_text(fixture, &empty_cart_command, ev_buffer_str(&body), NULL, 0, &empty), 1);
    assert_int_equal(fixture->faults.count, EV_FAULTS_MAX);
    assert_int_equal(fixture->faults.total, 1000);
    ev_buffer_finish(&body);
}

static void test_names_of_fields_are_whole(void **state)
{
    struct fixture *fixture = *state;
    struct empty_cart empty;
    static const char body[] = "{\"cart_id\":\"c\",\"cart_i\":1,\"cart_idx\":1,\"\":1,\"cart_id\\u0000\":1}";
    assert_int_equal(PARSE(&empty_cart_command, body, &empty), 1);
    assert_int_equal(fixture->faults.total, 4);
    for (size_t i = 0; i < 4; i++)
        assert_text_equal(fixture->faults.items[i].code, "unknown");
}

static void test_examples_are_valid(void **state)
{
    struct fixture *fixture = *state;
    size_t checked = 0;
    for (size_t i = 0; i < orderlog_command_count; i++) {
        const struct ev_command_type *type = orderlog_commands[i];
        yyjson_val *schema, *example;
        assert_ok(ev_json_parse(ev_str_of(type->schema_json), &fixture->arena, &schema, &fixture->error),
                  fixture->error);
        size_t index, bound;
        yyjson_arr_foreach (yyjson_obj_get(schema, "examples"), index, bound, example) {
            void *command = ev_arena_alloc(&fixture->arena, type->record->size);
            if (ev_command_parse(type, example, NULL, 0, &fixture->arena, command, &fixture->faults) != 0)
                fail_msg("%s: %.*s: %.*s", type->name, EV_STR_ARG(fixture->faults.items[0].pointer),
                         EV_STR_ARG(fixture->faults.items[0].detail));
            checked++;
        }
    }
    assert_true(checked >= orderlog_command_count);
}

static void test_patterns(void **state)
{
    (void)state;
    /* ^a[bc]{2,3}d*$ */
    static const struct ev_pattern_step steps[] = {
        {.set = {0, UINT64_C(1) << ('a' - 64)}, .minimum = 1, .maximum = 1},
        {.set = {0, UINT64_C(3) << ('b' - 64)}, .minimum = 2, .maximum = 3},
        {.set = {0, UINT64_C(1) << ('d' - 64)}, .minimum = 0, .maximum = EV_PATTERN_UNBOUNDED},
    };
    static const struct ev_pattern pattern = {"^a[bc]{2,3}d*$", 3, steps};
    static const char *const good[] = {"abb", "abcb", "acbd", "abbdddddd"};
    static const char *const bad[] = {"", "a", "ab", "abbbb", "abb\n", "abbd\xc3\xa9", "xabb", "abbdx"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(ev_pattern_matches(&pattern, ev_str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(ev_pattern_matches(&pattern, ev_str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_printed_is_the_same_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_faults_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_that_is_no_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_from_the_url, setup, teardown),
        cmocka_unit_test_setup_teardown(test_field_of_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_integers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths_are_of_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent_and_empty_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_that_is_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_enums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_of_fields_are_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_examples_are_valid, setup, teardown),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
