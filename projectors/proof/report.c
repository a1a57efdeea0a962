#include <inttypes.h>
#include <stdio.h>

#include "proof/proof.h"

static const char *const kind_texts[] = {
#define X(name, text) text,
    PROOF_KINDS(X)
#undef X
};

const char *proof_kind_text(enum proof_kind kind)
{
    return kind_texts[kind];
}

bool proof_holds(const struct proof_result *result)
{
    int64_t wrong = 0;
    for (int kind = 0; kind < PROOF_KIND_COUNT; kind++)
        wrong += kind == PROOF_PARKED ? 0 : result->counts[kind];
    return wrong == result->mended;
}

static void print_digest(struct ev_json_writer *writer, const char *name, const struct ev_digest *digest)
{
    char text[EV_DIGEST_TEXT_MAX];
    ev_digest_format(digest, text);
    ev_json_kv_cstr(writer, name, text);
}

static void print_partition(struct ev_json_writer *writer, int32_t number, const struct proof_partition *partition)
{
    ev_json_object_begin(writer);
    ev_json_kv_int64(writer, "partition", number);
    ev_json_kv_int64(writer, "position", partition->position);
    ev_json_kv_int64(writer, "documents", partition->stored.documents);
    print_digest(writer, "digest", &partition->stored);
    print_digest(writer, "expected_digest", &partition->expected);
    ev_json_object_end(writer);
}

static void print_sums(struct ev_json_writer *writer, const struct proof_result *result)
{
    struct ev_digest stored = {0}, expected = {0};
    for (int32_t i = 0; i < result->partition_count; i++) {
        ev_digest_join(&stored, &result->partitions[i].stored);
        ev_digest_join(&expected, &result->partitions[i].expected);
    }
    ev_json_kv_bool(writer, "equal", ev_digest_equal(&stored, &expected));
    print_digest(writer, "digest", &stored);
    print_digest(writer, "expected_digest", &expected);
    ev_json_kv_int64(writer, "documents", stored.documents);
    ev_json_kv_int64(writer, "expected", expected.documents);
}

void proof_print(const struct ev_view *view, const struct ev_sink *sink, const struct proof_result *result,
                 struct ev_json_writer *writer)
{
    ev_json_object_begin(writer);
    ev_json_kv_cstr(writer, "view", view->name);
    ev_json_kv_int64(writer, "version", view->version);
    ev_json_kv_cstr(writer, "sink", sink->name);
    ev_json_kv_bool(writer, "holds", proof_holds(result));
    print_sums(writer, result);
    for (int kind = 0; kind < PROOF_KIND_COUNT; kind++)
        ev_json_kv_int64(writer, kind_texts[kind], result->counts[kind]);
    ev_json_kv_int64(writer, "mended", result->mended);
    ev_json_kv_int64(writer, "moved", result->moved);
    ev_json_kv_int64(writer, "records", result->records);
    ev_json_kv_int64(writer, "events", result->events);
    ev_json_kv_int64(writer, "passes", result->passes);
    ev_json_kv_int64(writer, "bytes_peak", (int64_t)result->bytes_peak);
    ev_json_kv_int64(writer, "ms", result->took_ms);
    ev_json_key(writer, EV_STR("partitions"));
    ev_json_array_begin(writer);
    for (int32_t i = 0; i < result->partition_count; i++)
        print_partition(writer, i, &result->partitions[i]);
    ev_json_array_end(writer);
    ev_json_object_end(writer);
}

void proof_print_difference(const struct ev_view *view, const struct ev_sink *sink,
                            const struct proof_difference *difference, struct ev_json_writer *writer)
{
    ev_json_object_begin(writer);
    ev_json_kv_cstr(writer, "view", view->name);
    ev_json_kv_cstr(writer, "sink", sink->name);
    ev_json_kv_cstr(writer, "difference", proof_kind_text(difference->kind));
    ev_json_kv_string(writer, "key", difference->key);
    ev_json_kv_int64(writer, "partition", difference->partition);
    ev_json_kv_int64(writer, "offset", difference->stored_offset);
    ev_json_kv_int64(writer, "expected_offset", difference->expected_offset);
    if (difference->cause.data)
        ev_json_kv_string(writer, "cause", difference->cause);
    ev_json_key(writer, EV_STR("fields"));
    ev_json_array_begin(writer);
    for (size_t i = 0; i < difference->field_count; i++) {
        ev_json_object_begin(writer);
        ev_json_kv_string(writer, "field", difference->fields[i].name);
        ev_json_kv_string(writer, "stored", difference->fields[i].stored);
        ev_json_kv_string(writer, "expected", difference->fields[i].expected);
        ev_json_object_end(writer);
    }
    ev_json_array_end(writer);
    ev_json_kv_bool(writer, "mended", difference->mended);
    ev_json_object_end(writer);
}
