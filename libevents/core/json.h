/* JSON. Reading is yyjson's (RFC 8259, UTF-8 checked), allocated from an arena; writing is a small streaming writer
 * whose output for equal values is equal byte for byte (the canonical form that proofs compare). */
#pragma once

#include <yyjson.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"

#define EV_JSON_DEPTH_MAX 32
/* Texts beyond this are LIMIT; whoever reads them from a socket has a bound far below. */
#define EV_JSON_LENGTH_MAX ((size_t)1 << 28)

/* Parses `text` in whole. Nesting over EV_JSON_DEPTH_MAX, trailing bytes, a key that is twice in an object (compared
 * after unescaping), a byte order mark and invalid UTF-8 are INVALID, with byte offset (from 0) and line (from 1) in
 * the message. Numbers that neither int64 nor uint64 nor double holds stay text (yyjson_is_raw). The tree and the
 * strings live in the arena until its reset and don't borrow from `text`; arena->limit bounds them (LIMIT): usual
 * documents take 4 times their text and 1 KiB, one of nothing but digits and commas up to 40 times. Time: linear, but
 * for objects with many keys, which are sorted. */
int ev_json_parse(struct ev_str text, struct ev_arena *arena, yyjson_val **ret_root, struct ev_error *error);

/* The string's bytes, borrowed from the tree; the null string when `value` is NULL or no string. */
static inline struct ev_str ev_json_str(yyjson_val *value)
{
    return yyjson_is_str(value) ? (struct ev_str){yyjson_get_str(value), yyjson_get_len(value)} : EV_STR_NULL;
}

#define EV_JSON_WRITE_DEPTH_MAX 63

/* Writes without white space, appending to `out`. Calls that can't give JSON (a key outside of an object's start, a
 * bracket too many, deeper than EV_JSON_WRITE_DEPTH_MAX) are faults of the program and end it, except that the kind of
 * bracket is not tracked. Strings are written as they are in UTF-8: escaped is only what RFC 8259 asks for, and a byte
 * that is no UTF-8 becomes U+FFFD. Several values at depth 0 are written one behind the other. */
struct ev_json_writer {
    struct ev_buffer *out;
    unsigned depth;
    uint64_t has_items; /* one bit per depth */
    bool after_key;
};

void ev_json_init(struct ev_json_writer *writer, struct ev_buffer *out);
void ev_json_object_begin(struct ev_json_writer *writer);
void ev_json_object_end(struct ev_json_writer *writer);
void ev_json_array_begin(struct ev_json_writer *writer);
void ev_json_array_end(struct ev_json_writer *writer);
void ev_json_key(struct ev_json_writer *writer, struct ev_str key);
void ev_json_string(struct ev_json_writer *writer, struct ev_str value); /* the null string writes null */
void ev_json_int64(struct ev_json_writer *writer, int64_t value);
void ev_json_double(struct ev_json_writer *writer,
                    double value); /* shortest that reads back, -0 as 0; not finite: null */
void ev_json_bool(struct ev_json_writer *writer, bool value);
void ev_json_null(struct ev_json_writer *writer);
/* Text that is JSON already, e.g. a document as stored. */
void ev_json_raw(struct ev_json_writer *writer, struct ev_str json);

/* key + value in one call, for C string keys */
void ev_json_kv_string(struct ev_json_writer *writer, const char *key, struct ev_str value);
void ev_json_kv_cstr(struct ev_json_writer *writer, const char *key, const char *value);
void ev_json_kv_int64(struct ev_json_writer *writer, const char *key, int64_t value);
void ev_json_kv_double(struct ev_json_writer *writer, const char *key, double value);
void ev_json_kv_bool(struct ev_json_writer *writer, const char *key, bool value);
