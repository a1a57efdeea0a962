#include <stdio.h>
#include <string.h>

#include "core/timestamp.h"
#include "log/kafka_log_internal.h"

#define FENCE_ID_MAX (EV_UUID_TEXT_LENGTH + 40)

static void add(rd_kafka_headers_t *headers, const char *name, const char *value, size_t length)
{
    (void)rd_kafka_header_add(headers, name, -1, value, (ssize_t)length);
}

rd_kafka_headers_t *ev_kafka_headers_create(const char *topic, int32_t partition, const struct ev_commit *commit)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    char id[FENCE_ID_MAX], time[EV_TIMESTAMP_TEXT_MAX];
    size_t id_length = EV_UUID_TEXT_LENGTH;
    const char *type = commit->event_count > 0 ? commit->events[0].type->record->full_name : "fence";
    if (!headers)
        return NULL;
    ev_uuid_format(&commit->command_id, id);
    add(headers, "ce_specversion", "1.0", 3);
    if (ev_commit_is_fence(commit)) /* a process's fences share its id; its epochs in a partition are its own */
        id_length += (size_t)snprintf(id + EV_UUID_TEXT_LENGTH, sizeof(id) - EV_UUID_TEXT_LENGTH, "/%d/%lld",
                                      (int)partition, (long long)commit->epoch);
    add(headers, "ce_id", id, id_length);
    add(headers, "ce_source", topic, strlen(topic));
    add(headers, "ce_type", type, strlen(type));
    if (commit->occurred_at > 0) /* a fence has no time but Kafka's */
        add(headers, "ce_time", time, ev_timestamp_format(commit->occurred_at, time));
    add(headers, "content-type", "application/avro", 16);
    if (commit->stream_id.length > 0)
        add(headers, "ce_subject", commit->stream_id.data, commit->stream_id.length);
    if (commit->traceparent.data)
        add(headers, "traceparent", commit->traceparent.data, commit->traceparent.length);
    return headers;
}
