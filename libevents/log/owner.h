/* The write protocol of one partition as a pure state machine over a port: catch up, fence, serve, acknowledge, settle
 * doubt, confirm. Holds no socket and no clock: tests and a seeded simulation drive it with a fake log, log/kafka_log.h
 * with a real one. Single-threaded. It keeps the rules of docs/architecture.md, "One writer per partition":
 *
 * 1. It serves only after it has read up to its own fence and found it valid.
 *
 * 2. A commit is reported as committed only when known to be valid: its offset follows the last record known, or the
 * records between were read.
 *
 * 3. After an error, a time-out or an answer that makes no sense it serves no longer (doubt): it reads to the end,
 * fences again and reads up to that fence; every commit in flight is then either committed or void for ever. Where it
 * meets a foreign fence it is lost.
 *
 * 4. What appends nothing is confirmed only when all that was appended before is settled and the leader has shown,
 * after the question was asked, a log that holds no foreign fence.
 *
 * A standby reads on and applies what others write, so that an assignment needs no more than the last records and the
 * fence. It appends nothing and answers nothing.
 *
 * Offsets are judged in order, each once, either by reading or by a delivery report that is contiguous. `next_offset`
 * and the ledger say how far. */
#pragma once

#include "core/uuid.h"
#include "log/ledger.h"
#include "log/port.h"

#define EV_OWNER_INFLIGHT_MAX 1024 /* appends not yet settled; a power of two */
#define EV_OWNER_TICKETS_MAX 2048  /* distinct tickets waiting; a power of two, enough for all (owner_confirm.c) */
#define EV_OWNER_APPEND_TIMEOUT_MS 10000    /* an append without an answer for so long is in doubt */
#define EV_OWNER_READ_TIMEOUT_MS 10000      /* a read without progress for so long is started anew */
#define EV_OWNER_FOLLOW_TIMEOUT_MS 60000    /* a standby that got no record for so long starts its read anew */
#define EV_OWNER_END_OFFSET_TIMEOUT_MS 5000 /* a question for the end offset is asked anew after this */
#define EV_OWNER_RETRY_MIN_MS 50            /* pause after a failure, doubled with each one in a row */
#define EV_OWNER_RETRY_MAX_MS 2000
#define EV_OWNER_FENCE_ATTEMPTS_MAX 16 /* void fences in a row before it gives up and is lost */

enum ev_owner_state {
    EV_OWNER_IDLE,        /* not acquired */
    EV_OWNER_STANDBY,     /* not acquired, reads on what others write */
    EV_OWNER_CATCHING_UP, /* reads to the end */
    EV_OWNER_FENCING,     /* its fence is appended, then read up to */
    EV_OWNER_SERVING,
    EV_OWNER_LOST, /* a foreign fence: does nothing until acquired anew */
};
const char *ev_owner_state_name(enum ev_owner_state state);

struct ev_owner;

/* What an owner tells its user. Called from within the functions below, with the owner in a consistent state:
 * ev_owner_append and ev_owner_confirm may be called from them, ev_owner_acquire, _release and _finish not. */
struct ev_owner_events {
    /* A valid commit that isn't in flight here, in offset order: history. Nothing may have changed when it fails; it is
     * then read again after a pause. */
    int (*apply)(void *context, int64_t offset, const struct ev_commit *head, struct ev_str record,
                 struct ev_error *error);
    /* Commits can be appended; all of the past was applied. */
    void (*serving)(void *context);
    /* The oldest commit in flight is in the log and valid, for ever. */
    void (*committed)(void *context, uint64_t tag, int64_t offset);
    /* The oldest commit in flight doesn't count and never will. Follows for all that are in flight after it. */
    void (*voided)(void *context, uint64_t tag);
    /* What was asked under tickets up to this one is confirmed. */
    void (*confirmed)(void *context, uint64_t ticket);
    /* No longer serving: tickets that weren't confirmed never will be; commits in flight get settled later. */
    void (*doubted)(void *context);
    /* Another writer has the partition. Commits in flight were settled before this call; tickets that weren't confirmed
     * never will be. */
    void (*lost)(void *context);
    /* The log isn't what was read from it any more: all that was applied is to be forgotten, it is read again from
     * offset 0. Commits in flight are no longer tracked (the new reading applies those that are in the log). */
    void (*reset)(void *context);
    /* Writes a fence as a record. */
    int (*encode_fence)(void *context, const struct ev_commit *fence, struct ev_buffer *out, struct ev_error *error);
    void *context;
};

