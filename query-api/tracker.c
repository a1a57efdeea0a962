#include "tracker.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"

/* Next offsets, by partition. */
struct tracker_floor {
    bool any;                              /* below the floor, as far as is known */
    int64_t until_ms;                      /* monotonic: when it counts no more */
    int64_t floor[TRACKER_PARTITIONS_MAX]; /* what this instance has shown of earlier generations */
    int64_t shown[TRACKER_PARTITIONS_MAX]; /* of the one that it serves */
};

struct tracker {
    struct tracker_source source;
    struct store_state *state;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct tracker_table table; /* what this instance serves */
    struct tracker_floor floors[QUERY_VIEWS];
    struct tracker_waiter *waiters;
    size_t waiter_count;
    bool urgent; /* a waiter came: poll at once */
    bool looked; /* at least once */
    bool stop_waits, stop;
    pthread_cond_t first_look;
};

static int64_t tracker_now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

/* --- what is known --- */

/* How many offsets of the position's partition the view hasn't reflected yet. */
static int64_t tracker_position_missing(const struct tracker_checkpoint *partitions, size_t partition_count,
                                        const struct ev_position *position)
{
    int64_t next = 0;
    if (position->offset < 0)
        return 0;
    if (position->partition >= 0 && (size_t)position->partition < partition_count &&
        partitions[position->partition].present)
        next = partitions[position->partition].next_offset;
    if (position->offset < next)
        return 0;
    int64_t behind = position->offset - next;
    return behind == INT64_MAX ? behind : behind + 1;
}

static int64_t tracker_positions_missing(const struct tracker_checkpoint *partitions, size_t partition_count,
                                         enum query_view_id view, const struct ev_position *positions, size_t count)
{
    int64_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ev_str_equal(positions[i].topic, ev_str_of(query_views[view].topic)))
            continue;
        int64_t more = tracker_position_missing(partitions, partition_count, &positions[i]);
        missing = more > INT64_MAX - missing ? INT64_MAX : missing + more;
    }
    return missing;
}

static bool tracker_is_below_floor(const struct tracker_view *view, const struct tracker_floor *floor)
{
    bool counts = floor->any && tracker_now_ms() < floor->until_ms;
    for (size_t i = 0; counts && i < TRACKER_PARTITIONS_MAX; i++) {
        bool known = i < view->partition_count && view->partitions[i].present;
        if (floor->floor[i] > (known ? view->partitions[i].next_offset : 0))
            return true;
    }
    return false;
}

static bool tracker_reflects(const struct tracker *tracker, const struct tracker_waiter *waiter)
{
    const struct tracker_view *view = &tracker->table.views[waiter->view];
    if (tracker_is_below_floor(view, &tracker->floors[waiter->view]))
        return false;
    return tracker_positions_missing(view->partitions, view->partition_count, waiter->view, waiter->positions,
                                     waiter->position_count) == 0;
}

static void tracker_want(struct tracker *tracker, const struct tracker_waiter *waiter)
{
    struct tracker_view *view = &tracker->table.views[waiter->view];
    for (size_t i = 0; i < waiter->position_count; i++) {
        int32_t partition = waiter->positions[i].partition;
        if (ev_str_equal(waiter->positions[i].topic, ev_str_of(query_views[waiter->view].topic)) && partition >= 0 &&
            partition < TRACKER_PARTITIONS_MAX && (size_t)partition >= view->wanted_count)
            view->wanted_count = (size_t)partition + 1;
    }
}

void tracker_note_parked(struct tracker_parked *parked, struct ev_str key, int64_t partition, int64_t at_ms)
{
    if (!ev_str_starts_with(key, EV_STR("#partition ")))
        parked->documents++;
    else if (partition >= 0 && partition < TRACKER_PARTITIONS_MAX)
        parked->stopped_at_ms[partition] = at_ms > 0 ? at_ms : 1;
}

/* --- waiters; the lock is held --- */

static void tracker_send_on(struct tracker *tracker, struct tracker_waiter **at, enum tracker_outcome outcome)
{
    struct tracker_waiter *waiter = *at;
    *at = waiter->next;
    tracker->waiter_count--;
    waiter->outcome = outcome;
    /* The last touch: the loop may free the waiter before this returns. */
    http_loop_post(waiter->loop, waiter->done, waiter->context);
}

