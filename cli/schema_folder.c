/* A folder like schemas/, read as the generator reads it: topics.json says which categories a topic has, events.json of
 * each category which events, and commit.avsc is the template of the topic's Commit. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/schema_source.h"

#define PATH_LENGTH_MAX 4096

struct folder {
    const char *path;
    struct ev_arena *arena;
};

/* NOT_FOUND where there is no such file. The text lives in the arena. */
static int read_text(const struct folder *folder, const char *name, struct ev_str *ret, struct ev_error *error)
{
    char path[PATH_LENGTH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder->path, name) >= sizeof(path))
        return ev_error_set(error, EV_ERR_INVALID, "the folder's name is too long");
    FILE *file = fopen(path, "re");
    if (!file)
        return ev_error_set(error, errno == ENOENT ? EV_ERR_NOT_FOUND : EV_ERR_IO, "%s: %s", path, strerror(errno));
    char *text = ev_arena_alloc(folder->arena, SCHEMA_FILE_BYTES_MAX + 1);
    size_t length = fread(text, 1, SCHEMA_FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || length > SCHEMA_FILE_BYTES_MAX)
        return ev_error_set(error, EV_ERR_IO, "%s: %s", path, failed ? "can't be read" : "is too long");
    *ret = (struct ev_str){text, length};
    return 0;
}

static int read_json(const struct folder *folder, const char *name, yyjson_val **ret, struct ev_error *error)
{
    struct ev_str text;
    struct ev_error cause = {0};
    int result = read_text(folder, name, &text, error);
    if (result == 0)
        result = ev_json_parse(text, folder->arena, ret, &cause);
    return result < 0 && cause.code
               ? ev_error_set(error, cause.code, "%s/%s: %.300s", folder->path, name, cause.message)
               : result;
}

/* schemas/CATEGORY/types/Name.avsc or schemas/CATEGORY/Name.avsc for "orderlog.CATEGORY.Name". */
static int find_name(void *context, struct ev_str full_name, struct ev_arena *arena, struct ev_str *ret_json,
                     struct ev_error *error)
{
    const struct folder *folder = context;
    struct ev_str rest = full_name, space, category, name;
    (void)arena;
    if (!ev_str_split(&rest, '.', &space) || !ev_str_split(&rest, '.', &category) || !ev_str_split(&rest, '.', &name))
        return ev_error_set(error, EV_ERR_INVALID, "%.*s is no type: orderlog.CATEGORY.Name is expected",
                            EV_STR_ARG(full_name));
    struct ev_str path = ev_arena_printf(folder->arena, "%.*s/types/%.*s.avsc", EV_STR_ARG(category), EV_STR_ARG(name));
    int result = read_text(folder, path.data, ret_json, error);
    if (result != EV_ERR_NOT_FOUND)
        return result;
    path = ev_arena_printf(folder->arena, "%.*s/%.*s.avsc", EV_STR_ARG(category), EV_STR_ARG(name));
    return read_text(folder, path.data, ret_json, error);
}

/* Appends the category's events to the union's text: "orderlog.cart.CartCreated", … */
static int add_events(const struct folder *folder, struct ev_str category, struct ev_buffer *out,
                      struct ev_error *error)
{
    yyjson_val *events, *event;
    size_t index, count;
    struct ev_str path = ev_arena_printf(folder->arena, "%.*s/events.json", EV_STR_ARG(category));
    int result = read_json(folder, path.data, &events, error);
    if (result < 0)
        return result;
    yyjson_arr_foreach (events, index, count, event) {
        struct ev_str name = ev_json_str(yyjson_is_obj(event) ? yyjson_obj_get(event, "name") : event);
        if (!name.data)
            return ev_error_set(error, EV_ERR_INVALID, "%s/%s: an event without a name", folder->path, path.data);
        ev_buffer_printf(out, "%s\"orderlog.%.*s.%.*s\"", out->length ? "," : "", EV_STR_ARG(category),
                         EV_STR_ARG(name));
    }
    return 0;
}

/* The template with each `from` replaced. */
static struct ev_str replace(struct ev_arena *arena, struct ev_str text, struct ev_str from, struct ev_str to)
{
    struct ev_buffer out;
    ev_buffer_init(&out);
    while (text.length > 0) {
        const char *found = memmem(text.data, text.length, from.data, from.length);
        size_t before = found ? (size_t)(found - text.data) : text.length;
        ev_buffer_append(&out, text.data, before);
        if (found)
            ev_buffer_append_str(&out, to);
        size_t taken = found ? before + from.length : before;
        text = (struct ev_str){text.data + taken, text.length - taken};
    }
    struct ev_str made = ev_arena_copy(arena, ev_buffer_str(&out));
    ev_buffer_finish(&out);
    return made;
}

static int read_topic(struct folder *folder, struct ev_str template, struct ev_str name, yyjson_val *categories,
                      struct schema_topic *ret, struct ev_error *error)
{
    struct ev_buffer text;
    yyjson_val *category;
    size_t index, count;
    int result = 0;
    ev_buffer_init(&text);
    yyjson_arr_foreach (categories, index, count, category) {
        result = result < 0 ? result : add_events(folder, ev_json_str(category), &text, error);
    }
    if (result == 0) {
        const struct ev_schema_names names = {.find = find_name, .context = folder};
        struct ev_str space = ev_arena_printf(folder->arena, "\"orderlog.%.*s\"", EV_STR_ARG(name));
        struct ev_str json = replace(folder->arena, template, EV_STR("\"EVENTS\""), ev_buffer_str(&text));
        json = replace(folder->arena, json, EV_STR("\"orderlog.TOPIC\""), space);
        result = ev_schema_tree_parse(json, &names, folder->arena, &ret->tree, error);
    }
    ev_buffer_clear(&text);
    if (result == 0) {
        ev_schema_tree_print(ret->tree, &text);
        ret->name = name;
        ret->json = ev_arena_copy(folder->arena, ev_buffer_str(&text));
    }
    ev_buffer_finish(&text);
    return result;
}

int schema_folder_read(const char *path, struct schema_source *source, struct ev_error *error)
{
    struct folder folder = {.path = path, .arena = &source->arena};
    struct ev_str template;
    yyjson_val *topics, *name, *categories;
    size_t index, count;
    int result = read_json(&folder, "topics.json", &topics, error);
    if (result == 0)
        result = read_text(&folder, "commit.avsc", &template, error);
    if (result < 0)
        return result;
    yyjson_obj_foreach (topics, index, count, name, categories) {
        if (source->count == SCHEMA_TOPICS_MAX)
            return ev_error_set(error, EV_ERR_LIMIT, "more than %d topics", SCHEMA_TOPICS_MAX);
        result = read_topic(&folder, template, ev_json_str(name), categories, &source->topics[source->count], error);
        if (result < 0)
            return result;
        source->count++;
    }
    return 0;
}
