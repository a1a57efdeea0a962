/* What the parts of log_drill share: an executor on a real log, run by a loop of its own. */
#pragma once

#include "log/kafka_log.h"
#include "log/reader.h"
#include "log/topics.h"
#include "shelf.h"

#define DRILL_PARTITIONS 4
#define DRILL_TIMEOUT_MS 30000

struct drill {
    struct ev_kafka_config kafka;
    const char *name; /* of the owner */
    int64_t count;    /* commands */
    int window;       /* in flight at most */
    int64_t base;     /* number of the first command: ids are a function of it */
    int streams;
    int payload;   /* bytes of the buyer's name */
    bool headers;  /* raw: with headers like a commit's */
    bool progress; /* tell how it goes on stderr, twice a second */
};

struct drill_node {
    struct ev_kafka_log *log;
    struct ev_executor *executor;
    char topic[EV_TOPIC_NAME_MAX + 1];
    int32_t partitions;
    int64_t lost; /* partitions that were fenced by others */
};

/* Ends the process with a message where something is wrong. */
void drill_must(int r, const char *what, const struct ev_error *error);
void drill_node_start(struct drill_node *node, const struct drill *drill, bool unconfirmed);
void drill_node_stop(struct drill_node *node);
/* Waits up to `wait_ms` for the log and hands on what has come. */
void drill_node_turn(struct drill_node *node, int64_t wait_ms);
/* Until all partitions are served; ends the process when that takes too long. */
void drill_node_serve(struct drill_node *node);

int drill_write(const struct drill *drill);
int drill_verify(const struct drill *drill);
int drill_raw(const struct drill *drill);
int drill_ratio(const struct drill *drill);
int drill_fence(const struct drill *drill);
int drill_reject(const struct drill *drill);

int64_t drill_now_us(void);
