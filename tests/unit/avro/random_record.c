#include "random_record.h"

#include <string.h>

#include "avro/record_internal.h"
#include "core/money.h"

#define YEAR_9999_END INT64_C(253402300799999)
#define MS_PER_DAY INT64_C(86400000)

const struct random_options random_options_default = {.array_max = 4, .text_max = 24, .formats = true};

struct source {
    const struct random_options *options;
    const struct ev_random *random;
    struct ev_arena *arena;
};

static bool coin(const struct source *source)
{
    return ev_random_below(source->random, 2);
}

/* Code points of every length in UTF-8, no surrogates. */
static size_t put_character(const struct source *source, char *at)
{
    static const uint32_t bounds[][2] = {{0x20, 0x7f}, {0x80, 0x800}, {0x800, 0xd800}, {0x10000, 0x110000}};
    size_t bytes = coin(source) ? 1 : 1 + (size_t)ev_random_below(source->random, 4);
    uint32_t low = bounds[bytes - 1][0], high = bounds[bytes - 1][1];
    uint32_t point = low + (uint32_t)ev_random_below(source->random, high - low);
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = bytes; i-- > 1; point >>= 6)
        at[i] = (char)(0x80 | (point & 0x3f));
    at[0] = (char)(leads[bytes - 1] | point);
    return bytes;
}

static struct ev_str random_text(const struct source *source, bool bytes)
{
    size_t most = source->options->text_max;
    size_t count =
        source->options->boundaries_only ? (coin(source) ? most : 0) : ev_random_below(source->random, most + 1);
    char *text = ev_arena_alloc(source->arena, count * 4 + 1);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (bytes)
            text[length++] = (char)ev_random_below(source->random, 256);
        else
            length += put_character(source, text + length);
    }
    return (struct ev_str){text, length};
}

static int64_t random_long(const struct source *source, int64_t low, int64_t high)
{
    if (source->options->boundaries_only)
        return coin(source) ? low : high;
    uint64_t bits = ev_random_u64(source->random) >> ev_random_below(source->random, 64);
    uint64_t span = (uint64_t)high - (uint64_t)low;
    return (int64_t)((uint64_t)low + (span == UINT64_MAX ? bits : bits % (span + 1)));
}

static int64_t random_formatted(const struct source *source, enum ev_format format)
{
    if (source->options->formats && format == EV_FORMAT_MONEY)
        return random_long(source, -EV_MONEY_MAX, EV_MONEY_MAX);
    if (source->options->formats && format == EV_FORMAT_TIMESTAMP)
        return random_long(source, 0, YEAR_9999_END);
    if (source->options->formats && format == EV_FORMAT_DATE)
        return random_long(source, 0, YEAR_9999_END / MS_PER_DAY) * MS_PER_DAY;
    return random_long(source, INT64_MIN, INT64_MAX);
}

/* Finite: JSON has no other. */
static double random_double(const struct source *source)
{
    for (;;) {
        uint64_t bits = ev_random_u64(source->random);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (value - value == 0)
            return coin(source) ? value : (double)(int64_t)bits / 1024;
    }
}

static void fill_value(const struct source *source, const struct ev_field *field, enum ev_kind kind, void *to)
{
    switch (kind) {
    case EV_KIND_BOOL:
        *(bool *)to = coin(source);
        break;
    case EV_KIND_INT:
        *(int32_t *)to = (int32_t)random_long(source, INT32_MIN, INT32_MAX);
        break;
    case EV_KIND_ENUM:
        *(int32_t *)to = (int32_t)ev_random_below(source->random, field->symbols->count);
        break;
    case EV_KIND_LONG:
        *(int64_t *)to = random_formatted(source, field->format);
        break;
    case EV_KIND_DOUBLE:
        *(double *)to = random_double(source);
        break;
    case EV_KIND_STRING:
    case EV_KIND_BYTES:
        *(struct ev_str *)to = random_text(source, kind == EV_KIND_BYTES);
        break;
    case EV_KIND_RECORD:
        ev_record_random(field->record, source->options, source->random, source->arena, to);
        break;
    case EV_KIND_ARRAY: {
        ev_any_array *array = to;
        size_t count = source->options->boundaries_only
                           ? coin(source)
                           : ev_random_below(source->random, source->options->array_max + 1);
        array->items = ev_arena_alloc(source->arena, count * field->item_size);
        array->count = array->capacity = count;
        for (size_t i = 0; i < count; i++)
            fill_value(source, field, field->item_kind, ev_at_mut(array->items, i * field->item_size));
        break;
    }
    }
}

void ev_record_random(const struct ev_record *record, const struct random_options *options,
                      const struct ev_random *random, struct ev_arena *arena, void *ret)
{
    const struct source source = {options, random, arena};
    memset(ret, 0, record->size);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        void *at = ev_at_mut(ret, field->offset);
        if (!field->nullable || coin(&source))
            fill_value(&source, field, field->kind, ev_field_open(field, at, arena));
    }
}
