/* What a request says: parameters, position, patience. */
#include "query_internal.h"

#include <string.h>

/* Every route has these. */
static const char query_after[] = "after", query_stale_ok[] = "stale-ok";
static const struct param query_stale_ok_param = {.name = query_stale_ok, .kind = PARAM_BOOL};

static bool query_refuse_unknown(struct query *query)
{
    const char *known[PARAMS_MAX + 3];
    size_t count = 0;
    for (size_t i = 0; i < query->resource->param_count; i++)
        known[count++] = query->resource->params[i].name;
    known[count++] = query_after;
    known[count++] = query_stale_ok;
    known[count] = NULL;
    struct ev_str unknown = http_exchange_unknown_query(query->exchange, known);
    if (!unknown.data)
        return true;
    struct ev_str list = EV_STR("");
    for (size_t i = 0; i < count; i++)
        list = ev_arena_printf(query->arena, "%.*s%s%s", EV_STR_ARG(list), i ? ", " : "", known[i]);
    query_reply_parameter(query, ev_arena_copy(query->arena, unknown).data,
                          ev_arena_printf(query->arena, "is not known here; known are: %.*s", EV_STR_ARG(list)).data);
    return false;
}

static bool query_read_parameter(struct query *query, const struct param *param, struct param_value *ret)
{
    struct ev_str text;
    struct ev_error error = {0};
    if (!http_exchange_query(query->exchange, param->name, &text)) {
        query_reply_parameter(query, param->name, "is given twice, or is no percent-encoded UTF-8");
        return false;
    }
    if (!text.data) {
        if (!param->required)
            return true;
        query_reply_parameter(query, param->name, "is missing");
        return false;
    }
    if (param_parse(param, text, ret, &error) == 0)
        return true;
    query_reply_parameter(query, param->name, error.message);
    return false;
}

bool query_read_parameters(struct query *query)
{
    const struct query_resource *resource = query->resource;
    struct param_value stale_ok = {0};
    struct ev_error error = {0};
    if (!query_refuse_unknown(query))
        return false;
    for (size_t i = 0; i < resource->param_count; i++)
        if (!query_read_parameter(query, &resource->params[i], &query->params[i]))
            return false;
    if (!query_read_parameter(query, &query_stale_ok_param, &stale_ok))
        return false;
    query->stale_ok = stale_ok.number != 0;
    query->fingerprint = params_fingerprint(resource->name, resource->params, query->params, resource->param_count);
    for (size_t i = 0; i < resource->param_count; i++) {
        if (resource->params[i].kind != PARAM_CURSOR || !query->params[i].present)
            continue;
        if (cursor_parse(query->params[i].text, query->fingerprint, query->arena, &query->cursor, &error) != 0 ||
            query->cursor.part_count == 0) {
            query_reply_parameter(query, resource->params[i].name, error.message);
            return false;
        }
    }
    return true;
}

/* --- position --- */

static bool query_add_positions(struct query *query, struct ev_str token, const char *from)
{
    struct ev_position positions[EV_POSITIONS_MAX];
    struct ev_error error = {0};
    size_t count;
    if (!token.data)
        return true;
    if (ev_position_token_parse(token, query->arena, positions, &count, &error) != 0) {
        query_reply_parameter(query, from, error.message);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (query->wanted_count == EV_POSITIONS_MAX) {
            query_reply_parameter(query, from, "holds too many positions");
            return false;
        }
        query->wanted[query->wanted_count++] = positions[i];
    }
    return true;
}

/* `wait=SECONDS` of the Prefer headers (RFC 7240). What isn't understood is ignored, as the RFC has it. */
static int64_t query_wait_ms(struct ev_str prefer)
{
    struct ev_str part;
    while (ev_str_split(&prefer, ',', &part)) {
        struct ev_str value = part, name;
        int64_t seconds;
        part = ev_str_trim(part);
        ev_str_split(&part, ';', &value); /* parameters behind a preference mean nothing to us */
        if (!ev_str_split(&value, '=', &name) || !value.data || !ev_str_equal(ev_str_trim(name), EV_STR("wait")))
            continue;
        if (!ev_str_to_int64(ev_str_trim(value), &seconds) || seconds < 0)
            continue;
        return seconds > QUERY_WAIT_MAX_MS / 1000 ? QUERY_WAIT_MAX_MS : seconds * 1000;
    }
    return QUERY_WAIT_DEFAULT_MS;
}

bool query_read_position(struct query *query, int64_t *ret_wait_ms)
{
    struct ev_str after;
    if (!http_exchange_query(query->exchange, query_after, &after)) {
        query_reply_parameter(query, query_after, "is given twice, or is no percent-encoded UTF-8");
        return false;
    }
    *ret_wait_ms = query_wait_ms(http_exchange_header(query->exchange, "prefer"));
    return query_add_positions(query, http_exchange_header(query->exchange, "position"), "Position") &&
           query_add_positions(query, after, query_after);
}
