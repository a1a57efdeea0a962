#include <string.h>

#include "core/fatal.h"
#include "http/command.h"

static size_t text_size(const struct ev_str *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].length + 1;
    return size;
}

struct ev_str command_join(struct ev_arena *arena, const struct ev_str *parts, size_t count, bool ended)
{
    char *text = ev_arena_try_alloc_raw(arena, text_size(parts, count)), *at = text;
    if (!text) /* bodies are bounded far below the arena's limit */
        ev_fatal("the arena of a request has no room for its ids");
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length)
            memcpy(at, parts[i].data, parts[i].length);
        at += parts[i].length;
        if (ended)
            *at++ = '\n';
    }
    return (struct ev_str){text, (size_t)(at - text)};
}

struct ev_str command_stream_id(struct ev_arena *arena, const char *category, struct ev_str id)
{
    return command_join(arena, (const struct ev_str[]){ev_str_of(category), EV_STR("-"), id}, 3, false);
}

/* Where the command was sent: its name, and what stands in its path. */
static size_t add_route(const struct command_run *run, struct ev_str *parts)
{
    size_t count = 0;
    parts[count++] = ev_str_of(run->route->type->name);
    for (size_t i = 0; i < run->exchange->path_value_count; i++)
        parts[count++] = run->exchange->path_values[i].value;
    return count;
}

/* The same caller, route, stream and key give the same id, whenever and wherever the command is sent again. */
static void derive_command_id(struct command_run *run, struct ev_str stream_key)
{
    struct ev_str parts[HTTP_PATH_VALUES_MAX + 4];
    parts[0] = run->shard.request.actor;
    size_t count = 1 + add_route(run, parts + 1);
    parts[count++] = stream_key;
    parts[count++] = run->key;
    run->shard.request.command_id =
        ev_uuid_v5(&ev_uuid_namespace_orderlog, command_join(&run->exchange->arena, parts, count, true));
    ev_uuid_format(&run->shard.request.command_id, run->command_id);
}

static void derive_request_hash(struct command_run *run)
{
    struct ev_str parts[HTTP_PATH_VALUES_MAX + 2];
    size_t count = add_route(run, parts);
    parts[count++] = run->exchange->body;
    run->shard.request.request_hash = ev_hash128(command_join(&run->exchange->arena, parts, count, true));
}

/* A creation that names no key gets one that follows from the command, so that a retry meets the same stream. */
static struct ev_str derive_stream_key(struct command_run *run)
{
    char *text = ev_arena_alloc(&run->exchange->arena, EV_UUID_TEXT_LENGTH + 1);
    struct ev_uuid key = ev_uuid_v5(&run->shard.request.command_id, EV_STR("stream"));
    ev_uuid_format(&key, text);
    return (struct ev_str){text, EV_UUID_TEXT_LENGTH};
}

void command_identify(struct command_run *run)
{
    struct ev_request *request = &run->shard.request;
    struct ev_str given = ev_command_key(request->type, request->body);
    derive_command_id(run, given);
    derive_request_hash(run);
    if (run->is_forwarded) { /* whatever this instance would make of it: it is one command everywhere */
        request->command_id = run->given_id;
        request->request_hash = run->given_hash;
        ev_uuid_format(&request->command_id, run->command_id);
    }
    run->id = given.data ? given : derive_stream_key(run);
    request->stream_id = command_stream_id(&run->exchange->arena, request->type->category, run->id);
    if (!request->causation_id.data)
        request->causation_id = (struct ev_str){run->command_id, EV_UUID_TEXT_LENGTH};
}
