/* Two schemas, as a registry might give them, with a newline between: each is a tree or an error, and trees are
 * compared with each other. A schema reads what it wrote and has no differences to itself; what is printed of it is a
 * schema. */
#include <string.h>

#include "avro/schema_changes.h"
#include "avro/schema_compat.h"
#include "fuzz.h"

static const struct ev_schema_labels labels = {.reader = "the reader", .writer = "the writer"};

static const struct ev_schema *parse(struct ev_str json, struct ev_arena *arena)
{
    const struct ev_schema *schema;
    struct ev_error error;
    int rc = ev_schema_tree_parse(json, NULL, arena, &schema, &error);
    FUZZ_CHECK(rc == 0 || rc == EV_ERR_INVALID || rc == EV_ERR_LIMIT);
    return rc == 0 ? schema : NULL;
}

static int compare(const struct ev_schema *reader, const struct ev_schema *writer, struct ev_arena *arena,
                   size_t *ret_changes)
{
    static struct ev_incompatibilities found;
    static struct ev_schema_changes changes;
    struct ev_error error;
    int answer = ev_schema_can_read(reader, writer, &labels, arena, &found, &error);
    FUZZ_CHECK(answer == EV_ERR_LIMIT || answer == (found.total > 0));
    int rc = ev_schema_changes(writer, reader, arena, &changes, &error);
    FUZZ_CHECK(rc == 0 || rc == EV_ERR_LIMIT);
    *ret_changes = changes.total;
    return answer;
}

static void check_one(const struct ev_schema *schema, struct ev_arena *arena)
{
    struct ev_buffer text;
    size_t changes;
    FUZZ_CHECK(compare(schema, schema, arena, &changes) <= 0);
    FUZZ_CHECK(changes == 0);
    ev_buffer_init(&text);
    ev_schema_tree_print(schema, &text);
    FUZZ_CHECK(parse(ev_buffer_str(&text), arena));
    ev_buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ev_str all = {(const char *)data, size};
    const char *newline = size ? memchr(data, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - all.data) : size;
    struct ev_arena arena;
    size_t changes;
    ev_arena_init(&arena, 0);
    const struct ev_schema *a = parse((struct ev_str){all.data, first}, &arena);
    const struct ev_schema *b = newline ? parse((struct ev_str){newline + 1, size - first - 1}, &arena) : NULL;
    if (a)
        check_one(a, &arena);
    if (a && b) {
        compare(a, b, &arena, &changes);
        compare(b, a, &arena, &changes);
    }
    ev_arena_finish(&arena);
    return 0;
}
