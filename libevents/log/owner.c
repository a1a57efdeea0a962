#include "log/owner.h"

#include "log/mutant.h"
#include "log/owner_internal.h"

_Static_assert((EV_OWNER_INFLIGHT_MAX & (EV_OWNER_INFLIGHT_MAX - 1)) == 0, "ring");

#define TICK_MAX_MS 1000

const char *ev_owner_state_name(enum ev_owner_state state)
{
    switch (state) {
    case EV_OWNER_IDLE:
        return "idle";
    case EV_OWNER_STANDBY:
        return "standby";
    case EV_OWNER_CATCHING_UP:
        return "catching up";
    case EV_OWNER_FENCING:
        return "fencing";
    case EV_OWNER_SERVING:
        return "serving";
    case EV_OWNER_LOST:
        return "lost";
    }
    return "unknown";
}

void ev_owner_init(struct ev_owner *owner, const struct ev_owner_events *events, struct ev_log_port *port,
                   int32_t partition, const char *name, const struct ev_uuid *instance)
{
    *owner = (struct ev_owner){
        .events = events,
        .port = port,
        .partition = partition,
        .name = name,
        .instance = *instance,
        .confirm_tickets = true,
        .state = EV_OWNER_IDLE,
        .retry_ms = EV_OWNER_RETRY_MIN_MS,
        .next_tag = 1,
        .last = {.last_offset = -1},
    };
    ev_ledger_init(&owner->ledger);
    ev_buffer_init(&owner->scratch);
}

void ev_owner_finish(struct ev_owner *owner)
{
    if (owner)
        ev_buffer_finish(&owner->scratch);
}

int64_t ev_owner_backoff(struct ev_owner *owner)
{
    int64_t pause = owner->retry_ms;
    owner->retry_ms = pause * 2 < EV_OWNER_RETRY_MAX_MS ? pause * 2 : EV_OWNER_RETRY_MAX_MS;
    return pause;
}

static void drop_in_flight(struct ev_owner *owner)
{
    owner->append_head = owner->append_reported = owner->append_tail;
}

void ev_owner_acquire(struct ev_owner *owner, int64_t now_ms)
{
    owner->now_ms = now_ms;
    if (owner->state != EV_OWNER_IDLE && owner->state != EV_OWNER_STANDBY && owner->state != EV_OWNER_LOST)
        return;
    owner->served = false;
    owner->void_fences_in_row = 0;
    owner->retry_ms = EV_OWNER_RETRY_MIN_MS;
    ev_owner_catch_up(owner, 0);
}

void ev_owner_release(struct ev_owner *owner)
{
    owner->state = EV_OWNER_IDLE;
    owner->read.active = false;
    owner->port->stop(owner->port, owner->partition);
    drop_in_flight(owner);
    ev_owner_tickets_cancel(owner);
}

void ev_owner_standby(struct ev_owner *owner, int64_t now_ms)
{
    if (owner->state != EV_OWNER_IDLE)
        return;
    owner->now_ms = now_ms;
    owner->served = false; /* a foreign fence is no loss */
    owner->retry_ms = EV_OWNER_RETRY_MIN_MS;
    owner->last_error.code = EV_ERR_NONE;
    ev_owner_follow(owner, 0);
}

/* --- reading --- */

static int64_t read_timeout(const struct ev_owner *owner)
{
    return owner->state == EV_OWNER_STANDBY ? EV_OWNER_FOLLOW_TIMEOUT_MS : EV_OWNER_READ_TIMEOUT_MS;
}

void ev_owner_read_on(struct ev_owner *owner, int64_t until)
{
    struct ev_error error = {0};
    owner->read = (struct ev_owner_read){
        .active = true,
        .tag = owner->next_tag++,
        .until = until,
        .deadline_ms = owner->now_ms + read_timeout(owner),
    };
    if (owner->port->read(owner->port, owner->partition, owner->read.tag, ev_owner_read_from(owner), until, &error) <
        0) {
        owner->last_error = error;
        owner->read.tag = 0;
        owner->read.deadline_ms = owner->now_ms + ev_owner_backoff(owner);
    }
}

void ev_owner_catch_up(struct ev_owner *owner, int64_t delay_ms)
{
    owner->state = EV_OWNER_CATCHING_UP;
    owner->read = (struct ev_owner_read){.active = true, .until = -1, .deadline_ms = owner->now_ms + delay_ms};
    if (delay_ms == 0)
        ev_owner_read_on(owner, -1);
}

