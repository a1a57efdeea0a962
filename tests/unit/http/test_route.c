#include "testing.h"

#include "libhttp/route.h"

static const struct http_route routes[] = {
    {.method = "POST", .path = "/v1/carts", .exposure = HTTP_BOTH, .name = "CreateCart"},
    {.method = "POST", .path = "/v1/carts/{cart_id}/items", .exposure = HTTP_BOTH, .name = "AddCartItem"},
    {.method = "DELETE", .path = "/v1/carts/{cart_id}/items", .exposure = HTTP_BOTH, .name = "EmptyCart"},
    {.method = "PATCH", .path = "/v1/carts/{cart_id}/items/{sku}", .exposure = HTTP_BOTH, .name = "ChangeCartItem"},
    {.method = "GET", .path = "/v1/carts/{id}/{what}", .exposure = HTTP_BOTH, .name = "Other"},
    {.method = "GET", .path = "/v1/carts/mine/{what}/x", .exposure = HTTP_BOTH, .name = "Mine"},
    {.method = "POST", .path = "/v1/orders/{order_id}/record", .exposure = HTTP_PRIVATE, .name = "RecordOrder"},
};

static struct http_router public_router, private_router;
static struct ev_arena arena;
static struct http_matched matched;

static enum http_match match_on(const struct http_router *router, const char *method, const char *path)
{
    return http_router_match(router, ev_str_of(method), ev_str_of(path), &arena, &matched);
}

static enum http_match match(const char *method, const char *path)
{
    return match_on(&public_router, method, path);
}

static void assert_found(const char *method, const char *path, const char *name)
{
    assert_int_equal(match(method, path), HTTP_MATCH_FOUND);
    assert_string_equal(matched.route->name, name);
}

static void assert_value(size_t index, const char *name, const char *value)
{
    assert_true(index < matched.value_count);
    assert_true(ev_str_equal(matched.values[index].name, ev_str_of(name)));
    assert_true(ev_str_equal(matched.values[index].value, ev_str_of(value)));
}

static void test_a_route_is_found_with_its_values(void **state)
{
    (void)state;
    assert_found("POST", "/v1/carts", "CreateCart");
    assert_int_equal(matched.value_count, 0);
    assert_found("PATCH", "/v1/carts/c1/items/A%20%2F1", "ChangeCartItem");
    assert_int_equal(matched.value_count, 2);
    assert_value(0, "cart_id", "c1");
    assert_value(1, "sku", "A /1");
    assert_found("POST", "/v1/%63arts", "CreateCart");
}

static void test_values_are_named_by_their_own_route(void **state)
{
    (void)state;
    assert_found("GET", "/v1/carts/c1/other", "Other");
    assert_value(0, "id", "c1");
    assert_value(1, "what", "other");
}

static void test_a_literal_that_leads_nowhere_is_left_again(void **state)
{
    (void)state;
    assert_found("GET", "/v1/carts/mine/y/x", "Mine");
    assert_found("GET", "/v1/carts/mine/y", "Other");
    assert_value(0, "id", "mine");
    assert_int_equal(matched.value_count, 2);
}

static void test_unknown_paths_and_methods_differ(void **state)
{
    (void)state;
    assert_int_equal(match("GET", "/v1/cart"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("GET", "/"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("GET", ""), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("GET", "*"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("POST", "/v1/carts/"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("POST", "/v1//items"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("POST", "/v1/carts//items"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("POST", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("GET", "/v1/carts"), HTTP_MATCH_NO_METHOD);
    assert_true(ev_str_equal(matched.allow, EV_STR("POST")));
    assert_int_equal(match("PUT", "/v1/carts/c/items/"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match("post", "/v1/carts"), HTTP_MATCH_NO_METHOD);
}

static void test_broken_paths_are_refused(void **state)
{
    (void)state;
    assert_int_equal(match("POST", "/v1/carts/%/items"), HTTP_MATCH_BAD_PATH);
    assert_int_equal(match("POST", "/v1/carts/%ff/items"), HTTP_MATCH_BAD_PATH);
    assert_int_equal(match("POST", "/v1/carts/../items"), HTTP_MATCH_BAD_PATH);
    assert_int_equal(match("POST", "/v1/carts/%2e%2E/items"), HTTP_MATCH_BAD_PATH);
    assert_int_equal(match("POST", "/nowhere/%"), HTTP_MATCH_BAD_PATH);
}

static void test_private_routes_are_not_public(void **state)
{
    (void)state;
    assert_int_equal(match("POST", "/v1/orders/o1/record"), HTTP_MATCH_NO_PATH);
    assert_int_equal(match_on(&private_router, "POST", "/v1/orders/o1/record"), HTTP_MATCH_FOUND);
    assert_int_equal(match_on(&private_router, "POST", "/v1/carts"), HTTP_MATCH_FOUND);
}

static void test_tables_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct http_route twice[] = {
        {.method = "GET", .path = "/a/{x}", .exposure = HTTP_BOTH, .name = "one"},
        {.method = "GET", .path = "/a/{y}", .exposure = HTTP_BOTH, .name = "two"},
    };
    static const struct http_route relative = {.method = "GET", .path = "a", .exposure = HTTP_BOTH, .name = "one"};
    static const struct http_route many = {
        .method = "GET", .path = "/{a}/{b}/{c}/{d}/{e}", .exposure = HTTP_BOTH, .name = "one"};
    struct http_router router;
    struct ev_error error;
    assert_int_equal(http_router_init(&router, twice, 2, HTTP_PUBLIC, &error), EV_ERR_INVALID);
    http_router_finish(&router);
    assert_int_equal(http_router_init(&router, &relative, 1, HTTP_PUBLIC, &error), EV_ERR_INVALID);
    http_router_finish(&router);
    assert_int_equal(http_router_init(&router, &many, 1, HTTP_PUBLIC, &error), EV_ERR_LIMIT);
    http_router_finish(&router);
}

static int setup(void **state)
{
    (void)state;
    size_t count = sizeof(routes) / sizeof(routes[0]);
    struct ev_error error;
    return http_router_init(&public_router, routes, count, HTTP_PUBLIC, &error) |
           http_router_init(&private_router, routes, count, HTTP_PRIVATE, &error);
}

static int teardown(void **state)
{
    (void)state;
    http_router_finish(&public_router);
    http_router_finish(&private_router);
    ev_arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_route_is_found_with_its_values),
        cmocka_unit_test(test_values_are_named_by_their_own_route),
        cmocka_unit_test(test_a_literal_that_leads_nowhere_is_left_again),
        cmocka_unit_test(test_unknown_paths_and_methods_differ),
        cmocka_unit_test(test_broken_paths_are_refused),
        cmocka_unit_test(test_private_routes_are_not_public),
        cmocka_unit_test(test_tables_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
