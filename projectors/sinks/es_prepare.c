/* Indexes and aliases of the Elasticsearch sink. */
#include <stdio.h>
#include <string.h>

#include "sinks/es_internal.h"
#include "sinks/index_definition.h"

static int es_exists(struct es_sink *es, const char *path, bool *ret, struct ev_error *error)
{
    struct es_answer answer;
    int r = es_http_request(es->http, "HEAD", path, EV_STR_NULL, &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status != 200 && answer.status != 404)
        return es_http_refused(&answer, "look for an index", error);
    *ret = answer.status == 200;
    return 0;
}

int es_create_index(struct es_sink *es, const char *index, const char *definition, const char *const *aliases,
                    struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct es_answer answer;
    snprintf(path, sizeof(path), "/%s", index);
    ev_buffer_clear(&es->body);
    ev_buffer_append(&es->body, definition, strlen(definition) - 1); /* without its last brace */
    ev_buffer_printf(&es->body, ",\"aliases\":{");
    for (size_t i = 0; aliases[i]; i++)
        ev_buffer_printf(&es->body, "%s\"%s\":{}", i ? "," : "", aliases[i]);
    ev_buffer_printf(&es->body, "}}");
    int r = es_http_request(es->http, "PUT", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    yyjson_val *cause = answer.root ? yyjson_obj_get(answer.root, "error") : NULL;
    if (answer.status == 200)
        return 0;
    if (ev_str_equal(ev_json_str(yyjson_obj_get(cause, "type")), EV_STR("resource_already_exists_exception")))
        return 1;
    return es_http_refused(&answer, "create an index", error);
}

int es_command(struct es_sink *es, const char *method, const char *path, const char *what, struct ev_error *error)
{
    struct es_answer answer;
    int r = es_http_request(es->http, method, path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    return answer.status == 200 ? 0 : es_http_refused(&answer, what, error);
}

/* Makes what is live where it is gone, and the first one of a view, which gets the view's own alias and is so live at
 * once. A kept generation that is gone was dropped. */
static int es_prepare_index(struct es_sink *es, const struct ev_view *view, struct ev_error *error)
{
    char index[ES_NAME_MAX], write_alias[ES_NAME_MAX], alias[ES_NAME_MAX], path[ES_PATH_MAX];
    bool exists = false, live = false, any = false;
    int r = es_settle_generation(es, view, &live, &any, error);
    if (r < 0)
        return r;
    es_index_name(es, view, index);
    es_write_alias(es, view, write_alias);
    snprintf(alias, sizeof(alias), "%s%s", es->prefix, view->name);
    snprintf(path, sizeof(path), "/%s", index);
    r = es_exists(es, path, &exists, error);
    if (r < 0 || exists)
        return r;
    if (any && !live)
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "generation %d of view %s, version %d, was dropped from Elasticsearch", es->sink.generation,
                            view->name, view->version);
    const char *const aliases[] = {write_alias, alias, NULL};
    r = es_create_index(es, index, index_definition_find(ev_str_of(view->name))->json, aliases, error);
    return r < 0 ? r : es_settle_generation(es, view, &live, &any, error);
}

/* Fields that came since the index was made. */
static int es_extend_mapping(struct es_sink *es, const char *index, const char *definition, struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct es_answer answer;
    const char *mappings = strstr(definition, "\"mappings\":");
    if (!mappings)
        return 0;
    mappings += strlen("\"mappings\":");
    snprintf(path, sizeof(path), "/%s/_mapping", index);
    int r = es_http_request(es->http, "PUT", path, (struct ev_str){mappings, strlen(mappings) - 1}, &es->arena, &answer,
                            error);
    if (r < 0)
        return r;
    return answer.status == 200 ? 0 : es_http_refused(&answer, "extend a mapping", error);
}

static int es_prepare_helper(struct es_sink *es, const char *name, struct ev_error *error)
{
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    const char *const no_aliases[] = {NULL};
    bool exists = false;
    snprintf(index, sizeof(index), "%s%s", es->prefix, name);
    snprintf(path, sizeof(path), "/%s", index);
    int r = es_exists(es, path, &exists, error);
    if (r < 0)
        return r;
    if (exists)
        return es_extend_mapping(es, index, index_definition_find(ev_str_of(name))->json, error);
    r = es_create_index(es, index, index_definition_find(ev_str_of(name))->json, no_aliases, error);
    return r < 0 ? r : 0;
}

/* Answer: {INDEX: {"settings": {"index": {"uuid": …}}}} */
static int es_read_uuid(struct es_sink *es, const struct ev_view *view, struct ev_error *error)
{
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    es_index_name(es, view, index);
    snprintf(path, sizeof(path), "/%s/_settings", index);
    int r = es_http_request(es->http, "GET", path, EV_STR_NULL, &es->arena, &answer, error);
    if (r < 0)
        return r;
    yyjson_val *settings = answer.root ? yyjson_obj_get(yyjson_obj_get(answer.root, index), "settings") : NULL;
    struct ev_str uuid = ev_json_str(yyjson_obj_get(yyjson_obj_get(settings, "index"), "uuid"));
    if (answer.status != 200 || uuid.length == 0)
        return es_http_refused(&answer, "read an index's settings", error);
    snprintf(es->index_uuid, sizeof(es->index_uuid), "%.*s", EV_STR_ARG(uuid));
    return 0;
}

int es_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    if (!elasticsearch_sink_serves(view))
        return ev_error_set(error, EV_ERR_UNSUPPORTED, "view %s has no index definition", view->name);
    ev_arena_reset(&es->arena);
    int r = es_prepare_index(es, view, error);
    if (r >= 0)
        r = es_prepare_helper(es, "checkpoints", error);
    if (r >= 0)
        r = es_prepare_helper(es, "parked", error);
    if (r >= 0)
        r = es_prepare_helper(es, "control", error);
    return r < 0 ? r : es_read_uuid(es, view, error);
}

/* Checkpoints and parked entries name the index that goes with this, and count no more. */
int es_reset(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    const char *fingerprint = sink->fingerprint;
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    bool live, any;
    ev_arena_reset(&es->arena);
    sink->fingerprint = NULL; /* whichever fold made them: they go */
    int r = es_settle_generation(es, view, &live, &any, error);
    sink->fingerprint = fingerprint;
    if (r < 0)
        return r;
    es_index_name(es, view, index);
    snprintf(path, sizeof(path), "/%s", index);
    r = es_http_request(es->http, "DELETE", path, EV_STR_NULL, &es->arena, &answer, error);
    if (r < 0)
        return r;
    return answer.status == 200 || answer.status == 404 ? 0 : es_http_refused(&answer, "delete an index", error);
}
