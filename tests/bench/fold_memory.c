/* How fast views fold by themselves: the order topic is read and decoded as projectors do it, documents go to a sink in
 * memory. One JSON line for each view.
 *
 *   fold_memory BROKERS PREFIX REGISTRY_URL COMMITS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avro/registry.h"
#include "core/core.h"
#include "fold/memory_sink.h"
#include "fold/projection.h"
#include "gen/topics.h"
#include "views/views.h"

#define STEP_MS 200
#define STALL_MS 20000

struct bench {
    const char *brokers, *prefix;
    struct ev_registry *registry;
    int64_t commits; /* that the log is known to hold */
};

static int64_t now_us(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system) * 1000;
}

static int fail(const struct ev_error *error)
{
    fprintf(stderr, "fold_memory: %s\n", error->message);
    return -1;
}

/* Steps until all commits are in; the clock starts with the first batch. */
static int fold_all(const struct bench *bench, struct ev_projection *projection, struct ev_projection_status *status,
                    int64_t *ret_us)
{
    int64_t began_us = 0, heard_us = now_us();
    while (status->commits < bench->commits) {
        struct ev_error error = {0};
        int64_t before_us = now_us();
        int got = ev_projection_step(projection, STEP_MS, &error);
        if (got < 0 && !error.retriable)
            return fail(&error);
        if (got > 0) {
            began_us = began_us ? began_us : before_us;
            heard_us = now_us();
        }
        if (now_us() - heard_us > STALL_MS * 1000) {
            ev_error_set(&error, EV_ERR_TIMEOUT, "only %lld of %lld commits came", (long long)status->commits,
                         (long long)bench->commits);
            return fail(&error);
        }
        ev_projection_status(projection, status);
    }
    *ret_us = now_us() - began_us;
    return 0;
}

static int measure(const struct bench *bench, const struct ev_view *view)
{
    struct ev_reader_options options = {
        .kafka = {.brokers = bench->brokers, .topic_prefix = bench->prefix, .client_id = "fold_memory"},
        .topic = view->topic,
        .schemas = ev_registry_source(bench->registry),
        .include_void = true,
    };
    struct ev_memory_sink sink;
    struct ev_reader *reader = NULL;
    struct ev_error error = {0};
    struct ev_projection_status *status = calloc(1, sizeof(*status));
    int64_t took_us = 0;
    if (!status || ev_reader_create(&options, &reader, &error) < 0) {
        free(status);
        return fail(&error);
    }
    ev_memory_sink_init(&sink);
    struct ev_projection *projection = ev_projection_create(&(struct ev_projection_options){
        .view = view,
        .source = ev_commit_source_of_reader(reader),
        .sink = &sink.sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
    });
    int result = fold_all(bench, projection, status, &took_us);
    if (result == 0)
        printf("{\"view\":\"%s\",\"events\":%lld,\"documents\":%zu,\"seconds\":%.3f,\"per_second\":%.0f}\n", view->name,
               (long long)status->events, sink.documents.count, (double)took_us / 1e6,
               (double)status->events * 1e6 / (double)(took_us > 0 ? took_us : 1));
    ev_projection_destroy(projection);
    ev_memory_sink_finish(&sink);
    ev_reader_destroy(reader);
    free(status);
    return result;
}

int main(int argc, char **argv)
{
    static const struct ev_view *const views[] = {&orders_view, &customers_view, &sales_daily_view};
    struct ev_error error = {0};
    int result = 0;
    if (argc != 5) {
        fputs("usage: fold_memory BROKERS PREFIX REGISTRY_URL COMMITS\n", stderr);
        return 2;
    }
    struct bench bench = {.brokers = argv[1], .prefix = argv[2]};
    if (!ev_str_to_int64(ev_str_of(argv[4]), &bench.commits) ||
        ev_registry_create(argv[3], NULL, &bench.registry, &error) < 0)
        return 1;
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]) && result == 0; i++)
        result = measure(&bench, views[i]);
    ev_registry_destroy(bench.registry);
    return result == 0 ? 0 : 1;
}
