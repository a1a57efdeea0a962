/* Safeguards that a test build can switch off, to prove that the tests would notice (tests/sim). In every other build
 * the macro is 0 and costs nothing. */
#pragma once

#define EV_MUTANTS_LIST(X)                                                                                             \
    X(EPOCH, "epoch", "commits of an old epoch count")                                                                 \
    X(SEQUENCE, "sequence", "a commit counts also after a hole")                                                       \
    X(CONTIGUITY, "contiguity", "gaps between own records are not read")                                               \
    X(CATCH_UP, "catch-up", "serves without having read up to its own fence")                                          \
    X(FENCE_READ, "fence-read", "takes its own fence for valid without looking")                                       \
    X(CONFIRMATION, "confirmation", "answers that append nothing are not confirmed by the log")                        \
    X(DEDUPLICATION, "deduplication", "command ids are not remembered")                                                \
    X(DELIVERY, "delivery", "answers before the log has taken the commit")                                             \
    X(REDECIDE, "redecide", "keeps speculative state when a commit turned out void")                                   \
    X(CUT, "cut", "a checkpoint misses streams that change while it is gathered")

enum ev_mutant {
#define X(name, text, help) EV_MUTANT_BIT_##name,
    EV_MUTANTS_LIST(X)
#undef X
        EV_MUTANT_COUNT,
};

#ifdef EV_MUTANTS
extern unsigned ev_mutants; /* defined by the test */
#define EV_MUTANT(name) ((ev_mutants & (1u << EV_MUTANT_BIT_##name)) != 0)
#else
#define EV_MUTANT(name) 0
#endif
