/* Round trips of every record of the contract, with values at random and at the ends of their ranges. */
#include "testing.h"

#include "avro/record_internal.h"
#include "gen/cart.h"
#include "gen/order.h"
#include "gen/product.h"
#include "gen/topics.h"
#include "random_record.h"

#define ROUNDS 50

struct fixture {
    struct ev_arena arena;
    struct ev_buffer bytes, again;
    struct ev_fake_random random;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    ev_arena_init(&fixture->arena, 0);
    ev_buffer_init(&fixture->bytes);
    ev_buffer_init(&fixture->again);
    ev_fake_random_init(&fixture->random, 7);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ev_arena_finish(&fixture->arena);
    ev_buffer_finish(&fixture->bytes);
    ev_buffer_finish(&fixture->again);
    test_free(fixture);
    return 0;
}

typedef void (*record_test)(struct fixture *fixture, const struct ev_record *record, const void *value);

/* For every record: some random values and some of boundaries. fixture->bytes holds the encoded value. */
static void for_each_value(struct fixture *fixture, size_t rounds, record_test test)
{
    for (size_t i = 0; i < orderlog_record_count; i++) {
        const struct ev_record *record = orderlog_records[i];
        for (size_t round = 0; round < rounds; round++) {
            struct random_options options = random_options_default;
            options.boundaries_only = round % 4 == 3;
            options.formats = round % 2 == 0;
            void *value = ev_arena_alloc(&fixture->arena, record->size);
            ev_record_random(record, &options, &fixture->random.random, &fixture->arena, value);
            ev_buffer_clear(&fixture->bytes);
            ev_record_encode(record, value, &fixture->bytes);
            test(fixture, record, value);
            ev_arena_reset(&fixture->arena);
        }
    }
}

static void check_round_trip(struct fixture *fixture, const struct ev_record *record, const void *value)
{
    struct ev_error error;
    void *decoded = ev_arena_alloc(&fixture->arena, record->size);
    void *copy = ev_arena_alloc(&fixture->arena, record->size);
    memset(decoded, 0xa5, record->size); /* what was there before must not matter */
    memset(copy, 0xa5, record->size);
    assert_ok(ev_record_decode(record, ev_buffer_str(&fixture->bytes), &fixture->arena, decoded, &error), error);
    assert_true(ev_record_equal(record, value, decoded));
    ev_record_copy(record, decoded, copy, &fixture->arena);
    assert_true(ev_record_equal(record, value, copy));
    ev_buffer_clear(&fixture->again);
    ev_record_encode(record, copy, &fixture->again);
    assert_int_equal(fixture->again.length, fixture->bytes.length);
    assert_memory_equal(fixture->again.data, fixture->bytes.data, fixture->bytes.length);
}

static void test_round_trip(void **state)
{
    for_each_value(*state, ROUNDS, check_round_trip);
}

/* The copy must not borrow from what it was copied from. */
static void test_copy_is_deep(void **state)
{
    struct fixture *fixture = *state;
    const struct ev_record *record = &product_created_record;
    struct ev_arena first;
    ev_arena_init(&first, 0);
    struct random_options options = random_options_default;
    struct product_created value, copy;
    ev_record_random(record, &options, &fixture->random.random, &first, &value);
    ev_record_encode(record, &value, &fixture->bytes);
    ev_record_copy(record, &value, &copy, &fixture->arena);
    ev_arena_finish(&first); /* AddressSanitizer tells what still points there */
    ev_record_encode(record, &copy, &fixture->again);
    assert_int_equal(fixture->again.length, fixture->bytes.length);
    assert_memory_equal(fixture->again.data, fixture->bytes.data, fixture->bytes.length);
}

static void check_truncated(struct fixture *fixture, const struct ev_record *record, const void *value)
{
    (void)value;
    struct ev_error error;
    for (size_t length = 0; length < fixture->bytes.length; length++) {
        struct ev_str part = exact_copy((struct ev_str){fixture->bytes.data, length});
        void *decoded = ev_arena_alloc(&fixture->arena, record->size);
        assert_int_equal(ev_record_decode(record, part, &fixture->arena, decoded, &error), EV_ERR_CORRUPT);
        test_free((void *)part.data);
    }
}

static void test_truncated_at_each_byte(void **state)
{
    for_each_value(*state, 4, check_truncated);
}

static void check_leftover(struct fixture *fixture, const struct ev_record *record, const void *value)
{
    (void)value;
    struct ev_error error;
    void *decoded = ev_arena_alloc(&fixture->arena, record->size);
    ev_buffer_append(&fixture->bytes, "", 1);
    int rc = ev_record_decode(record, ev_buffer_str(&fixture->bytes), &fixture->arena, decoded, &error);
    assert_int_equal(rc, EV_ERR_CORRUPT);
    assert_non_null(strstr(error.message, "left over"));
}

static void test_leftover_bytes(void **state)
{
    for_each_value(*state, 2, check_leftover);
}

