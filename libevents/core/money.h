/* Exact decimal amounts: int64 in 1/10000 of the currency's unit, never a float. Pure. */
#pragma once

#include "core/str.h"

#define EV_MONEY_SCALE 10000
#define EV_MONEY_TEXT_MAX 24
/* Bound on what a single amount may be when it comes in: just under 10^12 units. Over 900 such amounts can be added
 * before an int64 overflows; sums and products are checked by the functions below. */
#define EV_MONEY_MAX INT64_C(9999999999999999)

/* "12", "-3.5", "0.001": a JSON number without exponent and with at most 4 decimals, -EV_MONEY_MAX to EV_MONEY_MAX;
 * false for anything else (spaces, "+", ".5", "5.", "007", a fifth decimal even if it is 0, out of range). */
bool ev_money_parse(struct ev_str text, int64_t *ret_amount);
/* At least two decimals, no further trailing zeros: "2.55", "0.001", "-7.00". Any int64. Writes a NUL; returns the
 * length without it. */
size_t ev_money_format(int64_t amount, char ret_text[EV_MONEY_TEXT_MAX]);
/* amount × quantity, sum: false on overflow, and then *ret is not to be used. */
bool ev_money_multiply(int64_t amount, int64_t quantity, int64_t *ret);
bool ev_money_add(int64_t a, int64_t b, int64_t *ret);
