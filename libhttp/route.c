#include "libhttp/route.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "libhttp/path.h"

struct node_route {
    const struct http_route *route;
    struct ev_str method;
    struct ev_str names[HTTP_PATH_VALUES_MAX];
};

/* One segment of one or more paths. */
struct http_node {
    struct ev_str literal;  /* null: a named segment, which matches any text */
    struct http_node *next; /* sibling; literals alone */
    struct http_node *literals;
    struct http_node *named;
    struct node_route routes[HTTP_METHODS_MAX];
    size_t route_count;
    struct ev_buffer allow;
};

static struct http_node *node_child(struct http_node *node, struct ev_str segment)
{
    bool is_named = segment.length >= 2 && segment.data[0] == '{';
    struct http_node *child = is_named ? node->named : node->literals;
    while (child && !is_named && !ev_str_equal(child->literal, segment))
        child = child->next;
    if (child)
        return child;
    child = ev_memory_new(struct http_node);
    if (is_named) {
        node->named = child;
    } else {
        child->literal = segment;
        child->next = node->literals;
        node->literals = child;
    }
    return child;
}

static void node_destroy(struct http_node *node)
{
    if (!node)
        return;
    for (struct http_node *child = node->literals, *next; child; child = next) {
        next = child->next;
        node_destroy(child);
    }
    node_destroy(node->named);
    ev_buffer_finish(&node->allow);
    free(node);
}

static int node_add_route(struct http_node *node, const struct http_route *route, const struct ev_str *names,
                          struct ev_error *error)
{
    struct ev_str method = ev_str_of(route->method);
    for (size_t i = 0; i < node->route_count; i++)
        if (ev_str_equal(node->routes[i].method, method))
            return ev_error_set(error, EV_ERR_INVALID, "two routes are named %s %s", route->method, route->path);
    if (node->route_count == HTTP_METHODS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "%s has more than %d methods", route->path, HTTP_METHODS_MAX);
    struct node_route *added = &node->routes[node->route_count++];
    added->route = route;
    added->method = method;
    memcpy(added->names, names, sizeof(added->names));
    ev_buffer_printf(&node->allow, "%s%s", node->allow.length ? ", " : "", route->method);
    if (ev_str_equal(method, EV_STR("GET")))
        ev_buffer_append_str(&node->allow, EV_STR(", HEAD"));
    return 0;
}

static int router_add(struct http_router *router, const struct http_route *route, struct ev_error *error)
{
    struct ev_str rest = ev_str_of(route->path), segment;
    if (!ev_str_starts_with(rest, EV_STR("/")) || rest.length < 2)
        return ev_error_set(error, EV_ERR_INVALID, "the route \"%s\" does not begin with \"/\"", route->path);
    rest = (struct ev_str){rest.data + 1, rest.length - 1};
    struct ev_str names[HTTP_PATH_VALUES_MAX] = {{0}};
    size_t name_count = 0, depth = 0;
    struct http_node *node = router->root;
    while (ev_str_split(&rest, '/', &segment)) {
        if (++depth > HTTP_PATH_SEGMENTS_MAX)
            return ev_error_set(error, EV_ERR_LIMIT, "the route %s is too deep", route->path);
        if (segment.length >= 2 && segment.data[0] == '{') {
            if (name_count == HTTP_PATH_VALUES_MAX)
                return ev_error_set(error, EV_ERR_LIMIT, "the route %s has more than %d values", route->path,
                                    HTTP_PATH_VALUES_MAX);
            names[name_count++] = (struct ev_str){segment.data + 1, segment.length - 2};
        }
        node = node_child(node, segment);
    }
    return node_add_route(node, route, names, error);
}

int http_router_init(struct http_router *router, const struct http_route *routes, size_t count,
                     enum http_exposure exposure, struct ev_error *error)
{
    router->root = ev_memory_new(struct http_node);
    for (size_t i = 0; i < count; i++) {
        if (!(routes[i].exposure & exposure))
            continue;
        int result = router_add(router, &routes[i], error);
        if (result < 0)
            return result;
    }
    return 0;
}

void http_router_finish(struct http_router *router)
{
    if (!router)
        return;
    node_destroy(router->root);
    router->root = NULL;
}

static bool is_dot_segment(struct ev_str segment)
{
    return ev_str_equal(segment, EV_STR(".")) || ev_str_equal(segment, EV_STR(".."));
}

/* The segments, decoded. Positive: more than any route has. */
static int split_path(struct ev_str path, struct ev_arena *arena, struct ev_str ret[HTTP_PATH_SEGMENTS_MAX],
                      size_t *ret_count)
{
    *ret_count = 0;
    if (!ev_str_starts_with(path, EV_STR("/")))
        return 1;
    struct ev_str rest = {path.data + 1, path.length - 1}, raw;
    bool too_many = false;
    while (ev_str_split(&rest, '/', &raw)) {
        struct ev_str segment;
        if (!http_percent_decode(raw, false, arena, &segment) || is_dot_segment(segment))
            return -1;
        too_many = too_many || *ret_count == HTTP_PATH_SEGMENTS_MAX;
        if (!too_many)
            ret[(*ret_count)++] = segment;
    }
    return too_many ? 1 : 0;
}

/* The deepest recursion is HTTP_PATH_SEGMENTS_MAX. */
static const struct http_node *node_find(const struct http_node *node, const struct ev_str *segments, size_t count,
                                         struct http_matched *matched)
{
    if (count == 0)
        return node->route_count ? node : NULL;
    for (const struct http_node *child = node->literals; child; child = child->next) {
        if (!ev_str_equal(child->literal, segments[0]))
            continue;
        const struct http_node *found = node_find(child, segments + 1, count - 1, matched);
        if (found)
            return found;
        break;
    }
    if (!node->named || segments[0].length == 0 || matched->value_count == HTTP_PATH_VALUES_MAX)
        return NULL;
    matched->values[matched->value_count++].value = segments[0];
    const struct http_node *found = node_find(node->named, segments + 1, count - 1, matched);
    if (!found)
        matched->value_count--;
    return found;
}

enum http_match http_router_match(const struct http_router *router, struct ev_str method, struct ev_str path,
                                  struct ev_arena *arena, struct http_matched *ret)
{
    *ret = (struct http_matched){0};
    struct ev_str segments[HTTP_PATH_SEGMENTS_MAX];
    size_t count;
    int split = split_path(path, arena, segments, &count);
    if (split != 0)
        return split < 0 ? HTTP_MATCH_BAD_PATH : HTTP_MATCH_NO_PATH;
    const struct http_node *node = node_find(router->root, segments, count, ret);
    if (!node)
        return HTTP_MATCH_NO_PATH;
    ret->allow = ev_buffer_str(&node->allow);
    if (ev_str_equal(method, EV_STR("HEAD"))) /* the answer's body is left out (reply.c) */
        method = EV_STR("GET");
    for (size_t i = 0; i < node->route_count; i++) {
        if (!ev_str_equal(node->routes[i].method, method))
            continue;
        ret->route = node->routes[i].route;
        for (size_t value = 0; value < ret->value_count; value++)
            ret->values[value].name = node->routes[i].names[value];
        return HTTP_MATCH_FOUND;
    }
    return HTTP_MATCH_NO_METHOD;
}
