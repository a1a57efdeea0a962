/* A feed for others: one topic of the log, valid commits only, as CloudEvents in a topic of their own, one record an
 * event, partition by partition in the log's order (so in order by key), with the stream's key as the record's.
 *
 * It keeps no checkpoint but what it has written: each record's mark says which event it is of, and a start reads the
 * last one of each partition, goes back to its commit, checks that the log still has that very commit there, and goes
 * on with the event behind it. So no event is left out, and the first occurrences of events are in order. An event
 * occurs again only where a process died (or a second one was at work) with records on their way that arrived after
 * the next one had looked; it then has the same id.
 *
 * After an error it starts anew in the same way, after a growing and jittered pause, for ever. A record that can't be
 * decoded stops the feed: what comes behind it may not pass it. One thread at a time, but for the status. */
#pragma once

#include <stdatomic.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "fold/source.h"
#include "log/publisher.h"

#define EV_FEED_BATCH 256 /* records of the log at a time */
#define EV_FEED_PARTITIONS_MAX 1024
#define EV_FEED_TIMEOUT_MS 5000 /* of each question to the log, and of waiting for acknowledgements at the end */
#define EV_FEED_FULL_WAIT_MS 100
#define EV_FEED_BACKOFF_MIN_MS 100
#define EV_FEED_BACKOFF_MAX_MS 5000

struct ev_feed_options {
    const struct ev_topic_schema *topic;
    const char *topic_name; /* full, of the log's topic: the events' `source` */
    struct ev_commit_source source;
    struct ev_publisher *publisher; /* stays the caller's */
    const struct ev_clock *clock;
    const struct ev_random *random;
    struct ev_metrics *metrics;         /* may be NULL */
    bool (*should_stop)(void *context); /* asked while the publisher's queue is full; may be NULL */
    void *context;
};

struct ev_feed;
struct ev_feed *ev_feed_create(const struct ev_feed_options *options);
void ev_feed_destroy(struct ev_feed *feed);
/* One batch at most, waiting at most timeout_ms for its first record. Returns how many events it sent, or an error; the
 * next step is due after ev_feed_pause_ms. */
int ev_feed_step(struct ev_feed *feed, int64_t timeout_ms, struct ev_error *error);
int64_t ev_feed_pause_ms(const struct ev_feed *feed);
/* Waits, bounded, until what was sent is acknowledged. For a clean stop; no step may follow. */
int ev_feed_stop(struct ev_feed *feed, struct ev_error *error);
/* From any thread: false after an error, until a step has gone through again. */
bool ev_feed_is_well(const struct ev_feed *feed);
