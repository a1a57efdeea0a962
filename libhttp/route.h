/* From method and path to a route: a tree over the segments of the paths, made once and read by all loops. A literal
 * segment goes before a named one. Bounded in depth, in segments and in values. */
#pragma once

#include "libhttp/server.h"

#define HTTP_PATH_SEGMENTS_MAX 16
#define HTTP_METHODS_MAX 8 /* of one path */

enum http_match {
    HTTP_MATCH_FOUND,
    HTTP_MATCH_NO_PATH,
    HTTP_MATCH_NO_METHOD, /* `allow` lists those there are */
    HTTP_MATCH_BAD_PATH,  /* a broken escape, no UTF-8, or a dot segment */
};

struct http_node;
struct http_router {
    struct http_node *root;
};

struct http_matched {
    const struct http_route *route;
    struct ev_str allow; /* owned by the router */
    struct http_path_value values[HTTP_PATH_VALUES_MAX];
    size_t value_count;
};

/* The routes must stay. INVALID: a path that doesn't begin with "/", has too many parts, or is there twice with its
 * method. */
int http_router_init(struct http_router *router, const struct http_route *routes, size_t count,
                     enum http_exposure exposure, struct ev_error *error);
void http_router_finish(struct http_router *router);
/* HEAD is answered by GET's route. `path` without query. Decoded values lie in the arena or in `path`. */
enum http_match http_router_match(const struct http_router *router, struct ev_str method, struct ev_str path,
                                  struct ev_arena *arena, struct http_matched *ret);
