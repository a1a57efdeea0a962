#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/figures.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)

static int read_whole(const char *path, struct ev_buffer *ret, struct ev_error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return ev_error_set(error, EV_ERR_IO, "%s can't be opened", path);
    size_t got;
    do {
        got = fread(ev_buffer_reserve(ret, 65536), 1, 65536, file);
        ret->length += got;
    } while (got > 0 && ret->length < FILE_BYTES_MAX);
    bool failed = ferror(file) != 0;
    fclose(file);
    return failed ? ev_error_set(error, EV_ERR_IO, "%s can't be read", path) : 0;
}

static struct ev_str scalar_text(yyjson_val *value, struct ev_arena *arena)
{
    if (yyjson_is_str(value))
        return ev_arena_copy(arena, (struct ev_str){yyjson_get_str(value), yyjson_get_len(value)});
    if (yyjson_is_int(value))
        return ev_arena_printf(arena, "%lld", (long long)yyjson_get_sint(value));
    return EV_STR("?");
}

/* ["537434", 675] → "537434 675"; [["84077", 5195], …] → "84077 5195, …" */
static struct ev_str value_text(yyjson_val *value, struct ev_arena *arena)
{
    size_t index, count;
    yyjson_val *item;
    struct ev_str text = EV_STR("");
    if (!yyjson_is_arr(value))
        return scalar_text(value, arena);
    bool nested = yyjson_is_arr(yyjson_arr_get_first(value));
    yyjson_arr_foreach (value, index, count, item) {
        struct ev_str part = value_text(item, arena);
        text = ev_arena_printf(arena, "%.*s%s%.*s", EV_STR_ARG(text),
                               index == 0 ? ""
                               : nested   ? ", "
                                          : " ",
                               EV_STR_ARG(part));
    }
    return text;
}

int figures_expected(const char *path, const char *month, struct ev_arena *arena, struct figure_set *ret,
                     struct ev_error *error)
{
    struct ev_buffer text;
    yyjson_val *root = NULL;
    ev_buffer_init(&text);
    ret->source = "expected";
    int result = read_whole(path, &text, error);
    if (result == 0)
        result = ev_json_parse(ev_arena_copy(arena, ev_buffer_str(&text)), arena, &root, error);
    yyjson_val *entry = result == 0 ? yyjson_obj_get(root, month) : NULL;
    if (result == 0 && !entry)
        result = ev_error_set(error, EV_ERR_NOT_FOUND, "%s has no entry %s", path, month);
    for (int i = 0; result == 0 && i < FIGURE_COUNT; i++) {
        yyjson_val *value = yyjson_obj_get(entry, figure_name((enum figure)i));
        if (value)
            ret->values[i] = value_text(value, arena);
    }
    ev_buffer_finish(&text);
    return result;
}
