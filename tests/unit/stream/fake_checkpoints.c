#include "fake_checkpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"

static struct fake_checkpoints *of(struct ev_checkpoint_port *port)
{
    return (struct fake_checkpoints *)port;
}

static struct fake_stored *find(struct fake_checkpoints *checkpoints, struct ev_str id)
{
    for (size_t i = 0; i < checkpoints->stream_count; i++)
        if (ev_str_equal(ev_str_of(checkpoints->streams[i].id), id))
            return &checkpoints->streams[i];
    return NULL;
}

static void clear(struct fake_checkpoints *checkpoints)
{
    while (checkpoints->stream_count > 0)
        free(checkpoints->streams[--checkpoints->stream_count].state);
    free(checkpoints->commands);
    checkpoints->commands = NULL;
    checkpoints->commands_end = 0;
    checkpoints->present = checkpoints->corrupt = false;
}

/* --- the port --- */

static int head(struct ev_checkpoint_port *port, int32_t partition, struct ev_checkpoint_head *ret,
                struct ev_error *error)
{
    (void)partition;
    (void)error;
    *ret = of(port)->head;
    return of(port)->present ? 0 : 1;
}

static int commands(struct ev_checkpoint_port *port, int32_t partition, const struct ev_checkpoint_head *stored,
                    void (*take)(void *context, const struct ev_dedup_entry *entry), void *context,
                    struct ev_error *error)
{
    (void)partition;
    if (of(port)->commands_end < stored->commands_next)
        return ev_error_set(error, EV_ERR_CORRUPT, "commands are missing");
    for (uint64_t number = stored->commands_first; number < stored->commands_next; number++)
        take(context, &of(port)->commands[number]);
    return 0;
}

static int stream(struct ev_checkpoint_port *port, int32_t partition, struct ev_str id,
                  struct ev_checkpoint_stream *ret, struct ev_error *error)
{
    const struct fake_stored *stored = find(of(port), id);
    (void)partition;
    if (of(port)->corrupt)
        return ev_error_set(error, EV_ERR_CORRUPT, "the stream fails its checksum");
    if (!stored)
        return 1;
    *ret = (struct ev_checkpoint_stream){stored->version, stored->offset, {stored->state, stored->length}};
    return 0;
}

static void take_batch(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch)
{
    if (of(port)->pending)
        ev_fatal("a second batch before the first was written");
    of(port)->pending = batch;
}

static bool wait_for(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch, int64_t timeout_ms)
{
    (void)timeout_ms;
    (void)fake_checkpoints_write(of(port));
    return atomic_load(&batch->done);
}

static void abandon(struct ev_checkpoint_port *port, struct ev_checkpoint_batch *batch)
{
    of(port)->pending = NULL;
    ev_checkpoint_batch_destroy(batch);
}

void fake_checkpoints_init(struct fake_checkpoints *checkpoints)
{
    memset(checkpoints, 0, sizeof(*checkpoints));
    checkpoints->port = (struct ev_checkpoint_port){
        .head = head,
        .commands = commands,
        .stream = stream,
        .write = take_batch,
        .wait = wait_for,
        .abandon = abandon,
    };
}

void fake_checkpoints_finish(struct fake_checkpoints *checkpoints)
{
    clear(checkpoints);
}

/* --- steps --- */

static void store_stream(struct fake_checkpoints *checkpoints, struct ev_str id,
                         const struct ev_checkpoint_stream *from)
{
    struct fake_stored *to = find(checkpoints, id);
    if (!to) {
        if (checkpoints->stream_count == FAKE_STORED_MAX)
            ev_fatal("more streams than the fake can store");
        to = &checkpoints->streams[checkpoints->stream_count++];
        *to = (struct fake_stored){0};
        snprintf(to->id, sizeof(to->id), "%.*s", EV_STR_ARG(id));
    }
    free(to->state);
    to->state = ev_memory_copy(from->state.data, from->state.length);
    to->length = from->state.length;
    to->version = from->version;
    to->offset = from->offset;
}

bool fake_checkpoints_write(struct fake_checkpoints *checkpoints)
{
    struct ev_checkpoint_batch *batch = checkpoints->pending;
    struct ev_checkpoint_stream one;
    struct ev_str rest, id;
    if (!batch)
        return false;
    if (batch->clear)
        clear(checkpoints);
    rest = ev_buffer_str(&batch->streams);
    while (ev_checkpoint_batch_next(&rest, &id, &one))
        store_stream(checkpoints, id, &one);
    size_t size = sizeof(*checkpoints->commands);
    if (batch->commands.length != (batch->head.commands_next - batch->commands_from) * size)
        ev_fatal("a batch with other commands than it says");
    checkpoints->commands = ev_memory_resize(checkpoints->commands, (batch->head.commands_next + 1) * size);
    if (batch->commands.length > 0)
        memcpy(checkpoints->commands + batch->commands_from, batch->commands.data, batch->commands.length);
    checkpoints->commands_end = batch->head.commands_next;
    checkpoints->head = batch->head;
    checkpoints->present = true;
    checkpoints->written++;
    checkpoints->pending = NULL;
    atomic_store(&batch->done, true);
    return true;
}

bool fake_checkpoints_fail(struct fake_checkpoints *checkpoints)
{
    struct ev_checkpoint_batch *batch = checkpoints->pending;
    if (!batch)
        return false;
    (void)ev_error_set_retriable(&batch->error, EV_ERR_LIMIT, "the disk is full");
    checkpoints->pending = NULL;
    atomic_store(&batch->done, true);
    return true;
}

void fake_checkpoints_copy(const struct fake_checkpoints *from, struct fake_checkpoints *to)
{
    clear(to);
    for (size_t i = 0; i < from->stream_count; i++) {
        const struct fake_stored *stored = &from->streams[i];
        struct ev_checkpoint_stream one = {stored->version, stored->offset, {stored->state, stored->length}};
        store_stream(to, ev_str_of(stored->id), &one);
    }
    to->head = from->head;
    to->present = from->present;
    to->corrupt = from->corrupt;
    to->commands_end = from->commands_end;
    size_t bytes = (size_t)from->commands_end * sizeof(*from->commands);
    to->commands = ev_memory_alloc(bytes);
    if (bytes > 0)
        memcpy(to->commands, from->commands, bytes);
}
