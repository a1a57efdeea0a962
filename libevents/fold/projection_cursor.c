#include <inttypes.h>

#include "fold/projection_internal.h"

static int look_at(struct ev_projection *projection, const struct ev_log_record *record, struct ev_error *error)
{
    if (record->partition < 0 || record->partition >= projection->partition_count)
        return ev_error_set(error, EV_ERR_INTERNAL, "a record of partition %" PRId32 " came, of %" PRId32 " partitions",
                            record->partition, projection->partition_count);
    struct ev_cursor *cursor = &projection->partitions[record->partition].ahead;
    if (record->offset < cursor->next_offset || ev_ledger_judge(&cursor->ledger, &record->commit) != record->verdict)
        return ev_error_set_retriable(error, EV_ERR_CORRUPT,
                                      "the record at offset %" PRId64 " of %s/%" PRId32
                                      " doesn't follow what was read before",
                                      record->offset, projection->view->topic->name, record->partition);
    cursor->next_offset = record->offset + 1;
    if (record->verdict == EV_VERDICT_COMMIT) {
        cursor->last_command_id = record->commit.command_id;
        cursor->last_offset = record->offset;
    }
    return 0;
}

int projection_look_ahead(struct ev_projection *projection, struct ev_error *error)
{
    for (int32_t i = 0; i < projection->partition_count; i++)
        projection->partitions[i].ahead = projection->partitions[i].cursor;
    for (size_t i = 0; i < projection->batch.record_count; i++) {
        int r = look_at(projection, &projection->batch.records[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

void projection_move_on(struct ev_projection *projection)
{
    for (size_t i = 0; i < projection->batch.record_count; i++) {
        const struct ev_log_record *record = &projection->batch.records[i];
        projection->partitions[record->partition].log_time_ms = record->timestamp_ms;
    }
    for (int32_t i = 0; i < projection->partition_count; i++) {
        struct projection_partition *p = &projection->partitions[i];
        p->cursor = p->ahead;
        if (p->end < p->cursor.next_offset)
            p->end = p->cursor.next_offset;
    }
    projection->dirty = true;
}
