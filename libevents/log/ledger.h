/* Which records of a partition count: the rule that the log itself decides (docs/architecture.md, "One writer per
 * partition"). A fence is valid only if its epoch is higher than every fence before it; a commit is valid only if its
 * epoch is the current one and its sequence number is the next. Every reader of a partition keeps one ledger and asks
 * it for every record, in offset order, from offset 0 or from a checkpoint. Pure. */
#pragma once

#include "avro/commit.h"

enum ev_verdict {
    EV_VERDICT_COMMIT,     /* valid */
    EV_VERDICT_FENCE,      /* valid: a new epoch begins */
    EV_VERDICT_VOID,       /* a commit that every reader skips and counts */
    EV_VERDICT_VOID_FENCE, /* likewise */
};

struct ev_ledger {
    int64_t epoch;    /* of the last valid fence; 0: none yet */
    int64_t next_seq; /* that a valid commit must carry */
};

void ev_ledger_init(struct ev_ledger *ledger);
enum ev_verdict ev_ledger_judge(struct ev_ledger *ledger, const struct ev_commit *head);
