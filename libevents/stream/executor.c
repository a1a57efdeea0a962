#include "stream/executor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "stream/partition.h"

#define TICK_MAX_MS 1000

/* Every way into the executor passes here, so that queues are looked at exactly when the owner's callbacks are done. */
static void enter(struct ev_executor *executor)
{
    executor->depth++;
}

static void leave(struct ev_executor *executor)
{
    while (executor->depth == 1 && executor->dirty) {
        struct ev_partition *partition = executor->dirty;
        executor->dirty = partition->dirty_next;
        partition->dirty = false;
        ev_partition_pump(partition);
    }
    executor->depth--;
}

static struct ev_partition *partition_at(const struct ev_executor *executor, int32_t partition)
{
    if (partition < 0 || partition >= executor->options.partition_count)
        return NULL;
    return &executor->partitions[partition];
}

/* --- answers of the log --- */

static void on_appended(void *context, int32_t number, uint64_t tag, int64_t offset, const struct ev_error *error)
{
    struct ev_executor *executor = context;
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition)
        return;
    enter(executor);
    ev_owner_on_append(&partition->owner, tag, offset, error);
    leave(executor);
}

static void on_record(void *context, int32_t number, uint64_t tag, int64_t offset, struct ev_str record)
{
    struct ev_executor *executor = context;
    struct ev_partition *partition = partition_at(executor, number);
    struct ev_error error = {0};
    struct ev_commit head;
    if (!partition)
        return;
    enter(executor);
    if (ev_commit_decode_head(executor->decoder, record, &head, &error) < 0)
        ev_owner_on_read_done(&partition->owner, tag, offset, &error);
    else
        ev_owner_on_record(&partition->owner, tag, offset, &head, record);
    leave(executor);
}

static void on_read_done(void *context, int32_t number, uint64_t tag, int64_t next, const struct ev_error *error)
{
    struct ev_executor *executor = context;
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition)
        return;
    enter(executor);
    ev_owner_on_read_done(&partition->owner, tag, next, error);
    leave(executor);
}

static void on_end_offset(void *context, int32_t number, uint64_t tag, int64_t end, const struct ev_error *error)
{
    struct ev_executor *executor = context;
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition)
        return;
    enter(executor);
    ev_owner_on_end_offset(&partition->owner, tag, end, error);
    leave(executor);
}

/* --- life --- */

static int check_options(const struct ev_executor_options *options, struct ev_error *error)
{
    if (options->partition_count <= 0)
        return ev_error_set(error, EV_ERR_INVALID, "an executor needs at least one partition");
    if (!options->deciders || !options->deciders[0])
        return ev_error_set(error, EV_ERR_INVALID, "an executor needs at least one decider");
    if (!options->topic || !options->owner_id || !options->schemas.get || options->requests_max == 0)
        return ev_error_set(error, EV_ERR_INVALID,
                            "an executor needs topic, owner_id, schemas and a bound on its requests");
    return 0;
}

/* Of everything that a stored state depends on. */
static uint64_t fingerprint_of(const struct ev_executor *executor)
{
    struct ev_buffer text = {0};
    const struct ev_topic_schema *topic = executor->options.topic;
    ev_buffer_printf(&text, "%" PRIx64 " %d %" PRIx64 " %" PRIx64, executor->options.deciders_fingerprint,
                     (int)executor->options.partition_count, topic->upcasts,
                     ev_hash64(ev_str_of(topic->commit_schema))); /* a default that changed is read from old events */
    for (size_t i = 0; i < executor->decider_count; i++) {
        const struct ev_decider *decider = executor->options.deciders[i];
        ev_buffer_printf(&text, " %s %" PRIx64, decider->category, decider->state->fingerprint);
    }
    uint64_t fingerprint = ev_hash64(ev_buffer_str(&text));
    ev_buffer_finish(&text);
    return fingerprint;
}

int ev_executor_create(const struct ev_executor_options *options, struct ev_log_port *log, struct ev_executor **ret,
                       struct ev_error *error)
{
    const struct ev_random *random = options->random ? options->random : &ev_random_system;
    int r = check_options(options, error);
    if (r < 0)
        return r;
    struct ev_executor *executor = ev_memory_new(struct ev_executor);
    executor->options = *options;
    executor->log = log;
    while (options->deciders[executor->decider_count])
        executor->decider_count++;
    r = ev_commit_decoder_create(options->topic, &executor->options.schemas, &executor->decoder, error);
    if (r < 0) {
        free(executor);
        return r;
    }
    executor->fingerprint = fingerprint_of(executor);
    struct ev_uuid instance = ev_uuid_v7(&executor->options.clock, random);
    uint64_t seed = ev_random_u64(random);
    executor->partitions = ev_memory_alloc_array((size_t)options->partition_count, sizeof(*executor->partitions));
    for (int32_t i = 0; i < options->partition_count; i++)
        ev_partition_init(&executor->partitions[i], executor, i, &instance, seed);
    log->listener = (struct ev_log_listener){
        .appended = on_appended,
        .record = on_record,
        .read_done = on_read_done,
        .end_offset = on_end_offset,
        .context = executor,
    };
    *ret = executor;
    return 0;
}

