/* What topics were made as, in the compacted topic PREFIX.meta (see log/topics.h). For the files of log/ alone. */
#pragma once

#include "log/kafka_admin.h"

#define EV_TOPIC_META_NAME "meta"
#define EV_TOPIC_META_SETTINGS "cleanup.policy", "compact", "retention.ms", "-1", NULL

/* What is written down for `topic` (its full name). 0; 1 when nothing is. NOT_FOUND when there is no meta topic. */
int ev_topic_meta_read(const struct ev_kafka_config *kafka, const char *meta_topic, const char *topic,
                       int64_t timeout_ms, struct ev_topic_info *ret, struct ev_error *error);
/* Writes it down; returns when the brokers have it. */
int ev_topic_meta_write(rd_kafka_t *rk, const char *meta_topic, const char *topic, int64_t timeout_ms,
                        const struct ev_topic_info *info, struct ev_error *error);
