/* From available to sold: rules in command-api/domain/stock.c. */
#include <stdio.h>

#include "domain/reservations.h"
#include "vocabulary.h"

#define MINUTE INT64_C(60000)
#define LINES(...) list(reserve_stock_lines_item, __VA_ARGS__)
#define NUMBERS(...)                                                                                                   \
    {                                                                                                                  \
        (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), 0                                \
    }
#define HELD(order, number, units)                                                                                     \
    stock_reserved(.sku = "tea", .order_id = order, .line = number, .quantity = units,                                 \
                   .expires_at = SPEC_NOW + 15 * MINUTE, .reserved_at = SPEC_NOW)
#define SOLD(order, number, units)                                                                                     \
    reservation_confirmed(.sku = "tea", .order_id = order, .line = number, .quantity = units, .confirmed_at = SPEC_NOW)

SPECS_OF(stock_decider, "tea")

/* Reserve */

SPEC("what is reserved is not available any more, and is kept for a time")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}), .ttl_seconds = 900));
    then(HELD("o1", 1, 4));
    then_holds(state_of(stock)->available == 6 && state_of(stock)->reserved == 4 && state_of(stock)->open == 1);
}

SPEC("all units can be reserved, and not one more")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 10}), .ttl_seconds = 900));
    then(HELD("o1", 1, 10));
    when(reserve_stock(.order_id = "o2", .lines = LINES({1, 1}), .ttl_seconds = 900));
    then_rejected(REJECTION_STOCK_INSUFFICIENT, "/lines");
    then_detail_has("0 are available");
}

SPEC("two lines of one order on the same product add up")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 6}, {2, 5}), .ttl_seconds = 900));
    then_rejected(REJECTION_STOCK_INSUFFICIENT, "/lines");
    then_detail_has("11 units");
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 6}, {2, 4}), .ttl_seconds = 900));
    then(HELD("o1", 1, 6), HELD("o1", 2, 4));
}

SPEC("the same line with the same quantity again changes nothing, even where nothing is left")
{
    given(stock_received(.sku = "tea", .quantity = 4), HELD("o1", 1, 4));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}), .ttl_seconds = 60));
    then_nothing();
}

SPEC("another quantity for a reserved line is a conflict")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(reserve_stock(.order_id = "o1", .lines = LINES({2, 1}, {1, 5}), .ttl_seconds = 900));
    then_rejected(REJECTION_RESERVATION_DIFFERS, "/lines/1/quantity");
    then_detail_has("stands for 4 units, not for 5");
}

SPEC("of a command with a line that is reserved and a new one, the new one is reserved")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}, {2, 6}), .ttl_seconds = 900));
    then(HELD("o1", 2, 6));
}

SPEC("a line that is named twice with one quantity counts once, with two it is a conflict")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}, {1, 5}), .ttl_seconds = 900));
    then_rejected(REJECTION_RESERVATION_DIFFERS, "/lines/1/quantity");
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}, {1, 4}), .ttl_seconds = 900));
    then(HELD("o1", 1, 4));
}

SPEC("the same line number of another order is another line")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(reserve_stock(.order_id = "o2", .lines = LINES({1, 5}), .ttl_seconds = 900));
    then(HELD("o2", 1, 5));
}

SPEC("once it is sold, reserving the line again changes nothing, and another quantity is a conflict")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), SOLD("o1", 1, 4));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}), .ttl_seconds = 900));
    then_nothing();
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 3}), .ttl_seconds = 900));
    then_rejected(REJECTION_RESERVATION_DIFFERS, "/lines/0/quantity");
}

SPEC("what was released is not reserved again by a late repetition")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    given(reservation_released(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4, .released_at = SPEC_NOW));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}), .ttl_seconds = 900));
    then_rejected(REJECTION_RESERVATION_RELEASED, "/lines/0");
}

SPEC("of stock that nobody knows nothing can be reserved")
{
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 1}), .ttl_seconds = 900));
    then_rejected(REJECTION_STOCK_INSUFFICIENT, "/lines");
}

SPEC("what is reserved can't be adjusted away")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(adjust_stock(.delta = -7, .reason = "lost"));
    then_rejected(REJECTION_STOCK_INSUFFICIENT, "/delta");
    then_detail_has("6 are available");
    when(adjust_stock(.delta = -6, .reason = "lost"));
    then(stock_adjusted(.sku = "tea", .delta = -6, .reason = "lost", .adjusted_at = SPEC_NOW));
}

