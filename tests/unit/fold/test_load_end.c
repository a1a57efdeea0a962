/* What a store does at the end of a load takes as long as it takes, and the replay is heard of all the while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "replay/load_end.h"

#define BEATS 3

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t beaten = PTHREAD_COND_INITIALIZER;
static int beats, beats_to_await, tries, tries_to_fail;
static int fault_for_good;

/* Goes on when the replay was heard of so often. */
static int loaded(struct ev_sink *sink, const struct generation *generation, struct ev_error *error)
{
    (void)sink;
    (void)generation;
    pthread_mutex_lock(&lock);
    while (beats < beats_to_await)
        pthread_cond_wait(&beaten, &lock);
    tries++;
    pthread_mutex_unlock(&lock);
    if (fault_for_good)
        return ev_error_set_retriable(error, fault_for_good, "it can't be done"); /* so MongoDB's faults are */
    if (tries <= tries_to_fail)
        return ev_error_set_retriable(error, EV_ERR_TIMEOUT, "the socket's time is over");
    return 0;
}

static const struct generation_store store = {.loaded = loaded};

static int beat(void *context, struct ev_error *error)
{
    (void)error;
    (void)context;
    pthread_mutex_lock(&lock);
    beats++;
    pthread_cond_signal(&beaten);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int beat_and_stop(void *context, struct ev_error *error)
{
    beat(context, error);
    return ev_error_set(error, EV_ERR_TIMEOUT, "interrupted");
}

static int end_of_load(int (*goes_on)(void *context, struct ev_error *error), struct ev_error *error)
{
    const struct generation generation = {.number = 1};
    return replay_load_end(&store, NULL, &generation, 1, goes_on, NULL, error);
}

static int set_up(void **state)
{
    (void)state;
    beats = beats_to_await = tries = tries_to_fail = 0;
    fault_for_good = 0;
    return 0;
}

static void test_is_heard_of_meanwhile(void **state)
{
    struct ev_error error;
    (void)state;
    beats_to_await = BEATS;
    assert_int_equal(end_of_load(beat, &error), 0);
    assert_true(beats >= BEATS);
}

static void test_asks_again_when_the_store_gave_up_waiting(void **state)
{
    struct ev_error error;
    (void)state;
    tries_to_fail = 2;
    assert_int_equal(end_of_load(beat, &error), 0);
    assert_int_equal(tries, 3);
}

static void test_gives_up_in_the_end(void **state)
{
    struct ev_error error;
    (void)state;
    tries_to_fail = INT32_MAX;
    assert_int_equal(end_of_load(beat, &error), EV_ERR_TIMEOUT);
    assert_int_equal(tries, REPLAY_LOAD_END_TRIES_MAX);
}

static void test_passes_on_any_other_fault(void **state)
{
    struct ev_error error;
    (void)state;
    fault_for_good = EV_ERR_UNAVAILABLE;
    assert_int_equal(end_of_load(beat, &error), EV_ERR_UNAVAILABLE);
    assert_string_equal(error.message, "it can't be done");
    assert_int_equal(tries, 1);
}

static void test_ends_when_told_to(void **state)
{
    struct ev_error error;
    (void)state;
    tries_to_fail = INT32_MAX;
    beats_to_await = 1;
    assert_int_equal(end_of_load(beat_and_stop, &error), EV_ERR_TIMEOUT);
    assert_string_equal(error.message, "interrupted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_is_heard_of_meanwhile, set_up),
        cmocka_unit_test_setup(test_asks_again_when_the_store_gave_up_waiting, set_up),
        cmocka_unit_test_setup(test_gives_up_in_the_end, set_up),
        cmocka_unit_test_setup(test_passes_on_any_other_fault, set_up),
        cmocka_unit_test_setup(test_ends_when_told_to, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
