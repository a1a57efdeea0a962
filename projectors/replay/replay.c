#include "replay/replay.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "fold/projection.h"
#include "replay/build.h"
#include "replay/load_end.h"
#include "replay/prove.h"

#define STEP_MS 10 /* in which nothing comes: then the end may have been reached */

static const char *const phase_texts[] = {
#define X(name, text) text,
    REPLAY_PHASES(X)
#undef X
};
/* Where each phase begins in the whole, in permille. */
static const int phase_begins[] = {0, 20, 500, 560, 780, 980, 1000, 1000};

const char *replay_phase_text(enum replay_phase phase)
{
    return phase_texts[phase];
}

const struct generation_store *replay_generations(enum choice_store store)
{
    switch (store) {
    case CHOICE_MONGODB:
        return &mongo_generations;
    case CHOICE_ELASTICSEARCH:
        return &elasticsearch_generations;
    }
    return NULL;
}

struct replay {
    const struct replay_options *options;
    const struct generation_store *store;
    struct ev_sink *sink; /* of the generation that is built */
    struct ev_sink *live; /* of the live one; only read. While a load ends, its thread's */
    struct replay_build build;
    struct replay_skips skips; /* of the live one, as they were at the start */
    struct replay_result *result;
    bool created;
    int64_t began_ms, heartbeat_ms, told_ms; /* monotonic */
    int64_t *ends;
    int64_t end_total;
    struct replay_progress progress;
};

static int64_t now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

/* --- who builds, and how the others know that it is alive --- */

/* Host, process, and what tells the process from one of another boot or container that has the same number. */
static void owner_name(char ret[GENERATION_OWNER_MAX])
{
    char host[48] = "", space[32] = "";
    gethostname(host, sizeof(host) - 1);
    ssize_t length = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
    space[length > 0 ? length : 0] = '\0';
    snprintf(ret, GENERATION_OWNER_MAX, "%s %s %d", host, space, (int)getpid());
}

