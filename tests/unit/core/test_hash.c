#include "testing.h"

#include "core/hash.h"

/* Kafka's own expectations of its murmur2 (UtilsTest.java), as 32-bit numbers. */
static void test_partition_is_kafkas(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t murmur2;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    static const int32_t partitions[] = {1, 2, 3, 12, 100, 1000003, INT32_MAX};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t p = 0; p < sizeof(partitions) / sizeof(partitions[0]); p++)
            assert_int_equal(ev_hash_partition(ev_str_of(cases[i].key), partitions[p]),
                             (cases[i].murmur2 & 0x7fffffff) % partitions[p]);
    assert_int_equal(ev_hash_partition(EV_STR_NULL, 97), ev_hash_partition(EV_STR(""), 97));
}

static void ask_for_no_partition(void)
{
    ev_hash_partition(EV_STR("a"), 0);
}

static void test_no_partitions_is_fatal(void **state)
{
    (void)state;
    assert_fatal(ask_for_no_partition, "partitions");
}

/* XXH3 of the empty text, from the algorithm's specification: 64 bits 2d06800538d394c2, 128 bits 99aa06d3014798d8
 * 6001c324468d497f. */
static void test_xxh3_is_canonical(void **state)
{
    (void)state;
    assert_true(ev_hash64(EV_STR("")) == UINT64_C(0x2d06800538d394c2));
    assert_true(ev_hash64(EV_STR_NULL) == ev_hash64(EV_STR("")));
    static const uint8_t empty[16] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                      0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
    struct ev_hash128 hash = ev_hash128(EV_STR(""));
    assert_memory_equal(hash.bytes, empty, sizeof(empty));
    struct ev_hash128 other = ev_hash128(EV_STR("x"));
    assert_true(ev_hash128_equal(&hash, &hash));
    assert_false(ev_hash128_equal(&hash, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_is_kafkas),
        cmocka_unit_test(test_no_partitions_is_fatal),
        cmocka_unit_test(test_xxh3_is_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
