/* Generations in Elasticsearch: what is known of one lies in its index's mapping, under _meta, and goes with it; the
 * live one is the one that the view's alias points to. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "sinks/es_internal.h"
#include "sinks/index_definition.h"

static int64_t meta_int64(yyjson_val *meta, const char *name)
{
    return yyjson_get_sint(yyjson_obj_get(meta, name));
}

static void meta_text(char *to, size_t size, yyjson_val *meta, const char *name)
{
    struct ev_str text = ev_json_str(yyjson_obj_get(meta, name));
    snprintf(to, size, "%.*s", EV_STR_ARG(text));
}

/* INDEX: {"aliases": {…}, "mappings": {"_meta": {"orderlog": {…}}}, "settings": {"index": {"creation_date": "ms"}}} */
static void take_index(const char *alias, yyjson_val *value, struct generation *ret)
{
    yyjson_val *meta = yyjson_obj_get(yyjson_obj_get(yyjson_obj_get(value, "mappings"), "_meta"), "orderlog");
    yyjson_val *settings = yyjson_obj_get(yyjson_obj_get(value, "settings"), "index");
    ret->live = yyjson_obj_get(yyjson_obj_get(value, "aliases"), alias) != NULL;
    ret->state = generation_state_parse(ev_json_str(yyjson_obj_get(meta, "state")));
    if (ret->live)
        ret->state = GENERATION_READY;
    meta_text(ret->fingerprint, sizeof(ret->fingerprint), meta, "fingerprint");
    meta_text(ret->owner, sizeof(ret->owner), meta, "owner");
    ret->heartbeat_ms = meta_int64(meta, "heartbeat_ms");
    ret->retired_at_ms = meta_int64(meta, "retired_at_ms");
    ret->created_at_ms = 0;
    ev_str_to_int64(ev_json_str(yyjson_obj_get(settings, "creation_date")), &ret->created_at_ms);
}

static int list(struct ev_sink *sink, const char *view, struct generation ret[GENERATIONS_MAX], size_t *ret_count,
                struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char path[ES_PATH_MAX], alias[ES_NAME_MAX];
    struct es_answer answer;
    size_t prefix = strlen(es->prefix), count = 0, at, total;
    yyjson_val *name, *value;
    snprintf(alias, sizeof(alias), "%s%s", es->prefix, view);
    snprintf(path, sizeof(path),
             "/%s-v*?filter_path=*.aliases,*.mappings._meta,*.settings.index.creation_date,error,status", alias);
    ev_arena_reset(&es->arena);
    *ret_count = 0;
    int r = es_http_request(es->http, "GET", path, EV_STR_NULL, &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return es_http_refused(&answer, "list indexes", error);
    yyjson_obj_foreach (answer.root, at, total, name, value) {
        struct generation found = {0};
        struct ev_str index = ev_json_str(name);
        if (index.length <= prefix ||
            !generation_name_parse('-', view, (struct ev_str){index.data + prefix, index.length - prefix},
                                   &found.version, &found.number))
            continue;
        if (count == GENERATIONS_MAX)
            return ev_error_set(error, EV_ERR_LIMIT, "view %s has more than %d generations in Elasticsearch", view,
                                GENERATIONS_MAX);
        snprintf(found.view, sizeof(found.view), "%s", view);
        take_index(alias, value, &found);
        ret[count++] = found;
    }
    generations_sort(ret, count);
    *ret_count = count;
    return 0;
}

/* {"_meta": {"orderlog": {…}}} */
static void append_meta(const struct generation *generation, struct ev_buffer *out)
{
    struct ev_json_writer writer;
    ev_json_init(&writer, out);
    ev_json_object_begin(&writer);
    ev_json_key(&writer, EV_STR("_meta"));
    ev_json_object_begin(&writer);
    ev_json_key(&writer, EV_STR("orderlog"));
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "state", generation_state_text(generation->state));
    ev_json_kv_cstr(&writer, "fingerprint", generation->fingerprint);
    ev_json_kv_cstr(&writer, "owner", generation->owner);
    ev_json_kv_int64(&writer, "heartbeat_ms", generation->heartbeat_ms);
    ev_json_kv_int64(&writer, "retired_at_ms", generation->retired_at_ms);
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
    ev_json_object_end(&writer);
}

static int save(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    es_generation_index(es, generation, index);
    snprintf(path, sizeof(path), "/%s/_mapping", index);
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    append_meta(generation, &es->body);
    int r = es_http_request(es->http, "PUT", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status == 404)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "generation %d of view %s is gone from Elasticsearch",
                            generation->number, generation->view);
    return answer.status == 200 ? 0 : es_http_refused(&answer, "write down a generation", error);
}

/* The definition with what is known of the generation in its mapping, so that there is no moment without it: the
 * mapping's opening brace becomes that of _meta. */
