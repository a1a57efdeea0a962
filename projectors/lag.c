#include "lag.h"

#include <inttypes.h>
#include <stdio.h>

struct lag_sum {
    int64_t events; /* -1: not known */
    int64_t ms;
    size_t stopped;
};

static struct lag_sum lag_add_up(const struct ev_projection_status *status)
{
    struct lag_sum sum = {.events = status->partition_count > 0 ? 0 : -1};
    for (int32_t i = 0; i < status->partition_count; i++) {
        const struct ev_partition_status *partition = &status->partitions[i];
        if (!partition->owned)
            continue;
        if (partition->end < 0)
            sum.events = -1;
        else if (sum.events >= 0 && partition->end > partition->position)
            sum.events += partition->end - partition->position;
        if (partition->lag_ms > sum.ms)
            sum.ms = partition->lag_ms;
        sum.stopped += partition->stopped;
    }
    return sum;
}

static void lag_write_partition(struct ev_json_writer *writer, int32_t number,
                                const struct ev_partition_status *partition)
{
    int64_t lag = partition->end < 0                     ? -1
                  : partition->end > partition->position ? partition->end - partition->position
                                                         : 0;
    ev_json_object_begin(writer);
    ev_json_kv_int64(writer, "partition", number);
    ev_json_kv_int64(writer, "position", partition->position);
    ev_json_kv_int64(writer, "end", partition->end);
    ev_json_kv_int64(writer, "lag_events", lag);
    ev_json_kv_double(writer, "lag_seconds", (double)partition->lag_ms / 1000);
    if (partition->stopped)
        ev_json_kv_bool(writer, "stopped", true);
    ev_json_object_end(writer);
}

/* How old the answer is that the log's end is taken from; -1: none yet. */
static int64_t lag_ends_age_ms(const struct ev_projection_status *status)
{
    return status->ends_asked_ms > 0 ? ev_clock_monotonic_ms(&ev_clock_system) - status->ends_asked_ms : -1;
}

static void lag_write(struct ev_json_writer *writer, const struct worker *worker)
{
    struct ev_projection_status status;
    ev_projection_status(worker->projection, &status);
    struct lag_sum sum = lag_add_up(&status);
    ev_json_object_begin(writer);
    ev_json_kv_cstr(writer, "view", worker->view->name);
    ev_json_kv_int64(writer, "version", worker->view->version);
    ev_json_kv_int64(writer, "generation", worker->sink->generation);
    ev_json_kv_cstr(writer, "sink", worker->sink->name);
    ev_json_kv_cstr(writer, "state", ev_projection_state_text(status.state));
    ev_json_kv_int64(writer, "lag_events", sum.events);
    ev_json_kv_int64(writer, "ends_age_ms", lag_ends_age_ms(&status));
    ev_json_kv_double(writer, "lag_seconds", (double)sum.ms / 1000);
    ev_json_kv_double(writer, "events_per_second", status.events_per_second);
    ev_json_kv_int64(writer, "events", status.events);
    ev_json_kv_int64(writer, "documents_written", status.documents_written);
    ev_json_kv_int64(writer, "void", status.void_count);
    ev_json_kv_int64(writer, "retries", status.retries);
    ev_json_kv_int64(writer, "parked", (int64_t)status.parked);
    ev_json_kv_cstr(writer, "error", status.error);
    ev_json_key(writer, EV_STR("partitions"));
    ev_json_array_begin(writer);
    for (int32_t i = 0; i < status.partition_count; i++)
        if (status.partitions[i].owned)
            lag_write_partition(writer, i, &status.partitions[i]);
    ev_json_array_end(writer);
    ev_json_object_end(writer);
}

