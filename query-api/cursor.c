#include "cursor.h"

#include <string.h>

#include "core/hash.h"

/* version (1), checksum (8) over all that follows, fingerprint (8), and for each part its length (2) and its bytes;
 * numbers are little endian. */
#define CURSOR_VERSION 1
#define CURSOR_HEAD (1 + 8 + 8)
#define CURSOR_BYTES_MAX (CURSOR_HEAD + CURSOR_PARTS_MAX * (2 + CURSOR_PART_MAX))
_Static_assert((CURSOR_BYTES_MAX + 2) / 3 * 4 < CURSOR_TEXT_MAX, "the longest cursor fits");

static const char cursor_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void cursor_put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t cursor_get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint64_t cursor_checksum(const uint8_t *bytes, size_t length)
{
    return ev_hash64((struct ev_str){(const char *)bytes + 9, length - 9});
}

/* base64url without padding, RFC 4648 section 5 */
static struct ev_str cursor_encode(const uint8_t *bytes, size_t length, struct ev_arena *arena)
{
    char *text = ev_arena_alloc(arena, (length + 2) / 3 * 4 + 1);
    size_t written = 0;
    for (size_t i = 0; i < length; i += 3) {
        size_t rest = length - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (rest > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (rest > 2 ? (uint32_t)bytes[i + 2] : 0);
        size_t digits = rest > 2 ? 4 : rest + 1;
        for (size_t digit = 0; digit < digits; digit++)
            text[written++] = cursor_alphabet[group >> (18 - 6 * digit) & 63];
    }
    return (struct ev_str){text, written};
}

/* False for characters outside of the alphabet and for a length or last character that no encoder gives. */
static bool cursor_decode(struct ev_str text, uint8_t ret_bytes[CURSOR_BYTES_MAX], size_t *ret_length)
{
    size_t length = 0;
    uint32_t group = 0;
    unsigned bits = 0;
    if (text.length >= CURSOR_TEXT_MAX || text.length % 4 == 1)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const char *digit = memchr(cursor_alphabet, text.data[i], sizeof(cursor_alphabet) - 1);
        if (!digit)
            return false;
        group = group << 6 | (uint32_t)(digit - cursor_alphabet);
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (length == CURSOR_BYTES_MAX)
            return false;
        ret_bytes[length++] = (uint8_t)(group >> bits);
        group &= (1u << bits) - 1;
    }
    *ret_length = length;
    return group == 0;
}

struct ev_str cursor_format(const struct cursor *cursor, struct ev_arena *arena)
{
    uint8_t bytes[CURSOR_BYTES_MAX];
    size_t length = CURSOR_HEAD;
    bytes[0] = CURSOR_VERSION;
    cursor_put(bytes + 9, cursor->fingerprint, 8);
    for (size_t i = 0; i < cursor->part_count; i++) {
        struct ev_str part = cursor->parts[i];
        if (part.length > CURSOR_PART_MAX)
            return EV_STR_NULL;
        cursor_put(bytes + length, part.length, 2);
        memcpy(bytes + length + 2, part.data, part.length);
        length += 2 + part.length;
    }
    cursor_put(bytes + 1, cursor_checksum(bytes, length), 8);
    return cursor_encode(bytes, length, arena);
}

static int cursor_parse_parts(const uint8_t *bytes, size_t length, struct ev_arena *arena, struct cursor *ret)
{
    size_t at = CURSOR_HEAD;
    while (at < length) {
        if (ret->part_count == CURSOR_PARTS_MAX || length - at < 2)
            return EV_ERR_INVALID;
        size_t part = (size_t)cursor_get(bytes + at, 2);
        at += 2;
        if (part > CURSOR_PART_MAX || part > length - at)
            return EV_ERR_INVALID;
        ret->parts[ret->part_count++] = ev_arena_copy(arena, (struct ev_str){(const char *)bytes + at, part});
        at += part;
    }
    return 0;
}

int cursor_parse(struct ev_str text, uint64_t fingerprint, struct ev_arena *arena, struct cursor *ret,
                 struct ev_error *error)
{
    uint8_t bytes[CURSOR_BYTES_MAX];
    size_t length;
    *ret = (struct cursor){.fingerprint = fingerprint};
    if (!cursor_decode(text, bytes, &length) || length < CURSOR_HEAD || bytes[0] != CURSOR_VERSION ||
        cursor_get(bytes + 1, 8) != cursor_checksum(bytes, length) ||
        cursor_parse_parts(bytes, length, arena, ret) != 0)
        return ev_error_set(error, EV_ERR_INVALID, "is no cursor; use the one of a page's answer, or none");
    if (cursor_get(bytes + 9, 8) != fingerprint)
        return ev_error_set(error, EV_ERR_INVALID,
                            "belongs to another query: a cursor goes with the parameters that it was given for");
    return 0;
}