void ev_executor_destroy(struct ev_executor *executor)
{
    if (!executor)
        return;
    executor->log->listener = (struct ev_log_listener){0};
    for (int32_t i = 0; i < executor->options.partition_count; i++)
        ev_partition_finish(&executor->partitions[i]);
    if (executor->options.memory)
        atomic_fetch_sub(&executor->options.memory->used, executor->charged);
    free(executor->partitions);
    ev_commit_decoder_destroy(executor->decoder);
    ev_arena_finish(&executor->arena);
    ev_buffer_finish(&executor->record);
    ev_buffer_finish(&executor->state);
    free(executor);
}

void ev_executor_acquire(struct ev_executor *executor, int32_t number)
{
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition)
        return;
    enter(executor);
    ev_partition_restore(partition);
    ev_owner_acquire(&partition->owner, ev_clock_monotonic_ms(&executor->options.clock));
    leave(executor);
}

void ev_executor_drain(struct ev_executor *executor, int32_t number)
{
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition || partition->draining)
        return;
    enter(executor);
    partition->draining = true;
    partition->drain_deadline_ms = ev_clock_monotonic_ms(&executor->options.clock) + EV_EXECUTOR_DRAIN_MS;
    ev_partition_mark(partition);
    leave(executor);
}

void ev_executor_release(struct ev_executor *executor, int32_t number)
{
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition)
        return;
    enter(executor);
    partition->draining = false;
    ev_owner_release(&partition->owner);
    ev_partition_take_back(partition);
    leave(executor);
}

void ev_executor_standby(struct ev_executor *executor, int32_t number)
{
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition)
        return;
    enter(executor);
    ev_partition_restore(partition);
    ev_owner_standby(&partition->owner, ev_clock_monotonic_ms(&executor->options.clock));
    leave(executor);
}

struct ev_request *ev_executor_withdraw(struct ev_executor *executor, int32_t number)
{
    struct ev_partition *partition = partition_at(executor, number);
    if (!partition || partition->draining || ev_owner_is_serving(&partition->owner))
        return NULL;
    struct ev_request *first = partition->queue.first;
    partition->pending -= partition->queue.count;
    executor->stats.pending -= partition->queue.count;
    partition->queue = (struct ev_queue){0};
    return first;
}

bool ev_executor_is_serving(const struct ev_executor *executor, int32_t number)
{
    const struct ev_partition *partition = partition_at(executor, number);
    return partition && ev_owner_is_serving(&partition->owner);
}

bool ev_executor_is_standby(const struct ev_executor *executor, int32_t number)
{
    const struct ev_partition *partition = partition_at(executor, number);
    return partition && partition->owner.state == EV_OWNER_STANDBY;
}

/* --- requests --- */

int32_t ev_executor_partition(const struct ev_executor *executor, struct ev_str stream_id)
{
    struct ev_str key = stream_id, category;
    (void)ev_str_split(&key, '-', &category);
    return ev_hash_partition(key, executor->options.partition_count);
}

/* What keeps a request from being queued; NULL: nothing. */
static const char *refusal(const struct ev_executor *executor, const struct ev_partition *partition,
                           const struct ev_request *request, enum ev_error_code *ret_code, bool *ret_retriable)
{
    int decider = -1;
    *ret_code = EV_ERR_INVALID;
    *ret_retriable = false;
    if (request->stream_id.length > EV_STREAM_ID_MAX)
        return "the stream's id is too long";
    decider = ev_executor_decider_of(executor, request->stream_id);
    if (decider < 0 || strcmp(executor->options.deciders[decider]->category, request->type->category) != 0)
        return "the stream's id doesn't name a stream of the command's category";
    *ret_retriable = true;
    *ret_code = EV_ERR_LIMIT;
    if (partition->pending > executor->options.requests_max)
        return "too many commands are waiting; nothing was written for this one";
    return NULL;
}

