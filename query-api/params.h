/* Query parameters by table: what a route takes, with bounds. Everything else is refused. Pure. */
#pragma once

#include "avro/record.h"
#include "core/error.h"

enum param_kind {
    PARAM_TEXT,   /* min and max are lengths in characters (code points) */
    PARAM_INT,    /* min and max are bounds of the value */
    PARAM_DATE,   /* "2010-12-01", gives the day's first millisecond (UTC) */
    PARAM_MONEY,  /* "2.55", not negative, gives 1/10000 units */
    PARAM_BOOL,   /* "true" or "false" */
    PARAM_SYMBOL, /* one of `symbols`, gives its index */
    PARAM_CURSOR, /* text, checked by whoever knows what is in it */
};

struct param {
    const char *name;
    enum param_kind kind;
    int64_t min, max;
    const struct ev_enum *symbols;
    bool required;
    bool paging; /* says where on a list, not which list: no part of the fingerprint */
};

struct param_value {
    bool present;
    struct ev_str text; /* as given, percent-decoded */
    int64_t number;
};

#define PARAMS_MAX 16
#define PARAM_TEXT_DEFAULT_MAX 200

/* Checks and converts one value; INVALID with a message that can follow the parameter's name: "is no date…". */
int param_parse(const struct param *param, struct ev_str text, struct param_value *ret, struct ev_error *error);
/* Of a route's name and of the values that choose what is listed; equal for the same query in any process. */
uint64_t params_fingerprint(const char *route, const struct param *params, const struct param_value *values,
                            size_t count);

/* Days from..to, both in the range: at most this many. */
#define PARAM_DAYS_MAX 3700
#define PARAM_DAY_MS INT64_C(86400000)
/* INVALID when `to` is before `from` or the range is longer than PARAM_DAYS_MAX days; absent ends are no range. */
int params_check_days(const struct param_value *from, const struct param_value *to, struct ev_error *error);
