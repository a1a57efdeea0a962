/* A log in memory behind the source port: partitions of records with fences, void records and records that can't be
 * decoded, which can be cut, made anew and be away. What it hands out lives in the arena of the poll, as with the real
 * reader. */
#pragma once

#include "core/clock.h"
#include "fold/source.h"

#define FAKE_LOG_PARTITIONS_MAX 4

struct fake_record;

struct fake_partition {
    struct fake_record *records;
    size_t count, capacity;
    int64_t epoch, next_seq; /* of the writer */
};

struct fake_log {
    struct ev_arena arena; /* of the records */
    char topic_id[64];
    int32_t partition_count;
    struct fake_partition partitions[FAKE_LOG_PARTITIONS_MAX];
    int64_t now_ms;       /* of the next record */
    bool away;            /* every question fails with UNAVAILABLE */
    bool silent;          /* polls find nothing, and other questions fail: a broker that went away without a word */
    size_t poll_failures; /* so many polls fail, after they have taken records off: those are lost to the caller */
    size_t poll_max;      /* records per poll; 0: as many as are asked for */
    size_t ends_late;     /* so many times the answer to a question for the ends isn't there yet */
};

struct fake_reader {
    struct fake_log *log;
    struct ev_cursor cursors[FAKE_LOG_PARTITIONS_MAX];
    bool assigned[FAKE_LOG_PARTITIONS_MAX];
    size_t turn; /* partition to be read next */
    bool failed;
    int32_t failed_partition;
    int64_t failed_offset;
    size_t ends_asked, bounds_asked;
};

void fake_log_init(struct fake_log *log, int32_t partitions);
void fake_log_finish(struct fake_log *log);
/* Drops all records, with a new topic id; and the tail from `offset` on. */
void fake_log_recreate(struct fake_log *log);
void fake_log_cut(struct fake_log *log, int32_t partition, int64_t offset);

void fake_log_fence(struct fake_log *log, int32_t partition);
/* Appends a commit of the events (copied); returns its offset. base_version counts the stream's commits. */
int64_t fake_log_commit(struct fake_log *log, int32_t partition, const char *stream_id, const struct ev_event *events,
                        size_t count);
/* One by a writer that was fenced off. */
int64_t fake_log_void(struct fake_log *log, int32_t partition, const char *stream_id, const struct ev_event *event);
/* One that nobody can decode. */
int64_t fake_log_garbage(struct fake_log *log, int32_t partition);
/* From now on the events of a commit can't be decoded, or can be again. */
void fake_log_set_unreadable(struct fake_log *log, int32_t partition, int64_t offset, bool unreadable);

/* The reader may not move afterwards. */
struct ev_commit_source fake_reader_source(struct fake_reader *reader, struct fake_log *log);
