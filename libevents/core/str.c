#include "core/str.h"

#include <string.h>

struct ev_str ev_str_of(const char *terminated)
{
    return terminated ? (struct ev_str){terminated, strlen(terminated)} : EV_STR_NULL;
}

bool ev_str_equal(struct ev_str a, struct ev_str b)
{
    if (!a.data || !b.data)
        return !a.data && !b.data;
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

int ev_str_compare(struct ev_str a, struct ev_str b)
{
    if (!a.data || !b.data)
        return (a.data != NULL) - (b.data != NULL);
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool ev_str_starts_with(struct ev_str s, struct ev_str prefix)
{
    return s.length >= prefix.length && (prefix.length == 0 || memcmp(s.data, prefix.data, prefix.length) == 0);
}

bool ev_str_to_int64(struct ev_str s, int64_t *ret)
{
    size_t i = 0;
    bool negative = s.length && s.data[0] == '-';
    if (s.length && (s.data[0] == '-' || s.data[0] == '+'))
        i++;
    if (i == s.length)
        return false;
    int64_t value = 0;
    for (; i < s.length; i++) {
        int digit = s.data[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        /* Counted downwards from zero, because INT64_MIN has no positive counterpart. */
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *ret = value;
    return true;
}

struct ev_str ev_str_trim(struct ev_str s)
{
    while (s.length && (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r'))) {
        s.data++;
        s.length--;
    }
    while (s.length && (s.data[s.length - 1] == ' ' || (s.data[s.length - 1] >= '\t' && s.data[s.length - 1] <= '\r')))
        s.length--;
    return s;
}

bool ev_str_split(struct ev_str *rest, char separator, struct ev_str *ret_part)
{
    if (!rest->data)
        return false;
    const char *end = rest->length ? memchr(rest->data, separator, rest->length) : NULL;
    if (!end) {
        *ret_part = *rest;
        *rest = EV_STR_NULL;
        return true;
    }
    size_t length = (size_t)(end - rest->data);
    *ret_part = (struct ev_str){rest->data, length};
    *rest = (struct ev_str){end + 1, rest->length - length - 1};
    return true;
}
