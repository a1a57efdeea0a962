#include "replay/build.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "replay/join.h"
#include "sinks/elasticsearch.h"

/* --- stores and the log --- */

int replay_make_sink(const struct replay_options *options, int generation, struct ev_sink **ret, struct ev_error *error)
{
    int r = EV_ERR_INTERNAL;
    switch (options->store) {
    case CHOICE_MONGODB:
        r = mongo_sink_create(options->mongo, options->kafka.topic_prefix, ret, error);
        break;
    case CHOICE_ELASTICSEARCH:
        r = elasticsearch_sink_create(options->elasticsearch_url, options->kafka.topic_prefix, ret, error);
        break;
    }
    if (r >= 0) {
        (*ret)->generation = generation;
        (*ret)->fingerprint = options->fingerprint;
    }
    return r;
}

int replay_make_reader(const struct replay_options *options, const struct ev_view *view, struct ev_reader **ret,
                       struct ev_error *error)
{
    const struct ev_reader_options reader_options = {
        .kafka = options->kafka,
        .topic = view->topic,
        .schemas = options->schemas,
        .fetch_bytes_max = REPLAY_FETCH_BYTES,
        .fetch_wait_ms = REPLAY_FETCH_WAIT_MS,
        .include_void = true,
        .include_unreadable = true,
    };
    return ev_reader_create(&reader_options, ret, error);
}

/* --- what threads tell --- */

void replay_build_stop(struct replay_build *build)
{
    atomic_store(&build->stop, true);
    replay_bulks_stop(&build->bulks);
}

int replay_build_stopped(struct ev_error *error)
{
    return ev_error_set(error, EV_ERR_TIMEOUT, "the replay was told to stop");
}

void replay_build_fail(struct replay_build *build, int r, const struct ev_error *error)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&build->fault, &none, r))
        build->error = *error; /* read when all threads have ended */
    replay_build_stop(build);
}

int replay_build_park(struct replay_build *build, const struct ev_parked *parked, struct ev_error *error)
{
    int r = 0;
    pthread_mutex_lock(&build->parked_lock);
    if (build->parked_count == REPLAY_PARKED_MAX) {
        r = ev_error_set(error, EV_ERR_LIMIT, "a replay of view %s parks more than %d documents; last: %s",
                         build->view->name, REPLAY_PARKED_MAX, parked->cause);
    } else {
        struct ev_parked *kept = &build->parked[build->parked_count++];
        *kept = *parked;
        kept->key = (struct ev_str){ev_memory_copy(parked->key.data, parked->key.length), parked->key.length};
    }
    pthread_mutex_unlock(&build->parked_lock);
    return r;
}

/* --- the threads --- */

/* Threads of one kind. */
struct crew {
    pthread_t threads[REPLAY_THREADS_MAX + REPLAY_WRITERS_MORE];
    int count;
};

static int thread_count(const struct replay_build *build)
{
    long count = build->options->threads > 0 ? build->options->threads : sysconf(_SC_NPROCESSORS_ONLN);
    count = count < build->partition_count ? count : build->partition_count;
    count = count < REPLAY_THREADS_MAX ? count : REPLAY_THREADS_MAX;
    return count > 0 ? (int)count : 1;
}

/* Elasticsearch has one more than there are that fold: one puts a bulk into words while the others wait for answers.
 * (Medians of five rounds beside the bare driver: 0.80 without, 0.87 with it. With MongoDB it brings nothing.) */
static int writer_count(const struct replay_build *build)
{
    return thread_count(build) + (build->options->store == CHOICE_ELASTICSEARCH ? REPLAY_WRITERS_MORE : 0);
}

static int crew_start(struct crew *crew, int count, void *(*run)(void *), struct replay_build *build,
                      struct ev_error *error)
{
    for (crew->count = 0; crew->count < count; crew->count++) {
        int fault = pthread_create(&crew->threads[crew->count], NULL, run, build);
        if (fault)
            return ev_error_set(error, EV_ERR_INTERNAL, "no thread for a replay: %s", strerror(fault));
    }
    return 0;
}