/* Whatever the bytes: a value or CORRUPT, and what is a value encodes and prints. */
static void check_damaged(struct fixture *fixture, const struct ev_record *record, const void *value)
{
    (void)value;
    struct ev_error error;
    for (size_t i = 0; i < 8; i++) {
        struct ev_str bytes = exact_copy(ev_buffer_str(&fixture->bytes));
        ((char *)bytes.data)[ev_random_below(&fixture->random.random, bytes.length)] =
            (char)ev_random_u64(&fixture->random.random);
        void *decoded = ev_arena_alloc(&fixture->arena, record->size);
        int rc = ev_record_decode(record, bytes, &fixture->arena, decoded, &error);
        assert_true(rc == 0 || rc == EV_ERR_CORRUPT);
        if (rc == 0) {
            struct ev_json_writer writer;
            ev_buffer_clear(&fixture->again);
            ev_json_init(&writer, &fixture->again);
            ev_record_print(record, decoded, &writer);
        }
        test_free((void *)bytes.data);
    }
}

static void test_damaged_bytes(void **state)
{
    for_each_value(*state, 20, check_damaged);
}

static void check_equality_sees_all(struct fixture *fixture, const struct ev_record *record, const void *value)
{
    void *other = ev_arena_alloc(&fixture->arena, record->size);
    ev_record_random(record, &random_options_default, &fixture->random.random, &fixture->arena, other);
    ev_buffer_clear(&fixture->again);
    ev_record_encode(record, other, &fixture->again);
    bool same_bytes = ev_str_equal(ev_buffer_str(&fixture->bytes), ev_buffer_str(&fixture->again));
    assert_int_equal(ev_record_equal(record, value, other), same_bytes);
}

static void test_equal_means_equal_bytes(void **state)
{
    for_each_value(*state, ROUNDS, check_equality_sees_all);
}

static void check_print(struct fixture *fixture, const struct ev_record *record, const void *value)
{
    struct ev_error error;
    yyjson_val *root;
    for (int plain = 0; plain < 2; plain++) {
        struct ev_json_writer writer;
        ev_buffer_clear(&fixture->again);
        ev_json_init(&writer, &fixture->again);
        (plain ? ev_record_print_plain : ev_record_print)(record, value, &writer);
        assert_ok(ev_json_parse(ev_buffer_str(&fixture->again), &fixture->arena, &root, &error), error);
        assert_int_equal(yyjson_obj_size(root), record->field_count);
        for (size_t i = 0; i < record->field_count; i++)
            assert_non_null(yyjson_obj_get(root, record->fields[i].name));
    }
}

static void test_print_is_json_with_every_field(void **state)
{
    for_each_value(*state, ROUNDS, check_print);
}

static void print_to(struct fixture *fixture, const struct ev_record *record, const void *value, bool plain)
{
    struct ev_json_writer writer;
    ev_buffer_clear(&fixture->bytes);
    ev_json_init(&writer, &fixture->bytes);
    (plain ? ev_record_print_plain : ev_record_print)(record, value, &writer);
}

static void test_print_forms(void **state)
{
    struct fixture *fixture = *state;
    struct order_line line = {.line_no = 1,
                              .sku = EV_STR("85123A"),
                              .title = EV_STR("WHITE \"HEART\""),
                              .quantity = 6,
                              .unit_price = 25500,
                              .kind = LINE_KIND_SERVICE};
    struct order_placed placed = {.order_id = EV_STR("536365"),
                                  .country = EV_STR("EIRE"),
                                  .currency = EV_STR("GBP"),
                                  .placed_at = INT64_C(1291191960000),
                                  .cart_version = {true, 3},
                                  .lines = {&line, 1, 1}};
    print_to(fixture, &order_placed_record, &placed, false);
    assert_text_equal(
        ev_buffer_str(&fixture->bytes),
        "{\"order_id\":\"536365\",\"customer_id\":null,\"country\":\"EIRE\",\"currency\":\"GBP\","
        "\"placed_at\":\"2010-12-01T08:26:00Z\",\"cart_id\":null,\"cart_version\":3,\"lines\":[{\"line_no\":1,"
        "\"sku\":\"85123A\",\"title\":\"WHITE \\\"HEART\\\"\",\"quantity\":6,\"unit_price\":\"2.55\","
        "\"kind\":\"SERVICE\"}]}");
    print_to(fixture, &order_placed_record, &placed, true);
    assert_text_equal(ev_buffer_str(&fixture->bytes),
                      "{\"order_id\":\"536365\",\"customer_id\":null,\"country\":\"EIRE\",\"currency\":\"GBP\","
                      "\"placed_at\":1291191960000,\"cart_id\":null,\"cart_version\":3,\"lines\":[{\"line_no\":1,"
                      "\"sku\":\"85123A\",\"title\":\"WHITE \\\"HEART\\\"\",\"quantity\":6,\"unit_price\":25500,"
                      "\"kind\":\"SERVICE\"}]}");
}