/* A process of this machine that is no more. One of another machine is known by its silence alone. */
static bool owner_is_dead(const char *owner)
{
    char own[GENERATION_OWNER_MAX];
    int64_t pid;
    owner_name(own);
    const char *own_pid = strrchr(own, ' '), *other_pid = strrchr(owner, ' ');
    if (!other_pid || own_pid - own != other_pid - owner || memcmp(own, owner, (size_t)(own_pid - own)) != 0 ||
        !ev_str_to_int64(ev_str_of(other_pid + 1), &pid) || pid <= 0 || pid > INT32_MAX)
        return false;
    return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static bool is_left_over(const struct generation *generation)
{
    int64_t now = ev_clock_wall_ms(&ev_clock_system);
    if (generation->live)
        return false;
    if (generation->state == GENERATION_READY) /* its replay died before it could make it live */
        return generation->retired_at_ms == 0 && generation->owner[0] &&
               (owner_is_dead(generation->owner) || now - generation->heartbeat_ms > GENERATION_LEASE_MS);
    return owner_is_dead(generation->owner) || generation_is_left_over(generation, now);
}

static int beat(struct replay *replay, struct ev_error *error)
{
    if (now_ms() - replay->heartbeat_ms < GENERATION_HEARTBEAT_MS)
        return 0;
    replay->heartbeat_ms = now_ms();
    replay->build.generation.heartbeat_ms = ev_clock_wall_ms(&ev_clock_system);
    int r = replay->store->save(replay->sink, &replay->build.generation, error);
    return r < 0 && r != EV_ERR_NOT_FOUND && error->retriable ? 0 : r; /* the next one may do */
}

/* --- progress --- */

static int64_t resident_bytes(void)
{
    long pages = 0, ignored = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    int got = fscanf(file, "%ld %ld", &ignored, &pages);
    fclose(file);
    return got == 2 ? (int64_t)pages * sysconf(_SC_PAGESIZE) : 0;
}

static void tell(struct replay *replay)
{
    struct replay_progress *progress = &replay->progress;
    int begin = phase_begins[progress->phase], end = phase_begins[progress->phase + 1];
    int64_t total = progress->records_total > 0 ? progress->records_total : 1;
    int64_t done = progress->records < total ? progress->records : total;
    progress->course_permille = begin + (int)((end - begin) * done / total);
    progress->memory_bytes = resident_bytes();
    int64_t peak = replay->result->total.memory_bytes;
    replay->result->total = *progress;
    replay->result->total.memory_bytes = peak > progress->memory_bytes ? peak : progress->memory_bytes;
    replay->told_ms = now_ms();
    if (replay->options->progress)
        replay->options->progress(replay->options->context, progress);
}

static void enter(struct replay *replay, enum replay_phase phase, int64_t records_total)
{
    replay->progress.phase = phase;
    replay->progress.records = 0;
    replay->progress.records_total = records_total;
    tell(replay);
}

static int go_on(struct replay *replay, struct ev_error *error)
{
    const struct replay_options *options = replay->options;
    tell(replay);
    if (options->should_stop && options->should_stop(options->context))
        return ev_error_set(error, EV_ERR_TIMEOUT, "interrupted");
    return beat(replay, error);
}

int replay_wait(void *context, int64_t records, int64_t ms, struct ev_error *error)
{
    struct replay *replay = context;
    int64_t until = now_ms() + ms;
    replay->progress.records = records;
    int r = ms > 0 || now_ms() - replay->told_ms >= REPLAY_PROGRESS_MS ? go_on(replay, error) : 0;
    while (r >= 0 && now_ms() < until) {
        int64_t left = until - now_ms() < REPLAY_PROGRESS_MS ? until - now_ms() : REPLAY_PROGRESS_MS;
        nanosleep(&(struct timespec){.tv_nsec = left * 1000000}, NULL);
        r = go_on(replay, error);
    }
    return r;
}

/* --- prepare --- */

int replay_sweep(struct ev_sink *sink, enum choice_store store, const char *view, int64_t older_than_ms,
                 struct ev_error *error)
{
    const struct generation_store *generations = replay_generations(store);
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    _cleanup_free_ void *owned = all;
    size_t count;
    int dropped = 0, r = generations->list(sink, view, all, &count, error);
    int64_t now = ev_clock_wall_ms(&ev_clock_system);
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct generation *each = &all[i];
        bool old = older_than_ms >= 0 && !each->live && each->retired_at_ms > 0 &&
                   now - each->retired_at_ms > older_than_ms && each->state == GENERATION_READY;
        if (old) {
            /* Projectors leave it when they see this; what they write until then would make it anew. */
            each->state = GENERATION_DROPPING;
            each->heartbeat_ms = now;
            r = generations->save(sink, each, error);
        } else if (is_left_over(each)) {
            r = generations->drop(sink, each, error);
            dropped += r >= 0;
        }
    }
    return r < 0 ? r : dropped;
}

/* Above what dead replays left, before that is swept: whoever else drops it just now must not hit the new one. */
static int look_at_numbers(struct replay *replay, struct ev_error *error)
{
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    _cleanup_free_ void *owned = all;
    struct generation *own = &replay->build.generation;
    size_t count;
    int r = replay->store->list(replay->sink, replay->options->view->name, all, &count, error);
    own->number = 1;
    for (size_t i = 0; i < count && r >= 0; i++)
        if (all[i].version == replay->options->view->version)
            own->number = all[i].number + 1;
    return r;
}

static int choose_number(struct replay *replay, struct ev_error *error)
{
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    _cleanup_free_ void *owned = all;
    const struct ev_view *view = replay->options->view;
    struct generation *own = &replay->build.generation;
    size_t count;
    int r = replay->store->list(replay->sink, view->name, all, &count, error);
    if (r < 0)
        return r;
    const struct generation *live = generations_live(all, count);
    if (!live)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "view %s isn't in %s yet: start the projectors", view->name,
                            replay->sink->name);
    replay->result->before = *live;
    for (size_t i = 0; i < count; i++) {
        if (all[i].state == GENERATION_BUILDING && is_left_over(&all[i]))
            continue; /* somebody sweeps it just now */
        if (all[i].state == GENERATION_BUILDING)
            return ev_error_set_retriable(error, EV_ERR_CONFLICT, "another replay of view %s in %s is at work: %s",
                                          view->name, replay->sink->name, all[i].owner);
        if (all[i].version == view->version && all[i].number >= own->number)
            own->number = all[i].number + 1;
    }
    if (count >= GENERATIONS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT,
                            "view %s has %zu generations in %s; drop old ones: orderlog views "
                            "--drop-old",
                            view->name, count, replay->sink->name);
    return 0;
}

