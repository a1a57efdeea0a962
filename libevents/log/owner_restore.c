/* Going on from a checkpoint. A log may have been cut, restored from an older copy or made anew since it was taken:
 * then other records may stand where those stood that it rests on. The last valid record is told from all others by its
 * epoch, sequence number and command id; where the log still holds it, everything before it is the same too, because
 * Kafka cuts logs at their end alone. */
#include <inttypes.h>

#include "log/owner_internal.h"

void ev_owner_mark(const struct ev_owner *owner, struct ev_owner_mark *ret)
{
    *ret = owner->last;
    ret->next_offset = owner->last.last_offset + 1;
    ret->ledger = owner->ledger;
}

void ev_owner_restore(struct ev_owner *owner, const struct ev_owner_mark *mark)
{
    owner->last = *mark;
    owner->next_offset = mark->next_offset;
    owner->ledger = mark->ledger;
    owner->unproved = true;
}

int64_t ev_owner_read_from(const struct ev_owner *owner)
{
    return owner->unproved ? owner->last.last_offset : owner->next_offset;
}

bool ev_owner_mark_names(const struct ev_owner_mark *mark, const struct ev_commit *head)
{
    return mark->last_epoch == head->epoch && mark->last_seq == head->seq &&
           ev_uuid_equal(&mark->last_id, &head->command_id);
}

bool ev_owner_prove(struct ev_owner *owner, int64_t offset, const struct ev_commit *head)
{
    const struct ev_owner_mark *mark = &owner->last;
    if (offset == mark->last_offset && ev_owner_mark_names(mark, head)) {
        owner->unproved = false;
        return true; /* it was ruled on: to be passed over like everything below next_offset */
    }
    (void)ev_error_set(&owner->last_error, EV_ERR_CONFLICT,
                       "partition %d: the log holds another record at offset %" PRId64 " than the checkpoint knows of",
                       (int)owner->partition, mark->last_offset);
    ev_owner_reset(owner);
    return false;
}

bool ev_owner_prove_end(struct ev_owner *owner, int64_t next)
{
    if (!owner->unproved)
        return true;
    (void)ev_error_set(&owner->last_error, EV_ERR_CONFLICT,
                       "partition %d: the log ends at offset %" PRId64 ", the checkpoint was taken at %" PRId64,
                       (int)owner->partition, next, owner->next_offset);
    ev_owner_reset(owner);
    return false;
}

void ev_owner_rebuild(struct ev_owner *owner, int64_t now_ms, const char *why)
{
    enum ev_owner_state state = owner->state;
    owner->now_ms = now_ms;
    (void)ev_error_set_retriable(&owner->last_error, EV_ERR_CORRUPT, "%s", why);
    ev_owner_reset(owner);
    if (state != EV_OWNER_IDLE && state != EV_OWNER_LOST)
        return;
    owner->state = state;
    owner->read.active = false;
}
