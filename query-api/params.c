#include "params.h"

#include <inttypes.h>

#include "core/hash.h"
#include "core/money.h"
#include "core/timestamp.h"

static size_t param_characters(struct ev_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static int param_parse_text(const struct param *param, struct ev_str text, struct ev_error *error)
{
    size_t length = param_characters(text);
    if (length < (size_t)param->min || length > (size_t)param->max)
        return ev_error_set(error, EV_ERR_INVALID, "has %" PRId64 " to %" PRId64 " characters", param->min, param->max);
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
            return ev_error_set(error, EV_ERR_INVALID, "has no control characters");
    return 0;
}

static int param_parse_symbol(const struct param *param, struct ev_str text, int64_t *ret, struct ev_error *error)
{
    char known[256] = "";
    size_t length = 0;
    for (size_t i = 0; i < param->symbols->count; i++) {
        if (ev_str_equal(text, ev_str_of(param->symbols->symbols[i]))) {
            *ret = (int64_t)i;
            return 0;
        }
        for (const char *c = param->symbols->symbols[i]; *c && length < sizeof(known) - 3; c++)
            known[length++] = *c;
        if (i + 1 < param->symbols->count) {
            known[length++] = ',';
            known[length++] = ' ';
        }
        if (length > sizeof(known) - 4)
            length = sizeof(known) - 4;
    }
    known[length] = '\0';
    return ev_error_set(error, EV_ERR_INVALID, "is one of: %s", known);
}

int param_parse(const struct param *param, struct ev_str text, struct param_value *ret, struct ev_error *error)
{
    *ret = (struct param_value){.present = true, .text = text};
    switch (param->kind) {
    case PARAM_TEXT:
        return param_parse_text(param, text, error);
    case PARAM_INT:
        if (!ev_str_to_int64(text, &ret->number) || ret->number < param->min || ret->number > param->max)
            return ev_error_set(error, EV_ERR_INVALID, "is a whole number from %" PRId64 " to %" PRId64, param->min,
                                param->max);
        return 0;
    case PARAM_DATE:
        if (!ev_date_parse(text, &ret->number))
            return ev_error_set(error, EV_ERR_INVALID, "is a day as in 2010-12-31");
        return 0;
    case PARAM_MONEY:
        if (!ev_money_parse(text, &ret->number) || ret->number < 0)
            return ev_error_set(error, EV_ERR_INVALID,
                                "is an amount as in 2.55: not negative, at most 4 decimals, below 10^12");
        return 0;
    case PARAM_BOOL:
        ret->number = ev_str_equal(text, EV_STR("true"));
        if (!ret->number && !ev_str_equal(text, EV_STR("false")))
            return ev_error_set(error, EV_ERR_INVALID, "is true or false");
        return 0;
    case PARAM_SYMBOL:
        return param_parse_symbol(param, text, &ret->number, error);
    case PARAM_CURSOR:
        return 0;
    }
    return EV_ERR_INTERNAL;
}

uint64_t params_fingerprint(const char *route, const struct param *params, const struct param_value *values,
                            size_t count)
{
    struct ev_buffer text = {0};
    ev_buffer_append_str(&text, ev_str_of(route));
    for (size_t i = 0; i < count; i++) {
        if (params[i].paging || !values[i].present)
            continue;
        ev_buffer_printf(&text, "\n%s %zu ", params[i].name, values[i].text.length);
        ev_buffer_append_str(&text, values[i].text);
    }
    uint64_t hash = ev_hash64(ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return hash;
}

int params_check_days(const struct param_value *from, const struct param_value *to, struct ev_error *error)
{
    if (!from->present || !to->present)
        return 0;
    if (to->number < from->number)
        return ev_error_set(error, EV_ERR_INVALID, "is before \"from\"");
    if ((to->number - from->number) / PARAM_DAY_MS >= PARAM_DAYS_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "is more than %d days after \"from\"", PARAM_DAYS_MAX - 1);
    return 0;
}
