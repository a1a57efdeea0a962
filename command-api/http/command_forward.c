#include <string.h>

#include "http/command.h"
#include "libhttp/path.h"

/* The sending end; forwarder.h does the sending. What goes is the command as the client sent it, or its second step,
 * with what was derived from it. */

static bool is_second_step(const struct command_run *run)
{
    return run->shard.request.type != run->route->type;
}

static void add(struct command_run *run, const char *name, struct ev_str value)
{
    struct forward *forward = &run->forward;
    if (value.data)
        forward->headers[forward->header_count++] =
            ev_arena_printf(&run->exchange->arena, "%s: %.*s", name, EV_STR_ARG(value)).data;
}

static struct ev_str id_text(struct command_run *run, const uint8_t bytes[16])
{
    char *text = ev_arena_alloc(&run->exchange->arena, EV_UUID_TEXT_LENGTH + 1);
    struct ev_uuid id;
    memcpy(id.bytes, bytes, sizeof(id.bytes));
    ev_uuid_format(&id, text);
    return (struct ev_str){text, EV_UUID_TEXT_LENGTH};
}

static void add_command(struct command_run *run)
{
    const struct ev_request *request = &run->shard.request;
    const struct command_topic *topic = run->shard.topic;
    struct ev_arena *arena = &run->exchange->arena;
    add(run, FORWARD_PARTITION, ev_arena_printf(arena, "%s/%d", topic->full_name, (int)run->forward.partition));
    add(run, FORWARD_TOPIC_ID, ev_str_of(topic->id));
    add(run, FORWARD_COMMAND, ev_str_of(request->type->name));
    add(run, FORWARD_COMMAND_ID, id_text(run, request->command_id.bytes));
    add(run, FORWARD_REQUEST_HASH, id_text(run, request->request_hash.bytes));
}

static void add_client(struct command_run *run)
{
    const struct ev_request *request = &run->shard.request;
    struct ev_arena *arena = &run->exchange->arena;
    add(run, "X-Actor", request->actor);
    add(run, "X-Correlation-Id", request->correlation_id);
    add(run, "X-Causation-Id", request->causation_id);
    add(run, "X-Request-Id", ev_str_of(run->exchange->request_id));
    add(run, "traceparent", ev_str_of(run->exchange->traceparent));
    if (request->expected_version >= 0)
        add(run, "If-Match", ev_arena_printf(arena, "\"%lld\"", (long long)request->expected_version));
    if (is_second_step(run))
        return;
    add(run, "Idempotency-Key", run->key);
    if (run->wait_s)
        add(run, "Prefer", ev_arena_printf(arena, "wait=%lld", (long long)run->wait_s));
}

/* The second step's own route has one value, the stream's id. */
static struct ev_str second_path(struct command_run *run)
{
    struct ev_arena *arena = &run->exchange->arena;
    struct ev_str rest = ev_str_of(run->shard.request.type->path), before, name;
    struct ev_str id = ev_command_key(run->shard.request.type, run->shard.request.body);
    ev_str_split(&rest, '{', &before);
    ev_str_split(&rest, '}', &name);
    const struct ev_str parts[] = {before, http_percent_encode(id, arena), rest};
    return ev_arena_copy(arena, command_join(arena, parts, sizeof(parts) / sizeof(parts[0]), false)); /* ends it */
}

static struct ev_str second_body(struct command_run *run)
{
    struct ev_buffer text = {0};
    struct ev_json_writer writer;
    ev_json_init(&writer, &text);
    ev_command_print(run->shard.request.type, run->shard.request.body, &writer);
    struct ev_str body = ev_arena_copy(&run->exchange->arena, ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return body;
}

/* As the owner has answered it. Request id and trace are the same there. */
static void pass_on(struct command_run *run)
{
    static const char *const passed[] = {"etag", "position", "location", "preference-applied", "retry-after", NULL};
    struct ev_arena *arena = &run->exchange->arena;
    struct http_reply reply = {.status = run->forward.status};
    struct ev_str type = forward_header(&run->forward, "content-type");
    reply.content_type = type.data ? ev_arena_copy(arena, type).data : NULL;
    reply.body = ev_arena_copy(arena, ev_buffer_str(&run->forward.answer_body));
    for (size_t i = 0; passed[i]; i++) {
        struct ev_str value = forward_header(&run->forward, passed[i]);
        if (value.data)
            http_reply_add_header(&reply, passed[i], ev_arena_copy(arena, value));
    }
    if (is_second_step(run) || forward_header(&run->forward, "idempotency-key").data)
        http_reply_add_header(&reply, "idempotency-key", run->key);
    ev_metric_add(run->route->forwarded, 1);
    http_reply(run->exchange, &reply);
}

static void answer_expired(struct command_run *run)
{
    if (run->maybe_done || is_second_step(run)) {
        command_answer_error(run, EV_ERR_TIMEOUT, true);
        return;
    }
    if (run->is_forwarded) {
        command_forwarded_send_back(run);
        return;
    }
    ev_metric_add(run->route->by_outcome[EV_OUTCOME_FAILED], 1);
    http_reply_problem_with(run->exchange,
                            &(struct http_problem){
                                .status = 503,
                                .slug = "no-owner",
                                .title = "No instance serves the command's partition at the moment",
                                .detail = EV_STR("Nothing was carried out. Send the command again."),
                                .retry_after_s = COMMAND_RETRY_AFTER_S,
                            },
                            "idempotency-key", run->key);
}

static void on_ended(void *context)
{
    struct command_run *run = context;
    struct forward ended = run->forward; /* its buffers: the exchange, and the run with it, is gone with the answer */
    run->maybe_done = run->maybe_done || ended.was_sent;
    switch (ended.end) {
    case FORWARD_ANSWERED:
        if (is_second_step(run) && ended.status < 300)
            command_checkout_forwarded(run);
        else
            pass_on(run);
        break;
    case FORWARD_HERE:
        shard_submit(&run->shard);
        break;
    case FORWARD_EXPIRED:
        answer_expired(run);
        break;
    }
    forward_finish(&ended);
}

/* On the forwarder's thread. */
static void on_forward_done(struct forward *forward)
{
    struct command_run *run = (struct command_run *)(void *)((char *)forward - offsetof(struct command_run, forward));
    run->post = (struct http_post){.function = on_ended, .context = run};
    http_loop_post_node(run->exchange->loop, &run->post);
}

void command_forward(struct command_run *run)
{
    struct ev_request *request = &run->shard.request;
    struct forward *forward = &run->forward;
    int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
    *forward = (struct forward){
        .topic = run->shard.topic,
        .partition = shard_partition(&run->shard),
        .deadline_ms = request->deadline_ms,
        .stays = run->is_forwarded && !is_second_step(run),
        .method = request->type->method,
        .done = on_forward_done,
    };
    if (forward->stays) {
        int64_t until_ms = now_ms + COMMAND_FORWARDED_WAIT_MS;
        forward->deadline_ms = until_ms < forward->deadline_ms ? until_ms : forward->deadline_ms;
    } else {
        forward->path = is_second_step(run) ? second_path(run).data
                                            : ev_arena_copy(&run->exchange->arena, run->exchange->path).data;
        forward->body = is_second_step(run) ? second_body(run) : run->exchange->body;
        add_command(run);
        add_client(run);
    }
    if (!forwarder_submit(run->shard.app->forwarder, forward))
        command_answer_error(run, EV_ERR_LIMIT, true);
}
