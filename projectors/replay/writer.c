/* The threads of a replay that write: each has a sink of its own and writes bulk after bulk until the store has taken
 * it. */
#include <stdio.h>
#include <time.h>

#include "replay/build.h"

#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000
#define RETRY_LOOK_MS 25

struct writing {
    struct replay_build *build;
    struct ev_sink *sink;
    struct replay_bulk *bulk;
    bool repeated; /* a write without a known end came before: its documents may be there */
    struct ev_error *error;
};

/* Backs off, jittered, unless told to stop. */
static bool pause_before_retry(const struct writing *writing, int tries)
{
    int64_t most = RETRY_MIN_MS;
    while (tries-- > 0 && most < RETRY_MAX_MS)
        most *= 2;
    int64_t left = most / 2 + (int64_t)ev_random_below(&ev_random_system, (uint64_t)most / 2 + 1);
    for (; left > 0 && !atomic_load(&writing->build->stop); left -= RETRY_LOOK_MS)
        nanosleep(&(struct timespec){.tv_nsec = RETRY_LOOK_MS * 1000000}, NULL);
    return !atomic_load(&writing->build->stop);
}

static int park(struct writing *writing, const struct ev_sink_document *document)
{
    struct ev_parked parked = {.key = document->key,
                               .partition = document->meta.partition,
                               .offset = document->meta.offset,
                               .parked_at_ms = ev_clock_wall_ms(&ev_clock_system)};
    snprintf(parked.cause, sizeof(parked.cause), "%.*s", (int)sizeof(parked.cause) - 1, document->error.message);
    return replay_build_park(writing->build, &parked, writing->error);
}

/* Nobody else writes into this generation, so a document that is there already is one of a write whose answer got lost.
 * What is left to do moves to the front. */
static int take_results(struct writing *writing)
{
    struct replay_bulk *bulk = writing->bulk;
    size_t left = 0;
    for (size_t i = 0; i < bulk->count; i++) {
        const struct ev_sink_document *document = &bulk->documents[i];
        int r = 0;
        switch (document->result) {
        case EV_WRITE_DONE:
            break;
        case EV_WRITE_STALE:
            if (!writing->repeated)
                return ev_error_set(writing->error, EV_ERR_CONFLICT,
                                    "somebody else writes into the new generation: %.*s", EV_STR_ARG(document->key));
            break;
        case EV_WRITE_BUSY:
            *writing->error = document->error;
            bulk->documents[left++] = *document;
            break;
        case EV_WRITE_FAILED:
            r = park(writing, document);
            break;
        }
        if (r < 0)
            return r;
    }
    atomic_fetch_add(&writing->build->documents, (long long)(bulk->count - left));
    bulk->count = left;
    return 0;
}

/* Until the store has taken all. */
static int write_bulk(struct writing *writing)
{
    struct replay_bulk *bulk = writing->bulk;
    struct ev_sink *sink = writing->sink;
    int64_t since_ms = ev_clock_monotonic_ms(&ev_clock_system);
    writing->repeated = false;
    for (int tries = 0; bulk->count > 0; tries++) {
        int r = sink->write(sink, writing->build->view, bulk->documents, bulk->count, writing->error);
        if (r < 0 && !writing->error->retriable)
            return r;
        writing->repeated = writing->repeated || r < 0;
        if (r >= 0 && (r = take_results(writing)) < 0)
            return r;
        if (bulk->count > 0 && ev_clock_monotonic_ms(&ev_clock_system) - since_ms > REPLAY_STALL_MS)
            return writing->error->code;
        if (bulk->count > 0 && !pause_before_retry(writing, tries))
            return replay_build_stopped(writing->error);
    }
    return 0;
}

void *replay_write_bulks(void *context)
{
    struct replay_build *build = context;
    struct ev_error error = {0};
    struct writing writing = {.build = build, .error = &error};
    int r = replay_make_sink(build->options, build->generation.number, &writing.sink, &error);
    while (r >= 0 && (writing.bulk = replay_bulks_take_full(&build->bulks))) {
        r = write_bulk(&writing);
        replay_bulks_give_empty(&build->bulks, writing.bulk);
    }
    if (writing.sink)
        writing.sink->destroy(writing.sink);
    if (r < 0)
        replay_build_fail(build, r, &error);
    return NULL;
}
