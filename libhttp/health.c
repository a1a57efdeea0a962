#include "libhttp/health.h"

#include <stdio.h>
#include <unistd.h>

#include "libhttp/problem.h"

#define READY_RETRY_AFTER_S 1

static void handle_live(struct http_exchange *exchange, void *context)
{
    (void)context;
    http_reply(exchange, &(struct http_reply){.status = 200, .body = EV_STR("{\"status\":\"live\"}")});
}

/* Writes the list of checks; returns whether all that are required are fine. */
static bool write_checks(const struct http_health *health, struct ev_json_writer *writer, struct ev_buffer *faults,
                         bool *ret_degraded)
{
    bool ready = true;
    *ret_degraded = false;
    ev_json_array_begin(writer);
    for (size_t i = 0; i < health->count; i++) {
        const struct http_health_check *check = &health->checks[i];
        char detail[256] = "";
        bool fine = check->check(check->context, detail);
        ev_json_object_begin(writer);
        ev_json_kv_cstr(writer, "name", check->name);
        ev_json_kv_bool(writer, "ok", fine);
        ev_json_kv_bool(writer, "required", check->required);
        if (detail[0])
            ev_json_kv_cstr(writer, "detail", detail);
        ev_json_object_end(writer);
        if (fine)
            continue;
        *ret_degraded = true;
        if (check->required) {
            ready = false;
            ev_buffer_printf(faults, "%s%s: %s", faults->length ? "; " : "", check->name,
                             detail[0] ? detail : "not ready");
        }
    }
    ev_json_array_end(writer);
    return ready;
}

static void reply_unready(struct http_exchange *exchange, struct ev_str checks, struct ev_str faults)
{
    static const char *const names[] = {"checks", NULL};
    http_reply_problem(exchange, &(struct http_problem){.status = 503,
                                                        .slug = "not-ready",
                                                        .title = "This process is not ready",
                                                        .detail = faults,
                                                        .retry_after_s = READY_RETRY_AFTER_S,
                                                        .extra_names = names,
                                                        .extra_json = &checks});
}

static void handle_ready(struct http_exchange *exchange, void *context)
{
    const struct http_health *health = context;
    if (http_loop_is_leaving(exchange->loop)) {
        reply_unready(exchange, EV_STR("{}"), EV_STR("This process is stopping."));
        return;
    }
    struct ev_buffer json = {0}, faults = {0};
    struct ev_json_writer writer;
    bool degraded;
    ev_json_init(&writer, &json);
    bool ready = write_checks(health, &writer, &faults, &degraded);
    struct ev_str checks = ev_arena_copy(&exchange->arena, ev_buffer_str(&json));
    struct ev_str detail = ev_arena_copy(&exchange->arena, ev_buffer_str(&faults));
    ev_buffer_finish(&json);
    ev_buffer_finish(&faults);
    if (!ready) {
        reply_unready(exchange, checks, detail);
        return;
    }
    struct ev_str body = ev_arena_printf(&exchange->arena, "{\"status\":\"%s\",\"checks\":%.*s}",
                                         degraded ? "degraded" : "ready", EV_STR_ARG(checks));
    http_reply(exchange, &(struct http_reply){.status = 200, .body = body});
}

/* Prometheus' own name for what the process takes of the machine. */
static void write_memory(struct ev_buffer *out)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%*s %ld", &pages) == 1)
        ev_buffer_printf(out,
                         "# HELP process_resident_memory_bytes Memory that is in use.\n"
                         "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %lld\n",
                         (long long)pages * sysconf(_SC_PAGESIZE));
    (void)fclose(file);
}

static void handle_metrics(struct http_exchange *exchange, void *context)
{
    const struct http_health *health = context;
    struct ev_buffer out = {0};
    ev_metrics_write(health->metrics, &out);
    write_memory(&out);
    struct ev_str body = ev_arena_copy(&exchange->arena, ev_buffer_str(&out));
    ev_buffer_finish(&out);
    http_reply(exchange, &(struct http_reply){
                             .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = body});
}

size_t http_health_routes(struct http_health *health, struct http_route *routes)
{
    routes[0] = (struct http_route){.method = "GET",
                                    .path = "/livez",
                                    .exposure = HTTP_BOTH,
                                    .name = "livez",
                                    .handler = handle_live,
                                    .context = health};
    routes[1] = (struct http_route){.method = "GET",
                                    .path = "/readyz",
                                    .exposure = HTTP_BOTH,
                                    .name = "readyz",
                                    .handler = handle_ready,
                                    .context = health};
    routes[2] = (struct http_route){.method = "GET",
                                    .path = "/metrics",
                                    .exposure = HTTP_PRIVATE,
                                    .name = "metrics",
                                    .handler = handle_metrics,
                                    .context = health};
    return 3;
}
