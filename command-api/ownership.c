#include "ownership.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "log/kafka_group.h"

/* A partition's place in one word: three bits, the rest its generation. HERE means assigned and not lost. */
#define BIT_ASSIGNED 1u /* by the group */
#define BIT_SERVING 2u
#define BIT_LOST 4u /* to another writer, since it was assigned */
#define BITS 7u
#define GENERATION 8u

/* Two releases and the leave, and a second for the calls in between. */
#define OWNERSHIP_LEAVE_MAX_MS (2 * EV_KAFKA_GROUP_RELEASE_TIMEOUT_MS + EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS + 1000)

struct ownership_topic {
    _Atomic uint32_t *places; /* by partition */
    int64_t *since_ms; /* by partition, for its loop: when it was assigned and not yet served, or lost; 0: neither */
};

struct ownership {
    struct command_app *app;
    struct ownership_options options;
    struct ownership_topic topics[COMMAND_TOPICS_MAX];
    _Atomic(struct ev_kafka_group *) group;
    size_t joined[COMMAND_TOPICS_MAX]; /* the group's topics, of which it tells by index, are these of ours */
    atomic_uint shards;                /* that have started */
    atomic_uint to_drain;              /* partitions of the revocation at hand that aren't drained yet */
    atomic_bool stopping, left;
    int64_t leave_by_ms; /* the first loop's; 0: not stopping */
    struct ev_metric *hand_over;
};

/* --- places --- */

static bool is_here(uint32_t place)
{
    return (place & (BIT_ASSIGNED | BIT_LOST)) == BIT_ASSIGNED;
}

static _Atomic uint32_t *place_of(const struct command_app *app, size_t topic, int32_t partition)
{
    return &app->ownership->topics[topic].places[partition];
}

static uint32_t place_change(const struct command_app *app, size_t topic, int32_t partition, uint32_t set,
                             uint32_t clear)
{
    _Atomic uint32_t *place = place_of(app, topic, partition);
    uint32_t before = atomic_load(place), after;
    do {
        after = (before & ~clear) | set;
        if (is_here(after) != is_here(before))
            after += GENERATION;
    } while (!atomic_compare_exchange_weak(place, &before, after));
    return after;
}

static size_t index_of(const struct command_app *app, const struct command_topic *topic)
{
    return (size_t)(topic - app->topics);
}

unsigned ownership_loop_of(const struct command_app *app, int32_t partition)
{
    return (unsigned)partition % app->threads;
}

struct ownership_look ownership_look(const struct command_app *app, const struct command_topic *topic,
                                     int32_t partition)
{
    uint32_t place = atomic_load(place_of(app, index_of(app, topic), partition));
    return (struct ownership_look){
        .place = is_here(place) ? OWNERSHIP_HERE : OWNERSHIP_NOT_HERE,
        .serving = is_here(place) && (place & BIT_SERVING),
        .generation = place / GENERATION,
    };
}

static unsigned count_assigned(const struct command_app *app)
{
    unsigned count = 0;
    for (size_t i = 0; i < app->topic_count; i++)
        for (int32_t partition = 0; partition < app->topics[i].partitions; partition++)
            count += atomic_load(place_of(app, i, partition)) & BIT_ASSIGNED;
    return count;
}

void ownership_status(const struct command_app *app, struct ownership_status *ret)
{
    struct ev_kafka_group *group = atomic_load(&app->ownership->group);
    *ret = (struct ownership_status){.assigned = count_assigned(app), .generation = -1};
    for (unsigned i = 0; i < app->threads; i++) {
        const struct shard *shard = atomic_load(&app->shards[i]);
        ret->serving += shard ? atomic_load(&shard->serving) : 0;
    }
    if (!group)
        return;
    struct ev_kafka_group_status status;
    ev_kafka_group_status(group, &status);
    ret->member = status.member;
    ret->generation = status.generation;
    ret->rebalances = status.rebalances;
    if (status.last_error.code != EV_ERR_NONE)
        snprintf(ret->fault, sizeof(ret->fault), "%s", status.last_error.message);
}

