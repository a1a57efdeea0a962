#include "stream/partition.h"

#include <stdlib.h>

#include "core/fatal.h"
#include "log/mutant.h"

/* --- what the owner tells --- */

static int on_apply(void *context, int64_t offset, const struct ev_commit *head, struct ev_str record,
                    struct ev_error *error)
{
    (void)head;
    return ev_partition_apply(context, offset, record, error);
}

static void on_serving(void *context)
{
    struct ev_partition *partition = context;
    const struct ev_executor_options *options = &partition->executor->options;
    ev_partition_mark(partition);
    if (options->on_serving)
        options->on_serving(options->context, partition->number);
}

static struct ev_flight flight_settled(struct ev_partition *partition, uint64_t tag)
{
    uint64_t number;
    struct ev_flight flight = ev_flights_pop(&partition->flights, &number);
    if (flight.tag != tag)
        ev_fatal("partition %d: the owner and the executor disagree on what is in flight", (int)partition->number);
    if (flight.stream->newest_flight == number)
        flight.stream->newest_flight = 0;
    return flight;
}

/* Its stream's confirmed state is now the one after this flight. */
static void flight_confirmed(struct ev_partition *partition, struct ev_flight *flight)
{
    if (flight->is_packed) {
        ev_hot_confirm(partition, flight->stream, (struct ev_str){flight->bytes, flight->length});
        free(flight->bytes);
        flight->bytes = NULL;
    } else {
        ev_streams_set_state(&partition->streams, flight->stream, flight->bytes, flight->length);
        ev_hot_replaced(partition, flight->stream);
    }
}

static void on_committed(void *context, uint64_t tag, int64_t offset)
{
    struct ev_partition *partition = context;
    struct ev_request *request;
    struct ev_flight flight = flight_settled(partition, tag);
    struct ev_dedup_entry entry = partition->dedup.entries[partition->dedup.settled & (partition->dedup.capacity - 1)];
    entry.offset = offset;
    ev_dedup_settle(&partition->dedup, offset);
    ev_partition_changing(partition, flight.stream);
    flight_confirmed(partition, &flight);
    ev_partition_changed(partition, flight.stream, flight.version, offset);
    partition->executor->stats.committed++;
    ev_partition_mark(partition); /* there is room in flight */
    if (flight.request)
        ev_answer_committed(partition, flight.request, &flight, offset);
    while ((request = ev_queue_pop(&flight.followers)))
        ev_answer_follower(partition, request, &flight, &entry);
}

/* Nothing may remain of a commit that doesn't count: those who asked for it are decided again. */
static void flight_dropped(struct ev_partition *partition, struct ev_flight *flight)
{
    struct ev_queue again = {0};
    struct ev_stream *stream = flight->stream;
    ev_dedup_drop_in_flight(&partition->dedup); /* none after a void commit counts either */
    if (EV_MUTANT(REDECIDE)) {
        flight_confirmed(partition, flight);
        stream->version = flight->version;
    } else {
        free(flight->bytes);
    }
    ev_hot_drop_newest(partition, stream);
    if (stream->version == 0 && !stream->newest_flight) {
        ev_hot_forget(partition, stream);
        ev_streams_remove(&partition->streams, stream);
    }
    if (flight->request)
        ev_queue_push(&again, flight->request);
    ev_queue_merge(&partition->queue, &again);
    ev_queue_merge(&partition->queue, &flight->followers);
}

static void on_voided(void *context, uint64_t tag)
{
    struct ev_partition *partition = context;
    struct ev_flight flight = flight_settled(partition, tag);
    partition->executor->stats.voids++;
    flight_dropped(partition, &flight);
}

static void on_confirmed(void *context, uint64_t ticket)
{
    struct ev_partition *partition = context;
    while (partition->held.first && partition->held.first->answer->ticket <= ticket)
        ev_answer_held(partition, ev_queue_pop(&partition->held));
    if (partition->draining)
        ev_partition_mark(partition);
}

static void on_doubted(void *context)
{
    struct ev_partition *partition = context;
    partition->executor->stats.refences++;
    ev_queue_merge(&partition->queue, &partition->held);
}

static void on_lost(void *context)
{
    struct ev_partition *partition = context;
    const struct ev_executor_options *options = &partition->executor->options;
    ev_partition_take_back(partition);
    ev_partition_mark(partition); /* nothing is left to drain */
    if (options->on_lost)
        options->on_lost(options->context, partition->number);
}

/* Commits in flight are decided again once the log was read anew: those that are in it are then known as duplicates. */
static void on_reset(void *context)
{
    struct ev_partition *partition = context;
    while (ev_flights_count(&partition->flights) > 0) {
        uint64_t number;
        struct ev_flight flight = ev_flights_pop(&partition->flights, &number);
        if (flight.stream->newest_flight == number)
            flight.stream->newest_flight = 0;
        flight_dropped(partition, &flight);
    }
    ev_queue_merge(&partition->queue, &partition->held);
    ev_hot_clear(partition);
    ev_partition_checkpoint_reset(partition);
    ev_streams_clear(&partition->streams);
    ev_dedup_clear(&partition->dedup);
}

static int on_encode_fence(void *context, const struct ev_commit *fence, struct ev_buffer *out, struct ev_error *error)
{
    const struct ev_partition *partition = context;
    const struct ev_executor_options *options = &partition->executor->options;
    struct ev_commit dated = *fence;
    dated.occurred_at = ev_clock_wall_ms(&options->clock);
    return ev_commit_encode(options->topic, options->schema_id, &dated, out, error);
}

