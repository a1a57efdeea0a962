/* Ruling on records, one after the other: what each means for the ledger, for commits in flight and for the owner's
 * state. */
#include "log/mutant.h"
#include "log/owner_internal.h"

struct ev_owner_entry *ev_owner_entry_at(struct ev_owner *owner, uint64_t index)
{
    return &owner->appends[index & (EV_OWNER_INFLIGHT_MAX - 1)];
}

/* A valid commit of our epoch with the oldest sequence number in flight is that commit: an epoch belongs to one fence,
 * and its writer uses a number once. */
static bool is_oldest_in_flight(struct ev_owner *owner, const struct ev_commit *head)
{
    if (owner->append_head == owner->append_tail)
        return false;
    const struct ev_owner_entry *entry = ev_owner_entry_at(owner, owner->append_head);
    return entry->epoch == head->epoch && entry->seq == head->seq;
}

static uint64_t entry_pop(struct ev_owner *owner)
{
    uint64_t tag = ev_owner_entry_at(owner, owner->append_head)->tag;
    owner->append_head++;
    if (owner->append_reported < owner->append_head)
        owner->append_reported = owner->append_head; /* its delivery report is yet to come and will be ignored */
    return tag;
}

static void note_valid(struct ev_owner *owner, int64_t offset, const struct ev_commit *head)
{
    owner->last.last_offset = offset;
    owner->last.last_epoch = head->epoch;
    owner->last.last_seq = head->seq;
    owner->last.last_id = head->command_id;
}

static int judged_commit(struct ev_owner *owner, int64_t offset, const struct ev_commit *head, struct ev_str record,
                         const struct ev_ledger *after, struct ev_error *error)
{
    bool in_flight = is_oldest_in_flight(owner, head);
    if (!in_flight && !EV_MUTANT(CATCH_UP)) {
        int r = owner->events->apply(owner->events->context, offset, head, record, error);
        if (r < 0)
            return r;
    }
    owner->ledger = *after;
    owner->next_offset = offset + 1;
    note_valid(owner, offset, head);
    if (!in_flight)
        return 0;
    uint64_t tag = entry_pop(owner);
    owner->events->committed(owner->events->context, tag, offset);
    if (owner->state == EV_OWNER_SERVING)
        ev_owner_tickets_release(owner);
    return 0;
}

/* No commit of an earlier epoch can become valid behind this fence, so what is still in flight is void for ever. */
static void void_in_flight(struct ev_owner *owner)
{
    while (owner->append_head != owner->append_tail) {
        uint64_t tag = entry_pop(owner);
        owner->events->voided(owner->events->context, tag);
    }
}

static void begin_serving(struct ev_owner *owner)
{
    owner->state = EV_OWNER_SERVING;
    owner->served = true;
    owner->epoch = owner->fence.epoch;
    owner->next_seq = 0;
    owner->reported_offset = owner->fence.offset;
    owner->void_fences_in_row = 0;
    owner->retry_ms = EV_OWNER_RETRY_MIN_MS;
    owner->read.active = false;
    owner->last_error.code = EV_ERR_NONE;
    owner->events->serving(owner->events->context);
}

static void judged_fence(struct ev_owner *owner, const struct ev_commit *head)
{
    bool own = ev_uuid_equal(&head->command_id, &owner->instance);
    void_in_flight(owner);
    if (own && owner->state == EV_OWNER_FENCING && head->epoch == owner->fence.epoch) {
        begin_serving(owner);
    } else if (!own && owner->state == EV_OWNER_FENCING) {
        owner->fence.foreign = true;                                  /* ours, which comes behind it, decides */
    } else if (!own && owner->served && head->epoch > owner->epoch) { /* an older one is read again after a reset */
        ev_owner_lose(owner);
    }
}

int ev_owner_judge(struct ev_owner *owner, int64_t offset, const struct ev_commit *head, struct ev_str record,
                   struct ev_error *error)
{
    if (offset < owner->next_offset)
        return 0;
    struct ev_ledger after = owner->ledger;
    switch (ev_ledger_judge(&after, head)) {
    case EV_VERDICT_COMMIT:
        return judged_commit(owner, offset, head, record, &after, error);
    case EV_VERDICT_FENCE:
        owner->ledger = after;
        owner->next_offset = offset + 1;
        note_valid(owner, offset, head);
        owner->counts.fences++;
        judged_fence(owner, head);
        return 0;
    case EV_VERDICT_VOID:
        owner->counts.void_commits++;
        break;
    case EV_VERDICT_VOID_FENCE:
        owner->counts.void_fences++;
        break;
    }
    owner->next_offset = offset + 1;
    return 0;
}
