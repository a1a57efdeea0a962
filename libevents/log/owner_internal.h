/* What the files of the owner share; for nobody else. */
#pragma once

#include "log/owner.h"

/* Changes of state (owner.c). */
void ev_owner_catch_up(struct ev_owner *owner, int64_t delay_ms);
/* The read of a standby. */
void ev_owner_follow(struct ev_owner *owner, int64_t delay_ms);
/* The pause before the next try, longer with each failure in a row. */
int64_t ev_owner_backoff(struct ev_owner *owner);
/* From serving only: nothing is acknowledged any more until a new fence has settled what is in flight. */
void ev_owner_doubt(struct ev_owner *owner, enum ev_error_code code, const char *why);
void ev_owner_lose(struct ev_owner *owner);
void ev_owner_fence_void(struct ev_owner *owner);
/* Reads on from next_offset. Failures are tried again by the tick. */
void ev_owner_read_on(struct ev_owner *owner, int64_t until);
/* Rules on reported appends as far as they are contiguous, starts a read where they are not. */
void ev_owner_advance(struct ev_owner *owner);

/* Everything that was applied is forgotten and read again; last_error says why. */
void ev_owner_reset(struct ev_owner *owner);

/* What was restored is compared with the log before it is built on (owner_restore.c). */
int64_t ev_owner_read_from(const struct ev_owner *owner);
/* False: the log holds another record; the owner was reset. */
bool ev_owner_prove(struct ev_owner *owner, int64_t offset, const struct ev_commit *head);
/* A read has come to the end of its range, at `next`. False: the log ends too early; the owner was reset. */
bool ev_owner_prove_end(struct ev_owner *owner, int64_t next);

/* Rules on the record at `offset` (owner_judge.c). `record` is the null string where only the head is known, for the
 * owner's own. Does nothing for offsets that were ruled on before. */
int ev_owner_judge(struct ev_owner *owner, int64_t offset, const struct ev_commit *head, struct ev_str record,
                   struct ev_error *error);
struct ev_owner_entry *ev_owner_entry_at(struct ev_owner *owner, uint64_t index);

/* Tickets (owner_confirm.c). */
void ev_owner_tickets_release(struct ev_owner *owner);
void ev_owner_tickets_cancel(struct ev_owner *owner);
void ev_owner_query_advance(struct ev_owner *owner);
int64_t ev_owner_query_tick(struct ev_owner *owner);
