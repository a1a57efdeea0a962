/* From available to sold: reserving, confirming, releasing, expiring, and goods that come back. The rules stand in
 * stock.c. */
#include <inttypes.h>

#include "domain/stock_internal.h"

#define STOCK_LINES_MAX ((size_t)400) /* with two events each and what expires: below EV_COMMIT_EVENTS_MAX */
#define STOCK_TTL_SECONDS_MAX INT64_C(604800)

static void stock_add_expired(struct stock_case *what, const struct reservation *reservation)
{
    struct reservation_expired *event = reservation_expired_emit(&what->ret->events);
    event->sku = what->state->sku;
    event->order_id = reservation->order_id;
    event->line = reservation->line;
    event->quantity = reservation->quantity;
    event->expired_at = reservation->until;
    what->available += reservation->quantity;
}

void stock_expire(struct stock_case *what, size_t max)
{
    const struct reservation **due = ev_arena_new_array(what->ret->events.arena, const struct reservation *, max);
    size_t count = reservations_due(what->state, what->envelope->now_ms, due, max);
    for (size_t i = 0; i < count; i++)
        stock_add_expired(what, due[i]);
}

/* Has it got its event already? Of what is due each command takes back only so much. */
static bool stock_has_expired(const struct stock_case *what, const struct reservation *reservation)
{
    const struct ev_events *events = &what->ret->events;
    for (size_t i = 0; i < events->count; i++) {
        struct stock_event event = stock_event_of(&events->items[i]);
        if (event.type == RESERVATION_EXPIRED && event.reservation_expired->line == reservation->line &&
            ev_str_equal(event.reservation_expired->order_id, reservation->order_id))
            return true;
    }
    return false;
}

static int stock_check_line_count(size_t count, struct ev_decision *ret)
{
    if (count == 0)
        return ev_reject(ret, REJECTION_LINES_MISSING, "/lines", "At least one line is needed.");
    if (count > STOCK_LINES_MAX)
        return ev_reject(ret, REJECTION_LINES_TOO_MANY, "/lines", "At most %zu lines are possible; there are %zu.",
                         STOCK_LINES_MAX, count);
    return 0;
}

static int stock_check_line(int64_t line, size_t index, const char *field, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    if (line >= 1 && line <= (int64_t)DOMAIN_LINES_MAX)
        return 0;
    return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, domain_pointer(pointer, "lines", index, field),
                     "A line's number is from 1 to %zu.", DOMAIN_LINES_MAX);
}

/* Reserve */

static int stock_check_reserve(const struct reserve_stock *command, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    int rejection = stock_check_line_count(command->lines.count, ret);
    for (size_t i = 0; i < command->lines.count && rejection == 0; i++) {
        rejection = stock_check_line(command->lines.items[i].line, i, "line", ret);
        if (rejection == 0)
            rejection = domain_check_quantity(command->lines.items[i].quantity,
                                              domain_pointer(pointer, "lines", i, "quantity"), ret);
    }
    if (rejection == 0 && (command->ttl_seconds < 1 || command->ttl_seconds > STOCK_TTL_SECONDS_MAX))
        return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, "/ttl_seconds",
                         "A reservation is kept for 1 to %" PRId64 " seconds.", STOCK_TTL_SECONDS_MAX);
    return rejection;
}

static int stock_other_quantity(int64_t known, int64_t asked, size_t index, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    return ev_reject(ret, REJECTION_RESERVATION_DIFFERS, domain_pointer(pointer, "lines", index, "quantity"),
                     "The line stands for %" PRId64 " units, not for %" PRId64 ".", known, asked);
}

/* The same line earlier in the command: -1 for none. */
static int64_t stock_named_before(const struct reserve_stock *command, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (command->lines.items[i].line == command->lines.items[index].line)
            return command->lines.items[i].quantity;
    return -1;
}

enum stock_line { STOCK_LINE_NEW, STOCK_LINE_KEPT, STOCK_LINE_REFUSED };

