#include "avro/commit.h"

#include "avro/commit_head.h"
#include "avro/record_internal.h"
#include "core/timestamp.h"

#define HEAD(field_name, field_kind, ...)                                                                              \
    {                                                                                                                  \
        .name = #field_name, .kind = (field_kind), .offset = offsetof(struct ev_commit_head, field_name), __VA_ARGS__  \
    }

static const struct ev_field head_fields[] = {
    HEAD(stream_id, EV_KIND_STRING),
    HEAD(base_version, EV_KIND_LONG),
    HEAD(epoch, EV_KIND_LONG),
    HEAD(seq, EV_KIND_LONG),
    HEAD(command_id, EV_KIND_STRING, .format = EV_FORMAT_UUID),
    HEAD(request_hash, EV_KIND_BYTES),
    HEAD(correlation_id, EV_KIND_STRING),
    HEAD(causation_id, EV_KIND_STRING),
    HEAD(actor, EV_KIND_STRING),
    HEAD(traceparent, EV_KIND_STRING, .nullable = true, .default_json = "null"),
    HEAD(occurred_at, EV_KIND_LONG, .format = EV_FORMAT_TIMESTAMP),
};

const struct ev_record ev_commit_head_record = {
    .name = "Commit",
    .full_name = "Commit",
    .size = sizeof(struct ev_commit_head),
    .field_count = sizeof(head_fields) / sizeof(head_fields[0]),
    .fields = head_fields,
};

static void write_prefix(int32_t schema_id, struct ev_wire_writer *writer)
{
    uint32_t id = (uint32_t)schema_id;
    uint8_t prefix[EV_COMMIT_PREFIX_BYTES] = {EV_COMMIT_MAGIC, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
                                              (uint8_t)(id >> 8), (uint8_t)id};
    ev_wire_write_fixed(writer, prefix, sizeof(prefix));
}

static void write_head(const struct ev_commit *commit, struct ev_wire_writer *writer)
{
    char command_id[EV_UUID_TEXT_LENGTH + 1];
    ev_uuid_format(&commit->command_id, command_id);
    ev_wire_write_bytes(writer, commit->stream_id);
    ev_wire_write_long(writer, commit->base_version);
    ev_wire_write_long(writer, commit->epoch);
    ev_wire_write_long(writer, commit->seq);
    ev_wire_write_bytes(writer, (struct ev_str){command_id, EV_UUID_TEXT_LENGTH});
    ev_wire_write_bytes(writer,
                        (struct ev_str){(const char *)commit->request_hash.bytes, sizeof(commit->request_hash.bytes)});
    ev_wire_write_bytes(writer, commit->correlation_id);
    ev_wire_write_bytes(writer, commit->causation_id);
    ev_wire_write_bytes(writer, commit->actor);
    ev_wire_write_long(writer, commit->traceparent.data != NULL);
    if (commit->traceparent.data)
        ev_wire_write_bytes(writer, commit->traceparent);
    ev_wire_write_long(writer, commit->occurred_at);
}

/* The event's place in the topic's union, or -1. */
static int64_t union_index(const struct ev_topic_schema *topic, const struct ev_event_type *type)
{
    for (size_t i = 0; i < topic->type_count; i++)
        if (topic->types[i] == type)
            return (int64_t)i;
    return -1;
}

static int write_events(const struct ev_topic_schema *topic, const struct ev_commit *commit,
                        struct ev_wire_writer *writer, struct ev_error *error)
{
    if (commit->event_count > 0)
        ev_wire_write_long(writer, (int64_t)commit->event_count);
    for (size_t i = 0; i < commit->event_count; i++) {
        const struct ev_event *event = &commit->events[i];
        int64_t index = union_index(topic, event->type);
        if (index < 0)
            return ev_error_set(error, EV_ERR_INVALID, "%s is no event of topic %s", event->type->name, topic->name);
        if (event->type->retired || event->type->upcast)
            return ev_error_set(error, EV_ERR_INVALID, "%s is retired: no new commit may hold it", event->type->name);
        ev_wire_write_long(writer, index);
        ev_record_write(event->type->record, event->body, writer);
    }
    ev_wire_write_long(writer, 0);
    return 0;
}

