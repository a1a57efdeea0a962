#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fatal.h"
#include "core/memory.h"
#include "libhttp/internal.h"

/* Turns of the loop in which connections that were cut off at the deadline get to notice it. */
#define CUT_OFF_TURNS_MAX 100
/* While draining the end is looked for so often. */
#define DRAIN_TURN_MS 5

static _Thread_local struct http_loop *current_loop;

bool http_loop_is_current(const struct http_loop *loop)
{
    return current_loop == loop;
}

unsigned http_loop_index(const struct http_loop *loop)
{
    return loop->index;
}

void *http_loop_user(struct http_loop *loop)
{
    return loop->user;
}

void http_loop_set_user(struct http_loop *loop, void *user)
{
    loop->user = user;
}

const struct ev_random *http_loop_random(struct http_loop *loop)
{
    return &loop->random.port;
}

struct http_exchange *http_loop_exchange(struct http_loop *loop, uint32_t slot, uint32_t generation)
{
    struct http_slot *found = http_pool_find(&loop->exchanges, slot, generation);
    return found ? &found->exchange : NULL;
}

static void random_fill(void *context, void *bytes, size_t length)
{
    struct http_random *random = context;
    char *at = bytes;
    while (length > 0) {
        if (random->used == sizeof(random->block)) {
            ev_random_system.fill(ev_random_system.context, random->block, sizeof(random->block));
            random->used = 0;
        }
        size_t piece = sizeof(random->block) - random->used;
        piece = piece < length ? piece : length;
        memcpy(at, random->block + random->used, piece);
        random->used += piece;
        at += piece;
        length -= piece;
    }
}

void http_loop_wake(struct http_loop *loop)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t written = write(loop->wake_fd, &one, sizeof(one)); /* EAGAIN: the counter is full, the loop is awake */
    (void)written;
    errno = saved;
}

void http_loop_post_node(struct http_loop *loop, struct http_post *post)
{
    struct http_post *first = atomic_load_explicit(&loop->posts, memory_order_relaxed);
    do {
        post->next = first;
    } while (
        !atomic_compare_exchange_weak_explicit(&loop->posts, &first, post, memory_order_release, memory_order_relaxed));
    /* Whoever found the list empty wakes the loop; the loop itself looks before it sleeps. */
    if (!first && !http_loop_is_current(loop))
        http_loop_wake(loop);
}

struct heap_post {
    struct http_post node;
    void (*function)(void *context);
    void *context;
};

static void run_heap_post(void *context)
{
    struct heap_post *post = context;
    post->function(post->context);
    free(post);
}

void http_loop_post(struct http_loop *loop, void (*function)(void *context), void *context)
{
    struct heap_post *post = ev_memory_new(struct heap_post);
    *post = (struct heap_post){
        .node = {.function = run_heap_post, .context = post}, .function = function, .context = context};
    http_loop_post_node(loop, &post->node);
}

static void loop_run_posts(struct http_loop *loop)
{
    struct http_post *newest = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acquire), *oldest = NULL;
    while (newest) {
        struct http_post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct http_post *next = oldest->next; /* the function may use the node again */
        oldest->function(oldest->context);
        oldest = next;
    }
}

static void on_watch_readable(h2o_socket_t *socket, const char *fault)
{
    (void)fault;
    const struct http_watch *watch = socket->data;
    watch->readable(watch->context);
}

int http_loop_watch(struct http_loop *loop, int fd, void (*readable)(void *context), void *context,
                    struct ev_error *error)
{
    if (loop->watch_count == HTTP_WATCHES_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "a loop watches at most %d descriptors", HTTP_WATCHES_MAX);
    int own = dup(fd); /* h2o closes what it was given */
    if (own < 0)
        return ev_error_set(error, EV_ERR_IO, "dup: %s", strerror(errno));
    struct http_watch *watch = &loop->watches[loop->watch_count++];
    *watch = (struct http_watch){.readable = readable, .context = context};
    watch->socket = h2o_evloop_socket_create(loop->evloop, own, H2O_SOCKET_FLAG_DONT_READ);
    watch->socket->data = watch;
    h2o_socket_read_start(watch->socket, on_watch_readable);
    return 0;
}

static void on_wake(void *context)
{
    struct http_loop *loop = context;
    uint64_t count;
    ssize_t got = read(loop->wake_fd, &count, sizeof(count));
    (void)got;
}

void http_loop_init(struct http_loop *loop, struct http_server *server, unsigned index)
{
    loop->server = server;
    loop->index = index;
    loop->random.port = (struct ev_random){.fill = random_fill, .context = &loop->random};
    loop->random.used = sizeof(loop->random.block);
    http_pool_init(&loop->exchanges, HTTP_EXCHANGES_MAX);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        ev_fatal("eventfd: %s", strerror(errno));
}

/* h2o's part, made on the loop's own thread. */
static void loop_open(struct http_loop *loop)
{
    struct http_server *server = loop->server;
    struct ev_error error = {0};
    loop->evloop = h2o_evloop_create();
    h2o_context_init(&loop->context, loop->evloop, &server->config);
    if (http_loop_watch(loop, loop->wake_fd, on_wake, loop, &error) < 0)
        ev_fatal("loop %u can't be woken: %s", loop->index, error.message);
}

