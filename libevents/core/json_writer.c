#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fatal.h"
#include "core/json.h"

/* What yyjson needs to write one number: its text (at most 32 bytes), a NUL and the allocator's own bookkeeping. */
#define JSON_NUMBER_POOL 512
#define JSON_INT64_MAX 20 /* bytes, with its sign */

void ev_json_init(struct ev_json_writer *writer, struct ev_buffer *out)
{
    *writer = (struct ev_json_writer){.out = out};
}

/* Before every key, and before every value that has none: the comma, where one belongs. */
static void json_separate(struct ev_json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    uint64_t bit = UINT64_C(1) << writer->depth;
    if (writer->depth > 0 && (writer->has_items & bit))
        ev_buffer_append_byte(writer->out, ',');
    writer->has_items |= bit;
}

static void json_begin(struct ev_json_writer *writer, char bracket)
{
    json_separate(writer);
    if (writer->depth == EV_JSON_WRITE_DEPTH_MAX)
        ev_fatal("JSON is written deeper than %d levels", EV_JSON_WRITE_DEPTH_MAX);
    ev_buffer_append_byte(writer->out, bracket);
    writer->depth++;
    writer->has_items &= ~(UINT64_C(1) << writer->depth);
}

static void json_end(struct ev_json_writer *writer, char bracket)
{
    if (writer->depth == 0 || writer->after_key)
        ev_fatal("JSON is closed by '%c' where nothing is open or a value is missing", bracket);
    ev_buffer_append_byte(writer->out, bracket);
    writer->depth--;
}

void ev_json_object_begin(struct ev_json_writer *writer)
{
    json_begin(writer, '{');
}

void ev_json_object_end(struct ev_json_writer *writer)
{
    json_end(writer, '}');
}

void ev_json_array_begin(struct ev_json_writer *writer)
{
    json_begin(writer, '[');
}

void ev_json_array_end(struct ev_json_writer *writer)
{
    json_end(writer, ']');
}

/* Length of the well-formed UTF-8 sequence at `at` that doesn't start with ASCII (Unicode, table 3-7), 0: there is
 * none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    size_t length = at[0] >= 0xc2 && at[0] <= 0xdf   ? 2
                    : at[0] >= 0xe0 && at[0] <= 0xef ? 3
                    : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                     : 0;
    if (length == 0 || length > left)
        return 0;
    /* The second byte excludes overlong forms, surrogates and what is beyond U+10FFFF. */
    unsigned char least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static void json_escape(struct ev_buffer *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char short_forms[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char short_form = c < 32 ? short_forms[c] : (char)c; /* the others are '"' and '\\' */
    if (short_form) {
        ev_buffer_append(out, (char[]){'\\', short_form}, 2);
        return;
    }
    ev_buffer_append(out, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 0x0f]}, 6);
}

static void json_quote(struct ev_buffer *out, struct ev_str value)
{
    const unsigned char *bytes = (const unsigned char *)value.data;
    size_t start = 0, at = 0;
    ev_buffer_reserve(out, value.length + 2);
    ev_buffer_append_byte(out, '"');
    while (at < value.length) {
        if (bytes[at] >= 32 && bytes[at] < 128 && bytes[at] != '"' && bytes[at] != '\\') {
            at++;
            continue;
        }
        size_t length = bytes[at] < 128 ? 0 : utf8_length(bytes + at, value.length - at);
        if (length > 0) {
            at += length;
            continue;
        }
        ev_buffer_append(out, bytes + start, at - start);
        if (bytes[at] < 128)
            json_escape(out, bytes[at]);
        else
            ev_buffer_append_str(out, EV_STR("\xef\xbf\xbd"));
        start = ++at;
    }
    if (value.length > 0)
        ev_buffer_append(out, bytes + start, at - start);
    ev_buffer_append_byte(out, '"');
}

void ev_json_key(struct ev_json_writer *writer, struct ev_str key)
{
    if (writer->after_key || writer->depth == 0)
        ev_fatal("JSON key \"%.*s\" is written where no key belongs", EV_STR_ARG(key));
    json_separate(writer);
    json_quote(writer->out, key);
    ev_buffer_append_byte(writer->out, ':');
    writer->after_key = true;
}

void ev_json_raw(struct ev_json_writer *writer, struct ev_str json)
{
    json_separate(writer);
    ev_buffer_append_str(writer->out, json);
}

void ev_json_null(struct ev_json_writer *writer)
{
    ev_json_raw(writer, EV_STR("null"));
}

void ev_json_string(struct ev_json_writer *writer, struct ev_str value)
{
    if (!value.data) {
        ev_json_null(writer);
        return;
    }
    json_separate(writer);
    json_quote(writer->out, value);
}

void ev_json_bool(struct ev_json_writer *writer, bool value)
{
    ev_json_raw(writer, value ? EV_STR("true") : EV_STR("false"));
}

/* Not by snprintf: documents are mostly numbers, and it would take a third of the time that writing them does. */
void ev_json_int64(struct ev_json_writer *writer, int64_t value)
{
    char text[JSON_INT64_MAX], *at = text + sizeof(text);
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    ev_json_raw(writer, (struct ev_str){at, (size_t)(text + sizeof(text) - at)});
}

void ev_json_double(struct ev_json_writer *writer, double value)
{
    if (!isfinite(value)) {
        ev_json_null(writer);
        return;
    }
    if (value == 0)
        value = 0; /* -0 is equal to 0 and has to look so */
    char pool[JSON_NUMBER_POOL];
    yyjson_alc allocator;
    yyjson_val number = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = value};
    size_t length = 0;
    char *text = NULL;
    if (yyjson_alc_pool_init(&allocator, pool, sizeof(pool)))
        text = yyjson_val_write_opts(&number, YYJSON_WRITE_NOFLAG, &allocator, &length, NULL);
    if (!text)
        ev_fatal("the number %g can't be written", value);
    ev_json_raw(writer, (struct ev_str){text, length});
}

void ev_json_kv_string(struct ev_json_writer *writer, const char *key, struct ev_str value)
{
    ev_json_key(writer, ev_str_of(key));
    ev_json_string(writer, value);
}

void ev_json_kv_cstr(struct ev_json_writer *writer, const char *key, const char *value)
{
    ev_json_kv_string(writer, key, ev_str_of(value));
}

void ev_json_kv_int64(struct ev_json_writer *writer, const char *key, int64_t value)
{
    ev_json_key(writer, ev_str_of(key));
    ev_json_int64(writer, value);
}

void ev_json_kv_double(struct ev_json_writer *writer, const char *key, double value)
{
    ev_json_key(writer, ev_str_of(key));
    ev_json_double(writer, value);
}

void ev_json_kv_bool(struct ev_json_writer *writer, const char *key, bool value)
{
    ev_json_key(writer, ev_str_of(key));
    ev_json_bool(writer, value);
}
