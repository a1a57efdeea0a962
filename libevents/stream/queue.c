#include "stream/queue.h"

void ev_queue_push(struct ev_queue *queue, struct ev_request *request)
{
    request->next = NULL;
    if (queue->last)
        queue->last->next = request;
    else
        queue->first = request;
    queue->last = request;
    queue->count++;
}

struct ev_request *ev_queue_pop(struct ev_queue *queue)
{
    struct ev_request *request = queue->first;
    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    request->next = NULL;
    return request;
}

void ev_queue_unpop(struct ev_queue *queue, struct ev_request *request)
{
    request->next = queue->first;
    queue->first = request;
    if (!queue->last)
        queue->last = request;
    queue->count++;
}

void ev_queue_merge(struct ev_queue *queue, struct ev_queue *from)
{
    struct ev_queue a = *queue, b = *from;
    *queue = *from = (struct ev_queue){0};
    while (a.first || b.first) {
        bool take_a = !b.first || (a.first && a.first->sequence < b.first->sequence);
        ev_queue_push(queue, ev_queue_pop(take_a ? &a : &b));
    }
}

int64_t ev_queue_expire(struct ev_queue *queue, int64_t now_ms, struct ev_queue *ret)
{
    struct ev_queue all = *queue;
    struct ev_request *request;
    int64_t earliest = INT64_MAX;
    *queue = (struct ev_queue){0};
    while ((request = ev_queue_pop(&all))) {
        if (request->deadline_ms <= now_ms) {
            ev_queue_push(ret, request);
            continue;
        }
        if (request->deadline_ms < earliest)
            earliest = request->deadline_ms;
        ev_queue_push(queue, request);
    }
    return earliest;
}
