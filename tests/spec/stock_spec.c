/* Stock of one SKU: rules in command-api/domain/stock.c. */
#include <stdio.h>

#include "vocabulary.h"

#define UNITS_MAX INT64_C(1000000000000000)
#define QUANTITY_MAX INT64_C(1000000000)

SPECS_OF(stock_decider, "tea")

SPEC("receiving goods of a SKU that nobody knows begins its stock")
{
    when(receive_stock(.quantity = 100));
    then(stock_received(.sku = "tea", .quantity = 100));
    then_state(stock_state, .sku = "tea", .received = 100, .available = 100);
}

SPEC("two deliveries without a reference are two deliveries")
{
    given(stock_received(.sku = "tea", .quantity = 100));
    when(receive_stock(.quantity = 100));
    then(stock_received(.sku = "tea", .quantity = 100));
    then_state(stock_state, .sku = "tea", .received = 200, .available = 200);
}

SPEC("a receipt keeps its reference, and the same one again changes nothing")
{
    when(receive_stock(.quantity = 100, .reference = "delivery 17"));
    then(stock_received(.sku = "tea", .quantity = 100, .reference = "delivery 17"));
    when(receive_stock(.quantity = 100, .reference = "delivery 17"));
    then_nothing();
    then_holds(state_of(stock)->available == 100);
}

SPEC("another quantity under a receipt's reference is a conflict")
{
    given(stock_received(.sku = "tea", .quantity = 100, .reference = "delivery 17"));
    when(receive_stock(.quantity = 90, .reference = "delivery 17"));
    then_rejected(REJECTION_STOCK_REFERENCE_USED, "/reference");
    then_detail_has("stands for 100 units, not for 90");
}

SPEC("another reference is another delivery")
{
    given(stock_received(.sku = "tea", .quantity = 100, .reference = "delivery 17"));
    when(receive_stock(.quantity = 100, .reference = "delivery 18"));
    then(stock_received(.sku = "tea", .quantity = 100, .reference = "delivery 18"));
}

SPEC("an adjustment adds what was found, dated now where it has no date")
{
    now_is("2011-01-05T10:00:00Z");
    when(adjust_stock(.delta = 3, .reason = "found"));
    then(stock_adjusted(.sku = "tea", .delta = 3, .reason = "found", .adjusted_at = at_time("2011-01-05T10:00:00Z")));
    then_state(stock_state, .sku = "tea", .adjusted = 3, .available = 3);
}

SPEC("an adjustment has its own date")
{
    when(adjust_stock(.delta = 3, .reason = "found", .adjusted_at = some(at_time("2010-06-01T00:00:00Z"))));
    then(stock_adjusted(.sku = "tea", .delta = 3, .reason = "found", .adjusted_at = at_time("2010-06-01T00:00:00Z")));
}

SPEC("an adjustment takes off what was lost, to the last unit")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(adjust_stock(.delta = -10, .reason = "damaged"));
    then(stock_adjusted(.sku = "tea", .delta = -10, .reason = "damaged", .adjusted_at = SPEC_NOW));
    then_state(stock_state, .sku = "tea", .received = 10, .adjusted = -10, .available = 0);
}

SPEC("not more can be taken off than there is, and the answer says how much there is")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    given(stock_adjusted(.sku = "tea", .delta = -3, .reason = "damaged"));
    when(adjust_stock(.delta = -8, .reason = "damaged"));
    then_rejected(REJECTION_STOCK_INSUFFICIENT, "/delta");
    then_detail_has("7 are available");
}

SPEC("of a SKU that nobody knows nothing can be taken off")
{
    when(adjust_stock(.delta = -1, .reason = "damaged"));
    then_rejected(REJECTION_STOCK_INSUFFICIENT, "/delta");
    then_detail_has("0 are available");
}

SPEC("an adjustment by 0 is refused")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(adjust_stock(.delta = 0, .reason = "counted"));
    then_rejected(REJECTION_DELTA_ZERO, "/delta");
}

