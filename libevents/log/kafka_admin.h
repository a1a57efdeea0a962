/* Questions to the brokers: for start-up, tools and readers, never on an event loop, since all but one are waited for.
 * `rk` may be any client; deadlines are in milliseconds from the call. Errors as ev_kafka_error says, NOT_FOUND where
 * there is no such topic. For the files of log/ alone. */
#pragma once

#include "log/kafka_conf.h"
#include "log/topics.h"

/* A client that is good for questions only. */
int ev_kafka_admin_create(const struct ev_kafka_config *kafka, rd_kafka_t **ret, struct ev_error *error);
int ev_kafka_admin_describe(rd_kafka_t *rk, const char *topic, int64_t timeout_ms, struct ev_topic_info *ret,
                            struct ev_error *error);
/* First (RD_KAFKA_OFFSET_SPEC_EARLIEST) or next offsets (…_LATEST) of all partitions, into ret[0 … partitions). */
int ev_kafka_admin_offsets(rd_kafka_t *rk, const char *topic, int32_t partitions, rd_kafka_OffsetSpec_t spec,
                           int64_t timeout_ms, int64_t *ret, struct ev_error *error);

/* The same question, by somebody who does other things until the answer is there. Never fails: what goes wrong is told
 * with the answer. `topic` must stay. */
struct ev_kafka_question;
struct ev_kafka_question *ev_kafka_admin_ask_offsets(rd_kafka_t *rk, const char *topic, int32_t partitions,
                                                     rd_kafka_OffsetSpec_t spec, int64_t timeout_ms);
/* 1: answered, into ret[0 … partitions); 0: not yet; or an error. Unless it's 0 the question has ended: forget it. */
int ev_kafka_admin_take_offsets(struct ev_kafka_question *question, int64_t *ret, struct ev_error *error);
/* Before its client is destroyed. */
void ev_kafka_admin_forget(struct ev_kafka_question *question);
/* `settings`: NULL-terminated name/value pairs. 1 when the topic was there before. */
int ev_kafka_admin_make_topic(rd_kafka_t *rk, const char *topic, int32_t partitions, int32_t replication_factor,
                              const char *const *settings, int64_t timeout_ms, struct ev_error *error);
/* The topic's settings, one call of `setting` for each. */
int ev_kafka_admin_settings(rd_kafka_t *rk, const char *topic, int64_t timeout_ms,
                            void (*setting)(void *context, const char *name, const char *value), void *context,
                            struct ev_error *error);
