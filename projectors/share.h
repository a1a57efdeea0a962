/* The share that a worker has in its topic's partitions when several processes keep the same view: a consumer group
 * assigns each partition to one of them. For the work alone: that nothing is done twice or taken back is the guards'
 * business (fold/projection.h), so a process that lost a partition without knowing does no harm. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "fold/projection.h"
#include "log/kafka_group.h"

#define SHARE_LEAVE_MS 4000
#define SHARE_SESSION_MS 6000 /* a process that was silent for so long has lost its partitions */

struct share {
    _Atomic(struct ev_kafka_group *) group;
    atomic_bool owned[EV_PROJECTION_PARTITIONS_MAX];
    atomic_bool changed;   /* since share_take */
    atomic_bool told;      /* the group has spoken, be it of nothing */
    atomic_bool releasing; /* what was taken away is to be given up, and that to be told */
    atomic_bool leaving;
    pthread_mutex_t lock; /* of `left` */
    pthread_cond_t left_group;
    bool left;
};

/* Begins to join. `group` names the view and the sink; the share may not move afterwards. */
int share_join(struct share *share, const struct ev_kafka_config *kafka, const char *group, const char *topic,
               struct ev_error *error);
/* Whether the group has said yet what this process is to do. */
bool share_is_known(struct share *share);
/* True when the share changed: `ret_owned` says what it is now. Then share_taken, once what isn't in it is given up. */
bool share_take(struct share *share, bool ret_owned[EV_PROJECTION_PARTITIONS_MAX]);
void share_taken(struct share *share);
/* Begins to leave the group, so that others get the partitions at once. From any thread, and more than once. Safe on a
 * zeroed share. */
void share_leave(struct share *share);
/* Waits until it is left, at most SHARE_LEAVE_MS. Safe on a zeroed one. */
void share_finish(struct share *share);
