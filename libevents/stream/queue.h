/* Requests of one partition in the order in which they were submitted. Linked through the requests themselves. */
#pragma once

#include "stream/executor.h"

struct ev_queue {
    struct ev_request *first, *last;
    size_t count;
};

/* `request` came after all that are in it. */
void ev_queue_push(struct ev_queue *queue, struct ev_request *request);
/* NULL when empty. */
struct ev_request *ev_queue_pop(struct ev_queue *queue);
/* Puts back what was popped last. */
void ev_queue_unpop(struct ev_queue *queue, struct ev_request *request);
/* Moves all of `from` to where they belong; both are in order. */
void ev_queue_merge(struct ev_queue *queue, struct ev_queue *from);
/* Moves those whose deadline is at or before now_ms to the end of `ret`. Returns the earliest deadline that is left,
 * INT64_MAX: none. */
int64_t ev_queue_expire(struct ev_queue *queue, int64_t now_ms, struct ev_queue *ret);
