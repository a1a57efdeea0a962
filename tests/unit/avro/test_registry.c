#include "testing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avro/registry_internal.h"
#include "fake_registry.h"

#define SCHEMA "{\"type\":\"record\",\"name\":\"Commit\",\"fields\":[]}"
#define SAME_SCHEMA "{ \"name\": \"Commit\", \"fields\": [ ], \"type\": \"record\" }"
#define OTHER_SCHEMA "{\"type\":\"record\",\"name\":\"Commit\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"

struct fixture {
    struct fake_registry *fake;
    struct ev_registry *registry;
    struct ev_error error;
    char folder[64], path[96], aside[128];
};

static void open_registry(struct fixture *fixture, const char *path)
{
    ev_registry_destroy(fixture->registry);
    fixture->registry = NULL;
    assert_ok(ev_registry_create(fake_registry_url(fixture->fake), path, &fixture->registry, &fixture->error),
              fixture->error);
}

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->fake = fake_registry_create();
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/test_registry.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/schemas.jsonl", fixture->folder);
    snprintf(fixture->aside, sizeof(fixture->aside), "%s.corrupt", fixture->path);
    open_registry(fixture, fixture->path);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ev_registry_destroy(fixture->registry);
    fake_registry_destroy(fixture->fake);
    unlink(fixture->path);
    unlink(fixture->aside);
    int rc = rmdir(fixture->folder); /* nothing else may lie there */
    test_free(fixture);
    return rc;
}

static int32_t register_schema(struct fixture *fixture, const char *subject, const char *schema)
{
    int32_t id = -1;
    assert_ok(ev_registry_register(fixture->registry, subject, ev_str_of(schema), &id, &fixture->error),
              fixture->error);
    return id;
}

static void assert_source_gives(struct fixture *fixture, int32_t id, const char *schema)
{
    struct ev_str json;
    struct ev_schema_source source = ev_registry_source(fixture->registry);
    assert_ok(source.get(source.context, id, &json, &fixture->error), fixture->error);
    assert_text_equal(json, schema);
}

static void test_register_and_look_up(void **state)
{
    struct fixture *fixture = *state;
    int32_t id, other;
    assert_int_equal(ev_registry_lookup(fixture->registry, "cart-value", EV_STR(SCHEMA), &id, &fixture->error),
                     EV_ERR_NOT_FOUND);
    id = register_schema(fixture, "cart-value", SCHEMA);
    assert_int_equal(register_schema(fixture, "cart-value", SCHEMA), id);
    assert_true(register_schema(fixture, "cart-value", OTHER_SCHEMA) != id);
    assert_true(register_schema(fixture, "order-value", SCHEMA) != id);
    int requests = fake_registry_requests(fixture->fake);
    assert_ok(ev_registry_lookup(fixture->registry, "cart-value", EV_STR(SAME_SCHEMA), &other, &fixture->error),
              fixture->error);
    assert_int_equal(other, id);
    assert_source_gives(fixture, id, SCHEMA);
    assert_int_equal(fake_registry_requests(fixture->fake), requests); /* all of that is remembered */
}

static void test_unknown_ids_are_asked_for_once(void **state)
{
    struct fixture *fixture = *state;
    int32_t id = register_schema(fixture, "cart-value", SCHEMA);
    struct ev_str json;
    open_registry(fixture, NULL); /* remembers nothing */
    struct ev_schema_source source = ev_registry_source(fixture->registry);
    assert_int_equal(source.get(source.context, 99, &json, &fixture->error), EV_ERR_NOT_FOUND);
    assert_false(fixture->error.retriable);
    int requests = fake_registry_requests(fixture->fake);
    assert_source_gives(fixture, id, SCHEMA);
    assert_source_gives(fixture, id, SCHEMA);
    assert_int_equal(fake_registry_requests(fixture->fake), requests + 1);
}

