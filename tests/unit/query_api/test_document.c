#include "testing.h"

#include <string.h>

#include "core/json.h"
#include "document.h"
#include "gen/views.h"

static struct ev_arena arena;

static int set_up(void **state)
{
    (void)state;
    ev_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ev_arena_finish(&arena);
    return 0;
}

static const char cart[] =
    "{\"cart_id\":\"c\",\"customer_id\":\"17850\",\"currency\":\"GBP\",\"status\":\"CHECKED_OUT\","
    "\"items\":[{\"sku\":\"tea\",\"title\":\"Tea\",\"quantity\":2,\"unit_price\":25500,"
    "\"value\":51000}],\"units\":2,\"total\":51000,\"created_at\":5,\"updated_at\":6,\"version\":3}";

/* Both forms of the same document: JSON as it is, and the BSON that libbson makes of it. */
static int from_json(const char *json, struct carts_document *ret, struct document_meta *meta, struct ev_error *error)
{
    yyjson_val *root;
    assert_int_equal(ev_json_parse(ev_str_of(json), &arena, &root, NULL), 0);
    return document_from_json(&carts_document_record, root, &arena, ret, meta, error);
}

static int from_bson(const char *json, struct carts_document *ret, struct document_meta *meta, struct ev_error *error)
{
    bson_error_t fault;
    bson_t *bson = bson_new_from_json((const uint8_t *)json, -1, &fault);
    assert_non_null(bson);
    int answer = document_from_bson(&carts_document_record, bson, &arena, ret, meta, error);
    bson_destroy(bson); /* nothing may point into it */
    return answer;
}

typedef int (*reader)(const char *json, struct carts_document *ret, struct document_meta *meta, struct ev_error *error);
static const reader readers[] = {from_json, from_bson};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct carts_document document;
        assert_int_equal(readers[i](cart, &document, NULL, NULL), 0);
        assert_str(document.cart_id, "c");
        assert_str(document.customer_id, "17850");
        assert_int_equal(document.status, CART_STATUS_CHECKED_OUT);
        assert_int_equal(document.items.count, 1);
        assert_str(document.items.items[0].sku, "tea");
        assert_int_equal(document.items.items[0].value, 51000);
        assert_int_equal(document.total, 51000);
        assert_null(document.order_id.data);
        assert_int_equal(document.version, 3);
    }
}

/* What another version of the view has more or less is no fault, in any order. */
static void test_absent_and_unknown_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct carts_document document;
        struct document_meta meta;
        assert_int_equal(
            readers[i]("{\"version\":3,\"new\":{\"a\":[1]},\"cart_id\":\"c\",\"_offset\":77,\"_partition\":2}",
                       &document, &meta, NULL),
            0);
        assert_str(document.cart_id, "c");
        assert_int_equal(document.version, 3);
        assert_int_equal(document.items.count, 0);
        assert_int_equal(meta.offset, 77);
        assert_int_equal(meta.partition, 2);
        assert_false(meta.deleted);
        assert_int_equal(readers[i]("{\"_deleted\":true}", &document, &meta, NULL), 0);
        assert_true(meta.deleted);
        assert_int_equal(meta.offset, -1);
    }
}

static void test_marks_of_parked_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct carts_document document;
        struct document_meta meta;
        assert_int_equal(readers[i]("{\"cart_id\":\"c\",\"_parked\":{\"offset\":7,\"at_ms\":1291161600000}}", &document,
                                    &meta, NULL),
                         0);
        assert_true(meta.parked_at_ms == 1291161600000);
        assert_int_equal(readers[i]("{\"cart_id\":\"c\"}", &document, &meta, NULL), 0);
        assert_true(meta.parked_at_ms == 0);
        assert_int_equal(readers[i]("{\"_parked\":7}", &document, &meta, NULL), 0); /* no mark of ours */
        assert_true(meta.parked_at_ms == 0);
    }
    assert_true(document_first_parked(0, 5) == 5 && document_first_parked(5, 0) == 5);
    assert_true(document_first_parked(7, 5) == 5 && document_first_parked(0, 0) == 0);
}

static void test_wrong_types_are_corrupt(void **state)
{
    (void)state;
    static const struct {
        const char *json, *field;
    } cases[] = {
        {"{\"cart_id\":1}", "cart_id"},    {"{\"cart_id\":null}", "cart_id"},   {"{\"total\":\"5.10\"}", "total"},
        {"{\"total\":5.5}", "total"},      {"{\"status\":\"GONE\"}", "status"}, {"{\"status\":1}", "status"},
        {"{\"items\":{}}", "items"},       {"{\"items\":null}", "items"},       {"{\"items\":[{\"sku\":5}]}", "sku"},
        {"{\"version\":true}", "version"},
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
            struct carts_document document;
            struct ev_error error = {0};
            assert_int_equal(readers[i](cases[n].json, &document, NULL, &error), EV_ERR_CORRUPT);
            if (!strstr(error.message, cases[n].field))
                fail_msg("%s: %s", cases[n].json, error.message);
        }
    }
}

static void test_nullable_numbers_and_doubles(void **state)
{
    (void)state;
    struct products_document document;
    yyjson_val *root;
    struct ev_str json =
        EV_STR("{\"price\":25500,\"attributes\":[{\"name\":\"weight\",\"number\":2},"
               "{\"name\":\"size\",\"number\":1.5},{\"name\":\"colour\",\"text\":\"red\",\"number\":null}]}");
    assert_int_equal(ev_json_parse(json, &arena, &root, NULL), 0);
    assert_int_equal(document_from_json(&products_document_record, root, &arena, &document, NULL, NULL), 0);
    assert_true(document.price.present);
    assert_int_equal(document.price.value, 25500);
    assert_false(document.released_on.present);
    assert_int_equal(document.attributes.count, 3);
    assert_true(document.attributes.items[0].number.present);
    assert_true(document.attributes.items[0].number.value == 2.0);
    assert_true(document.attributes.items[1].number.value == 1.5);
    assert_false(document.attributes.items[2].number.present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_and_unknown_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_marks_of_parked_documents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_types_are_corrupt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nullable_numbers_and_doubles, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
