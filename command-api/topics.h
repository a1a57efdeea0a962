/* The topics and schemas that the process stands on, checked once before it serves. Blocking. */
#pragma once

#include <stdatomic.h>

#include "app.h"

struct topics_options {
    bool create;           /* make topics that are not there */
    bool register_schemas; /* register the commits' schemas instead of looking them up */
    int32_t partitions, replication_factor, min_insync_replicas; /* of new topics */
    int64_t timeout_ms;                                          /* how long servers that are away are waited for */
    const char *only; /* categories with commas between, whose topics this instance may own; NULL: all */
    const atomic_bool *cancelled;
};
/* Fills app->topics. What can't be mended by waiting is an error at once, with what to do in the message. */
int topics_prepare(struct command_app *app, const struct topics_options *options, struct ev_error *error);