/* What is known stays usable by a new process while the registry is away. */
static void test_cache_file(void **state)
{
    struct fixture *fixture = *state;
    int32_t first = register_schema(fixture, "cart-value", SCHEMA), id;
    int32_t second = register_schema(fixture, "a \"strange\" subject/ü", OTHER_SCHEMA);
    fake_registry_set_mode(fixture->fake, FAKE_BROKEN);
    open_registry(fixture, fixture->path);
    assert_source_gives(fixture, first, SCHEMA);
    assert_source_gives(fixture, second, OTHER_SCHEMA);
    assert_ok(
        ev_registry_lookup(fixture->registry, "a \"strange\" subject/ü", EV_STR(OTHER_SCHEMA), &id, &fixture->error),
        fixture->error);
    assert_int_equal(id, second);
    assert_int_equal(ev_registry_lookup(fixture->registry, "cart-value", EV_STR(OTHER_SCHEMA), &id, &fixture->error),
                     EV_ERR_UNAVAILABLE);
    assert_int_equal(access(fixture->aside, F_OK), -1);
}

static char *read_text(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = test_malloc(65536);
    *ret_length = fread(text, 1, 65536, file);
    fclose(file);
    return text;
}

static void write_text(const char *path, const char *text, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Any byte that is changed, and any cut: the file is set aside, nothing of it is believed, and a new one is made. */
static void test_corrupt_cache_file(void **state)
{
    struct fixture *fixture = *state;
    int32_t id = register_schema(fixture, "cart-value", SCHEMA);
    size_t length;
    char *text = read_text(fixture->path, &length);
    for (size_t i = 0; i < length; i += 3) {
        bool cut = i % 2;
        text[i] ^= 1;
        write_text(fixture->path, text, cut ? i : length);
        text[i] ^= 1;
        unlink(fixture->aside);
        open_registry(fixture, fixture->path);
        assert_int_equal(access(fixture->aside, F_OK), 0);
        int requests = fake_registry_requests(fixture->fake);
        assert_source_gives(fixture, id, SCHEMA);
        assert_int_equal(fake_registry_requests(fixture->fake), requests + 1);
        open_registry(fixture, fixture->path);
        assert_source_gives(fixture, id, SCHEMA);
        assert_int_equal(fake_registry_requests(fixture->fake), requests + 1);
    }
    test_free(text);
}

static void test_cache_folder_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    int32_t id;
    open_registry(fixture, "/tmp/test_registry.none/schemas.jsonl");
    int rc = ev_registry_register(fixture->registry, "cart-value", EV_STR(SCHEMA), &id, &fixture->error);
    assert_int_equal(rc, EV_ERR_IO);
}

static void test_compatibility(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(ev_registry_set_compatibility(fixture->registry, "cart-value", "BACKWARD", &fixture->error),
              fixture->error);
    assert_string_equal(fake_registry_compatibility(fixture->fake), "cart-value BACKWARD");
    int32_t id;
    fake_registry_set_mode(fixture->fake, FAKE_INCOMPATIBLE);
    assert_int_equal(ev_registry_register(fixture->registry, "cart-value", EV_STR(SCHEMA), &id, &fixture->error),
                     EV_ERR_CONFLICT);
    assert_non_null(strstr(fixture->error.message, "because \"so\""));
}

static void test_registry_that_is_broken(void **state)
{
    struct fixture *fixture = *state;
    int32_t id;
    assert_ok(ev_registry_ping(fixture->registry, &fixture->error), fixture->error);
    fake_registry_set_mode(fixture->fake, FAKE_BROKEN);
    assert_int_equal(ev_registry_ping(fixture->registry, &fixture->error), EV_ERR_UNAVAILABLE);
    assert_true(fixture->error.retriable);
    fake_registry_set_mode(fixture->fake, FAKE_NONSENSE);
    assert_int_equal(ev_registry_register(fixture->registry, "cart-value", EV_STR(SCHEMA), &id, &fixture->error),
                     EV_ERR_UNAVAILABLE);
    assert_true(fixture->error.retriable);
}

