/* Who owns which partition, as far as anybody has said: the compacted topic PREFIX.owners, written by each owner when
 * it begins to serve a partition, and read by every instance to know where to send a command. A hint may be stale,
 * missing or wrong: what counts is the fence, so a wrong hint costs time and nothing else. The last one written wins;
 * an owner that reads another's hint about what it serves writes its own again.
 *
 * One partition; key "TOPIC/PARTITION", value {"url", "instance", "epoch", "time"} in JSON. A thread of its own reads;
 * look-ups and publishing may come from any thread. Bounded by the partitions of the topics that it was made for: hints
 * about others are ignored. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "log/topics.h"

#define EV_OWNER_URL_MAX 255      /* bytes */
#define EV_OWNER_INSTANCE_MAX 127 /* bytes */
#define EV_OWNER_TOPICS_MAX 16
#define EV_OWNER_HINT_QUEUE_MAX 10000  /* hints waiting for the broker; more are dropped, and written again later */
#define EV_OWNER_HINT_TIMEOUT_MS 10000 /* what isn't written by then is dropped */

struct ev_owner_hint {
    char url[EV_OWNER_URL_MAX + 1]; /* of the owner's private listener, without a path */
    char instance[EV_OWNER_INSTANCE_MAX + 1];
    int64_t epoch;    /* of the fence with which it began to serve */
    int64_t time_ms;  /* wall clock, when it was written */
    uint64_t version; /* one higher with every hint that was read about this partition; from 1 */
};

struct ev_owner_hints_topic {
    const char *name; /* with prefix */
    int32_t partitions;
};
struct ev_owner_hints_options {
    struct ev_kafka_config kafka;
    const struct ev_owner_hints_topic *topics; /* copied, with their names; at most EV_OWNER_TOPICS_MAX */
    size_t topic_count;
    /* After a hint was read, on the reading thread; must be quick. May be NULL. */
    void (*changed)(void *context);
    void *context;
};

struct ev_owner_hints;

/* Checks PREFIX.owners, one compacted partition; `create` not NULL: makes it where it isn't. Blocking. Errors as
 * ev_topic_check. */
int ev_owner_hints_prepare(const struct ev_kafka_config *kafka, const struct ev_topic_options *create,
                           int64_t timeout_ms, struct ev_error *error);
int ev_owner_hints_create(const struct ev_owner_hints_options *options, struct ev_owner_hints **ret,
                          struct ev_error *error);
void ev_owner_hints_destroy(struct ev_owner_hints *hints);
/* False: nobody has said. `topic` is an index into the options' topics. */
bool ev_owner_hints_find(struct ev_owner_hints *hints, size_t topic, int32_t partition, struct ev_owner_hint *ret);
/* Hands the hint to librdkafka and returns; whether it was written shows when it is read. LIMIT when too many wait.
 * `version` and `time_ms` of the hint are not looked at. */
int ev_owner_hints_publish(struct ev_owner_hints *hints, size_t topic, int32_t partition,
                           const struct ev_owner_hint *hint, struct ev_error *error);

/* The value as it lies in the topic. CORRUPT when it is none. */
int ev_owner_hint_parse(struct ev_str value, struct ev_owner_hint *ret, struct ev_error *error);
struct ev_buffer;
void ev_owner_hint_format(const struct ev_owner_hint *hint, struct ev_buffer *out);
