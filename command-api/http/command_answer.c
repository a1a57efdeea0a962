#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/command.h"
#include "libhttp/path.h"

static const char *outcome_name(enum ev_outcome outcome)
{
    switch (outcome) {
#define X(name, text)                                                                                                  \
    case EV_OUTCOME_##name:                                                                                            \
        return text;
        COMMAND_OUTCOMES(X)
#undef X
    }
    return "";
}

static void count_outcome(const struct command_run *run, enum ev_outcome outcome)
{
    ev_metric_add(run->route->by_outcome[outcome], 1);
}

struct command_step command_step_of(const struct command_run *run, const struct ev_result *result)
{
    return (struct command_step){
        .outcome = result->outcome,
        .version = result->version,
        .position = {ev_str_of(run->shard.topic->schema->name), result->partition, result->offset},
    };
}

static struct ev_str quote_version(struct ev_arena *arena, int64_t version)
{
    return ev_arena_printf(arena, "\"%" PRId64 "\"", version);
}

static struct ev_str position_token(struct ev_arena *arena, const struct command_step *steps, size_t count)
{
    struct ev_position positions[EV_POSITIONS_MAX];
    char token[EV_POSITION_TOKEN_MAX];
    for (size_t i = 0; i < count; i++)
        positions[i] = steps[i].position;
    size_t length = ev_position_token_format(positions, count, token);
    return ev_arena_copy(arena, (struct ev_str){token, length});
}

/* The first answer and that of every repetition are the same in all but `outcome`: each member is a function of the
 * commit. */
static struct ev_str success_body(const struct command_run *run, const struct command_step *step, struct ev_str token)
{
    struct ev_buffer *out = &shard_current()->scratch;
    struct ev_json_writer writer;
    ev_buffer_clear(out);
    ev_json_init(&writer, out);
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "stream", run->shard.request.stream_id);
    ev_json_kv_string(&writer, "id", run->id);
    ev_json_kv_string(&writer, run->route->type->key, run->id);
    ev_json_kv_int64(&writer, "version", step->version);
    ev_json_kv_string(&writer, "position", token);
    ev_json_kv_string(&writer, "command_id", (struct ev_str){run->command_id, EV_UUID_TEXT_LENGTH});
    if (run->order_id.data)
        ev_json_kv_string(&writer, "order_id", run->order_id);
    ev_json_kv_cstr(&writer, "outcome", outcome_name(step->outcome));
    ev_json_object_end(&writer);
    return ev_arena_copy(&run->exchange->arena, ev_buffer_str(out));
}

/* The resource's own path: its collection, which is the first two segments of the command's path, and its id. */
static struct ev_str location_of(struct ev_arena *arena, const char *path, struct ev_str id)
{
    const char *end = path;
    for (int slashes = 0; *end && (*end != '/' || slashes < 2); end++)
        slashes += *end == '/';
    const struct ev_str parts[] = {{path, (size_t)(end - path)}, EV_STR("/"), http_percent_encode(id, arena)};
    return command_join(arena, parts, sizeof(parts) / sizeof(parts[0]), false);
}

/* Something that hasn't been there before, and where: the null string for commands that change what is there. */
static struct ev_str created_location(const struct command_run *run, const struct command_step *step)
{
    struct ev_arena *arena = &run->exchange->arena;
    if (step->outcome == EV_OUTCOME_UNCHANGED)
        return EV_STR_NULL;
    if (run->order_id.data)
        return location_of(arena, place_order_command.path, run->order_id);
    if (run->route->type->creates && step->version == 1)
        return location_of(arena, run->route->type->path, run->id);
    return EV_STR_NULL;
}

void command_answer_success(struct command_run *run, const struct command_step *steps, size_t count)
{
    struct ev_arena *arena = &run->exchange->arena;
    struct ev_str token = position_token(arena, steps, count);
    struct ev_str location = created_location(run, &steps[0]);
    struct http_reply reply = {.status = location.data ? 201 : 200};
    count_outcome(run, steps[0].outcome);
    reply.body = success_body(run, &steps[0], token);
    http_reply_add_header(&reply, "etag", quote_version(arena, steps[0].version));
    http_reply_add_header(&reply, "position", token);
    http_reply_add_header(&reply, "idempotency-key", run->key);
    if (location.data)
        http_reply_add_header(&reply, "location", location);
    if (run->wait_s)
        http_reply_add_header(&reply, "preference-applied", ev_arena_printf(arena, "wait=%" PRId64, run->wait_s));
    http_reply(run->exchange, &reply);
}

static void answer_rejection(struct command_run *run, const struct ev_result *result)
{
    const struct rejection_type *type = rejection_find(result->rejection);
    struct ev_arena *arena = &run->exchange->arena;
    if (!type) {
        http_reply_problem(run->exchange,
                           &(struct http_problem){.status = 500,
                                                  .slug = "internal-error",
                                                  .title = "The command was refused for no known reason"});
        return;
    }
    struct ev_str detail = ev_arena_copy(arena, ev_str_of(result->decision->detail));
    struct http_problem_error error = {
        .pointer = ev_arena_copy(arena, ev_str_of(result->decision->pointer)),
        .code = ev_str_of(type->slug),
        .detail = detail,
    };
    http_reply_problem(run->exchange, &(struct http_problem){
                                          .status = type->status,
                                          .slug = type->slug,
                                          .title = type->title,
                                          .detail = detail,
                                          .errors = &error,
                                          .error_count = error.pointer.length ? 1 : 0,
                                          .error_total = error.pointer.length ? 1 : 0,
                                      });
}

