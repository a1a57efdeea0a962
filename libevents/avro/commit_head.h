/* The fields of a commit before its events, as they are written, and the table that describes them
 * (schemas/commit.avsc). */
#pragma once

#include "avro/commit.h"

struct ev_commit_head {
    struct ev_str stream_id;
    int64_t base_version;
    int64_t epoch;
    int64_t seq;
    struct ev_str command_id;
    struct ev_str request_hash;
    struct ev_str correlation_id;
    struct ev_str causation_id;
    struct ev_str actor;
    struct ev_str traceparent;
    int64_t occurred_at;
};
extern const struct ev_record ev_commit_head_record;

#define EV_COMMIT_MAGIC 0x00     /* Confluent's wire format */
#define EV_COMMIT_PREFIX_BYTES 5 /* magic and schema id */
