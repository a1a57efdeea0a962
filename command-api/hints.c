#include "hints.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "forwarder.h"

#define HOST_MAX 64

static void on_changed(void *context)
{
    struct command_app *app = context;
    if (app->forwarder)
        forwarder_wake(app->forwarder);
}

/* Where nobody says otherwise: the listener's own address, under the machine's name where it is no particular one. */
static int make_url(char ret[EV_OWNER_URL_MAX + 1], const char *listen, struct ev_error *error)
{
    char host[HOST_MAX] = "localhost";
    const char *colon = strrchr(listen, ':');
    struct ev_str given = {listen, colon ? (size_t)(colon - listen) : 0};
    bool is_any = given.length == 0 || ev_str_equal(given, EV_STR("0.0.0.0")) || ev_str_equal(given, EV_STR("[::]")) ||
                  ev_str_equal(given, EV_STR("*"));
    if (is_any) {
        gethostname(host, sizeof(host) - 1);
        given = ev_str_of(host);
    }
    int length = snprintf(ret, EV_OWNER_URL_MAX + 1, "http://%.*s%s", EV_STR_ARG(given), colon ? colon : "");
    if (length < 0 || length > EV_OWNER_URL_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "private-listen is too long");
    return 0;
}

static int take_url(char ret[EV_OWNER_URL_MAX + 1], const char *url, struct ev_error *error)
{
    struct ev_str text = ev_str_of(url);
    while (text.length > 0 && text.data[text.length - 1] == '/')
        text.length--;
    if (text.length > EV_OWNER_URL_MAX ||
        (!ev_str_starts_with(text, EV_STR("http://")) && !ev_str_starts_with(text, EV_STR("https://"))))
        return ev_error_set(error, EV_ERR_INVALID, "advertise is a URL: http://HOST:PORT");
    memcpy(ret, text.data, text.length);
    ret[text.length] = '\0';
    return 0;
}

int hints_open(struct command_app *app, const char *advertised, const char *private_listen, struct ev_error *error)
{
    struct ev_owner_hints_topic topics[COMMAND_TOPICS_MAX];
    for (size_t i = 0; i < app->topic_count; i++)
        topics[i] = (struct ev_owner_hints_topic){app->topics[i].full_name, app->topics[i].partitions};
    struct ev_owner_hints_options options = {
        .kafka = app->kafka,
        .topics = topics,
        .topic_count = app->topic_count,
        .changed = on_changed,
        .context = app,
    };
    int result =
        advertised ? take_url(app->advertised, advertised, error) : make_url(app->advertised, private_listen, error);
    return result < 0 ? result : ev_owner_hints_create(&options, &app->hints, error);
}

static size_t topic_index(const struct shard_topic *at)
{
    return (size_t)(at->topic - at->shard->app->topics);
}

void hints_announce(const struct shard_topic *at, int32_t partition)
{
    const struct command_app *app = at->shard->app;
    struct ev_partition_status status;
    struct ev_owner_hint hint = {0};
    struct ev_error error;
    ev_executor_partition_status(at->executor, partition, &status);
    hint.epoch = status.epoch;
    memcpy(hint.url, app->advertised, sizeof(hint.url));
    snprintf(hint.instance, sizeof(hint.instance), "%s", app->owner_id);
    if (ev_owner_hints_publish(app->hints, topic_index(at), partition, &hint, &error) < 0)
        ev_log(EV_LOG_WARN, "hint.unwritten", "it could not be written who owns the partition",
               ev_log_cstr("topic", at->topic->full_name), ev_log_int("partition", partition),
               ev_log_cstr("error", error.message));
}

void hints_mend(const struct shard *shard)
{
    const struct command_app *app = shard->app;
    for (size_t i = 0; i < app->topic_count; i++) {
        const struct shard_topic *at = &shard->topics[i];
        for (int32_t partition = 0; partition < at->topic->partitions; partition++) {
            struct ev_owner_hint hint;
            if (!ev_executor_is_serving(at->executor, partition))
                continue;
            if (!ev_owner_hints_find(app->hints, i, partition, &hint) || strcmp(hint.instance, app->owner_id) != 0 ||
                strcmp(hint.url, app->advertised) != 0)
                hints_announce(at, partition);
        }
    }
}
