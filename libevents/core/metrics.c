#include "core/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"

#define METRICS_DROPPED "orderlog_metrics_dropped_total"

/* Upper bounds of the latency histograms' buckets: microseconds and the same in seconds, as the label wants it. */
#define METRIC_BUCKETS(X)                                                                                              \
    X(100, "0.0001")                                                                                                   \
    X(250, "0.00025")                                                                                                  \
    X(500, "0.0005")                                                                                                   \
    X(1000, "0.001")                                                                                                   \
    X(2500, "0.0025")                                                                                                  \
    X(5000, "0.005")                                                                                                   \
    X(10000, "0.01")                                                                                                   \
    X(25000, "0.025")                                                                                                  \
    X(50000, "0.05")                                                                                                   \
    X(100000, "0.1")                                                                                                   \
    X(250000, "0.25")                                                                                                  \
    X(500000, "0.5")                                                                                                   \
    X(1000000, "1")                                                                                                    \
    X(2500000, "2.5")                                                                                                  \
    X(5000000, "5")                                                                                                    \
    X(10000000, "10")                                                                                                  \
    X(30000000, "30")

/* And of those of sizes. */
#define METRIC_SIZES(X)                                                                                                \
    X(1, "1")                                                                                                          \
    X(2, "2")                                                                                                          \
    X(5, "5")                                                                                                          \
    X(10, "10")                                                                                                        \
    X(20, "20")                                                                                                        \
    X(50, "50")                                                                                                        \
    X(100, "100")                                                                                                      \
    X(200, "200")                                                                                                      \
    X(500, "500")                                                                                                      \
    X(1000, "1000")                                                                                                    \
    X(2000, "2000")                                                                                                    \
    X(5000, "5000")                                                                                                    \
    X(10000, "10000")                                                                                                  \
    X(20000, "20000")                                                                                                  \
    X(50000, "50000")

#define METRIC_BUCKETS_MAX 17

/* What the observations of a histogram are counted by. */
struct metric_scale {
    size_t count;
    int64_t bounds[METRIC_BUCKETS_MAX];
    const char *names[METRIC_BUCKETS_MAX];
};
#define ONE(bound, name) +1
#define BOUND(bound, name) (bound),
#define NAME(bound, name) (name),
static const struct metric_scale time_scale = {0 METRIC_BUCKETS(ONE), {METRIC_BUCKETS(BOUND)}, {METRIC_BUCKETS(NAME)}};
static const struct metric_scale size_scale = {0 METRIC_SIZES(ONE), {METRIC_SIZES(BOUND)}, {METRIC_SIZES(NAME)}};
#undef ONE
#undef BOUND
#undef NAME

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_SIZE_HISTOGRAM };
static const char *const metric_type_names[] = {"counter", "gauge", "histogram", "histogram"};

struct metric_histogram {
    const struct metric_scale *scale;
    atomic_llong buckets[METRIC_BUCKETS_MAX + 1]; /* each alone, the one after the scale's for what is beyond it */
    atomic_llong sum;                             /* microseconds, or sizes */
};

struct ev_metric {
    struct ev_metric *next; /* of the family */
    char *labels;
    atomic_llong value;                 /* counter and gauge */
    struct metric_histogram *histogram; /* NULL: counter or gauge */
};

/* All series of one name; they are written together, as the format demands. */
struct metric_family {
    struct metric_family *next;
    char *name, *help;
    enum metric_type type;
    struct ev_metric *first, *last;
};

struct ev_metrics {
    pthread_mutex_t lock; /* for the lists; values are atomic */
    struct metric_family *first, *last;
    size_t count;
    struct ev_metric *dropped; /* counts the series that found no room */
};

/* Takes the updates of series for which there is no room, and of everything when there are no metrics. */
static struct metric_histogram discarded_histogram = {.scale = &time_scale};
static struct ev_metric discarded = {.histogram = &discarded_histogram};

/* NULL: there is none of this name yet. */
static struct metric_family *metrics_find_family(const struct ev_metrics *metrics, const char *name,
                                                 enum metric_type type)
{
    for (struct metric_family *family = metrics->first; family; family = family->next) {
        if (strcmp(family->name, name) != 0)
            continue;
        if (family->type != type)
            ev_fatal("metric %s is registered as %s and as %s", name, metric_type_names[family->type],
                     metric_type_names[type]);
        return family;
    }
    return NULL;
}

