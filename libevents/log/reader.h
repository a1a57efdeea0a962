/* Reading partitions of one topic from chosen offsets, for projectors, tools and everything else that only reads. One
 * reader per thread. Gives every valid commit in offset order per partition; fences and void records are counted, and
 * move the position. Backed by librdkafka (assign, no group, auto.offset.reset=error). */
#pragma once

#include "log/kafka.h"
#include "log/ledger.h"

/* Where a reader of one partition stands; what a checkpoint stores. */
struct ev_cursor {
    int32_t partition;
    int64_t next_offset; /* first offset not yet read */
    struct ev_ledger ledger;
    struct ev_uuid last_command_id; /* of the last valid commit before next_offset; zero: none */
    int64_t last_offset;            /* of that commit; -1: none */
};

struct ev_log_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* Kafka's */
    enum ev_verdict verdict;
    struct ev_str raw;       /* the record's value */
    struct ev_commit commit; /* decoded whole for COMMIT; for the others the head alone */
    const char *unreadable;  /* NULL; or why the events of this COMMIT can't be decoded: its head is all there is */
};

struct ev_reader;
struct ev_reader_options {
    struct ev_kafka_config kafka;
    const struct ev_topic_schema *topic;
    struct ev_schema_source schemas;
    size_t fetch_bytes_max; /* bound of what librdkafka queues ahead; 0: EV_READER_FETCH_BYTES_DEFAULT */
    /* How long a broker keeps a fetch that it has nothing for; 0: EV_READER_FETCH_WAIT_MS_DEFAULT. Whatever else is
     * asked of the broker meanwhile (bounds, another assignment's records) is answered after that. Short for who reads
     * to an end and goes. */
    int fetch_wait_ms;
    /* While fewer records than this are queued, of all partitions together, the next fetch is sent at once, else it is
     * put off by EV_READER_FETCH_PAUSE_MS; 0: EV_READER_FETCH_AHEAD_DEFAULT. 1 is for who mostly follows the log's end:
     * what comes record by record is fetched together, for a fetch costs the broker more than a record does. Catching
     * up, the answers to come don't pile up, so it waits for each. */
    int fetch_ahead;
    bool include_void;       /* hand out fences and void records too */
    bool include_unreadable; /* hand out commits whose events can't be decoded too, in place of an error */
};
#define EV_READER_FETCH_BYTES_DEFAULT ((size_t)16 * 1024 * 1024)
#define EV_READER_FETCH_WAIT_MS_DEFAULT 100
#define EV_READER_FETCH_AHEAD_DEFAULT 100000
#define EV_READER_FETCH_PAUSE_MS 5

int ev_reader_create(const struct ev_reader_options *options, struct ev_reader **ret, struct ev_error *error);
void ev_reader_destroy(struct ev_reader *reader);
/* The topic's identity and size. UNAVAILABLE when no broker answers by the deadline; NOT_FOUND when there is no such
 * topic. */
int ev_reader_describe(struct ev_reader *reader, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                       struct ev_error *error);
/* Starts (or restarts) reading the given partitions at their cursors (copied). */
int ev_reader_assign(struct ev_reader *reader, const struct ev_cursor *cursors, size_t count, struct ev_error *error);
/* Reads up to `max` records into `ret` (bodies in `arena`), waiting at most timeout_ms for the first. Returns how many
 * (0: none came), or an error: a retriable one (the log or the schema registry is away: goes on by itself, ask again);
 * a record that can't be decoded (the ones before it were delivered, its own partition and offset are in
 * ev_reader_failed), CORRUPT where its bytes are at fault and UNSUPPORTED where its schema's id is one that the
 * registry doesn't know, or an event of it is one that this program doesn't (unless include_unreadable: then only where
 * its head can't be decoded, so that nobody can tell whether it counts); NOT_FOUND/INVALID when the log was truncated
 * or recreated beyond the cursor. */
int ev_reader_poll(struct ev_reader *reader, struct ev_arena *arena, struct ev_log_record *ret, size_t max,
                   int64_t timeout_ms, struct ev_error *error);
bool ev_reader_failed(const struct ev_reader *reader, int32_t *ret_partition, int64_t *ret_offset);
/* The cursor after the last record handed out. */
int ev_reader_cursor(const struct ev_reader *reader, int32_t partition, struct ev_cursor *ret);
/* First and next offsets of a partition as the leader knows them (asks the broker). */
int ev_reader_bounds(struct ev_reader *reader, int32_t partition, int64_t timeout_ms, int64_t *ret_first,
                     int64_t *ret_next, struct ev_error *error);
/* Next offsets of the topic's partitions, into ret[0 … partitions), without waiting for them. 1: answered; 0: asked,
 * and not answered yet: call again (with the same `partitions`) until it is; or an error, also when no answer came
 * within timeout_ms of the question. A call after the answer, or the error, asks anew. */
int ev_reader_ends(struct ev_reader *reader, int32_t partitions, int64_t timeout_ms, int64_t *ret,
                   struct ev_error *error);
int64_t ev_reader_void_count(const struct ev_reader *reader);
