/* The file has one JSON object per line, the last with a checksum of those before; each change writes it anew beside
 * the old one and puts it in its place. It stays small: a line per schema version. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avro/registry_internal.h"
#include "core/hash.h"
#include "core/memory.h"

#define PATH_SUFFIX_MAX 32

static int compare_keys(const void *left, const void *right)
{
    return ev_str_compare(ev_json_str(*(yyjson_val *const *)left), ev_json_str(*(yyjson_val *const *)right));
}

static void write_canonical(yyjson_val *value, struct ev_arena *arena, struct ev_json_writer *writer)
{
    size_t index, bound;
    if (yyjson_is_obj(value)) {
        size_t count = 0;
        yyjson_val *key, *member, **keys = ev_arena_new_array(arena, yyjson_val *, yyjson_obj_size(value));
        yyjson_obj_foreach (value, index, bound, key, member) {
            keys[count++] = key;
        }
        qsort(keys, count, sizeof(keys[0]), compare_keys);
        ev_json_object_begin(writer);
        for (size_t i = 0; i < count; i++) {
            ev_json_key(writer, ev_json_str(keys[i]));
            write_canonical(yyjson_obj_iter_get_val(keys[i]), arena, writer);
        }
        ev_json_object_end(writer);
    } else if (yyjson_is_arr(value)) {
        yyjson_val *item;
        ev_json_array_begin(writer);
        yyjson_arr_foreach (value, index, bound, item) {
            write_canonical(item, arena, writer);
        }
        ev_json_array_end(writer);
    } else if (yyjson_is_str(value)) {
        ev_json_string(writer, ev_json_str(value));
    } else if (yyjson_is_bool(value)) {
        ev_json_bool(writer, yyjson_get_bool(value));
    } else if (yyjson_is_sint(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX)) {
        ev_json_int64(writer, yyjson_get_sint(value));
    } else if (yyjson_is_num(value)) {
        ev_json_double(writer, yyjson_get_num(value));
    } else if (yyjson_is_raw(value)) {
        ev_json_raw(writer, (struct ev_str){yyjson_get_raw(value), yyjson_get_len(value)});
    } else {
        ev_json_null(writer);
    }
}

int ev_schema_canonical(struct ev_str schema_json, struct ev_buffer *out, struct ev_error *error)
{
    struct ev_arena arena;
    struct ev_json_writer writer;
    yyjson_val *root;
    ev_arena_init(&arena, 0);
    int rc = ev_json_parse(schema_json, &arena, &root, error);
    if (rc == 0) {
        ev_json_init(&writer, out);
        write_canonical(root, &arena, &writer);
    }
    ev_arena_finish(&arena);
    return rc;
}

static struct ev_str id_text(int32_t id, char text[16])
{
    return (struct ev_str){text, (size_t)snprintf(text, 16, "%" PRId32, id)};
}

/* subject, NUL, canonical schema */
static int id_key(const char *subject, struct ev_str schema_json, struct ev_buffer *key, struct ev_error *error)
{
    ev_buffer_append(key, subject, strlen(subject) + 1);
    return ev_schema_canonical(schema_json, key, error);
}

struct ev_str ev_registry_cache_schema(const struct ev_registry_cache *cache, int32_t id)
{
    char text[16];
    const struct ev_str *json = ev_map_get(&cache->schemas, id_text(id, text));
    return json ? *json : EV_STR_NULL;
}

bool ev_registry_cache_id(const struct ev_registry_cache *cache, const char *subject, struct ev_str schema_json,
                          int32_t *ret_id)
{
    struct ev_buffer key;
    ev_buffer_init(&key);
    const int32_t *id = NULL;
    if (id_key(subject, schema_json, &key, NULL) == 0)
        id = ev_map_get(&cache->ids, ev_buffer_str(&key));
    ev_buffer_finish(&key);
    if (id)
        *ret_id = *id;
    return id != NULL;
}

static void remember_schema(struct ev_registry_cache *cache, int32_t id, struct ev_str schema_json)
{
    char text[16];
    struct ev_str *copy = ev_arena_new(&cache->arena, struct ev_str);
    *copy = ev_arena_copy(&cache->arena, schema_json);
    ev_map_put(&cache->schemas, id_text(id, text), copy);
}

static void remember_key(struct ev_registry_cache *cache, struct ev_str key, int32_t id)
{
    int32_t *copy = ev_arena_new(&cache->arena, int32_t);
    *copy = id;
    ev_map_put(&cache->ids, key, copy);
}

