/* Counters, gauges and histograms in Prometheus' text format. Updating is lock-free (relaxed atomics) and may be done from any thread;
 * registering takes a lock and belongs to start-up. At most EV_METRICS_MAX series. */
#pragma once

#include "core/buffer.h"

#define EV_METRICS_MAX 1024

struct ev_metric;
struct ev_metrics;

struct ev_metrics *ev_metrics_create(void);
void ev_metrics_destroy(struct ev_metrics *metrics);
/* `labels` is "" or `view="orders",partition="3"` (copied). Asking twice for the same name and labels gives the same metric. */
struct ev_metric *ev_metrics_counter(struct ev_metrics *metrics, const char *name, const char *labels, const char *help);
struct ev_metric *ev_metrics_gauge(struct ev_metrics *metrics, const char *name, const char *labels, const char *help);
/* Latency histogram in seconds, buckets from 100 µs to 30 s. */
struct ev_metric *ev_metrics_histogram(struct ev_metrics *metrics, const char *name, const char *labels,
                                       const char *help);
void ev_metric_add(struct ev_metric *metric, int64_t value);
void ev_metric_set(struct ev_metric *metric, int64_t value);
void ev_metric_observe_us(struct ev_metric *metric, int64_t microseconds);
int64_t ev_metric_value(const struct ev_metric *metric);
void ev_metrics_write(struct ev_metrics *metrics, struct ev_buffer *out);
