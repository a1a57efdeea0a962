#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify.h"

#define FORMAT_VERSION 1
#define PATH_LENGTH_MAX 4096

static void write_number(struct ev_json_writer *json, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%016" PRIx64, number);
    ev_json_kv_cstr(json, key, text);
}

static void write_topic(struct ev_json_writer *json, const struct verify_topic *topic)
{
    ev_json_object_begin(json);
    ev_json_kv_string(json, "topic", topic->name);
    ev_json_kv_cstr(json, "topic_id", topic->topic_id);
    write_number(json, "upcasts", topic->upcasts);
    ev_json_key(json, EV_STR("partitions"));
    ev_json_array_begin(json);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        ev_json_object_begin(json);
        ev_json_kv_int64(json, "until", topic->partitions[i].until);
        ev_json_kv_int64(json, "stopped", topic->partitions[i].stopped);
        ev_json_object_end(json);
    }
    ev_json_array_end(json);
    ev_json_object_end(json);
}

static void write_view(struct ev_json_writer *json, const struct verify_view *view)
{
    ev_json_object_begin(json);
    ev_json_kv_string(json, "view", view->name);
    ev_json_kv_int64(json, "version", view->version);
    ev_json_kv_string(json, "topic", view->topic);
    write_number(json, "document", view->document);
    ev_json_key(json, EV_STR("partitions"));
    ev_json_array_begin(json);
    for (int32_t i = 0; i < view->partition_count; i++) {
        ev_json_object_begin(json);
        ev_json_kv_cstr(json, "digest", view->partitions[i].text);
        ev_json_kv_int64(json, "documents", view->partitions[i].documents);
        ev_json_kv_int64(json, "refused", view->partitions[i].refused);
        ev_json_object_end(json);
    }
    ev_json_array_end(json);
    ev_json_object_end(json);
}

static void write_state(struct ev_buffer *out, const struct verify_state *state)
{
    struct ev_json_writer json;
    ev_json_init(&json, out);
    ev_json_object_begin(&json);
    ev_json_kv_int64(&json, "format", FORMAT_VERSION);
    ev_json_key(&json, EV_STR("topics"));
    ev_json_array_begin(&json);
    for (size_t i = 0; i < state->topic_count; i++)
        write_topic(&json, &state->topics[i]);
    ev_json_array_end(&json);
    ev_json_key(&json, EV_STR("views"));
    ev_json_array_begin(&json);
    for (size_t i = 0; i < state->view_count; i++)
        write_view(&json, &state->views[i]);
    ev_json_array_end(&json);
    ev_json_object_end(&json);
    ev_buffer_append(out, "\n", 1);
}

int verify_file_write(const char *path, const struct verify_state *state, struct ev_error *error)
{
    char beside[PATH_LENGTH_MAX];
    struct ev_buffer text;
    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
        return ev_error_set(error, EV_ERR_INVALID, "the file's name is too long");
    FILE *file = fopen(beside, "we");
    if (!file)
        return ev_error_set(error, EV_ERR_IO, "%s: %s", beside, strerror(errno));
    ev_buffer_init(&text);
    write_state(&text, state);
    bool good = fwrite(text.data, 1, text.length, file) == text.length;
    ev_buffer_finish(&text);
    good = fclose(file) == 0 && good;
    if (!good || rename(beside, path) < 0)
        return ev_error_set(error, EV_ERR_IO, "%s can't be written", path);
    return 0;
}

/* --- reading --- */

static int misses(struct ev_error *error, const char *what)
{
    return ev_error_set(error, EV_ERR_INVALID, "the saved digests: no %s, or not what is expected there", what);
}

static bool read_number(yyjson_val *object, const char *key, uint64_t *ret)
{
    struct ev_str text = ev_json_str(yyjson_obj_get(object, key));
    char *end;
    if (text.length != 16)
        return false;
    *ret = strtoull(text.data, &end, 16);
    return end == text.data + text.length;
}

static bool read_int(yyjson_val *object, const char *key, int64_t *ret)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    *ret = yyjson_get_sint(value);
    return yyjson_is_int(value) && *ret >= -1;
}

