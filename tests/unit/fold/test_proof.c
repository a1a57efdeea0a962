/* The proof: finds whatever was altered in a store, mends it, and isn't misled by what moves on meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "gen/views.h"
#include "proof/proof.h"
#include "proof/redrive.h"
#include "rig.h"

#define TOLD_MAX 64

struct told {
    enum proof_kind kind;
    char key[64], cause[128], field[32], stored[32], expected[32];
    bool mended;
};

struct setup {
    struct rig rig;
    struct ev_projection *projection;
    struct told told[TOLD_MAX];
    size_t told_count;
    size_t memory_bytes_max;
    bool mend;
    int64_t *at;
    void (*meanwhile)(struct setup *setup); /* called once while the proof is at work */
    struct proof_result result;
};

static struct setup *the_setup; /* of the test that runs */

static void copy_text(char *to, size_t size, struct ev_str from)
{
    snprintf(to, size, "%.*s", EV_STR_ARG(from));
}

static void setup_tell(void *context, const struct proof_difference *difference)
{
    struct setup *setup = context;
    assert_true(setup->told_count < TOLD_MAX);
    struct told *told = &setup->told[setup->told_count++];
    *told = (struct told){.kind = difference->kind, .mended = difference->mended};
    copy_text(told->key, sizeof(told->key), difference->key);
    copy_text(told->cause, sizeof(told->cause), difference->cause);
    if (difference->field_count > 0) {
        copy_text(told->field, sizeof(told->field), difference->fields[0].name);
        copy_text(told->stored, sizeof(told->stored), difference->fields[0].stored);
        copy_text(told->expected, sizeof(told->expected), difference->fields[0].expected);
    }
}

static int setup_scan(struct ev_sink *sink, const struct ev_view *view,
                      int (*each)(void *context, const struct ev_sink_document *document), void *context,
                      struct ev_error *error)
{
    void (*meanwhile)(struct setup *) = the_setup->meanwhile;
    the_setup->meanwhile = NULL;
    if (meanwhile)
        meanwhile(the_setup);
    struct ev_memory_sink plain;
    ev_memory_sink_init(&plain);
    int r = plain.sink.scan(sink, view, each, context, error);
    ev_memory_sink_finish(&plain);
    return r;
}

static struct setup *setup_new(int32_t partitions)
{
    struct setup *setup = ev_memory_new(struct setup);
    rig_init(&setup->rig, partitions);
    setup->projection = rig_projection(&setup->rig);
    setup->rig.store.sink.scan = setup_scan;
    the_setup = setup;
    return setup;
}

static void setup_free(struct setup *setup)
{
    ev_projection_destroy(setup->projection);
    rig_finish(&setup->rig);
    free(setup);
}

/* Twenty carts with three commits each, in the store. */
static struct setup *setup_filled(void)
{
    struct setup *setup = setup_new(3);
    for (int i = 0; i < 60; i++)
        rig_add(&setup->rig, i % 20, i + 1);
    rig_run(&setup->rig, setup->projection);
    return setup;
}

static int try_prove(struct setup *setup, struct ev_error *error)
{
    struct fake_reader reader;
    const struct proof_options options = {
        .view = &rig_view,
        .source = fake_reader_source(&reader, &setup->rig.log),
        .sink = &setup->rig.store.sink,
        .clock = &setup->rig.clock.clock,
        .memory_bytes_max = setup->memory_bytes_max,
        .mend = setup->mend,
        .at = setup->at,
        .at_count = setup->at ? (size_t)setup->rig.log.partition_count : 0,
        .tell = setup_tell,
        .context = setup,
    };
    setup->told_count = 0;
    return proof_run(&options, &setup->result, error);
}

static void prove(struct setup *setup)
{
    struct ev_error error;
    if (try_prove(setup, &error) < 0)
        fail_msg("%s", error.message);
}