SPEC("numbers that no client could send are refused")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 0}), .ttl_seconds = 900));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/quantity");
    when(reserve_stock(.order_id = "o1", .lines = LINES({2501, 1}), .ttl_seconds = 900));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/lines/0/line");
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 1}), .ttl_seconds = 604801));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/ttl_seconds");
    when(reserve_stock(.order_id = "o1", .ttl_seconds = 900));
    then_rejected(REJECTION_LINES_MISSING, "/lines");
}

/* Confirm */

SPEC("what is confirmed is sold")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then(SOLD("o1", 1, 4));
    then_holds(state_of(stock)->available == 6 && state_of(stock)->reserved == 0 && state_of(stock)->sold == 4);
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_nothing();
}

SPEC("all lines are confirmed or none")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1, 2)));
    then_rejected(REJECTION_RESERVATION_NOT_FOUND, "/lines/1");
    then_holds(state_of(stock)->sold == 0);
}

SPEC("what has expired can't be confirmed, whether or not that was found out before")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    now_is("2010-12-01T08:15:00Z");
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_rejected(REJECTION_RESERVATION_EXPIRED, "/lines/0");
    when(expire_reservations());
    then(reservation_expired(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4,
                             .expired_at = SPEC_NOW + 15 * MINUTE));
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_rejected(REJECTION_RESERVATION_EXPIRED, "/lines/0");
}

SPEC("what was released can't be confirmed")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(release_reservation(.order_id = "o1", .lines = NUMBERS(1), .reason = "declined"));
    then(reservation_released(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4, .reason = "declined",
                              .released_at = SPEC_NOW));
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_rejected(REJECTION_RESERVATION_RELEASED, "/lines/0");
}

/* Release */

SPEC("releasing makes units available again, and once more changes nothing")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4));
    when(release_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then(reservation_released(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4, .released_at = SPEC_NOW));
    then_holds(state_of(stock)->available == 10 && state_of(stock)->reserved == 0);
    when(release_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_nothing();
}

SPEC("releasing what nobody has reserved changes nothing")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(release_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_nothing();
}

SPEC("what is sold can't be released")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), SOLD("o1", 1, 4));
    when(release_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then_rejected(REJECTION_RESERVATION_CONFIRMED, "/lines/0");
}

/* Expire */

SPEC("a reservation holds to the last millisecond before its time")
{
    given(stock_received(.sku = "tea", .quantity = 4), HELD("o1", 1, 4));
    now_is("2010-12-01T08:14:59.999Z");
    when(expire_reservations());
    then_nothing();
    when(confirm_reservation(.order_id = "o1", .lines = NUMBERS(1)));
    then(reservation_confirmed(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4,
                               .confirmed_at = SPEC_NOW + 15 * MINUTE - 1));
}

SPEC("the next command takes back what has expired, in the same commit, and may use it")
{
    given(stock_received(.sku = "tea", .quantity = 4), HELD("o1", 1, 4));
    now_is("2010-12-01T08:20:00Z");
    when(reserve_stock(.order_id = "o2", .lines = LINES({1, 3}), .ttl_seconds = 60));
    then(reservation_expired(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4,
                             .expired_at = SPEC_NOW + 15 * MINUTE),
         stock_reserved(.sku = "tea", .order_id = "o2", .line = 1, .quantity = 3, .reserved_at = SPEC_NOW + 20 * MINUTE,
                        .expires_at = SPEC_NOW + 21 * MINUTE));
    then_holds(state_of(stock)->available == 1 && state_of(stock)->reserved == 3);
}

SPEC("a line that expired can be reserved again, in the same command as well")
{
    given(stock_received(.sku = "tea", .quantity = 4), HELD("o1", 1, 4));
    now_is("2010-12-01T08:20:00Z");
    when(reserve_stock(.order_id = "o1", .lines = LINES({1, 4}), .ttl_seconds = 60));
    then(reservation_expired(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4,
                             .expired_at = SPEC_NOW + 15 * MINUTE),
         stock_reserved(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 4, .reserved_at = SPEC_NOW + 20 * MINUTE,
                        .expires_at = SPEC_NOW + 21 * MINUTE));
    then_holds(state_of(stock)->open == 1 && state_of(stock)->closed == 0);
}