static struct metric_family *metrics_add_family(struct ev_metrics *metrics, const char *name, enum metric_type type,
                                                const char *help)
{
    struct metric_family *family = ev_memory_new(struct metric_family);
    family->name = ev_memory_copy(name, strlen(name));
    family->help = ev_memory_copy(help, strlen(help));
    family->type = type;
    if (metrics->last)
        metrics->last->next = family;
    else
        metrics->first = family;
    metrics->last = family;
    return family;
}

static struct ev_metric *metric_family_add(struct metric_family *family, const char *labels)
{
    struct ev_metric *metric = ev_memory_new(struct ev_metric);
    metric->labels = ev_memory_copy(labels, strlen(labels));
    if (family->type == METRIC_HISTOGRAM || family->type == METRIC_SIZE_HISTOGRAM) {
        metric->histogram = ev_memory_new(struct metric_histogram);
        metric->histogram->scale = family->type == METRIC_HISTOGRAM ? &time_scale : &size_scale;
    }
    if (family->last)
        family->last->next = metric;
    else
        family->first = metric;
    family->last = metric;
    return metric;
}

static struct ev_metric *metrics_series(struct ev_metrics *metrics, const char *name, const char *labels,
                                        enum metric_type type, const char *help)
{
    struct metric_family *family = metrics_find_family(metrics, name, type);
    for (struct ev_metric *metric = family ? family->first : NULL; metric; metric = metric->next)
        if (strcmp(metric->labels, labels) == 0)
            return metric;
    if (metrics->count == EV_METRICS_MAX) {
        ev_metric_add(metrics->dropped, 1);
        return &discarded;
    }
    metrics->count++;
    return metric_family_add(family ? family : metrics_add_family(metrics, name, type, help), labels);
}

static struct ev_metric *metrics_register(struct ev_metrics *metrics, const char *name, const char *labels,
                                          enum metric_type type, const char *help)
{
    if (!metrics)
        return &discarded;
    pthread_mutex_lock(&metrics->lock);
    struct ev_metric *metric = metrics_series(metrics, name, labels ? labels : "", type, help);
    pthread_mutex_unlock(&metrics->lock);
    return metric;
}

struct ev_metrics *ev_metrics_create(void)
{
    struct ev_metrics *metrics = ev_memory_new(struct ev_metrics);
    int fault = pthread_mutex_init(&metrics->lock, NULL);
    if (fault)
        ev_fatal("pthread_mutex_init: %s", strerror(fault));
    metrics->dropped = ev_metrics_counter(metrics, METRICS_DROPPED, "", "Series for which there was no room.");
    return metrics;
}