static bool digests_are_equal(const struct setup *setup)
{
    for (int32_t i = 0; i < setup->result.partition_count; i++)
        if (!ev_digest_equal(&setup->result.partitions[i].expected, &setup->result.partitions[i].stored))
            return false;
    return true;
}

static void assert_nothing_is_wrong(const struct setup *setup)
{
    assert_true(proof_holds(&setup->result));
    assert_true(digests_are_equal(setup));
    for (int kind = 0; kind < PROOF_KIND_COUNT; kind++)
        assert_int_equal(setup->result.counts[kind], 0);
    assert_int_equal(setup->told_count, 0);
}

/* --- altering the store by hand --- */

static void put(struct setup *setup, const char *key, int64_t units, struct ev_document_meta meta)
{
    struct carts_document document = {0};
    struct ev_arena arena;
    struct ev_buffer body;
    struct ev_sink_document stored;
    struct ev_error error;
    ev_arena_init(&arena, 0);
    ev_buffer_init(&body);
    if (ev_memory_sink_get(&setup->rig.store, &rig_view, ev_str_of(key), &stored) && !stored.deleted)
        assert_int_equal(ev_record_decode(&carts_document_record, stored.body, &arena, &document, &error), 0);
    else
        ev_record_init(&carts_document_record, &document, &arena);
    document.units = units;
    ev_record_encode(&carts_document_record, &document, &body);
    struct ev_sink_document altered = {
        .key = ev_str_of(key), .meta = meta, .previous_offset = stored.meta.offset, .body = ev_buffer_str(&body)};
    struct ev_sink *sink = &setup->rig.store.sink;
    assert_int_equal(sink->write(sink, &rig_view, &altered, 1, &error), 0);
    assert_int_equal(altered.result, EV_WRITE_DONE);
    ev_buffer_finish(&body);
    ev_arena_finish(&arena);
}

static struct ev_document_meta meta_of(const struct setup *setup, const char *key)
{
    struct ev_sink_document stored;
    assert_true(ev_memory_sink_get(&setup->rig.store, &rig_view, ev_str_of(key), &stored));
    return stored.meta;
}

static void remove_document(struct setup *setup, const char *key)
{
    struct ev_error error;
    struct ev_sink_document gone = {
        .key = ev_str_of(key), .removed = true, .previous_offset = meta_of(setup, key).offset};
    struct ev_sink *sink = &setup->rig.store.sink;
    assert_int_equal(sink->mend(sink, &rig_view, &gone, 1, &error), 0);
    assert_int_equal(gone.result, EV_WRITE_DONE);
}

static const struct told *told_of(const struct setup *setup, const char *key)
{
    for (size_t i = 0; i < setup->told_count; i++)
        if (strcmp(setup->told[i].key, key) == 0)
            return &setup->told[i];
    fail_msg("nothing was told of %s", key);
    return NULL;
}

static void alter_all_ways(struct setup *setup)
{
    struct ev_document_meta meta = meta_of(setup, "cart-1");
    put(setup, "cart-1", 1000, meta);
    meta = meta_of(setup, "cart-2");
    meta.sequence++;
    put(setup, "cart-2", rig_units(&setup->rig, 2), meta);
    remove_document(setup, "cart-3");
    put(setup, "nobody", 5, (struct ev_document_meta){.offset = 7, .partition = 1, .sequence = 1});
    meta = meta_of(setup, "cart-4");
    meta.offset = 1000000;
    put(setup, "cart-4", 4, meta);
    meta = meta_of(setup, "cart-5");
    meta.offset = 1;
    put(setup, "cart-5", 5, meta);
}

/* --- tests --- */

static void test_holds_for_what_a_projection_wrote(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    rig_check_out(&setup->rig, 4); /* a tombstone */
    rig_void(&setup->rig, 5, 100);
    rig_run(&setup->rig, setup->projection);
    prove(setup);
    assert_nothing_is_wrong(setup);
    assert_int_equal(setup->result.documents, 20);
    assert_int_equal(setup->result.passes, 1);
    assert_int_equal(setup->result.moved, 0);
    setup_free(setup);
}

