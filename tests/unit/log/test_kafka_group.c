/* Membership against librdkafka's mock brokers: who is given what, and that nobody has what another one holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <pthread.h>

#include "core/clock.h"
#include "log/kafka_group.h"

#define TOPICS 2
#define PARTITIONS 3
#define MEMBERS 3
#define ENDS 30
#define SESSION_MS 2000 /* the mock's rebalances take that less 1 s */
#define WAIT_MS 15000

static const char *const topics[TOPICS] = {"one", "two"};

struct member {
    struct ev_kafka_group *group;
    size_t first_topic; /* it asks for this one and all after */
    bool owns[TOPICS][PARTITIONS];
    int assigned, revoked, lost, left;
    bool keeps; /* never says that it has released anything */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static rd_kafka_t *brokers_handle;
static rd_kafka_mock_cluster_t *brokers;
static struct member members[MEMBERS];
static char group_name[32];
static int overlaps; /* times that a partition was given to one while another held it */

static int begin(void **state)
{
    (void)state;
    static int number;
    char why[256];
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &monotonic);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    brokers_handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    brokers = rd_kafka_mock_cluster_new(brokers_handle, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(brokers, 0);
    for (int i = 0; i < TOPICS; i++)
        rd_kafka_mock_topic_create(brokers, topics[i], PARTITIONS, 1);
    memset(members, 0, sizeof(members));
    overlaps = 0;
    snprintf(group_name, sizeof(group_name), "group-%d", ++number);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < MEMBERS; i++)
        ev_kafka_group_destroy(members[i].group);
    rd_kafka_mock_cluster_destroy(brokers);
    rd_kafka_destroy(brokers_handle);
    pthread_cond_destroy(&changed);
    return 0;
}

static void on_assigned(void *context, const struct ev_kafka_group_partition *partitions, size_t count)
{
    struct member *member = context;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++) {
        size_t topic = member->first_topic + partitions[i].topic;
        for (int other = 0; other < MEMBERS; other++)
            overlaps += members[other].owns[topic][partitions[i].partition];
        member->owns[topic][partitions[i].partition] = true;
    }
    member->assigned++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_revoked(void *context, const struct ev_kafka_group_partition *partitions, size_t count, bool lost)
{
    struct member *member = context;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        member->owns[member->first_topic + partitions[i].topic][partitions[i].partition] = false;
    member->revoked++;
    member->lost += lost;
    bool keeps = member->keeps;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (!keeps)
        ev_kafka_group_released(member->group);
}

static void on_left(void *context)
{
    pthread_mutex_lock(&lock);
    ((struct member *)context)->left++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void join(int number, size_t first_topic)
{
    struct member *member = &members[number];
    struct ev_error error = {0};
    member->first_topic = first_topic;
    const struct ev_kafka_group_options options = {
        .kafka = {.brokers = rd_kafka_mock_cluster_bootstraps(brokers), .topic_prefix = "test"},
        .name = group_name,
        .topics = topics + first_topic,
        .topic_count = TOPICS - first_topic,
        .session_ms = SESSION_MS,
        .events = {.assigned = on_assigned, .revoked = on_revoked, .left = on_left, .context = member},
    };
    if (ev_kafka_group_join(&options, &member->group, &error) < 0)
        fail_msg("%s", error.message);
}

static int share(int number)
{
    int count = 0;
    for (int topic = 0; topic < TOPICS; topic++)
        for (int partition = 0; partition < PARTITIONS; partition++)
            count += members[number].owns[topic][partition];
    return count;
}

/* Waits until the members have so many partitions. */
static void await_shares(int first, int second, int third)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&lock);
    int result = 0;
    while (result == 0 && (share(0) != first || share(1) != second || share(2) != third))
        result = pthread_cond_timedwait(&changed, &lock, &deadline);
    int now[MEMBERS] = {share(0), share(1), share(2)};
    pthread_mutex_unlock(&lock);
    if (now[0] != first || now[1] != second || now[2] != third)
        fail_msg("shares are %d, %d, %d; expected %d, %d, %d", now[0], now[1], now[2], first, second, third);
}

static void await(const int *counter, int least)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&lock);
    int result = 0;
    while (result == 0 && *counter < least)
        result = pthread_cond_timedwait(&changed, &lock, &deadline);
    int now = *counter;
    pthread_mutex_unlock(&lock);
    if (now < least)
        fail_msg("%d times after %d ms; expected %d", now, WAIT_MS, least);
}