static void print_lines(const struct ev_registry_cache *cache, struct ev_buffer *out)
{
    size_t cursor = 0;
    struct ev_str key;
    void *value;
    struct ev_json_writer writer;
    while (ev_map_next(&cache->schemas, &cursor, &key, &value)) {
        ev_json_init(&writer, out);
        ev_json_object_begin(&writer);
        ev_json_key(&writer, EV_STR("id"));
        ev_json_raw(&writer, key);
        ev_json_kv_string(&writer, "schema", *(struct ev_str *)value);
        ev_json_object_end(&writer);
        ev_buffer_append(out, "\n", 1);
    }
    cursor = 0;
    while (ev_map_next(&cache->ids, &cursor, &key, &value)) {
        struct ev_str subject = ev_str_of(key.data); /* ends at the NUL */
        ev_json_init(&writer, out);
        ev_json_object_begin(&writer);
        ev_json_kv_int64(&writer, "id", *(int32_t *)value);
        ev_json_kv_string(&writer, "subject", subject);
        ev_json_kv_string(&writer, "canonical",
                          (struct ev_str){key.data + subject.length + 1, key.length - subject.length - 1});
        ev_json_object_end(&writer);
        ev_buffer_append(out, "\n", 1);
    }
}

static void print_checksum(struct ev_buffer *out)
{
    ev_buffer_printf(out, "{\"checksum\":\"%016" PRIx64 "\"}\n", ev_hash64(ev_buffer_str(out)));
}

static int write_all(int file, struct ev_str text)
{
    while (text.length > 0) {
        ssize_t written = write(file, text.data, text.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        text = (struct ev_str){text.data + written, text.length - (size_t)written};
    }
    return 0;
}

/* The rename lasts only once the directory is on disk. */
static int sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 1;
    _cleanup_free_ char *folder = ev_memory_copy(slash ? path : ".", length ? length : 1);
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return -1;
    int rc = fsync(file);
    close(file);
    return rc;
}

static int write_file(const char *path, struct ev_str text, struct ev_error *error)
{
    size_t size = strlen(path) + PATH_SUFFIX_MAX;
    _cleanup_free_ char *temporary = ev_memory_alloc(size);
    snprintf(temporary, size, "%s.%ld.new", path, (long)getpid());
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int rc = file < 0 ? -1 : 0;
    if (rc == 0)
        rc = write_all(file, text) < 0 || fsync(file) < 0 ? -1 : 0;
    int reason = errno;
    if (file >= 0 && close(file) < 0)
        rc = -1;
    if (rc == 0 && (rename(temporary, path) < 0 || sync_directory(path) < 0)) {
        reason = errno;
        rc = -1;
    }
    return rc == 0 ? 0 : ev_error_set(error, EV_ERR_IO, "schema cache %s: %s", path, strerror(reason));
}

static int save(const struct ev_registry_cache *cache, struct ev_error *error)
{
    if (!cache->path)
        return 0;
    struct ev_buffer text;
    ev_buffer_init(&text);
    print_lines(cache, &text);
    print_checksum(&text);
    int rc = write_file(cache->path, ev_buffer_str(&text), error);
    ev_buffer_finish(&text);
    return rc;
}

