/* Checkpoints and live versions as Elasticsearch has them. Checkpoints are read by id, which is real-time: no refresh
 * of theirs is waited for (that of the view's index is what the projector does before it writes one). The live version
 * is what the view's alias points to. A checkpoint belongs to one index, by its UUID: that of an index which was
 * deleted since says nothing of the new one. */
#include "elastic_internal.h"

#include <stdio.h>

#include "json_text.h"
#include <string.h>

/* Two views with a thousand parked documents each, at which their projections stop, and their partitions. */
#define ELASTIC_PARKED_MAX 2500
#define ELASTIC_TRACKER_ARENA_MAX ((size_t)8 * 1024 * 1024)

static int elastic_tracker_call(struct elastic *elastic, struct elastic_request *request, struct ev_arena *arena,
                                yyjson_val **ret_root, struct ev_error *error)
{
    request->timeout_ms = ELASTIC_TRACKER_TIMEOUT_MS;
    elastic_call(elastic, request);
    int fault = elastic_answer(elastic, request, arena, ret_root, error);
    elastic_request_finish(request);
    return fault;
}

/* "products-v3", "products-v3-g2"; false: not the name of one of the view's indexes. */
static bool elastic_index_parse(const char *alias, struct ev_str index, int *ret_version, int *ret_generation)
{
    size_t length = strlen(alias);
    return index.length > length && memcmp(index.data, alias, length) == 0 && index.data[length] == '-' &&
           view_index_suffix_parse((struct ev_str){index.data + length + 1, index.length - length - 1}, ret_version,
                                   ret_generation);
}

/* Answer: {INDEX: {"settings": {"index": {"uuid": …}}}} */
static int elastic_read_version(struct elastic *elastic, enum query_view_id id, struct tracker_view *view,
                                struct ev_arena *arena, struct ev_error *error)
{
    struct elastic_request request = {.method = "GET"};
    char alias[VIEW_NAME_MAX];
    size_t index, count;
    yyjson_val *root, *name, *value;
    view_index_name(elastic_prefix(elastic), query_views[id].name, alias);
    snprintf(request.path, sizeof(request.path), "/%s/_settings", alias);
    view->version = 0;
    int fault = elastic_tracker_call(elastic, &request, arena, &root, error);
    if (fault == EV_ERR_NOT_FOUND)
        return 0;
    if (fault)
        return fault;
    yyjson_obj_foreach (root, index, count, name, value) {
        int version, generation;
        if (!elastic_index_parse(alias, ev_json_str(name), &version, &generation) || version < view->version)
            continue;
        yyjson_val *settings = yyjson_obj_get(yyjson_obj_get(value, "settings"), "index");
        struct ev_str uuid = ev_json_str(yyjson_obj_get(settings, "uuid"));
        view->version = version;
        view->generation = generation;
        snprintf(view->identity, sizeof(view->identity), "%.*s", EV_STR_ARG(uuid));
    }
    view_versioned_index_name(elastic_prefix(elastic), id, view->version, view->generation, view->target);
    return 0;
}

static int elastic_read_versions(void *context, struct tracker_table *table, struct ev_error *error)
{
    struct ev_arena arena;
    int fault = 0;
    ev_arena_init(&arena, ELASTIC_TRACKER_ARENA_MAX);
    for (size_t i = 0; i < QUERY_VIEWS && !fault; i++)
        if (query_views[i].stores[QUERY_STORE_ELASTICSEARCH])
            fault = elastic_read_version(context, (enum query_view_id)i, &table->views[i], &arena, error);
    ev_arena_finish(&arena);
    return fault;
}

static size_t elastic_partitions_to_read(const struct tracker_view *view, bool all)
{
    if (view->version == 0)
        return 0;
    if (all)
        return TRACKER_PARTITIONS_MAX;
    return view->partition_count > view->wanted_count ? view->partition_count : view->wanted_count;
}

/* {"ids":["orders_v1/0",…]}; false when there is nothing to ask for. */
static bool elastic_checkpoint_ids(const struct tracker_table *table, bool all, struct ev_buffer *body)
{
    struct ev_json_writer writer;
    char key[VIEW_NAME_MAX];
    bool any = false;
    ev_json_init(&writer, body);
    ev_json_object_begin(&writer);
    ev_json_key(&writer, EV_STR("ids"));
    ev_json_array_begin(&writer);
    for (size_t id = 0; id < QUERY_VIEWS; id++) {
        if (!query_views[id].stores[QUERY_STORE_ELASTICSEARCH])
            continue;
        size_t count = elastic_partitions_to_read(&table->views[id], all);
        for (size_t partition = 0; partition < count; partition++) {
            view_checkpoint_key((enum query_view_id)id, table->views[id].version, table->views[id].generation,
                                (int32_t)partition, key);
            ev_json_string(&writer, ev_str_of(key));
            any = true;
        }
    }
    ev_json_array_end(&writer);
    ev_json_object_end(&writer);
    return any;
}

static int64_t elastic_int(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    return yyjson_is_int(value) ? yyjson_get_sint(value) : 0;
}

