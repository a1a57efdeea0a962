/* Parked documents on again: each is folded anew from its stream, in the stream's order, put in the place of what is
 * stored, and handed back to the projection that keeps its partition. Blocking; may be repeated at will. */
#pragma once

#include "proof/proof.h"

#define REDRIVE_ROUNDS 5              /* while more of the streams arrives and is left out in between */
#define REDRIVE_TAKE_TIMEOUT_MS 30000 /* for projections to take the keys on again */
#define REDRIVE_AT_ONCE ((size_t)256)

enum redrive_outcome {
    REDRIVE_DONE,  /* up to date, and taken on by the projection */
    REDRIVE_WAITS, /* up to date; taken on when the projection runs */
    REDRIVE_STAYS, /* can't be folded or stored still: `cause` */
    REDRIVE_WOULD, /* dry run: it could be folded */
};
const char *redrive_outcome_text(enum redrive_outcome outcome);

struct redrive {
    struct ev_parked parked; /* as load_parked gave it; its key is the caller's */
    enum redrive_outcome outcome;
    char cause[EV_PARKED_CAUSE_MAX]; /* of STAYS */
};

/* `skip`: the commit that parked it is left out for good. `dry_run`: nothing is written. The options' view, source,
 * sink, clock and wait are used. */
int redrive_run(const struct proof_options *options, struct redrive *items, size_t count, bool skip, bool dry_run,
                struct ev_error *error);

/* A partition that is read no further than a record (EV_PARKED_PARTITION). */
bool redrive_is_partition(const struct ev_parked *parked);
/* Its projection tries the record again; or (`skip`) goes on without it, for good: the caller has made sure that its
 * head can be decoded, as nobody could tell what counts behind it otherwise. */
int redrive_partition(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked, bool skip,
                      struct ev_error *error);