/* How much there is to read. */
static int find_ends(struct replay *replay, struct ev_error *error)
{
    const struct ev_view *view = replay->options->view;
    struct ev_reader *reader = NULL;
    int r = replay_make_reader(replay->options, view, &reader, error);
    if (r >= 0)
        r = ev_reader_describe(reader, REPLAY_BROKER_TIMEOUT_MS, &replay->build.partition_count, replay->build.topic_id,
                               error);
    if (r >= 0 && replay->build.partition_count > EV_PROJECTION_PARTITIONS_MAX)
        r = ev_error_set(error, EV_ERR_LIMIT, "topic %s has more than %d partitions", view->topic->name,
                         EV_PROJECTION_PARTITIONS_MAX);
    replay->ends = ev_memory_alloc_array(EV_PROJECTION_PARTITIONS_MAX, sizeof(*replay->ends));
    for (int32_t i = 0; r >= 0 && i < replay->build.partition_count; i++) {
        int64_t first;
        r = ev_reader_bounds(reader, i, REPLAY_BROKER_TIMEOUT_MS, &first, &replay->ends[i], error);
        if (r >= 0 && first > 0)
            r = ev_error_set(error, EV_ERR_CONFLICT,
                             "topic %s, partition %d begins at offset %lld: its first events "
                             "are gone, so the view can't be built",
                             view->topic->name, (int)i, (long long)first);
        replay->end_total += r >= 0 ? replay->ends[i] : 0;
    }
    replay->build.ends = replay->ends;
    ev_reader_destroy(reader);
    return r;
}

static bool takes_skips_over(const struct replay *replay)
{
    return !replay->options->forget_skipped && replay->result->before.version == replay->options->view->version;
}

static int take_skips_over(struct replay *replay, struct ev_error *error)
{
    const struct ev_view *view = replay->options->view;
    replay->build.skips = &replay->skips;
    if (!takes_skips_over(replay))
        return 0;
    replay->live->fingerprint = NULL; /* another fold may have made it: its documents aren't read here */
    int r = replay->live->prepare(replay->live, view, error);
    if (r >= 0)
        r = replay_skips_read(replay->live, view, replay->build.topic_id, &replay->skips, error);
    if (r >= 0)
        r = replay->sink->prepare(replay->sink, view, error);
    if (r >= 0)
        r = replay_skips_save(&replay->skips, replay->sink, view, error);
    replay->result->skipped = (int64_t)replay->skips.entries.count;
    return r;
}

static int prepare(struct replay *replay, struct ev_error *error)
{
    const struct replay_options *options = replay->options;
    struct generation *own = &replay->build.generation;
    replay->store = replay_generations(options->store);
    int r = replay_make_sink(options, 1, &replay->sink, error); /* the number is settled below */
    if (r >= 0)
        r = replay_make_sink(options, 0, &replay->live, error);
    if (r >= 0)
        r = look_at_numbers(replay, error);
    if (r >= 0)
        r = replay_sweep(replay->sink, options->store, options->view->name, -1, error);
    if (r >= 0)
        r = find_ends(replay, error);
    if (r >= 0)
        r = choose_number(replay, error);
    if (r < 0)
        return r;
    snprintf(own->view, sizeof(own->view), "%s", options->view->name);
    snprintf(own->fingerprint, sizeof(own->fingerprint), "%s", options->fingerprint ? options->fingerprint : "");
    owner_name(own->owner);
    own->version = options->view->version;
    own->created_at_ms = own->heartbeat_ms = ev_clock_wall_ms(&ev_clock_system);
    replay->sink->generation = own->number;
    replay->heartbeat_ms = now_ms();
    r = replay->store->create(replay->sink, own, error);
    replay->created = r != EV_ERR_CONFLICT;
    return r < 0 ? r : take_skips_over(replay, error);
}

/* --- fold --- */

