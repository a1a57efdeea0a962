/* Confirmation of answers that append nothing (rule 6). A ticket waits for two things:
 *
 *   - all appends made before it are settled: append_head has reached its bound;
 *   - after it was given out the log was seen to hold no foreign fence: either the leader was asked for the end later
 * and everything below its answer was ruled on, or a commit that was appended later is valid.
 *
 * One question serves all tickets given out before it. While appends are in flight none is asked: a later one serves
 * the tickets for nothing, or, when the last is settled without a later one, the question follows then.
 *
 * Bound on waiting tickets: consecutive ones share a number unless an append or a question came between. Those with a
 * bound below append_head are released, so there are at most EV_OWNER_INFLIGHT_MAX + 1 bounds, and only the newest can
 * occur on both sides of a question. */
#include "core/fatal.h"
#include "log/mutant.h"
#include "log/owner_internal.h"

_Static_assert(EV_OWNER_TICKETS_MAX > EV_OWNER_INFLIGHT_MAX + 2, "all tickets that can wait have room");
_Static_assert((EV_OWNER_TICKETS_MAX & (EV_OWNER_TICKETS_MAX - 1)) == 0, "ring");

static struct ev_owner_ticket *ticket_at(struct ev_owner *owner, uint64_t index)
{
    return &owner->tickets[index & (EV_OWNER_TICKETS_MAX - 1)];
}

void ev_owner_tickets_cancel(struct ev_owner *owner)
{
    owner->ticket_head = owner->ticket_tail;
    owner->query.active = false;
    owner->query_confirmed = owner->next_ticket;
}

void ev_owner_tickets_release(struct ev_owner *owner)
{
    uint64_t released = 0;
    while (owner->ticket_head != owner->ticket_tail) {
        const struct ev_owner_ticket *first = ticket_at(owner, owner->ticket_head);
        bool later_commit = first->bound < owner->append_head;
        bool settled_and_seen = first->bound == owner->append_head && first->ticket <= owner->query_confirmed;
        if (!later_commit && !settled_and_seen)
            break;
        released = first->ticket;
        owner->ticket_head++;
    }
    if (released)
        owner->events->confirmed(owner->events->context, released);
}

static void query_send(struct ev_owner *owner)
{
    struct ev_error error = {0};
    owner->query = (struct ev_owner_query){
        .active = true,
        .tag = owner->next_tag++,
        .ticket = owner->next_ticket,
        .floor = owner->next_offset,
        .deadline_ms = owner->now_ms + EV_OWNER_END_OFFSET_TIMEOUT_MS,
    };
    owner->counts.end_offset_queries++;
    if (owner->port->end_offset(owner->port, owner->partition, owner->query.tag, &error) < 0) {
        owner->last_error = error;
        owner->query.deadline_ms = owner->now_ms + ev_owner_backoff(owner);
    }
}

void ev_owner_query_advance(struct ev_owner *owner)
{
    if (owner->state != EV_OWNER_SERVING)
        return;
    bool quiet = owner->append_head == owner->append_tail && !owner->read.active;
    if (owner->query.active && owner->query.answered) {
        if (owner->next_offset >= owner->query.end) {
            owner->query.active = false;
            owner->query_confirmed = owner->query.ticket;
            ev_owner_tickets_release(owner); /* may append, ask anew, … */
            quiet = owner->append_head == owner->append_tail && !owner->read.active;
        } else if (quiet) {
            owner->counts.gap_reads++; /* somebody else's records */
            ev_owner_read_on(owner, owner->query.end);
            return;
        }
    }
    if (quiet && !owner->query.active && owner->ticket_head != owner->ticket_tail)
        query_send(owner);
}

uint64_t ev_owner_confirm(struct ev_owner *owner, int64_t now_ms)
{
    owner->now_ms = now_ms;
    if (!owner->confirm_tickets || EV_MUTANT(CONFIRMATION))
        return 0;
    uint64_t asked = owner->query.active ? owner->query.ticket : owner->query_confirmed;
    if (owner->ticket_head != owner->ticket_tail) {
        const struct ev_owner_ticket *last = ticket_at(owner, owner->ticket_tail - 1);
        if (last->ticket > asked && last->bound == owner->append_tail)
            return last->ticket;
    }
    if (owner->ticket_tail - owner->ticket_head == EV_OWNER_TICKETS_MAX)
        ev_fatal("partition %d: more tickets wait than there can be", (int)owner->partition);
    struct ev_owner_ticket ticket = {.ticket = ++owner->next_ticket, .bound = owner->append_tail};
    *ticket_at(owner, owner->ticket_tail++) = ticket;
    ev_owner_query_advance(owner);
    return ticket.ticket;
}

void ev_owner_on_end_offset(struct ev_owner *owner, uint64_t tag, int64_t end, const struct ev_error *error)
{
    if (owner->state != EV_OWNER_SERVING || !owner->query.active || owner->query.answered || owner->query.tag != tag)
        return;
    if (error) {
        owner->last_error = *error;
        owner->query.deadline_ms = owner->now_ms + ev_owner_backoff(owner);
        return;
    }
    if (end < owner->query.floor) {
        ev_owner_doubt(owner, EV_ERR_CONFLICT, "the log ends before records that were read from it");
        return;
    }
    owner->query.answered = true;
    owner->query.end = end;
    owner->last_error.code = EV_ERR_NONE; /* that it failed before is over, also where nobody writes any more */
    ev_owner_query_advance(owner);
}

int64_t ev_owner_query_tick(struct ev_owner *owner)
{
    if (owner->state != EV_OWNER_SERVING || !owner->query.active || owner->query.answered)
        return INT64_MAX;
    if (owner->now_ms >= owner->query.deadline_ms)
        query_send(owner);
    return owner->query.deadline_ms - owner->now_ms;
}