static enum stock_line stock_look_at_line(struct stock_case *what, const struct reserve_stock *command, size_t index,
                                          int *ret_rejection)
{
    const struct reserve_stock_lines_item *line = &command->lines.items[index];
    const struct reservation *known = reservations_find(what->state, command->order_id, (int32_t)line->line);
    int64_t quantity = known ? known->quantity : stock_named_before(command, index);
    char pointer[DOMAIN_POINTER_MAX];
    if (quantity >= 0 && quantity != line->quantity) {
        *ret_rejection = stock_other_quantity(quantity, line->quantity, index, what->ret);
        return STOCK_LINE_REFUSED;
    }
    if (!known)
        return quantity >= 0 ? STOCK_LINE_KEPT : STOCK_LINE_NEW;
    if (known->status == RESERVATION_STATUS_RELEASED) {
        *ret_rejection =
            ev_reject(what->ret, REJECTION_RESERVATION_RELEASED, domain_pointer(pointer, "lines", index, NULL),
                      "What was reserved for line %" PRId64 " was released.", line->line);
        return STOCK_LINE_REFUSED;
    }
    bool due = reservation_is_due(known, what->envelope->now_ms);
    if (!due && known->status != RESERVATION_STATUS_EXPIRED)
        return STOCK_LINE_KEPT;
    if (stock_named_before(command, index) >= 0)
        return STOCK_LINE_KEPT;
    if (due && !stock_has_expired(what, known))
        stock_add_expired(what, known);
    return STOCK_LINE_NEW;
}

static void stock_add_reserved(struct stock_case *what, const struct reserve_stock *command, size_t index)
{
    struct stock_reserved *event = stock_reserved_emit(&what->ret->events);
    event->sku = what->envelope->key;
    event->order_id = command->order_id;
    event->line = (int32_t)command->lines.items[index].line;
    event->quantity = command->lines.items[index].quantity;
    event->reserved_at = what->envelope->now_ms;
    event->expires_at = what->envelope->now_ms + command->ttl_seconds * 1000;
}

int stock_reserve(struct stock_case *what, const struct reserve_stock *command)
{
    struct ev_decision *ret = what->ret;
    int64_t wanted = 0, open = what->state->open;
    int rejection = stock_check_reserve(command, ret);
    if (rejection != 0)
        return rejection;
    for (size_t i = 0; i < command->lines.count; i++) {
        switch (stock_look_at_line(what, command, i, &rejection)) {
        case STOCK_LINE_REFUSED:
            return rejection;
        case STOCK_LINE_KEPT:
            break;
        case STOCK_LINE_NEW:
            wanted += command->lines.items[i].quantity;
            open++;
            stock_add_reserved(what, command, i);
            break;
        }
    }
    /* Not said of a repetition, which asks for nothing more. */
    if (wanted > what->available)
        return ev_reject(ret, REJECTION_STOCK_INSUFFICIENT, "/lines",
                         "%" PRId64 " units can't be reserved: %" PRId64 " are available.", wanted, what->available);
    if (wanted > 0 && open > RESERVATIONS_OPEN_MAX)
        return ev_reject(ret, REJECTION_RESERVATIONS_FULL, "/lines", "At most %d reservations can be open at once.",
                         RESERVATIONS_OPEN_MAX);
    return 0;
}

/* Confirm and release */

static bool stock_line_is_repeated(const struct ev_long_array *lines, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (lines->items[i] == lines->items[index])
            return true;
    return false;
}

static int stock_confirm_line(struct stock_case *what, const struct confirm_reservation *command, size_t index)
{
    char pointer[DOMAIN_POINTER_MAX];
    int64_t line = command->lines.items[index];
    domain_pointer(pointer, "lines", index, NULL);
    const struct reservation *known = reservations_find(what->state, command->order_id, (int32_t)line);
    if (!known)
        return ev_reject(what->ret, REJECTION_RESERVATION_NOT_FOUND, pointer,
                         "Nothing is known to be reserved for line %" PRId64 ".", line);
    if (known->status == RESERVATION_STATUS_RELEASED)
        return ev_reject(what->ret, REJECTION_RESERVATION_RELEASED, pointer,
                         "What was reserved for line %" PRId64 " was released.", line);
    if (known->status == RESERVATION_STATUS_EXPIRED || reservation_is_due(known, what->envelope->now_ms))
        return ev_reject(what->ret, REJECTION_RESERVATION_EXPIRED, pointer,
                         "What was reserved for line %" PRId64 " has expired.", line);
    if (known->status == RESERVATION_STATUS_CONFIRMED)
        return 0;
    struct reservation_confirmed *event = reservation_confirmed_emit(&what->ret->events);
    event->sku = what->envelope->key;
    event->order_id = command->order_id;
    event->line = known->line;
    event->quantity = known->quantity;
    event->confirmed_at = what->envelope->now_ms;
    return 0;
}