static void test_an_empty_log_and_an_empty_store(void **state)
{
    (void)state;
    struct setup *setup = setup_new(1);
    prove(setup);
    assert_nothing_is_wrong(setup);
    rig_run(&setup->rig, setup->projection);
    put(setup, "nobody", 1, (struct ev_document_meta){.offset = 0, .sequence = 1});
    prove(setup);
    assert_false(proof_holds(&setup->result));
    assert_int_equal(told_of(setup, "nobody")->kind, PROOF_EXTRA);
    setup_free(setup);
}

static void test_finds_what_was_altered(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    alter_all_ways(setup);
    prove(setup);
    assert_false(proof_holds(&setup->result));
    assert_false(digests_are_equal(setup));
    assert_int_equal(setup->told_count, 6);
    const struct told *told = told_of(setup, "cart-1");
    assert_int_equal(told->kind, PROOF_DIFFERENT);
    assert_string_equal(told->field, "units");
    assert_string_equal(told->stored, "1000");
    assert_string_equal(told->expected, "66"); /* 2 + 22 + 42 */
    assert_string_equal(told_of(setup, "cart-2")->field, "_sequence");
    assert_int_equal(told_of(setup, "cart-3")->kind, PROOF_MISSING);
    assert_int_equal(told_of(setup, "nobody")->kind, PROOF_EXTRA);
    assert_string_equal(told_of(setup, "cart-4")->field, "_offset");
    assert_int_equal(told_of(setup, "cart-5")->kind, PROOF_DIFFERENT);
    assert_int_equal(setup->result.counts[PROOF_DIFFERENT], 4);
    assert_int_equal(setup->result.mended, 0);
    setup_free(setup);
}

static void test_mends_what_was_altered(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    alter_all_ways(setup);
    setup->mend = true;
    prove(setup);
    assert_true(proof_holds(&setup->result));
    assert_true(digests_are_equal(setup));
    assert_int_equal(setup->result.mended, 6);
    assert_true(told_of(setup, "cart-1")->mended);
    setup->mend = false;
    prove(setup);
    assert_nothing_is_wrong(setup);
    rig_assert_true_to_log(&setup->rig);
    setup_free(setup);
}

static void write_more(struct setup *setup)
{
    for (int i = 0; i < 30; i++)
        rig_add(&setup->rig, i, 1); /* cart-20 to cart-29 are new */
    rig_check_out(&setup->rig, 6);
    rig_run(&setup->rig, setup->projection);
}

static void test_is_not_misled_by_what_moves_on(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    setup->meanwhile = write_more;
    prove(setup);
    assert_nothing_is_wrong(setup);
    assert_int_equal(setup->result.moved, 30);
    setup_free(setup);
}

/* What was altered is found at its own position, wherever that is. */
static void test_finds_what_is_wrong_in_what_moves_on(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    alter_all_ways(setup);
    ev_projection_destroy(setup->projection); /* a new one knows nothing of how they were */
    setup->projection = rig_projection(&setup->rig);
    setup->meanwhile = write_more;
    setup->mend = true;
    prove(setup);
    assert_true(setup->result.counts[PROOF_DIFFERENT] >= 4);
    assert_int_equal(told_of(setup, "cart-1")->kind, PROOF_DIFFERENT);
    assert_true(proof_holds(&setup->result));
    rig_assert_true_to_log(&setup->rig);
    setup_free(setup);
}

static void overtake(struct rig *rig)
{
    struct ev_document_meta meta = meta_of(the_setup, "cart-1");
    rig_add(rig, 1, 9);
    rig->before_write = NULL;
    struct ev_projection *second = rig_projection(rig);
    rig_run(rig, second);
    ev_projection_destroy(second);
    assert_true(meta_of(the_setup, "cart-1").offset > meta.offset);
}

