#include "avro/command.h"
#include "avro/record_internal.h"
#include "core/money.h"
#include "core/timestamp.h"

#define PRINT_FORMATS 1u
#define PRINT_WITHOUT_NULLS 2u
#define PRINT_BODY 4u /* of a command: what comes from elsewhere is left out */

static void print_record(const struct ev_record *record, const void *value, unsigned how,
                         struct ev_json_writer *writer);

static void print_hex(struct ev_str bytes, struct ev_json_writer *writer)
{
    static const char digits[] = "0123456789abcdef";
    struct ev_buffer text;
    ev_buffer_init(&text);
    char *at = ev_buffer_reserve(&text, 2 * bytes.length);
    for (size_t i = 0; i < bytes.length; i++) {
        *at++ = digits[(uint8_t)bytes.data[i] >> 4];
        *at++ = digits[(uint8_t)bytes.data[i] & 15];
    }
    text.length = 2 * bytes.length;
    ev_json_string(writer, ev_buffer_str(&text));
    ev_buffer_finish(&text);
}

static void print_long(int64_t value, enum ev_format format, struct ev_json_writer *writer)
{
    char text[EV_TIMESTAMP_TEXT_MAX > EV_MONEY_TEXT_MAX ? EV_TIMESTAMP_TEXT_MAX : EV_MONEY_TEXT_MAX];
    size_t length = 0;
    switch (format) {
    case EV_FORMAT_MONEY:
        length = ev_money_format(value, text);
        break;
    case EV_FORMAT_TIMESTAMP:
        length = ev_timestamp_format(value, text);
        break;
    case EV_FORMAT_DATE:
        length = ev_date_format(value, text);
        break;
    case EV_FORMAT_NONE:
    case EV_FORMAT_UUID:
        ev_json_int64(writer, value);
        return;
    }
    ev_json_string(writer, (struct ev_str){text, length});
}

static void print_symbol(const struct ev_enum *symbols, int32_t index, struct ev_json_writer *writer)
{
    if (index >= 0 && (size_t)index < symbols->count)
        ev_json_string(writer, ev_str_of(symbols->symbols[index]));
    else
        ev_json_int64(writer, index);
}

static void print_value(const struct ev_field *field, enum ev_kind kind, const void *at, unsigned how,
                        struct ev_json_writer *writer)
{
    switch (kind) {
    case EV_KIND_BOOL:
        ev_json_bool(writer, *(const bool *)at);
        break;
    case EV_KIND_INT:
        ev_json_int64(writer, *(const int32_t *)at);
        break;
    case EV_KIND_LONG:
        print_long(*(const int64_t *)at, how & PRINT_FORMATS ? field->format : EV_FORMAT_NONE, writer);
        break;
    case EV_KIND_DOUBLE:
        ev_json_double(writer, *(const double *)at);
        break;
    case EV_KIND_STRING: {
        const struct ev_str *text = at;
        ev_json_string(writer, text->data ? *text : EV_STR(""));
        break;
    }
    case EV_KIND_BYTES:
        print_hex(*(const struct ev_str *)at, writer);
        break;
    case EV_KIND_ENUM:
        print_symbol(field->symbols, *(const int32_t *)at, writer);
        break;
    case EV_KIND_RECORD:
        print_record(field->record, at, how, writer);
        break;
    case EV_KIND_ARRAY: {
        const ev_any_array *array = at;
        ev_json_array_begin(writer);
        for (size_t i = 0; i < array->count; i++)
            print_value(field, field->item_kind, ev_at(array->items, i * field->item_size), how, writer);
        ev_json_array_end(writer);
        break;
    }
    }
}

static void print_record(const struct ev_record *record, const void *value, unsigned how, struct ev_json_writer *writer)
{
    ev_json_object_begin(writer);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ev_field *field = &record->fields[i];
        const void *at = ev_field_value(field, ev_at(value, field->offset));
        bool is_elsewhere = how & PRINT_BODY && field->constraint && field->constraint->source != EV_SOURCE_BODY;
        if (is_elsewhere || (!at && how & PRINT_WITHOUT_NULLS))
            continue;
        ev_json_key(writer, ev_str_of(field->name));
        if (at)
            print_value(field, field->kind, at, how, writer);
        else
            ev_json_null(writer);
    }
    ev_json_object_end(writer);
}

void ev_record_print(const struct ev_record *record, const void *value, struct ev_json_writer *writer)
{
    print_record(record, value, PRINT_FORMATS, writer);
}

void ev_record_print_plain(const struct ev_record *record, const void *value, struct ev_json_writer *writer)
{
    print_record(record, value, 0, writer);
}

void ev_command_print(const struct ev_command_type *type, const void *command, struct ev_json_writer *writer)
{
    print_record(type->record, command, PRINT_FORMATS | PRINT_WITHOUT_NULLS | PRINT_BODY, writer);
}