void ev_owner_follow(struct ev_owner *owner, int64_t delay_ms)
{
    owner->state = EV_OWNER_STANDBY;
    owner->read =
        (struct ev_owner_read){.active = true, .until = EV_LOG_FOLLOW, .deadline_ms = owner->now_ms + delay_ms};
    if (delay_ms == 0)
        ev_owner_read_on(owner, EV_LOG_FOLLOW);
}

static bool read_is_open(const struct ev_owner *owner, uint64_t tag)
{
    return owner->read.active && owner->read.tag == tag;
}

/* What could not be read, or not be applied, is read again: nothing behind it can be judged. */
static void read_failed(struct ev_owner *owner, const struct ev_error *error)
{
    owner->last_error = *error;
    owner->read.tag = 0;
    owner->read.deadline_ms = owner->now_ms + ev_owner_backoff(owner);
}

void ev_owner_on_record(struct ev_owner *owner, uint64_t tag, int64_t offset, const struct ev_commit *head,
                        struct ev_str record)
{
    struct ev_error error = {0};
    if (!read_is_open(owner, tag))
        return;
    owner->read.deadline_ms = owner->now_ms + read_timeout(owner);
    if (owner->unproved && !ev_owner_prove(owner, offset, head))
        return;
    if (ev_owner_judge(owner, offset, head, record, &error) < 0)
        read_failed(owner, &error);
}

/* The log was cut, made anew, or lost its start: nothing that was read from it can be trusted. */
void ev_owner_reset(struct ev_owner *owner)
{
    owner->counts.resets++;
    owner->unproved = false;
    owner->last = (struct ev_owner_mark){.last_offset = -1};
    drop_in_flight(owner);
    ev_owner_tickets_cancel(owner);
    ev_ledger_init(&owner->ledger);
    owner->next_offset = 0;
    owner->events->reset(owner->events->context);
    if (owner->state == EV_OWNER_STANDBY)
        ev_owner_follow(owner, ev_owner_backoff(owner));
    else
        ev_owner_catch_up(owner, ev_owner_backoff(owner));
}

/* --- fencing --- */

static struct ev_commit fence_commit(const struct ev_owner *owner)
{
    return (struct ev_commit){
        .stream_id = EV_STR(""),
        .correlation_id = EV_STR(""),
        .causation_id = EV_STR(""),
        .epoch = owner->fence.epoch,
        .command_id = owner->instance,
        .actor = ev_str_of(owner->name),
    };
}

/* Each try has an epoch of its own, higher than all that were read and all that were tried: an earlier fence that lands
 * late is void or behind. */
static void append_fence(struct ev_owner *owner)
{
    struct ev_error error = {0};
    int64_t top = owner->ledger.epoch > owner->top_epoch ? owner->ledger.epoch : owner->top_epoch;
    owner->top_epoch = top + 1;
    owner->fence = (struct ev_owner_fence){
        .tag = owner->next_tag++,
        .epoch = top + 1,
        .offset = EV_OWNER_OFFSET_PENDING,
        .sent_ms = owner->now_ms,
    };
    owner->state = EV_OWNER_FENCING;
    struct ev_commit fence = fence_commit(owner);
    ev_buffer_clear(&owner->scratch);
    int r = owner->events->encode_fence(owner->events->context, &fence, &owner->scratch, &error);
    if (r == 0)
        r = owner->port->append(owner->port, owner->partition, owner->fence.tag, EV_STR(""),
                                ev_buffer_str(&owner->scratch), &fence, &error);
    if (r < 0) {
        owner->last_error = error;
        ev_owner_catch_up(owner, ev_owner_backoff(owner));
    }
}

void ev_owner_fence_void(struct ev_owner *owner)
{
    owner->void_fences_in_row++;
    if (owner->served || owner->void_fences_in_row >= EV_OWNER_FENCE_ATTEMPTS_MAX)
        ev_owner_lose(owner);
    else
        ev_owner_catch_up(owner, ev_owner_backoff(owner));
}

