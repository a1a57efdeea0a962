#include "cli/schema_source.h"

#include <stdio.h>

#include "gen/topics.h"

static int read_compiled(struct schema_source *source, struct ev_error *error)
{
    for (size_t i = 0; i < orderlog_topic_count; i++) {
        if (source->count == SCHEMA_TOPICS_MAX)
            return ev_error_set(error, EV_ERR_LIMIT, "more than %d topics", SCHEMA_TOPICS_MAX);
        struct schema_topic *topic = &source->topics[source->count];
        topic->name = ev_str_of(orderlog_topics[i]->name);
        topic->json = ev_str_of(orderlog_topics[i]->commit_schema);
        int result = ev_schema_tree_parse(topic->json, NULL, &source->arena, &topic->tree, error);
        if (result < 0)
            return result;
        source->count++;
    }
    return 0;
}

static struct schema_topic *find_topic(struct schema_source *source, struct ev_str name)
{
    for (size_t i = 0; i < source->count; i++)
        if (ev_str_equal(source->topics[i].name, name))
            return &source->topics[i];
    return NULL;
}

/* Leaves the topics that were asked for, in the order of the arguments. */
static int choose_topics(const struct ev_config *config, struct schema_source *source, struct ev_error *error)
{
    const char *const *names;
    size_t count = ev_config_positional(config, &names);
    struct schema_topic chosen[SCHEMA_TOPICS_MAX];
    if (count == 0)
        return 0;
    if (count > SCHEMA_TOPICS_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "more than %d topics", SCHEMA_TOPICS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct schema_topic *topic = find_topic(source, ev_str_of(names[i]));
        if (!topic)
            return ev_error_set(error, EV_ERR_INVALID, "there is no topic '%s'", names[i]);
        chosen[i] = *topic;
    }
    for (size_t i = 0; i < count; i++)
        source->topics[i] = chosen[i];
    source->count = count;
    return 0;
}

int schema_source_open(const struct ev_config *config, struct schema_source *ret, struct ev_error *error)
{
    const char *folder = ev_config_string(config, "directory");
    *ret = (struct schema_source){0};
    int result = folder ? schema_folder_read(folder, ret, error) : read_compiled(ret, error);
    if (result == 0)
        result = choose_topics(config, ret, error);
    for (size_t i = 0; i < ret->count && result == 0; i++) {
        int length = snprintf(ret->topics[i].subject, SCHEMA_SUBJECT_MAX, "%s.%.*s-value",
                              ev_config_string(config, "topic-prefix"), EV_STR_ARG(ret->topics[i].name));
        if (length >= SCHEMA_SUBJECT_MAX)
            result = ev_error_set(error, EV_ERR_INVALID, "the topic's name is too long");
    }
    if (result == 0)
        result = ev_registry_create(ev_config_string(config, "schema-registry-url"), NULL, &ret->registry, error);
    return result;
}

void schema_source_close(struct schema_source *source)
{
    ev_registry_destroy(source->registry);
    ev_arena_finish(&source->arena);
    *source = (struct schema_source){0};
}
