#include "folding.h"

#include "core/core.h"

#define STEP_MS 200

static int64_t now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static int fold_all(const struct folding *folding, struct ev_projection *projection, struct ev_projection_status *ret,
                    int64_t *ret_ms, struct ev_error *error)
{
    int64_t began_ms = 0, heard_ms = now_ms();
    while (ret->commits < folding->commits) {
        int64_t before_ms = now_ms();
        int got = ev_projection_step(projection, STEP_MS, error);
        if (got < 0 && !error->retriable)
            return got;
        if (got > 0) {
            began_ms = began_ms ? began_ms : before_ms;
            heard_ms = now_ms();
        }
        if (now_ms() - heard_ms > FOLDING_STALL_MS)
            return ev_error_set(error, EV_ERR_TIMEOUT, "only %lld of %lld commits came", (long long)ret->commits,
                                (long long)folding->commits);
        ev_projection_status(projection, ret);
    }
    *ret_ms = now_ms() - began_ms;
    return 0;
}

int folding_run(const struct folding *folding, struct ev_projection_status *ret, int64_t *ret_ms,
                struct ev_error *error)
{
    const struct ev_reader_options options = {
        .kafka = {.brokers = folding->brokers, .topic_prefix = folding->prefix, .client_id = "bench"},
        .topic = folding->view->topic,
        .schemas = ev_registry_source(folding->registry),
        .include_void = true,
        .include_unreadable = true,
    };
    struct ev_reader *reader = NULL;
    *ret = (struct ev_projection_status){0};
    int r = ev_reader_create(&options, &reader, error);
    if (r < 0)
        return r;
    struct ev_projection *projection = ev_projection_create(&(struct ev_projection_options){
        .view = folding->view,
        .source = ev_commit_source_of_reader(reader),
        .sink = folding->sink,
        .clock = &ev_clock_system,
        .random = &ev_random_system,
        .batch = folding->batch,
        .cache_bytes_max = folding->cache_bytes_max,
    });
    r = fold_all(folding, projection, ret, ret_ms, error);
    ev_projection_destroy(projection);
    ev_reader_destroy(reader);
    return r;
}
