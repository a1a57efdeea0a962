#include "worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/log.h"

static bool worker_should_stop(void *context)
{
    const struct worker *worker = context;
    return atomic_load(&worker->stopping);
}

static int worker_join(struct worker *worker, const struct worker_options *options, struct ev_error *error)
{
    char group[256];
    snprintf(group, sizeof(group), "%s.projectors.%s_v%d_g%d.%s", options->kafka.topic_prefix, worker->view->name,
             worker->view->version, worker->sink->generation, worker->sink->name);
    worker->shared = true;
    return share_join(&worker->share, &options->kafka, group, worker->view->topic->name, error);
}

int worker_init(struct worker *worker, const struct ev_view *view, struct ev_sink *sink,
                const struct worker_options *options, struct ev_error *error)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&worker->lock, NULL);
    worker->view = view;
    worker->sink = sink;
    if (sink->generation > 1)
        snprintf(worker->name, sizeof(worker->name), "%s/%s/g%d", view->name, sink->name, sink->generation);
    else
        snprintf(worker->name, sizeof(worker->name), "%s/%s", view->name, sink->name);

    const struct ev_reader_options reader_options = {
        .kafka = options->kafka,
        .topic = view->topic,
        .schemas = options->schemas,
        .fetch_bytes_max = WORKER_FETCH_BYTES_MAX,
        .fetch_ahead = 1,
        .include_void = true,
        .include_unreadable = true,
    };
    int r = ev_reader_create(&reader_options, &worker->reader, error);
    if (r < 0)
        return r;
    const struct ev_projection_options projection_options = {
        .view = view,
        .source = ev_commit_source_of_reader(worker->reader),
        .sink = sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
        .metrics = options->metrics,
        .cache_bytes_max = options->cache_bytes_max,
        .shared = options->shared,
        .should_stop = worker_should_stop,
        .context = worker,
    };
    worker->projection = ev_projection_create(&projection_options);
    return options->shared ? worker_join(worker, options, error) : 0;
}

/* Sleeps, unless and until told to stop. */
static void worker_pause(struct worker *worker, int64_t pause_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause_ms / 1000;
    until.tv_nsec += pause_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&worker->lock);
    while (!atomic_load(&worker->stopping) && pthread_cond_timedwait(&worker->stop, &worker->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&worker->lock);
}

/* Logs what changed since the last step: a state, or the reason of a pause. The same fault again is in metrics alone.
 */
struct worker_seen {
    enum ev_projection_state state;
    char error[EV_ERROR_MESSAGE_MAX];
};

static void worker_tell(const struct worker *worker, struct worker_seen *seen, int result, const struct ev_error *error)
{
    struct ev_projection_status status;
    ev_projection_status(worker->projection, &status);
    if (status.state == seen->state && (result >= 0 || strcmp(error->message, seen->error) == 0))
        return;
    seen->state = status.state;
    snprintf(seen->error, sizeof(seen->error), "%s", result < 0 ? error->message : "");
    enum ev_log_level level = result >= 0 ? EV_LOG_INFO : error->retriable ? EV_LOG_WARN : EV_LOG_ERROR;
    ev_log(level, "projection.state", result < 0 ? error->message : "projection changed its state",
           ev_log_cstr("projection", worker->name), ev_log_cstr("state", ev_projection_state_text(status.state)),
           ev_log_int("parked", (int64_t)status.parked));
}

static void worker_tell_parked(const struct worker *worker, size_t *seen)
{
    struct ev_projection_status status;
    ev_projection_status(worker->projection, &status);
    if (status.parked > *seen)
        ev_log(EV_LOG_ERROR, "projection.parked", "documents or partitions go no further until somebody has looked",
               ev_log_cstr("projection", worker->name), ev_log_int("parked", (int64_t)status.parked));
    *seen = status.parked;
}

/* Takes over what the group says, and gives up the rest. False: it hasn't said anything yet. */
static bool worker_follow_share(struct worker *worker)
{
    bool owned[EV_PROJECTION_PARTITIONS_MAX];
    int64_t count = 0;
    if (!share_is_known(&worker->share))
        return false;
    if (!share_take(&worker->share, owned))
        return true;
    ev_projection_own(worker->projection, owned);
    share_taken(&worker->share);
    for (size_t i = 0; i < EV_PROJECTION_PARTITIONS_MAX; i++)
        count += owned[i];
    ev_log(EV_LOG_INFO, "projection.share", "the share in the partitions is another",
           ev_log_cstr("projection", worker->name), ev_log_int("partitions", count));
    return true;
}

static void *worker_run(void *context)
{
    struct worker *worker = context;
    struct worker_seen seen = {.state = EV_PROJECTION_STARTING};
    struct ev_error error = {0};
    size_t parked = 0;
    while (!atomic_load(&worker->stopping)) {
        if (worker->shared && !worker_follow_share(worker)) {
            worker_pause(worker, WORKER_SHARE_LOOK_MS);
            continue;
        }
        int r = ev_projection_step(worker->projection, WORKER_POLL_MS, &error);
        worker_tell(worker, &seen, r, &error);
        worker_tell_parked(worker, &parked);
        if (ev_projection_pause_ms(worker->projection) > 0)
            worker_pause(worker, ev_projection_pause_ms(worker->projection));
    }
    int r = ev_projection_stop(worker->projection, &error);
    worker_tell(worker, &seen, r, &error);
    return NULL;
}

int worker_start(struct worker *worker, struct ev_error *error)
{
    int fault = pthread_create(&worker->thread, NULL, worker_run, worker);
    if (fault)
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for %s: %s", worker->name, strerror(fault));
    worker->running = true;
    return 0;
}

void worker_stop(struct worker *worker)
{
    if (!worker->view)
        return;
    pthread_mutex_lock(&worker->lock);
    atomic_store(&worker->stopping, true);
    pthread_cond_broadcast(&worker->stop);
    pthread_mutex_unlock(&worker->lock);
    share_leave(&worker->share);
}

void worker_finish(struct worker *worker)
{
    if (!worker->view)
        return;
    if (worker->running)
        pthread_join(worker->thread, NULL);
    share_finish(&worker->share);
    ev_projection_destroy(worker->projection);
    ev_reader_destroy(worker->reader);
    worker->sink->destroy(worker->sink);
    pthread_cond_destroy(&worker->stop);
    pthread_mutex_destroy(&worker->lock);
    worker->view = NULL;
}