static int fold_goes_on(void *context, struct ev_error *error)
{
    struct replay *replay = context;
    struct replay_build *build = &replay->build;
    replay->progress.records = atomic_load(&build->records);
    replay->progress.events = atomic_load(&build->events);
    replay->progress.documents = atomic_load(&build->documents);
    replay->progress.spilled = atomic_load(&build->spilled);
    return go_on(replay, error);
}

static int fold(struct replay *replay, struct ev_error *error)
{
    int64_t since = now_ms();
    enter(replay, REPLAY_FOLD, replay->end_total);
    int r = replay_build_run(&replay->build, replay->sink, fold_goes_on, replay, error);
    replay->result->fold_ms = now_ms() - since;
    if (r >= 0)
        r = fold_goes_on(replay, error);
    return r < 0 ? r
                 : replay_load_end(replay->store, replay->live, &replay->build.generation, REPLAY_PROGRESS_MS,
                                   fold_goes_on, replay, error);
}

/* --- catch up --- */

static int64_t lag_of(const struct ev_projection_status *status)
{
    int64_t lag = 0;
    for (int32_t i = 0; i < status->partition_count; i++) {
        const struct ev_partition_status *partition = &status->partitions[i];
        if (!partition->stopped && partition->end > partition->position)
            lag += partition->end - partition->position;
    }
    return lag;
}

static int catch_up_steps(struct replay *replay, struct ev_projection *projection, struct ev_error *error)
{
    struct ev_projection_status *status = ev_memory_new(struct ev_projection_status);
    _cleanup_free_ void *owned = status;
    int64_t best = INT64_MAX, moved_ms = now_ms();
    for (;;) {
        int r = ev_projection_step(projection, STEP_MS, error);
        if (r < 0 && !error->retriable)
            return r;
        struct ev_error last = *error;
        ev_projection_status(projection, status);
        int64_t lag = lag_of(status);
        if (lag < best) {
            best = lag;
            moved_ms = now_ms();
        }
        if (r >= 0 && status->state == EV_PROJECTION_LIVE && lag <= REPLAY_LAG_MAX)
            return 0;
        if (now_ms() - moved_ms > REPLAY_STALL_MS)
            return ev_error_set(error, EV_ERR_TIMEOUT, "%lld records behind, and it gets no nearer: %s", (long long)lag,
                                last.message);
        r = r < 0 ? replay_wait(replay, 0, ev_projection_pause_ms(projection), error) : go_on(replay, error);
        if (r < 0)
            return r;
    }
}

static int catch_up(struct replay *replay, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    int64_t since = now_ms();
    enter(replay, REPLAY_CATCH_UP, 1);
    int r = replay_make_reader(replay->options, replay->options->view, &reader, error);
    if (r < 0)
        return r;
    const struct ev_projection_options options = {
        .view = replay->options->view,
        .source = ev_commit_source_of_reader(reader),
        .sink = replay->sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
    };
    struct ev_projection *projection = ev_projection_create(&options);
    r = catch_up_steps(replay, projection, error);
    struct ev_error fault;
    int stopped = ev_projection_stop(projection, r < 0 ? &fault : error);
    ev_projection_destroy(projection);
    ev_reader_destroy(reader);
    replay->result->catch_up_ms = now_ms() - since;
    return r < 0 ? r : stopped;
}

/* --- prove, compare --- */

/* 1: it is what the log says. */
static int prove(struct replay *replay, struct ev_error *error)
{
    struct replay_differences *proof = &replay->result->proof;
    int64_t since = now_ms();
    enter(replay, REPLAY_PROVE, replay->end_total);
    int r = replay_compare(replay->options, replay->sink, proof, replay, error);
    replay->result->prove_ms = now_ms() - since;
    if (r < 0 || proof->different == 0)
        return r < 0 ? r : 1;
    replay->result->outcome = REPLAY_DISPROVED;
    return 0;
}

