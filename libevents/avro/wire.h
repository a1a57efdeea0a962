/* Avro's binary forms, for the files of this module: reading from a bounded cursor and writing into a buffer. Apache
 * Avro 1.11 specification, "Binary Encoding". Reading never looks past `end`; what is wrong is told as an enum
 * ev_wire_fault, for whoever knows the field to report. */
#pragma once

#include <string.h>

#include "core/buffer.h"

#define EV_VARINT_MAX 10 /* bytes of a long */

enum ev_wire_fault {
    EV_WIRE_OK,
    EV_WIRE_TRUNCATED,
    EV_WIRE_NUMBER,  /* a variable-length number of more than 64 bits, or beyond the 32 of an int */
    EV_WIRE_BOOLEAN, /* neither 0 nor 1 */
    EV_WIRE_LENGTH,  /* negative, or more than the input can hold */
    EV_WIRE_UTF8,
    EV_WIRE_ENUM,     /* no such symbol */
    EV_WIRE_UNION,    /* no such branch */
    EV_WIRE_UNKNOWN,  /* a branch or symbol of the writer that the reader doesn't know */
    EV_WIRE_MEMORY,   /* the arena's limit */
    EV_WIRE_REPORTED, /* the error is filled in already, by a record further inside */
};

struct ev_cursor {
    const uint8_t *at, *end;
};

static inline struct ev_cursor ev_cursor_of(struct ev_str bytes)
{
    const uint8_t *start = (const uint8_t *)bytes.data;
    return (struct ev_cursor){start, start + bytes.length};
}

static inline size_t ev_cursor_left(const struct ev_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

enum ev_wire_fault ev_wire_read_long_slow(struct ev_cursor *cursor, int64_t *ret);
/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool ev_wire_is_utf8(const uint8_t *at, size_t length);
const char *ev_wire_fault_text(enum ev_wire_fault fault);

static inline enum ev_wire_fault ev_wire_read_long(struct ev_cursor *cursor, int64_t *ret)
{
    if (cursor->at < cursor->end && *cursor->at < 0x80) {
        uint8_t byte = *cursor->at++;
        *ret = (int64_t)(byte >> 1) ^ -(int64_t)(byte & 1);
        return EV_WIRE_OK;
    }
    return ev_wire_read_long_slow(cursor, ret);
}

static inline enum ev_wire_fault ev_wire_read_int(struct ev_cursor *cursor, int32_t *ret)
{
    int64_t value;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &value);
    if (fault)
        return fault;
    if (value < INT32_MIN || value > INT32_MAX)
        return EV_WIRE_NUMBER;
    *ret = (int32_t)value;
    return EV_WIRE_OK;
}

static inline enum ev_wire_fault ev_wire_read_bool(struct ev_cursor *cursor, bool *ret)
{
    if (cursor->at == cursor->end)
        return EV_WIRE_TRUNCATED;
    if (*cursor->at > 1)
        return EV_WIRE_BOOLEAN;
    *ret = *cursor->at++;
    return EV_WIRE_OK;
}

/* `length` bytes as they are. */
static inline enum ev_wire_fault ev_wire_read_fixed(struct ev_cursor *cursor, void *ret, size_t length)
{
    if (ev_cursor_left(cursor) < length)
        return EV_WIRE_TRUNCATED;
    memcpy(ret, cursor->at, length);
    cursor->at += length;
    return EV_WIRE_OK;
}

static inline enum ev_wire_fault ev_wire_skip(struct ev_cursor *cursor, uint64_t length)
{
    if (ev_cursor_left(cursor) < length)
        return EV_WIRE_TRUNCATED;
    cursor->at += length;
    return EV_WIRE_OK;
}

static inline enum ev_wire_fault ev_wire_read_double(struct ev_cursor *cursor, double *ret)
{
    uint8_t bytes[8];
    enum ev_wire_fault fault = ev_wire_read_fixed(cursor, bytes, sizeof(bytes));
    if (fault)
        return fault;
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)bytes[i] << (8 * i);
    memcpy(ret, &bits, sizeof(bits));
    return EV_WIRE_OK;
}

