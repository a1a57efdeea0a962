#include "auditor.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/memory.h"
#include "fold/fingerprint.h"

/* One audit of one target. */
struct audit {
    struct auditor *auditor;
    struct auditor_target *target;
    struct ev_sink *sink;
    struct ev_reader *reader;
    struct ev_buffer keys; /* the first that differ */
    int told;
};

/* --- waiting --- */

static struct timespec in_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* False: it was told to stop. */
static bool auditor_wait(struct auditor *auditor, int64_t ms)
{
    if (ms > 0) {
        const struct timespec until = in_ms(ms);
        pthread_mutex_lock(&auditor->lock);
        while (!atomic_load(&auditor->stopping) && pthread_cond_timedwait(&auditor->stop, &auditor->lock, &until) == 0)
            ;
        pthread_mutex_unlock(&auditor->lock);
    }
    return !atomic_load(&auditor->stopping);
}

static bool audit_wait(void *context, int64_t ms)
{
    const struct audit *audit = context;
    return auditor_wait(audit->auditor, ms);
}

/* --- what came of it --- */

static void register_metrics(struct auditor_target *target, struct ev_metrics *metrics)
{
    char labels[160];
    snprintf(labels, sizeof(labels), "view=\"%s\",sink=\"%s\"", target->choice.view->name,
             choice_store_name(target->choice.store));
#define X(kind, text)                                                                                                  \
    target->counts[PROOF_##kind] =                                                                                     \
        ev_metrics_gauge(metrics, "orderlog_audit_" text, labels, "documents that the last audit found " text);
    PROOF_KINDS(X)
#undef X
    target->documents =
        ev_metrics_gauge(metrics, "orderlog_audit_documents", labels, "documents in the store at the last audit");
    target->running = ev_metrics_gauge(metrics, "orderlog_audit_running", labels, "1 while an audit is made");
    target->begun_at = ev_metrics_gauge(metrics, "orderlog_audit_timestamp_seconds", labels,
                                        "when the last audit began, Unix time; 0: there was none yet");
    target->took =
        ev_metrics_gauge(metrics, "orderlog_audit_duration_milliseconds", labels, "how long the last audit took");
    target->failures = ev_metrics_counter(metrics, "orderlog_audit_failures_total", labels,
                                          "audits that couldn't be made: a store or the log was away, say");
}

static void audit_tell(void *context, const struct proof_difference *difference)
{
    struct audit *audit = context;
    if (difference->kind == PROOF_PARKED || audit->told++ >= AUDITOR_KEYS_MAX)
        return;
    struct ev_str key =
        difference->key.length < EV_VIEW_KEY_MAX ? difference->key : EV_STR("(longer than a key of the view)");
    ev_buffer_printf(&audit->keys, "%s%.*s (%s)", audit->told > 1 ? ", " : "", EV_STR_ARG(key),
                     proof_kind_text(difference->kind));
}

static void audit_publish(const struct audit *audit, const struct proof_result *result, int64_t begun_at_ms)
{
    struct auditor_target *target = audit->target;
    for (int kind = 0; kind < PROOF_KIND_COUNT; kind++)
        ev_metric_set(target->counts[kind], result->counts[kind]);
    ev_metric_set(target->documents, result->documents);
    ev_metric_set(target->begun_at, begun_at_ms / 1000);
    ev_metric_set(target->took, result->took_ms);
    target->failure[0] = '\0';
    bool holds = proof_holds(result);
    ev_log(holds ? EV_LOG_INFO : EV_LOG_ERROR, "audit.result",
           holds ? "the view is what the log says" : "the view ISN'T what the log says: see orderlog audit",
           ev_log_cstr("view", target->name), ev_log_int("generation", audit->sink->generation),
           ev_log_int("documents", result->documents), ev_log_int("different", result->counts[PROOF_DIFFERENT]),
           ev_log_int("behind", result->counts[PROOF_BEHIND]), ev_log_int("missing", result->counts[PROOF_MISSING]),
           ev_log_int("extra", result->counts[PROOF_EXTRA]), ev_log_int("unreadable", result->counts[PROOF_UNREADABLE]),
           ev_log_int("parked", result->counts[PROOF_PARKED]), ev_log_str("keys", ev_buffer_str(&audit->keys)),
           ev_log_int("records", result->records), ev_log_int("ms", result->took_ms));
}

static void target_failed(struct auditor_target *target, const struct ev_error *error)
{
    ev_metric_add(target->failures, 1);
    if (strcmp(target->failure, error->message) == 0)
        return;
    snprintf(target->failure, sizeof(target->failure), "%s", error->message);
    ev_log(error->retriable ? EV_LOG_WARN : EV_LOG_ERROR, "audit.failed", error->message,
           ev_log_cstr("view", target->name));
}

/* --- one audit --- */

/* Which generation of the view readers have. NOT_FOUND: none of this version yet, it is being built. One that was there
 * and isn't any more is a fault. */
static int audit_find_live(const struct audit *audit, int *ret_number, struct ev_error *error)
{
    const struct ev_view *view = audit->target->choice.view;
    struct generation *all = ev_memory_alloc_array(GENERATIONS_MAX, sizeof(*all));
    _cleanup_free_ void *owned = all;
    size_t count = 0;
    int r = replay_generations(audit->target->choice.store)->list(audit->sink, view->name, all, &count, error);
    if (r < 0)
        return r;
    const struct generation *live = generations_live(all, count);
    if (!live && ev_metric_value(audit->target->begun_at) > 0)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "no live generation of view %s is to be found in %s",
                                      view->name, audit->sink->name);
    if (!live || live->version != view->version)
        return EV_ERR_NOT_FOUND;
    *ret_number = live->number;
    return 0;
}

