/* The write protocol of one partition as a pure state machine over a port: fence, catch up, append, acknowledge, settle doubt, confirm.
 * Holds no socket and no clock; the port's fakes run it in a seeded simulation, librdkafka runs it for real (log/kafka_log.h). Single-threaded.
 * See docs/architecture.md, "One writer per partition", rules 1 to 7. */
#pragma once

#include "log/ledger.h"

/* What an owner asks of the log. All asynchronous: answers come back by the ev_owner_on_… functions, from the loop, never from within the call. */
struct ev_log_port {
    /* Append `record` (copied) to the partition under `key`. Answered by the completion (tag, offset or error), in order of the calls. */
    int (*append)(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_str key, struct ev_str record,
                  const struct ev_commit *commit, struct ev_error *error);
    /* Read [from, until) — until < 0: up to the end as the leader knows it now. Answered record by record, then by read_done. */
    int (*read)(struct ev_log_port *port, int32_t partition, int64_t from, int64_t until, struct ev_error *error);
    /* Ask the leader for the end offset. Answered by end_offset. */
    int (*end_offset)(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_error *error);
    /* Forget what is queued and not yet sent for the partition (their completions still come, as errors). */
    void (*purge)(struct ev_log_port *port, int32_t partition);
};