static void answer_mismatch(struct command_run *run, const struct ev_result *result)
{
    struct ev_arena *arena = &run->exchange->arena;
    struct ev_str current = quote_version(arena, result->version);
    http_reply_problem_with(
        run->exchange,
        &(struct http_problem){
            .status = 412,
            .slug = "version-mismatch",
            .title = "It was changed meanwhile",
            .detail = ev_arena_printf(arena, "If-Match asked for version %" PRId64 "; it has version %" PRId64 ".",
                                      run->shard.request.expected_version, result->version),
        },
        "etag", current);
}

/* How a command can fail without a decision. */
static const struct {
    enum ev_error_code code;
    int status;
    const char *slug, *title, *detail; /* detail NULL: the error's own message */
} failures[] = {
    {EV_ERR_TIMEOUT, 504, "in-doubt", "The deadline passed before the log had answered",
     "It is not known whether the command was carried out. Send it again with the same Idempotency-Key."},
    {EV_ERR_LIMIT, 503, "overloaded", "Too many commands are waiting", "Send it again later."},
    {EV_ERR_UNAVAILABLE, 503, "log-unavailable", "The log can't be reached", NULL},
    {EV_ERR_FENCED, 503, "not-the-owner", "Another instance has taken over", "Send it again."},
};

static void answer_failure(struct command_run *run, const struct ev_result *result)
{
    struct ev_arena *arena = &run->exchange->arena;
    struct http_problem problem = {.status = 500, .slug = "internal-error", .title = "The command failed"};
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].code != result->error.code)
            continue;
        problem =
            (struct http_problem){.status = failures[i].status, .slug = failures[i].slug, .title = failures[i].title};
        problem.retry_after_s = COMMAND_RETRY_AFTER_S;
        problem.detail =
            ev_arena_copy(arena, ev_str_of(failures[i].detail ? failures[i].detail : result->error.message));
    }
    if (result->error.code == EV_ERR_LIMIT && !result->error.retriable)
        problem = (struct http_problem){.status = 422,
                                        .slug = "command-too-large",
                                        .title = "What follows from the command is too large",
                                        .detail = ev_arena_copy(arena, ev_str_of(result->error.message))};
    if (problem.status == 500)
        ev_log(EV_LOG_ERROR, "command.failed", "a command failed", ev_log_cstr("command", run->route->type->name),
               ev_log_str("stream", run->shard.request.stream_id),
               ev_log_str("correlation_id", run->shard.request.correlation_id),
               ev_log_cstr("error", result->error.message));
    http_reply_problem_with(run->exchange, &problem, "idempotency-key", run->key);
}

void command_answer_fault(struct command_run *run, const struct ev_result *result)
{
    count_outcome(run, result->outcome);
    switch (result->outcome) {
    case EV_OUTCOME_REJECTED:
        if (command_offers_is_rejection(run, result))
            command_offers_reject(run, result);
        else
            answer_rejection(run, result);
        break;
    case EV_OUTCOME_MISMATCH:
        answer_mismatch(run, result);
        break;
    case EV_OUTCOME_REUSED:
        http_reply_problem(run->exchange, &(struct http_problem){
                                              .status = 422,
                                              .slug = "idempotency-key-reused",
                                              .title = "The Idempotency-Key belongs to another request",
                                              .detail = EV_STR("It was used before with another body. Take a new key."),
                                          });
        break;
    case EV_OUTCOME_FAILED:
        answer_failure(run, result);
        break;
    case EV_OUTCOME_COMMITTED:
    case EV_OUTCOME_UNCHANGED:
    case EV_OUTCOME_DUPLICATE:
        break;
    }
}

void command_answer_error(struct command_run *run, enum ev_error_code code, bool retriable)
{
    struct ev_result result = {.outcome = EV_OUTCOME_FAILED, .error = {.code = code, .retriable = retriable}};
    command_answer_fault(run, &result);
}

void command_answer(struct command_run *run, const struct ev_result *result)
{
    if (!command_succeeded(result)) {
        command_answer_fault(run, result);
    } else if (run->route->type == &check_out_cart_command) {
        command_checkout_answer(run, result);
    } else {
        struct command_step step = command_step_of(run, result);
        command_answer_success(run, &step, 1);
    }
}

void command_refuse(struct command_run *run, const char *slug, const char *title, struct ev_str detail)
{
    ev_metric_add(run->route->invalid, 1);
    http_reply_problem(run->exchange,
                       &(struct http_problem){.status = 400, .slug = slug, .title = title, .detail = detail});
}

void command_refuse_faults(struct command_run *run, const struct ev_faults *faults)
{
    struct http_problem_error *errors =
        ev_arena_new_array(&run->exchange->arena, struct http_problem_error, faults->count);
    for (size_t i = 0; i < faults->count; i++)
        errors[i] =
            (struct http_problem_error){faults->items[i].pointer, faults->items[i].code, faults->items[i].detail};
    ev_metric_add(run->route->invalid, 1);
    http_reply_problem(run->exchange, &(struct http_problem){
                                          .status = 400,
                                          .slug = "validation-failed",
                                          .title = "The request doesn't match the command's schema",
                                          .errors = errors,
                                          .error_count = faults->count,
                                          .error_total = faults->total,
                                      });
}
