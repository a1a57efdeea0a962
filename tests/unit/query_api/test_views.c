#include "testing.h"

#include "json_text.h"
#include "views.h"

static void test_names(void **state)
{
    (void)state;
    char name[VIEW_NAME_MAX];
    view_versioned_collection_name("orderlog", QUERY_VIEW_SALES_DAILY, 1, 1, name);
    assert_string_equal(name, "sales_daily_v1");
    view_versioned_collection_name("shop2", QUERY_VIEW_ORDERS, 12, 3, name);
    assert_string_equal(name, "shop2_orders_v12_g3");
    view_collection_name("shop2", "_checkpoints", name);
    assert_string_equal(name, "shop2__checkpoints");
    view_versioned_index_name("orderlog", QUERY_VIEW_PRODUCTS, 1, 2, name);
    assert_string_equal(name, "products-v1-g2");
    view_index_name("shop2", "checkpoints", name);
    assert_string_equal(name, "shop2-checkpoints");
}

static void test_checkpoint_keys(void **state)
{
    (void)state;
    char key[VIEW_NAME_MAX];
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        enum query_view_id view;
        int version, generation;
        int32_t partition;
        view_checkpoint_key((enum query_view_id)i, 3, 1 + (int)i, 17, key);
        assert_true(view_checkpoint_key_parse(ev_str_of(key), &view, &version, &generation, &partition));
        assert_int_equal(view, i);
        assert_int_equal(version, 3);
        assert_int_equal(generation, 1 + i);
        assert_int_equal(partition, 17);
    }
    static const char *const wrong[] = {"",
                                        "orders",
                                        "orders_v1",
                                        "orders_v1/",
                                        "orders_v1/x",
                                        "orders_v0/1",
                                        "orders_v/1",
                                        "unknown_v1/1",
                                        "orders_v1/-1",
                                        "_v1/1",
                                        "v1/1",
                                        "ordersv1/1",
                                        "orders_v1/1/2",
                                        "orders_v99999999999/1",
                                        "orders_v1_g1/1",
                                        "orders_v1_g/1",
                                        "orders_v1_g2_g3/1",
                                        "orders_g2/1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        enum query_view_id view;
        int version, generation;
        int32_t partition;
        if (view_checkpoint_key_parse(ev_str_of(wrong[i]), &view, &version, &generation, &partition))
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

static void test_json_text(void **state)
{
    (void)state;
    struct ev_buffer out = {0};
    json_text_append(&out, "{'a':[");
    json_text_append_item(&out, "{'term':{'%s':%j}}", "field", EV_STR("it's \"so\"\\'}"));
    json_text_append_item(&out, "%i", INT64_MIN);
    json_text_append_item(&out, "%r", EV_STR("null"));
    json_text_append(&out, "]}");
    assert_str(ev_buffer_str(&out),
               "{\"a\":[{\"term\":{\"field\":\"it's \\\"so\\\"\\\\'}\"}},-9223372036854775808,null]}");
    ev_buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_checkpoint_keys),
        cmocka_unit_test(test_json_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
