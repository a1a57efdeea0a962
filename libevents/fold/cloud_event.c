#include "fold/cloud_event.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/timestamp.h"

#define ID_MAX 80
#define SCHEMA_MAX 400

struct ev_str ev_cloud_event_key(const struct ev_commit *commit)
{
    struct ev_str rest = commit->stream_id, category;
    (void)ev_str_split(&rest, '-', &category);
    return rest;
}

/* Attributes may not be empty. */
static void write_some(struct ev_json_writer *writer, const char *name, struct ev_str value)
{
    if (value.length > 0)
        ev_json_kv_string(writer, name, value);
}

static void write_context(struct ev_json_writer *writer, const struct ev_commit *commit,
                          const struct ev_cloud_event_place *place)
{
    const struct ev_record *record = commit->events[place->index].type->record;
    char id[ID_MAX], schema[SCHEMA_MAX], time[EV_TIMESTAMP_TEXT_MAX], version[24];
    snprintf(id, sizeof(id), "%d-%" PRId64 "-%zu", (int)place->partition, place->offset, place->index);
    snprintf(schema, sizeof(schema), "urn:orderlog:event:%s:%016" PRIx64, record->full_name, record->fingerprint);
    snprintf(version, sizeof(version), "%" PRId64, commit->base_version + 1);
    (void)ev_timestamp_format(commit->occurred_at, time);
    ev_json_kv_cstr(writer, "specversion", "1.0");
    ev_json_kv_cstr(writer, "id", id);
    ev_json_kv_cstr(writer, "source", place->topic);
    ev_json_kv_cstr(writer, "type", record->full_name);
    ev_json_kv_string(writer, "subject", commit->stream_id);
    ev_json_kv_cstr(writer, "time", time);
    ev_json_kv_cstr(writer, "datacontenttype", "application/json");
    ev_json_kv_cstr(writer, "dataschema", schema);
    ev_json_kv_cstr(writer, "streamversion", version);
}

void ev_cloud_event_write(const struct ev_commit *commit, const struct ev_cloud_event_place *place,
                          struct ev_buffer *out)
{
    const struct ev_event *event = &commit->events[place->index];
    char command_id[EV_UUID_TEXT_LENGTH + 1];
    struct ev_json_writer writer;
    ev_uuid_format(&commit->command_id, command_id);
    ev_json_init(&writer, out);
    ev_json_object_begin(&writer);
    write_context(&writer, commit, place);
    write_some(&writer, "partitionkey", ev_cloud_event_key(commit));
    ev_json_kv_cstr(&writer, "commandid", command_id);
    write_some(&writer, "correlationid", commit->correlation_id);
    write_some(&writer, "causationid", commit->causation_id);
    write_some(&writer, "traceparent", commit->traceparent);
    ev_json_key(&writer, EV_STR("data"));
    ev_record_print(event->type->record, event->body, &writer);
    ev_json_object_end(&writer);
}
