/* What a replay is measured against: a projector that loads, folds and writes the document once for each event, as
 * simple ones do. The same log reader, fold and MongoDB driver, with batches of one record and no cache; checkpoints
 * once a second, as always. Its collections have the prefix OWN_PREFIX. One JSON line.
 *
 *   naive_projector BROKERS PREFIX REGISTRY_URL MONGODB_URI OWN_PREFIX VIEW COMMITS
 */
#include <stdio.h>

#include "core/core.h"
#include "folding.h"
#include "sinks/mongo.h"
#include "views/views.h"

#define NO_CACHE_BYTES ((size_t)1)

static const struct ev_view *view_of(const char *name)
{
    static const struct ev_view *const views[] = {&orders_view, &customers_view, &sales_daily_view};
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
        if (strcmp(views[i]->name, name) == 0)
            return views[i];
    return NULL;
}

static int measure(struct folding *folding, struct ev_error *error)
{
    static struct ev_projection_status status;
    int64_t took_ms = 0;
    int r = folding_run(folding, &status, &took_ms, error);
    if (r == 0)
        printf("{\"view\":\"%s\",\"events\":%lld,\"writes\":%lld,\"seconds\":%.3f,\"per_second\":%.0f}\n",
               folding->view->name, (long long)status.events, (long long)status.documents_written,
               (double)took_ms / 1e3, (double)status.events * 1e3 / (double)(took_ms > 0 ? took_ms : 1));
    return r;
}

int main(int argc, char **argv)
{
    struct mongo_pool *pool = NULL;
    struct ev_error error = {0};
    struct folding folding = {.batch = {.records_max = 1}, .cache_bytes_max = NO_CACHE_BYTES};
    if (argc == 8)
        folding.view = view_of(argv[6]);
    if (!folding.view || !ev_str_to_int64(ev_str_of(argv[7]), &folding.commits)) {
        fputs("usage: naive_projector BROKERS PREFIX REGISTRY_URL MONGODB_URI OWN_PREFIX VIEW COMMITS\n", stderr);
        return 2;
    }
    folding.brokers = argv[1];
    folding.prefix = argv[2];
    int r = ev_registry_create(argv[3], NULL, &folding.registry, &error);
    if (r >= 0)
        r = mongo_pool_create(argv[4], &pool, &error);
    if (r >= 0)
        r = mongo_sink_create(pool, argv[5], &folding.sink, &error);
    if (r >= 0)
        r = measure(&folding, &error);
    if (r < 0)
        fprintf(stderr, "naive_projector: %s\n", error.message);
    if (folding.sink)
        folding.sink->destroy(folding.sink);
    mongo_pool_destroy(pool);
    ev_registry_destroy(folding.registry);
    return r < 0 ? 1 : 0;
}