static int define(const char *definition, const struct generation *generation, struct ev_buffer *out,
                  struct ev_error *error)
{
    static const char mark[] = "\"mappings\":";
    const char *mappings = strstr(definition, mark);
    if (!mappings)
        return ev_error_set(error, EV_ERR_INTERNAL, "an index definition without mappings");
    mappings += sizeof(mark) - 1;
    ev_buffer_append(out, definition, (size_t)(mappings - definition));
    append_meta(generation, out);
    out->data[out->length - 1] = ',';
    ev_buffer_append(out, mappings + 1, strlen(mappings)); /* its NUL too */
    return 0;
}

static int settings_put(struct es_sink *es, const struct generation *generation, const char *settings,
                        struct ev_error *error)
{
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    es_generation_index(es, generation, index);
    snprintf(path, sizeof(path), "/%s/_settings", index);
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    ev_buffer_append(&es->body, settings, strlen(settings));
    return es_command(es, "PUT", path, "set an index up", error);
}

static int create(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char index[ES_NAME_MAX], write_alias[ES_NAME_MAX + 8];
    es_generation_index(es, generation, index);
    snprintf(write_alias, sizeof(write_alias), "%s-write", index);
    const char *const aliases[] = {write_alias, NULL};
    ev_arena_reset(&es->arena);
    const struct index_definition *definition = index_definition_find(ev_str_of(generation->view));
    if (!definition)
        return ev_error_set(error, EV_ERR_UNSUPPORTED, "view %s has no index definition", generation->view);
    ev_buffer_clear(&es->scratch);
    int r = define(definition->json, generation, &es->scratch, error);
    if (r >= 0)
        r = es_create_index(es, index, es->scratch.data, aliases, error);
    if (r > 0)
        return ev_error_set(error, EV_ERR_CONFLICT, "generation %d of view %s is there already", generation->number,
                            generation->view);
    return r < 0 ? r
                 : settings_put(es, generation,
                                "{\"index\":{\"refresh_interval\":-1,\"auto_expand_replicas\":false,"
                                "\"number_of_replicas\":0}}",
                                error);
}

/* The definition's own values again. */
static int loaded(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    struct ev_buffer settings;
    yyjson_val *root;
    const struct index_definition *definition = index_definition_find(ev_str_of(generation->view));
    ev_arena_reset(&es->arena);
    int r = ev_json_parse(ev_str_of(definition->json), &es->arena, &root, error);
    if (r < 0)
        return r;
    yyjson_val *defined = yyjson_obj_get(root, "settings");
    struct ev_str refresh = ev_json_str(yyjson_obj_get(defined, "refresh_interval"));
    struct ev_str replicas = ev_json_str(yyjson_obj_get(defined, "auto_expand_replicas"));
    ev_buffer_init(&settings);
    ev_buffer_printf(&settings, "{\"index\":{\"refresh_interval\":\"%.*s\",\"auto_expand_replicas\":\"%.*s\"}}",
                     EV_STR_ARG(refresh), EV_STR_ARG(replicas));
    ev_buffer_append_byte(&settings, '\0');
    r = settings_put(es, generation, settings.data, error);
    ev_buffer_finish(&settings);
    return r;
}

/* Both actions or none; the first is refused where the alias isn't there any more. */
static int make_live(struct ev_sink *sink, const struct generation *from, const struct generation *to,
                     struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char before[ES_NAME_MAX], after[ES_NAME_MAX];
    struct es_answer answer;
    es_generation_index(es, from, before);
    es_generation_index(es, to, after);
    ev_arena_reset(&es->arena);
    ev_buffer_clear(&es->body);
    ev_buffer_printf(&es->body,
                     "{\"actions\":[{\"remove\":{\"index\":\"%s\",\"alias\":\"%s%s\",\"must_exist\":true}},"
                     "{\"add\":{\"index\":\"%s\",\"alias\":\"%s%s\"}}]}",
                     before, es->prefix, from->view, after, es->prefix, to->view);
    int r = es_http_request(es->http, "POST", "/_aliases", ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0)
        return r;
    if (answer.status == 404)
        return ev_error_set(error, EV_ERR_CONFLICT, "another generation of view %s became live in Elasticsearch",
                            from->view);
    return answer.status == 200 ? 0 : es_http_refused(&answer, "move the alias", error);
}

