#include "keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/memory.h"
#include "fold/fingerprint.h"
#include "sinks/elasticsearch.h"

static int keeper_make_sink(const struct keeper *keeper, int generation, struct ev_sink **ret, struct ev_error *error)
{
    const struct keeper_options *options = &keeper->table->options;
    const char *prefix = options->worker.kafka.topic_prefix;
    int r = EV_ERR_INTERNAL;
    switch (keeper->choice.store) {
    case CHOICE_MONGODB:
        r = mongo_sink_create(options->mongo, prefix, ret, error);
        break;
    case CHOICE_ELASTICSEARCH:
        r = elasticsearch_sink_create(options->elasticsearch_url, prefix, ret, error);
        break;
    }
    if (r < 0)
        return r;
    (*ret)->generation = generation;
    (*ret)->fingerprint = keeper->fingerprint;
    return 0;
}

int keeper_table_init(struct keeper_table *table, const struct keeper_options *options, const struct choice *choices,
                      size_t count, struct ev_error *error)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&table->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&table->lock, NULL);
    table->options = *options;
    table->initialised = true;
    for (size_t i = 0; i < count; i++) {
        struct keeper *keeper = &table->keepers[i];
        *keeper = (struct keeper){.table = table, .choice = choices[i], .live = -1};
        snprintf(keeper->name, sizeof(keeper->name), "%s/%s", choices[i].view->name,
                 choice_store_name(choices[i].store));
        ev_view_fingerprint(choices[i].view, keeper->fingerprint);
        int r = keeper_make_sink(keeper, 0, &keeper->control, error);
        if (r < 0)
            return r;
        table->count++;
    }
    return 0;
}

/* --- workers --- */

static int keeper_find(const struct keeper *keeper, int number)
{
    for (int i = 0; i < KEEPER_GENERATIONS_MAX; i++)
        if (keeper->workers[i] && keeper->workers[i]->sink->generation == number)
            return i;
    return -1;
}

static int keeper_free_place(const struct keeper *keeper)
{
    for (int i = 0; i < KEEPER_GENERATIONS_MAX; i++)
        if (!keeper->workers[i])
            return i;
    return -1;
}

static int keeper_add(struct keeper_table *table, struct keeper *keeper, int number, struct ev_error *error)
{
    struct ev_sink *sink = NULL;
    int place = keeper_free_place(keeper);
    if (place < 0)
        return -1;
    int r = keeper_make_sink(keeper, number, &sink, error);
    if (r < 0)
        return r;
    struct worker *worker = ev_memory_new(struct worker);
    r = worker_init(worker, keeper->choice.view, sink, &table->options.worker, error);
    if (r >= 0)
        r = worker_start(worker, error);
    if (r < 0) {
        worker_finish(worker);
        free(worker);
        return r;
    }
    ev_log(EV_LOG_INFO, "projection.generation", "a generation of the view is fed", ev_log_cstr("view", keeper->name),
           ev_log_int("generation", number));
    pthread_mutex_lock(&table->lock);
    keeper->workers[place] = worker;
    pthread_mutex_unlock(&table->lock);
    return place;
}

static void keeper_remove(struct keeper_table *table, struct keeper *keeper, int place)
{
    pthread_mutex_lock(&table->lock);
    struct worker *worker = keeper->workers[place];
    keeper->workers[place] = NULL;
    if (keeper->live == place)
        keeper->live = -1;
    pthread_mutex_unlock(&table->lock);
    if (!worker)
        return;
    ev_log(EV_LOG_INFO, "projection.generation", "a generation of the view is fed no more",
           ev_log_cstr("view", keeper->name), ev_log_int("generation", worker->sink->generation));
    worker_stop(worker);
    worker_finish(worker);
    free(worker);
}

/* --- generations --- */

/* A fold of another fingerprint may not feed what this one made, or the other way round. The live one gets a worker all
 * the same, which says so. */
static bool keeper_feeds(const struct keeper *keeper, const struct generation *generation)
{
    if (generation->version != keeper->choice.view->version)
        return false;
    if (generation->live)
        return true;
    return generation->state == GENERATION_READY &&
           (!generation->fingerprint[0] || strcmp(generation->fingerprint, keeper->fingerprint) == 0);
}