SPEC("one command expires 1000 reservations, any other 200 on the way")
{
    char order[16];
    given(stock_received(.sku = "tea", .quantity = 2000));
    for (int i = 0; i < 1300; i++) {
        snprintf(order, sizeof(order), "o%d", i);
        given(HELD(order, 1, 1));
    }
    now_is("2010-12-01T09:00:00Z");
    when(receive_stock(.quantity = 1));
    then_holds(state_of(stock)->open == 1100 && state_of(stock)->available == 901);
    when(expire_reservations());
    then_holds(state_of(stock)->open == 100);
    when(expire_reservations());
    then_holds(state_of(stock)->open == 0 && state_of(stock)->reserved == 0 && state_of(stock)->available == 2001);
    when(expire_reservations());
    then_nothing();
}

/* Return */

SPEC("what comes back is available again")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), SOLD("o1", 1, 4));
    when(return_stock(.order_id = "o1", .line = 1, .quantity = 3, .reference = "r1"));
    then(stock_returned(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 3, .reference = "r1",
                        .returned_at = SPEC_NOW));
    then_holds(state_of(stock)->available == 9 && state_of(stock)->sold == 1);
    when(return_stock(.order_id = "o1", .line = 1, .quantity = 3, .reference = "r1"));
    then_nothing();
    when(return_stock(.order_id = "o1", .line = 1, .quantity = 1, .reference = "r1"));
    then_rejected(REJECTION_STOCK_REFERENCE_USED, "/reference");
    when(return_stock(.order_id = "o1", .line = 1, .quantity = 2, .reference = "r2"));
    then_rejected(REJECTION_RETURN_EXCEEDS_SALE, "/quantity");
}

SPEC("what is only reserved can't come back")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), HELD("o2", 1, 4), SOLD("o2", 1, 4));
    when(return_stock(.order_id = "o1", .line = 1, .quantity = 1, .reference = "r1"));
    then_rejected(REJECTION_RETURN_EXCEEDS_SALE, "/quantity");
}

SPEC("one return's reference may stand for several lines")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), HELD("o1", 2, 4));
    given(SOLD("o1", 1, 4), SOLD("o1", 2, 4));
    when(return_stock(.order_id = "o1", .line = 1, .quantity = 1, .reference = "r1"));
    then(stock_returned(.sku = "tea", .order_id = "o1", .line = 1, .quantity = 1, .reference = "r1",
                        .returned_at = SPEC_NOW));
    when(return_stock(.order_id = "o1", .line = 2, .quantity = 2, .reference = "r1"));
    then(stock_returned(.sku = "tea", .order_id = "o1", .line = 2, .quantity = 2, .reference = "r1",
                        .returned_at = SPEC_NOW));
}

SPEC("of a line that isn't remembered no more comes back than was sold in all")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), SOLD("o1", 1, 4));
    when(return_stock(.order_id = "long ago", .line = 1, .quantity = 5, .reference = "r1"));
    then_rejected(REJECTION_RETURN_EXCEEDS_SALE, "/quantity");
    when(return_stock(.order_id = "long ago", .line = 1, .quantity = 4, .reference = "r1"));
    then(stock_returned(.sku = "tea", .order_id = "long ago", .line = 1, .quantity = 4, .reference = "r1",
                        .returned_at = SPEC_NOW));
}

/* What is remembered */

SPEC("a closed reservation is remembered for a day, and forgotten when its place is looked at after that")
{
    given(stock_received(.sku = "tea", .quantity = 10), HELD("o1", 1, 4), SOLD("o1", 1, 4));
    now_is("2010-12-02T07:59:59.999Z");
    when(reserve_stock(.order_id = "o2", .lines = LINES({1, 1}), .ttl_seconds = 900));
    then_holds(state_of(stock)->closed == 1);
    now_is("2010-12-02T08:00:00Z");
    when(reserve_stock(.order_id = "o3", .lines = LINES({1, 1}), .ttl_seconds = 900));
    then_holds(state_of(stock)->closed == 0 && state_of(stock)->open == 2 && state_of(stock)->sold == 4);
}