/* A schema that the registry doesn't know is one thing, another server in its place is another. */
static void test_no_such_schema(void **state)
{
    struct fixture *fixture = *state;
    struct ev_schema_source source = ev_registry_source(fixture->registry);
    struct ev_str json;
    assert_int_equal(source.get(source.context, 77, &json, &fixture->error), EV_ERR_NOT_FOUND);
    assert_false(fixture->error.retriable);
    fake_registry_set_mode(fixture->fake, FAKE_NO_REGISTRY);
    assert_int_equal(source.get(source.context, 77, &json, &fixture->error), EV_ERR_UNAVAILABLE);
    assert_true(fixture->error.retriable);
    fake_registry_set_mode(fixture->fake, FAKE_BROKEN);
    assert_int_equal(source.get(source.context, 77, &json, &fixture->error), EV_ERR_UNAVAILABLE);
    assert_true(fixture->error.retriable);
}

static void test_registry_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    fake_registry_destroy(fixture->fake);
    fixture->fake = NULL;
    assert_int_equal(ev_registry_ping(fixture->registry, &fixture->error), EV_ERR_UNAVAILABLE);
    assert_true(fixture->error.retriable);
}

#define THREADS 4
#define TIMES 50

static void *use_registry(void *context)
{
    struct fixture *fixture = context;
    struct ev_schema_source source = ev_registry_source(fixture->registry);
    intptr_t faults = 0;
    for (int i = 0; i < TIMES; i++) {
        struct ev_str json;
        struct ev_error error;
        char subject[32];
        int32_t id, again;
        snprintf(subject, sizeof(subject), "topic-%d", i % 8);
        faults += ev_registry_register(fixture->registry, subject, EV_STR(SCHEMA), &id, &error) != 0;
        faults +=
            ev_registry_lookup(fixture->registry, subject, EV_STR(SAME_SCHEMA), &again, &error) != 0 || again != id;
        faults += source.get(source.context, id, &json, &error) != 0 || !ev_str_equal(json, EV_STR(SCHEMA));
    }
    return (void *)faults;
}

static void test_many_threads(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_registry, fixture), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *faults;
        assert_int_equal(pthread_join(threads[i], &faults), 0);
        assert_null(faults);
    }
    fake_registry_set_mode(fixture->fake, FAKE_BROKEN);
    open_registry(fixture, fixture->path);
    assert_source_gives(fixture, 17, SCHEMA); /* the eighth subject's, from the file */
}

static void test_url(void **state)
{
    struct fixture *fixture = *state;
    struct ev_registry *registry;
    assert_int_equal(ev_registry_create("file:///etc/passwd", NULL, &registry, &fixture->error), EV_ERR_INVALID);
    assert_int_equal(ev_registry_create("", NULL, &registry, &fixture->error), EV_ERR_INVALID);
}

static void test_canonical_form(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {SCHEMA, SAME_SCHEMA},
        {"[1, -2,\"\\u00e9\", true ,null,1.5]", "[1,-2,\"é\",true,null,1.50]"},
        {"{\"b\":{\"d\":1,\"c\":2},\"a\":[]}", "{\"a\":[],\"b\":{\"c\":2,\"d\":1}}"},
    };
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        struct ev_buffer text[2];
        for (size_t j = 0; j < 2; j++) {
            ev_buffer_init(&text[j]);
            assert_int_equal(ev_schema_canonical(ev_str_of(same[i][j]), &text[j], NULL), 0);
        }
        assert_true(ev_str_equal(ev_buffer_str(&text[0]), ev_buffer_str(&text[1])));
        ev_buffer_finish(&text[0]);
        ev_buffer_finish(&text[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_register_and_look_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_ids_are_asked_for_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_corrupt_cache_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_folder_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compatibility, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_schema, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry_that_is_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_url, setup, teardown),
        cmocka_unit_test(test_canonical_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