static void fence_appended(struct ev_owner *owner, int64_t offset, const struct ev_error *error)
{
    struct ev_error ignored;
    if (error || offset < owner->next_offset) {
        owner->last_error = error ? *error
                                  : (struct ev_error){.code = EV_ERR_UNAVAILABLE,
                                                      .retriable = true,
                                                      .message = "the log doesn't say where the fence is"};
        ev_owner_catch_up(owner, ev_owner_backoff(owner));
        return;
    }
    owner->fence.offset = offset;
    if (EV_MUTANT(FENCE_READ))
        owner->next_offset = offset;
    if (offset > owner->next_offset) {
        ev_owner_read_on(owner, offset + 1);
        return;
    }
    struct ev_commit fence = fence_commit(owner);
    (void)ev_owner_judge(owner, offset, &fence, EV_STR_NULL, &ignored); /* a fence isn't applied: can't fail */
    if (owner->state == EV_OWNER_FENCING)
        ev_owner_fence_void(owner);
}

void ev_owner_on_read_done(struct ev_owner *owner, uint64_t tag, int64_t next, const struct ev_error *error)
{
    if (!read_is_open(owner, tag))
        return;
    if (error) {
        owner->last_error = *error;
        if (error->code == EV_ERR_CONFLICT)
            ev_owner_reset(owner);
        else
            read_failed(owner, error);
        return;
    }
    if (!ev_owner_prove_end(owner, next))
        return;
    owner->read.active = false;
    if (owner->next_offset < next)
        owner->next_offset = next;
    switch (owner->state) {
    case EV_OWNER_CATCHING_UP:
        append_fence(owner);
        break;
    case EV_OWNER_FENCING:
        if (owner->next_offset > owner->fence.offset)
            ev_owner_fence_void(owner); /* a valid one would have been met */
        else
            ev_owner_read_on(owner, owner->fence.offset + 1);
        break;
    case EV_OWNER_SERVING:
        ev_owner_advance(owner);
        break;
    case EV_OWNER_STANDBY: /* a log that ended the read for no reason that it told */
        ev_owner_follow(owner, ev_owner_backoff(owner));
        break;
    case EV_OWNER_IDLE:
    case EV_OWNER_LOST:
        break;
    }
}

/* --- serving --- */

void ev_owner_stamp(const struct ev_owner *owner, struct ev_commit *commit)
{
    commit->epoch = owner->epoch;
    commit->seq = owner->next_seq;
}

int ev_owner_append(struct ev_owner *owner, struct ev_str key, struct ev_str record, const struct ev_commit *commit,
                    int64_t now_ms, uint64_t *ret_tag, struct ev_error *error)
{
    owner->now_ms = now_ms;
    if (owner->state != EV_OWNER_SERVING)
        return ev_error_set_retriable(error, EV_ERR_FENCED, "partition %d is %s, not serving", (int)owner->partition,
                                      ev_owner_state_name(owner->state));
    if (ev_owner_inflight(owner) == EV_OWNER_INFLIGHT_MAX)
        return ev_error_set_retriable(error, EV_ERR_LIMIT, "%d commits in flight on partition %d",
                                      EV_OWNER_INFLIGHT_MAX, (int)owner->partition);
    uint64_t tag = owner->next_tag;
    int r = owner->port->append(owner->port, owner->partition, tag, key, record, commit, error);
    if (r < 0)
        return r; /* not started: the sequence number is still free */
    owner->next_tag++;
    *ev_owner_entry_at(owner, owner->append_tail++) = (struct ev_owner_entry){
        .tag = tag,
        .command_id = commit->command_id,
        .epoch = owner->epoch,
        .seq = owner->next_seq++,
        .offset = EV_OWNER_OFFSET_PENDING,
        .sent_ms = now_ms,
    };
    *ret_tag = tag;
    return 0;
}

void ev_owner_advance(struct ev_owner *owner)
{
    struct ev_error ignored;
    while (owner->state == EV_OWNER_SERVING && !owner->read.active && owner->append_head != owner->append_reported) {
        const struct ev_owner_entry *entry = ev_owner_entry_at(owner, owner->append_head);
        int64_t offset = entry->offset;
        if (offset < owner->next_offset) {
            ev_owner_doubt(owner, EV_ERR_INTERNAL, "a record of this epoch doesn't count");
            return;
        }
        if (EV_MUTANT(CONTIGUITY))
            owner->next_offset = offset;
        if (offset > owner->next_offset) {
            owner->counts.gap_reads++;
            ev_owner_read_on(owner, offset);
            return;
        }
        /* Stands for the record, which isn't read back: never a fence, and never foreign history that would be applied.
         */
        struct ev_commit head = {
            .stream_id = EV_STR("-"), .command_id = entry->command_id, .epoch = entry->epoch, .seq = entry->seq};
        (void)ev_owner_judge(owner, offset, &head, EV_STR_NULL, &ignored);
    }
    ev_owner_query_advance(owner);
}