void ev_executor_submit(struct ev_executor *executor, struct ev_request *request)
{
    struct ev_partition *partition = &executor->partitions[ev_executor_partition(executor, request->stream_id)];
    enum ev_error_code code;
    bool retriable;
    enter(executor);
    request->next = NULL;
    request->answer = NULL;
    request->sequence = executor->next_sequence++;
    partition->pending++;
    executor->stats.pending++;
    const char *why = refusal(executor, partition, request, &code, &retriable);
    if (why) {
        ev_answer_fail(partition, request, code, retriable, why);
    } else {
        ev_queue_push(&partition->queue, request);
        if (request->deadline_ms < partition->next_deadline_ms)
            partition->next_deadline_ms = request->deadline_ms;
        ev_partition_mark(partition);
    }
    leave(executor);
}

int64_t ev_executor_tick(struct ev_executor *executor)
{
    int64_t now = ev_clock_monotonic_ms(&executor->options.clock), due = TICK_MAX_MS;
    enter(executor);
    ev_executor_charge(executor);
    for (int32_t i = 0; i < executor->options.partition_count; i++) {
        struct ev_partition *partition = &executor->partitions[i];
        int64_t checkpoint_due = ev_partition_checkpoint_tick(partition, now);
        if (checkpoint_due < due)
            due = checkpoint_due;
        if (partition->owner.state == EV_OWNER_IDLE && partition->pending == 0)
            continue;
        int64_t owner_due = ev_owner_tick(&partition->owner, now);
        ev_partition_drain_tick(partition, now);
        if (partition->draining && partition->drain_deadline_ms - now < due)
            due = partition->drain_deadline_ms - now;
        ev_partition_expire(partition, now);
        if (partition->queue.first || partition->draining)
            ev_partition_mark(partition); /* e.g. the log's queue was full */
        if (owner_due < due)
            due = owner_due;
        if (partition->next_deadline_ms != INT64_MAX && partition->next_deadline_ms - now < due)
            due = partition->next_deadline_ms - now;
    }
    leave(executor);
    return due < 0 ? 0 : due;
}

size_t ev_executor_checkpoint(struct ev_executor *executor, int64_t timeout_ms)
{
    const struct ev_clock *clock = &executor->options.clock;
    int64_t deadline = ev_clock_monotonic_ms(clock) + timeout_ms;
    size_t unwritten = 0;
    enter(executor);
    for (int pass = 0; pass < 2; pass++) { /* the first ends what was begun before, the second takes what came since */
        unwritten = 0;
        for (int32_t i = 0; i < executor->options.partition_count; i++)
            ev_partition_checkpoint_now(&executor->partitions[i], ev_clock_monotonic_ms(clock));
        for (int32_t i = 0; i < executor->options.partition_count; i++)
            unwritten += !ev_partition_checkpoint_wait(&executor->partitions[i], deadline);
    }
    leave(executor);
    return unwritten;
}

size_t ev_executor_pending(const struct ev_executor *executor)
{
    return executor->stats.pending;
}

/* --- figures --- */

void ev_executor_partition_status(const struct ev_executor *executor, int32_t number, struct ev_partition_status *ret)
{
    const struct ev_partition *partition = partition_at(executor, number);
    *ret = (struct ev_partition_status){.state = EV_OWNER_IDLE};
    if (!partition)
        return;
    ret->state = partition->owner.state;
    ret->epoch = partition->owner.ledger.epoch;
    ret->next_offset = partition->owner.next_offset;
    ret->queued = partition->queue.count;
    ret->inflight = ev_flights_count(&partition->flights);
    ret->held = partition->held.count;
    ret->last_error = partition->owner.last_error;
    ret->counts = partition->owner.counts;
    ret->checkpoint_offset = partition->checkpoint.base ? partition->checkpoint.offset : -1;
    ret->checkpoint_age_ms = partition->checkpoint.base
                                 ? ev_clock_monotonic_ms(&executor->options.clock) - partition->checkpoint.taken_ms
                                 : -1;
}

void ev_executor_stats(const struct ev_executor *executor, struct ev_executor_stats *ret)
{
    int64_t now = ev_clock_monotonic_ms(&executor->options.clock);
    *ret = executor->stats;
    ret->checkpoint_age_ms = -1;
    for (int32_t i = 0; i < executor->options.partition_count; i++) {
        const struct ev_partition *partition = &executor->partitions[i];
        ret->streams += partition->streams.count;
        ret->dedup_entries += ev_dedup_count(&partition->dedup);
        ret->state_bytes += partition->streams.bytes + ev_dedup_bytes(&partition->dedup);
        if (partition->checkpoint.base && now - partition->checkpoint.taken_ms > ret->checkpoint_age_ms)
            ret->checkpoint_age_ms = now - partition->checkpoint.taken_ms;
        if (partition->checkpoint.looked)
            ret->checkpoint_lag += partition->owner.last.last_offset + 1 -
                                   (partition->checkpoint.offset > 0 ? partition->checkpoint.offset : 0);
    }
}