static inline enum ev_wire_fault ev_wire_read_float(struct ev_cursor *cursor, double *ret)
{
    uint8_t bytes[4];
    enum ev_wire_fault fault = ev_wire_read_fixed(cursor, bytes, sizeof(bytes));
    if (fault)
        return fault;
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++)
        bits |= (uint32_t)bytes[i] << (8 * i);
    float value;
    memcpy(&value, &bits, sizeof(bits));
    *ret = (double)value;
    return EV_WIRE_OK;
}

/* Borrowed from the input. */
static inline enum ev_wire_fault ev_wire_read_bytes(struct ev_cursor *cursor, struct ev_str *ret)
{
    int64_t length;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &length);
    if (fault)
        return fault;
    if (length < 0 || (uint64_t)length > ev_cursor_left(cursor))
        return EV_WIRE_LENGTH;
    *ret = (struct ev_str){(const char *)cursor->at, (size_t)length};
    cursor->at += length;
    return EV_WIRE_OK;
}

static inline enum ev_wire_fault ev_wire_read_string(struct ev_cursor *cursor, struct ev_str *ret)
{
    enum ev_wire_fault fault = ev_wire_read_bytes(cursor, ret);
    if (fault)
        return fault;
    return ev_wire_is_utf8((const uint8_t *)ret->data, ret->length) ? EV_WIRE_OK : EV_WIRE_UTF8;
}

/* The number of items in the next block of an array or map; 0: the end. More items than bytes that are left are
 * refused, so that a few bytes can't ask for much memory or time (items that take no bytes at all are refused with
 * them). */
static inline enum ev_wire_fault ev_wire_read_block(struct ev_cursor *cursor, size_t *ret_count)
{
    int64_t count, size;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &count);
    if (fault)
        return fault;
    if (count < 0) { /* followed by the block's size in bytes, for those who skip */
        fault = ev_wire_read_long(cursor, &size);
        if (fault)
            return fault;
        if (count == INT64_MIN || size < 0)
            return EV_WIRE_LENGTH;
        count = -count;
    }
    if ((uint64_t)count > ev_cursor_left(cursor))
        return EV_WIRE_LENGTH;
    *ret_count = (size_t)count;
    return EV_WIRE_OK;
}

/* Writing: `at` is inside of the buffer's reserved room, which ev_wire_room makes sure of. */
struct ev_wire_writer {
    struct ev_buffer *out;
    char *at, *end;
};

static inline struct ev_wire_writer ev_wire_writer_begin(struct ev_buffer *out)
{
    char *at = ev_buffer_reserve(out, 256);
    return (struct ev_wire_writer){out, at, out->data + out->capacity};
}

static inline void ev_wire_writer_end(struct ev_wire_writer *writer)
{
    writer->out->length = (size_t)(writer->at - writer->out->data);
}

static inline void ev_wire_room(struct ev_wire_writer *writer, size_t length)
{
    if (__builtin_expect((size_t)(writer->end - writer->at) < length, 0)) {
        ev_wire_writer_end(writer);
        writer->at = ev_buffer_reserve(writer->out, length);
        writer->end = writer->out->data + writer->out->capacity;
    }
}

static inline void ev_wire_write_long(struct ev_wire_writer *writer, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    ev_wire_room(writer, EV_VARINT_MAX);
    while (rest >= 0x80) {
        *writer->at++ = (char)(rest | 0x80);
        rest >>= 7;
    }
    *writer->at++ = (char)rest;
}

static inline void ev_wire_write_fixed(struct ev_wire_writer *writer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    ev_wire_room(writer, length);
    memcpy(writer->at, bytes, length);
    writer->at += length;
}

static inline void ev_wire_write_bool(struct ev_wire_writer *writer, bool value)
{
    ev_wire_room(writer, 1);
    *writer->at++ = value;
}

/* The null string writes the empty one. */
static inline void ev_wire_write_bytes(struct ev_wire_writer *writer, struct ev_str bytes)
{
    ev_wire_write_long(writer, (int64_t)bytes.length);
    ev_wire_write_fixed(writer, bytes.data, bytes.length);
}

static inline void ev_wire_write_double(struct ev_wire_writer *writer, double value)
{
    uint64_t bits;
    char bytes[8];
    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (char)(bits >> (8 * i));
    ev_wire_write_fixed(writer, bytes, sizeof(bytes));
}
