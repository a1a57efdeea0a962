/* Whether a topic still holds what was read from it: for start-up, before anything is built on a checkpoint. A log that
 * ends before the checkpoint, or holds another record where the checkpoint's last one was, has lost a tail: it was
 * restored from an older copy, or its brokers lost what they had acknowledged. Blocking. */
#pragma once

#include "log/kafka.h"
#include "log/owner.h"
#include "log/topics.h"

struct ev_topic_tail {
    int32_t partition;
    struct ev_owner_mark mark; /* with a last record */
    bool lost;                 /* is set by the check */
};

/* `topic` is the full name, `decoder` one for its schema. Sets `lost` for each. 1: a tail was lost, `error` says of
 * which partitions and what was found. UNAVAILABLE, or what the decoder says. */
int ev_topic_tails_check(const struct ev_kafka_config *kafka, const char *topic, int32_t partitions,
                         struct ev_commit_decoder *decoder, struct ev_topic_tail *tails, size_t count,
                         int64_t timeout_ms, struct ev_error *error);