static void commit_reported(struct ev_owner *owner, uint64_t tag, int64_t offset, const struct ev_error *error)
{
    if (owner->append_reported == owner->append_tail)
        return; /* settled by reading, or before a release */
    struct ev_owner_entry *entry = ev_owner_entry_at(owner, owner->append_reported);
    if (tag < entry->tag)
        return;
    if (tag > entry->tag) {
        ev_owner_doubt(owner, EV_ERR_INTERNAL, "a delivery report is missing");
        return;
    }
    owner->append_reported++;
    entry->offset = error || offset < 0 ? EV_OWNER_OFFSET_UNKNOWN : offset;
    if (owner->state != EV_OWNER_SERVING)
        return;
    if (error) {
        ev_owner_doubt(owner, error->code, error->message);
    } else if (offset <= owner->reported_offset) {
        ev_owner_doubt(owner, EV_ERR_INTERNAL, "a delivery report without an offset that increases");
    } else {
        owner->reported_offset = offset;
        ev_owner_advance(owner);
    }
}

void ev_owner_on_append(struct ev_owner *owner, uint64_t tag, int64_t offset, const struct ev_error *error)
{
    bool fence = owner->state == EV_OWNER_FENCING && owner->fence.tag == tag;
    if (fence && owner->fence.offset == EV_OWNER_OFFSET_PENDING)
        fence_appended(owner, offset, error);
    else if (!fence)
        commit_reported(owner, tag, offset, error);
}

void ev_owner_doubt(struct ev_owner *owner, enum ev_error_code code, const char *why)
{
    if (owner->state != EV_OWNER_SERVING)
        return;
    (void)ev_error_set_retriable(&owner->last_error, code, "%s", why);
    owner->counts.doubts++;
    ev_owner_tickets_cancel(owner);
    owner->state = EV_OWNER_CATCHING_UP;
    owner->port->purge(owner->port, owner->partition);
    owner->events->doubted(owner->events->context);
    ev_owner_catch_up(owner, 0);
}

void ev_owner_lose(struct ev_owner *owner)
{
    owner->state = EV_OWNER_LOST;
    owner->counts.losses++;
    owner->read.active = false;
    ev_owner_tickets_cancel(owner);
    (void)ev_error_set_retriable(&owner->last_error, EV_ERR_FENCED,
                                 "another writer has fenced partition %d (epoch %lld)", (int)owner->partition,
                                 (long long)owner->ledger.epoch);
    owner->events->lost(owner->events->context);
}

/* --- time --- */

static void fence_tick(struct ev_owner *owner)
{
    if (owner->state != EV_OWNER_FENCING || owner->fence.offset != EV_OWNER_OFFSET_PENDING)
        return;
    if (owner->now_ms - owner->fence.sent_ms < EV_OWNER_APPEND_TIMEOUT_MS)
        return;
    (void)ev_error_set_retriable(&owner->last_error, EV_ERR_TIMEOUT, "no answer to a fence for %d ms",
                                 EV_OWNER_APPEND_TIMEOUT_MS);
    owner->port->purge(owner->port, owner->partition);
    ev_owner_catch_up(owner, 0);
}

static void append_tick(struct ev_owner *owner)
{
    if (owner->state != EV_OWNER_SERVING || owner->append_head == owner->append_tail)
        return;
    const struct ev_owner_entry *entry = ev_owner_entry_at(owner, owner->append_head);
    if (entry->offset == EV_OWNER_OFFSET_PENDING && owner->now_ms - entry->sent_ms >= EV_OWNER_APPEND_TIMEOUT_MS)
        ev_owner_doubt(owner, EV_ERR_TIMEOUT, "no answer to an append in time");
}

int64_t ev_owner_tick(struct ev_owner *owner, int64_t now_ms)
{
    int64_t due = TICK_MAX_MS;
    owner->now_ms = now_ms;
    append_tick(owner);
    fence_tick(owner);
    if (owner->read.active && now_ms >= owner->read.deadline_ms)
        ev_owner_read_on(owner, owner->read.until);
    if (owner->read.active && owner->read.deadline_ms - now_ms < due)
        due = owner->read.deadline_ms - now_ms;
    int64_t query = ev_owner_query_tick(owner);
    if (query < due)
        due = query;
    return due < 0 ? 0 : due;
}
