/* Bad debts: rules in command-api/domain/adjustment.c. */
#include "vocabulary.h"

#define ADJUSTED_AT at_time("2011-08-12T14:50:00Z")

SPECS_OF(adjustment_decider, "A563185")

#define OF_BAD_DEBT .country = "United Kingdom", .currency = "GBP", .reason = "Adjust bad debt"

static void given_adjustment(void)
{
    given(bad_debt_adjusted(.adjustment_id = "A563185", OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT,
                            .amount = money(11062.06)));
}

SPEC("a bad debt is recorded with its own date")
{
    when(record_bad_debt(OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT, .amount = money(11062.06)));
    then(bad_debt_adjusted(.adjustment_id = "A563185", OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT,
                           .amount = money(11062.06)));
    then_holds(ev_str_equal(state_of(adjustment)->adjustment_id, EV_STR("A563185")));
    then_holds(state_of(adjustment)->content_hash.length == 16);
}

SPEC("a part of it that is taken back is negative")
{
    when(record_bad_debt(OF_BAD_DEBT, .customer_id = "17850", .adjusted_at = ADJUSTED_AT, .amount = money(-50.5)));
    then(bad_debt_adjusted(.adjustment_id = "A563185", OF_BAD_DEBT, .customer_id = "17850", .adjusted_at = ADJUSTED_AT,
                           .amount = money(-50.5)));
}

SPEC("recording it again as it was changes nothing")
{
    given_adjustment();
    when(record_bad_debt(OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT, .amount = money(11062.06)));
    then_nothing();
}

SPEC("recording it again with another amount, date, customer or reason is a conflict")
{
    given_adjustment();
    when(record_bad_debt(OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT, .amount = money(-11062.06)));
    then_rejected(REJECTION_ADJUSTMENT_EXISTS, "");
    when(record_bad_debt(OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT + 1, .amount = money(11062.06)));
    then_rejected(REJECTION_ADJUSTMENT_EXISTS, "");
    when(record_bad_debt(OF_BAD_DEBT, .customer_id = "17850", .adjusted_at = ADJUSTED_AT, .amount = money(11062.06)));
    then_rejected(REJECTION_ADJUSTMENT_EXISTS, "");
    when(record_bad_debt(.country = "United Kingdom", .currency = "GBP", .reason = "other", .adjusted_at = ADJUSTED_AT,
                         .amount = money(11062.06)));
    then_rejected(REJECTION_ADJUSTMENT_EXISTS, "");
}

SPEC("an amount of 0 is refused")
{
    when(record_bad_debt(OF_BAD_DEBT, .adjusted_at = ADJUSTED_AT));
    then_rejected(REJECTION_AMOUNT_ZERO, "/amount");
}

SPEC("the largest amount is taken")
{
    when(record_bad_debt(OF_BAD_DEBT, .amount = money(999999999)));
    then(bad_debt_adjusted(.adjustment_id = "A563185", OF_BAD_DEBT, .amount = money(999999999)));
}

SPEC("the largest amount is taken back")
{
    when(record_bad_debt(OF_BAD_DEBT, .amount = money(-999999999)));
    then(bad_debt_adjusted(.adjustment_id = "A563185", OF_BAD_DEBT, .amount = money(-999999999)));
}

SPEC("an amount that no client could send is refused")
{
    when(record_bad_debt(OF_BAD_DEBT, .amount = INT64_MIN));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/amount");
    when(record_bad_debt(OF_BAD_DEBT, .amount = money(1000000000)));
    then_rejected(REJECTION_VALUE_OUT_OF_RANGE, "/amount");
}
