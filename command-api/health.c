#include "health.h"

#include <inttypes.h>
#include <stdio.h>

#include "ownership.h"

#define DETAIL_MAX 256

static bool check_kafka(void *context, char ret_detail[DETAIL_MAX])
{
    const struct command_app *app = context;
    struct price_reader_status status;
    price_reader_status(app->price_reader, &status);
    int64_t silent_ms = ev_clock_monotonic_ms(&ev_clock_system) - status.seen_ms;
    if (status.seen_ms > 0 && silent_ms <= PRICE_READER_AWAY_MS)
        return true;
    if (status.seen_ms == 0)
        snprintf(ret_detail, DETAIL_MAX, "no broker of %s has answered yet", app->kafka.brokers);
    else
        snprintf(ret_detail, DETAIL_MAX, "no broker of %s has answered for %" PRId64 " s", app->kafka.brokers,
                 silent_ms / 1000);
    return false;
}

/* While partitions move from instance to instance commands wait or are forwarded: a process that was ready stays so for
 * a while, or each of them would be taken for dead whenever one of them stops. */
static bool is_settling(struct command_app *app)
{
    int64_t ready_ms = atomic_load(&app->ready_ms);
    return ready_ms && ev_clock_monotonic_ms(&ev_clock_system) - ready_ms < COMMAND_SETTLE_MS;
}

static bool check_partitions(void *context, char ret_detail[DETAIL_MAX])
{
    struct command_app *app = context;
    struct ownership_status status;
    ownership_status(context, &status);
    if (ownership_is_ready(&status)) {
        atomic_store(&app->ready_ms, ev_clock_monotonic_ms(&ev_clock_system));
        return true;
    }
    if (is_settling(app))
        return true;
    if (status.member)
        snprintf(ret_detail, DETAIL_MAX, "%u of the %u partitions that are this instance's are served", status.serving,
                 status.assigned);
    else
        snprintf(ret_detail, DETAIL_MAX, "not a member of the instances' group%s%.180s", status.fault[0] ? ": " : "",
                 status.fault);
    return false;
}

static bool check_prices(void *context, char ret_detail[DETAIL_MAX])
{
    const struct command_app *app = context;
    struct price_reader_status status;
    price_reader_status(app->price_reader, &status);
    if (status.failed)
        snprintf(ret_detail, DETAIL_MAX, "%.200s", status.fault);
    else if (!status.caught_up)
        snprintf(ret_detail, DETAIL_MAX, "the price list is being read, %" PRId64 " records to go", status.lag);
    return status.caught_up && !status.failed;
}

void command_health_init(struct http_health *ret, struct command_app *app)
{
    *ret = (struct http_health){
        .checks =
            {
                {.name = "kafka", .required = true, .check = check_kafka, .context = app},
                {.name = "partitions", .required = true, .check = check_partitions, .context = app},
                {.name = "prices", .required = true, .check = check_prices, .context = app},
            },
        .count = 3,
        .metrics = app->metrics,
    };
}