bool ownership_is_ready(const struct ownership_status *status)
{
    return status->member && status->serving >= status->assigned;
}

/* --- moves: from the group's thread to a partition's loop --- */

struct move {
    struct ownership *ownership;
    size_t topic;
    int32_t partition;
    bool acquire; /* else drain */
};

static void one_drained(struct ownership *ownership)
{
    struct ev_kafka_group *group = atomic_load(&ownership->group);
    if (atomic_fetch_sub(&ownership->to_drain, 1) == 1 && group)
        ev_kafka_group_released(group);
}

static void do_move(void *context)
{
    struct move *move = context;
    struct ownership *ownership = move->ownership;
    struct shard *shard = shard_current();
    if (shard && move->acquire) {
        ownership->topics[move->topic].since_ms[move->partition] = ev_clock_monotonic_ms(&ev_clock_system);
        ev_executor_acquire(shard->topics[move->topic].executor, move->partition);
    } else if (shard) {
        ev_executor_drain(shard->topics[move->topic].executor, move->partition);
    } else if (!move->acquire) {
        one_drained(ownership); /* the loop is at its end */
    }
    free(move);
}

static void post_move(struct ownership *ownership, const struct ev_kafka_group_partition *which, bool acquire)
{
    const struct command_app *app = ownership->app;
    unsigned loop = ownership_loop_of(app, which->partition);
    struct move *move = ev_memory_new(struct move);
    *move = (struct move){ownership, ownership->joined[which->topic], which->partition, acquire};
    if (atomic_load(&app->shards[loop]))
        http_loop_post(http_server_loop(app->server, loop), do_move, move);
    else
        do_move(move);
}

