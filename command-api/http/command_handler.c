#include "http/command.h"

static void on_done(struct ev_request *request, const struct ev_result *result)
{
    struct command_run *run = command_run_of(request);
    if (!command_dispatch_again(run, result) && !command_offers_retry(run, result))
        command_answer(run, result);
}

/* The body as the command's struct; false: a problem was answered. */
static bool parse_command(struct command_run *run)
{
    struct http_exchange *exchange = run->exchange;
    const struct ev_command_type *type = run->route->type;
    yyjson_val *root = NULL;
    struct ev_error error;
    if (exchange->body.length && ev_json_parse(exchange->body, &exchange->arena, &root, &error) < 0) {
        command_refuse(run, "validation-failed", "The request's body is no JSON that can be read",
                       ev_arena_copy(&exchange->arena, ev_str_of(error.message)));
        return false;
    }
    struct ev_path_value values[HTTP_PATH_VALUES_MAX];
    for (size_t i = 0; i < exchange->path_value_count; i++)
        values[i] = (struct ev_path_value){exchange->path_values[i].name, exchange->path_values[i].value};
    struct ev_faults faults; /* not zeroed: its items are kilobytes, and hardly ever there */
    faults.arena = &exchange->arena;
    faults.count = faults.total = 0;
    void *body = ev_arena_alloc(&exchange->arena, type->record->size);
    if (ev_command_parse(type, root, values, exchange->path_value_count, &exchange->arena, body, &faults) != 0) {
        command_refuse_faults(run, &faults);
        return false;
    }
    run->shard.request.body = body;
    return true;
}

void command_handle(struct http_exchange *exchange, void *context)
{
    const struct command_route *route = context;
    struct command_run *run = ev_arena_new(&exchange->arena, struct command_run);
    struct ev_request *request = &run->shard.request;
    run->exchange = exchange;
    run->route = route;
    run->shard.app = route->app;
    run->shard.topic = route->topic;
    request->type = route->type;
    request->arena = &exchange->arena;
    request->done = on_done;
    request->wants_state = route->type == &check_out_cart_command;
    if (!command_forwarded_read(run) || !command_read_headers(run) || !parse_command(run))
        return;
    command_identify(run);
    if (!command_forwarded_check(run))
        return;
    int64_t wait_ms = run->is_forwarded ? run->given_ms
                      : run->wait_s     ? run->wait_s * 1000
                                        : route->app->limits.deadline_ms;
    request->now_ms = ev_clock_wall_ms(&ev_clock_system);
    request->deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + wait_ms;
    command_dispatch(run);
}
