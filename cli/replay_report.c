#include "cli/replay_report.h"

#include <inttypes.h>
#include <stdio.h>

static const char *outcome_text(enum replay_outcome outcome)
{
    switch (outcome) {
    case REPLAY_LIVE:
        return "live";
    case REPLAY_REFUSED:
        return "refused";
    case REPLAY_DISPROVED:
        return "disproved";
    }
    return "unknown";
}

static void print_differences(const struct replay_differences *differences)
{
    printf("  %" PRId64 " of %" PRId64 " documents differ:\n", differences->different, differences->compared);
    for (size_t i = 0; i < differences->field_count; i++)
        printf("    %-24s %" PRId64 "\n", differences->fields[i].field, differences->fields[i].documents);
    for (size_t i = 0; i < differences->sample_count; i++)
        printf("  %s  %s\n", differences->samples[i].key, differences->samples[i].what);
}

void replay_report_text(const struct choice *choice, const struct replay_result *result)
{
    const struct generation *before = &result->before, *after = &result->after;
    int64_t ms = result->elapsed_ms > 0 ? result->elapsed_ms : 1, fold_ms = result->fold_ms > 0 ? result->fold_ms : 1;
    printf("%s in %s, version %d, generation %d: ", choice->view->name, choice_store_name(choice->store),
           after->version, after->number);
    switch (result->outcome) {
    case REPLAY_LIVE:
        printf("live; version %d, generation %d is kept to go back to\n", before->version, before->number);
        break;
    case REPLAY_REFUSED:
        printf("not live: this fold makes other documents than the live ones; look, then repeat with --accept\n");
        break;
    case REPLAY_DISPROVED:
        printf("NOT LIVE: what the replay wrote isn't what the log says; it was dropped\n");
        print_differences(&result->proof);
        break;
    }
    if (result->change.different > 0)
        print_differences(&result->change);
    printf("  %" PRId64 " events, %" PRId64 " documents, %" PRId64 " parked, %.1f s (%" PRId64
           " events/s folded and written), at most %" PRId64 " MB, %" PRId64 " spilled\n",
           result->total.events, result->total.documents, result->parked, (double)ms / 1000,
           result->total.events * 1000 / fold_ms, result->total.memory_bytes / 1000000, result->total.spilled);
    if (result->outcome != REPLAY_DISPROVED)
        printf("  proved: %" PRId64 " documents, digest %s\n", result->proof.compared, result->proof.digest);
}

static void write_generation(struct ev_json_writer *json, const char *name, const struct generation *generation)
{
    ev_json_key(json, ev_str_of(name));
    ev_json_object_begin(json);
    ev_json_kv_int64(json, "version", generation->version);
    ev_json_kv_int64(json, "generation", generation->number);
    ev_json_object_end(json);
}

static void write_differences(struct ev_json_writer *json, const char *name,
                              const struct replay_differences *differences)
{
    ev_json_key(json, ev_str_of(name));
    ev_json_object_begin(json);
    ev_json_kv_int64(json, "compared", differences->compared);
    ev_json_kv_int64(json, "different", differences->different);
    ev_json_kv_cstr(json, "digest", differences->digest);
    ev_json_kv_cstr(json, "expected_digest", differences->expected_digest);
    ev_json_key(json, EV_STR("fields"));
    ev_json_object_begin(json);
    for (size_t i = 0; i < differences->field_count; i++)
        ev_json_kv_int64(json, differences->fields[i].field, differences->fields[i].documents);
    ev_json_object_end(json);
    ev_json_key(json, EV_STR("samples"));
    ev_json_array_begin(json);
    for (size_t i = 0; i < differences->sample_count; i++) {
        ev_json_object_begin(json);
        ev_json_kv_cstr(json, "key", differences->samples[i].key);
        ev_json_kv_cstr(json, "what", differences->samples[i].what);
        ev_json_object_end(json);
    }
    ev_json_array_end(json);
    ev_json_object_end(json);
}

void replay_report_json(const struct choice *choice, const struct replay_result *result)
{
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    ev_json_init(&json, &line);
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "view", choice->view->name);
    ev_json_kv_cstr(&json, "sink", choice_store_name(choice->store));
    ev_json_kv_cstr(&json, "outcome", outcome_text(result->outcome));
    write_generation(&json, "before", &result->before);
    write_generation(&json, "after", &result->after);
    ev_json_kv_int64(&json, "events", result->total.events);
    ev_json_kv_int64(&json, "documents", result->total.documents);
    ev_json_kv_int64(&json, "spilled", result->total.spilled);
    ev_json_kv_int64(&json, "parked", result->parked);
    ev_json_kv_int64(&json, "skipped", result->skipped);
    ev_json_kv_int64(&json, "memory_bytes_max", result->total.memory_bytes);
    ev_json_kv_int64(&json, "fold_ms", result->fold_ms);
    ev_json_kv_int64(&json, "catch_up_ms", result->catch_up_ms);
    ev_json_kv_int64(&json, "prove_ms", result->prove_ms);
    ev_json_kv_int64(&json, "elapsed_ms", result->elapsed_ms);
    write_differences(&json, "proof", &result->proof);
    write_differences(&json, "change", &result->change);
    ev_json_object_end(&json);
    ev_buffer_append_byte(&line, '\n');
    fwrite(line.data, 1, line.length, stdout);
    ev_buffer_finish(&line);
}
