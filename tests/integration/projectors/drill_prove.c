/* A store against a fold of the log in memory, document by document; and one projection by itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "drill.h"
#include "proof/proof.h"

static void tell(void *context, const struct proof_difference *difference)
{
    (void)context;
    fprintf(stderr, "%.*s: %s\n", EV_STR_ARG(difference->key), proof_kind_text(difference->kind));
    for (size_t i = 0; i < difference->field_count; i++)
        fprintf(stderr, "    %.*s: %.*s, expected %.*s\n", EV_STR_ARG(difference->fields[i].name),
                EV_STR_ARG(difference->fields[i].stored), EV_STR_ARG(difference->fields[i].expected));
}

static int prove(const struct ev_view *view, struct ev_sink *sink, struct ev_reader *reader, struct ev_error *error)
{
    const struct proof_options options = {
        .view = view,
        .source = ev_commit_source_of_reader(reader),
        .sink = sink,
        .clock = &ev_clock_system,
        .tell = tell,
    };
    struct proof_result result;
    struct ev_buffer text;
    struct ev_json_writer writer;
    int r = proof_run(&options, &result, error);
    if (r < 0)
        return r;
    ev_buffer_init(&text);
    ev_json_init(&writer, &text);
    proof_print(view, sink, &result, &writer);
    printf("%.*s\n", EV_STR_ARG(ev_buffer_str(&text)));
    ev_buffer_finish(&text);
    return proof_holds(&result) ? 0 : 1;
}

int drill_prove(struct drill *drill, const struct ev_view *view, const char *sink_name, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    struct ev_sink *sink = NULL;
    int r = drill_make_sink(drill, sink_name, &sink, error);
    if (r >= 0)
        r = drill_make_reader(drill, view, &reader, error);
    if (r >= 0)
        r = sink->prepare(sink, view, error); /* knows now which index its checkpoints are of */
    if (r >= 0)
        r = prove(view, sink, reader, error);
    ev_reader_destroy(reader);
    if (sink)
        sink->destroy(sink);
    return r;
}

int drill_project(struct drill *drill, const struct ev_view *view, const char *sink_name, struct ev_error *error)
{
    struct ev_reader *reader = NULL;
    struct ev_sink *sink = NULL;
    int r = drill_make_sink(drill, sink_name, &sink, error);
    if (r >= 0)
        r = drill_make_reader(drill, view, &reader, error);
    if (r >= 0) {
        const struct ev_projection_options options = {.view = view,
                                                      .source = ev_commit_source_of_reader(reader),
                                                      .sink = sink,
                                                      .clock = &ev_clock_system,
                                                      .random = &ev_random_system};
        struct ev_projection *projection = ev_projection_create(&options);
        struct ev_projection_status status;
        int64_t before = drill_now_ms();
        r = drill_run(projection, error);
        int64_t took = drill_now_ms() - before;
        ev_projection_status(projection, &status);
        took = took ? took : 1;
        if (r >= 0)
            printf("{\"view\":\"%s\",\"sink\":\"%s\",\"ms\":%" PRId64 ",\"commits\":%" PRId64
                   ",\"commits_per_second\":%" PRId64 ",\"documents_written\":%" PRId64
                   ",\"documents_per_second\":%" PRId64 ",\"batches\":%" PRId64 ",\"void\":%" PRId64
                   ",\"parked\":%zu}\n",
                   view->name, sink->name, took, status.commits, status.commits * 1000 / took, status.documents_written,
                   status.documents_written * 1000 / took, status.batches, status.void_count, status.parked);
        ev_projection_destroy(projection);
    }
    ev_reader_destroy(reader);
    if (sink)
        sink->destroy(sink);
    return r;
}
