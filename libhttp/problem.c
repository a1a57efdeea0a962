#include "libhttp/problem.h"

#include <stdio.h>

static void write_errors(struct ev_json_writer *writer, const struct http_problem *problem)
{
    ev_json_key(writer, EV_STR("errors"));
    ev_json_array_begin(writer);
    for (size_t i = 0; i < problem->error_count; i++) {
        const struct http_problem_error *error = &problem->errors[i];
        ev_json_object_begin(writer);
        ev_json_kv_string(writer, "pointer", error->pointer.data ? error->pointer : EV_STR(""));
        if (error->code.data)
            ev_json_kv_string(writer, "code", error->code);
        if (error->detail.data)
            ev_json_kv_string(writer, "detail", error->detail);
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
    if (problem->error_total > problem->error_count)
        ev_json_kv_int64(writer, "error_total", (int64_t)problem->error_total);
}

static void write_problem(const struct http_exchange *exchange, const struct http_problem *problem,
                          struct ev_buffer *out)
{
    struct ev_json_writer writer;
    char type[128];
    snprintf(type, sizeof(type), HTTP_PROBLEM_TYPE_PREFIX "%s", problem->slug);
    ev_json_init(&writer, out);
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "type", type);
    ev_json_kv_cstr(&writer, "title", problem->title);
    ev_json_kv_int64(&writer, "status", problem->status);
    if (problem->detail.length)
        ev_json_kv_string(&writer, "detail", problem->detail);
    ev_json_kv_string(&writer, "instance", exchange->path);
    ev_json_kv_cstr(&writer, "request_id", exchange->request_id);
    ev_json_kv_cstr(&writer, "trace_id", exchange->trace_id);
    if (problem->error_count)
        write_errors(&writer, problem);
    for (size_t i = 0; problem->extra_names && problem->extra_names[i]; i++) {
        ev_json_key(&writer, ev_str_of(problem->extra_names[i]));
        ev_json_raw(&writer, problem->extra_json[i]);
    }
    ev_json_object_end(&writer);
}

void http_reply_problem_with(struct http_exchange *exchange, const struct http_problem *problem, const char *name,
                             struct ev_str value)
{
    struct ev_buffer out;
    ev_buffer_init(&out);
    write_problem(exchange, problem, &out);
    struct http_reply reply = {.status = problem->status, .content_type = "application/problem+json"};
    reply.body = ev_arena_copy(&exchange->arena, ev_buffer_str(&out));
    ev_buffer_finish(&out);
    if (name)
        http_reply_add_header(&reply, name, value);
    if (problem->retry_after_s > 0)
        http_reply_add_header(&reply, "retry-after", ev_arena_printf(&exchange->arena, "%d", problem->retry_after_s));
    http_reply(exchange, &reply);
}

void http_reply_problem(struct http_exchange *exchange, const struct http_problem *problem)
{
    http_reply_problem_with(exchange, problem, NULL, EV_STR_NULL);
}