static int64_t now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

static void alone_it_gets_everything(void **state)
{
    (void)state;
    struct ev_kafka_group_status status;
    join(0, 0);
    ev_kafka_group_status(members[0].group, &status);
    assert_false(status.member);
    await_shares(6, 0, 0);
    await(&members[0].assigned, 1);
    int64_t deadline_ms = now_ms() + WAIT_MS; /* it counts as a member right after the call */
    do
        ev_kafka_group_status(members[0].group, &status);
    while (!status.member && now_ms() < deadline_ms);
    assert_true(status.member);
    assert_true(status.generation > 0);
    assert_int_equal(status.rebalances, 1);
}

static void others_take_their_share_and_no_more(void **state)
{
    (void)state;
    join(0, 0);
    await_shares(6, 0, 0);
    join(1, 0);
    await_shares(3, 3, 0);
    assert_int_equal(members[0].revoked, 1);
    join(2, 0);
    await_shares(2, 2, 2);
    assert_int_equal(overlaps, 0);
    assert_int_equal(members[0].lost + members[1].lost + members[2].lost, 0);
}

static void who_leaves_has_given_everything_up(void **state)
{
    (void)state;
    join(0, 0);
    await_shares(6, 0, 0);
    join(1, 0);
    await_shares(3, 3, 0);
    ev_kafka_group_leave(members[0].group);
    await(&members[0].left, 1);
    assert_int_equal(share(0), 0);
    await_shares(0, 6, 0);
    assert_int_equal(overlaps, 0);
    assert_int_equal(members[0].lost, 0);
}

static void who_leaves_in_the_middle_of_a_revocation_gives_everything_up(void **state)
{
    (void)state;
    join(0, 0);
    await_shares(6, 0, 0);
    join(1, 0);
    await(&members[1].assigned, 1); /* nothing yet: the first one is in its pause, or just after it */
    ev_kafka_group_leave(members[0].group);
    await(&members[0].left, 1);
    assert_int_equal(share(0), 0);
    await_shares(0, 6, 0);
    assert_int_equal(overlaps, 0);
}

static void a_release_that_never_comes_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    members[0].keeps = true;
    join(0, 0);
    await_shares(6, 0, 0);
    join(1, 0);
    await(&members[0].revoked, 1);
    int64_t begin_ms = now_ms();
    await_shares(3, 3, 0);
    assert_true(now_ms() - begin_ms >= EV_KAFKA_GROUP_RELEASE_TIMEOUT_MS - 100);
}

static void who_asks_anew_is_assigned_anew(void **state)
{
    (void)state;
    join(0, 0);
    await_shares(6, 0, 0);
    ev_kafka_group_ask_anew(members[0].group);
    await(&members[0].revoked, 1);
    await_shares(6, 0, 0);
    assert_true(members[0].assigned >= 2);
    assert_int_equal(overlaps, 0);
}

static void members_may_ask_for_different_topics(void **state)
{
    (void)state;
    join(0, 0);
    await_shares(6, 0, 0);
    join(1, 1); /* "two" alone */
    await_shares(3, 3, 0);
    pthread_mutex_lock(&lock);
    for (int partition = 0; partition < PARTITIONS; partition++)
        assert_true(members[0].owns[0][partition]);
    pthread_mutex_unlock(&lock);
    ev_kafka_group_leave(members[1].group);
    await_shares(6, 0, 0);
    assert_int_equal(overlaps, 0);
}

/* Some of these ends come while an assignment is on its way, and librdkafka waits for its answer for ever. */
static void it_may_end_at_any_moment(void **state)
{
    (void)state;
    for (int delay_ms = 0; delay_ms < ENDS; delay_ms++) {
        snprintf(group_name, sizeof(group_name), "ended-%d", delay_ms);
        join(0, 0);
        poll(NULL, 0, 4 * delay_ms);
        ev_kafka_group_destroy(members[0].group);
        memset(members, 0, sizeof(members));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alone_it_gets_everything),
        TEST(others_take_their_share_and_no_more),
        TEST(who_leaves_has_given_everything_up),
        TEST(who_leaves_in_the_middle_of_a_revocation_gives_everything_up),
        TEST(a_release_that_never_comes_is_not_waited_for_for_ever),
        TEST(who_asks_anew_is_assigned_anew),
        TEST(members_may_ask_for_different_topics),
        TEST(it_may_end_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
