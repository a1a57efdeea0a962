/* libcurl's requests on a thread, by epoll: a wait costs what has happened since the last one. curl_multi_perform and
 * curl_multi_poll go through all requests that are under way, each time. Of one thread but for forward_events_wake. */
#pragma once

#include <curl/curl.h>
#include <stdint.h>

#include "core/error.h"

struct forward_events {
    CURLM *multi;
    int epoll_fd, wake_fd;
    int64_t timer_ms; /* when libcurl wants to be called without an event, monotonic; INT64_MAX: not at all */
};

/* In place, because libcurl keeps the address. */
int forward_events_init(struct forward_events *events, struct ev_error *error);
/* After all handles have been taken out; also after an init that failed. */
void forward_events_finish(struct forward_events *events);
/* Waits until something has happened, it was woken, or so much time has passed; then libcurl does what can be done. */
void forward_events_run(struct forward_events *events, int wait_ms);
/* From any thread: the wait ends, or the next one doesn't begin. */
void forward_events_wake(struct forward_events *events);