/* A repair never takes back what was written between looking and mending. */
static void test_a_repair_loses_against_a_newer_document(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    put(setup, "cart-1", 1000, meta_of(setup, "cart-1"));
    setup->mend = true;
    setup->rig.before_write = overtake;
    prove(setup);
    assert_true(proof_holds(&setup->result)); /* mended at its new position */
    setup->mend = false;
    prove(setup);
    assert_nothing_is_wrong(setup);
    assert_int_equal(rig_units(&setup->rig, 1), 75);
    rig_assert_true_to_log(&setup->rig);
    setup_free(setup);
}

static void test_a_document_that_stayed_behind(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    struct ev_sink_document stored;
    struct ev_memory_sink before;
    ev_memory_sink_init(&before);
    ev_memory_sink_copy(&setup->rig.store, &before);
    rig_add(&setup->rig, 7, 5);
    rig_run(&setup->rig, setup->projection);
    /* As it was before the last commit: right at its own position, but the checkpoint says more. */
    struct ev_document_meta now = meta_of(setup, "cart-7");
    assert_true(ev_memory_sink_get(&before, &rig_view, EV_STR("cart-7"), &stored));
    struct ev_error error;
    stored.previous_offset = now.offset;
    assert_int_equal(setup->rig.store.sink.write(&setup->rig.store.sink, &rig_view, &stored, 1, &error), 0);
    prove(setup);
    assert_int_equal(setup->told_count, 1);
    assert_int_equal(told_of(setup, "cart-7")->kind, PROOF_BEHIND);
    setup->mend = true;
    prove(setup);
    assert_true(proof_holds(&setup->result));
    rig_assert_true_to_log(&setup->rig);
    ev_memory_sink_finish(&before);
    setup_free(setup);
}

static void test_parked_documents_are_no_fault(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    rig_add(&setup->rig, 1, 0); /* the fold refuses it */
    rig_add(&setup->rig, 1, 5);
    rig_add(&setup->rig, 50, 0); /* the first one already */
    setup->rig.call = EV_MEMORY_SINK_WRITE_ONE;
    setup->rig.result = EV_WRITE_FAILED;
    setup->rig.fatal = true;
    setup->rig.only_key = "cart-2";
    setup->rig.remaining = 1;
    rig_add(&setup->rig, 2, 5); /* the store refuses it */
    rig_add(&setup->rig, 2, 6);
    rig_run(&setup->rig, setup->projection);
    setup->mend = true;
    prove(setup);
    assert_true(proof_holds(&setup->result));
    assert_true(digests_are_equal(setup));
    assert_int_equal(setup->result.counts[PROOF_PARKED], 3);
    assert_int_equal(setup->result.mended, 0);
    assert_string_equal(told_of(setup, "cart-2")->cause, "the store refuses it");
    assert_non_null(strstr(told_of(setup, "cart-1")->cause, "refused"));

    /* Altered all the same: put back to where it is parked, and no further. */
    int64_t units = rig_units(&setup->rig, 2);
    put(setup, "cart-2", 77, meta_of(setup, "cart-2"));
    prove(setup);
    assert_int_equal(told_of(setup, "cart-2")->kind, PROOF_DIFFERENT);
    assert_true(proof_holds(&setup->result));
    assert_int_equal(rig_units(&setup->rig, 2), units);
    setup_free(setup);
}

/* Lets the projection work while somebody waits. */
static bool step_while_waiting(void *context, int64_t ms)
{
    struct setup *setup = context;
    struct ev_error error;
    setup->rig.clock.now_ms += ms;
    rig_step(&setup->rig, setup->projection, &error);
    return true;
}

