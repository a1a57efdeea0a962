#include "topics.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/fatal.h"
#include "gen/topics.h"
#include "offers.h"

#define ATTEMPT_TIMEOUT_MS 5000
#define RETRY_PAUSE_MS 250

static const struct {
    const struct ev_topic_schema *schema;
    const struct ev_decider *const *deciders;
} topic_deciders[] = {
    {&product_topic, product_topic_deciders},
    {&cart_topic, cart_offer_deciders},
    {&order_topic, order_offer_deciders},
};

const struct command_topic *command_topic_of(const struct command_app *app, const char *category)
{
    for (size_t i = 0; i < app->topic_count; i++)
        for (const char *const *held = app->topics[i].schema->categories; *held; held++)
            if (strcmp(*held, category) == 0)
                return &app->topics[i];
    ev_fatal("no topic holds the category %s", category);
}

static int prepare_topic(struct command_app *app, struct command_topic *topic, const struct topics_options *options,
                         struct ev_error *error)
{
    struct ev_topic_info info;
    struct ev_topic_options wanted = {
        .partitions = options->partitions,
        .replication_factor = options->replication_factor,
        .min_insync_replicas = options->min_insync_replicas,
        .timeout_ms = ATTEMPT_TIMEOUT_MS,
    };
    int result = ev_topic_full_name(&app->kafka, topic->schema->name, topic->full_name, error);
    if (result == 0 && options->create)
        result = ev_topic_ensure(&app->kafka, topic->schema->name, &wanted, &info, error);
    else if (result == 0)
        result = ev_topic_check(&app->kafka, topic->schema->name, ATTEMPT_TIMEOUT_MS, &info, error);
    if (result == 0) {
        topic->partitions = info.partitions;
        memcpy(topic->id, info.topic_id, sizeof(topic->id));
    }
    return result;
}

static int prepare_schema(struct command_app *app, struct command_topic *topic, const struct topics_options *options,
                          struct ev_error *error)
{
    char subject[EV_TOPIC_NAME_MAX + sizeof("-value")];
    snprintf(subject, sizeof(subject), "%s-value", topic->full_name);
    struct ev_str schema = ev_str_of(topic->schema->commit_schema);
    int result = options->register_schemas
                     ? ev_registry_ensure(app->registry, subject, schema, &topic->schema_id, error)
                     : ev_registry_lookup(app->registry, subject, schema, &topic->schema_id, error);
    return result < 0 ? result : 0;
}

/* Says how to go on where the libraries can't know. */
static int explain(int result, const char *what, const struct command_topic *topic, const char *flag,
                   struct ev_error *error)
{
    struct ev_error cause = *error;
    if (result != EV_ERR_NOT_FOUND)
        return result;
    return ev_error_set(error, EV_ERR_NOT_FOUND, "%s of topic %s: %.300s. Run once with %s", what, topic->full_name,
                        cause.message, flag);
}

static bool is_passing(int result)
{
    return result == EV_ERR_UNAVAILABLE || result == EV_ERR_TIMEOUT;
}

static int explain_topic(const struct command_app *app, int result, const struct command_topic *topic,
                         struct ev_error *error)
{
    struct ev_error cause = *error;
    if (!is_passing(result))
        return explain(result, "existence", topic, "--create-topics", error);
    return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "Kafka at %s (--kafka-brokers) is away: %.300s",
                                  app->kafka.brokers, cause.message);
}

static int prepare_hints(struct command_app *app, const struct topics_options *options, struct ev_error *error)
{
    struct ev_topic_options wanted = {
        .replication_factor = options->replication_factor,
        .min_insync_replicas = options->min_insync_replicas,
        .timeout_ms = ATTEMPT_TIMEOUT_MS,
    };
    int result = ev_owner_hints_prepare(&app->kafka, options->create ? &wanted : NULL, ATTEMPT_TIMEOUT_MS, error);
    struct ev_error cause = *error;
    if (result != EV_ERR_NOT_FOUND)
        return result;
    return ev_error_set(error, result, "%.300s. Run once with --create-topics", cause.message);
}

static int prepare_once(struct command_app *app, const struct topics_options *options, struct ev_error *error)
{
    for (size_t i = 0; i < app->topic_count; i++) {
        int result = prepare_topic(app, &app->topics[i], options, error);
        if (result < 0)
            return explain_topic(app, result, &app->topics[i], error);
        result = prepare_schema(app, &app->topics[i], options, error);
        if (result < 0)
            return explain(result, "schema", &app->topics[i], "--register-schemas", error);
    }
    return prepare_hints(app, options, error);
}

/* --- which of them this instance may own --- */

static bool is_listed(struct ev_str list, struct ev_str category)
{
    struct ev_str part;
    while (ev_str_split(&list, ',', &part))
        if (ev_str_equal(ev_str_trim(part), category))
            return true;
    return false;
}

static bool is_category(const struct command_app *app, struct ev_str name)
{
    for (size_t i = 0; i < app->topic_count; i++)
        for (const char *const *held = app->topics[i].schema->categories; *held; held++)
            if (ev_str_equal(ev_str_of(*held), name))
                return true;
    return false;
}

/* A topic is owned as a whole: its categories share partitions. */
static int choose_topic(struct command_topic *topic, struct ev_str only, struct ev_error *error)
{
    const char *missing = NULL;
    topic->owned = false;
    for (const char *const *held = topic->schema->categories; *held; held++) {
        if (is_listed(only, ev_str_of(*held)))
            topic->owned = true;
        else
            missing = *held;
    }
    if (topic->owned && missing)
        return ev_error_set(error, EV_ERR_INVALID,
                            "--only %.*s: the topic \"%s\" holds %s as well; name all of its categories or none",
                            EV_STR_ARG(only), topic->schema->name, missing);
    return 0;
}

static int choose_topics(struct command_app *app, const char *only, struct ev_error *error)
{
    struct ev_str rest = ev_str_of(only), part;
    while (ev_str_split(&rest, ',', &part))
        if (!is_category(app, ev_str_trim(part)))
            return ev_error_set(error, EV_ERR_INVALID, "--only %s: there is no category \"%.*s\"", only,
                                EV_STR_ARG(ev_str_trim(part)));
    for (size_t i = 0; i < app->topic_count; i++) {
        int result = choose_topic(&app->topics[i], ev_str_of(only), error);
        if (result < 0)
            return result;
    }
    return 0;
}

int topics_prepare(struct command_app *app, const struct topics_options *options, struct ev_error *error)
{
    app->topic_count = sizeof(topic_deciders) / sizeof(topic_deciders[0]);
    for (size_t i = 0; i < app->topic_count; i++)
        app->topics[i] = (struct command_topic){
            .schema = topic_deciders[i].schema, .deciders = topic_deciders[i].deciders, .owned = true};
    int chosen = options->only ? choose_topics(app, options->only, error) : 0;
    if (chosen < 0)
        return chosen;
    int64_t deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + options->timeout_ms;
    bool was_told = false;
    for (;;) {
        int result = prepare_once(app, options, error);
        if (!is_passing(result))
            return result;
        if (atomic_load(options->cancelled) || ev_clock_monotonic_ms(&ev_clock_system) >= deadline_ms)
            return result;
        if (!was_told)
            ev_log(EV_LOG_WARN, "start.waiting", "waiting for a server that is needed",
                   ev_log_cstr("error", error->message));
        was_told = true;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_PAUSE_MS * 1000000L}, NULL);
    }
}