SPEC("the same adjustment under its reference again changes nothing, even where nothing is left to take off")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(adjust_stock(.delta = -10, .reason = "damaged", .reference = "count 1"));
    then(stock_adjusted(.sku = "tea", .delta = -10, .reason = "damaged", .reference = "count 1",
                        .adjusted_at = SPEC_NOW));
    when(adjust_stock(.delta = -10, .reason = "damaged", .reference = "count 1"));
    then_nothing();
}

SPEC("another delta under an adjustment's reference is a conflict")
{
    given(stock_adjusted(.sku = "tea", .delta = 5, .reason = "found", .reference = "count 1"));
    when(adjust_stock(.delta = 6, .reason = "found", .reference = "count 1"));
    then_rejected(REJECTION_STOCK_REFERENCE_USED, "/reference");
}

SPEC("an adjustment may name the delivery that it is about")
{
    given(stock_received(.sku = "tea", .quantity = 10, .reference = "delivery 17"));
    when(adjust_stock(.delta = -2, .reason = "broken on arrival", .reference = "delivery 17"));
    then(stock_adjusted(.sku = "tea", .delta = -2, .reason = "broken on arrival", .reference = "delivery 17",
                        .adjusted_at = SPEC_NOW));
}

SPEC("the newest 256 references are known, the oldest is forgotten first")
{
    char reference[32];
    for (int i = 0; i <= 256; i++) {
        snprintf(reference, sizeof(reference), "delivery %d", i);
        given(stock_received(.sku = "tea", .quantity = 1, .reference = reference));
    }
    then_holds(state_of(stock)->references.count == 256);
    when(receive_stock(.quantity = 1, .reference = "delivery 1"));
    then_nothing();
    when(receive_stock(.quantity = 1, .reference = "delivery 0"));
    then(stock_received(.sku = "tea", .quantity = 1, .reference = "delivery 0"));
}

SPEC("the largest numbers that a client can send are taken")
{
    when(receive_stock(.quantity = QUANTITY_MAX));
    then(stock_received(.sku = "tea", .quantity = QUANTITY_MAX));
    when(adjust_stock(.delta = -QUANTITY_MAX));
    then(stock_adjusted(.sku = "tea", .delta = -QUANTITY_MAX, .adjusted_at = SPEC_NOW));
    when(adjust_stock(.delta = QUANTITY_MAX));
    then(stock_adjusted(.sku = "tea", .delta = QUANTITY_MAX, .adjusted_at = SPEC_NOW));
}

SPEC("stock can be filled to its bound by receipts")
{
    given(stock_received(.sku = "tea", .quantity = UNITS_MAX - 10));
    when(receive_stock(.quantity = 11));
    then_rejected(REJECTION_STOCK_FULL, "/quantity");
    when(receive_stock(.quantity = 10));
    then(stock_received(.sku = "tea", .quantity = 10));
}

SPEC("what was received in all is bounded")
{
    given(stock_received(.sku = "tea", .quantity = UNITS_MAX - 10), stock_adjusted(.sku = "tea", .delta = -100));
    when(receive_stock(.quantity = 10));
    then(stock_received(.sku = "tea", .quantity = 10));
    when(receive_stock(.quantity = 1));
    then_rejected(REJECTION_STOCK_FULL, "/quantity");
}

SPEC("what is on hand is bounded")
{
    given(stock_received(.sku = "tea", .quantity = UNITS_MAX - 10));
    when(adjust_stock(.delta = 11, .reason = "found"));
    then_rejected(REJECTION_STOCK_FULL, "/delta");
    when(adjust_stock(.delta = 10, .reason = "found"));
    then(stock_adjusted(.sku = "tea", .delta = 10, .reason = "found", .adjusted_at = SPEC_NOW));
    when(receive_stock(.quantity = 1));
    then_rejected(REJECTION_STOCK_FULL, "/quantity");
}

SPEC("numbers that no client could send are refused and not computed with")
{
    given(stock_received(.sku = "tea", .quantity = 10));
    when(receive_stock(.quantity = -5));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/quantity");
    when(receive_stock(.quantity = QUANTITY_MAX + 1));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/quantity");
    when(adjust_stock(.delta = INT64_MIN));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/delta");
    when(adjust_stock(.delta = QUANTITY_MAX + 1));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/delta");
}
