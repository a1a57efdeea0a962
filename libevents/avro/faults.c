#include <stdarg.h>
#include <stdio.h>

#include "avro/command_internal.h"

#define PLACE_DEPTH_MAX EV_JSON_DEPTH_MAX
#define FAULT_DETAIL_MAX 256
#define POINTER_KEY_MAX 256 /* of a client's key that is shown in a pointer */

static void faults_add_list(struct ev_faults *faults, struct ev_str pointer, const char *code, const char *format,
                            va_list arguments)
{
    faults->total++;
    if (faults->count == EV_FAULTS_MAX)
        return;
    char detail[FAULT_DETAIL_MAX];
    vsnprintf(detail, sizeof(detail), format, arguments);
    faults->items[faults->count++] = (struct ev_fault){
        .pointer = pointer,
        .code = ev_str_of(code),
        .detail = ev_arena_copy(faults->arena, ev_str_of(detail)),
    };
}

void ev_faults_add(struct ev_faults *faults, struct ev_str pointer, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    faults_add_list(faults, pointer, code, format, arguments);
    va_end(arguments);
}

/* Cut between characters, so that the pointer stays UTF-8. */
static size_t shown_length(struct ev_str name)
{
    size_t length = name.length;
    if (length > POINTER_KEY_MAX)
        for (length = POINTER_KEY_MAX; length > 0 && ((uint8_t)name.data[length] & 0xc0) == 0x80;)
            length--;
    return length;
}

static void append_token(struct ev_buffer *text, const struct ev_place *place)
{
    if (!place->name.data) {
        ev_buffer_printf(text, "/%zu", place->index);
        return;
    }
    ev_buffer_append(text, "/", 1);
    size_t length = shown_length(place->name);
    for (size_t i = 0; i < length; i++) {
        char c = place->name.data[i];
        if (c == '~')
            ev_buffer_append(text, "~0", 2);
        else if (c == '/')
            ev_buffer_append(text, "~1", 2);
        else
            ev_buffer_append(text, &c, 1);
    }
}

/* RFC 6901 */
static struct ev_str place_pointer(const struct ev_place *place, struct ev_arena *arena)
{
    const struct ev_place *chain[PLACE_DEPTH_MAX];
    size_t depth = 0;
    for (; place && depth < PLACE_DEPTH_MAX; place = place->parent)
        chain[depth++] = place;
    struct ev_buffer text;
    ev_buffer_init(&text);
    while (depth > 0)
        append_token(&text, chain[--depth]);
    struct ev_str pointer = ev_arena_copy(arena, ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return pointer;
}

void ev_place_fault(const struct ev_place *place, struct ev_faults *faults, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct ev_str pointer = EV_STR("");
    if (faults->count < EV_FAULTS_MAX)
        pointer = place_pointer(place, faults->arena);
    faults_add_list(faults, pointer, code, format, arguments);
    va_end(arguments);
}
