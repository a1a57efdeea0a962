#include "fold/fingerprint.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/map.h"
#include "core/memory.h"

#define FIRST_DAY_MS INT64_C(1291161600000) /* 2010-12-01 */
#define DAY_MS INT64_C(86400000)
#define DAYS 3
#define TEXTS 3 /* few, so that events meet in the same documents */
#define ITEMS_MAX 4
#define NUMBERS 12
#define LARGE_NUMBERS 100000 /* one in four: folds may tell large from small */
#define MONEY_UNITS 100000

struct making {
    const struct ev_random *random;
    struct ev_arena *arena;
};

static int64_t below(const struct making *making, uint64_t bound)
{
    return (int64_t)ev_random_below(making->random, bound);
}

static int64_t make_long(const struct making *making, enum ev_format format)
{
    switch (format) {
    case EV_FORMAT_MONEY:
        return below(making, MONEY_UNITS);
    case EV_FORMAT_TIMESTAMP:
        return FIRST_DAY_MS + below(making, DAYS * DAY_MS);
    case EV_FORMAT_DATE:
        return FIRST_DAY_MS + below(making, DAYS) * DAY_MS;
    case EV_FORMAT_NONE:
    case EV_FORMAT_UUID:
        break;
    }
    return below(making, below(making, 4) ? NUMBERS : LARGE_NUMBERS);
}

static struct ev_str make_text(const struct making *making)
{
    static const char *const texts[TEXTS] = {"a", "b", "c"};
    return ev_str_of(texts[below(making, TEXTS)]);
}

static void make_record(const struct making *making, const struct ev_record *record, void *ret);

static void make_value(const struct making *making, const struct ev_field *field, enum ev_kind kind, void *ret)
{
    switch (kind) {
    case EV_KIND_BOOL:
        *(bool *)ret = below(making, 2);
        return;
    case EV_KIND_INT:
        *(int32_t *)ret = (int32_t)(1 + below(making, ITEMS_MAX)); /* mostly the number of a line */
        return;
    case EV_KIND_LONG:
        *(int64_t *)ret = make_long(making, field->format);
        return;
    case EV_KIND_DOUBLE:
        *(double *)ret = (double)below(making, NUMBERS) / 4;
        return;
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        *(struct ev_str *)ret = make_text(making);
        return;
    case EV_KIND_ENUM:
        *(int32_t *)ret = (int32_t)below(making, field->symbols->count);
        return;
    case EV_KIND_RECORD:
        make_record(making, field->record, ret);
        return;
    case EV_KIND_ARRAY:
        break;
    }
    for (int64_t left = 1 + below(making, ITEMS_MAX); left > 0; left--)
        make_value(making, field, field->item_kind, ev_array_push_raw(making->arena, ret, field->item_size));
}

/* How a nullable value lies in the struct: avro/record.h. */
static void make_field(const struct making *making, const struct ev_field *field, char *record)
{
    char *place = record + field->offset;
    bool present = !field->nullable || below(making, 4) > 0;
    if (!present)
        return;
    bool optional = field->kind != EV_KIND_STRING && field->kind != EV_KIND_BYTES && field->kind != EV_KIND_ARRAY;
    if (field->nullable && field->kind == EV_KIND_RECORD) {
        *(void **)(void *)place = ev_arena_alloc(making->arena, field->record->size);
        place = *(void **)(void *)place;
    } else if (field->nullable && optional) {
        *(bool *)place = true;
        place += field->value_offset;
    }
    make_value(making, field, field->kind, place);
}

static void make_record(const struct making *making, const struct ev_record *record, void *ret)
{
    for (size_t i = 0; i < record->field_count; i++)
        make_field(making, &record->fields[i], ret);
}

struct folding {
    const struct ev_view *view;
    struct ev_arena arena;   /* of all documents' bytes */
    struct ev_arena event;   /* of one event */
    struct ev_map documents; /* key → struct ev_str */
    struct ev_buffer out;    /* all that is hashed */
    int64_t offset;
};

static void note(struct folding *folding, struct ev_str key, enum ev_fold_result result, struct ev_str body)
{
    ev_buffer_printf(&folding->out, "%zu %zu %d|", key.length, body.length, (int)result);
    ev_buffer_append_str(&folding->out, key);
    ev_buffer_append_str(&folding->out, body);
}

