#include "api.h"

#include "positions.h"
#include "resources.h"

#define FIRST_LOOK_MS 3000

static const struct ev_config_option query_api_options[] = {
    {"mongodb-uri", EV_CONFIG_SECRET, "mongodb://127.0.0.1:27017/orderlog", "MongoDB, with the database's name", 0, 0},
    {"elasticsearch-url", EV_CONFIG_SECRET, "http://127.0.0.1:9200", "Elasticsearch or OpenSearch", 0, 0},
    {"topic-prefix", EV_CONFIG_STRING, "orderlog",
     "namespace of the installation: before the names of collections and indexes when not the default", 0, 0},
    {"listen", EV_CONFIG_STRING, "127.0.0.1:8081", "address and port for queries", 0, 0},
    {"private-listen", EV_CONFIG_STRING, "127.0.0.1:9081", "address and port for health and metrics", 0, 0},
    {"threads", EV_CONFIG_INT, "1", "event loops", 1, 64},
    {"connections-max", EV_CONFIG_INT, "4096", "open connections of clients, at most", 1, 100000},
    {"mongodb-workers", EV_CONFIG_INT, "8", "queries that MongoDB answers at a time", 1, 128},
    {"stop-delay-ms", EV_CONFIG_INT, "0",
     "how long after SIGTERM requests are still taken while /readyz says 503, so that the proxy before it notices", 0,
     60000},
    {"drain-seconds", EV_CONFIG_INT, "10", "how long running requests may take when the process is told to stop", 0,
     300},
    {"log-level", EV_CONFIG_STRING, "info", "debug, info, warn or error", 0, 0},
    {"routes", EV_CONFIG_BOOL, "false", "print the routes as JSON lines and exit", 0, 0},
    {0},
};

const struct ev_config_program query_api_program = {
    .name = "query-api",
    .summary = "serves what the views hold, from MongoDB and Elasticsearch",
    .usage = "[options]",
    .options = query_api_options,
};

static const struct query_resource *const query_resources[] = {
#define X(name) &name##_resource,
    QUERY_RESOURCES(X)
#undef X
};
#define QUERY_RESOURCE_COUNT (sizeof(query_resources) / sizeof(query_resources[0]))
_Static_assert(QUERY_RESOURCE_COUNT + 4 <= QUERY_ROUTES_MAX, "room for positions, health and metrics");

/* One store is enough to be of use: the queries of the other one answer 503 each. */
static bool query_service_check_any_store(void *context, char ret_detail[256])
{
    struct query_service *service = context;
    bool any = false;
    for (size_t i = 0; i < QUERY_STORES; i++)
        any = store_state_check(&service->api.states[i], ret_detail) || any;
    return any;
}

void query_service_make_routes(struct query_service *service)
{
    for (size_t i = 0; i < QUERY_RESOURCE_COUNT; i++) {
        query_route_init(&service->query_routes[i], &service->api, query_resources[i]);
        service->routes[service->route_count++] = (struct http_route){
            .method = "GET",
            .path = query_resources[i]->path,
            .exposure = HTTP_PUBLIC,
            .name = query_resources[i]->name,
            .summary = query_resources[i]->summary,
            .handler = query_handle,
            .context = &service->query_routes[i],
        };
    }
    service->routes[service->route_count++] = (struct http_route){
        .method = "GET",
        .path = POSITIONS_PATH,
        .exposure = HTTP_PUBLIC,
        .name = "ListPositions",
        .summary = "how far each view has come",
        .handler = positions_handle,
        .context = &service->api,
    };
    service->route_count += http_health_routes(&service->health, service->routes + service->route_count);
}

static void query_service_make_checks(struct query_service *service)
{
    struct http_health *health = &service->health;
    health->metrics = service->api.metrics;
    for (size_t i = 0; i < QUERY_STORES; i++)
        health->checks[health->count++] = (struct http_health_check){.name = query_store_name((enum query_store)i),
                                                                     .check = store_state_check,
                                                                     .context = &service->api.states[i]};
    health->checks[health->count++] = (struct http_health_check){
        .name = "any-store", .required = true, .check = query_service_check_any_store, .context = service};
}

int query_service_start(struct query_service *service, const struct ev_config *config, struct ev_error *error)
{
    struct query_api *api = &service->api;
    api->metrics = ev_metrics_create();
    api->prefix = ev_config_string(config, "topic-prefix");
    for (size_t i = 0; i < QUERY_STORES; i++)
        store_state_init(&api->states[i], (enum query_store)i, api->metrics);
    query_service_make_routes(service);
    query_service_make_checks(service);

    struct mongo_pool_options mongo = {
        .uri = ev_config_string(config, "mongodb-uri"),
        .prefix = api->prefix,
        .workers = (unsigned)ev_config_int(config, "mongodb-workers"),
        .metrics = api->metrics,
        .state = &api->states[QUERY_STORE_MONGODB],
    };
    struct elastic_options elastic = {
        .url = ev_config_string(config, "elasticsearch-url"),
        .prefix = api->prefix,
        .metrics = api->metrics,
        .state = &api->states[QUERY_STORE_ELASTICSEARCH],
    };
    int fault = mongo_pool_create(&mongo, &api->mongo, error);
    if (!fault)
        fault = elastic_create(&elastic, &api->elastic, error);
    if (fault)
        return fault;
    const struct tracker_source sources[QUERY_STORES] = {
        [QUERY_STORE_MONGODB] = mongo_pool_tracker_source(api->mongo),
        [QUERY_STORE_ELASTICSEARCH] = elastic_tracker_source(api->elastic),
    };
    for (size_t i = 0; i < QUERY_STORES && !fault; i++)
        fault = tracker_create(&sources[i], &api->states[i], &api->trackers[i], error);
    /* So that the first queries don't find a store away that nobody has asked yet. */
    for (size_t i = 0; i < QUERY_STORES && !fault; i++)
        tracker_await_first_look(api->trackers[i], FIRST_LOOK_MS);
    return fault;
}

void query_service_stop_waits(struct query_service *service)
{
    for (size_t i = 0; i < QUERY_STORES; i++)
        tracker_stop_waits(service->api.trackers[i]);
}

void query_service_finish(struct query_service *service)
{
    struct query_api *api = &service->api;
    for (size_t i = 0; i < QUERY_STORES; i++)
        tracker_destroy(api->trackers[i]);
    elastic_destroy(api->elastic);
    mongo_pool_destroy(api->mongo);
    for (size_t i = 0; i < QUERY_STORES; i++)
        store_state_finish(&api->states[i]);
}
