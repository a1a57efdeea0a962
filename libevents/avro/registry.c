#include "avro/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "avro/registry_internal.h"
#include "core/memory.h"

#define SUBJECT_MAX 128
#define REASON_MAX 400

/* Two locks, so that what is known doesn't wait for a request. Never both at once. */
struct ev_registry {
    pthread_mutex_t cache_lock;
    struct ev_registry_cache cache;
    pthread_mutex_t http_lock;
    struct ev_registry_http *http;
};

int ev_registry_create(const char *url, const char *cache_path, struct ev_registry **ret, struct ev_error *error)
{
    struct ev_registry_http *http;
    int rc = ev_registry_http_create(url, &http, error);
    if (rc < 0)
        return rc;
    struct ev_registry *registry = ev_memory_new(struct ev_registry);
    registry->http = http;
    pthread_mutex_init(&registry->cache_lock, NULL);
    pthread_mutex_init(&registry->http_lock, NULL);
    rc = ev_registry_cache_init(&registry->cache, cache_path, error);
    if (rc < 0)
        ev_registry_destroy(registry);
    else
        *ret = registry;
    return rc;
}

void ev_registry_destroy(struct ev_registry *registry)
{
    if (!registry)
        return;
    ev_registry_http_destroy(registry->http);
    ev_registry_cache_finish(&registry->cache);
    pthread_mutex_destroy(&registry->cache_lock);
    pthread_mutex_destroy(&registry->http_lock);
    free(registry);
}

int ev_registry_request(struct ev_registry *registry, const char *method, const char *path, struct ev_str body,
                        struct ev_buffer *answer, struct ev_error *error)
{
    pthread_mutex_lock(&registry->http_lock);
    int status = ev_registry_http_request(registry->http, method, path, body, answer, error);
    pthread_mutex_unlock(&registry->http_lock);
    return status;
}

int ev_registry_status_error(int status, const char *what, struct ev_str answer, struct ev_error *error)
{
    struct ev_arena arena;
    yyjson_val *root;
    ev_arena_init(&arena, 0);
    struct ev_str reason = EV_STR("no reason given");
    int64_t code = 0; /* the Confluent API's own: 40401 no such subject, 40402 version, 40403 schema */
    if (ev_json_parse(answer, &arena, &root, NULL) == 0) {
        if (ev_json_str(yyjson_obj_get(root, "message")).data)
            reason = ev_json_str(yyjson_obj_get(root, "message"));
        code = yyjson_get_sint(yyjson_obj_get(root, "error_code"));
    }
    if (reason.length > REASON_MAX)
        reason.length = REASON_MAX;
    int rc;
    if (status >= 500 || status == 429 || status == 408)
        rc = ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "schema registry: %s: status %d: %.*s", what, status,
                                    EV_STR_ARG(reason));
    else if (status == 404 && code / 100 != 404) /* a wrong URL, or a proxy before a registry that is away */
        rc = ev_error_set_retriable(error, EV_ERR_UNAVAILABLE,
                                    "schema registry: %s: status 404, not from a schema registry: %.*s", what,
                                    EV_STR_ARG(reason));
    else
        rc = ev_error_set(error,
                          status == 404   ? EV_ERR_NOT_FOUND
                          : status == 409 ? EV_ERR_CONFLICT
                                          : EV_ERR_INVALID,
                          "schema registry: %s: status %d: %.*s", what, status, EV_STR_ARG(reason));
    ev_arena_finish(&arena);
    return rc;
}

/* A member of the answer: the id when `name` is "id", text otherwise (appended to `ret_text`). */
static int answer_member(struct ev_str answer, const char *name, int32_t *ret_id, struct ev_buffer *ret_text,
                         struct ev_error *error)
{
    struct ev_arena arena;
    yyjson_val *root;
    ev_arena_init(&arena, 0);
    int rc = ev_json_parse(answer, &arena, &root, error);
    yyjson_val *member = rc == 0 ? yyjson_obj_get(root, name) : NULL;
    bool good = ret_id ? yyjson_is_uint(member) && yyjson_get_uint(member) <= INT32_MAX : yyjson_is_str(member);
    if (!good)
        rc = ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "schema registry: an answer without \"%s\"", name);
    else if (ret_id)
        *ret_id = (int32_t)yyjson_get_uint(member);
    else
        ev_buffer_append_str(ret_text, ev_json_str(member));
    ev_arena_finish(&arena);
    return rc;
}

int ev_registry_subject_path(const char *before, const char *subject, const char *after,
                             char path[EV_REGISTRY_PATH_MAX], struct ev_error *error)
{
    static const char digits[] = "0123456789ABCDEF";
    char escaped[3 * SUBJECT_MAX + 1];
    size_t length = 0;
    if (strlen(subject) > SUBJECT_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a subject of more than %d characters", SUBJECT_MAX);
    for (const char *at = subject; *at; at++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *at)) {
            escaped[length++] = *at;
        } else {
            escaped[length++] = '%';
            escaped[length++] = digits[(uint8_t)*at >> 4];
            escaped[length++] = digits[(uint8_t)*at & 15];
        }
    }
    escaped[length] = '\0';
    snprintf(path, EV_REGISTRY_PATH_MAX, "%s%s%s", before, escaped, after);
    return 0;
}