/* "orderlog.cart/0,3 orderlog.order/1", as far as there is room. */
static void describe(const struct ownership *ownership, const struct ev_kafka_group_partition *which, size_t count,
                     char *ret, size_t size)
{
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        bool same = i > 0 && which[i].topic == which[i - 1].topic;
        int length = same ? snprintf(ret + used, size - used, ",%d", (int)which[i].partition)
                          : snprintf(ret + used, size - used, "%s%s/%d", i > 0 ? " " : "",
                                     ownership->app->topics[ownership->joined[which[i].topic]].full_name,
                                     (int)which[i].partition);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void log_move(const struct ownership *ownership, const char *id, const char *text,
                     const struct ev_kafka_group_partition *which, size_t count)
{
    char list[1024];
    struct ev_kafka_group_status status = {.generation = -1};
    struct ev_kafka_group *group = atomic_load(&ownership->group);
    if (group)
        ev_kafka_group_status(group, &status);
    describe(ownership, which, count, list, sizeof(list));
    ev_log(EV_LOG_INFO, id, text, ev_log_int("count", (int64_t)count), ev_log_cstr("partitions", list),
           ev_log_int("rebalances", status.rebalances));
}

static void on_assigned(void *context, const struct ev_kafka_group_partition *which, size_t count)
{
    struct ownership *ownership = context;
    log_move(ownership, "ownership.assigned", "partitions are this instance's", which, count);
    for (size_t i = 0; i < count; i++) {
        (void)place_change(ownership->app, ownership->joined[which[i].topic], which[i].partition, BIT_ASSIGNED, BITS);
        post_move(ownership, &which[i], true);
    }
}

static void on_revoked(void *context, const struct ev_kafka_group_partition *which, size_t count, bool lost)
{
    struct ownership *ownership = context;
    log_move(ownership, lost ? "ownership.dropped" : "ownership.revoked",
             lost ? "the group has given partitions to others" : "partitions are drained for others", which, count);
    atomic_store(&ownership->to_drain, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++) {
        (void)place_change(ownership->app, ownership->joined[which[i].topic], which[i].partition, 0, BITS);
        post_move(ownership, &which[i], false);
    }
    one_drained(ownership);
}

static void end_leaving(struct ownership *ownership)
{
    if (!atomic_exchange(&ownership->left, true))
        http_server_stop(ownership->app->server);
}

static void on_left(void *context)
{
    struct ownership *ownership = context;
    ev_log(EV_LOG_INFO, "ownership.left", "the group is left");
    end_leaving(ownership);
}

/* --- on the loops --- */

static void stand_by(const struct shard_topic *at, int32_t partition)
{
    const struct ownership *ownership = at->shard->app->ownership;
    if (ownership->options.standby && at->topic->owned && !atomic_load(&ownership->stopping))
        ev_executor_standby(at->executor, partition);
}

void ownership_on_serving(const struct shard_topic *at, int32_t partition)
{
    struct ownership *ownership = at->shard->app->ownership;
    size_t topic = index_of(at->shard->app, at->topic);
    int64_t *since_ms = &ownership->topics[topic].since_ms[partition];
    (void)place_change(at->shard->app, topic, partition, BIT_SERVING, 0);
    if (*since_ms)
        ev_metric_observe_us(ownership->hand_over, (ev_clock_monotonic_ms(&ev_clock_system) - *since_ms) * 1000);
    *since_ms = 0;
}

void ownership_on_lost(const struct shard_topic *at, int32_t partition)
{
    struct ownership *ownership = at->shard->app->ownership;
    size_t topic = index_of(at->shard->app, at->topic);
    (void)place_change(at->shard->app, topic, partition, BIT_LOST, BIT_SERVING);
    ownership->topics[topic].since_ms[partition] = ev_clock_monotonic_ms(&ev_clock_system);
}

void ownership_on_drained(const struct shard_topic *at, int32_t partition)
{
    struct ownership *ownership = at->shard->app->ownership;
    size_t topic = index_of(at->shard->app, at->topic);
    ownership->topics[topic].since_ms[partition] = 0;
    (void)place_change(at->shard->app, topic, partition, 0, BIT_SERVING);
    stand_by(at, partition);
    one_drained(ownership);
}

/* What waits here for a partition that is another's now is handed back, to go there (http/command_dispatch.c). */
static void hand_back_waiting(const struct shard_topic *at, int32_t partition)
{
    struct ev_request *request = ev_executor_withdraw(at->executor, partition);
    while (request) {
        struct ev_request *next = request->next;
        struct ev_result result = {.outcome = EV_OUTCOME_FAILED, .partition = partition, .offset = -1};
        (void)ev_error_set_retriable(&result.error, EV_ERR_FENCED, "the partition is another instance's");
        request->done(request, &result);
        request = next;
    }
}

static void look_at_partition(struct ownership *ownership, const struct shard_topic *at, size_t topic,
                              int32_t partition, int64_t now_ms)
{
    int64_t *since_ms = &ownership->topics[topic].since_ms[partition];
    uint32_t place = atomic_load(place_of(ownership->app, topic, partition));
    struct ev_kafka_group *group = atomic_load(&ownership->group);
    if ((place & BIT_ASSIGNED) && (place & BIT_LOST) && group && now_ms - *since_ms >= OWNERSHIP_LOST_GRACE_MS) {
        *since_ms = now_ms;
        ev_kafka_group_ask_anew(group);
    }
    if (!is_here(place))
        hand_back_waiting(at, partition);
}

/* The group has its deadlines; should it miss them, the process ends all the same. */
static void look_at_leaving(struct ownership *ownership, int64_t now_ms)
{
    if (!atomic_load(&ownership->stopping) || atomic_load(&ownership->left))
        return;
    if (ownership->leave_by_ms == 0)
        ownership->leave_by_ms = now_ms + OWNERSHIP_LEAVE_MAX_MS;
    if (now_ms < ownership->leave_by_ms)
        return;
    ev_log(EV_LOG_ERROR, "ownership.stuck", "the group could not be left in time; others wait for the session's end");
    end_leaving(ownership);
}

void ownership_tick(struct shard *shard, int64_t now_ms)
{
    struct command_app *app = shard->app;
    if (shard->index == 0)
        look_at_leaving(app->ownership, now_ms);
    for (size_t i = 0; i < app->topic_count; i++) {
        for (int32_t partition = 0; partition < app->topics[i].partitions; partition++)
            if (ownership_loop_of(app, partition) == shard->index)
                look_at_partition(app->ownership, &shard->topics[i], i, partition, now_ms);
    }
}

/* --- life --- */

static int join(struct ownership *ownership, struct ev_error *error)
{
    const struct command_app *app = ownership->app;
    const char *topics[COMMAND_TOPICS_MAX];
    char name[EV_TOPIC_NAME_MAX + 1];
    struct ev_kafka_group *group;
    int result = ev_topic_full_name(&app->kafka, "command-api", name, error);
    if (result < 0)
        return result;
    size_t count = 0;
    for (size_t i = 0; i < app->topic_count; i++) {
        if (!app->topics[i].owned)
            continue;
        topics[count] = app->topics[i].full_name;
        ownership->joined[count++] = i;
    }
    struct ev_kafka_group_options options = {
        .kafka = app->kafka,
        .name = name,
        .topics = topics,
        .topic_count = count,
        .session_ms = ownership->options.session_ms,
        .events = {.assigned = on_assigned, .revoked = on_revoked, .left = on_left, .context = ownership},
    };
    result = ev_kafka_group_join(&options, &group, error);
    if (result < 0)
        return result;
    atomic_store(&ownership->group, group);
    if (atomic_load(&ownership->stopping))
        ev_kafka_group_leave(group);
    return 0;
}

int ownership_shard_started(struct shard *shard, struct ev_error *error)
{
    struct command_app *app = shard->app;
    struct ownership *ownership = app->ownership;
    for (size_t i = 0; i < app->topic_count; i++) {
        for (int32_t partition = 0; partition < app->topics[i].partitions; partition++)
            if (ownership_loop_of(app, partition) == shard->index)
                stand_by(&shard->topics[i], partition);
    }
    if (atomic_fetch_add(&ownership->shards, 1) + 1 < app->threads || atomic_load(&ownership->stopping))
        return 0;
    return join(ownership, error);
}

bool ownership_stop(struct command_app *app)
{
    struct ownership *ownership = app->ownership;
    if (!ownership || atomic_exchange(&ownership->stopping, true))
        return false; /* the second time: at once */
    struct ev_kafka_group *group = atomic_load(&ownership->group);
    if (group)
        ev_kafka_group_leave(group);
    return group != NULL;
}

bool ownership_has_left(const struct command_app *app)
{
    return atomic_load(&app->ownership->left);
}

void ownership_init(struct command_app *app, const struct ownership_options *options)
{
    struct ownership *ownership = ev_memory_new(struct ownership);
    ownership->app = app;
    ownership->options = *options;
    ownership->hand_over = ev_metrics_histogram(app->metrics, "orderlog_ownership_hand_over_seconds", "",
                                                "From a partition's assignment until it is served.");
    for (size_t i = 0; i < app->topic_count; i++) {
        size_t partitions = (size_t)app->topics[i].partitions;
        ownership->topics[i].places = ev_memory_alloc_array(partitions, sizeof(*ownership->topics[i].places));
        ownership->topics[i].since_ms = ev_memory_alloc_array(partitions, sizeof(*ownership->topics[i].since_ms));
    }
    app->ownership = ownership;
}

void ownership_end(struct command_app *app)
{
    if (app->ownership)
        ev_kafka_group_destroy(atomic_exchange(&app->ownership->group, NULL));
}

void ownership_finish(struct command_app *app)
{
    struct ownership *ownership = app->ownership;
    if (!ownership)
        return;
    ownership_end(app);
    for (size_t i = 0; i < app->topic_count; i++) {
        free((void *)ownership->topics[i].places);
        free(ownership->topics[i].since_ms);
    }
    free(ownership);
    app->ownership = NULL;
}
