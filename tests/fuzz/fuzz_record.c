/* The first byte chooses a record, the rest is decoded by its table: a value or an error. What is a value comes back
 * from its own bytes. */
#include "avro/record.h"
#include "fuzz.h"
#include "gen/topics.h"

static void check_value(const struct ev_record *record, const void *value, struct ev_arena *arena)
{
    struct ev_buffer bytes, text;
    struct ev_json_writer writer;
    struct ev_error error;
    ev_buffer_init(&bytes);
    ev_buffer_init(&text);
    ev_record_encode(record, value, &bytes);
    void *again = ev_arena_alloc(arena, record->size), *copy = ev_arena_alloc(arena, record->size);
    FUZZ_CHECK(ev_record_decode(record, ev_buffer_str(&bytes), arena, again, &error) == 0);
    FUZZ_CHECK(ev_record_equal(record, value, again));
    ev_record_copy(record, again, copy, arena);
    FUZZ_CHECK(ev_record_equal(record, value, copy));
    ev_json_init(&writer, &text);
    ev_record_print(record, value, &writer);
    yyjson_val *root;
    struct ev_arena json;
    ev_arena_init(&json, 0);
    FUZZ_CHECK(ev_json_parse(ev_buffer_str(&text), &json, &root, &error) == 0);
    ev_arena_finish(&json);
    ev_buffer_finish(&bytes);
    ev_buffer_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const struct ev_record *record = orderlog_records[data[0] % orderlog_record_count];
    struct ev_arena arena;
    struct ev_error error;
    ev_arena_init(&arena, 0);
    void *value = ev_arena_alloc(&arena, record->size);
    int rc = ev_record_decode(record, (struct ev_str){(const char *)data + 1, size - 1}, &arena, value, &error);
    FUZZ_CHECK(rc == 0 || rc == EV_ERR_CORRUPT);
    FUZZ_CHECK(arena.total <= FUZZ_ARENA_MAX(size));
    if (rc == 0)
        check_value(record, value, &arena);
    ev_arena_finish(&arena);
    return 0;
}