int ev_commit_encode(const struct ev_topic_schema *topic, int32_t schema_id, const struct ev_commit *commit,
                     struct ev_buffer *out, struct ev_error *error)
{
    size_t start = out->length;
    if (commit->event_count > EV_COMMIT_EVENTS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "%zu events in one commit, %d are allowed", commit->event_count,
                            EV_COMMIT_EVENTS_MAX);
    struct ev_wire_writer writer = ev_wire_writer_begin(out);
    write_prefix(schema_id, &writer);
    write_head(commit, &writer);
    int rc = write_events(topic, commit, &writer, error);
    ev_wire_writer_end(&writer);
    if (rc == 0 && out->length - start > EV_COMMIT_BYTES_MAX)
        rc = ev_error_set(error, EV_ERR_LIMIT, "a commit of %zu bytes, %zu are allowed", out->length - start,
                          EV_COMMIT_BYTES_MAX);
    if (rc < 0)
        out->length = start;
    return rc;
}

static void print_hash(const struct ev_hash128 *hash, struct ev_json_writer *writer)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * sizeof(hash->bytes)];
    for (size_t i = 0; i < sizeof(hash->bytes); i++) {
        text[2 * i] = digits[hash->bytes[i] >> 4];
        text[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    ev_json_kv_string(writer, "request_hash", (struct ev_str){text, sizeof(text)});
}

void ev_commit_print(const struct ev_commit *commit, struct ev_json_writer *writer)
{
    char command_id[EV_UUID_TEXT_LENGTH + 1], occurred_at[EV_TIMESTAMP_TEXT_MAX];
    ev_uuid_format(&commit->command_id, command_id);
    ev_timestamp_format(commit->occurred_at, occurred_at);
    ev_json_object_begin(writer);
    ev_json_kv_string(writer, "stream_id", commit->stream_id);
    ev_json_kv_int64(writer, "base_version", commit->base_version);
    ev_json_kv_int64(writer, "epoch", commit->epoch);
    ev_json_kv_int64(writer, "seq", commit->seq);
    ev_json_kv_cstr(writer, "command_id", command_id);
    print_hash(&commit->request_hash, writer);
    ev_json_kv_string(writer, "correlation_id", commit->correlation_id);
    ev_json_kv_string(writer, "causation_id", commit->causation_id);
    ev_json_kv_string(writer, "actor", commit->actor);
    ev_json_kv_string(writer, "traceparent", commit->traceparent);
    ev_json_kv_cstr(writer, "occurred_at", occurred_at);
    ev_json_key(writer, EV_STR("events"));
    ev_json_array_begin(writer);
    for (size_t i = 0; i < commit->event_count; i++) {
        ev_json_object_begin(writer);
        ev_json_kv_cstr(writer, "type", commit->events[i].type->name);
        ev_json_key(writer, EV_STR("data"));
        ev_record_print(commit->events[i].type->record, commit->events[i].body, writer);
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
    ev_json_object_end(writer);
}

void *ev_events_add(struct ev_events *events, const struct ev_event_type *type)
{
    void *body = ev_arena_alloc(events->arena, type->record->size);
    if (events->count == EV_COMMIT_EVENTS_MAX)
        events->overflow = true;
    else
        events->items[events->count++] = (struct ev_event){type, body};
    return body;
}

void *ev_upcast_add(struct ev_upcast *upcast, const struct ev_event_type *type)
{
    void *body = ev_arena_alloc(upcast->arena, type->record->size);
    if (upcast->count == EV_UPCAST_EVENTS_MAX)
        upcast->overflow = true;
    else
        upcast->items[upcast->count++] = (struct ev_event){type, body};
    return body;
}