static void loop_listen(struct http_loop *loop)
{
    struct http_server *server = loop->server;
    unsigned share = (server->options.connections_max + server->options.threads - 1) / server->options.threads;
    for (size_t i = 0; i < 2; i++)
        http_listener_open(&loop->listeners[i], loop, &server->sides[i], share);
}

static void loop_close(struct http_loop *loop)
{
    for (size_t i = 0; i < loop->watch_count; i++)
        h2o_socket_close(loop->watches[i].socket);
    loop->watch_count = 0;
    h2o_context_dispose(&loop->context);
    h2o_evloop_destroy(loop->evloop);
}

void http_loop_finish(struct http_loop *loop)
{
    close(loop->wake_fd);
    http_pool_finish(&loop->exchanges);
}

static void loop_turn(struct http_loop *loop, int64_t wait_ms)
{
    if (atomic_load_explicit(&loop->posts, memory_order_relaxed))
        wait_ms = 0;
    if (h2o_evloop_run(loop->evloop, (int32_t)wait_ms) != 0 && errno != EINTR)
        ev_fatal("epoll: %s", strerror(errno));
    loop_run_posts(loop);
}

static int64_t loop_tick(struct http_loop *loop)
{
    const struct http_server_options *options = &loop->server->options;
    for (size_t i = 0; i < 2; i++)
        http_listener_resume(&loop->listeners[i]);
    int64_t wait_ms = options->loop_tick ? options->loop_tick(loop, options->context) : HTTP_LOOP_WAIT_MAX_MS;
    return wait_ms < 0 ? 0 : wait_ms > HTTP_LOOP_WAIT_MAX_MS ? HTTP_LOOP_WAIT_MAX_MS : wait_ms;
}

bool http_loop_is_leaving(const struct http_loop *loop)
{
    return atomic_load_explicit(&loop->server->left_us, memory_order_relaxed) != 0;
}

static bool loop_may_close(const struct http_loop *loop)
{
    const struct http_server *server = loop->server;
    if (!atomic_load_explicit(&server->stopping, memory_order_relaxed))
        return false;
    int64_t left_us = atomic_load(&server->left_us);
    return left_us == 0 || loop->start_result < 0 ||
           http_monotonic_us() - left_us >= server->options.stop_delay_ms * 1000;
}

static void loop_begin_drain(struct http_loop *loop)
{
    loop->draining = true;
    for (size_t i = 0; i < 2; i++)
        http_listener_close(&loop->listeners[i]);
    h2o_context_request_shutdown(&loop->context);
    for (struct http_connection *connection = loop->connections; connection; connection = connection->next)
        http_connection_shut_reading(connection);
}

/* Past the deadline. A connection whose exchange still has no answer stays: someone may give it yet. */
static void loop_cut_off(struct http_loop *loop)
{
    for (struct http_connection *connection = loop->connections; connection; connection = connection->next)
        shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
    for (int i = 0; i < CUT_OFF_TURNS_MAX && loop->connections; i++)
        loop_turn(loop, 1);
    loop->undrained = loop->connections || loop->exchanges.in_use > 0;
}

/* Whether nothing is left to do here, and on no other loop either. */
static bool loop_is_done(struct http_loop *loop)
{
    struct http_server *server = loop->server;
    if (!loop->drained && !loop->connections && loop->exchanges.in_use == 0) {
        loop->drained = true;
        atomic_fetch_sub(&server->undrained_loops, 1);
    }
    return loop->drained && atomic_load(&server->undrained_loops) == 0 &&
           !atomic_load_explicit(&loop->posts, memory_order_relaxed);
}

static void loop_run(struct http_loop *loop)
{
    struct http_server *server = loop->server;
    int64_t wait_ms = 0, deadline_ms = 0;
    for (;;) {
        loop_turn(loop, wait_ms);
        wait_ms = loop_tick(loop);
        if (!loop->draining && loop_may_close(loop)) {
            loop_begin_drain(loop);
            deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + server->drain_ms;
        }
        if (!loop->draining)
            continue;
        if (loop_is_done(loop))
            return;
        if (ev_clock_monotonic_ms(&ev_clock_system) >= deadline_ms) {
            loop_cut_off(loop);
            return;
        }
        wait_ms = wait_ms < DRAIN_TURN_MS ? wait_ms : DRAIN_TURN_MS;
    }
}

void *http_loop_main(void *argument)
{
    struct http_loop *loop = argument;
    struct http_server *server = loop->server;
    const struct http_server_options *options = &server->options;
    current_loop = loop;
    loop_open(loop);
    loop->start_result = options->loop_start ? options->loop_start(loop, options->context) : 0;
    if (loop->start_result < 0)
        http_server_stop(server);
    else
        loop_listen(loop);
    loop_run(loop);
    if (options->loop_stop)
        options->loop_stop(loop, options->context);
    if (!loop->undrained)
        loop_close(loop);
    current_loop = NULL;
    return NULL;
}