/* How far a partition is known: the last valid record, by which a log that was cut or made anew is told from the one
 * that was read, and what follows from all records up to it. What a checkpoint holds of the owner. Void records behind
 * it change nothing and don't count: whether they are still there can't be told. */
struct ev_owner_mark {
    int64_t next_offset; /* the one after last_offset */
    struct ev_ledger ledger;
    int64_t last_offset; /* of the last valid record, commit or fence; -1: there was none */
    int64_t last_epoch, last_seq;
    struct ev_uuid last_id; /* its command id */
};

struct ev_owner_entry { /* an append in flight */
    uint64_t tag;
    struct ev_uuid command_id;
    int64_t epoch, seq;
    int64_t offset; /* EV_OWNER_OFFSET_…, or where the delivery report says it is */
    int64_t sent_ms;
};

struct ev_owner_ticket {
    uint64_t ticket;
    uint64_t bound; /* appends there had been when it was given out: all of them must be settled; the next one, if
                       valid, confirms it */
};

struct ev_owner_counts {
    int64_t fences, void_fences, void_commits, doubts, losses, resets, gap_reads, end_offset_queries;
};

struct ev_owner {
    const struct ev_owner_events *events;
    struct ev_log_port *port;
    int32_t partition;
    const char *name;        /* of the process, for people: the fence's actor */
    struct ev_uuid instance; /* told from all others by this: the fence's command id */
    bool confirm_tickets;    /* false: tickets are confirmed at once. Only to measure what confirming costs */

    enum ev_owner_state state;
    bool served; /* since it was acquired */
    int64_t now_ms;
    int64_t retry_ms; /* the next pause after a failure */
    int void_fences_in_row;
    struct ev_error last_error; /* of the last failure; code NONE while all is well */

    struct ev_ledger ledger; /* over all records below next_offset */
    int64_t next_offset;
    struct ev_owner_mark last; /* last_…: of the last valid record below next_offset; the rest isn't kept up */
    bool unproved;             /* restored, and not yet compared with the log */
    int64_t epoch;             /* of its own valid fence */
    int64_t next_seq;          /* of the next commit to append */
    int64_t top_epoch;         /* highest that it ever tried */
    uint64_t next_tag;

    struct ev_owner_entry appends[EV_OWNER_INFLIGHT_MAX]; /* ring: [head, tail) modulo its size, in order of tags */
    uint64_t append_head, append_tail, append_reported;   /* counters; [head, reported) have their delivery report */
    int64_t reported_offset;                              /* of the last delivery report */

    struct ev_owner_read {
        bool active;
        uint64_t tag; /* 0: to be started at deadline_ms */
        int64_t until, deadline_ms;
    } read;
    struct ev_owner_fence {
        uint64_t tag;
        int64_t epoch, offset, sent_ms;
        bool foreign; /* another's valid fence was met on the way to it */
    } fence;
    struct ev_owner_query {
        bool active, answered;
        uint64_t tag, ticket; /* serves tickets up to this one */
        int64_t end, floor, deadline_ms;
    } query;
    struct ev_owner_ticket tickets[EV_OWNER_TICKETS_MAX]; /* ring of those that wait */
    uint64_t ticket_head, ticket_tail, next_ticket;
    uint64_t
        query_confirmed; /* tickets up to this one need no more than that what was appended before them is settled */

    struct ev_buffer scratch;
    struct ev_owner_counts counts;
};
#define EV_OWNER_OFFSET_PENDING ((int64_t)-2) /* no delivery report yet */
#define EV_OWNER_OFFSET_UNKNOWN ((int64_t)-1) /* it failed or came without offset */

