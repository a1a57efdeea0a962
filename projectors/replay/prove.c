#include "replay/prove.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "proof/proof.h"
#include "replay/build.h"

/* --- what differs, summed up --- */

static void count_field(struct replay_differences *to, struct ev_str field)
{
    for (size_t i = 0; i < to->field_count; i++) {
        if (ev_str_equal(ev_str_of(to->fields[i].field), field)) {
            to->fields[i].documents++;
            return;
        }
    }
    if (to->field_count == REPLAY_FIELDS_MAX)
        return;
    struct replay_difference *added = &to->fields[to->field_count++];
    snprintf(added->field, sizeof(added->field), "%.*s", EV_STR_ARG(field));
    added->documents = 1;
}

static void append(char *to, size_t size, const char *text, size_t length)
{
    size_t used = strlen(to), room = size - used - 1;
    length = length < room ? length : room;
    memcpy(to + used, text, length);
    to[used + length] = '\0';
}

static void append_value(char *to, size_t size, struct ev_str value)
{
    value = value.data ? value : EV_STR("nothing");
    append(to, size, value.data, value.length < REPLAY_VALUE_SHOWN_MAX ? value.length : REPLAY_VALUE_SHOWN_MAX);
    if (value.length > REPLAY_VALUE_SHOWN_MAX)
        append(to, size, "...", 3);
}

static void show(struct replay_sample *sample, const struct proof_difference *difference)
{
    const size_t size = sizeof(sample->what);
    snprintf(sample->key, sizeof(sample->key), "%.*s", EV_STR_ARG(difference->key));
    snprintf(sample->what, size, "%s", proof_kind_text(difference->kind));
    for (size_t i = 0; i < difference->field_count; i++) {
        const struct proof_field *field = &difference->fields[i];
        append(sample->what, size, i ? ", " : ": ", 2);
        append(sample->what, size, field->name.data, field->name.length);
        append(sample->what, size, " ", 1);
        append_value(sample->what, size, field->stored);
        append(sample->what, size, " -> ", 4);
        append_value(sample->what, size, field->expected);
    }
}

struct proving {
    struct replay_differences *ret;
    struct ev_commit_source inner;
    int64_t records;
    void *replay;
    struct ev_error *error;
    int stopped; /* what the replay said when it had to end */
};

static void on_difference(void *context, const struct proof_difference *difference)
{
    struct proving *proving = context;
    struct replay_differences *to = proving->ret;
    if (difference->kind == PROOF_PARKED)
        return;
    for (size_t i = 0; i < difference->field_count; i++)
        count_field(to, difference->fields[i].name);
    if (difference->field_count == 0)
        count_field(to, ev_str_of(proof_kind_text(difference->kind)));
    if (to->sample_count < REPLAY_SAMPLES_MAX)
        show(&to->samples[to->sample_count++], difference);
}

/* --- the log, counted --- */

static int proving_describe(void *context, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                            struct ev_error *error)
{
    struct proving *proving = context;
    return proving->inner.describe(proving->inner.context, timeout_ms, ret_partitions, ret_topic_id, error);
}

static int proving_assign(void *context, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    struct proving *proving = context;
    return proving->inner.assign(proving->inner.context, cursors, count, error);
}

static int proving_poll(void *context, struct ev_arena *arena, struct ev_log_record *ret, size_t max,
                        int64_t timeout_ms, struct ev_error *error)
{
    struct proving *proving = context;
    int got = proving->inner.poll(proving->inner.context, arena, ret, max, timeout_ms, error);
    proving->records += got > 0 ? got : 0;
    return got;
}

static bool proving_failed(void *context, int32_t *ret_partition, int64_t *ret_offset)
{
    struct proving *proving = context;
    return proving->inner.failed(proving->inner.context, ret_partition, ret_offset);
}

static int proving_bounds(void *context, int32_t partition, int64_t timeout_ms, int64_t *ret_first, int64_t *ret_next,
                          struct ev_error *error)
{
    struct proving *proving = context;
    return proving->inner.bounds(proving->inner.context, partition, timeout_ms, ret_first, ret_next, error);
}

/* The proof asks now and then whether it may go on, and waits by this where it has to. */
static bool on_wait(void *context, int64_t ms)
{
    struct proving *proving = context;
    proving->stopped = replay_wait(proving->replay, proving->records, ms, proving->error);
    return proving->stopped >= 0;
}

static void take_result(const struct proof_result *result, struct replay_differences *ret)
{
    struct ev_digest stored = {0}, expected = {0};
    for (int32_t i = 0; i < result->partition_count; i++) {
        ev_digest_join(&stored, &result->partitions[i].stored);
        ev_digest_join(&expected, &result->partitions[i].expected);
    }
    ev_digest_format(&stored, ret->digest);
    ev_digest_format(&expected, ret->expected_digest);
    ret->compared = result->documents;
    for (int kind = 0; kind < PROOF_KIND_COUNT; kind++)
        ret->different += kind == PROOF_PARKED ? 0 : result->counts[kind];
}

int replay_compare(const struct replay_options *options, struct ev_sink *sink, struct replay_differences *ret,
                   void *replay, struct ev_error *error)
{
    struct proving proving = {.ret = ret, .replay = replay, .error = error};
    struct proof_result *result = ev_memory_new(struct proof_result);
    _cleanup_free_ void *owned = result;
    struct ev_reader *reader = NULL;
    int r = replay_make_reader(options, options->view, &reader, error);
    if (r >= 0)
        r = sink->prepare(sink, options->view, error);
    if (r >= 0) {
        proving.inner = ev_commit_source_of_reader(reader);
        const struct proof_options proof_options = {
            .view = options->view,
            .source = {.describe = proving_describe,
                       .assign = proving_assign,
                       .poll = proving_poll,
                       .failed = proving_failed,
                       .bounds = proving_bounds,
                       .context = &proving},
            .sink = sink,
            .clock = &ev_clock_system,
            .memory_bytes_max = options->memory_bytes,
            .tell = on_difference,
            .wait = on_wait,
            .context = &proving,
        };
        struct ev_error fault = {0};
        r = proof_run(&proof_options, result, &fault);
        if (r < 0 && proving.stopped < 0)
            r = proving.stopped; /* its words are in *error */
        else if (r < 0)
            *error = fault;
    }
    if (r >= 0)
        take_result(result, ret);
    ev_reader_destroy(reader);
    return r;
}