static struct redrive redrive_one(struct setup *setup, const char *key, int64_t offset, bool skip, bool dry_run)
{
    struct fake_reader reader;
    struct ev_error error = {0};
    struct redrive item = {.parked = {.key = ev_str_of(key), .partition = 1, .offset = offset}};
    const struct proof_options options = {
        .view = &rig_view,
        .source = fake_reader_source(&reader, &setup->rig.log),
        .sink = &setup->rig.store.sink,
        .clock = &setup->rig.clock.clock,
        .wait = step_while_waiting,
        .context = setup,
    };
    if (redrive_run(&options, &item, 1, skip, dry_run, &error) < 0)
        fail_msg("%s", error.message);
    return item;
}

/* The store refused it once: folded anew, it goes on, with what came meanwhile. */
static void test_retries_what_a_store_refused(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    setup->rig.call = EV_MEMORY_SINK_WRITE_ONE;
    setup->rig.result = EV_WRITE_FAILED;
    setup->rig.fatal = true;
    setup->rig.only_key = "cart-1";
    setup->rig.remaining = 1;
    int64_t offset = rig_add(&setup->rig, 1, 5);
    rig_run(&setup->rig, setup->projection);
    rig_add(&setup->rig, 1, 6);
    rig_run(&setup->rig, setup->projection);
    assert_int_equal(rig_units(&setup->rig, 1), 66);
    assert_int_equal(redrive_one(setup, "cart-1", offset, false, true).outcome, REDRIVE_WOULD);
    assert_int_equal(rig_units(&setup->rig, 1), 66);
    assert_int_equal(redrive_one(setup, "cart-1", offset, false, false).outcome, REDRIVE_DONE);
    assert_int_equal(rig_units(&setup->rig, 1), 77);
    rig_add(&setup->rig, 1, 3);
    rig_run(&setup->rig, setup->projection);
    assert_int_equal(rig_units(&setup->rig, 1), 80);
    rig_assert_true_to_log(&setup->rig);
    prove(setup);
    assert_nothing_is_wrong(setup);
    setup_free(setup);
}

/* What the fold refuses stays parked, until its commit is left out; audits know of that. */
static void test_skips_what_cannot_be_folded(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    int64_t first = rig_add(&setup->rig, 1, 0);
    rig_add(&setup->rig, 1, 5);
    int64_t second = rig_add(&setup->rig, 1, 0);
    rig_add(&setup->rig, 1, 6);
    rig_run(&setup->rig, setup->projection);
    struct redrive item = redrive_one(setup, "cart-1", first, false, false);
    assert_int_equal(item.outcome, REDRIVE_STAYS);
    assert_non_null(strstr(item.cause, "refused"));
    assert_int_equal(redrive_one(setup, "cart-1", first, true, true).outcome, REDRIVE_STAYS);

    /* The next one that can't be folded is as far as it gets. */
    assert_int_equal(redrive_one(setup, "cart-1", first, true, false).outcome, REDRIVE_STAYS);
    assert_int_equal(rig_units(&setup->rig, 1), 71);
    assert_int_equal(redrive_one(setup, "cart-1", second, true, false).outcome, REDRIVE_DONE);
    assert_int_equal(rig_units(&setup->rig, 1), 77);
    rig_add(&setup->rig, 1, 1);
    rig_run(&setup->rig, setup->projection);
    assert_int_equal(rig_units(&setup->rig, 1), 78);
    prove(setup);
    assert_nothing_is_wrong(setup);

    /* That something was left out long ago parks nothing: what is altered is put right up to now. */
    put(setup, "cart-1", 1000, meta_of(setup, "cart-1"));
    setup->mend = true;
    prove(setup);
    assert_int_equal(told_of(setup, "cart-1")->kind, PROOF_DIFFERENT);
    assert_true(proof_holds(&setup->result));
    assert_int_equal(rig_units(&setup->rig, 1), 78);
    prove(setup);
    assert_nothing_is_wrong(setup);
    setup_free(setup);
}

