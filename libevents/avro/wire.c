#include "avro/wire.h"

enum ev_wire_fault ev_wire_read_long_slow(struct ev_cursor *cursor, int64_t *ret)
{
    uint64_t value = 0;
    const uint8_t *at = cursor->at;
    for (unsigned shift = 0; shift < 7 * EV_VARINT_MAX; shift += 7) {
        if (at == cursor->end)
            return EV_WIRE_TRUNCATED;
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return EV_WIRE_NUMBER;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            cursor->at = at;
            *ret = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
            return EV_WIRE_OK;
        }
    }
    return EV_WIRE_NUMBER;
}

/* Length of the character that starts at `at`, or 0. Table 3-7 of the Unicode Standard. */
static size_t utf8_character(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0xc2 || first > 0xf4 || left < length)
        return 0;
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool ev_wire_is_utf8(const uint8_t *at, size_t length)
{
    while (length > 0) {
        uint64_t eight;
        while (length >= sizeof(eight)) {
            memcpy(&eight, at, sizeof(eight));
            if (eight & UINT64_C(0x8080808080808080))
                break;
            at += sizeof(eight);
            length -= sizeof(eight);
        }
        /* Less than eight bytes, or eight of which one isn't ASCII. */
        for (unsigned i = 0; i < sizeof(eight) && length > 0; i++) {
            size_t character = utf8_character(at, length);
            if (character == 0)
                return false;
            at += character;
            length -= character;
        }
    }
    return true;
}

const char *ev_wire_fault_text(enum ev_wire_fault fault)
{
    switch (fault) {
    case EV_WIRE_OK:
        return "nothing is wrong";
    case EV_WIRE_TRUNCATED:
        return "the input ends too early";
    case EV_WIRE_NUMBER:
        return "a number has too many bits";
    case EV_WIRE_BOOLEAN:
        return "a boolean is neither 0 nor 1";
    case EV_WIRE_LENGTH:
        return "a length is negative or beyond the input";
    case EV_WIRE_UTF8:
        return "a string is not valid UTF-8";
    case EV_WIRE_ENUM:
        return "an enum has no such symbol";
    case EV_WIRE_UNION:
        return "a union has no such branch";
    case EV_WIRE_UNKNOWN:
        return "the writer's value has a type or symbol that this reader doesn't know";
    case EV_WIRE_MEMORY:
        return "the value takes more memory than is allowed for it";
    case EV_WIRE_REPORTED:
        return "see the record inside";
    }
    return "unknown fault";
}
