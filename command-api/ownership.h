/* Which partitions are this process's, which loop has them, and what others may ask about it: the one place that says
 * what this instance may own.
 *
 * The instances of a namespace are members of one consumer group, PREFIX.command-api. What it assigns is acquired (read
 * on, fence, serve), what it takes back is drained first. What isn't this instance's is stood by for. The group is a
 * hint; the log decides (log/owner.h): a partition that was lost to another writer is served again only when the group
 * has assigned it anew, which is asked for. An instance that is limited to some topics (--only) asks for no others. */
#pragma once

#include "shard.h"

#define OWNERSHIP_LOST_GRACE_MS 1000 /* the group may know of a loss by itself; then it is asked anew */

enum ownership_place {
    OWNERSHIP_NOT_HERE, /* another instance's, or nobody's at the moment */
    OWNERSHIP_HERE,     /* assigned to this instance: commands may wait here, also while it isn't served yet */
};
struct ownership_look {
    enum ownership_place place;
    bool serving;        /* HERE, and commands are being decided */
    uint32_t generation; /* of the partition's place: higher with every change of it */
};

struct ownership_options {
    int64_t session_ms; /* an instance that the group hasn't heard of for so long has lost its partitions */
    bool standby;       /* read what isn't ours, so that taking over is quick */
};

unsigned ownership_loop_of(const struct command_app *app, int32_t partition);
/* Where the partition's commands are decided, as of this moment: it may have changed when the caller acts on it, and
 * the log decides in any case. Any thread, while the loops run; `partition` is one of the topic's. */
struct ownership_look ownership_look(const struct command_app *app, const struct command_topic *topic,
                                     int32_t partition);

struct ownership_status {
    unsigned assigned, serving;       /* partitions */
    bool member;                      /* of the group: has been told its share */
    int32_t generation;               /* of the group; -1: none */
    int64_t rebalances;               /* times that the share was told */
    char fault[EV_ERROR_MESSAGE_MAX]; /* the group's last one; "" while it is a member */
};
/* Any thread, while the loops run. */
void ownership_status(const struct command_app *app, struct ownership_status *ret);
/* The instance is a member of the group and serves all that is assigned to it, which may be nothing. */
bool ownership_is_ready(const struct ownership_status *status);

/* Made before the loops run, when the topics are known; ended when they have ended. */
void ownership_init(struct command_app *app, const struct ownership_options *options);
/* Ends the group's thread, before the server is destroyed; looking is still allowed. */
void ownership_end(struct command_app *app);
void ownership_finish(struct command_app *app);
/* Gives all partitions up in good order and leaves the group, so that others have them at once; then http_server_stop
 * is called. False: there is nothing to leave, the caller stops the server. Blocks nothing; also from a signal handler.
 */
bool ownership_stop(struct command_app *app);
/* The group has been left on purpose: what still waits here waits for another instance. Any thread. */
bool ownership_has_left(const struct command_app *app);

/* For the shards, on their loops. */
int ownership_shard_started(struct shard *shard, struct ev_error *error); /* the last one joins the group */
void ownership_tick(struct shard *shard, int64_t now_ms);
void ownership_on_serving(const struct shard_topic *at, int32_t partition);
void ownership_on_lost(const struct shard_topic *at, int32_t partition);
void ownership_on_drained(const struct shard_topic *at, int32_t partition);
