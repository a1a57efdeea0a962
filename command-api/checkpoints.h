/* Where this process keeps its checkpoints, and what it makes of them before it serves: a checkpoint knows what the log
 * held, so it is also what notices a log that has lost a tail. */
#pragma once

#include <stdatomic.h>

#include "app.h"

#define CHECKPOINT_OPTIONS                                                                                               \
    {"checkpoint-dir",                                                                                                   \
     EV_CONFIG_STRING,                                                                                                   \
     NULL,                                                                                                               \
     "directory of this process's checkpoints, shared with no other; none: keep none (default: one in data-dir, "        \
     "named "                                                                                                            \
     "after topic-prefix and instance or port)",                                                                         \
     0,                                                                                                                  \
     0},                                                                                                                 \
        {"checkpoint-every-s", EV_CONFIG_INT, "30", "how often a partition that has changed is checkpointed", 1, 86400}, \
        {"checkpoint-every-records",                                                                                     \
         EV_CONFIG_INT,                                                                                                  \
         "100000",                                                                                                       \
         "records of a partition after which it is, at the "                                                             \
         "latest",                                                                                                       \
         100,                                                                                                            \
         100000000},                                                                                                     \
        {"checkpoint-map-mb", EV_CONFIG_INT, "8192", "bound on the checkpoints' file, in MiB", 1, 1048576},              \
        {"state-memory-mb",                                                                                              \
         EV_CONFIG_INT,                                                                                                  \
         "1024",                                                                                                         \
         "memory for streams, in MiB: beyond it those that are checkpointed are dropped and read again when needed",     \
         1,                                                                                                              \
         1048576},                                                                                                       \
    {                                                                                                                    \
        "accept-lost-tail", EV_CONFIG_BOOL, "false",                                                                     \
            "start although the log lacks records that were read from it before, and build from what it holds", 0, 0     \
    }

/* Sets app->checkpoints (NULL: none is kept) and what else the options say. The topics are known. FENCED when another
 * process has the directory; CONFLICT when a tail was lost and that isn't accepted; both say what to do. A disk that
 * can't be used is only logged. Before the loops start. */
int checkpoints_open(struct command_app *app, const struct ev_config *config, const atomic_bool *cancelled,
                     struct ev_error *error);
void checkpoints_close(struct command_app *app);

/* For executors: logs what becomes of a partition's checkpoint. */
void checkpoints_log(const struct command_topic *topic, int32_t partition, const struct ev_checkpoint_news *news);
