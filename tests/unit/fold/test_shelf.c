/* The shelf gives back what was written last, whether it lay in memory or in the file meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/memory.h"
#include "replay/shelf.h"

#define KEYS 3000
#define ROUNDS 4
#define BODY_MAX 600
#define MEMORY ((size_t)64 * 1024)

static const struct ev_view view = {.name = "made_up", .version = 1};

struct model {
    int64_t offset; /* -1: was never written */
    size_t length;
    bool deleted;
};

static void body_of(size_t key, int64_t offset, size_t length, char ret[BODY_MAX])
{
    for (size_t i = 0; i < length; i++)
        ret[i] = (char)(key * 31 + (size_t)offset * 7 + i);
}

static void check(const struct model *model, size_t key, const struct ev_sink_document *document)
{
    char body[BODY_MAX];
    assert_int_equal(document->meta.offset, model->offset);
    if (model->offset < 0)
        return;
    assert_int_equal(document->deleted, model->deleted);
    assert_int_equal(document->meta.sequence, model->offset + 1);
    assert_int_equal(document->body.length, model->length);
    body_of(key, model->offset, model->length, body);
    assert_memory_equal(document->body.data, body, model->length);
}

struct seen {
    const struct model *models;
    size_t count;
    bool keys[KEYS];
};

static int see(void *context, const struct ev_sink_document *document)
{
    struct seen *seen = context;
    int64_t key;
    assert_true(ev_str_to_int64((struct ev_str){document->key.data + 1, document->key.length - 1}, &key));
    assert_false(seen->keys[key]);
    seen->keys[key] = true;
    seen->count++;
    check(&seen->models[key], (size_t)key, document);
    return 0;
}

static void write_one(struct shelf *shelf, struct model *model, size_t key, int64_t offset, size_t length)
{
    char text[16], body[BODY_MAX];
    struct ev_error error = {0};
    int written = snprintf(text, sizeof(text), "k%zu", key);
    *model = (struct model){.offset = offset, .length = length, .deleted = length == 0};
    body_of(key, offset, length, body);
    struct ev_sink_document document = {
        .key = {text, (size_t)written},
        .meta = {.offset = offset, .sequence = offset + 1},
        .previous_offset = -1,
        .deleted = length == 0,
        .body = {body, length},
        .result = EV_WRITE_FAILED,
    };
    assert_int_equal(shelf->sink.write(&shelf->sink, &view, &document, 1, &error), 0);
    assert_int_equal(document.result, EV_WRITE_DONE);
}

static void load_one(struct shelf *shelf, const struct model *model, size_t key)
{
    char text[16];
    struct ev_error error = {0};
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    int written = snprintf(text, sizeof(text), "k%zu", key);
    struct ev_sink_document document = {.key = {text, (size_t)written}};
    assert_int_equal(shelf->sink.load(&shelf->sink, &view, &document, 1, &arena, &error), 0);
    check(model, key, &document);
    ev_arena_finish(&arena);
}

static void test_what_was_written_last_comes_back(void **state)
{
    (void)state;
    struct model *models = ev_memory_alloc_array(KEYS, sizeof(*models));
    struct seen *seen = ev_memory_new(struct seen);
    struct ev_fake_random random;
    struct shelf shelf;
    struct ev_error error = {0};
    ev_fake_random_init(&random, 7);
    shelf_init(&shelf, MEMORY, "/tmp");
    for (size_t i = 0; i < KEYS; i++)
        models[i].offset = -1;
    for (int64_t offset = 0; offset < (int64_t)KEYS * ROUNDS; offset++) {
        size_t key = (size_t)ev_random_below(&random.random, KEYS);
        load_one(&shelf, &models[key], key);
        write_one(&shelf, &models[key], key, offset, (size_t)ev_random_below(&random.random, BODY_MAX));
        assert_true(shelf.bytes <= MEMORY);
    }
    assert_true(shelf.spilled > KEYS);
    seen->models = models;
    assert_int_equal(shelf_each(&shelf, see, seen, &error), 0);
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(seen->keys[i], models[i].offset >= 0);
    shelf_finish(&shelf);
    ev_memory_free_at(&seen);
    ev_memory_free_at(&models);
}

/* Killed at any moment, a replay leaves no file behind. */
static void test_the_file_has_no_name(void **state)
{
    (void)state;
    char directory[] = "/tmp/shelf-XXXXXX";
    struct model model;
    struct shelf shelf;
    assert_non_null(mkdtemp(directory));
    shelf_init(&shelf, 1024, directory);
    for (size_t key = 0; key < 100; key++)
        write_one(&shelf, &model, key, (int64_t)key, 100);
    assert_true(shelf.spilled > 0);
    assert_int_equal(rmdir(directory), 0); /* it is empty */
    shelf_finish(&shelf);
}

static void test_a_directory_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct shelf shelf;
    struct ev_error error = {0};
    char body[BODY_MAX] = {0};
    struct ev_sink_document document = {.key = EV_STR("k"), .body = {body, sizeof(body)}, .previous_offset = -1};
    shelf_init(&shelf, 100, "/nowhere/at/all");
    assert_int_equal(shelf.sink.write(&shelf.sink, &view, &document, 1, &error), EV_ERR_INTERNAL);
    assert_non_null(strstr(error.message, "scratch file"));
    shelf_finish(&shelf);
}

static int take_offset(void *context, const struct ev_parked *parked)
{
    int64_t *sums = context;
    sums[parked->skipped] += parked->offset;
    return 0;
}

static void test_parked_entries_are_kept_by_key(void **state)
{
    (void)state;
    struct shelf shelf;
    struct ev_error error;
    const struct ev_parked skipped = {.key = EV_STR("a"), .offset = 1000, .skipped = true};
    struct ev_parked parked[] = {{.key = EV_STR("a"), .offset = 1}, {.key = EV_STR("b"), .offset = 10}};
    int64_t sums[2] = {0};
    shelf_init(&shelf, MEMORY, "/tmp");
    shelf.skipped = &skipped;
    shelf.skipped_count = 1;
    struct ev_sink *sink = &shelf.sink;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sink->save_parked(sink, &view, &parked[i], &error), 0);
    parked[0].offset = 2;
    assert_int_equal(sink->save_parked(sink, &view, &parked[0], &error), 0);
    assert_int_equal(sink->load_parked(sink, &view, take_offset, sums, &error), 0);
    assert_true(sums[false] == 12 && sums[true] == 1000);
    assert_int_equal(sink->remove_parked(sink, &view, &parked[1], &error), 0);
    assert_int_equal(sink->remove_parked(sink, &view, &parked[1], &error), 0);
    assert_int_equal(sink->load_parked(sink, &view, take_offset, sums, &error), 0);
    assert_true(sums[false] == 14 && sums[true] == 2000);
    shelf_finish(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_last_comes_back),
        cmocka_unit_test(test_the_file_has_no_name),
        cmocka_unit_test(test_a_directory_that_is_not_there_is_told),
        cmocka_unit_test(test_parked_entries_are_kept_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