static void tracker_resolve(struct tracker *tracker, bool away)
{
    int64_t now = tracker_now_ms();
    struct tracker_waiter **at = &tracker->waiters;
    while (*at) {
        if (tracker->stop_waits)
            tracker_send_on(tracker, at, TRACKER_STOPPING);
        else if (tracker_reflects(tracker, *at))
            tracker_send_on(tracker, at, TRACKER_REFLECTED);
        else if (away)
            tracker_send_on(tracker, at, TRACKER_AWAY);
        else if (now >= (*at)->deadline_ms)
            tracker_send_on(tracker, at, TRACKER_BEHIND);
        else
            at = &(*at)->next;
    }
}

enum tracker_outcome tracker_wait(struct tracker *tracker, struct tracker_waiter *waiter)
{
    char detail[256];
    enum tracker_outcome outcome = TRACKER_WAITING;
    pthread_mutex_lock(&tracker->lock);
    if (tracker_reflects(tracker, waiter)) {
        outcome = TRACKER_REFLECTED;
    } else if (tracker->stop_waits) {
        outcome = TRACKER_STOPPING;
    } else if (!store_state_check(tracker->state, detail)) {
        outcome = TRACKER_AWAY;
    } else if (tracker->waiter_count == TRACKER_WAITERS_MAX) {
        outcome = TRACKER_FULL;
    } else {
        tracker_want(tracker, waiter);
        waiter->next = tracker->waiters;
        tracker->waiters = waiter;
        tracker->waiter_count++;
        tracker->urgent = true;
        pthread_cond_signal(&tracker->wake);
    }
    pthread_mutex_unlock(&tracker->lock);
    return outcome;
}

void tracker_stop_waits(struct tracker *tracker)
{
    if (!tracker)
        return;
    pthread_mutex_lock(&tracker->lock);
    tracker->stop_waits = true;
    tracker_resolve(tracker, false);
    pthread_mutex_unlock(&tracker->lock);
}

/* --- the thread --- */

static bool tracker_differs(const struct tracker_view *served, const struct tracker_view *live)
{
    return served->version != live->version || served->generation != live->generation ||
           strcmp(served->identity, live->identity) != 0;
}

/* Another generation may take the place of the one served when a reader couldn't tell. One that was made anew, or that
 * the store has no longer, leaves no choice. */
static bool tracker_may_switch(const struct tracker_view *served, const struct tracker_view *live)
{
    if (served->version == 0 || live->version == 0 || strcmp(served->target, live->target) == 0)
        return true;
    for (size_t i = 0; i < served->partition_count; i++) {
        const struct tracker_checkpoint *before = &served->partitions[i];
        if (before->present && (i >= live->partition_count || !live->partitions[i].present ||
                                live->partitions[i].next_offset < before->next_offset))
            return false;
    }
    return true;
}

/* The lock is held. */
static void tracker_raise_floor(struct tracker *tracker, size_t id, const struct tracker_view *served)
{
    struct tracker_floor *floor = &tracker->floors[id];
    for (size_t i = 0; i < TRACKER_PARTITIONS_MAX; i++) {
        int64_t next =
            i < served->partition_count && served->partitions[i].present ? served->partitions[i].next_offset : 0;
        next = floor->shown[i] > next ? floor->shown[i] : next;
        floor->floor[i] = next > floor->floor[i] ? next : floor->floor[i];
        floor->shown[i] = 0;
        floor->any = floor->any || floor->floor[i] > 0;
    }
    floor->until_ms = tracker_now_ms() + TRACKER_FLOOR_MS;
}

/* The lock is held; `served` is about to become the table. */
static void tracker_switch(struct tracker *tracker, size_t id, struct tracker_view *served,
                           const struct tracker_view *live)
{
    if (served->version > 0 && live->version > 0 && strcmp(served->target, live->target) != 0)
        tracker_raise_floor(tracker, id, served);
    else
        tracker->floors[id] = (struct tracker_floor){0};
    if (served->version != live->version || served->generation != live->generation)
        ev_log(EV_LOG_INFO, "view.live", "another generation of the view is served",
               ev_log_cstr("store", query_store_name(tracker->state->store)), ev_log_cstr("view", query_views[id].name),
               ev_log_int("before", served->version), ev_log_int("now", live->version),
               ev_log_int("generation", live->generation));
    *served = *live;
}

