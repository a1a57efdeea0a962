/* Records described by tables. The generator turns every .avsc record and every command's JSON Schema into a C struct
 * and a `struct ev_record` that describes it; this module encodes, decodes, compares and prints any of them by that
 * table. One description serves Avro (events, states), JSON (commands, answers, Elasticsearch) and BSON (MongoDB
 * sink).
 *
 * How a schema type lies in the C struct:
 *   boolean          bool
 *   int, long        int32_t, int64_t
 *   double           double
 *   string, bytes    struct ev_str (borrowed)
 *   enum             int32_t index of the symbol (the generator also emits a C enum)
 *   record           the struct itself, embedded
 *   array            struct { T *items; size_t count; size_t capacity; }  (struct ev_array; T of any kind above but
 * array); named struct R_array for records R, struct ev_str_array, ev_long_array … for the others
 *   ["null", string] struct ev_str, null: data == NULL
 *   ["null", T]      struct { bool present; T value; }, for T a number, boolean or enum: struct ev_optional_long …
 *   ["null", record] T *, null: NULL
 * All that decoding allocates comes from the given arena; strings may point into the decoded bytes, which must
 * outlive the value. */
#pragma once

#include "core/arena.h"
#include "core/buffer.h"
#include "core/error.h"
#include "core/json.h"

enum ev_kind {
    EV_KIND_BOOL,
    EV_KIND_INT,
    EV_KIND_LONG,
    EV_KIND_DOUBLE,
    EV_KIND_STRING,
    EV_KIND_BYTES,
    EV_KIND_ENUM,
    EV_KIND_RECORD,
    EV_KIND_ARRAY,
};

/* How a value looks in JSON where that differs from its Avro form. */
enum ev_format {
    EV_FORMAT_NONE,
    EV_FORMAT_MONEY,     /* long, 1/10000 units ↔ "2.55" */
    EV_FORMAT_TIMESTAMP, /* long, ms ↔ RFC 3339 */
    EV_FORMAT_DATE,      /* long, ms of the day's start ↔ "2010-12-01" */
    EV_FORMAT_UUID,      /* string, checked when parsed from a command */
};

struct ev_record;
struct ev_constraint; /* of a command's field: bounds, pattern, required; see avro/command.h */

struct ev_enum {
    const char *name;
    size_t count;
    const char *const *symbols;
    const char *full_name;
    const char *const *aliases; /* NULL-terminated, or NULL */
    const char *default_symbol; /* what a writer's symbol that isn't known here becomes; NULL: it is an error */
};

struct ev_optional_bool {
    bool present;
    bool value;
};
struct ev_optional_int {
    bool present;
    int32_t value;
};
struct ev_optional_long {
    bool present;
    int64_t value;
};
struct ev_optional_double {
    bool present;
    double value;
};

struct ev_bool_array {
    bool *items;
    size_t count, capacity;
};
struct ev_int_array {
    int32_t *items;
    size_t count, capacity;
};
struct ev_long_array {
    int64_t *items;
    size_t count, capacity;
};
struct ev_double_array {
    double *items;
    size_t count, capacity;
};
struct ev_str_array {
    struct ev_str *items;
    size_t count, capacity;
};

struct ev_field {
    const char *name;
    enum ev_kind kind;
    enum ev_kind item_kind; /* of an array */
    enum ev_format format;  /* of the value, or of an array's items */
    bool nullable;
    size_t offset;                          /* in the struct */
    size_t value_offset;                    /* nullable scalars: of `value` within the optional's struct */
    size_t item_size;                       /* arrays: sizeof(T) */
    const struct ev_record *record;         /* kind or item_kind RECORD */
    const struct ev_enum *symbols;          /* kind or item_kind ENUM */
    const char *const *aliases;             /* NULL-terminated, or NULL */
    const char *default_json;               /* of the reader's schema; NULL: none */
    const struct ev_constraint *constraint; /* commands only */
};

struct ev_record {
    const char *name;      /* "OrderPlaced" */
    const char *full_name; /* "orderlog.order.OrderPlaced" */
    const char *const *aliases;
    size_t size; /* of the C struct */
    size_t field_count;
    const struct ev_field *fields;
    uint64_t fingerprint; /* CRC-64-AVRO of the parsing canonical form */
};

/* Avro binary. Encoding a struct that was built by the rules above can't fail. */
void ev_record_encode(const struct ev_record *record, const void *value, struct ev_buffer *out);
/* Decodes bytes written with exactly this schema; leftover bytes are CORRUPT. For other writers see avro/resolver.h. */
int ev_record_decode(const struct ev_record *record, struct ev_str bytes, struct ev_arena *arena, void *ret,
                     struct ev_error *error);
/* Fills in the schema's defaults (zero where there is none). */
void ev_record_init(const struct ev_record *record, void *ret, struct ev_arena *arena);
/* Equal means: encoded to the same bytes (so that -0.0 is not 0.0, and a NaN may equal itself). */
bool ev_record_equal(const struct ev_record *record, const void *a, const void *b);
/* A deep copy in the arena. */
void ev_record_copy(const struct ev_record *record, const void *from, void *to, struct ev_arena *arena);
/* One JSON object, fields in the schema's order, formats applied; nulls are written as null, bytes as hexadecimal
 * digits. */
void ev_record_print(const struct ev_record *record, const void *value, struct ev_json_writer *writer);
/* The same with formats left off (money and times as integers): what documents in Elasticsearch hold. */
void ev_record_print_plain(const struct ev_record *record, const void *value, struct ev_json_writer *writer);