static int remember_id(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t id,
                       struct ev_error *error)
{
    pthread_mutex_lock(&registry->cache_lock);
    int rc = ev_registry_cache_add_id(&registry->cache, subject, schema_json, id, error);
    if (rc == 0)
        rc = ev_registry_cache_add_schema(&registry->cache, id, schema_json, error);
    pthread_mutex_unlock(&registry->cache_lock);
    return rc;
}

/* POSTs the schema and remembers the id in the answer. */
static int post_schema(struct ev_registry *registry, const char *path, const char *subject, struct ev_str schema_json,
                       int32_t *ret_id, struct ev_error *error)
{
    struct ev_buffer body, answer;
    struct ev_json_writer writer;
    ev_buffer_init(&body);
    ev_buffer_init(&answer);
    ev_json_init(&writer, &body);
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "schema", schema_json);
    ev_json_object_end(&writer);
    int rc = ev_registry_request(registry, "POST", path, ev_buffer_str(&body), &answer, error);
    if (rc >= 0)
        rc = rc / 100 == 2 ? answer_member(ev_buffer_str(&answer), "id", ret_id, NULL, error)
                           : ev_registry_status_error(rc, subject, ev_buffer_str(&answer), error);
    if (rc == 0)
        rc = remember_id(registry, subject, schema_json, *ret_id, error);
    ev_buffer_finish(&body);
    ev_buffer_finish(&answer);
    return rc;
}

int ev_registry_register(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t *ret_id,
                         struct ev_error *error)
{
    char path[EV_REGISTRY_PATH_MAX];
    int rc = ev_registry_subject_path("/subjects/", subject, "/versions", path, error);
    return rc < 0 ? rc : post_schema(registry, path, subject, schema_json, ret_id, error);
}

int ev_registry_lookup(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t *ret_id,
                       struct ev_error *error)
{
    pthread_mutex_lock(&registry->cache_lock);
    bool known = ev_registry_cache_id(&registry->cache, subject, schema_json, ret_id);
    pthread_mutex_unlock(&registry->cache_lock);
    if (known)
        return 0;
    char path[EV_REGISTRY_PATH_MAX];
    int rc = ev_registry_subject_path("/subjects/", subject, "", path, error);
    return rc < 0 ? rc : post_schema(registry, path, subject, schema_json, ret_id, error);
}

int ev_registry_set_compatibility(struct ev_registry *registry, const char *subject, const char *mode,
                                  struct ev_error *error)
{
    char path[EV_REGISTRY_PATH_MAX];
    int rc = ev_registry_subject_path("/config/", subject, "", path, error);
    if (rc < 0)
        return rc;
    struct ev_buffer body, answer;
    struct ev_json_writer writer;
    ev_buffer_init(&body);
    ev_buffer_init(&answer);
    ev_json_init(&writer, &body);
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "compatibility", mode);
    ev_json_object_end(&writer);
    rc = ev_registry_request(registry, "PUT", path, ev_buffer_str(&body), &answer, error);
    if (rc >= 0)
        rc = rc / 100 == 2 ? 0 : ev_registry_status_error(rc, subject, ev_buffer_str(&answer), error);
    ev_buffer_finish(&body);
    ev_buffer_finish(&answer);
    return rc;
}

static int fetch_schema(struct ev_registry *registry, int32_t id, struct ev_str *ret_json, struct ev_error *error)
{
    char path[EV_REGISTRY_PATH_MAX], what[32];
    struct ev_buffer answer, json;
    snprintf(path, sizeof(path), "/schemas/ids/%d", (int)id);
    snprintf(what, sizeof(what), "schema %d", (int)id);
    ev_buffer_init(&answer);
    ev_buffer_init(&json);
    int rc = ev_registry_request(registry, "GET", path, EV_STR_NULL, &answer, error);
    if (rc >= 0)
        rc = rc / 100 == 2 ? answer_member(ev_buffer_str(&answer), "schema", NULL, &json, error)
                           : ev_registry_status_error(rc, what, ev_buffer_str(&answer), error);
    if (rc == 0) {
        pthread_mutex_lock(&registry->cache_lock);
        rc = ev_registry_cache_add_schema(&registry->cache, id, ev_buffer_str(&json), error);
        *ret_json = ev_registry_cache_schema(&registry->cache, id);
        pthread_mutex_unlock(&registry->cache_lock);
    }
    ev_buffer_finish(&answer);
    ev_buffer_finish(&json);
    return rc;
}

static int get_schema(void *context, int32_t schema_id, struct ev_str *ret_json, struct ev_error *error)
{
    struct ev_registry *registry = context;
    pthread_mutex_lock(&registry->cache_lock);
    *ret_json = ev_registry_cache_schema(&registry->cache, schema_id);
    pthread_mutex_unlock(&registry->cache_lock);
    return ret_json->data ? 0 : fetch_schema(registry, schema_id, ret_json, error);
}

struct ev_schema_source ev_registry_source(struct ev_registry *registry)
{
    return (struct ev_schema_source){.get = get_schema, .context = registry};
}

int ev_registry_ping(struct ev_registry *registry, struct ev_error *error)
{
    struct ev_buffer answer;
    ev_buffer_init(&answer);
    int rc = ev_registry_request(registry, "GET", "/config", EV_STR_NULL, &answer, error);
    if (rc >= 0)
        rc = rc / 100 == 2 ? 0 : ev_registry_status_error(rc, "ping", ev_buffer_str(&answer), error);
    ev_buffer_finish(&answer);
    return rc;
}