int stock_confirm(struct stock_case *what, const struct confirm_reservation *command)
{
    int rejection = stock_check_line_count(command->lines.count, what->ret);
    for (size_t i = 0; i < command->lines.count && rejection == 0; i++) {
        rejection = stock_check_line(command->lines.items[i], i, NULL, what->ret);
        if (rejection == 0 && !stock_line_is_repeated(&command->lines, i))
            rejection = stock_confirm_line(what, command, i);
    }
    return rejection;
}

static int stock_release_line(struct stock_case *what, const struct release_reservation *command, size_t index)
{
    char pointer[DOMAIN_POINTER_MAX];
    int64_t line = command->lines.items[index];
    const struct reservation *known = reservations_find(what->state, command->order_id, (int32_t)line);
    if (known && known->status == RESERVATION_STATUS_CONFIRMED)
        return ev_reject(what->ret, REJECTION_RESERVATION_CONFIRMED, domain_pointer(pointer, "lines", index, NULL),
                         "Line %" PRId64 " is sold; what of it comes back is a return.", line);
    if (!known || known->status != RESERVATION_STATUS_OPEN || reservation_is_due(known, what->envelope->now_ms))
        return 0;
    struct reservation_released *event = reservation_released_emit(&what->ret->events);
    event->sku = what->envelope->key;
    event->order_id = command->order_id;
    event->line = known->line;
    event->quantity = known->quantity;
    event->reason = command->reason;
    event->released_at = what->envelope->now_ms;
    return 0;
}

int stock_release(struct stock_case *what, const struct release_reservation *command)
{
    int rejection = stock_check_line_count(command->lines.count, what->ret);
    for (size_t i = 0; i < command->lines.count && rejection == 0; i++) {
        rejection = stock_check_line(command->lines.items[i], i, NULL, what->ret);
        if (rejection == 0 && !stock_line_is_repeated(&command->lines, i))
            rejection = stock_release_line(what, command, i);
    }
    return rejection;
}

/* Return */

struct ev_str stock_return_reference(struct ev_arena *arena, struct ev_str order_id, int64_t line,
                                     struct ev_str reference)
{
    return ev_arena_printf(arena, "%.*s/%" PRId64 "/%.*s", EV_STR_ARG(order_id), line, EV_STR_ARG(reference));
}

/* How much of the line can come back. Of a line that isn't remembered no more is known than what was sold in all. */
static int64_t stock_returnable(const struct stock_case *what, const struct return_stock *command)
{
    const struct reservation *known = reservations_find(what->state, command->order_id, (int32_t)command->line);
    if (!known)
        return what->state->sold;
    if (known->status != RESERVATION_STATUS_CONFIRMED)
        return 0;
    int64_t left = known->quantity - known->returned;
    return left < what->state->sold ? left : what->state->sold;
}

int stock_return(struct stock_case *what, const struct return_stock *command)
{
    struct ev_decision *ret = what->ret;
    int rejection = domain_check_quantity(command->quantity, "/quantity", ret);
    if (rejection != 0)
        return rejection;
    if (command->line < 1 || command->line > (int64_t)DOMAIN_LINES_MAX)
        return ev_reject(ret, REJECTION_VALUE_OUT_OF_RANGE, "/line", "A line's number is from 1 to %zu.",
                         DOMAIN_LINES_MAX);
    struct ev_str reference =
        stock_return_reference(ret->events.arena, command->order_id, command->line, command->reference);
    const struct stock_reference *known = stock_find_reference(what->state, reference, STOCK_REFERENCE_KIND_RETURN);
    if (known)
        return stock_repeat(known, command->quantity, ret);
    int64_t returnable = stock_returnable(what, command);
    if (command->quantity > returnable)
        return ev_reject(ret, REJECTION_RETURN_EXCEEDS_SALE, "/quantity",
                         "%" PRId64 " units can't come back: of the line %" PRId64 " can.", command->quantity,
                         returnable);
    struct stock_returned *event = stock_returned_emit(&ret->events);
    event->sku = what->envelope->key;
    event->order_id = command->order_id;
    event->line = (int32_t)command->line;
    event->quantity = command->quantity;
    event->reference = command->reference;
    event->returned_at = what->envelope->now_ms;
    return 0;
}