static void fold_event(struct folding *folding, const struct ev_event *event, const struct ev_commit *commit)
{
    const struct ev_view *view = folding->view;
    char key_bytes[EV_VIEW_KEY_MAX];
    struct ev_error ignored;
    struct ev_buffer body;
    struct ev_fold_context context = {.commit = commit, .offset = folding->offset, .arena = &folding->event};
    struct ev_str key = {key_bytes, view->key_of(event, &context, key_bytes)};
    if (key.length == 0)
        return;
    folding->offset++;
    struct ev_str *kept = ev_map_get(&folding->documents, key);
    void *document = ev_arena_alloc(&folding->event, view->document->size);
    bool is_new =
        !kept || !kept->data || ev_record_decode(view->document, *kept, &folding->event, document, &ignored) < 0;
    if (is_new)
        ev_record_init(view->document, document, &folding->event);
    enum ev_fold_result result = view->fold(document, is_new, event, &context);
    if (!kept) {
        kept = ev_arena_new(&folding->arena, struct ev_str);
        ev_map_put(&folding->documents, key, kept);
    }
    ev_buffer_init(&body);
    if (result == EV_FOLD_KEEP) {
        ev_record_encode(view->document, document, &body);
        *kept = ev_arena_copy(&folding->arena, ev_buffer_str(&body));
    } else if (result == EV_FOLD_DELETE) {
        *kept = EV_STR_NULL;
    }
    note(folding, key, result, ev_buffer_str(&body));
    ev_buffer_finish(&body);
}

/* Seeded by the type's own name: other types come and go without changing it. */
static void fold_made_up(struct folding *folding, const struct ev_event_type *type, uint64_t round)
{
    struct ev_fake_random random;
    ev_fake_random_init(&random, ev_hash64(ev_str_of(type->name)) + round);
    const struct making making = {&random.random, &folding->event};
    ev_arena_reset(&folding->event);
    void *body = ev_arena_alloc(&folding->event, type->record->size);
    ev_record_init(type->record, body, &folding->event);
    make_record(&making, type->record, body);
    const struct ev_event event = {type, body};
    struct ev_str id = make_text(&making);
    const struct ev_commit commit = {
        .stream_id = ev_arena_printf(&folding->event, "%s-%.*s", type->category, EV_STR_ARG(id)),
        .base_version = (int64_t)round,
        .epoch = 1,
        .seq = folding->offset,
        .correlation_id = EV_STR("a"),
        .causation_id = EV_STR("b"),
        .actor = EV_STR("c"),
        .occurred_at = FIRST_DAY_MS + (int64_t)round * DAY_MS / 4,
        .events = &event,
        .event_count = 1,
    };
    fold_event(folding, &event, &commit);
}

void ev_view_fingerprint(const struct ev_view *view, char ret_text[EV_FINGERPRINT_TEXT_MAX])
{
    struct folding folding = {.view = view};
    ev_arena_init(&folding.arena, 0);
    ev_arena_init(&folding.event, 0);
    ev_map_init(&folding.documents);
    ev_buffer_init(&folding.out);
    ev_buffer_printf(&folding.out, "%s %016llx %016llx|", view->name, (unsigned long long)view->document->fingerprint,
                     (unsigned long long)view->topic->upcasts);
    for (uint64_t round = 0; round < EV_FINGERPRINT_ROUNDS; round++)
        for (size_t i = 0; i < view->topic->type_count; i++)
            if (!view->topic->types[i]->upcast) /* nobody meets that: its upcaster's events come in its place */
                fold_made_up(&folding, view->topic->types[i], round);
    struct ev_hash128 hash = ev_hash128(ev_buffer_str(&folding.out));
    for (size_t i = 0; i < sizeof(hash.bytes); i++)
        snprintf(ret_text + 2 * i, 3, "%02x", hash.bytes[i]);
    ev_buffer_finish(&folding.out);
    ev_map_finish(&folding.documents);
    ev_arena_finish(&folding.event);
    ev_arena_finish(&folding.arena);
}
