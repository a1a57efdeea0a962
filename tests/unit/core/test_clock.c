#include "testing.h"

#include <time.h>

#include "core/clock.h"

static void test_system_clock(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t wall = ev_clock_wall_ms(&ev_clock_system);
    int64_t after = ((int64_t)time(NULL) + 1) * 1000;
    assert_true(before <= wall && wall <= after);
    int64_t last = ev_clock_monotonic_ms(&ev_clock_system);
    for (int i = 0; i < 1000; i++) {
        int64_t now = ev_clock_monotonic_ms(&ev_clock_system);
        assert_true(now >= last);
        last = now;
    }
}

static void test_system_random_fills_any_length(void **state)
{
    (void)state;
    unsigned char bytes[1000] = {0};
    ev_random_system.fill(ev_random_system.context, bytes, sizeof(bytes));
    int seen[256] = {0}, different = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        different += seen[bytes[i]]++ == 0;
    assert_true(different > 200);
    assert_true(ev_random_u64(&ev_random_system) != ev_random_u64(&ev_random_system));
}

static void test_fake_clock_stands_still(void **state)
{
    (void)state;
    struct ev_fake_clock fake;
    ev_fake_clock_init(&fake, 1000);
    assert_int_equal(ev_clock_wall_ms(&fake.clock), 1000);
    fake.now_ms += 5;
    assert_int_equal(ev_clock_wall_ms(&fake.clock), 1005);
    assert_int_equal(ev_clock_monotonic_ms(&fake.clock), 1005);
}

/* The numbers that are widely published for these seeds, e.g. in the tests of other implementations. */
static void test_fake_random_is_xoshiro256(void **state)
{
    (void)state;
    struct ev_fake_random fake;
    ev_fake_random_init(&fake, 0);
    assert_true(fake.state[0] == UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64 from 0 */
    assert_true(fake.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    fake.state[0] = 1;
    fake.state[1] = 2;
    fake.state[2] = 3;
    fake.state[3] = 4;
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_true(ev_random_u64(&fake.random) == expected[i]);
}

static void test_same_seed_same_numbers(void **state)
{
    (void)state;
    struct ev_fake_random a, b, c;
    ev_fake_random_init(&a, 42);
    ev_fake_random_init(&b, 42);
    ev_fake_random_init(&c, 43);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t number = ev_random_u64(&a.random);
        assert_true(number == ev_random_u64(&b.random));
        same += number == ev_random_u64(&c.random);
    }
    assert_int_equal(same, 0);
}

static void test_below_is_in_range_and_even(void **state)
{
    (void)state;
    struct ev_fake_random fake;
    ev_fake_random_init(&fake, 1);
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[ev_random_below(&fake.random, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 100; i++) {
        assert_true(ev_random_below(&fake.random, 1) == 0);
        assert_true(ev_random_below(&fake.random, UINT64_MAX) < UINT64_MAX);
    }
    /* Three quarters of all numbers: by a plain remainder the lowest third of them would come every second time. */
    int low = 0;
    for (int i = 0; i < 30000; i++)
        low += ev_random_below(&fake.random, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    assert_in_range(low, 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_clock),
        cmocka_unit_test(test_system_random_fills_any_length),
        cmocka_unit_test(test_fake_clock_stands_still),
        cmocka_unit_test(test_fake_random_is_xoshiro256),
        cmocka_unit_test(test_same_seed_same_numbers),
        cmocka_unit_test(test_below_is_in_range_and_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
