/* Membership in a consumer group that shares the partitions of some topics among processes. Nothing is fetched by it:
 * it only tells which partitions are this member's, as a hint for liveness; who may write, the log decides
 * (log/owner.h). A thread of its own talks to the brokers' coordinator and calls the user; the functions below may be
 * called from any thread unless they say otherwise.
 *
 * The assignor is cooperative and sticky: who joins or leaves moves no more partitions than it must, the others are
 * served without a break. There is no static membership: who leaves is out at once. Members may ask for different
 * topics. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "log/kafka.h"

#define EV_KAFKA_GROUP_TOPICS_MAX 16
#define EV_KAFKA_GROUP_HEARTBEAT_MS 250
#define EV_KAFKA_GROUP_SESSION_MIN_MS 1000 /* at least some heartbeats */
/* What is to go to another member stays here for so long first. librdkafka lets a member join once a second, and who is
 * new to the group must join a second time to get its share: without the pause nobody would have it meanwhile. */
#define EV_KAFKA_GROUP_HOLD_MS 1000
#define EV_KAFKA_GROUP_RELEASE_TIMEOUT_MS                                                                              \
    3000                                     /* what isn't released by then is let go all the same: the log decides    \
                                              */
#define EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS 3000 /* of the coordinator, once all is released */
#define EV_KAFKA_GROUP_REJOIN_MIN_MS 5000    /* between two leave-and-join */

struct ev_kafka_group_partition {
    size_t topic; /* index in the options' topics */
    int32_t partition;
};

/* Called on the group's thread, one at a time; must not block. Partitions are borrowed for the call. */
struct ev_kafka_group_events {
    /* They are this member's from now on. Also called with count 0: membership is as it was. */
    void (*assigned)(void *context, const struct ev_kafka_group_partition *partitions, size_t count);
    /* They are not for much longer: give them up, then call ev_kafka_group_released, once. The group lets nobody else
     * have them before that, unless `lost`: then others may have them already. */
    void (*revoked)(void *context, const struct ev_kafka_group_partition *partitions, size_t count, bool lost);
    /* ev_kafka_group_leave has come to its end; nothing follows. */
    void (*left)(void *context);
    void *context;
};

struct ev_kafka_group_options {
    struct ev_kafka_config kafka;
    const char *name;
    const char *const *topics; /* full names; copied */
    size_t topic_count;
    int64_t session_ms; /* a member that was silent for so long is out */
    struct ev_kafka_group_events events;
};

struct ev_kafka_group;

/* Starts to join; returns at once. */
int ev_kafka_group_join(const struct ev_kafka_group_options *options, struct ev_kafka_group **ret,
                        struct ev_error *error);
void ev_kafka_group_released(struct ev_kafka_group *group);
/* Leaves and joins again, because what is assigned can't be right: what is still this member's is then assigned anew.
 * Not more often than EV_KAFKA_GROUP_REJOIN_MIN_MS; what is asked in between waits for the next time. */
void ev_kafka_group_ask_anew(struct ev_kafka_group *group);
/* Gives everything up (`revoked`) and leaves, within twice EV_KAFKA_GROUP_RELEASE_TIMEOUT_MS and
 * EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS, then calls `left`. Also from a signal handler. */
void ev_kafka_group_leave(struct ev_kafka_group *group);
/* Ends the thread, and membership where ev_kafka_group_leave hasn't: at once, without `revoked`. Within
 * EV_KAFKA_GROUP_LEAVE_TIMEOUT_MS and librdkafka's own end. Not from within an event. */
void ev_kafka_group_destroy(struct ev_kafka_group *group);

struct ev_kafka_group_status {
    bool member;                /* has been given its share, which may be none, and hasn't lost it since */
    int32_t generation;         /* of the group; -1: not a member */
    int64_t rebalances;         /* times that the share was told anew */
    struct ev_error last_error; /* code NONE: none since it became a member */
};
void ev_kafka_group_status(struct ev_kafka_group *group, struct ev_kafka_group_status *ret);
