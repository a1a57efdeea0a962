#include "libhttp/path.h"
#include "libhttp/server.h"

/* The next name=value of a query; both raw. */
static bool query_next(struct ev_str *rest, struct ev_str *ret_name, struct ev_str *ret_value)
{
    struct ev_str part;
    do {
        if (!ev_str_split(rest, '&', &part))
            return false;
    } while (part.length == 0);
    *ret_value = part;
    if (!ev_str_split(ret_value, '=', ret_name))
        *ret_name = part;
    if (!ret_value->data)
        *ret_value = EV_STR("");
    return true;
}

bool http_exchange_query(struct http_exchange *exchange, const char *name, struct ev_str *ret_value)
{
    *ret_value = EV_STR_NULL;
    struct ev_str rest = exchange->query.length ? exchange->query : EV_STR_NULL;
    struct ev_str raw_name, raw_value, decoded;
    while (query_next(&rest, &raw_name, &raw_value)) {
        if (!http_percent_decode(raw_name, true, &exchange->arena, &decoded))
            return false;
        if (!ev_str_equal(decoded, ev_str_of(name)))
            continue;
        if (ret_value->data || !http_percent_decode(raw_value, true, &exchange->arena, ret_value))
            return false;
    }
    return true;
}

struct ev_str http_exchange_unknown_query(struct http_exchange *exchange, const char *const *known)
{
    struct ev_str rest = exchange->query.length ? exchange->query : EV_STR_NULL;
    struct ev_str raw_name, raw_value, decoded;
    while (query_next(&rest, &raw_name, &raw_value)) {
        if (!http_percent_decode(raw_name, true, &exchange->arena, &decoded))
            return raw_name;
        const char *const *name = known;
        while (*name && !ev_str_equal(decoded, ev_str_of(*name)))
            name++;
        if (!*name)
            return decoded;
    }
    return EV_STR_NULL;
}
