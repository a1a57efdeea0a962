#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/ledger.h"

struct step {
    bool fence;
    int64_t epoch, seq;
    enum ev_verdict verdict;
};

#define FENCE(epoch, verdict)                                                                                          \
    {                                                                                                                  \
        true, (epoch), 0, EV_VERDICT_##verdict                                                                         \
    }
#define COMMIT(epoch, seq, verdict)                                                                                    \
    {                                                                                                                  \
        false, (epoch), (seq), EV_VERDICT_##verdict                                                                    \
    }

static void judge_all(const struct step *steps, size_t count)
{
    struct ev_ledger ledger;
    ev_ledger_init(&ledger);
    for (size_t i = 0; i < count; i++) {
        struct ev_commit head = {
            .stream_id = steps[i].fence ? EV_STR("") : EV_STR("cart-1"), .epoch = steps[i].epoch, .seq = steps[i].seq};
        enum ev_verdict verdict = ev_ledger_judge(&ledger, &head);
        if (verdict != steps[i].verdict)
            fail_msg("step %zu: verdict %d, not %d", i, verdict, steps[i].verdict);
    }
}
#define JUDGE(...)                                                                                                     \
    do {                                                                                                               \
        const struct step steps[] = {__VA_ARGS__};                                                                     \
        judge_all(steps, sizeof(steps) / sizeof(steps[0]));                                                            \
    } while (0)

static void nothing_counts_before_the_first_fence(void **state)
{
    (void)state;
    JUDGE(COMMIT(0, 0, VOID), COMMIT(1, 0, VOID), FENCE(0, VOID_FENCE), FENCE(1, FENCE), COMMIT(1, 0, COMMIT));
}

static void sequence_numbers_are_consecutive(void **state)
{
    (void)state;
    JUDGE(FENCE(1, FENCE), COMMIT(1, 1, VOID), COMMIT(1, 0, COMMIT), COMMIT(1, 0, VOID), COMMIT(1, 1, COMMIT),
          COMMIT(1, 3, VOID), COMMIT(1, 2, COMMIT));
}

static void a_fence_ends_the_epoch_before(void **state)
{
    (void)state;
    JUDGE(FENCE(1, FENCE), COMMIT(1, 0, COMMIT), FENCE(2, FENCE), COMMIT(1, 1, VOID), COMMIT(1, 0, VOID),
          COMMIT(2, 0, COMMIT));
}

static void a_fence_must_be_higher_than_all_before(void **state)
{
    (void)state;
    JUDGE(FENCE(5, FENCE), FENCE(5, VOID_FENCE), FENCE(4, VOID_FENCE), COMMIT(5, 0, COMMIT), FENCE(9, FENCE),
          COMMIT(5, 1, VOID), COMMIT(9, 0, COMMIT));
}

static void void_records_change_nothing(void **state)
{
    (void)state;
    JUDGE(FENCE(2, FENCE), COMMIT(2, 0, COMMIT), COMMIT(3, 1, VOID), FENCE(1, VOID_FENCE), COMMIT(2, 1, COMMIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_counts_before_the_first_fence),
        cmocka_unit_test(sequence_numbers_are_consecutive),
        cmocka_unit_test(a_fence_ends_the_epoch_before),
        cmocka_unit_test(a_fence_must_be_higher_than_all_before),
        cmocka_unit_test(void_records_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