/* The lock is held. */
static void tracker_take(struct tracker *tracker, struct tracker_table *served, const struct tracker_table *live)
{
    for (size_t i = 0; i < QUERY_VIEWS; i++) {
        if (tracker_differs(&served->views[i], &live->views[i]) &&
            tracker_may_switch(&served->views[i], &live->views[i]))
            tracker_switch(tracker, i, &served->views[i], &live->views[i]);
        served->views[i].wanted_count = tracker->table.views[i].wanted_count;
        tracker->floors[i].any = tracker_is_below_floor(&served->views[i], &tracker->floors[i]);
    }
    tracker->table = *served;
}

/* The tables of the thread: what it serves, and what the store says is live. */
struct tracker_scratch {
    struct tracker_table served, live;
};

static int tracker_read(struct tracker *tracker, struct tracker_scratch *scratch, bool all, struct ev_error *error)
{
    const struct tracker_source *source = &tracker->source;
    bool differ = false;
    if (all)
        scratch->live = scratch->served;
    int fault = all ? source->read_versions(source->context, &scratch->live, error) : 0;
    if (!fault)
        fault = source->read_checkpoints(source->context, all, &scratch->served, error);
    /* What is parked changes seldom, and single documents say so themselves. */
    if (!fault && all)
        fault = source->read_parked(source->context, &scratch->served, error);
    for (size_t i = 0; i < QUERY_VIEWS; i++)
        differ = differ || tracker_differs(&scratch->served.views[i], &scratch->live.views[i]);
    /* After the others: what these reflect may only be more. */
    if (!fault && differ)
        fault = source->read_checkpoints(source->context, true, &scratch->live, error);
    if (!fault && differ)
        fault = source->read_parked(source->context, &scratch->live, error);
    return fault;
}

/* One look at the store. */
static void tracker_poll(struct tracker *tracker, struct tracker_scratch *scratch, int64_t *versions_at)
{
    struct ev_error error = {0};
    bool all = tracker_now_ms() >= *versions_at;
    pthread_mutex_lock(&tracker->lock);
    scratch->served = tracker->table;
    pthread_mutex_unlock(&tracker->lock);
    int fault = tracker_read(tracker, scratch, all, &error);
    if (fault)
        store_state_set_away(tracker->state, error.message);
    else
        store_state_set_back(tracker->state);
    *versions_at = fault ? 0 : all ? tracker_now_ms() + TRACKER_VERSIONS_MS : *versions_at;

    pthread_mutex_lock(&tracker->lock);
    if (!fault)
        tracker_take(tracker, &scratch->served, &scratch->live);
    tracker_resolve(tracker, fault != 0);
    tracker->looked = true;
    pthread_cond_broadcast(&tracker->first_look);
    pthread_mutex_unlock(&tracker->lock);
}

static struct timespec tracker_deadline(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return until;
}