struct goes_on {
    int (*call)(void *context, struct ev_error *error);
    void *context;
};

/* Returns when the crew has ended, whatever `r` is: that of what came before, or of `goes_on` by now. */
static int crew_join(struct crew *crew, struct replay_build *build, const struct goes_on *goes_on, int r,
                     struct ev_error *error)
{
    for (int i = 0; i < crew->count; i++) {
        if (r < 0)
            replay_build_stop(build);
        while (!replay_join_within(crew->threads[i], REPLAY_PROGRESS_MS))
            if (r >= 0 && (r = goes_on->call(goes_on->context, error)) < 0)
                replay_build_stop(build);
    }
    return r;
}

/* While the others fold and write, the caller's sink finds out what it must know for the checkpoints. */
static int run_threads(struct replay_build *build, struct ev_sink *sink, const struct goes_on *goes_on,
                       struct ev_error *error)
{
    struct crew folders = {.count = 0}, writers = {.count = 0};
    int count = thread_count(build);
    int r = crew_start(&folders, count, replay_fold_partitions, build, error);
    if (r >= 0)
        r = crew_start(&writers, writer_count(build), replay_write_bulks, build, error);
    if (r >= 0)
        r = sink->prepare(sink, build->view, error);
    r = crew_join(&folders, build, goes_on, r, error);
    replay_bulks_close(&build->bulks);
    r = crew_join(&writers, build, goes_on, r, error);
    int fault = atomic_load(&build->fault);
    if (r < 0 || fault >= 0)
        return r < 0 ? r : 0;
    *error = build->error;
    return fault;
}

/* --- the end --- */

static int save_parked(struct replay_build *build, struct ev_sink *sink, const struct goes_on *goes_on,
                       struct ev_error *error)
{
    int r = 0;
    for (size_t i = 0; i < build->parked_count && r >= 0; i++) {
        r = sink->save_parked(sink, build->view, &build->parked[i], error);
        if (r >= 0)
            r = goes_on->call(goes_on->context, error);
    }
    return r;
}

static int save_checkpoints(struct replay_build *build, struct ev_sink *sink, struct ev_error *error)
{
    size_t count = 0;
    for (int32_t i = 0; i < build->partition_count; i++)
        if (build->checkpoints[i].cursor.next_offset > 0)
            build->checkpoints[count++] = build->checkpoints[i];
    int r = sink->flush(sink, build->view, error);
    return r < 0 || count == 0 ? r : sink->save_checkpoints(sink, build->view, build->checkpoints, count, error);
}

int replay_build_run(struct replay_build *build, struct ev_sink *sink,
                     int (*goes_on)(void *context, struct ev_error *error), void *context, struct ev_error *error)
{
    const struct goes_on going = {goes_on, context};
    size_t memory = build->options->memory_bytes ? build->options->memory_bytes : REPLAY_MEMORY_DEFAULT;
    size_t threads = (size_t)thread_count(build), more = (size_t)writer_count(build) - threads;
    size_t bulks = threads * REPLAY_BULKS_PER_THREAD + more;
    build->view = replay_view(build->options->view);
    build->shelf_bytes_max = (memory - memory / REPLAY_BULKS_SHARE) / threads;
    build->checkpoints = ev_memory_alloc_array((size_t)build->partition_count, sizeof(*build->checkpoints));
    build->parked = ev_memory_alloc_array(REPLAY_PARKED_MAX, sizeof(*build->parked));
    pthread_mutex_init(&build->parked_lock, NULL);
    replay_bulks_init(&build->bulks, bulks, memory / REPLAY_BULKS_SHARE / bulks);
    int r = run_threads(build, sink, &going, error);
    if (r >= 0)
        r = save_parked(build, sink, &going, error);
    if (r >= 0)
        r = save_checkpoints(build, sink, error);
    replay_bulks_finish(&build->bulks);
    pthread_mutex_destroy(&build->parked_lock);
    for (size_t i = 0; i < build->parked_count; i++)
        free((void *)(uintptr_t)build->parked[i].key.data);
    free(EV_TAKE(build->parked));
    free(EV_TAKE(build->checkpoints));
    return r;
}