static bool read_topic(struct verify_state *state, yyjson_val *json, struct verify_topic *ret)
{
    yyjson_val *partitions = yyjson_obj_get(json, "partitions"), *partition;
    size_t index, count;
    struct ev_str id = ev_json_str(yyjson_obj_get(json, "topic_id"));
    ret->name = ev_json_str(yyjson_obj_get(json, "topic"));
    if (!ret->name.data || !id.data || id.length >= sizeof(ret->topic_id) ||
        !read_number(json, "upcasts", &ret->upcasts) || !yyjson_is_arr(partitions))
        return false;
    snprintf(ret->topic_id, sizeof(ret->topic_id), "%.*s", EV_STR_ARG(id));
    ret->partition_count = (int32_t)yyjson_arr_size(partitions);
    ret->partitions = ev_arena_new_array(&state->arena, struct verify_partition, yyjson_arr_size(partitions));
    yyjson_arr_foreach (partitions, index, count, partition) {
        if (!read_int(partition, "until", &ret->partitions[index].until) ||
            !read_int(partition, "stopped", &ret->partitions[index].stopped))
            return false;
    }
    return true;
}

static bool read_view(struct verify_state *state, yyjson_val *json, struct verify_view *ret)
{
    yyjson_val *partitions = yyjson_obj_get(json, "partitions"), *partition;
    size_t index, count;
    ret->name = ev_json_str(yyjson_obj_get(json, "view"));
    ret->topic = ev_json_str(yyjson_obj_get(json, "topic"));
    if (!ret->name.data || !ret->topic.data || !read_int(json, "version", &ret->version) ||
        !read_number(json, "document", &ret->document) || !yyjson_is_arr(partitions))
        return false;
    ret->partition_count = (int32_t)yyjson_arr_size(partitions);
    ret->partitions = ev_arena_new_array(&state->arena, struct verify_fold, yyjson_arr_size(partitions));
    yyjson_arr_foreach (partitions, index, count, partition) {
        struct verify_fold *fold = &ret->partitions[index];
        struct ev_str digest = ev_json_str(yyjson_obj_get(partition, "digest"));
        if (digest.length != EV_DIGEST_TEXT_MAX - 1 || !read_int(partition, "documents", &fold->documents) ||
            !read_int(partition, "refused", &fold->refused))
            return false;
        snprintf(fold->text, sizeof(fold->text), "%.*s", EV_STR_ARG(digest));
    }
    return true;
}

static int read_state(struct ev_str text, struct verify_state *ret, struct ev_error *error)
{
    yyjson_val *root, *item;
    size_t index, count;
    int64_t format = 0;
    int result = ev_json_parse(text, &ret->arena, &root, error);
    if (result < 0)
        return result;
    yyjson_val *topics = yyjson_obj_get(root, "topics"), *views = yyjson_obj_get(root, "views");
    if (!read_int(root, "format", &format) || format != FORMAT_VERSION)
        return misses(error, "format of this tool");
    if (!yyjson_is_arr(topics) || yyjson_arr_size(topics) > VERIFY_TOPICS_MAX)
        return misses(error, "topics");
    if (!yyjson_is_arr(views) || yyjson_arr_size(views) > VERIFY_VIEWS_MAX)
        return misses(error, "views");
    yyjson_arr_foreach (topics, index, count, item) {
        if (!read_topic(ret, item, &ret->topics[ret->topic_count++]))
            return misses(error, "topic");
    }
    yyjson_arr_foreach (views, index, count, item) {
        if (!read_view(ret, item, &ret->views[ret->view_count++]))
            return misses(error, "view");
    }
    return 0;
}

int verify_file_read(const char *path, struct verify_state *ret, struct ev_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return ev_error_set(error, EV_ERR_IO, "%s: %s", path, strerror(errno));
    struct ev_buffer text;
    ev_buffer_init(&text);
    char *room = ev_buffer_reserve(&text, VERIFY_FILE_BYTES_MAX + 1);
    text.length = fread(room, 1, VERIFY_FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    int result = failed || text.length > VERIFY_FILE_BYTES_MAX
                     ? ev_error_set(error, EV_ERR_IO, "%s %s", path, failed ? "can't be read" : "is too long")
                     : read_state(ev_buffer_str(&text), ret, error);
    ev_buffer_finish(&text);
    return result;
}
