/* How fast views fold by themselves: the order topic is read and decoded as projectors do it, documents go to a sink in
 * memory. One JSON line for each view.
 *
 *   fold_memory BROKERS PREFIX REGISTRY_URL COMMITS
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/core.h"
#include "fold/memory_sink.h"
#include "folding.h"
#include "views/views.h"

static int measure(struct folding *folding, const struct ev_view *view)
{
    static struct ev_projection_status status;
    struct ev_memory_sink sink;
    struct ev_error error = {0};
    int64_t took_ms = 0;
    ev_memory_sink_init(&sink);
    folding->view = view;
    folding->sink = &sink.sink;
    int r = folding_run(folding, &status, &took_ms, &error);
    if (r < 0)
        fprintf(stderr, "fold_memory: %s\n", error.message);
    else
        printf("{\"view\":\"%s\",\"events\":%lld,\"documents\":%zu,\"seconds\":%.3f,\"per_second\":%.0f}\n", view->name,
               (long long)status.events, sink.documents.count, (double)took_ms / 1e3,
               (double)status.events * 1e3 / (double)(took_ms > 0 ? took_ms : 1));
    ev_memory_sink_finish(&sink);
    return r;
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
    struct folding folding = {.brokers = argv[1], .prefix = argv[2]};
    if (!ev_str_to_int64(ev_str_of(argv[4]), &folding.commits) ||
        ev_registry_create(argv[3], NULL, &folding.registry, &error) < 0)
        return 1;
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]) && result == 0; i++)
        result = measure(&folding, views[i]);
    ev_registry_destroy(folding.registry);
    return result == 0 ? 0 : 1;
}
