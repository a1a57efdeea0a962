#include "forward_events.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"

#define EVENTS_MAX 64 /* that one wait takes; the others come with the next */

static int64_t now_ms(void)
{
    return ev_clock_monotonic_ms(&ev_clock_system);
}

/* `watched` is what curl_multi_assign has noted: whether epoll has this socket. */
static int on_socket(CURL *handle, curl_socket_t fd, int what, void *context, void *watched)
{
    struct forward_events *events = context;
    struct epoll_event event = {.data.fd = fd};
    (void)handle;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(events->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* closed ones are out of it already */
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(events->epoll_fd, watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        ev_log(EV_LOG_ERROR, "forward.epoll", "a connection to an owner can't be watched; its request runs out of time",
               ev_log_cstr("error", strerror(errno)));
    else
        curl_multi_assign(events->multi, fd, events);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct forward_events *events = context;
    (void)multi;
    events->timer_ms = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    return 0;
}

int forward_events_init(struct forward_events *events, struct ev_error *error)
{
    *events = (struct forward_events){.epoll_fd = -1, .wake_fd = -1, .timer_ms = INT64_MAX};
    events->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    events->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event wake = {.events = EPOLLIN, .data.fd = events->wake_fd};
    if (events->epoll_fd < 0 || events->wake_fd < 0 ||
        epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, events->wake_fd, &wake) != 0)
        return ev_error_set(error, EV_ERR_IO, "forwarding commands: epoll: %s", strerror(errno));
    events->multi = curl_multi_init();
    if (!events->multi || curl_multi_setopt(events->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(events->multi, CURLMOPT_SOCKETDATA, events) != CURLM_OK ||
        curl_multi_setopt(events->multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
        curl_multi_setopt(events->multi, CURLMOPT_TIMERDATA, events) != CURLM_OK)
        return ev_error_set(error, EV_ERR_INTERNAL, "forwarding commands: libcurl can't be started");
    return 0;
}

void forward_events_finish(struct forward_events *events)
{
    if (events->multi)
        curl_multi_cleanup(events->multi);
    if (events->epoll_fd >= 0)
        close(events->epoll_fd);
    if (events->wake_fd >= 0)
        close(events->wake_fd);
}

static int time_to_wait(const struct forward_events *events, int wait_ms)
{
    int64_t left = events->timer_ms - now_ms();
    return left <= 0 ? 0 : left < wait_ms ? (int)left : wait_ms;
}

static void take_event(struct forward_events *events, const struct epoll_event *event)
{
    int running, happened = 0;
    if (event->data.fd == events->wake_fd) {
        uint64_t times;
        (void)!read(events->wake_fd, &times, sizeof(times));
        return;
    }
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        happened |= CURL_CSELECT_IN;
    if (event->events & EPOLLOUT)
        happened |= CURL_CSELECT_OUT;
    if (event->events & EPOLLERR)
        happened |= CURL_CSELECT_ERR;
    curl_multi_socket_action(events->multi, event->data.fd, happened, &running);
}

static void take_timer(struct forward_events *events)
{
    int running;
    if (events->timer_ms > now_ms())
        return;
    events->timer_ms = INT64_MAX; /* set anew from within the call */
    curl_multi_socket_action(events->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void forward_events_run(struct forward_events *events, int wait_ms)
{
    struct epoll_event happened[EVENTS_MAX];
    int count = epoll_wait(events->epoll_fd, happened, EVENTS_MAX, time_to_wait(events, wait_ms));
    for (int i = 0; i < count; i++)
        take_event(events, &happened[i]);
    take_timer(events);
}

void forward_events_wake(struct forward_events *events)
{
    static const uint64_t once = 1;
    (void)!write(events->wake_fd, &once, sizeof(once)); /* refused only when it is due to end anyway */
}
