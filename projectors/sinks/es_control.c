/* What operators ask of a view in Elasticsearch (index "control"), and the marks of parked documents. */
#include <stdio.h>

#include "sinks/es_internal.h"

#define ES_CONTROL_TRIES 5 /* against others who change the same */

/* As it lies there, and where in the index's history: the guard of the next write. seq_no -1: there is none. */
struct stored_control {
    struct ev_control control;
    int64_t seq_no, primary_term;
};

static int64_t value_int64(yyjson_val *object, const char *name)
{
    return yyjson_get_sint(yyjson_obj_get(object, name));
}

static int control_read(struct es_sink *es, const struct ev_view *view, struct stored_control *ret,
                        struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct es_answer answer;
    *ret = (struct stored_control){.seq_no = -1};
    snprintf(path, sizeof(path), "/%scontrol/_doc/%s", es->prefix, view->name);
    ev_arena_reset(&es->arena);
    int r = es_http_request(es->http, "GET", path, EV_STR_NULL, &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status == 404)
        return 0;
    if (answer.status != 200)
        return es_http_refused(&answer, "read what is asked of a view", error);
    yyjson_val *source = yyjson_obj_get(answer.root, "_source");
    ret->control.paused = yyjson_get_bool(yyjson_obj_get(source, "paused"));
    ret->control.revision = value_int64(source, "revision");
    ret->seq_no = value_int64(answer.root, "_seq_no");
    ret->primary_term = value_int64(answer.root, "_primary_term");
    return 0;
}

/* 1: somebody else has just changed it. */
static int control_write(struct es_sink *es, const struct ev_view *view, const struct stored_control *stored,
                         struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct ev_json_writer writer;
    struct es_answer answer;
    if (stored->seq_no < 0)
        snprintf(path, sizeof(path), "/%scontrol/_create/%s", es->prefix, view->name);
    else
        snprintf(path, sizeof(path), "/%scontrol/_doc/%s?if_seq_no=%lld&if_primary_term=%lld", es->prefix, view->name,
                 (long long)stored->seq_no, (long long)stored->primary_term);
    ev_buffer_clear(&es->body);
    ev_json_init(&writer, &es->body);
    ev_json_object_begin(&writer);
    ev_json_kv_bool(&writer, "paused", stored->control.paused);
    ev_json_kv_int64(&writer, "revision", stored->control.revision);
    ev_json_object_end(&writer);
    int r = es_http_request(es->http, "PUT", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status == 409)
        return 1;
    return answer.status == 200 || answer.status == 201
               ? 0
               : es_http_refused(&answer, "change what is asked of a view", error);
}

int es_load_control(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret, struct ev_error *error)
{
    struct stored_control stored;
    int r = control_read(es_of(sink), view, &stored, error);
    *ret = stored.control;
    return r;
}

int es_change_control(struct ev_sink *sink, const struct ev_view *view, enum ev_control_change change,
                      struct ev_error *error)
{
    struct stored_control stored;
    int r = 1;
    for (int i = 0; i < ES_CONTROL_TRIES && r > 0; i++) {
        r = control_read(es_of(sink), view, &stored, error);
        if (r < 0)
            return r;
        stored.control.revision++;
        if (change != EV_CONTROL_LOOK_AGAIN)
            stored.control.paused = change == EV_CONTROL_PAUSE;
        r = control_write(es_of(sink), view, &stored, error);
    }
    return r > 0 ? ev_error_set_retriable(error, EV_ERR_CONFLICT, "others keep changing what is asked of view %s",
                                          view->name)
                 : r;
}

/* Refused where there is no such document, or its index was made before there were marks: then the entry alone tells.
 */
int es_mark_parked(struct es_sink *es, const struct ev_view *view, const struct ev_parked *parked,
                   struct ev_error *error)
{
    char alias[ES_NAME_MAX], path[ES_PATH_MAX];
    struct ev_json_writer writer;
    struct es_answer answer;
    es_write_alias(es, view, alias);
    snprintf(path, sizeof(path), "/%s/_bulk?require_alias=true", alias);
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    es_line_begin(es, &writer);
    ev_json_key(&writer, EV_STR("update"));
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "_id", parked->key);
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    es_line_end(es);
    es_line_begin(es, &writer);
    ev_json_key(&writer, EV_STR("doc"));
    ev_json_object_begin(&writer);
    ev_json_key(&writer, EV_STR("_parked"));
    ev_json_object_begin(&writer);
    ev_json_kv_int64(&writer, "offset", parked->offset);
    ev_json_kv_int64(&writer, "at_ms", parked->parked_at_ms);
    ev_json_kv_cstr(&writer, "cause", parked->cause);
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    es_line_end(es);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    return answer.status == 200 ? 0 : es_http_refused(&answer, "mark a parked document", error);
}

int es_remove_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                     struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char path[ES_PATH_MAX];
    struct ev_json_writer writer;
    struct es_answer answer;
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    es_line_begin(es, &writer);
    ev_json_key(&writer, EV_STR("delete"));
    ev_json_object_begin(&writer);
    ev_json_kv_string(&writer, "_id", es_parked_id(es, view, parked));
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    es_line_end(es);
    snprintf(path, sizeof(path), "/%sparked/_bulk?refresh=true", es->prefix);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    return answer.status == 200 ? 0 : es_http_refused(&answer, "remove a parked entry", error);
}
