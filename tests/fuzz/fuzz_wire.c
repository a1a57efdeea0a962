/* Numbers and UTF-8: against plain readings of their definitions. */
#include <string.h>

#include "avro/wire.h"
#include "fuzz.h"

/* RFC 3629 by decoding each character and looking at its code point. */
static bool is_utf8_by_definition(const uint8_t *at, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < length;) {
        uint8_t first = at[i];
        size_t bytes = first < 0x80             ? 1
                       : (first & 0xe0) == 0xc0 ? 2
                       : (first & 0xf0) == 0xe0 ? 3
                       : (first & 0xf8) == 0xf0 ? 4
                                                : 0;
        if (bytes == 0 || i + bytes > length)
            return false;
        uint32_t point = bytes == 1 ? first : first & (0x7f >> bytes);
        for (size_t j = 1; j < bytes; j++) {
            if ((at[i + j] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (at[i + j] & 0x3f);
        }
        if (point < least[bytes] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
            return false;
        i += bytes;
    }
    return true;
}

static void check_long(const uint8_t *data, size_t size)
{
    int64_t value;
    struct ev_cursor cursor = {data, data + size};
    if (ev_wire_read_long(&cursor, &value) != EV_WIRE_OK)
        return;
    FUZZ_CHECK(cursor.at > data && cursor.at <= data + size && cursor.at - data <= EV_VARINT_MAX);
    struct ev_buffer out;
    ev_buffer_init(&out);
    struct ev_wire_writer writer = ev_wire_writer_begin(&out);
    ev_wire_write_long(&writer, value);
    ev_wire_writer_end(&writer);
    int64_t again;
    struct ev_cursor second = ev_cursor_of(ev_buffer_str(&out));
    FUZZ_CHECK(ev_wire_read_long(&second, &again) == EV_WIRE_OK && again == value && second.at == second.end);
    FUZZ_CHECK(out.length <= (size_t)(cursor.at - data)); /* ours is the shortest form */
    ev_buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    struct ev_str text;
    struct ev_cursor cursor = {data, data + size};
    check_long(data, size);
    FUZZ_CHECK(ev_wire_is_utf8(data, size) == is_utf8_by_definition(data, size));
    if (ev_wire_read_block(&cursor, &count) == EV_WIRE_OK)
        FUZZ_CHECK(count <= ev_cursor_left(&cursor));
    cursor = (struct ev_cursor){data, data + size};
    while (ev_wire_read_string(&cursor, &text) == EV_WIRE_OK)
        FUZZ_CHECK(text.data >= (const char *)data && text.data + text.length <= (const char *)data + size);
    return 0;
}
