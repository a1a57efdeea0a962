/* Commands from JSON: checks a parsed document against the table that the generator made of the command's JSON
 * Schema, reports *every* fault with its JSON Pointer, and fills the command's C struct. No I/O. */
#pragma once

#include "avro/record.h"

#define EV_FAULTS_MAX 64 /* further faults are counted, not kept */

struct ev_fault {
    struct ev_str pointer; /* RFC 6901, "/lines/3/quantity"; "" is the whole document */
    /* "required", "type", "unknown", "minimum", "maximum", "min_length", "max_length", "pattern", "format", "enum",
     * "min_items", "max_items" */
    struct ev_str code;
    struct ev_str detail; /* one sentence that says what is allowed */
};

struct ev_faults {
    struct ev_arena *arena;
    size_t count; /* kept */
    size_t total;
    struct ev_fault items[EV_FAULTS_MAX];
};

/* What a command's field is checked against; generated. */
enum ev_source {
    EV_SOURCE_BODY,
    EV_SOURCE_PATH,   /* from the URL */
    EV_SOURCE_SERVER, /* filled by the server: unknown to clients */
};

/* A pattern as a row of byte classes, matched from left to right, each as often as it can be. The generator lets only
 * those through for which that finds a match whenever there is one. Sets hold ASCII only. */
#define EV_PATTERN_UNBOUNDED UINT32_MAX
struct ev_pattern_step {
    uint64_t set[4];
    uint32_t minimum, maximum;
};
struct ev_pattern {
    const char *text;
    size_t step_count;
    const struct ev_pattern_step *steps;
};

struct ev_constraint {
    bool required;
    enum ev_source source;
    bool bounded;                      /* the next four hold */
    int64_t minimum, maximum;          /* integers, money (1/10000 units) */
    double real_minimum, real_maximum; /* EV_KIND_DOUBLE */
    size_t min_length, max_length; /* strings, in code points; SIZE_MAX: no bound but the pattern's or the format's */
    const struct ev_pattern *pattern;
    size_t min_items, max_items;
    const struct ev_constraint *items; /* of an array's strings and numbers */
};

enum ev_exposure { EV_EXPOSURE_PUBLIC, EV_EXPOSURE_PRIVATE };

/* One row per command, generated from schemas/CATEGORY/commands/NAME.json. */
struct ev_command_type {
    const char *name;     /* "AddCartItem" */
    const char *category; /* "cart" */
    int number;           /* enum CATEGORY_command_type */
    enum ev_exposure exposure;
    const char *method; /* "POST" */
    const char
        *path; /* "/v1/carts/{cart_id}/items"; names in braces are fields of the command that come from the path */
    const char *key; /* field that names the stream within its category: "cart_id"; the stream is CATEGORY-value */
    bool
        creates; /* makes a new stream: where the key is absent from path and body, it is derived from the command id */
    const char *summary;     /* title of the schema */
    const char *schema_json; /* the JSON Schema as clients may see it: see docs/schemas.md, "Money" */
    const struct ev_record *record;
};

/* Clears *faults first; texts of the command are borrowed from the body and the path values, the rest comes from the
 * arena. What the schema says of lengths bounds the memory; a list that is too long is one fault and isn't looked
 * into. `body` may be NULL (no body); `path_values` are field name/value pairs from the URL, applied as strings
 * (converted where the field is a number). The same field in both is a fault. 0, or 1 with faults. */
struct ev_path_value {
    struct ev_str name, value;
};
int ev_command_parse(const struct ev_command_type *type, yyjson_val *body, const struct ev_path_value *path_values,
                     size_t path_value_count, struct ev_arena *arena, void *ret, struct ev_faults *faults);
/* The body that ev_command_parse would make the same command of, path values aside. */
void ev_command_print(const struct ev_command_type *type, const void *command, struct ev_json_writer *writer);
void ev_faults_add(struct ev_faults *faults, struct ev_str pointer, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The value of the command's key field as text (NULL string when absent). */
struct ev_str ev_command_key(const struct ev_command_type *type, const void *command);
