#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fold/projection_internal.h"

#define PROJECTION_RATE_WINDOW_MS 2000

static const char *const state_texts[] = {
#define X(name, text) text,
    EV_PROJECTION_STATES(X)
#undef X
};

const char *ev_projection_state_text(enum ev_projection_state state)
{
    return state_texts[state];
}

static int64_t projection_wall_ms(const struct ev_projection *projection)
{
    return ev_clock_wall_ms(projection->options.clock);
}

/* The generation is named from the second on, which a replay made. */
static void projection_labels(const struct ev_projection *projection, char *ret_labels, size_t size)
{
    int length = snprintf(ret_labels, size, "view=\"%s\",sink=\"%s\"", projection->view->name, projection->sink->name);
    if (projection->sink->generation > 1)
        snprintf(ret_labels + length, size - (size_t)length, ",generation=\"%d\"", projection->sink->generation);
}

void projection_register_metrics(struct ev_projection *projection)
{
    struct ev_metrics *metrics = projection->options.metrics;
    struct projection_metrics *m = &projection->metrics;
    if (!metrics)
        return;
    char labels[160];
    projection_labels(projection, labels, sizeof(labels));
#define X(name, help) m->name = ev_metrics_counter(metrics, "orderlog_projection_" #name "_total", labels, help);
    PROJECTION_COUNTERS(X)
#undef X
    m->retries = ev_metrics_counter(metrics, "orderlog_projection_retries_total", labels,
                                    "pauses because the log or the store was away or busy");
    m->parked = ev_metrics_gauge(metrics, "orderlog_projection_parked", labels, "parked documents");
    m->stopped = ev_metrics_gauge(metrics, "orderlog_projection_stopped", labels,
                                  "partitions that are read no further than a record that can't be decoded");
    m->state = ev_metrics_gauge(metrics, "orderlog_projection_up", labels, "1 while it takes events in");
    m->paused = ev_metrics_gauge(metrics, "orderlog_projection_paused", labels, "1 while an operator has it paused");
    m->batch_events =
        ev_metrics_size_histogram(metrics, "orderlog_projection_batch_events", labels, "events of a batch");
    m->write_latency = ev_metrics_histogram(metrics, "orderlog_projection_write_seconds", labels,
                                            "time to load, fold and write one batch");
}

/* Made when the number of partitions is known. */
static void partition_register_metrics(struct ev_projection *projection, int32_t partition)
{
    struct projection_partition *p = &projection->partitions[partition];
    struct ev_metrics *metrics = projection->options.metrics;
    if (!metrics || p->position_metric)
        return;
    char labels[200], view[160];
    projection_labels(projection, view, sizeof(view));
    snprintf(labels, sizeof(labels), "%s,partition=\"%" PRId32 "\"", view, partition);
    p->position_metric =
        ev_metrics_gauge(metrics, "orderlog_projection_position", labels, "next offset of the saved checkpoint");
    p->lag_events_metric = ev_metrics_gauge(metrics, "orderlog_projection_lag_events", labels,
                                            "records of the log that the view doesn't reflect");
    p->lag_ms_metric = ev_metrics_gauge(metrics, "orderlog_projection_lag_milliseconds", labels,
                                        "age of what the view doesn't reflect");
}

static void metric_add(struct ev_metric *metric, int64_t value)
{
    if (metric && value)
        ev_metric_add(metric, value);
}

static void metric_set(struct ev_metric *metric, int64_t value)
{
    if (metric)
        ev_metric_set(metric, value);
}

void projection_set_state(struct ev_projection *projection, enum ev_projection_state state,
                          const struct ev_error *error)
{
    pthread_mutex_lock(&projection->lock);
    struct ev_projection_status *status = &projection->status;
    status->state = state;
    if (error) {
        snprintf(status->error, sizeof(status->error), "%s", error->message);
        status->error_at_ms = projection_wall_ms(projection);
        status->retries++;
    }
    pthread_mutex_unlock(&projection->lock);
    metric_set(projection->metrics.state, state == EV_PROJECTION_LIVE || state == EV_PROJECTION_BEHIND);
    metric_set(projection->metrics.paused, state == EV_PROJECTION_PAUSED);
    metric_add(projection->metrics.retries, error != NULL);
}