/* 1: nobody has to accept anything, or has done so. A new version is another view: raising it was the acceptance. */
static int compare(struct replay *replay, struct ev_error *error)
{
    const struct replay_options *options = replay->options;
    const struct generation *before = &replay->result->before;
    struct replay_differences *change = &replay->result->change;
    if (before->version != options->view->version)
        return 1;
    enter(replay, REPLAY_COMPARE, replay->end_total);
    replay->live->fingerprint = NULL; /* that it may be another fold's is what this is about */
    int r = replay_compare(options, replay->live, change, replay, error);
    bool stopped = r < 0 && options->should_stop && options->should_stop(options->context);
    if (options->accept && !stopped)
        return 1; /* also where the live one can't even be compared: that may be why it is replaced */
    if (r < 0 || change->different == 0)
        return r < 0 ? r : 1;
    replay->result->outcome = REPLAY_REFUSED;
    return 0;
}

/* --- swap --- */

static int swap(struct replay *replay, struct ev_error *error)
{
    struct generation *own = &replay->build.generation, before = replay->result->before;
    enter(replay, REPLAY_SWAP, 1);
    own->state = GENERATION_READY;
    own->heartbeat_ms = before.retired_at_ms = ev_clock_wall_ms(&ev_clock_system);
    int r = replay->store->save(replay->sink, own, error);
    /* What is decided from here on is carried out in this generation too: it is ready. */
    if (r >= 0 && takes_skips_over(replay))
        r = replay_skips_follow(replay->options, &replay->skips, replay->live, replay->build.topic_id, replay->sink,
                                replay, error);
    if (r >= 0) /* beforehand, so that there is no moment in which it is neither live nor kept */
        r = replay->store->save(replay->sink, &before, error);
    if (r >= 0)
        r = replay->store->make_live(replay->sink, &before, own, error);
    if (r < 0)
        return r;
    replay->created = false; /* it is live: nothing takes it away */
    own->live = true;
    replay->result->outcome = REPLAY_LIVE;
    return 0;
}

static int run(struct replay *replay, struct ev_error *error)
{
    enter(replay, REPLAY_PREPARE, 1);
    int r = prepare(replay, error);
    if (r >= 0)
        r = fold(replay, error);
    if (r >= 0)
        r = catch_up(replay, error);
    if (r >= 0)
        r = prove(replay, error);
    if (r > 0)
        r = compare(replay, error);
    if (r > 0)
        r = swap(replay, error);
    replay->result->after = replay->build.generation;
    replay->result->parked = (int64_t)replay->build.parked_count;
    if (r >= 0)
        enter(replay, REPLAY_DONE, 1);
    return r;
}

int replay_run(const struct replay_options *options, struct replay_result *ret, struct ev_error *error)
{
    struct replay replay = {.options = options, .result = ret, .began_ms = now_ms(), .build.options = options};
    *ret = (struct replay_result){0};
    replay_skips_init(&replay.skips);
    int r = run(&replay, error);
    if (replay.created) {
        struct ev_error ignored;
        replay.store->drop(replay.sink, &replay.build.generation, &ignored);
    }
    ret->elapsed_ms = now_ms() - replay.began_ms;
    if (replay.sink)
        replay.sink->destroy(replay.sink);
    if (replay.live)
        replay.live->destroy(replay.live);
    free(replay.ends);
    replay_skips_finish(&replay.skips);
    return r < 0 ? r : 0;
}

int replay_roll_back(struct ev_sink *sink, enum choice_store store, const char *view, struct generation *ret_before,
                     struct generation *ret_after, struct ev_error *error)
{
    const struct generation_store *generations = replay_generations(store);
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    _cleanup_free_ void *owned = all;
    const struct generation *latest = NULL;
    size_t count;
    int r = generations->list(sink, view, all, &count, error);
    if (r < 0)
        return r;
    const struct generation *live = generations_live(all, count);
    for (size_t i = 0; i < count; i++)
        if (!all[i].live && all[i].state == GENERATION_READY && all[i].retired_at_ms > 0 &&
            (!latest || all[i].retired_at_ms > latest->retired_at_ms))
            latest = &all[i];
    if (!live || !latest)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "view %s has nothing in %s to go back to", view, sink->name);
    *ret_before = *live;
    *ret_after = *latest;
    ret_before->retired_at_ms =
        ev_clock_wall_ms(&ev_clock_system); /* beforehand: it is kept from the first moment on */
    r = generations->save(sink, ret_before, error);
    if (r >= 0)
        r = generations->make_live(sink, live, latest, error);
    if (r < 0)
        return r;
    ret_before->live = false;
    ret_after->live = true;
    return 0;
}
