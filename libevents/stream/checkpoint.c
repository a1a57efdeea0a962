#include "stream/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static const struct {
    const char *name, *text;
} reasons[] = {
#define X(name, text, help) {text, help},
    EV_REBUILD_REASONS(X)
#undef X
};

const char *ev_rebuild_reason_name(enum ev_rebuild_reason reason)
{
    return reasons[reason].name;
}

const char *ev_rebuild_reason_text(enum ev_rebuild_reason reason)
{
    return reasons[reason].text;
}

struct ev_checkpoint_batch *ev_checkpoint_batch_create(void)
{
    return ev_memory_new(struct ev_checkpoint_batch);
}

void ev_checkpoint_batch_destroy(struct ev_checkpoint_batch *batch)
{
    if (!batch)
        return;
    ev_buffer_finish(&batch->streams);
    ev_buffer_finish(&batch->commands);
    free(batch);
}

/* What stands before each stream's id and state in a batch. */
struct item {
    int64_t version, offset;
    uint32_t state_length, id_length;
};

void ev_checkpoint_batch_add(struct ev_checkpoint_batch *batch, struct ev_str id,
                             const struct ev_checkpoint_stream *stream)
{
    struct item item = {stream->version, stream->offset, (uint32_t)stream->state.length, (uint32_t)id.length};
    ev_buffer_append(&batch->streams, &item, sizeof(item));
    ev_buffer_append_str(&batch->streams, id);
    ev_buffer_append_str(&batch->streams, stream->state);
    batch->stream_count++;
}

bool ev_checkpoint_batch_next(struct ev_str *rest, struct ev_str *ret_id, struct ev_checkpoint_stream *ret)
{
    struct item item;
    if (rest->length == 0)
        return false;
    memcpy(&item, rest->data, sizeof(item));
    *ret_id = (struct ev_str){rest->data + sizeof(item), item.id_length};
    *ret = (struct ev_checkpoint_stream){item.version, item.offset, {ret_id->data + item.id_length, item.state_length}};
    size_t length = sizeof(item) + item.id_length + item.state_length;
    *rest = (struct ev_str){rest->data + length, rest->length - length};
    return true;
}

size_t ev_checkpoint_batch_bytes(const struct ev_checkpoint_batch *batch)
{
    return batch->streams.capacity + batch->commands.capacity;
}
