#include "core/money.h"

#define MONEY_DECIMALS 4
#define MONEY_DECIMALS_SHOWN 2

bool ev_money_parse(struct ev_str text, int64_t *ret_amount)
{
    size_t at = 0, whole_digits = 0, decimals = 0;
    bool negative = text.length && text.data[0] == '-';
    int64_t amount = 0;
    if (negative)
        at++;
    size_t whole_start = at;
    for (; at < text.length && text.data[at] >= '0' && text.data[at] <= '9'; at++, whole_digits++) {
        amount = amount * 10 + (text.data[at] - '0');
        if (amount > EV_MONEY_MAX / EV_MONEY_SCALE)
            return false;
    }
    if (whole_digits == 0 || (whole_digits > 1 && text.data[whole_start] == '0'))
        return false;
    if (at < text.length && text.data[at] == '.') {
        for (at++; at < text.length && text.data[at] >= '0' && text.data[at] <= '9'; at++, decimals++) {
            if (decimals == MONEY_DECIMALS)
                return false;
            amount = amount * 10 + (text.data[at] - '0');
        }
        if (decimals == 0)
            return false;
    }
    if (at != text.length)
        return false;
    for (; decimals < MONEY_DECIMALS; decimals++)
        amount *= 10;
    *ret_amount = negative ? -amount : amount; /* at most EV_MONEY_MAX, whatever the decimals */
    return true;
}

size_t ev_money_format(int64_t amount, char ret_text[EV_MONEY_TEXT_MAX])
{
    char digits[EV_MONEY_TEXT_MAX];
    size_t count = 0, length = 0;
    /* In unsigned numbers, because INT64_MIN has no positive counterpart. */
    uint64_t rest = amount < 0 ? -(uint64_t)amount : (uint64_t)amount;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0 || count <= MONEY_DECIMALS);
    if (amount < 0)
        ret_text[length++] = '-';
    while (count > MONEY_DECIMALS)
        ret_text[length++] = digits[--count];
    ret_text[length++] = '.';
    size_t last = 0; /* the least decimal that is shown */
    while (last < MONEY_DECIMALS - MONEY_DECIMALS_SHOWN && digits[last] == '0')
        last++;
    while (count > last)
        ret_text[length++] = digits[--count];
    ret_text[length] = '\0';
    return length;
}

bool ev_money_multiply(int64_t amount, int64_t quantity, int64_t *ret)
{
    return !__builtin_mul_overflow(amount, quantity, ret);
}

bool ev_money_add(int64_t a, int64_t b, int64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}