/* The specification's own example of a record, by hand: what no code of ours has made. */
static void test_known_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct cart_item_added added = {
        .cart_id = EV_STR("c1"), .sku = EV_STR("tea"), .title = EV_STR(""), .quantity = 64, .unit_price = -1};
    static const char expected[] = {4, 'c', '1', 6, 't', 'e', 'a', 0, (char)0x80, 1, 1};
    ev_record_encode(&cart_item_added_record, &added, &fixture->bytes);
    assert_int_equal(fixture->bytes.length, sizeof(expected));
    assert_memory_equal(fixture->bytes.data, expected, sizeof(expected));
}

/* A block's announced length must not cost memory before its items are there. */
static void test_huge_counts(void **state)
{
    struct fixture *fixture = *state;
    struct ev_error error;
    struct cart_state decoded;
    static const char huge[][12] = {
        {(char)0xfe, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, 1},
        {(char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff, 1},
        {(char)0xfe, (char)0xff, (char)0xff, (char)0xff, 15},
        {40},
    };
    for (size_t i = 0; i < COUNT_OF(huge); i++) {
        static const char before[] = {2, 'c', 0, 2, 'G', 0}; /* cart_id, null, currency, OPEN, then the items' count */
        ev_buffer_clear(&fixture->bytes);
        ev_buffer_append(&fixture->bytes, before, sizeof(before));
        ev_buffer_append(&fixture->bytes, huge[i], sizeof(huge[i]));
        size_t total = fixture->arena.total;
        int rc =
            ev_record_decode(&cart_state_record, ev_buffer_str(&fixture->bytes), &fixture->arena, &decoded, &error);
        assert_int_equal(rc, EV_ERR_CORRUPT);
        assert_true(fixture->arena.total - total < 4096);
    }
}

/* Indexes that no schema has: of an enum's symbols and of ["null", T]. */
static void test_wrong_indexes(void **state)
{
    struct fixture *fixture = *state;
    struct ev_error error;
    struct cart_state decoded;
    static const struct {
        struct ev_str bytes; /* cart_id, customer_id, currency, status, items, order_id, country */
        int expected;
    } cases[] = {
        {{"\x02"
          "c"
          "\x00\x00\x02\x00\x00\x00",
          8},
         0},
        {{"\x02"
          "c"
          "\x00\x00\x04\x00\x00\x00",
          8},
         EV_ERR_CORRUPT}, /* status 2 of 2 */
        {{"\x02"
          "c"
          "\x00\x00\x01\x00\x00\x00",
          8},
         EV_ERR_CORRUPT}, /* status -1 */
        {{"\x02"
          "c"
          "\x04\x00\x00\x00\x00\x00\x00",
          9},
         EV_ERR_CORRUPT}, /* branch 2 of 2, which a reader might take for a value */
        {{"\x02"
          "c"
          "\x01\x00\x00\x00\x00\x00\x00",
          9},
         EV_ERR_CORRUPT}, /* branch -1 */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(ev_record_decode(&cart_state_record, cases[i].bytes, &fixture->arena, &decoded, &error),
                         cases[i].expected);
}

static void test_arena_limit(void **state)
{
    struct fixture *fixture = *state;
    struct ev_error error;
    struct ev_arena small;
    struct cart_item items[200] = {{.sku = EV_STR("a")}};
    for (size_t i = 0; i < COUNT_OF(items); i++)
        items[i] = items[0];
    struct cart_state value = {.cart_id = EV_STR("c"), .items = {items, COUNT_OF(items), COUNT_OF(items)}}, decoded;
    ev_record_encode(&cart_state_record, &value, &fixture->bytes);
    ev_arena_init(&small, 2048);
    int rc = ev_record_decode(&cart_state_record, ev_buffer_str(&fixture->bytes), &small, &decoded, &error);
    assert_int_equal(rc, EV_ERR_LIMIT);
    ev_arena_finish(&small);
}

/* Arrays may come in blocks, with or without their size in bytes. */
static void test_array_in_blocks(void **state)
{
    struct fixture *fixture = *state;
    struct ev_error error;
    struct product_details decoded;
    static const char bytes[] = {0, 0,                               /* two nulls */
                                 4, 2, 'a', 2, 'b', 1, 4, 2, 'c', 0, /* eans: 2 items, then -1 items of 2 bytes */
                                 0, 0, 0};
    assert_ok(ev_record_decode(&product_details_record, (struct ev_str){bytes, sizeof(bytes)}, &fixture->arena,
                               &decoded, &error),
              error);
    assert_int_equal(decoded.eans.count, 3);
    assert_text_equal(decoded.eans.items[2], "c");
    assert_int_equal(decoded.images.count, 0);
}

static void test_init_gives_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct cart_state cart;
    memset(&cart, 0xa5, sizeof(cart));
    ev_record_init(&cart_state_record, &cart, &fixture->arena);
    assert_null(cart.customer_id.data);
    assert_non_null(cart.cart_id.data);
    assert_int_equal(cart.cart_id.length, 0);
    assert_int_equal(cart.items.count, 0);
    assert_int_equal(cart.status, CART_STATUS_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_is_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_at_each_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leftover_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_means_equal_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_print_is_json_with_every_field, setup, teardown),
        cmocka_unit_test_setup_teardown(test_print_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_known_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_indexes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arena_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_array_in_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_init_gives_defaults, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