/* --- life --- */

void ev_partition_init(struct ev_partition *partition, struct ev_executor *executor, int32_t number,
                       const struct ev_uuid *instance, uint64_t seed)
{
    const struct ev_executor_options *options = &executor->options;
    *partition = (struct ev_partition){.executor = executor, .number = number, .next_deadline_ms = INT64_MAX};
    partition->events = (struct ev_owner_events){
        .apply = on_apply,
        .serving = on_serving,
        .committed = on_committed,
        .voided = on_voided,
        .confirmed = on_confirmed,
        .doubted = on_doubted,
        .lost = on_lost,
        .reset = on_reset,
        .encode_fence = on_encode_fence,
        .context = partition,
    };
    ev_owner_init(&partition->owner, &partition->events, executor->log, number, options->owner_id, instance);
    partition->owner.confirm_tickets = !options->unconfirmed;
    ev_streams_init(&partition->streams, seed);
    ev_dedup_init(&partition->dedup, options->dedup_entries_max, options->dedup_window_ms, seed);
    ev_flights_init(&partition->flights);
    partition->checkpoint = (struct ev_partition_checkpoint){.changed = EV_LIST_CHANGED, .offset = -1};
}

void ev_partition_finish(struct ev_partition *partition)
{
    ev_partition_checkpoint_finish(partition);
    ev_owner_finish(&partition->owner);
    ev_flights_finish(&partition->flights);
    ev_hot_clear(partition);
    ev_streams_finish(&partition->streams);
    ev_dedup_finish(&partition->dedup);
}

void ev_partition_mark(struct ev_partition *partition)
{
    if (partition->dirty)
        return;
    partition->dirty = true;
    partition->dirty_next = partition->executor->dirty;
    partition->executor->dirty = partition;
}

/* --- giving up --- */

void ev_partition_take_back(struct ev_partition *partition)
{
    while (ev_flights_count(&partition->flights) > 0) {
        uint64_t number;
        struct ev_flight flight = ev_flights_pop(&partition->flights, &number);
        if (flight.stream->newest_flight == number)
            flight.stream->newest_flight = 0;
        if (flight.request)
            flight.request->in_doubt = true;
        for (struct ev_request *follower = flight.followers.first; follower; follower = follower->next)
            follower->in_doubt = true;
        flight_dropped(partition, &flight);
    }
    ev_queue_merge(&partition->queue, &partition->held);
}

static void drained(struct ev_partition *partition)
{
    const struct ev_executor_options *options = &partition->executor->options;
    partition->draining = false;
    ev_owner_release(&partition->owner);
    ev_partition_take_back(partition);
    if (options->on_drained)
        options->on_drained(options->context, partition->number);
}

/* A fence on its way counts too: it would land behind the next owner's and take the partition from it. */
static bool is_settled(const struct ev_partition *partition)
{
    return ev_flights_count(&partition->flights) == 0 && !partition->held.first &&
           partition->owner.state != EV_OWNER_FENCING;
}

void ev_partition_drain_tick(struct ev_partition *partition, int64_t now_ms)
{
    if (partition->draining && now_ms >= partition->drain_deadline_ms)
        drained(partition);
}

void ev_partition_pump(struct ev_partition *partition)
{
    struct ev_request *request;
    if (partition->draining) {
        if (is_settled(partition))
            drained(partition);
        return;
    }
    while (ev_owner_is_serving(&partition->owner) && (request = ev_queue_pop(&partition->queue))) {
        if (!ev_partition_decide(partition, request)) {
            ev_queue_unpop(&partition->queue, request);
            break;
        }
    }
}

/* --- deadlines --- */

static void expire_flights(struct ev_partition *partition, int64_t now_ms, struct ev_queue *late, int64_t *earliest)
{
    for (uint64_t number = partition->flights.head; number != partition->flights.tail; number++) {
        struct ev_flight *flight = ev_flights_at(&partition->flights, number);
        int64_t follower = ev_queue_expire(&flight->followers, now_ms, late);
        if (follower < *earliest)
            *earliest = follower;
        if (!flight->request)
            continue;
        if (flight->request->deadline_ms <= now_ms) {
            ev_queue_push(late, flight->request);
            flight->request = NULL;
        } else if (flight->request->deadline_ms < *earliest) {
            *earliest = flight->request->deadline_ms;
        }
    }
}

static void fail_expired(struct ev_partition *partition, struct ev_queue *queue, bool in_flight)
{
    struct ev_request *request;
    while ((request = ev_queue_pop(queue)))
        ev_answer_fail(partition, request, EV_ERR_TIMEOUT, true,
                       in_flight || request->in_doubt
                           ? "the deadline has passed before the log has answered; retry with the same id to learn "
                             "what became of it"
                           : "the deadline has passed; nothing was written for this command");
}

void ev_partition_expire(struct ev_partition *partition, int64_t now_ms)
{
    struct ev_queue expired = {0}, in_doubt = {0};
    if (now_ms < partition->next_deadline_ms)
        return;
    int64_t earliest = ev_queue_expire(&partition->queue, now_ms, &expired);
    int64_t held = ev_queue_expire(&partition->held, now_ms, &expired);
    if (held < earliest)
        earliest = held;
    expire_flights(partition, now_ms, &in_doubt, &earliest);
    partition->next_deadline_ms = earliest;
    fail_expired(partition, &expired, false);
    fail_expired(partition, &in_doubt, true);
}