/* Checkpoints and parked entries name the index that goes with this, and count no more. */
static int drop(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char index[ES_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    es_generation_index(es, generation, index);
    snprintf(path, sizeof(path), "/%s", index);
    ev_arena_reset(&es->arena);
    int r = es_http_request(es->http, "DELETE", path, EV_STR_NULL, &es->arena, &answer, error);
    if (r < 0)
        return r;
    return answer.status == 200 || answer.status == 404 ? 0 : es_http_refused(&answer, "delete an index", error);
}

static int measure_position(struct es_sink *es, const struct generation *generation, int64_t *ret,
                            struct ev_error *error)
{
    char name[GENERATION_NAME_MAX], path[ES_PATH_MAX];
    struct es_answer answer;
    generation_name('_', generation->view, generation->version, generation->number, name);
    snprintf(path, sizeof(path), "/%scheckpoints/_search?size=0", es->prefix);
    ev_buffer_clear(&es->body);
    ev_buffer_printf(&es->body,
                     "{\"query\":{\"term\":{\"view\":\"%s\"}},\"aggs\":{\"position\":{\"sum\":{\"field\":"
                     "\"next_offset\"}}}}",
                     name);
    int r = es_http_request(es->http, "POST", path, ev_buffer_str(&es->body), &es->arena, &answer, error);
    if (r < 0 || answer.status == 404)
        return r;
    yyjson_val *position = yyjson_obj_get(yyjson_obj_get(answer.root, "aggregations"), "position");
    *ret = (int64_t)yyjson_get_num(yyjson_obj_get(position, "value"));
    return answer.status == 200 ? 0 : es_http_refused(&answer, "read checkpoints", error);
}

/* How long one that was just made may take until it can be asked. */
#define ES_SHARDS_TIMEOUT "5s"

static int count_documents(struct es_sink *es, const char *index, struct es_answer *ret, struct ev_error *error)
{
    char path[ES_PATH_MAX];
    snprintf(path, sizeof(path), "/%s/_count", index);
    ev_arena_reset(&es->arena);
    return es_http_request(es->http, "GET", path, EV_STR_NULL, &es->arena, ret, error);
}

/* Whether its shards were started in time or not: who asked looks at the index itself. */
static int await_shards(struct es_sink *es, const char *index, struct ev_error *error)
{
    char path[ES_PATH_MAX];
    struct es_answer answer;
    snprintf(path, sizeof(path), "/_cluster/health/%s?wait_for_status=yellow&timeout=" ES_SHARDS_TIMEOUT, index);
    ev_arena_reset(&es->arena);
    return es_http_request(es->http, "GET", path, EV_STR_NULL, &es->arena, &answer, error);
}

static int measure(struct ev_sink *sink, const struct generation *generation, int64_t *ret_documents,
                   int64_t *ret_position, struct ev_error *error)
{
    struct es_sink *es = es_of(sink);
    char index[ES_NAME_MAX];
    struct es_answer answer;
    es_generation_index(es, generation, index);
    *ret_documents = *ret_position = 0;
    int r = count_documents(es, index, &answer, error);
    if (r >= 0 && answer.status == 503) { /* it has just been made */
        r = await_shards(es, index, error);
        if (r >= 0)
            r = count_documents(es, index, &answer, error);
    }
    if (r < 0 || answer.status == 404) /* it has been dropped since it was listed */
        return r;
    if (answer.status != 200)
        return es_http_refused(&answer, "count documents", error);
    *ret_documents = meta_int64(answer.root, "count");
    return measure_position(es, generation, ret_position, error);
}

const struct generation_store elasticsearch_generations = {
    .list = list,
    .create = create,
    .loaded = loaded,
    .save = save,
    .make_live = make_live,
    .drop = drop,
    .measure = measure,
};

static int settle_fingerprint(struct es_sink *es, const struct ev_view *view, const struct generation *own,
                              struct ev_error *error)
{
    const char *fingerprint = es->sink.fingerprint;
    if (!fingerprint || strcmp(fingerprint, own->fingerprint) == 0)
        return 0;
    if (own->fingerprint[0])
        return generation_refuse_fingerprint(view, "Elasticsearch", own->fingerprint, fingerprint, error);
    struct generation filled = *own;
    snprintf(filled.fingerprint, sizeof(filled.fingerprint), "%s", fingerprint);
    return save(&es->sink, &filled, error);
}

int es_settle_generation(struct es_sink *es, const struct ev_view *view, bool *ret_live, bool *ret_any,
                         struct ev_error *error)
{
    struct generation *generations = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*generations));
    _cleanup_free_ void *owned = generations;
    size_t count;
    int r = list(&es->sink, view->name, generations, &count, error);
    if (r < 0)
        return r;
    const struct generation *live = generations_live(generations, count);
    if (es->sink.generation == 0)
        es->sink.generation = live && live->version == view->version ? live->number : 1;
    const struct generation *own = generations_find(generations, count, view->version, es->sink.generation);
    *ret_any = live != NULL;
    *ret_live = own && own->live;
    if (!own)
        return 0;
    if (own->state == GENERATION_DROPPING)
        return ev_error_set(error, EV_ERR_CONFLICT,
                            "generation %d of view %s, version %d, is being dropped from "
                            "Elasticsearch",
                            own->number, view->name, view->version);
    return settle_fingerprint(es, view, own, error);
}