static void elastic_take_checkpoint(struct tracker_table *table, yyjson_val *found)
{
    enum query_view_id id;
    int version, generation;
    int32_t partition;
    if (!yyjson_is_true(yyjson_obj_get(found, "found")) ||
        !view_checkpoint_key_parse(ev_json_str(yyjson_obj_get(found, "_id")), &id, &version, &generation, &partition) ||
        version != table->views[id].version || generation != table->views[id].generation ||
        partition >= TRACKER_PARTITIONS_MAX)
        return;
    struct tracker_view *view = &table->views[id];
    yyjson_val *source = yyjson_obj_get(found, "_source");
    if (!ev_str_equal(ev_json_str(yyjson_obj_get(source, "index_uuid")), ev_str_of(view->identity)))
        return;
    view->partitions[partition] = (struct tracker_checkpoint){
        .present = true,
        .next_offset = elastic_int(source, "next_offset"),
        .last_offset = elastic_int(source, "last_offset"),
        .log_time_ms = elastic_int(source, "log_time_ms"),
        .updated_at_ms = elastic_int(source, "updated_at_ms"),
    };
    if ((size_t)partition >= view->partition_count)
        view->partition_count = (size_t)partition + 1;
}

static void elastic_take_checkpoints(struct tracker_table *table, yyjson_val *root)
{
    size_t index, count;
    yyjson_val *found;
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        table->views[i].partition_count = 0;
        memset(table->views[i].partitions, 0, sizeof(table->views[i].partitions));
    }
    yyjson_arr_foreach (yyjson_obj_get(root, "docs"), index, count, found) {
        elastic_take_checkpoint(table, found);
    }
}

static int elastic_read_checkpoints(void *context, bool all, struct tracker_table *table, struct ev_error *error)
{
    struct elastic *elastic = context;
    struct elastic_request request = {.method = "POST"};
    struct ev_buffer body = {0};
    struct ev_arena arena;
    yyjson_val *root = NULL;
    char index[VIEW_NAME_MAX];
    bool ask = elastic_checkpoint_ids(table, all, &body);
    ev_arena_init(&arena, ELASTIC_TRACKER_ARENA_MAX);
    view_index_name(elastic_prefix(elastic), "checkpoints", index);
    /* With no view made yet the question is still whether the store answers. */
    if (ask)
        snprintf(request.path, sizeof(request.path), "/%s/_mget", index);
    else
        snprintf(request.path, sizeof(request.path), "/");
    request.method = ask ? "POST" : "GET";
    request.body = ask ? ev_buffer_str(&body) : EV_STR_NULL;
    int fault = elastic_tracker_call(elastic, &request, &arena, &root, error);
    if (fault == EV_ERR_NOT_FOUND) /* no index yet: no checkpoints */
        fault = 0, root = NULL;
    if (!fault)
        elastic_take_checkpoints(table, ask ? root : NULL);
    ev_arena_finish(&arena);
    ev_buffer_finish(&body);
    return fault;
}

/* Entries of the table's generations, by their indexes' UUIDs; false when there is no view yet. */
static bool elastic_parked_request(const struct tracker_table *table, struct ev_buffer *body)
{
    bool any = false;
    json_text_append(body,
                     "{'size':%i,'_source':['index_uuid','key','partition','parked_at_ms'],'query':{'bool':"
                     "{'must_not':[{'term':{'skipped':true}}],'filter':[{'terms':{'index_uuid':[",
                     (int64_t)ELASTIC_PARKED_MAX);
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        const struct tracker_view *view = &table->views[i];
        if (query_views[i].stores[QUERY_STORE_ELASTICSEARCH] && view->version > 0) {
            json_text_append_item(body, "%j", ev_str_of(view->identity));
            any = true;
        }
    }
    json_text_append(body, "]}}]}}}");
    return any;
}

static void elastic_take_parked(struct tracker_table *table, yyjson_val *source)
{
    struct ev_str uuid = ev_json_str(yyjson_obj_get(source, "index_uuid"));
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        struct tracker_view *view = &table->views[i];
        if (query_views[i].stores[QUERY_STORE_ELASTICSEARCH] && view->version > 0 &&
            ev_str_equal(uuid, ev_str_of(view->identity)))
            tracker_note_parked(&view->parked, ev_json_str(yyjson_obj_get(source, "key")),
                                elastic_int(source, "partition"), elastic_int(source, "parked_at_ms"));
    }
}

static int elastic_read_parked(void *context, struct tracker_table *table, struct ev_error *error)
{
    struct elastic *elastic = context;
    struct elastic_request request = {.method = "POST"};
    struct ev_buffer body = {0};
    struct ev_arena arena;
    char index[VIEW_NAME_MAX];
    size_t at, count;
    yyjson_val *root = NULL, *hit;
    int fault = 0;
    for (size_t i = 0; i < QUERY_VIEWS; i++)
        table->views[i].parked = (struct tracker_parked){0};
    ev_arena_init(&arena, ELASTIC_TRACKER_ARENA_MAX);
    view_index_name(elastic_prefix(elastic), "parked", index);
    snprintf(request.path, sizeof(request.path), "/%s/_search", index);
    if (elastic_parked_request(table, &body)) {
        request.body = ev_buffer_str(&body);
        fault = elastic_tracker_call(elastic, &request, &arena, &root, error);
    }
    if (fault == EV_ERR_NOT_FOUND) /* no index yet: nothing is parked */
        fault = 0, root = NULL;
    if (!fault) {
        yyjson_arr_foreach (yyjson_obj_get(yyjson_obj_get(root, "hits"), "hits"), at, count, hit) {
            elastic_take_parked(table, yyjson_obj_get(hit, "_source"));
        }
    }
    ev_arena_finish(&arena);
    ev_buffer_finish(&body);
    return fault;
}

struct tracker_source elastic_tracker_source(struct elastic *elastic)
{
    return (struct tracker_source){.busy_ms = ELASTIC_TRACKER_BUSY_MS,
                                   .read_versions = elastic_read_versions,
                                   .read_checkpoints = elastic_read_checkpoints,
                                   .read_parked = elastic_read_parked,
                                   .context = elastic};
}
