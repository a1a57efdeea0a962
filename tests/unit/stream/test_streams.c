#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "stream/dedup.h"
#include "stream/streams.h"

static struct ev_str id_of(int number, char text[64])
{
    int length = snprintf(text, 64, "cart-0192f3c4-7a1b-7c2d-8e3f-%012d", number);
    return (struct ev_str){text, (size_t)length};
}

static void what_was_put_in_is_found(void **state)
{
    (void)state;
    struct ev_streams streams;
    char text[64];
    ev_streams_init(&streams, 5);
    assert_null(ev_streams_find(&streams, EV_STR("cart-1")));
    for (int i = 0; i < 5000; i++) {
        struct ev_stream *stream = ev_streams_ensure(&streams, id_of(i, text), 0);
        assert_int_equal(stream->version, 0);
        stream->version = i + 1;
    }
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(ev_streams_find(&streams, id_of(i, text))->version, i + 1);
        assert_ptr_equal(ev_streams_ensure(&streams, id_of(i, text), 0), ev_streams_find(&streams, id_of(i, text)));
    }
    for (int i = 0; i < 5000; i += 2)
        ev_streams_remove(&streams, ev_streams_find(&streams, id_of(i, text)));
    for (int i = 0; i < 5000; i++)
        assert_int_equal(ev_streams_find(&streams, id_of(i, text)) != NULL, i % 2);
    assert_int_equal(streams.count, 2500);
    ev_streams_finish(&streams);
}

static void bytes_are_counted(void **state)
{
    (void)state;
    struct ev_streams streams;
    char text[64];
    ev_streams_init(&streams, 5);
    struct ev_stream *stream = ev_streams_ensure(&streams, id_of(1, text), 0);
    size_t before = streams.bytes;
    ev_streams_set_state(&streams, stream, ev_memory_copy("0123456789", 10), 10);
    assert_int_equal(streams.bytes, before + 10);
    ev_streams_set_state(&streams, stream, ev_memory_copy("0123", 4), 4);
    assert_int_equal(streams.bytes, before + 4);
    ev_streams_remove(&streams, stream);
    assert_true(streams.bytes < before);
    ev_streams_finish(&streams);
}

/* Resident memory, in bytes. */
static size_t resident(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %zu", &pages), 1);
    fclose(file);
    return pages * 4096;
}

/* What a process may need for 100,000 streams of the size of a cart with 3 lines, each made and changed three times. */
static void a_hundred_thousand_streams_fit(void **state)
{
    (void)state;
    enum { STREAMS = 100000, COMMITS = 4, STATE_BYTES = 220, BOUND_MIB = 100 };
    struct ev_streams streams;
    struct ev_dedup dedup;
    char text[64], body[STATE_BYTES];
    size_t before = resident();
    memset(body, 'x', sizeof(body));
    ev_streams_init(&streams, 5);
    ev_dedup_init(&dedup, 1000000, INT64_MAX, 5);
    for (int commit = 0; commit < COMMITS; commit++) {
        for (int i = 0; i < STREAMS; i++) {
            struct ev_stream *stream = ev_streams_ensure(&streams, id_of(i, text), 0);
            uint32_t length = (uint32_t)(sizeof(body) * (size_t)(commit + 1) / COMMITS);
            ev_streams_set_state(&streams, stream, ev_memory_copy(body, length), length);
            stream->version++;
            struct ev_dedup_entry entry = {.version = stream->version};
            int number = commit * STREAMS + i;
            memcpy(entry.command_id.bytes, &number, sizeof(number));
            (void)ev_dedup_push(&dedup, &entry);
            ev_dedup_settle(&dedup, number);
        }
    }
    size_t used = resident() - before;
    print_message("%d streams, %d commands: %zu MiB resident, %zu MiB counted\n", STREAMS, STREAMS * COMMITS,
                  used >> 20, (streams.bytes + ev_dedup_bytes(&dedup)) >> 20);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(used < (size_t)BOUND_MIB << 20);
#endif
    ev_streams_finish(&streams);
    ev_dedup_finish(&dedup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_is_found),
        cmocka_unit_test(bytes_are_counted),
        cmocka_unit_test(a_hundred_thousand_streams_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
