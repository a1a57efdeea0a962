/* Which partitions are this process's, which loop has them, and what others may ask about it. The one place that says
 * what this instance may own. */
#pragma once

#include "shard.h"

enum ownership_place {
    OWNERSHIP_NOT_HERE, /* another instance's, or nobody's at the moment */
    OWNERSHIP_HERE,     /* assigned to this instance: commands may wait here, also while it isn't served yet */
};
struct ownership_look {
    enum ownership_place place;
    bool serving;        /* HERE, and commands are being decided */
    uint32_t generation; /* of the partition's place: one higher with every change of it */
};

unsigned ownership_loop_of(const struct command_app *app, int32_t partition);
/* Where the partition's commands are decided, as of this moment: it may have changed when the caller acts on it, and
 * the log decides in any case. Any thread, while the loops run; `partition` is one of the topic's. */
struct ownership_look ownership_look(const struct command_app *app, const struct command_topic *topic,
                                     int32_t partition);
/* Has the shard's executors acquire what is theirs. */
void ownership_acquire(struct shard *shard);
/* What the shard's executors tell. On the shard's loop. */
void ownership_on_serving(const struct shard_topic *at, int32_t partition);
void ownership_on_lost(const struct shard_topic *at, int32_t partition);
/* All partitions of all topics are being served. Any thread. */
bool ownership_is_complete(const struct command_app *app, unsigned *ret_serving, unsigned *ret_total);

/* Makes and ends what ownership_look looks at; topics are known, no loop runs. */
void ownership_init(struct command_app *app);
void ownership_finish(struct command_app *app);
