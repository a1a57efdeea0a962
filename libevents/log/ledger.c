#include "log/ledger.h"

#include "log/mutant.h"

void ev_ledger_init(struct ev_ledger *ledger)
{
    *ledger = (struct ev_ledger){0};
}

static enum ev_verdict ledger_judge_fence(struct ev_ledger *ledger, int64_t epoch)
{
    if (epoch <= ledger->epoch)
        return EV_VERDICT_VOID_FENCE;
    ledger->epoch = epoch;
    ledger->next_seq = 0;
    return EV_VERDICT_FENCE;
}

enum ev_verdict ev_ledger_judge(struct ev_ledger *ledger, const struct ev_commit *head)
{
    if (ev_commit_is_fence(head))
        return ledger_judge_fence(ledger, head->epoch);
    /* Epochs start at 1: before the first fence no commit counts. */
    bool current = head->epoch == ledger->epoch && ledger->epoch > 0;
    bool next = head->seq == ledger->next_seq;
    if ((!current && !EV_MUTANT(EPOCH)) || (!next && !EV_MUTANT(SEQUENCE)))
        return EV_VERDICT_VOID;
    ledger->next_seq = head->seq + 1;
    return EV_VERDICT_COMMIT;
}
