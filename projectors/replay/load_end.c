#include "replay/load_end.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "replay/join.h"

struct load_end {
    const struct generation_store *store;
    struct ev_sink *sink;
    const struct generation *generation;
    int64_t pause_ms; /* between two tries */
    atomic_bool stop;
    int result; /* with `error`: read when the thread has ended */
    struct ev_error error;
};

static void *end_load(void *context)
{
    struct load_end *end = context;
    for (int i = 0; i < REPLAY_LOAD_END_TRIES_MAX; i++) {
        end->result = end->store->loaded(end->sink, end->generation, &end->error);
        if (end->result != EV_ERR_TIMEOUT || !end->error.retriable || atomic_load(&end->stop))
            break;
        nanosleep(&(struct timespec){.tv_sec = end->pause_ms / 1000, .tv_nsec = end->pause_ms % 1000 * 1000000}, NULL);
    }
    return NULL;
}

int replay_load_end(const struct generation_store *store, struct ev_sink *sink, const struct generation *generation,
                    int64_t every_ms, int (*goes_on)(void *context, struct ev_error *error), void *context,
                    struct ev_error *error)
{
    struct load_end end = {.store = store, .sink = sink, .generation = generation, .pause_ms = every_ms};
    pthread_t thread;
    int r = 0, fault = pthread_create(&thread, NULL, end_load, &end);
    if (fault)
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for a replay: %s", strerror(fault));
    while (!replay_join_within(thread, every_ms))
        if (r >= 0 && (r = goes_on(context, error)) < 0)
            atomic_store(&end.stop, true);
    if (r < 0)
        return r;
    if (end.result < 0)
        *error = end.error;
    return end.result;
}