static void projection_measure_rate(struct ev_projection *projection)
{
    int64_t now = ev_clock_monotonic_ms(projection->options.clock);
    int64_t passed = now - projection->rate_since_ms;
    if (passed < PROJECTION_RATE_WINDOW_MS)
        return;
    projection->status.events_per_second =
        (double)(projection->status.events - projection->rate_events) * 1000 / (double)passed;
    projection->rate_since_ms = now;
    projection->rate_events = projection->status.events;
}

void projection_count_batch(struct ev_projection *projection)
{
    const struct ev_batch *batch = &projection->batch;
    pthread_mutex_lock(&projection->lock);
    struct ev_projection_status *status = &projection->status;
    status->events += (int64_t)batch->event_count;
    status->commits += (int64_t)batch->commit_count;
    status->void_count += (int64_t)batch->void_count;
    status->not_applicable += (int64_t)batch->not_applicable;
    status->batches++;
    status->retries = 0;
    pthread_mutex_unlock(&projection->lock);
    const struct projection_metrics *m = &projection->metrics;
    metric_add(m->events, (int64_t)batch->event_count);
    metric_add(m->commits, (int64_t)batch->commit_count);
    metric_add(m->void_count, (int64_t)batch->void_count);
    metric_add(m->not_applicable, (int64_t)batch->not_applicable);
    metric_add(m->batches, 1);
    if (m->batch_events)
        ev_metric_observe_size(m->batch_events, (int64_t)batch->event_count);
}

void projection_count(struct ev_projection *projection, int64_t written, int64_t stale, int64_t parked_events)
{
    pthread_mutex_lock(&projection->lock);
    projection->status.documents_written += written;
    projection->status.stale += stale;
    projection->status.parked_events += parked_events;
    projection->status.parked = projection->parked.count;
    pthread_mutex_unlock(&projection->lock);
    metric_add(projection->metrics.documents_written, written);
    metric_add(projection->metrics.stale, stale);
    metric_add(projection->metrics.parked_events, parked_events);
    metric_set(projection->metrics.parked, (int64_t)projection->parked.count);
}

/* Age of the oldest thing that isn't reflected: nothing that came before the last record taken in, or before the moment
 * when nothing was missing, can be. An upper bound, without reading ahead. */
static int64_t partition_lag_ms(const struct ev_projection *projection, struct projection_partition *partition,
                                int64_t lag_events, int64_t now)
{
    if (lag_events == 0) {
        partition->caught_up_ms = now;
        return 0;
    }
    int64_t since = partition->log_time_ms > partition->caught_up_ms ? partition->log_time_ms : partition->caught_up_ms;
    if (since == 0)
        since = projection->started_at_ms;
    return now > since ? now - since : 0;
}

void projection_publish_lag(struct ev_projection *projection)
{
    int64_t now = projection_wall_ms(projection), behind = 0, stopped = 0;
    pthread_mutex_lock(&projection->lock);
    projection->status.partition_count = projection->partition_count;
    projection->status.ends_asked_ms = projection->ends_asked_ms;
    for (int32_t i = 0; i < projection->partition_count; i++) {
        struct projection_partition *p = &projection->partitions[i];
        if (!p->owned) {
            projection->status.partitions[i] = (struct ev_partition_status){.end = -1};
            metric_set(p->lag_events_metric, 0); /* whoever has it tells */
            metric_set(p->lag_ms_metric, 0);
            continue;
        }
        partition_register_metrics(projection, i);
        stopped += p->stopped;
        int64_t lag = p->end > p->saved ? p->end - p->saved : 0;
        /* What was read already doesn't make a projection behind, though readers can't count on it yet. */
        behind += p->end > p->cursor.next_offset ? p->end - p->cursor.next_offset : 0;
        int64_t lag_ms = p->end < 0 ? 0 : partition_lag_ms(projection, p, lag, now);
        projection->status.partitions[i] = (struct ev_partition_status){
            .position = p->saved, .end = p->end, .lag_ms = lag_ms, .stopped = p->stopped, .owned = true};
        metric_set(p->position_metric, p->saved);
        metric_set(p->lag_events_metric, lag);
        metric_set(p->lag_ms_metric, lag_ms);
    }
    projection->behind = behind > EV_PROJECTION_LIVE_LAG;
    projection_measure_rate(projection);
    metric_set(projection->metrics.stopped, stopped);
    pthread_mutex_unlock(&projection->lock);
}

void ev_projection_status(struct ev_projection *projection, struct ev_projection_status *ret)
{
    pthread_mutex_lock(&projection->lock);
    *ret = projection->status;
    pthread_mutex_unlock(&projection->lock);
}
