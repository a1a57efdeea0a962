/* The first byte chooses a command, the rest is the body: JSON or not, valid or not. What is valid stays within the
 * bounds that its table states. */
#include <string.h>

#include "avro/command.h"
#include "fuzz.h"
#include "gen/topics.h"

static void check_faults(const struct ev_faults *faults)
{
    FUZZ_CHECK(faults->total >= faults->count && faults->count <= EV_FAULTS_MAX);
    for (size_t i = 0; i < faults->count; i++) {
        const struct ev_fault *fault = &faults->items[i];
        FUZZ_CHECK(fault->code.length > 0 && fault->detail.length > 0 && fault->pointer.data);
        FUZZ_CHECK(fault->pointer.length == 0 || fault->pointer.data[0] == '/');
    }
}

static void check_printed(const struct ev_command_type *type, const void *command)
{
    struct ev_buffer text;
    struct ev_json_writer writer;
    struct ev_arena arena;
    yyjson_val *root;
    ev_arena_init(&arena, 0);
    ev_buffer_init(&text);
    ev_json_init(&writer, &text);
    ev_record_print(type->record, command, &writer);
    FUZZ_CHECK(ev_json_parse(ev_buffer_str(&text), &arena, &root, NULL) == 0);
    ev_buffer_finish(&text);
    ev_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const struct ev_command_type *type = orderlog_commands[data[0] % orderlog_command_count];
    struct ev_str text = {(const char *)data + 1, size - 1};
    /* In the path the body's first bytes: text that was never checked. */
    struct ev_path_value value = {EV_STR("sku"), {text.data, text.length < 8 ? text.length : 8}};
    struct ev_arena arena;
    struct ev_faults faults;
    yyjson_val *body;
    ev_arena_init(&arena, 0);
    void *command = ev_arena_alloc(&arena, type->record->size);
    if (ev_json_parse(text, &arena, &body, NULL) == 0) {
        int rc = ev_command_parse(type, body, NULL, 0, &arena, command, &faults);
        FUZZ_CHECK(rc == (faults.total > 0));
        check_faults(&faults);
        if (rc == 0)
            check_printed(type, command);
    }
    int rc = ev_command_parse(type, NULL, &value, 1, &arena, command, &faults);
    FUZZ_CHECK(rc == (faults.total > 0));
    check_faults(&faults);
    ev_arena_finish(&arena);
    return 0;
}
