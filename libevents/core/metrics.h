/* Counters, gauges and histograms in Prometheus' text format (version 0.0.4). Updating is lock-free (relaxed atomics)
 * and may be done from any thread; registering and writing take a lock; registering belongs to start-up. At most
 * EV_METRICS_MAX series: further ones get a metric that is written nowhere, and orderlog_metrics_dropped_total counts
 * them. */
#pragma once

#include "core/buffer.h"

#define EV_METRICS_MAX 1024
#define EV_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct ev_metric;
struct ev_metrics;

struct ev_metrics *ev_metrics_create(void);
/* Its metrics may no longer be used afterwards. NULL is fine. */
void ev_metrics_destroy(struct ev_metrics *metrics);
/* `labels` is "" (or NULL) or `view="orders",partition="3"`, values escaped by the caller; all strings are copied.
 * Asking twice for the same name and labels gives the same metric; a name has one type, another one ends the process.
 * Never NULL; where `metrics` is NULL, one that goes nowhere. */
struct ev_metric *ev_metrics_counter(struct ev_metrics *metrics, const char *name, const char *labels,
                                     const char *help);
struct ev_metric *ev_metrics_gauge(struct ev_metrics *metrics, const char *name, const char *labels, const char *help);
/* Latency histogram in seconds, buckets from 100 µs to 30 s. */
struct ev_metric *ev_metrics_histogram(struct ev_metrics *metrics, const char *name, const char *labels,
                                       const char *help);
/* Histogram of whole numbers, buckets from 1 to 50000. */
struct ev_metric *ev_metrics_size_histogram(struct ev_metrics *metrics, const char *name, const char *labels,
                                            const char *help);
void ev_metric_add(struct ev_metric *metric, int64_t value); /* counter (value >= 0) or gauge */
void ev_metric_set(struct ev_metric *metric, int64_t value); /* gauge */
/* Of a latency histogram. A negative time counts as 0. */
void ev_metric_observe_us(struct ev_metric *metric, int64_t microseconds);
/* Of a size histogram. */
void ev_metric_observe_size(struct ev_metric *metric, int64_t size);
/* The value, or how many observations a histogram has. */
int64_t ev_metric_value(const struct ev_metric *metric);
/* Appends everything, series of one name together, names in the order in which they were registered. */
void ev_metrics_write(struct ev_metrics *metrics, struct ev_buffer *out);
