/* What the write protocol asks of a partitioned log, and how the log answers: the border between the protocol
 * (log/owner.h) and a transport (log/kafka_log.h, or the fake of tests and simulation). Single-threaded: calls and
 * answers happen on one event loop. */
#pragma once

#include "avro/commit.h"

/* A record's greatest size, key and headers included; topics are made with this max.message.bytes. */
#define EV_LOG_RECORD_BYTES_MAX ((size_t)1024 * 1024)

/* Where answers go; set by whoever uses the port before the first call. Never called from within a call to the port.
 * `error` is NULL where there is none. Tags are the caller's. */
struct ev_log_listener {
    /* The record is in the log at `offset` (-1: somewhere, the log can't tell), or `error`: then nobody knows whether
     * it is or ever will be. */
    void (*appended)(void *context, int32_t partition, uint64_t tag, int64_t offset, const struct ev_error *error);
    /* One record of the read `tag`, in offset order. `record` is borrowed for the call. */
    void (*record)(void *context, int32_t partition, uint64_t tag, int64_t offset, struct ev_str record);
    /* The read `tag` is over: every record below `next` that exists was handed out. Errors: UNAVAILABLE (try again),
     * CONFLICT (the log has no such offset any more: it was cut or made anew, or has lost its start). */
    void (*read_done)(void *context, int32_t partition, uint64_t tag, int64_t next, const struct ev_error *error);
    /* `end` is the offset that the partition's next record will get, as the leader knew it after the question was
     * asked. */
    void (*end_offset)(void *context, int32_t partition, uint64_t tag, int64_t end, const struct ev_error *error);
    void *context;
};

#define EV_LOG_FOLLOW INT64_MAX /* where a read has no end */

/* All asynchronous; errors returned at once mean that nothing was started (UNAVAILABLE or LIMIT: the queue is full). */
struct ev_log_port {
    /* Append `record` (copied) to the partition under `key`; `commit` is what it says, for headers. One answer for
     * every call, in the calls' order. */
    int (*append)(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_str key, struct ev_str record,
                  const struct ev_commit *commit, struct ev_error *error);
    /* Read [from, until); until < 0: up to the end as the leader knows it once it was asked; EV_LOG_FOLLOW: for ever,
     * as records come (up to a tenth of a second late), until another read or `stop` ends it (for standby: not tuned
     * for the quickest end). One read per partition: a new one takes the place of the one before, which then gets no
     * more answers. */
    int (*read)(struct ev_log_port *port, int32_t partition, uint64_t tag, int64_t from, int64_t until,
                struct ev_error *error);
    /* Ends the read at hand, if there is one: it gets no more answers. */
    void (*stop)(struct ev_log_port *port, int32_t partition);
    int (*end_offset)(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_error *error);
    /* The caller no longer counts on what is queued for the partition: the log may forget what it hasn't sent (answers
     * still come, as errors). */
    void (*purge)(struct ev_log_port *port, int32_t partition);
    struct ev_log_listener listener;
};