int ev_registry_cache_add_schema(struct ev_registry_cache *cache, int32_t id, struct ev_str schema_json,
                                 struct ev_error *error)
{
    if (ev_registry_cache_schema(cache, id).data)
        return 0;
    if (cache->schemas.count >= EV_REGISTRY_SCHEMAS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %d schemas", EV_REGISTRY_SCHEMAS_MAX);
    remember_schema(cache, id, schema_json);
    return save(cache, error);
}

int ev_registry_cache_add_id(struct ev_registry_cache *cache, const char *subject, struct ev_str schema_json,
                             int32_t id, struct ev_error *error)
{
    struct ev_buffer key;
    int32_t known;
    if (ev_registry_cache_id(cache, subject, schema_json, &known) && known == id)
        return 0;
    if (cache->ids.count >= EV_REGISTRY_SCHEMAS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %d schemas", EV_REGISTRY_SCHEMAS_MAX);
    ev_buffer_init(&key);
    int rc = id_key(subject, schema_json, &key, error);
    if (rc == 0)
        remember_key(cache, ev_buffer_str(&key), id);
    ev_buffer_finish(&key);
    return rc < 0 ? rc : save(cache, error);
}

static bool load_line(struct ev_registry_cache *cache, struct ev_str line, struct ev_arena *arena)
{
    yyjson_val *root;
    if (ev_json_parse(line, arena, &root, NULL) < 0)
        return false;
    yyjson_val *id = yyjson_obj_get(root, "id");
    struct ev_str schema = ev_json_str(yyjson_obj_get(root, "schema"));
    struct ev_str subject = ev_json_str(yyjson_obj_get(root, "subject"));
    struct ev_str canonical = ev_json_str(yyjson_obj_get(root, "canonical"));
    if (!yyjson_is_int(id) || yyjson_get_sint(id) < 0 || yyjson_get_sint(id) > INT32_MAX)
        return false;
    if (schema.data) {
        remember_schema(cache, (int32_t)yyjson_get_sint(id), schema);
        return true;
    }
    if (!subject.data || !canonical.data)
        return false;
    struct ev_buffer key;
    ev_buffer_init(&key);
    ev_buffer_append(&key, subject.data, subject.length);
    ev_buffer_append(&key, "", 1);
    ev_buffer_append_str(&key, canonical);
    remember_key(cache, ev_buffer_str(&key), (int32_t)yyjson_get_sint(id));
    ev_buffer_finish(&key);
    return true;
}

/* Checks the checksum and takes its line off. */
static bool check_checksum(struct ev_str *text)
{
    char expected[64];
    size_t length = (size_t)snprintf(expected, sizeof(expected), "{\"checksum\":\"%016x\"}\n", 0U);
    if (text->length < length)
        return false;
    struct ev_str lines = {text->data, text->length - length};
    snprintf(expected, sizeof(expected), "{\"checksum\":\"%016" PRIx64 "\"}\n", ev_hash64(lines));
    if (memcmp(text->data + lines.length, expected, length) != 0)
        return false;
    *text = lines;
    return true;
}

static bool load_text(struct ev_registry_cache *cache, struct ev_str text)
{
    struct ev_arena arena;
    bool good = check_checksum(&text);
    ev_arena_init(&arena, 0);
    while (good && text.length > 0) {
        const char *end = memchr(text.data, '\n', text.length);
        size_t length = end ? (size_t)(end - text.data) : text.length;
        good = end && load_line(cache, (struct ev_str){text.data, length}, &arena);
        text = (struct ev_str){text.data + length + 1, good ? text.length - length - 1 : 0};
        ev_arena_reset(&arena);
    }
    ev_arena_finish(&arena);
    return good;
}

/* 0, 1 where there is no file, IO. Reads EV_REGISTRY_CACHE_BYTES_MAX at most. */
static int read_file(const char *path, struct ev_buffer *out, struct ev_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? 1 : ev_error_set(error, EV_ERR_IO, "schema cache %s: %s", path, strerror(errno));
    ssize_t length = 0;
    while (out->length <= EV_REGISTRY_CACHE_BYTES_MAX) {
        length = read(file, ev_buffer_reserve(out, 65536), 65536);
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0)
            break;
        out->length += (size_t)length;
    }
    int rc = length < 0 ? ev_error_set(error, EV_ERR_IO, "schema cache %s: %s", path, strerror(errno)) : 0;
    close(file);
    return rc;
}

static void cache_clear(struct ev_registry_cache *cache)
{
    ev_map_finish(&cache->schemas);
    ev_map_finish(&cache->ids);
    ev_arena_finish(&cache->arena);
    ev_map_init(&cache->schemas);
    ev_map_init(&cache->ids);
    ev_arena_init(&cache->arena, 0);
}

static int set_aside(const char *path, struct ev_error *error)
{
    size_t size = strlen(path) + PATH_SUFFIX_MAX;
    _cleanup_free_ char *aside = ev_memory_alloc(size);
    snprintf(aside, size, "%s.corrupt", path);
    if (rename(path, aside) < 0)
        return ev_error_set(error, EV_ERR_IO, "schema cache %s: %s", path, strerror(errno));
    return 0;
}

int ev_registry_cache_init(struct ev_registry_cache *cache, const char *path, struct ev_error *error)
{
    *cache = (struct ev_registry_cache){0};
    cache_clear(cache);
    if (!path)
        return 0;
    cache->path = ev_memory_copy(path, strlen(path));
    struct ev_buffer text;
    ev_buffer_init(&text);
    int rc = read_file(path, &text, error);
    if (rc == 0 && !load_text(cache, ev_buffer_str(&text))) {
        cache_clear(cache);
        rc = set_aside(path, error);
    }
    ev_buffer_finish(&text);
    return rc < 0 ? rc : 0;
}

void ev_registry_cache_finish(struct ev_registry_cache *cache)
{
    ev_map_finish(&cache->schemas);
    ev_map_finish(&cache->ids);
    ev_arena_finish(&cache->arena);
    free(cache->path);
}
