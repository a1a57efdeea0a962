#include "core/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Objects up to this size are checked for duplicate keys pair by pair, larger ones by sorting. */
#define JSON_PAIRWISE_MAX 16

/* The arena as yyjson's allocator: nothing is given back, growing happens in place where possible. */
static void *json_alloc(void *context, size_t size)
{
    return ev_arena_try_alloc_raw(context, size);
}

static void *json_realloc(void *context, void *old, size_t old_size, size_t size)
{
    if (size <= old_size || ev_arena_try_extend(context, old, old_size, size))
        return old;
    void *memory = ev_arena_try_alloc_raw(context, size);
    return memory ? memcpy(memory, old, old_size) : NULL;
}

static void json_free(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

static size_t json_line_of(struct ev_str text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset && i < text.length; i++)
        line += text.data[i] == '\n';
    return line;
}

static int json_invalid(struct ev_error *error, struct ev_str text, size_t offset, const char *what)
{
    return ev_error_set(error, EV_ERR_INVALID, "%s at byte %zu (line %zu)", what, offset, json_line_of(text, offset));
}

static int json_limit(struct ev_error *error, struct ev_str text)
{
    return ev_error_set(error, EV_ERR_LIMIT, "JSON of %zu bytes takes more memory than is allowed for it", text.length);
}

/* Before anything is allocated: brackets outside of strings. For text that isn't JSON the count may be wrong, and then
 * the parser has its say. */
static int json_check_depth(struct ev_str text, struct ev_error *error)
{
    size_t depth = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '"') {
            for (i++; i < text.length && text.data[i] != '"'; i++)
                if (text.data[i] == '\\')
                    i++;
        } else if (c == '[' || c == '{') {
            if (++depth > EV_JSON_DEPTH_MAX)
                return json_invalid(error, text, i, "arrays and objects are nested too deep");
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

static bool json_key_equal(yyjson_val *a, yyjson_val *b)
{
    size_t length = yyjson_get_len(a);
    return length == yyjson_get_len(b) && memcmp(yyjson_get_str(a), yyjson_get_str(b), length) == 0;
}

static int json_key_compare(const void *left, const void *right)
{
    yyjson_val *a = *(yyjson_val *const *)left, *b = *(yyjson_val *const *)right;
    size_t a_length = yyjson_get_len(a), b_length = yyjson_get_len(b);
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return memcmp(yyjson_get_str(a), yyjson_get_str(b), a_length);
}

/* The key that is there twice, or NULL. `keys` has room for all of the object's. n log n comparisons at most. */
static yyjson_val *json_find_duplicate(yyjson_val *object, yyjson_val **keys)
{
    size_t count = 0, index, max;
    yyjson_val *key, *value;
    bool pairwise = yyjson_obj_size(object) <= JSON_PAIRWISE_MAX;
    yyjson_obj_foreach (object, index, max, key, value) {
        for (size_t i = 0; pairwise && i < count; i++)
            if (json_key_equal(keys[i], key))
                return key;
        keys[count++] = key;
    }
    if (pairwise)
        return NULL;
    qsort(keys, count, sizeof(*keys), json_key_compare);
    for (size_t i = 1; i < count; i++)
        if (json_key_equal(keys[i - 1], keys[i]))
            return keys[i - 1] < keys[i] ? keys[i] : keys[i - 1]; /* the later one: values lie in the text's order */
    return NULL;
}

/* One walk over all values, which yyjson keeps in one array in the text's order. `copy` is what was parsed in place, so
 * that a key's address tells its offset. */
static int json_check_keys(yyjson_doc *doc, struct ev_str text, const char *copy, struct ev_arena *arena,
                           struct ev_error *error)
{
    yyjson_val *on_stack[JSON_PAIRWISE_MAX], **keys = on_stack;
    size_t room = JSON_PAIRWISE_MAX;
    yyjson_val *value = yyjson_doc_get_root(doc);
    for (size_t left = yyjson_doc_get_val_count(doc); left > 0; left--, value++) {
        size_t size = yyjson_obj_size(value);
        if (size > room) {
            size_t doubled = size > room * 2 ? size : room * 2;
            keys = ev_arena_try_alloc_raw(arena, doubled * sizeof(yyjson_val *));
            if (!keys)
                return json_limit(error, text);
            room = doubled;
        }
        yyjson_val *duplicate = size > 1 ? json_find_duplicate(value, keys) : NULL;
        if (duplicate)
            return json_invalid(error, text, (size_t)(yyjson_get_str(duplicate) - copy),
                                "an object has the same key twice");
    }
    return 0;
}

int ev_json_parse(struct ev_str text, struct ev_arena *arena, yyjson_val **ret_root, struct ev_error *error)
{
    int fault = json_check_depth(text, error);
    if (fault)
        return fault;
    if (text.length == 0)
        return json_invalid(error, text, 0, "there is no JSON: the text is empty");
    if (text.length > EV_JSON_LENGTH_MAX)
        return json_limit(error, text);
    char *copy = ev_arena_try_alloc_raw(arena, text.length + YYJSON_PADDING_SIZE);
    if (!copy)
        return json_limit(error, text);
    memcpy(copy, text.data, text.length);
    memset(copy + text.length, 0, YYJSON_PADDING_SIZE);

    yyjson_alc allocator = {.malloc = json_alloc, .realloc = json_realloc, .free = json_free, .ctx = arena};
    yyjson_read_err read_error;
    yyjson_doc *doc =
        yyjson_read_opts(copy, text.length, YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW, &allocator, &read_error);
    if (!doc && read_error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return json_limit(error, text);
    if (!doc)
        return json_invalid(error, text, read_error.pos, read_error.msg);
    fault = json_check_keys(doc, text, copy, arena, error);
    if (!fault)
        *ret_root = yyjson_doc_get_root(doc);
    return fault;
}
