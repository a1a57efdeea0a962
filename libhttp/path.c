#include "libhttp/path.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Well-formed by Unicode's table 3-7: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool http_is_utf8(struct ev_str text)
{
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.length;
    while (at < end) {
        uint8_t lead = *at++;
        if (lead < 0x80)
            continue;
        if (lead < 0xc2 || lead > 0xf4)
            return false;
        size_t more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if ((size_t)(end - at) < more)
            return false;
        uint8_t low = 0x80, high = 0xbf;
        if (lead == 0xe0)
            low = 0xa0;
        else if (lead == 0xed)
            high = 0x9f;
        else if (lead == 0xf0)
            low = 0x90;
        else if (lead == 0xf4)
            high = 0x8f;
        for (size_t i = 0; i < more; i++, at++) {
            if (*at < low || *at > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

static bool has_nothing_to_decode(struct ev_str raw, bool plus_is_space)
{
    for (size_t i = 0; i < raw.length; i++)
        if (raw.data[i] == '%' || raw.data[i] == '\0' || (plus_is_space && raw.data[i] == '+'))
            return false;
    return true;
}

bool http_percent_decode(struct ev_str raw, bool plus_is_space, struct ev_arena *arena, struct ev_str *ret)
{
    if (has_nothing_to_decode(raw, plus_is_space)) {
        *ret = raw;
        return http_is_utf8(raw);
    }
    char *decoded = ev_arena_alloc(arena, raw.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < raw.length; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = i + 2 < raw.length ? hex_digit(raw.data[i + 1]) : -1;
            int low = i + 2 < raw.length ? hex_digit(raw.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (plus_is_space && c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return false;
        decoded[length++] = c;
    }
    *ret = (struct ev_str){decoded, length};
    return http_is_utf8(*ret);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

struct ev_str http_percent_encode(struct ev_str text, struct ev_arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = ev_arena_alloc(arena, text.length * 3 + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        if (is_unreserved((char)byte)) {
            encoded[length++] = (char)byte;
            continue;
        }
        encoded[length++] = '%';
        encoded[length++] = digits[byte >> 4];
        encoded[length++] = digits[byte & 0x0f];
    }
    return (struct ev_str){encoded, length};
}