static int audit_open(struct audit *audit, struct ev_error *error)
{
    const struct auditor_options *options = &audit->auditor->options;
    const struct ev_view *view = audit->target->choice.view;
    int r = options->make_sink(options->context, &audit->target->choice, &audit->sink, error);
    if (r < 0)
        return r;
    r = audit_find_live(audit, &audit->sink->generation, error);
    if (r < 0)
        return r;
    audit->sink->fingerprint = audit->target->fingerprint;
    const struct ev_reader_options reader_options = {
        .kafka = options->kafka,
        .topic = view->topic,
        .schemas = options->schemas,
        .fetch_bytes_max = AUDITOR_FETCH_BYTES_MAX,
        .include_void = true,
        .include_unreadable = true,
    };
    r = ev_reader_create(&reader_options, &audit->reader, error);
    return r < 0 ? r : audit->sink->prepare(audit->sink, view, error);
}

/* NOT_FOUND: there is nothing to be audited now. */
static int audit_make(struct audit *audit, struct proof_result *ret, struct ev_error *error)
{
    const struct auditor_options *options = &audit->auditor->options;
    int r = audit_open(audit, error);
    if (r < 0)
        return r;
    const struct proof_options proof_options = {
        .view = audit->target->choice.view,
        .source = ev_commit_source_of_reader(audit->reader),
        .sink = audit->sink,
        .clock = &ev_clock_system,
        .memory_bytes_max = AUDITOR_MEMORY_BYTES,
        .records_per_second_max = options->records_per_second_max,
        .tell = audit_tell,
        .wait = audit_wait,
        .context = audit,
    };
    int number = 0;
    r = proof_run(&proof_options, ret, error);
    if (r >= 0)
        r = audit_find_live(audit, &number, error);
    /* Another one is live by now: this one may have been dropped under the scan. */
    return r >= 0 && number != audit->sink->generation ? EV_ERR_NOT_FOUND : r;
}

static void audit_target(struct auditor *auditor, struct auditor_target *target)
{
    struct audit audit = {.auditor = auditor, .target = target};
    struct proof_result *result = ev_memory_new(struct proof_result);
    _cleanup_free_ void *owned = result;
    struct ev_error error = {0};
    int64_t begun_ms = ev_clock_monotonic_ms(&ev_clock_system), begun_at_ms = ev_clock_wall_ms(&ev_clock_system);
    int64_t every_ms = auditor->options.every_ms;
    ev_buffer_init(&audit.keys);
    ev_metric_set(target->running, 1);
    int r = audit_make(&audit, result, &error);
    if (r >= 0)
        audit_publish(&audit, result, begun_at_ms);
    else if (r != EV_ERR_NOT_FOUND && !atomic_load(&auditor->stopping))
        target_failed(target, &error);
    if (r >= 0)
        target->due_ms = begun_ms + every_ms;
    else
        target->due_ms =
            ev_clock_monotonic_ms(&ev_clock_system) + (every_ms < AUDITOR_RETRY_MS ? every_ms : AUDITOR_RETRY_MS);
    ev_metric_set(target->running, 0);
    ev_reader_destroy(audit.reader);
    if (audit.sink)
        audit.sink->destroy(audit.sink);
    ev_buffer_finish(&audit.keys);
}

/* --- the thread --- */

static struct auditor_target *next_target(struct auditor *auditor)
{
    struct auditor_target *next = &auditor->targets[0];
    for (size_t i = 1; i < auditor->count; i++)
        if (auditor->targets[i].due_ms < next->due_ms)
            next = &auditor->targets[i];
    return next;
}

static void *auditor_run(void *context)
{
    struct auditor *auditor = context;
    struct auditor_target *target = next_target(auditor);
    while (auditor_wait(auditor, target->due_ms - ev_clock_monotonic_ms(&ev_clock_system))) {
        audit_target(auditor, target);
        target = next_target(auditor);
    }
    return NULL;
}

void auditor_init(struct auditor *auditor, const struct auditor_options *options, const struct choice *choices,
                  size_t count)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&auditor->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&auditor->lock, NULL);
    auditor->options = *options;
    auditor->initialised = true;
    auditor->count = count;
    for (size_t i = 0; i < count; i++) {
        struct auditor_target *target = &auditor->targets[i];
        *target = (struct auditor_target){.choice = choices[i]};
        snprintf(target->name, sizeof(target->name), "%s/%s", choices[i].view->name,
                 choice_store_name(choices[i].store));
        ev_view_fingerprint(choices[i].view, target->fingerprint);
        register_metrics(target, options->metrics);
    }
}

int auditor_start(struct auditor *auditor, struct ev_error *error)
{
    if (!auditor->initialised || auditor->count == 0)
        return 0;
    int fault = pthread_create(&auditor->thread, NULL, auditor_run, auditor);
    if (fault)
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for the audit: %s", strerror(fault));
    auditor->running = true;
    return 0;
}

void auditor_stop(struct auditor *auditor)
{
    if (!auditor->initialised)
        return;
    pthread_mutex_lock(&auditor->lock);
    atomic_store(&auditor->stopping, true);
    pthread_cond_broadcast(&auditor->stop);
    pthread_mutex_unlock(&auditor->lock);
}

void auditor_finish(struct auditor *auditor)
{
    if (!auditor->initialised)
        return;
    auditor_stop(auditor);
    if (auditor->running)
        pthread_join(auditor->thread, NULL);
    pthread_cond_destroy(&auditor->stop);
    pthread_mutex_destroy(&auditor->lock);
    *auditor = (struct auditor){0};
}