static void keeper_say_waits(struct keeper_table *table, struct keeper *keeper, const char *text)
{
    pthread_mutex_lock(&table->lock);
    snprintf(keeper->waits, sizeof(keeper->waits), "%s", text);
    pthread_mutex_unlock(&table->lock);
}

static void keeper_set_live(struct keeper_table *table, struct keeper *keeper, int place)
{
    pthread_mutex_lock(&table->lock);
    keeper->live = place;
    keeper->waits[0] = '\0';
    pthread_mutex_unlock(&table->lock);
}

static bool keeper_should_stop(void *context)
{
    struct keeper_table *table = context;
    return atomic_load(&table->stopping);
}

/* What is live is of an older version: readers keep it until the new one is there, proved, and takes its place. */
static void keeper_build(struct keeper_table *table, struct keeper *keeper, const struct generation *live)
{
    const struct keeper_options *options = &keeper->table->options;
    struct replay_result *result = ev_memory_new(struct replay_result);
    _cleanup_free_ void *owned = result;
    struct ev_error error = {0};
    char text[128];
    snprintf(text, sizeof(text), "version %d is being built; readers have version %d meanwhile",
             keeper->choice.view->version, live->version);
    keeper_say_waits(table, keeper, text);
    ev_log(EV_LOG_INFO, "replay.begin", "a new version of the view is built", ev_log_cstr("view", keeper->name),
           ev_log_int("version", keeper->choice.view->version), ev_log_int("live", live->version));
    const struct replay_options replay_options = {
        .view = keeper->choice.view,
        .store = keeper->choice.store,
        .fingerprint = keeper->fingerprint,
        .kafka = options->worker.kafka,
        .schemas = options->worker.schemas,
        .mongo = options->mongo,
        .elasticsearch_url = options->elasticsearch_url,
        .scratch_directory = options->scratch_directory,
        .memory_bytes = options->replay_memory_bytes,
        .should_stop = keeper_should_stop,
        .context = table,
    };
    int r = replay_run(&replay_options, result, &error);
    if (r >= 0 && result->outcome != REPLAY_LIVE)
        r = ev_error_set(&error, EV_ERR_CORRUPT, "what the replay wrote isn't what the log says; it was dropped");
    if (r >= 0) {
        keeper_say_waits(table, keeper, "");
        ev_log(EV_LOG_INFO, "replay.live", "the new version is live", ev_log_cstr("view", keeper->name),
               ev_log_int("version", keeper->choice.view->version), ev_log_int("events", result->total.events),
               ev_log_int("ms", result->elapsed_ms));
        return;
    }
    keeper_say_waits(table, keeper, error.message);
    ev_log(error.retriable ? EV_LOG_WARN : EV_LOG_ERROR, "replay.failed", error.message,
           ev_log_cstr("view", keeper->name));
}

/* Rolled back means: this version is there, and somebody chose the older one. */
static bool keeper_has_to_build(const struct keeper *keeper, const struct generation *all, size_t count)
{
    const struct generation *live = generations_live(all, count);
    if (!live || live->version >= keeper->choice.view->version)
        return false;
    for (size_t i = 0; i < count; i++)
        if (keeper_feeds(keeper, &all[i]))
            return false;
    return true;
}

/* Workers for what is there; none for what isn't any more. */
static int keeper_match(struct keeper_table *table, struct keeper *keeper, const struct generation *all, size_t count,
                        struct ev_error *error)
{
    for (int place = 0; place < KEEPER_GENERATIONS_MAX; place++) {
        const struct worker *worker = keeper->workers[place];
        const struct generation *found =
            worker ? generations_find(all, count, keeper->choice.view->version, worker->sink->generation) : NULL;
        if (worker && worker->sink->generation > 0 && count > 0 && (!found || !keeper_feeds(keeper, found)))
            keeper_remove(table, keeper, place);
    }
    int shown = -1; /* what stands for the view: the live one, or else the newest of this version */
    for (size_t i = count; i-- > 0;) {
        if (!keeper_feeds(keeper, &all[i]))
            continue;
        int place = keeper_find(keeper, all[i].number);
        if (place < 0)
            place = keeper_add(table, keeper, all[i].number, error);
        if (place < 0 && all[i].live)
            return EV_ERR_LIMIT;
        if (place >= 0 && (shown < 0 || all[i].live))
            shown = place;
    }
    if (shown >= 0)
        keeper_set_live(table, keeper, shown);
    return 0;
}

