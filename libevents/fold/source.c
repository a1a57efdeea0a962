#include "fold/source.h"

static int source_describe(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                           struct ev_error *error)
{
    return ev_reader_describe(context, timeout_ms, ret_partitions, ret_topic_id, error);
}

static int source_assign(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    return ev_reader_assign(context, cursors, count, error);
}

static int source_poll(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max, int64_t timeout_ms,
                       struct ev_error *error)
{
    return ev_reader_poll(context, arena, ret, max, timeout_ms, error);
}

static bool source_failed(void *context, int32_t *ret_partition, int64_t *ret_offset)
{
    return ev_reader_failed(context, ret_partition, ret_offset);
}

static int source_bounds(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                         struct ev_error *error)
{
    return ev_reader_bounds(context, partition, timeout_ms, ret_first, ret_next, error);
}

static int source_ends(void *context, int32_t partitions, int64_t timeout_ms, int64_t *ret, struct ev_error *error)
{
    return ev_reader_ends(context, partitions, timeout_ms, ret, error);
}

struct ev_commit_source ev_commit_source_of_reader(struct ev_reader *reader)
{
    return (struct ev_commit_source){
        .describe = source_describe,
        .assign = source_assign,
        .poll = source_poll,
        .failed = source_failed,
        .bounds = source_bounds,
        .ends = source_ends,
        .context = reader,
    };
}
