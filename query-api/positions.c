#include "positions.h"

#include "core/clock.h"
#include "core/timestamp.h"

static void positions_write_time(struct ev_json_writer *writer, const char *key, int64_t ms)
{
    char text[EV_TIMESTAMP_TEXT_MAX];
    ev_json_key(writer, ev_str_of(key));
    if (ms > 0)
        ev_json_string(writer, (struct ev_str){text, ev_timestamp_format(ms, text)});
    else
        ev_json_null(writer);
}

/* `lag_seconds`: how far the last record read was behind the clock when the checkpoint was written. A projector that
 * has died writes none: then `updated_at` stands still. `stopped_since`: at a record that can't be decoded. */
static void positions_write_partition(struct ev_json_writer *writer, int32_t partition,
                                      const struct tracker_checkpoint *checkpoint, int64_t stopped_at_ms)
{
    int64_t lag_ms = checkpoint->log_time_ms > 0 ? checkpoint->updated_at_ms - checkpoint->log_time_ms : 0;
    ev_json_object_begin(writer);
    ev_json_kv_int64(writer, "partition", partition);
    ev_json_kv_int64(writer, "next_offset", checkpoint->next_offset);
    ev_json_kv_int64(writer, "last_offset", checkpoint->last_offset);
    ev_json_kv_double(writer, "lag_seconds", (double)(lag_ms > 0 ? lag_ms : 0) / 1000);
    positions_write_time(writer, "log_time", checkpoint->log_time_ms);
    positions_write_time(writer, "updated_at", checkpoint->updated_at_ms);
    positions_write_time(writer, "stopped_since", stopped_at_ms);
    ev_json_object_end(writer);
}

static void positions_write_view(struct query_api *api, enum query_store store, enum query_view_id view,
                                 struct tracker_snapshot *snapshot, struct ev_json_writer *writer)
{
    struct ev_position positions[EV_POSITIONS_MAX];
    char token[EV_POSITION_TOKEN_MAX];
    size_t count;
    tracker_snapshot(api->trackers[store], view, snapshot);
    ev_json_object_begin(writer);
    ev_json_kv_cstr(writer, "view", query_views[view].name);
    ev_json_kv_cstr(writer, "store", query_store_name(store));
    ev_json_kv_cstr(writer, "topic", query_views[view].topic);
    ev_json_key(writer, EV_STR("version"));
    if (snapshot->version > 0)
        ev_json_int64(writer, snapshot->version);
    else
        ev_json_null(writer);
    if (snapshot->version > 0)
        ev_json_kv_int64(writer, "generation", snapshot->generation);
    ev_json_key(writer, EV_STR("position"));
    if (tracker_snapshot_positions(snapshot, view, positions, &count) && count > 0)
        ev_json_string(writer, (struct ev_str){token, ev_position_token_format(positions, count, token)});
    else
        ev_json_null(writer);
    ev_json_kv_double(writer, "lag_seconds", (double)tracker_snapshot_lag_ms(snapshot) / 1000);
    ev_json_kv_int64(writer, "parked", snapshot->parked.documents);
    ev_json_key(writer, EV_STR("partitions"));
    ev_json_array_begin(writer);
    for (size_t i = 0; i < snapshot->partition_count; i++)
        if (snapshot->partitions[i].present)
            positions_write_partition(writer, (int32_t)i, &snapshot->partitions[i], snapshot->parked.stopped_at_ms[i]);
    ev_json_array_end(writer);
    ev_json_object_end(writer);
}

static void positions_write_stores(struct query_api *api, struct ev_json_writer *writer)
{
    ev_json_key(writer, EV_STR("stores"));
    ev_json_array_begin(writer);
    for (size_t store = 0; store < QUERY_STORES; store++) {
        char detail[256] = "";
        bool up = store_state_check(&api->states[store], detail);
        ev_json_object_begin(writer);
        ev_json_kv_cstr(writer, "store", query_store_name((enum query_store)store));
        ev_json_kv_bool(writer, "up", up);
        if (!up)
            ev_json_kv_cstr(writer, "detail", detail);
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
}

void positions_handle(struct http_exchange *exchange, void *context)
{
    struct query_api *api = context;
    struct tracker_snapshot *snapshot = ev_arena_new(&exchange->arena, struct tracker_snapshot);
    struct ev_buffer body = {0};
    struct ev_json_writer writer;
    ev_json_init(&writer, &body);
    ev_json_object_begin(&writer);
    positions_write_time(&writer, "time", ev_clock_wall_ms(&ev_clock_system));
    positions_write_stores(api, &writer);
    ev_json_key(&writer, EV_STR("views"));
    ev_json_array_begin(&writer);
    for (size_t view = 0; view < QUERY_VIEWS; view++)
        for (size_t store = 0; store < QUERY_STORES; store++)
            if (query_views[view].stores[store])
                positions_write_view(api, (enum query_store)store, (enum query_view_id)view, snapshot, &writer);
    ev_json_array_end(&writer);
    ev_json_object_end(&writer);
    struct http_reply reply = {.status = 200, .body = ev_arena_copy(&exchange->arena, ev_buffer_str(&body))};
    ev_buffer_finish(&body);
    http_reply_add_header(&reply, "cache-control", EV_STR("no-cache"));
    http_reply(exchange, &reply);
}
