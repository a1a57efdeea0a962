#include "domain/rules.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/buffer.h"
#include "core/hash.h"
#include "core/money.h"

const char *domain_pointer(char ret_text[DOMAIN_POINTER_MAX], const char *list, size_t index, const char *field)
{
    snprintf(ret_text, DOMAIN_POINTER_MAX, "/%s/%zu%s%s", list, index, field ? "/" : "", field ? field : "");
    return ret_text;
}

int domain_check_quantity(int64_t quantity, const char *pointer, struct ev_decision *ret)
{
    if (quantity >= 1 && quantity <= DOMAIN_QUANTITY_MAX)
        return 0;
    return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, pointer, "A quantity is from 1 to %" PRId64 ".",
                     DOMAIN_QUANTITY_MAX);
}

int domain_check_price(int64_t price, const char *pointer, struct ev_decision *ret)
{
    if (price >= 0 && price <= DOMAIN_PRICE_MAX)
        return 0;
    return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, pointer, "A price is from 0 to %" PRId64 ".",
                     DOMAIN_PRICE_MAX / EV_MONEY_SCALE);
}

bool domain_add_value(int64_t quantity, int64_t unit_price, int64_t *total)
{
    int64_t value, sum;
    if (!ev_money_multiply(unit_price, quantity, &value) || !ev_money_add(*total, value, &sum) || sum > EV_MONEY_MAX)
        return false;
    *total = sum;
    return true;
}

static int check_line(const struct order_line *line, size_t index, int64_t *total, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    /* Pointers are made when they are needed: an order has thousands of lines, and hardly ever one to blame. */
    int rejection = domain_check_quantity(line->quantity, "", ret);
    const char *field = rejection != 0 ? "quantity" : "unit_price";
    if (rejection == 0)
        rejection = domain_check_price(line->unit_price, "", ret);
    if (rejection != 0) {
        domain_pointer(ret->pointer, "lines", index, field);
        return rejection;
    }
    if (line->kind < 0 || (size_t)line->kind >= line_kind_enum.count)
        return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, domain_pointer(pointer, "lines", index, "kind"),
                         "There is no such kind of line.");
    if (!domain_add_value(line->quantity, line->unit_price, total))
        return ev_reject(ret, REJECTION_VALUE_TOO_LARGE, domain_pointer(pointer, "lines", index, NULL),
                         "With this line the value would pass %" PRId64 ".", EV_MONEY_MAX / EV_MONEY_SCALE);
    return 0;
}

int domain_check_lines(const struct order_line *lines, size_t count, struct ev_decision *ret)
{
    if (count == 0)
        return ev_reject(ret, REJECTION_LINES_MISSING, "/lines", "At least one line is needed.");
    if (count > DOMAIN_LINES_MAX)
        return ev_reject(ret, REJECTION_LINES_TOO_MANY, "/lines", "At most %zu lines are possible; there are %zu.",
                         DOMAIN_LINES_MAX, count);
    int64_t total = 0;
    size_t text = 0;
    for (size_t i = 0; i < count; i++) {
        int rejection = check_line(&lines[i], i, &total, ret);
        if (rejection != 0)
            return rejection;
        text += lines[i].sku.length + lines[i].title.length;
    }
    if (text > DOMAIN_LINES_TEXT_MAX)
        return ev_reject(
            ret, REJECTION_LINES_TOO_MANY, "/lines",
            "SKUs and titles of all lines together have %zu bytes; at most %zu are possible. Split them up.", text,
            DOMAIN_LINES_TEXT_MAX);
    return 0;
}

struct ev_str domain_content_hash(const struct ev_record *record, const void *value, struct ev_arena *arena)
{
    struct ev_buffer encoded;
    ev_buffer_init(&encoded);
    ev_record_encode(record, value, &encoded);
    struct ev_hash128 hash = ev_hash128(ev_buffer_str(&encoded));
    ev_buffer_finish(&encoded);
    return ev_arena_copy(arena, (struct ev_str){(const char *)hash.bytes, sizeof(hash.bytes)});
}