/* The store is away, or another version is live and this one is being built. */
static void lag_write_waiting(struct ev_json_writer *writer, const struct keeper *keeper)
{
    ev_json_object_begin(writer);
    ev_json_kv_cstr(writer, "view", keeper->choice.view->name);
    ev_json_kv_int64(writer, "version", keeper->choice.view->version);
    ev_json_kv_cstr(writer, "sink", choice_store_name(keeper->choice.store));
    ev_json_kv_cstr(writer, "state",
                    ev_projection_state_text(keeper->waits[0] ? EV_PROJECTION_RETRYING : EV_PROJECTION_STARTING));
    ev_json_kv_int64(writer, "lag_events", -1);
    ev_json_kv_int64(writer, "ends_age_ms", -1);
    ev_json_kv_double(writer, "lag_seconds", 0);
    ev_json_kv_double(writer, "events_per_second", 0);
    ev_json_kv_int64(writer, "events", 0);
    ev_json_kv_int64(writer, "documents_written", 0);
    ev_json_kv_int64(writer, "parked", 0);
    ev_json_kv_cstr(writer, "error", keeper->waits);
    ev_json_key(writer, EV_STR("partitions"));
    ev_json_array_begin(writer);
    ev_json_array_end(writer);
    ev_json_object_end(writer);
}

static void lag_write_kept(struct ev_json_writer *writer, const struct keeper *keeper)
{
    for (int place = 0; place < KEEPER_GENERATIONS_MAX; place++)
        if (keeper->workers[place] && place != keeper->live)
            lag_write(writer, keeper->workers[place]);
}

void lag_handle(struct http_exchange *exchange, void *context)
{
    struct keeper_table *table = context;
    struct ev_buffer body;
    struct ev_json_writer writer;
    ev_buffer_init(&body);
    ev_json_init(&writer, &body);
    pthread_mutex_lock(&table->lock);
    ev_json_object_begin(&writer);
    ev_json_key(&writer, EV_STR("projections"));
    ev_json_array_begin(&writer);
    for (size_t i = 0; i < table->count; i++) {
        const struct keeper *keeper = &table->keepers[i];
        if (keeper->live >= 0)
            lag_write(&writer, keeper->workers[keeper->live]);
        else
            lag_write_waiting(&writer, keeper);
    }
    ev_json_array_end(&writer);
    ev_json_key(&writer, EV_STR("kept"));
    ev_json_array_begin(&writer);
    for (size_t i = 0; i < table->count; i++)
        lag_write_kept(&writer, &table->keepers[i]);
    ev_json_array_end(&writer);
    ev_json_object_end(&writer);
    pthread_mutex_unlock(&table->lock);
    struct http_reply reply = {.status = 200, .body = ev_arena_copy(&exchange->arena, ev_buffer_str(&body))};
    ev_buffer_finish(&body);
    http_reply(exchange, &reply);
}

static bool lag_check_worker(const struct worker *worker, char ret_detail[256])
{
    struct ev_projection_status status;
    ev_projection_status(worker->projection, &status);
    struct lag_sum sum = lag_add_up(&status);
    if (status.parked > 0 && sum.stopped == 0)
        snprintf(ret_detail, 256, "%zu parked: orderlog parked list %s", status.parked, worker->view->name);
    if (status.state == EV_PROJECTION_LIVE && sum.stopped == 0)
        return true;
    bool waits = status.state == EV_PROJECTION_RETRYING || status.state == EV_PROJECTION_REFUSED || sum.stopped > 0;
    if (waits)
        snprintf(ret_detail, 256, "%s: %.220s", ev_projection_state_text(status.state), status.error);
    else
        snprintf(ret_detail, 256, "%s, %" PRId64 " events to go", ev_projection_state_text(status.state), sum.events);
    return false;
}

bool lag_check(void *context, char ret_detail[256])
{
    const struct keeper *keeper = context;
    pthread_mutex_lock(&keeper->table->lock);
    bool fine = keeper->live >= 0 && lag_check_worker(keeper->workers[keeper->live], ret_detail);
    if (keeper->live < 0)
        snprintf(ret_detail, 256, "%.250s", keeper->waits[0] ? keeper->waits : "starting");
    pthread_mutex_unlock(&keeper->table->lock);
    return fine;
}
