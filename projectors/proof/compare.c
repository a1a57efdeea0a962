#include "proof/compare.h"

#include <inttypes.h>
#include <stdlib.h>

bool compare_equal(const struct ev_sink_document *a, const struct ev_sink_document *b)
{
    if (a->meta.offset < 0 || b->meta.offset < 0)
        return a->meta.offset < 0 && b->meta.offset < 0;
    return !a->unreadable && !b->unreadable && a->deleted == b->deleted && a->meta.offset == b->meta.offset &&
           a->meta.partition == b->meta.partition && a->meta.sequence == b->meta.sequence &&
           (a->deleted || ev_str_equal(a->body, b->body));
}

/* Field by field as JSON; NULL where there is nothing to be read. */
static yyjson_val *document_json(const struct ev_view *view, const struct ev_sink_document *document,
                                 struct ev_arena *arena)
{
    struct ev_error ignored;
    struct ev_json_writer writer;
    struct ev_buffer text;
    yyjson_val *root = NULL;
    if (document->meta.offset < 0 || document->deleted || document->unreadable)
        return NULL;
    void *value = ev_arena_alloc(arena, view->document->size);
    if (ev_record_decode(view->document, document->body, arena, value, &ignored) < 0)
        return NULL;
    ev_buffer_init(&text);
    ev_json_init(&writer, &text);
    ev_record_print(view->document, value, &writer);
    if (ev_json_parse(ev_buffer_str(&text), arena, &root, &ignored) < 0)
        root = NULL;
    ev_buffer_finish(&text);
    return root;
}

/* Cut off at the bound, but not within a character. */
static struct ev_str value_text(yyjson_val *value, struct ev_arena *arena)
{
    if (!value)
        return EV_STR_NULL;
    size_t length = 0;
    char *text = yyjson_val_write(value, 0, &length);
    if (!text)
        return EV_STR_NULL;
    bool cut = length > PROOF_FIELD_TEXT_MAX;
    if (cut)
        for (length = PROOF_FIELD_TEXT_MAX; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80; length--)
            ;
    struct ev_str kept =
        cut ? ev_arena_printf(arena, "%.*s…", (int)length, text) : ev_arena_copy(arena, (struct ev_str){text, length});
    free(text);
    return kept;
}

struct field_list {
    struct proof_field *fields;
    size_t count;
};

static void list_add(struct field_list *list, struct ev_str name, struct ev_str stored, struct ev_str expected)
{
    if (list->count < PROOF_FIELDS_MAX)
        list->fields[list->count++] = (struct proof_field){.name = name, .stored = stored, .expected = expected};
}

static void list_number(struct field_list *list, struct ev_str name, int64_t stored, int64_t expected,
                        struct ev_arena *arena)
{
    if (stored != expected)
        list_add(list, name, ev_arena_printf(arena, "%" PRId64, stored), ev_arena_printf(arena, "%" PRId64, expected));
}

static void list_meta(struct field_list *list, const struct ev_sink_document *stored,
                      const struct ev_sink_document *expected, struct ev_arena *arena)
{
    list_number(list, EV_STR("_offset"), stored->meta.offset, expected->meta.offset, arena);
    list_number(list, EV_STR("_partition"), stored->meta.partition, expected->meta.partition, arena);
    list_number(list, EV_STR("_sequence"), stored->meta.sequence, expected->meta.sequence, arena);
    if (stored->deleted != expected->deleted)
        list_add(list, EV_STR("_deleted"), stored->deleted ? EV_STR("true") : EV_STR("false"),
                 expected->deleted ? EV_STR("true") : EV_STR("false"));
}

size_t compare_fields(const struct ev_view *view, const struct ev_sink_document *stored,
                      const struct ev_sink_document *expected, struct ev_arena *arena,
                      struct proof_field ret[PROOF_FIELDS_MAX])
{
    struct field_list list = {.fields = ret};
    if (stored->meta.offset < 0 || expected->meta.offset < 0)
        return 0;
    list_meta(&list, stored, expected, arena);
    yyjson_val *a = document_json(view, stored, arena), *b = document_json(view, expected, arena);
    for (size_t i = 0; i < view->document->field_count && (a || b); i++) {
        const char *name = view->document->fields[i].name;
        yyjson_val *x = yyjson_obj_get(a, name), *y = yyjson_obj_get(b, name);
        if (!yyjson_equals(x, y))
            list_add(&list, ev_str_of(name), value_text(x, arena), value_text(y, arena));
    }
    return list.count;
}
