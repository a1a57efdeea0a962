/* UTC timestamps in milliseconds since 1970 and their RFC 3339 text. Pure: no clock, no time zone database, no locale.
 */
#pragma once

#include "core/str.h"

#define EV_TIMESTAMP_TEXT_MAX 32 /* "2010-12-01T08:26:00.000Z" and NUL */
#define EV_DATE_TEXT_MAX 11      /* "2010-12-01" and NUL */
/* 9999-12-31T23:59:59.999Z; times are from 0 to here. Formatting a time outside gives the nearest one inside. */
#define EV_TIMESTAMP_MAX INT64_C(253402300799999)

/* RFC 3339 date-time with Z or an offset, 0 to EV_TIMESTAMP_MAX in UTC, up to 9 fractional digits (cut to ms). False
 * for anything else, also for days that don't exist and for the second 60, which UTC milliseconds can't hold. */
bool ev_timestamp_parse(struct ev_str text, int64_t *ret_ms);
/* "…T08:26:00Z", or with ".123" where the milliseconds are not 0. Writes a NUL; returns the length without it. */
size_t ev_timestamp_format(int64_t ms, char ret_text[EV_TIMESTAMP_TEXT_MAX]);
/* Calendar day in UTC as "YYYY-MM-DD", and back to its first millisecond. */
size_t ev_date_format(int64_t ms, char ret_text[EV_DATE_TEXT_MAX]);
bool ev_date_parse(struct ev_str text, int64_t *ret_ms);
