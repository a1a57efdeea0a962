/* Borrowed byte strings: a pointer and a length, not terminated, owned by whoever owns the bytes (most often an arena
 * or the buffer that was parsed). `data == NULL` is the null string, different from the empty one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_str {
    const char *data;
    size_t length;
};

#define EV_STR(literal) ((struct ev_str){(literal), sizeof(literal) - 1})
#define EV_STR_NULL ((struct ev_str){NULL, 0})
/* For printf("%.*s", EV_STR_ARG(s)). */
#define EV_STR_ARG(s) (int)(s).length, (s).data ? (s).data : ""

struct ev_str ev_str_of(const char *terminated);     /* NULL gives the null string */
bool ev_str_equal(struct ev_str a, struct ev_str b); /* null equals null alone */
/* Order by bytes, null before empty. */
int ev_str_compare(struct ev_str a, struct ev_str b);
/* Every string starts with the empty and the null one. */
bool ev_str_starts_with(struct ev_str s, struct ev_str prefix);
/* A whole decimal int64, one sign (+ or -) allowed, no space; false for anything else or out of range. */
bool ev_str_to_int64(struct ev_str s, int64_t *ret);
/* Without the ASCII white space at both ends; borrows from `s`. */
struct ev_str ev_str_trim(struct ev_str s);
/* Takes the part before the next separator off *rest; false when nothing is left. "a,,b" has three parts, "" one (which
 * is empty), the null string none. */
bool ev_str_split(struct ev_str *rest, char separator, struct ev_str *ret_part);
