/* What is asked of a subject: its mode, its versions, and whether a schema would be taken. */
#include <stdio.h>
#include <string.h>

#include "avro/registry_internal.h"

/* One request whose answer is JSON. *ret_root is NULL on 404. */
static int ask(struct ev_registry *registry, const char *method, const char *path, struct ev_str body,
               struct ev_arena *arena, yyjson_val **ret_root, struct ev_error *error)
{
    struct ev_buffer answer;
    ev_buffer_init(&answer);
    *ret_root = NULL;
    int rc = ev_registry_request(registry, method, path, body, &answer, error);
    if (rc >= 0)
        rc = rc / 100 == 2 ? ev_json_parse(ev_buffer_str(&answer), arena, ret_root, error)
                           : ev_registry_status_error(rc, path, ev_buffer_str(&answer), error);
    if (rc == EV_ERR_NOT_FOUND)
        rc = 0;
    ev_buffer_finish(&answer);
    return rc < 0 ? rc : 0;
}

static int nonsense(const char *what, struct ev_error *error)
{
    return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "schema registry: an answer without %s", what);
}

int ev_registry_compatibility(struct ev_registry *registry, const char *subject, char ret_mode[EV_REGISTRY_MODE_MAX],
                              struct ev_error *error)
{
    struct ev_arena arena;
    yyjson_val *root;
    char path[EV_REGISTRY_PATH_MAX];
    int rc = ev_registry_subject_path("/config/", subject, "", path, error);
    if (rc < 0)
        return rc;
    ev_arena_init(&arena, 0);
    rc = ask(registry, "GET", path, EV_STR_NULL, &arena, &root, error);
    if (rc == 0 && !root)
        rc = ask(registry, "GET", "/config", EV_STR_NULL, &arena, &root, error);
    if (rc == 0) {
        struct ev_str mode = ev_json_str(yyjson_obj_get(root, "compatibilityLevel"));
        if (!mode.data)
            mode = ev_json_str(yyjson_obj_get(root, "compatibility"));
        if (mode.length == 0 || mode.length >= EV_REGISTRY_MODE_MAX)
            rc = nonsense("a compatibility mode", error);
        else
            snprintf(ret_mode, EV_REGISTRY_MODE_MAX, "%.*s", EV_STR_ARG(mode));
    }
    ev_arena_finish(&arena);
    return rc;
}

static int get_version(struct ev_registry *registry, const char *subject, const char *number, struct ev_arena *arena,
                       struct ev_registry_version *ret, bool *ret_found, struct ev_error *error)
{
    char path[EV_REGISTRY_PATH_MAX], after[48];
    yyjson_val *root;
    snprintf(after, sizeof(after), "/versions/%s", number);
    int rc = ev_registry_subject_path("/subjects/", subject, after, path, error);
    if (rc == 0)
        rc = ask(registry, "GET", path, EV_STR_NULL, arena, &root, error);
    if (rc < 0)
        return rc;
    *ret_found = root != NULL;
    if (!root)
        return 0;
    yyjson_val *version = yyjson_obj_get(root, "version"), *id = yyjson_obj_get(root, "id");
    ret->schema_json = ev_json_str(yyjson_obj_get(root, "schema"));
    if (!ret->schema_json.data || !yyjson_is_uint(version) || yyjson_get_uint(version) > INT32_MAX ||
        !yyjson_is_uint(id) || yyjson_get_uint(id) > INT32_MAX)
        return nonsense("version, id and schema", error);
    ret->version = (int32_t)yyjson_get_uint(version);
    ret->id = (int32_t)yyjson_get_uint(id);
    return 0;
}

static int list_versions(struct ev_registry *registry, const char *subject, struct ev_arena *arena, yyjson_val **ret,
                         struct ev_error *error)
{
    char path[EV_REGISTRY_PATH_MAX];
    int rc = ev_registry_subject_path("/subjects/", subject, "/versions", path, error);
    if (rc == 0)
        rc = ask(registry, "GET", path, EV_STR_NULL, arena, ret, error);
    if (rc == 0 && *ret && !yyjson_is_arr(*ret))
        return nonsense("a list of versions", error);
    if (rc == 0 && yyjson_arr_size(*ret) > EV_REGISTRY_VERSIONS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "subject %s has more than %d versions", subject,
                            EV_REGISTRY_VERSIONS_MAX);
    return rc;
}