/* `events`, `port` and `name` are borrowed. The port's listener must hand its answers to the ev_owner_on_… functions.
 */
void ev_owner_init(struct ev_owner *owner, const struct ev_owner_events *events, struct ev_log_port *port,
                   int32_t partition, const char *name, const struct ev_uuid *instance);
void ev_owner_finish(struct ev_owner *owner);

/* What is known as of now, consistent between any two calls of the functions below. */
void ev_owner_mark(const struct ev_owner *owner, struct ev_owner_mark *ret);
/* Whether the record with this head is the one that the mark names (its offset is the caller's to compare). */
bool ev_owner_mark_names(const struct ev_owner_mark *mark, const struct ev_commit *head);
/* Goes on where `mark` was taken, with what its user has kept of that moment; before anything was read. The record that
 * it names is read first and compared: if the log holds another one, or ends before, `reset` is called and the log read
 * from offset 0. `mark` must name one (last_offset >= 0). */
void ev_owner_restore(struct ev_owner *owner, const struct ev_owner_mark *mark);
/* What is known of the log is no longer trusted: `reset` is called, and it is read again from offset 0, at once where
 * it was being read. `why` goes to last_error. In no callback. */
void ev_owner_rebuild(struct ev_owner *owner, int64_t now_ms, const char *why);

/* The partition was assigned to this process: read what it doesn't know yet, fence, serve. Does nothing while it is
 * acquired already, unless it is lost. */
void ev_owner_acquire(struct ev_owner *owner, int64_t now_ms);
/* Gives it up at once, also a standby. What is in flight stays in doubt and is no longer tracked. What was read stays
 * known. */
void ev_owner_release(struct ev_owner *owner);
/* Reads on without owning, until acquired or released. Does nothing unless it is idle. */
void ev_owner_standby(struct ev_owner *owner, int64_t now_ms);
static inline bool ev_owner_is_serving(const struct ev_owner *owner)
{
    return owner->state == EV_OWNER_SERVING;
}
static inline size_t ev_owner_inflight(const struct ev_owner *owner)
{
    return (size_t)(owner->append_tail - owner->append_head);
}

/* To append: fill commit->epoch and seq from the owner by ev_owner_stamp, encode, append. LIMIT when too many are in
 * flight or the port's queue is full: try again after the next `committed`. FENCED when it isn't serving. */
void ev_owner_stamp(const struct ev_owner *owner, struct ev_commit *commit);
int ev_owner_append(struct ev_owner *owner, struct ev_str key, struct ev_str record, const struct ev_commit *commit,
                    int64_t now_ms, uint64_t *ret_tag, struct ev_error *error);
/* Asks for confirmation that nobody else has written: answered by `confirmed` with this ticket or a greater one, never
 * from within the call, or cancelled by `doubted` or `lost`. Only while serving. Requests share a ticket where one
 * answer serves all of them. 0: nothing to wait for (confirm_tickets is off). */
uint64_t ev_owner_confirm(struct ev_owner *owner, int64_t now_ms);

/* The port's answers. Answers to questions that are no longer open are ignored. */
void ev_owner_on_append(struct ev_owner *owner, uint64_t tag, int64_t offset, const struct ev_error *error);
/* `head` is the record's decoded head. */
void ev_owner_on_record(struct ev_owner *owner, uint64_t tag, int64_t offset, const struct ev_commit *head,
                        struct ev_str record);
/* Also for a record whose head can't be decoded: nobody could judge what follows it. */
void ev_owner_on_read_done(struct ev_owner *owner, uint64_t tag, int64_t next, const struct ev_error *error);
void ev_owner_on_end_offset(struct ev_owner *owner, uint64_t tag, int64_t end, const struct ev_error *error);
/* Time-outs and retries. Returns how long nothing will be due, at most 1000 ms. */
int64_t ev_owner_tick(struct ev_owner *owner, int64_t now_ms);
