/* Partitions that are read no further. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fold/projection_internal.h"

void projection_partition_key(int32_t partition, char ret_key[PROJECTION_PARTITION_KEY_MAX])
{
    snprintf(ret_key, PROJECTION_PARTITION_KEY_MAX, EV_PARKED_PARTITION "%" PRId32, partition);
}

static int stop_partition(struct ev_projection *projection, int32_t number, int64_t offset, const char *cause,
                          struct ev_error *error)
{
    char key[PROJECTION_PARTITION_KEY_MAX];
    projection_partition_key(number, key);
    int r = projection_park(projection, ev_str_of(key), number, offset, cause, error);
    if (r < 0)
        return r;
    projection->partitions[number].stopped = true;
    projection->partitions[number].parked_at = offset;
    projection->reassign = true; /* without this partition */
    struct ev_error why;
    ev_error_set(&why, EV_ERR_UNSUPPORTED, "partition %" PRId32 " is read no further than offset %" PRId64 ": %s",
                 number, offset, cause);
    projection_set_state(projection, EV_PROJECTION_RETRYING, &why);
    return 0;
}

int projection_stop_at_failure(struct ev_projection *projection, const struct ev_error *cause, struct ev_error *error)
{
    int32_t number = -1;
    int64_t offset = -1;
    if (!projection->source.failed(projection->source.context, &number, &offset) || number < 0 ||
        number >= projection->partition_count)
        return ev_error_set(error, EV_ERR_CORRUPT, "%s", cause->message);
    return stop_partition(projection, number, offset, cause->message, error);
}

/* Of one record: 1, it stays in the batch; 0, it doesn't. */
static int sift(struct ev_projection *projection, struct ev_log_record *record, struct ev_error *error)
{
    if (record->partition < 0 || record->partition >= projection->partition_count)
        return 1; /* told of by who looks at its place in the log */
    if (projection->partitions[record->partition].stopped)
        return 0;
    if (ev_skipped_holds_record(&projection->skipped, record->partition, record->offset)) {
        record->unreadable = NULL;
        record->commit.event_count = 0;
    }
    if (!record->unreadable || projection->view->stream_key)
        return 1;
    return stop_partition(projection, record->partition, record->offset, record->unreadable, error);
}

int projection_sift_batch(struct ev_projection *projection, struct ev_error *error)
{
    struct ev_batch *batch = &projection->batch;
    size_t kept = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        int r = sift(projection, &batch->records[i], error);
        if (r < 0)
            return r;
        if (r > 0)
            batch->records[kept++] = batch->records[i];
    }
    batch->record_count = kept;
    return 0;
}

void projection_release_partitions(struct ev_projection *projection)
{
    for (int32_t i = 0; i < projection->partition_count; i++) {
        char key[PROJECTION_PARTITION_KEY_MAX];
        struct projection_partition *partition = &projection->partitions[i];
        projection_partition_key(i, key);
        const struct projection_parked *entry = ev_map_get(&projection->parked, ev_str_of(key));
        partition->parked_at = entry ? entry->offset : -1;
        if (!partition->stopped || entry)
            continue;
        partition->stopped = false;
        projection->reassign = true;
    }
}

int projection_forget_passed(struct ev_projection *projection, struct ev_error *error)
{
    for (int32_t i = 0; i < projection->partition_count; i++) {
        char key[PROJECTION_PARTITION_KEY_MAX];
        struct projection_partition *partition = &projection->partitions[i];
        if (!partition->owned || partition->parked_at < 0 || partition->cursor.next_offset <= partition->parked_at)
            continue;
        projection_partition_key(i, key);
        const struct ev_parked entry = {.key = ev_str_of(key), .partition = i};
        int r = projection->sink->remove_parked(projection->sink, projection->view, &entry, error);
        if (r < 0)
            return r;
        free(ev_map_remove(&projection->parked, entry.key));
        partition->parked_at = -1;
        projection_count(projection, 0, 0, 0);
    }
    return 0;
}