void tracker_await_first_look(struct tracker *tracker, int64_t timeout_ms)
{
    struct timespec until = tracker_deadline(timeout_ms);
    pthread_mutex_lock(&tracker->lock);
    while (!tracker->looked)
        if (pthread_cond_timedwait(&tracker->first_look, &tracker->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&tracker->lock);
}

static void tracker_sleep(struct tracker *tracker)
{
    struct timespec until = tracker_deadline(tracker->waiter_count > 0 ? tracker->source.busy_ms : TRACKER_IDLE_MS);
    while (!tracker->urgent && !tracker->stop)
        if (pthread_cond_timedwait(&tracker->wake, &tracker->lock, &until) == ETIMEDOUT)
            break;
}

static void *tracker_run(void *context)
{
    struct tracker *tracker = context;
    struct tracker_scratch *scratch = ev_memory_new(struct tracker_scratch);
    int64_t versions_at = 0;
    for (;;) {
        tracker_poll(tracker, scratch, &versions_at);
        pthread_mutex_lock(&tracker->lock);
        tracker_sleep(tracker);
        tracker->urgent = false;
        bool stop = tracker->stop;
        pthread_mutex_unlock(&tracker->lock);
        if (stop)
            break;
    }
    ev_memory_free_at(&scratch);
    return NULL;
}

int tracker_create(const struct tracker_source *source, struct store_state *state, struct tracker **ret,
                   struct ev_error *error)
{
    struct tracker *tracker = ev_memory_new(struct tracker);
    pthread_condattr_t attributes;
    tracker->source = *source;
    tracker->state = state;
    pthread_mutex_init(&tracker->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&tracker->wake, &attributes);
    pthread_cond_init(&tracker->first_look, &attributes);
    pthread_condattr_destroy(&attributes);
    int fault = pthread_create(&tracker->thread, NULL, tracker_run, tracker);
    if (fault) {
        pthread_cond_destroy(&tracker->first_look);
        pthread_cond_destroy(&tracker->wake);
        pthread_mutex_destroy(&tracker->lock);
        ev_memory_free_at(&tracker);
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for the tracker: %s", strerror(fault));
    }
    *ret = tracker;
    return 0;
}

void tracker_destroy(struct tracker *tracker)
{
    if (!tracker)
        return;
    tracker_stop_waits(tracker);
    pthread_mutex_lock(&tracker->lock);
    tracker->stop = true;
    pthread_cond_signal(&tracker->wake);
    pthread_mutex_unlock(&tracker->lock);
    pthread_join(tracker->thread, NULL);
    pthread_cond_destroy(&tracker->first_look);
    pthread_cond_destroy(&tracker->wake);
    pthread_mutex_destroy(&tracker->lock);
    ev_memory_free_at(&tracker);
}

/* --- snapshots --- */

void tracker_snapshot(struct tracker *tracker, enum query_view_id view, struct tracker_snapshot *ret)
{
    pthread_mutex_lock(&tracker->lock);
    const struct tracker_view *from = &tracker->table.views[view];
    ret->version = from->version;
    ret->generation = from->generation;
    memcpy(ret->target, from->target, sizeof(ret->target));
    ret->partition_count = from->partition_count;
    memcpy(ret->partitions, from->partitions, from->partition_count * sizeof(from->partitions[0]));
    ret->parked = from->parked;
    pthread_mutex_unlock(&tracker->lock);
}

bool tracker_has_floor(struct tracker *tracker, enum query_view_id view)
{
    pthread_mutex_lock(&tracker->lock);
    bool any = tracker->floors[view].any;
    pthread_mutex_unlock(&tracker->lock);
    return any;
}

void tracker_note_shown(struct tracker *tracker, enum query_view_id view, const struct tracker_snapshot *snapshot,
                        int32_t partition, int64_t offset)
{
    if (partition < 0 || partition >= TRACKER_PARTITIONS_MAX)
        return;
    pthread_mutex_lock(&tracker->lock);
    struct tracker_floor *floor = &tracker->floors[view];
    bool served = strcmp(tracker->table.views[view].target, snapshot->target) == 0;
    int64_t *next = served ? &floor->shown[partition] : &floor->floor[partition];
    if (*next < offset + 1) {
        *next = offset + 1;
        floor->any = floor->any || !served;
    }
    pthread_mutex_unlock(&tracker->lock);
}

bool tracker_snapshot_positions(const struct tracker_snapshot *snapshot, enum query_view_id view,
                                struct ev_position ret[EV_POSITIONS_MAX], size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        if (!snapshot->partitions[i].present)
            continue;
        if (count == EV_POSITIONS_MAX)
            return false;
        ret[count++] = (struct ev_position){.topic = ev_str_of(query_views[view].topic),
                                            .partition = (int32_t)i,
                                            .offset = snapshot->partitions[i].next_offset - 1};
    }
    *ret_count = count;
    return true;
}

int64_t tracker_snapshot_stopped_at_ms(const struct tracker_snapshot *snapshot, int32_t partition)
{
    int64_t first = 0;
    for (int32_t i = 0; i < TRACKER_PARTITIONS_MAX; i++) {
        int64_t at_ms = partition < 0 || partition == i ? snapshot->parked.stopped_at_ms[i] : 0;
        if (at_ms > 0 && (first == 0 || at_ms < first))
            first = at_ms;
    }
    return first;
}

int64_t tracker_snapshot_lag_ms(const struct tracker_snapshot *snapshot)
{
    int64_t lag = 0;
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct tracker_checkpoint *checkpoint = &snapshot->partitions[i];
        if (checkpoint->present && checkpoint->log_time_ms > 0 &&
            checkpoint->updated_at_ms - checkpoint->log_time_ms > lag)
            lag = checkpoint->updated_at_ms - checkpoint->log_time_ms;
    }
    return lag;
}

int64_t tracker_snapshot_missing(const struct tracker_snapshot *snapshot, enum query_view_id view,
                                 const struct ev_position *positions, size_t count)
{
    return tracker_positions_missing(snapshot->partitions, snapshot->partition_count, view, positions, count);
}
