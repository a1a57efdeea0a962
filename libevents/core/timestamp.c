#include "core/timestamp.h"

#include <string.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_DAY (24 * 60 * MS_PER_MINUTE)
#define FRACTION_DIGITS_MAX 9
#define DATE_LENGTH 10 /* "2010-12-01" */
#define TIME_LENGTH 9  /* "T08:26:00" */

struct civil_date {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
};

/* Days since 1970-01-01 in the Gregorian calendar and back (Howard Hinnant, "chrono-compatible low-level date
 * algorithms"). Years begin in March there, so that the leap day comes last; an era has 400 years. For year >= 0. */
static int64_t days_of_date(struct civil_date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil_date date_of_days(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct civil_date date = {
        .year = year_of_era + era * 400,
        .month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
    if (date.month <= 2)
        date.year++;
    return date;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* `count` decimal digits at `at`, or -1. */
static int64_t digits_at(const char *at, size_t count)
{
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

/* The first DATE_LENGTH characters of `at`, which must be there. */
static bool parse_date(const char *at, int64_t *ret_days)
{
    struct civil_date date = {digits_at(at, 4), digits_at(at + 5, 2), digits_at(at + 8, 2)};
    if (at[4] != '-' || at[7] != '-' || date.year < 0 || date.month < 1 || date.month > 12 || date.day < 1 ||
        date.day > days_in_month(date.year, date.month))
        return false;
    *ret_days = days_of_date(date);
    return true;
}

/* "T08:26:00": TIME_LENGTH characters, which must be there. */
static bool parse_time(const char *at, int64_t *ret_ms)
{
    int64_t hour = digits_at(at + 1, 2), minute = digits_at(at + 4, 2), second = digits_at(at + 7, 2);
    if ((at[0] != 'T' && at[0] != 't') || at[3] != ':' || at[6] != ':')
        return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    *ret_ms = (hour * 60 + minute) * MS_PER_MINUTE + second * MS_PER_SECOND;
    return true;
}

/* ".123456": takes what belongs to it off *rest; no fraction is 0. */
static bool parse_fraction(struct ev_str *rest, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (rest->length == 0 || rest->data[0] != '.')
        return true;
    size_t digits = 0;
    int64_t ms = 0;
    while (digits + 1 < rest->length && rest->data[digits + 1] >= '0' && rest->data[digits + 1] <= '9') {
        if (digits < 3)
            ms = ms * 10 + (rest->data[digits + 1] - '0');
        digits++;
    }
    if (digits == 0 || digits > FRACTION_DIGITS_MAX)
        return false;
    for (size_t i = digits; i < 3; i++)
        ms *= 10;
    *rest = (struct ev_str){rest->data + digits + 1, rest->length - digits - 1};
    *ret_ms = ms;
    return true;
}

/* "Z" or "+01:00", all that is left. */
static bool parse_offset(struct ev_str rest, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (rest.length == 1)
        return rest.data[0] == 'Z' || rest.data[0] == 'z';
    if (rest.length != 6 || (rest.data[0] != '+' && rest.data[0] != '-') || rest.data[3] != ':')
        return false;
    int64_t hour = digits_at(rest.data + 1, 2), minute = digits_at(rest.data + 4, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    *ret_ms = (hour * 60 + minute) * MS_PER_MINUTE * (rest.data[0] == '-' ? -1 : 1);
    return true;
}

bool ev_timestamp_parse(struct ev_str text, int64_t *ret_ms)
{
    int64_t days, time, fraction, offset;
    if (text.length < DATE_LENGTH + TIME_LENGTH + 1 || !parse_date(text.data, &days) ||
        !parse_time(text.data + DATE_LENGTH, &time))
        return false;
    struct ev_str rest = {text.data + DATE_LENGTH + TIME_LENGTH, text.length - DATE_LENGTH - TIME_LENGTH};
    if (!parse_fraction(&rest, &fraction) || !parse_offset(rest, &offset))
        return false;
    int64_t ms = days * MS_PER_DAY + time + fraction - offset;
    if (ms < 0 || ms > EV_TIMESTAMP_MAX)
        return false;
    *ret_ms = ms;
    return true;
}

static char *put_digits(char *at, int64_t value, int count)
{
    for (int i = count; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

static int64_t clamp_to_year_9999(int64_t ms)
{
    return ms < 0 ? 0 : ms > EV_TIMESTAMP_MAX ? EV_TIMESTAMP_MAX : ms;
}

static char *put_date(char *at, int64_t ms)
{
    struct civil_date date = date_of_days(ms / MS_PER_DAY);
    at = put_digits(at, date.year, 4);
    *at++ = '-';
    at = put_digits(at, date.month, 2);
    *at++ = '-';
    return put_digits(at, date.day, 2);
}

size_t ev_timestamp_format(int64_t ms, char ret_text[EV_TIMESTAMP_TEXT_MAX])
{
    ms = clamp_to_year_9999(ms);
    int64_t seconds = ms % MS_PER_DAY / MS_PER_SECOND;
    char *at = put_date(ret_text, ms);
    *at++ = 'T';
    at = put_digits(at, seconds / 3600, 2);
    *at++ = ':';
    at = put_digits(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, seconds % 60, 2);
    if (ms % MS_PER_SECOND) {
        *at++ = '.';
        at = put_digits(at, ms % MS_PER_SECOND, 3);
    }
    *at++ = 'Z';
    *at = '\0';
    return (size_t)(at - ret_text);
}

size_t ev_date_format(int64_t ms, char ret_text[EV_DATE_TEXT_MAX])
{
    char *at = put_date(ret_text, clamp_to_year_9999(ms));
    *at = '\0';
    return (size_t)(at - ret_text);
}

bool ev_date_parse(struct ev_str text, int64_t *ret_ms)
{
    int64_t days;
    if (text.length != DATE_LENGTH || !parse_date(text.data, &days) || days < 0)
        return false;
    *ret_ms = days * MS_PER_DAY;
    return true;
}