void ev_metrics_destroy(struct ev_metrics *metrics)
{
    if (!metrics)
        return;
    for (struct metric_family *family = metrics->first, *next_family; family; family = next_family) {
        next_family = family->next;
        for (struct ev_metric *metric = family->first, *next; metric; metric = next) {
            next = metric->next;
            free(metric->histogram);
            free(metric->labels);
            free(metric);
        }
        free(family->name);
        free(family->help);
        free(family);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct ev_metric *ev_metrics_counter(struct ev_metrics *metrics, const char *name, const char *labels, const char *help)
{
    return metrics_register(metrics, name, labels, METRIC_COUNTER, help);
}

struct ev_metric *ev_metrics_gauge(struct ev_metrics *metrics, const char *name, const char *labels, const char *help)
{
    return metrics_register(metrics, name, labels, METRIC_GAUGE, help);
}

struct ev_metric *ev_metrics_histogram(struct ev_metrics *metrics, const char *name, const char *labels,
                                       const char *help)
{
    return metrics_register(metrics, name, labels, METRIC_HISTOGRAM, help);
}

struct ev_metric *ev_metrics_size_histogram(struct ev_metrics *metrics, const char *name, const char *labels,
                                            const char *help)
{
    return metrics_register(metrics, name, labels, METRIC_SIZE_HISTOGRAM, help);
}

void ev_metric_add(struct ev_metric *metric, int64_t value)
{
    atomic_fetch_add_explicit(&metric->value, value, memory_order_relaxed);
}

void ev_metric_set(struct ev_metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

static void metric_observe(struct ev_metric *metric, const struct metric_scale *scale, int64_t value)
{
    if (!metric->histogram || (metric != &discarded && metric->histogram->scale != scale))
        ev_fatal("an observation was made of a metric that is no histogram, or one of something else");
    size_t bucket = 0;
    while (bucket < scale->count && value > scale->bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&metric->histogram->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->histogram->sum, value < 0 ? 0 : value, memory_order_relaxed);
}

void ev_metric_observe_us(struct ev_metric *metric, int64_t microseconds)
{
    metric_observe(metric, &time_scale, microseconds);
}

void ev_metric_observe_size(struct ev_metric *metric, int64_t size)
{
    metric_observe(metric, &size_scale, size);
}

int64_t ev_metric_value(const struct ev_metric *metric)
{
    if (!metric->histogram)
        return atomic_load_explicit(&metric->value, memory_order_relaxed);
    int64_t count = 0;
    for (size_t i = 0; i <= metric->histogram->scale->count; i++)
        count += atomic_load_explicit(&metric->histogram->buckets[i], memory_order_relaxed);
    return count;
}

/* `name_suffix{labels,extra} `: the braces just where there is a label. */
static void metric_write_name(struct ev_buffer *out, const char *name, const char *suffix, const char *labels,
                              const char *bucket)
{
    ev_buffer_printf(out, "%s%s", name, suffix);
    if (*labels || bucket) {
        ev_buffer_printf(out, "{%s", labels);
        if (bucket)
            ev_buffer_printf(out, "%sle=\"%s\"", *labels ? "," : "", bucket);
        ev_buffer_append_byte(out, '}');
    }
    ev_buffer_append_byte(out, ' ');
}

/* Read bucket by bucket while others count on: what was read is added up here, so that the answer agrees with itself.
 */
static void metric_write_histogram(struct ev_buffer *out, const char *name, const struct ev_metric *metric)
{
    const struct metric_scale *scale = metric->histogram->scale;
    int64_t sum = atomic_load_explicit(&metric->histogram->sum, memory_order_relaxed);
    int64_t count = 0;
    for (size_t i = 0; i <= scale->count; i++) {
        count += atomic_load_explicit(&metric->histogram->buckets[i], memory_order_relaxed);
        metric_write_name(out, name, "_bucket", metric->labels, i < scale->count ? scale->names[i] : "+Inf");
        ev_buffer_printf(out, "%" PRId64 "\n", count);
    }
    metric_write_name(out, name, "_sum", metric->labels, NULL);
    if (scale == &time_scale)
        ev_buffer_printf(out, "%" PRId64 ".%06" PRId64 "\n", sum / 1000000, sum % 1000000);
    else
        ev_buffer_printf(out, "%" PRId64 "\n", sum);
    metric_write_name(out, name, "_count", metric->labels, NULL);
    ev_buffer_printf(out, "%" PRId64 "\n", count);
}

static void metric_write_help(struct ev_buffer *out, const struct metric_family *family)
{
    ev_buffer_printf(out, "# HELP %s ", family->name);
    for (const char *c = family->help; *c; c++) {
        if (*c == '\n' || *c == '\\')
            ev_buffer_printf(out, "\\%c", *c == '\n' ? 'n' : '\\');
        else
            ev_buffer_append_byte(out, *c);
    }
    ev_buffer_printf(out, "\n# TYPE %s %s\n", family->name, metric_type_names[family->type]);
}

void ev_metrics_write(struct ev_metrics *metrics, struct ev_buffer *out)
{
    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->lock);
    for (const struct metric_family *family = metrics->first; family; family = family->next) {
        metric_write_help(out, family);
        for (const struct ev_metric *metric = family->first; metric; metric = metric->next) {
            if (metric->histogram) {
                metric_write_histogram(out, family->name, metric);
                continue;
            }
            metric_write_name(out, family->name, "", metric->labels, NULL);
            ev_buffer_printf(out, "%" PRId64 "\n", ev_metric_value(metric));
        }
    }
    pthread_mutex_unlock(&metrics->lock);
}