int ev_registry_versions(struct ev_registry *registry, const char *subject, bool latest_only, struct ev_arena *arena,
                         struct ev_registry_version **ret, size_t *ret_count, struct ev_error *error)
{
    yyjson_val *numbers = NULL, *number;
    size_t index, count;
    bool found = false;
    *ret_count = 0;
    *ret = ev_arena_new(arena, struct ev_registry_version);
    if (latest_only) {
        int rc = get_version(registry, subject, "latest", arena, *ret, &found, error);
        *ret_count = rc == 0 && found;
        return rc;
    }
    int rc = list_versions(registry, subject, arena, &numbers, error);
    if (rc < 0 || !numbers)
        return rc;
    *ret = ev_arena_new_array(arena, struct ev_registry_version, yyjson_arr_size(numbers));
    yyjson_arr_foreach (numbers, index, count, number) {
        char text[24];
        if (!yyjson_is_uint(number))
            return nonsense("numbers of versions", error);
        snprintf(text, sizeof(text), "%llu", (unsigned long long)yyjson_get_uint(number));
        rc = get_version(registry, subject, text, arena, &(*ret)[*ret_count], &found, error);
        if (rc < 0)
            return rc;
        *ret_count += found; /* one that was deleted meanwhile is none */
    }
    return 0;
}

static struct ev_str reasons(yyjson_val *messages, struct ev_arena *arena)
{
    struct ev_buffer text;
    size_t index, count;
    yyjson_val *message;
    ev_buffer_init(&text);
    yyjson_arr_foreach (messages, index, count, message) {
        struct ev_str said = ev_json_str(message);
        ev_buffer_printf(&text, "%s%.*s", text.length ? "; " : "", EV_STR_ARG(said));
    }
    struct ev_str copy = text.length ? ev_arena_copy(arena, ev_buffer_str(&text)) : EV_STR_NULL;
    ev_buffer_finish(&text);
    return copy;
}

int ev_registry_test(struct ev_registry *registry, const char *subject, struct ev_str schema_json, bool all_versions,
                     struct ev_arena *arena, struct ev_str *ret_reasons, struct ev_error *error)
{
    char path[EV_REGISTRY_PATH_MAX];
    struct ev_buffer body;
    struct ev_json_writer writer;
    yyjson_val *root;
    const char *after = all_versions ? "/versions?verbose=true" : "/versions/latest?verbose=true";
    int rc = ev_registry_subject_path("/compatibility/subjects/", subject, after, path, error);
    if (rc < 0)
        return rc;
    ev_buffer_init(&body);
    ev_json_init(&writer, &body);
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "schema", schema_json);
    ev_json_object_end(&writer);
    rc = ask(registry, "POST", path, ev_buffer_str(&body), arena, &root, error);
    ev_buffer_finish(&body);
    if (rc < 0)
        return rc;
    yyjson_val *answer = yyjson_obj_get(root, "is_compatible");
    if (!yyjson_is_bool(answer))
        return nonsense("is_compatible", error);
    *ret_reasons = reasons(yyjson_obj_get(root, "messages"), arena);
    return yyjson_get_bool(answer) ? 0 : 1;
}

int ev_registry_ensure(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t *ret_id,
                       struct ev_error *error)
{
    struct ev_arena arena;
    struct ev_registry_version *latest;
    size_t count;
    int rc = ev_registry_lookup(registry, subject, schema_json, ret_id, error);
    if (rc != EV_ERR_NOT_FOUND)
        return rc;
    ev_arena_init(&arena, 0);
    rc = ev_registry_versions(registry, subject, true, &arena, &latest, &count, error);
    ev_arena_finish(&arena);
    if (rc == 0 && count == 0)
        rc = ev_registry_set_compatibility(registry, subject, "BACKWARD", error);
    if (rc == 0)
        rc = ev_registry_register(registry, subject, schema_json, ret_id, error);
    return rc < 0 ? rc : 1;
}
