#include "share.h"

#include <time.h>

#include "log/topics.h"

static void share_set(struct share *share, const struct ev_kafka_group_partition *partitions, size_t count, bool owned)
{
    for (size_t i = 0; i < count; i++)
        if (partitions[i].partition >= 0 && partitions[i].partition < EV_PROJECTION_PARTITIONS_MAX)
            atomic_store(&share->owned[partitions[i].partition], owned);
}

static void on_assigned(void *context, const struct ev_kafka_group_partition *partitions, size_t count)
{
    struct share *share = context;
    share_set(share, partitions, count, true);
    atomic_store(&share->told, true);
    atomic_store(&share->changed, true);
}

static void on_revoked(void *context, const struct ev_kafka_group_partition *partitions, size_t count, bool lost)
{
    struct share *share = context;
    (void)lost; /* others may have them already: the guards see to it */
    share_set(share, partitions, count, false);
    atomic_store(&share->releasing, true);
    atomic_store(&share->changed, true);
    if (atomic_load(&share->leaving))
        share_taken(share); /* its worker ends, or has ended */
}

static void on_left(void *context)
{
    struct share *share = context;
    pthread_mutex_lock(&share->lock);
    share->left = true;
    pthread_cond_broadcast(&share->left_group);
    pthread_mutex_unlock(&share->lock);
}

int share_join(struct share *share, const struct ev_kafka_config *kafka, const char *group, const char *topic,
               struct ev_error *error)
{
    char name[EV_TOPIC_NAME_MAX + 1];
    const char *topics[] = {name};
    int r = ev_topic_full_name(kafka, topic, name, error);
    if (r < 0)
        return r;
    const struct ev_kafka_group_options options = {
        .kafka = *kafka,
        .name = group,
        .topics = topics,
        .topic_count = 1,
        .session_ms = SHARE_SESSION_MS,
        .events = {.assigned = on_assigned, .revoked = on_revoked, .left = on_left, .context = share},
    };
    struct ev_kafka_group *joined;
    pthread_mutex_init(&share->lock, NULL);
    pthread_cond_init(&share->left_group, NULL);
    r = ev_kafka_group_join(&options, &joined, error);
    if (r >= 0)
        atomic_store(&share->group, joined);
    return r;
}

bool share_is_known(struct share *share)
{
    return atomic_load(&share->told);
}

bool share_take(struct share *share, bool ret_owned[EV_PROJECTION_PARTITIONS_MAX])
{
    if (!atomic_exchange(&share->changed, false))
        return false;
    for (int32_t i = 0; i < EV_PROJECTION_PARTITIONS_MAX; i++)
        ret_owned[i] = atomic_load(&share->owned[i]);
    return true;
}

void share_taken(struct share *share)
{
    struct ev_kafka_group *group = atomic_load(&share->group);
    if (group && atomic_exchange(&share->releasing, false))
        ev_kafka_group_released(group);
}

void share_leave(struct share *share)
{
    struct ev_kafka_group *group = atomic_load(&share->group);
    if (group && !atomic_exchange(&share->leaving, true))
        ev_kafka_group_leave(group);
}

static void await_left(struct share *share)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SHARE_LEAVE_MS / 1000;
    pthread_mutex_lock(&share->lock);
    while (!share->left && pthread_cond_timedwait(&share->left_group, &share->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&share->lock);
}

void share_finish(struct share *share)
{
    struct ev_kafka_group *group = atomic_load(&share->group);
    if (!group)
        return;
    share_leave(share);
    share_taken(share);
    await_left(share);
    ev_kafka_group_destroy(group);
    atomic_store(&share->group, NULL);
    pthread_cond_destroy(&share->left_group);
    pthread_mutex_destroy(&share->lock);
}
