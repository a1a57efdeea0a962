#include "http/routes.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gen/topics.h"
#include "http/command.h"

#define HEALTH_ROUTES_MAX 3

static void context_init(struct command_route *context, struct command_app *app, const struct ev_command_type *type)
{
    static const char *const outcomes[] = {
#define X(name, text) [EV_OUTCOME_##name] = (text),
        COMMAND_OUTCOMES(X)
#undef X
    };
    static const char help[] = "Commands answered, by outcome.";
    char labels[256];
    *context = (struct command_route){.app = app, .type = type};
    if (app->topic_count)
        context->topic = command_topic_of(app, type->category);
    for (size_t i = 0; i < COMMAND_OUTCOME_COUNT; i++) {
        snprintf(labels, sizeof(labels), "command=\"%s\",outcome=\"%s\"", type->name, outcomes[i]);
        context->by_outcome[i] = ev_metrics_counter(app->metrics, "orderlog_commands_total", labels, help);
    }
    snprintf(labels, sizeof(labels), "command=\"%s\",outcome=\"invalid\"", type->name);
    context->invalid = ev_metrics_counter(app->metrics, "orderlog_commands_total", labels, help);
    snprintf(labels, sizeof(labels), "command=\"%s\",outcome=\"forwarded\"", type->name);
    context->forwarded = ev_metrics_counter(app->metrics, "orderlog_commands_total", labels, help);
}

void command_routes_init(struct command_routes *ret, struct command_app *app, struct http_health *health)
{
    *ret = (struct command_routes){
        .items = ev_memory_alloc_array(orderlog_command_count + HEALTH_ROUTES_MAX, sizeof(*ret->items)),
        .contexts = ev_memory_alloc_array(orderlog_command_count, sizeof(*ret->contexts)),
    };
    for (size_t i = 0; i < orderlog_command_count; i++) {
        const struct ev_command_type *type = orderlog_commands[i];
        context_init(&ret->contexts[i], app, type);
        ret->items[ret->count++] = (struct http_route){
            .method = type->method,
            .path = type->path,
            .exposure = type->exposure == EV_EXPOSURE_PUBLIC ? HTTP_BOTH : HTTP_PRIVATE,
            .name = type->name,
            .summary = type->summary,
            .handler = command_handle,
            .context = &ret->contexts[i],
        };
    }
    if (health)
        ret->count += http_health_routes(health, ret->items + ret->count);
}

void command_routes_finish(struct command_routes *routes)
{
    free(routes->items);
    free(routes->contexts);
    *routes = (struct command_routes){0};
}
