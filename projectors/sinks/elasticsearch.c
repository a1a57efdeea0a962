#include "sinks/elasticsearch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "sinks/es_internal.h"
#include "sinks/index_definition.h"

void es_generation_index(const struct es_sink *es, const struct generation *generation, char ret_name[ES_NAME_MAX])
{
    char name[GENERATION_NAME_MAX];
    generation_name('-', generation->view, generation->version, generation->number, name);
    snprintf(ret_name, ES_NAME_MAX, "%s%s", es->prefix, name);
}

void es_index_name(const struct es_sink *es, const struct ev_view *view, char ret_name[ES_NAME_MAX])
{
    struct generation own = {.version = view->version, .number = es->sink.generation};
    snprintf(own.view, sizeof(own.view), "%s", view->name);
    es_generation_index(es, &own, ret_name);
}

void es_write_alias(const struct es_sink *es, const struct ev_view *view, char ret_name[ES_NAME_MAX])
{
    char index[ES_NAME_MAX];
    es_index_name(es, view, index);
    snprintf(ret_name, ES_NAME_MAX, "%.*s-write", ES_NAME_MAX - 8, index);
}

void es_view_name(const struct es_sink *es, const struct ev_view *view, char ret_name[ES_NAME_MAX])
{
    generation_name('_', view->name, view->version, es->sink.generation, ret_name);
}

void es_line_begin(struct es_sink *es, struct ev_json_writer *writer)
{
    ev_json_init(writer, &es->body);
    ev_json_object_begin(writer);
}

void es_line_end(struct es_sink *es)
{
    ev_buffer_append_byte(&es->body, '\n');
}

static int es_flush(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    es_index_name(es, view, index);
    snprintf(path, sizeof(path), "/%s/_refresh", index);
    ev_arena_reset(&es->arena);
    int r = es_http_request(es->http, "POST", path, EV_STR(""), &es->arena, &answer, error);
    if (r < 0)
        return r;
    return answer.status == 200 ? 0 : es_http_refused(&answer, "refresh", error);
}

static void es_destroy(struct ev_sink *sink)
{
    if (!sink)
        return;
    struct es_sink *es = es_of(sink);
    es_http_destroy(es->http);
    ev_arena_finish(&es->arena);
    ev_buffer_finish(&es->body);
    ev_buffer_finish(&es->scratch);
    free(es);
}

bool elasticsearch_sink_serves(const struct ev_view *view)
{
    return index_definition_find(ev_str_of(view->name)) != NULL;
}

int elasticsearch_sink_create(const char *url, const char *topic_prefix, struct ev_sink **ret, struct ev_error *error)
{
    if (strlen(topic_prefix) + 2 > sizeof(((struct es_sink *)NULL)->prefix))
        return ev_error_set(error, EV_ERR_INVALID, "the topic prefix is too long for Elasticsearch's indexes");
    struct es_http *http;
    int r = es_http_create(url, &http, error);
    if (r < 0)
        return r;
    struct es_sink *es = ev_memory_new(struct es_sink);
    es->http = http;
    es->bulk_bytes_max = ES_BULK_BYTES_MAX;
    es->sink = (struct ev_sink){
        .name = "elasticsearch",
        .flush_interval_ms = ES_FLUSH_INTERVAL_MS,
        .prepare = es_prepare,
        .load = es_load,
        .write = es_write,
        .mend = es_mend,
        .flush = es_flush,
        .load_checkpoint = es_load_checkpoint,
        .save_checkpoints = es_save_checkpoints,
        .save_parked = es_save_parked,
        .load_parked = es_load_parked,
        .remove_parked = es_remove_parked,
        .load_control = es_load_control,
        .change_control = es_change_control,
        .scan = es_scan,
        .reset = es_reset,
        .destroy = es_destroy,
    };
    if (strcmp(topic_prefix, "orderlog") != 0)
        snprintf(es->prefix, sizeof(es->prefix), "%s-", topic_prefix);
    ev_arena_init(&es->arena, 0);
    ev_buffer_init(&es->body);
    ev_buffer_init(&es->scratch);
    *ret = &es->sink;
    return 0;
}
