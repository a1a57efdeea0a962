/* Reads the whole topic and checks it against what was asked for: every command's number occurs in exactly one valid
 * commit, and the versions of every shelf have no gap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"
#include "core/memory.h"
#include "drill.h"

struct tally {
    const struct drill *drill;
    unsigned char *seen; /* by number - base: how often */
    struct ev_map versions;
    int64_t commits, fences, voids, void_fences, twice, missing, version_faults, others;
};

static void count_commit(struct tally *tally, const struct ev_commit *commit)
{
    char text[32] = "";
    long long number;
    int64_t *version = ev_map_get(&tally->versions, commit->stream_id);
    if (!version) {
        version = ev_memory_new(int64_t);
        (void)ev_map_put(&tally->versions, commit->stream_id, version);
    }
    tally->version_faults += commit->base_version != *version;
    ++*version;
    tally->commits++;
    snprintf(text, sizeof(text), "%.*s", EV_STR_ARG(commit->correlation_id));
    if (sscanf(text, "1/%lld", &number) != 1 || number < tally->drill->base ||
        number >= tally->drill->base + tally->drill->count) {
        tally->others++;
        return;
    }
    tally->twice += tally->seen[number - tally->drill->base]++ > 0;
}

static void count_record(struct tally *tally, const struct ev_log_record *record)
{
    switch (record->verdict) {
    case EV_VERDICT_COMMIT:
        count_commit(tally, &record->commit);
        break;
    case EV_VERDICT_FENCE:
        tally->fences++;
        break;
    case EV_VERDICT_VOID:
        tally->voids++;
        break;
    case EV_VERDICT_VOID_FENCE:
        tally->void_fences++;
        break;
    }
}

static void read_all(struct tally *tally, struct ev_reader *reader)
{
    struct ev_error error = {0};
    struct ev_arena arena = {0};
    struct ev_log_record records[256];
    char topic_id[64];
    int32_t partitions;
    drill_must(ev_reader_describe(reader, DRILL_TIMEOUT_MS, &partitions, topic_id, &error), "describe", &error);
    struct ev_cursor *cursors = ev_memory_alloc_array((size_t)partitions, sizeof(*cursors));
    int64_t left = 0;
    for (int32_t i = 0; i < partitions; i++) {
        int64_t first, next;
        cursors[i] = (struct ev_cursor){.partition = i, .last_offset = -1};
        drill_must(ev_reader_bounds(reader, i, DRILL_TIMEOUT_MS, &first, &next, &error), "bounds", &error);
        left += next;
    }
    drill_must(ev_reader_assign(reader, cursors, (size_t)partitions, &error), "assign", &error);
    int64_t deadline = drill_now_us() + (int64_t)DRILL_TIMEOUT_MS * 1000;
    while (left > 0 && drill_now_us() < deadline) {
        ev_arena_reset(&arena);
        int got = ev_reader_poll(reader, &arena, records, 256, 500, &error);
        if (got == EV_ERR_UNAVAILABLE)
            continue;
        drill_must(got, "read", &error);
        for (int i = 0; i < got; i++)
            count_record(tally, &records[i]);
        left -= got;
    }
    if (left > 0) {
        fprintf(stderr, "log_drill: %lld records didn't come in time\n", (long long)left);
        exit(1);
    }
    ev_arena_finish(&arena);
    free(cursors);
}

static void tally_finish(struct tally *tally)
{
    size_t at = 0;
    void *version;
    while (ev_map_next(&tally->versions, &at, NULL, &version))
        free(version);
    ev_map_finish(&tally->versions);
    free(tally->seen);
}

int drill_verify(const struct drill *drill)
{
    struct ev_error error = {0};
    struct ev_reader *reader;
    struct tally tally = {.drill = drill, .seen = ev_memory_alloc_array((size_t)drill->count + 1, 1)};
    const struct ev_reader_options options = {
        .kafka = drill->kafka, .topic = &shelf_topic, .schemas = shelf_schemas, .include_void = true};
    drill_must(ev_reader_create(&options, &reader, &error), "reader", &error);
    int64_t start = drill_now_us();
    read_all(&tally, reader);
    double seconds = (double)(drill_now_us() - start) / 1e6;
    ev_reader_destroy(reader);
    for (int64_t i = 0; i < drill->count; i++)
        tally.missing += tally.seen[i] == 0;
    printf("{\"commits\": %lld, \"fences\": %lld, \"voids\": %lld, \"void_fences\": %lld, \"twice\": %lld, "
           "\"missing\": %lld, \"version_faults\": %lld, \"others\": %lld, \"seconds\": %.2f}\n",
           (long long)tally.commits, (long long)tally.fences, (long long)tally.voids, (long long)tally.void_fences,
           (long long)tally.twice, (long long)tally.missing, (long long)tally.version_faults, (long long)tally.others,
           seconds);
    bool good = tally.twice == 0 && tally.missing == 0 && tally.version_faults == 0;
    tally_finish(&tally);
    return good ? 0 : 1;
}
