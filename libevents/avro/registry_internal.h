/* The parts of the registry client: what is remembered (registry_cache.c), the requests (registry_http.c), and what is
 * asked of subjects (registry_subjects.c). */
#pragma once

#include "avro/registry.h"
#include "core/map.h"

#define EV_REGISTRY_SCHEMAS_MAX 4096 /* remembered: schemas, and (subject, schema) pairs, each */
#define EV_REGISTRY_ANSWER_MAX ((size_t)4 * 1024 * 1024)
#define EV_REGISTRY_CACHE_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Not thread-safe: the registry locks. Nothing that is in it is ever removed. */
struct ev_registry_cache {
    char *path;            /* NULL: memory only */
    struct ev_arena arena; /* of the texts */
    struct ev_map schemas; /* id as text -> struct ev_str *: the JSON */
    struct ev_map ids;     /* subject, NUL, canonical schema -> int32_t * */
};

int ev_registry_cache_init(struct ev_registry_cache *cache, const char *path, struct ev_error *error);
void ev_registry_cache_finish(struct ev_registry_cache *cache);
/* The null string where the id isn't known. Lives as long as the cache. */
struct ev_str ev_registry_cache_schema(const struct ev_registry_cache *cache, int32_t id);
/* false: not known. `schema_json` must be JSON (INVALID otherwise, by the callers' own parse). */
bool ev_registry_cache_id(const struct ev_registry_cache *cache, const char *subject, struct ev_str schema_json,
                          int32_t *ret_id);
/* Remembers, also in the file. LIMIT past EV_REGISTRY_SCHEMAS_MAX, IO where the file can't be written (it is
 * remembered in memory all the same). */
int ev_registry_cache_add_schema(struct ev_registry_cache *cache, int32_t id, struct ev_str schema_json,
                                 struct ev_error *error);
int ev_registry_cache_add_id(struct ev_registry_cache *cache, const char *subject, struct ev_str schema_json,
                             int32_t id, struct ev_error *error);
/* The same text for the same schema: keys sorted, no spaces. INVALID where it isn't JSON. */
int ev_schema_canonical(struct ev_str schema_json, struct ev_buffer *out, struct ev_error *error);

struct ev_registry_http;
int ev_registry_http_create(const char *url, struct ev_registry_http **ret, struct ev_error *error);
void ev_registry_http_destroy(struct ev_registry_http *http);
/* One request at a time per object. `path` comes after the registry's URL; `body` may be the null string. The
 * answer's body is appended to `answer`. Returns the HTTP status, or UNAVAILABLE (retriable), TIMEOUT (retriable),
 * LIMIT. */
int ev_registry_http_request(struct ev_registry_http *http, const char *method, const char *path, struct ev_str body,
                             struct ev_buffer *answer, struct ev_error *error);

#define EV_REGISTRY_PATH_MAX 512
/* One after the other, from any thread. Returns as above. */
int ev_registry_request(struct ev_registry *registry, const char *method, const char *path, struct ev_str body,
                        struct ev_buffer *answer, struct ev_error *error);
/* The error for a status that isn't 2xx, with the registry's own reason. */
int ev_registry_status_error(int status, const char *what, struct ev_str answer, struct ev_error *error);
/* The path between `before` and `after` is the subject, escaped. LIMIT where it is too long. */
int ev_registry_subject_path(const char *before, const char *subject, const char *after,
                             char path[EV_REGISTRY_PATH_MAX], struct ev_error *error);
