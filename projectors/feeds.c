#include "feeds.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "fold/cloud_event.h"
#include "gen/topics.h"

static const char *const feed_headers[] = {"content-type", EV_CLOUD_EVENT_CONTENT_TYPE, NULL};

static bool feed_should_stop(void *context)
{
    return atomic_load(&((struct feed_worker *)context)->stopping);
}

/* --- life --- */

static void feed_init_waiting(struct feed_worker *worker)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&worker->lock, NULL);
}

static int feed_init(struct feed_worker *worker, const struct ev_topic_schema *topic,
                     const struct feed_options *options, struct ev_error *error)
{
    const char *prefix = options->kafka.topic_prefix;
    feed_init_waiting(worker);
    snprintf(worker->name, sizeof(worker->name), "feed %s", topic->name);
    snprintf(worker->error, sizeof(worker->error), "starting");
    if ((size_t)snprintf(worker->topic, sizeof(worker->topic), "%s.feed.%s", prefix, topic->name) >=
        sizeof(worker->topic))
        return ev_error_set(error, EV_ERR_INVALID, "the prefix of the topics is too long");
    snprintf(worker->source_topic, sizeof(worker->source_topic), "%s.%s", prefix, topic->name);
    const struct ev_reader_options reader_options = {
        .kafka = options->kafka,
        .topic = topic,
        .schemas = options->schemas,
        .fetch_bytes_max = FEED_FETCH_BYTES_MAX,
        .include_void = true,
    };
    const struct ev_kafka_publisher_options publisher_options = {
        .kafka = options->kafka,
        .topic = worker->topic,
        .replication_factor = -1,
        .headers = feed_headers,
    };
    int r = ev_reader_create(&reader_options, &worker->reader, error);
    if (r >= 0)
        r = ev_kafka_publisher_create(&publisher_options, &worker->publisher, error);
    if (r < 0)
        return r;
    const struct ev_feed_options feed_options = {
        .topic = topic,
        .topic_name = worker->source_topic,
        .source = ev_commit_source_of_reader(worker->reader),
        .publisher = worker->publisher,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
        .metrics = options->metrics,
        .should_stop = feed_should_stop,
        .context = worker,
    };
    worker->feed = ev_feed_create(&feed_options);
    return 0;
}

static int feeds_add(struct feeds *feeds, const struct ev_topic_schema *topic, const struct feed_options *options,
                     struct ev_error *error)
{
    char name[sizeof(feeds->workers[0].name)];
    snprintf(name, sizeof(name), "feed %s", topic->name);
    for (size_t i = 0; i < feeds->count; i++)
        if (strcmp(feeds->workers[i].name, name) == 0)
            return 0;
    if (feeds->count == FEEDS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %d feeds", FEEDS_MAX);
    return feed_init(&feeds->workers[feeds->count++], topic, options, error);
}

int feeds_init(struct feeds *feeds, const char *topics, const struct feed_options *options, struct ev_error *error)
{
    struct ev_str rest = ev_str_of(topics), part;
    int r = 0;
    if (!topics || !*topics)
        return 0;
    if (strcmp(topics, "all") == 0) {
        for (size_t i = 0; i < orderlog_topic_count && r >= 0; i++)
            r = feeds_add(feeds, orderlog_topics[i], options, error);
        return r;
    }
    while (r >= 0 && ev_str_split(&rest, ',', &part)) {
        const struct ev_topic_schema *topic = orderlog_topic_find(ev_str_trim(part));
        if (!topic)
            return ev_error_set(error, EV_ERR_INVALID, "there is no topic \"%.*s\" to feed", EV_STR_ARG(part));
        r = feeds_add(feeds, topic, options, error);
    }
    return r;
}

/* --- the thread --- */

static void feed_pause(struct feed_worker *worker, int64_t pause_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause_ms / 1000;
    until.tv_nsec += pause_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&worker->lock);
    while (!atomic_load(&worker->stopping) && pthread_cond_timedwait(&worker->stop, &worker->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&worker->lock);
}

/* Logs what changed: an error, another one, or that there is none any more. */
static void feed_tell(struct feed_worker *worker, int result, const struct ev_error *error)
{
    const char *now = result < 0 ? error->message : "";
    pthread_mutex_lock(&worker->lock);
    bool changed = strcmp(worker->error, now) != 0;
    snprintf(worker->error, sizeof(worker->error), "%s", now);
    pthread_mutex_unlock(&worker->lock);
    if (!changed)
        return;
    ev_log(result >= 0        ? EV_LOG_INFO
           : error->retriable ? EV_LOG_WARN
                              : EV_LOG_ERROR,
           "feed.state", result < 0 ? error->message : "feeding", ev_log_cstr("topic", worker->topic));
}

static void *feed_run(void *context)
{
    struct feed_worker *worker = context;
    struct ev_error error = {0};
    while (!atomic_load(&worker->stopping)) {
        int r = ev_feed_step(worker->feed, FEED_POLL_MS, &error);
        if (r < 0 && atomic_load(&worker->stopping))
            break;
        feed_tell(worker, r, &error);
        if (ev_feed_pause_ms(worker->feed) > 0)
            feed_pause(worker, ev_feed_pause_ms(worker->feed));
    }
    int r = ev_feed_stop(worker->feed, &error);
    feed_tell(worker, r, &error);
    return NULL;
}

int feeds_start(struct feeds *feeds, struct ev_error *error)
{
    for (size_t i = 0; i < feeds->count; i++) {
        struct feed_worker *worker = &feeds->workers[i];
        int fault = pthread_create(&worker->thread, NULL, feed_run, worker);
        if (fault)
            return ev_error_set(error, EV_ERR_INTERNAL, "no thread for %s: %s", worker->name, strerror(fault));
        worker->running = true;
    }
    return 0;
}

void feeds_stop(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++) {
        struct feed_worker *worker = &feeds->workers[i];
        pthread_mutex_lock(&worker->lock);
        atomic_store(&worker->stopping, true);
        pthread_cond_broadcast(&worker->stop);
        pthread_mutex_unlock(&worker->lock);
    }
}

void feeds_finish(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++) {
        struct feed_worker *worker = &feeds->workers[i];
        if (worker->running)
            pthread_join(worker->thread, NULL);
        ev_feed_destroy(worker->feed);
        if (worker->publisher)
            worker->publisher->destroy(worker->publisher);
        ev_reader_destroy(worker->reader);
        pthread_cond_destroy(&worker->stop);
        pthread_mutex_destroy(&worker->lock);
    }
    feeds->count = 0;
}

bool feed_check(void *context, char ret_detail[256])
{
    struct feed_worker *worker = context;
    pthread_mutex_lock(&worker->lock);
    bool well = worker->error[0] == '\0';
    snprintf(ret_detail, 256, "%.250s", worker->error);
    pthread_mutex_unlock(&worker->lock);
    return well;
}
