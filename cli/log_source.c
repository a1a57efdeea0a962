#include "cli/log_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avro/registry.h"

#define BROKER_TIMEOUT_MS 10000
#define POLL_MS 500
#define BATCH_MAX 512
#define STALL_MS 30000 /* no record for so long before the end: an error */

static int open_reader(const struct ev_config *config, bool include_void, struct log_source *source,
                       struct ev_error *error)
{
    struct ev_reader_options options = {
        .kafka = {.brokers = ev_config_string(config, "kafka-brokers"),
                  .topic_prefix = ev_config_string(config, "topic-prefix"),
                  .properties = ev_config_kafka(config),
                  .client_id = "orderlog"},
        .topic = source->topic,
        .include_void = include_void,
    };
    char topic_id[64];
    int result = ev_registry_create(ev_config_string(config, "schema-registry-url"),
                                    ev_config_string(config, "schema-cache"), &source->registry, error);
    if (result < 0)
        return result;
    options.schemas = ev_registry_source(source->registry);
    result = ev_reader_create(&options, &source->reader, error);
    if (result == 0)
        result = ev_reader_describe(source->reader, BROKER_TIMEOUT_MS, &source->partition_count, topic_id, error);
    return result;
}

static int assign_all(struct log_source *source, enum log_source_from from, struct ev_error *error)
{
    size_t count = (size_t)source->partition_count;
    struct ev_cursor *cursors = calloc(count, sizeof(*cursors));
    source->until = calloc(count, sizeof(*source->until));
    int result = cursors && source->until ? 0 : ev_error_set(error, EV_ERR_NO_MEMORY, "out of memory");
    for (int32_t i = 0; result == 0 && i < source->partition_count; i++) {
        int64_t first = 0;
        result = ev_reader_bounds(source->reader, i, BROKER_TIMEOUT_MS, &first, &source->until[i], error);
        ev_ledger_init(&cursors[i].ledger);
        cursors[i].partition = i;
        cursors[i].last_offset = -1;
        cursors[i].next_offset = from == LOG_SOURCE_FROM_END ? source->until[i] : first;
        source->total += source->until[i] - first;
    }
    if (result == 0)
        result = ev_reader_assign(source->reader, cursors, count, error);
    free(cursors);
    return result;
}

int log_source_open(const struct ev_config *config, const struct ev_topic_schema *topic, enum log_source_from from,
                    bool include_void, struct log_source *ret, struct ev_error *error)
{
    *ret = (struct log_source){.topic = topic};
    int result = open_reader(config, include_void, ret, error);
    if (result == 0)
        result = assign_all(ret, from, error);
    if (result < 0)
        log_source_close(ret);
    return result;
}

void log_source_close(struct log_source *source)
{
    ev_reader_destroy(source->reader);
    ev_registry_destroy(source->registry);
    free(source->until);
    *source = (struct log_source){0};
}

static bool at_end(const struct log_source *source)
{
    for (int32_t i = 0; i < source->partition_count; i++) {
        struct ev_cursor cursor;
        if (ev_reader_cursor(source->reader, i, &cursor) < 0 || cursor.next_offset < source->until[i])
            return false;
    }
    return true;
}

static int hand_out(const struct log_source *source, int32_t partition, const struct ev_log_record *records, int count,
                    int (*each)(void *, const struct ev_log_record *), void *context)
{
    for (int i = 0; i < count; i++) {
        const struct ev_log_record *record = &records[i];
        bool wanted = partition < 0 || record->partition == partition;
        if (wanted && record->offset < source->until[record->partition]) {
            int result = each(context, record);
            if (result != 0)
                return result;
        }
    }
    return 0;
}

int log_source_scan(struct log_source *source, int32_t partition,
                    int (*each)(void *context, const struct ev_log_record *record), void *context,
                    struct ev_error *error)
{
    struct ev_log_record *records = calloc(BATCH_MAX, sizeof(*records));
    struct ev_arena arena;
    int64_t heard_ms = ev_clock_monotonic_ms(&ev_clock_system);
    int result = records ? 0 : ev_error_set(error, EV_ERR_NO_MEMORY, "out of memory");
    ev_arena_init(&arena, 0);
    while (result == 0 && !at_end(source)) {
        ev_arena_reset(&arena);
        int count = ev_reader_poll(source->reader, &arena, records, BATCH_MAX, POLL_MS, error);
        int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
        if (count > 0)
            heard_ms = now_ms;
        if (count < 0 && !(error && error->retriable))
            result = count;
        else if (cli_interrupted())
            result = ev_error_set(error, EV_ERR_TIMEOUT, "interrupted");
        else if (now_ms - heard_ms > STALL_MS)
            result = ev_error_set(error, EV_ERR_TIMEOUT, "no record came for %d s", STALL_MS / 1000);
        else if (count > 0)
            result = hand_out(source, partition, records, count, each, context);
    }
    ev_arena_finish(&arena);
    free(records);
    return result;
}

static const char *verdict_text(enum ev_verdict verdict)
{
    switch (verdict) {
    case EV_VERDICT_COMMIT:
        return "commit";
    case EV_VERDICT_FENCE:
        return "fence";
    case EV_VERDICT_VOID:
        return "void";
    case EV_VERDICT_VOID_FENCE:
        return "void fence";
    }
    return "unknown";
}

void log_source_print(const struct ev_topic_schema *topic, const struct ev_log_record *record)
{
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    ev_json_init(&json, &line);
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "topic", topic->name);
    ev_json_kv_int64(&json, "partition", record->partition);
    ev_json_kv_int64(&json, "offset", record->offset);
    ev_json_kv_cstr(&json, "verdict", verdict_text(record->verdict));
    ev_json_key(&json, EV_STR("commit"));
    ev_commit_print(&record->commit, &json);
    ev_json_object_end(&json);
    ev_buffer_append(&line, "\n", 1);
    fwrite(line.data, 1, line.length, stdout);
    ev_buffer_finish(&line);
}
