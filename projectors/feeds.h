/* Feeds for others (fold/feed.h): one thread for each topic that is fed into PREFIX.feed.TOPIC, with a reader and a
 * producer of its own. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "fold/feed.h"

#define FEEDS_MAX 8
#define FEED_POLL_MS 200 /* how long an idle step waits for events, and so a stop for the step */
#define FEED_FETCH_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define FEED_TOPIC_NAME_MAX 256

struct feed_options {
    struct ev_kafka_config kafka;
    struct ev_schema_source schemas;
    struct ev_metrics *metrics; /* may be NULL */
};

struct feed_worker {
    char name[64]; /* "feed product" */
    char source_topic[FEED_TOPIC_NAME_MAX], topic[FEED_TOPIC_NAME_MAX];
    struct ev_reader *reader;
    struct ev_publisher *publisher;
    struct ev_feed *feed;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    pthread_mutex_t lock; /* of `error`, and for the pause between steps */
    pthread_cond_t stop;
    char error[EV_ERROR_MESSAGE_MAX]; /* "" while all is well */
};

struct feeds {
    struct feed_worker workers[FEEDS_MAX];
    size_t count;
};

/* `topics`: names with commas between, or "all"; NULL or "": none. INVALID for a name that isn't known. `feeds` is
 * zeroed before and may not move afterwards. */
int feeds_init(struct feeds *feeds, const char *topics, const struct feed_options *options, struct ev_error *error);
int feeds_start(struct feeds *feeds, struct ev_error *error);
void feeds_stop(struct feeds *feeds); /* tells the threads; from any thread */
/* Waits for the threads, which wait for what they sent, and frees all. Safe on a zeroed one. */
void feeds_finish(struct feeds *feeds);
/* A health check; `context` is a worker. */
bool feed_check(void *context, char ret_detail[256]);
