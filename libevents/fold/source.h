/* Where a projection reads commits from: the port between folds and the log, so that a projection can be tested without
 * a broker. The functions are those of log/reader.h, with the reader's contract; a source hands out fences and void
 * records too (include_void), and, to whoever folds views, commits whose events can't be decoded (include_unreadable).
 * One thread at a time. */
#pragma once

#include "log/reader.h"

struct ev_commit_source {
    int (*describe)(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                    struct ev_error *error);
    int (*assign)(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error);
    int (*poll)(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max, int64_t timeout_ms,
                struct ev_error *error);
    bool (*failed)(void *context, int32_t *ret_partition, int64_t *ret_offset);
    int (*bounds)(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                  struct ev_error *error);
    int (*ends)(void *context, int32_t partitions, int64_t timeout_ms, int64_t *ret, struct ev_error *error);
    void *context;
};

/* The reader stays the caller's. It must have been made with include_void. */
struct ev_commit_source ev_commit_source_of_reader(struct ev_reader *reader);