/* A partition stands still: what lies in others is audited, mended and brought on all the same. */
static void test_beside_a_partition_that_stands_still(void **state)
{
    (void)state;
    for (int garbage = 0; garbage < 2; garbage++) {
        struct setup *setup = setup_filled();
        struct rig *rig = &setup->rig;
        int64_t stop = garbage ? fake_log_garbage(&rig->log, 0) : rig_add(rig, 0, 5);
        if (!garbage)
            fake_log_set_unreadable(&rig->log, 0, stop, true);
        int64_t refused = rig_add(rig, 1, 0);
        rig_add(rig, 0, 7);
        rig_run(rig, setup->projection);
        put(setup, "cart-4", 1000, meta_of(setup, "cart-4"));
        setup->mend = true;
        prove(setup);
        assert_int_equal(setup->result.mended, 1);
        assert_int_equal(redrive_one(setup, "cart-1", refused, true, false).outcome, REDRIVE_DONE);
        prove(setup);
        assert_int_equal(setup->result.counts[PROOF_PARKED], 0);
        /* Gone on with without that commit: the proof knows. */
        if (!garbage) {
            struct ev_error error;
            const struct ev_parked entry = {.key = EV_STR("#partition 0"), .partition = 0, .offset = stop};
            int64_t units = rig_units(rig, 0);
            assert_int_equal(redrive_partition(&rig->store.sink, &rig_view, &entry, true, &error), 0);
            rig_look_and_run(rig, setup->projection);
            assert_int_equal(rig_units(rig, 0), units + 7);
            prove(setup);
            assert_nothing_is_wrong(setup);
        }
        setup_free(setup);
    }
}

static void test_memory_is_bounded_by_passes(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    prove(setup);
    size_t all = setup->result.bytes_peak;
    setup->memory_bytes_max = all / 3;
    put(setup, "cart-1", 1000, meta_of(setup, "cart-1"));
    remove_document(setup, "cart-8");
    prove(setup);
    assert_true(setup->result.passes > 4);
    assert_true(setup->result.bytes_peak < all / 3 + 1024);
    assert_int_equal(setup->told_count, 2);
    assert_int_equal(setup->result.documents, 19);
    setup_free(setup);
}

static void test_a_given_position(void **state)
{
    (void)state;
    struct setup *setup = setup_filled();
    struct ev_error error;
    int64_t at[3] = {5, 6, 7};
    setup->at = at;
    prove(setup);
    assert_nothing_is_wrong(setup);
    assert_true(setup->result.moved > 0);
    assert_int_equal(setup->result.partitions[1].position, 6);
    put(setup, "cart-1", 1000, meta_of(setup, "cart-1"));
    prove(setup);
    assert_int_equal(setup->told_count, 1);
    assert_string_equal(told_of(setup, "cart-1")->expected, "66");

    setup->at = NULL;
    setup->rig.log.poll_failures = 3; /* a log that stutters */
    assert_int_equal(try_prove(setup, &error), 0);
    assert_int_equal(setup->told_count, 1);
    setup_free(setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_for_what_a_projection_wrote),
        cmocka_unit_test(test_an_empty_log_and_an_empty_store),
        cmocka_unit_test(test_finds_what_was_altered),
        cmocka_unit_test(test_mends_what_was_altered),
        cmocka_unit_test(test_is_not_misled_by_what_moves_on),
        cmocka_unit_test(test_finds_what_is_wrong_in_what_moves_on),
        cmocka_unit_test(test_a_repair_loses_against_a_newer_document),
        cmocka_unit_test(test_a_document_that_stayed_behind),
        cmocka_unit_test(test_parked_documents_are_no_fault),
        cmocka_unit_test(test_retries_what_a_store_refused),
        cmocka_unit_test(test_skips_what_cannot_be_folded),
        cmocka_unit_test(test_beside_a_partition_that_stands_still),
        cmocka_unit_test(test_memory_is_bounded_by_passes),
        cmocka_unit_test(test_a_given_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
