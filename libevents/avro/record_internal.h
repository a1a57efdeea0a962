/* What the files that work by tables share. */
#pragma once

#include "avro/record.h"
#include "avro/wire.h"

/* Every generated array struct has this layout; they are other types to the compiler, hence the attribute. */
typedef struct ev_array __attribute__((may_alias)) ev_any_array;

static inline const void *ev_at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}
static inline void *ev_at_mut(void *base, size_t offset)
{
    return (char *)base + offset;
}

static inline bool ev_kind_is_text(enum ev_kind kind)
{
    return kind == EV_KIND_STRING || kind == EV_KIND_BYTES;
}

/* Where the value of a field lies, given the address of the field: past the `present` of an optional, behind a
 * record's pointer. NULL: the field is null (arrays of commands: absent). */
const void *ev_field_value(const struct ev_field *field, const void *at);
/* The same for writing: marks an optional as present, allocates an optional record (zeroed; NULL: past the arena's
 * limit). Not for nulls. */
void *ev_field_open(const struct ev_field *field, void *at, struct ev_arena *arena);

/* Sizes of what lies in an array or behind a pointer. */
size_t ev_kind_size(enum ev_kind kind, const struct ev_record *record);

/* Of a whole field: a pointer, an optional, or the value itself. */
size_t ev_field_size(const struct ev_field *field);

/* Makes room for one more item of the `more` that a block announces (> 0, counting this one). It grows as items
 * arrive, not as they are announced: what is allocated stays within a small multiple of the input. false: past the
 * arena's limit. */
bool ev_array_grow(size_t item_size, size_t more, struct ev_arena *arena, ev_any_array *array);

/* Deep copy of one field (`to` is overwritten); the default of one field into zeroed memory (nothing where there is
 * no default). */
void ev_field_copy(const struct ev_field *field, const void *from, void *to, struct ev_arena *arena);
void ev_field_init(const struct ev_field *field, void *to, struct ev_arena *arena);

/* Decodes the fields of one record that was written with exactly its schema into zeroed memory. */
enum ev_wire_fault ev_record_decode_fields(const struct ev_record *record, struct ev_cursor *cursor,
                                           struct ev_arena *arena, void *ret, struct ev_error *error);
/* Fills the error for a fault in `record`.`field` unless it was reported further inside; EV_WIRE_REPORTED. */
enum ev_wire_fault ev_record_report(enum ev_wire_fault fault, const char *record, const char *field,
                                    struct ev_error *error);
/* CORRUPT where bytes are left over. */
int ev_record_check_end(const char *record, const struct ev_cursor *cursor, struct ev_error *error);
void ev_record_write(const struct ev_record *record, const void *value, struct ev_wire_writer *writer);
