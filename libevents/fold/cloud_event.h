/* An event of a commit as a CloudEvent 1.0 in structured mode: one JSON object, for consumers that know neither Avro
 * nor fences nor commits. The same event is always the same bytes. */
#pragma once

#include "avro/commit.h"

#define EV_CLOUD_EVENT_CONTENT_TYPE "application/cloudevents+json; charset=UTF-8"

/* Where an event lies in the log: with the topic's name as `source`, its identity for ever. */
struct ev_cloud_event_place {
    const char *topic; /* full name */
    int32_t partition;
    int64_t offset; /* of the commit */
    size_t index;   /* of the event in it */
};

/* Appends the object. Attributes beside those of the specification: streamversion, commandid, correlationid,
 * causationid, and by the documented extensions partitionkey and traceparent. */
void ev_cloud_event_write(const struct ev_commit *commit, const struct ev_cloud_event_place *place,
                          struct ev_buffer *out);
/* The stream's key: what follows the category in its id. */
struct ev_str ev_cloud_event_key(const struct ev_commit *commit);