/* 1: a new version has to be built first. */
static int keeper_look(struct keeper_table *table, struct keeper *keeper, struct generation *all, size_t *count,
                       struct ev_error *error)
{
    const struct ev_view *view = keeper->choice.view;
    const struct generation_store *store = replay_generations(keeper->choice.store);
    int r = store->list(keeper->control, view->name, all, count, error);
    if (r >= 0 && !generations_live(all, *count)) {
        keeper->control->generation = 0; /* nobody has made the view yet: the first generation */
        r = keeper->control->prepare(keeper->control, view, error);
        if (r >= 0)
            r = store->list(keeper->control, view->name, all, count, error);
    }
    if (r < 0)
        return r;
    if (keeper_has_to_build(keeper, all, *count))
        return 1;
    r = keeper_match(table, keeper, all, *count, error);
    if (r >= 0)
        r = replay_sweep(keeper->control, keeper->choice.store, view->name, table->options.keep_ms, error);
    return r < 0 ? r : 0;
}

/* --- the threads --- */

static void table_pause(struct keeper_table *table)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += KEEPER_LOOK_MS / 1000;
    pthread_mutex_lock(&table->lock);
    while (!atomic_load(&table->stopping) && pthread_cond_timedwait(&table->stop, &table->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&table->lock);
}

/* All views of the store are looked at before one is built, so that a long build stalls none of them. */
static void table_look(struct keeper_table *table, enum choice_store store, struct generation *all)
{
    struct keeper *to_build = NULL;
    struct generation live = {0};
    for (size_t i = 0; i < table->count && !atomic_load(&table->stopping); i++) {
        struct keeper *keeper = &table->keepers[i];
        struct ev_error error = {0};
        size_t count = 0;
        if (keeper->choice.store != store)
            continue;
        int r = keeper_look(table, keeper, all, &count, &error);
        if (r > 0 && !to_build) {
            to_build = keeper;
            live = *generations_live(all, count);
        }
        if (r >= 0)
            continue;
        if (keeper->live < 0 && strcmp(keeper->waits, error.message) != 0)
            ev_log(error.retriable ? EV_LOG_WARN : EV_LOG_ERROR, "projection.waits", error.message,
                   ev_log_cstr("view", keeper->name));
        if (keeper->live < 0)
            keeper_say_waits(table, keeper, error.message);
    }
    if (to_build)
        keeper_build(table, to_build, &live);
}

static void *table_run(void *context)
{
    struct keeper_thread *thread = context;
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    while (!atomic_load(&thread->table->stopping)) {
        table_look(thread->table, thread->store, all);
        table_pause(thread->table);
    }
    free(all);
    return NULL;
}

int keeper_table_start(struct keeper_table *table, struct ev_error *error)
{
    for (size_t i = 0; i < CHOICE_STORE_COUNT; i++) {
        struct keeper_thread *thread = &table->threads[i];
        *thread = (struct keeper_thread){.table = table, .store = (enum choice_store)i};
        int fault = pthread_create(&thread->thread, NULL, table_run, thread);
        if (fault)
            return ev_error_set(error, EV_ERR_INTERNAL, "no thread for the views: %s", strerror(fault));
        thread->running = true;
    }
    return 0;
}

void keeper_table_stop(struct keeper_table *table)
{
    pthread_mutex_lock(&table->lock);
    atomic_store(&table->stopping, true);
    for (size_t i = 0; i < table->count; i++)
        for (int place = 0; place < KEEPER_GENERATIONS_MAX; place++)
            if (table->keepers[i].workers[place])
                worker_stop(table->keepers[i].workers[place]);
    pthread_cond_broadcast(&table->stop);
    pthread_mutex_unlock(&table->lock);
}

void keeper_table_finish(struct keeper_table *table)
{
    if (!table->initialised)
        return;
    keeper_table_stop(table);
    for (size_t i = 0; i < CHOICE_STORE_COUNT; i++)
        if (table->threads[i].running)
            pthread_join(table->threads[i].thread, NULL);
    for (size_t i = 0; i < table->count; i++) {
        for (int place = 0; place < KEEPER_GENERATIONS_MAX; place++)
            keeper_remove(table, &table->keepers[i], place);
        table->keepers[i].control->destroy(table->keepers[i].control);
    }
    pthread_cond_destroy(&table->stop);
    pthread_mutex_destroy(&table->lock);
}
