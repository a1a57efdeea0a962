#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fatal.h"
#include "core/memory.h"
#include "libhttp/internal.h"

/* Connections taken at one wake-up of a loop, so that other loops get theirs. */
#define ACCEPT_BURST 16
#define LISTEN_BACKLOG 1024
#define ADDRESS_MAX 256

static int resolve(const char *address, struct addrinfo **ret, struct ev_error *error)
{
    char host[ADDRESS_MAX];
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    if (!colon || length >= sizeof(host) || colon[1] == '\0')
        return ev_error_set(error, EV_ERR_INVALID, "\"%s\" is no listen address: give HOST:PORT", address);
    const char *start = address;
    if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
        start++;
        length -= 2;
    }
    memcpy(host, start, length);
    host[length] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int fault = getaddrinfo(length ? host : NULL, colon + 1, &hints, ret);
    if (fault)
        return ev_error_set(error, EV_ERR_INVALID, "\"%s\" is no listen address: %s", address, gai_strerror(fault));
    return 0;
}

static unsigned bound_port(int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &length) != 0)
        return 0;
    if (name.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

/* Not SO_REUSEPORT: a second process on the same port must be told so. The loops share the one socket. */
int http_side_listen(struct http_side *side, const char *address, struct ev_error *error)
{
    struct addrinfo *found = NULL;
    int result = resolve(address, &found, error);
    if (result < 0)
        return result;
    int on = 1, write_timeout_ms = HTTP_WRITE_TIMEOUT_MS;
    side->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (side->fd < 0)
        result = ev_error_set(error, EV_ERR_IO, "no socket for %s: %s", address, strerror(errno));
    else if (setsockopt(side->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
             setsockopt(side->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &write_timeout_ms, sizeof(write_timeout_ms)) != 0 ||
             bind(side->fd, found->ai_addr, found->ai_addrlen) != 0 || listen(side->fd, LISTEN_BACKLOG) != 0)
        result = ev_error_set(error, EV_ERR_IO, "can't listen on %s: %s%s", address, strerror(errno),
                              errno == EADDRINUSE ? "; stop who does, or choose another port" : "");
    else
        side->port = bound_port(side->fd);
    freeaddrinfo(found);
    return result;
}

static void on_connection_close(void *context)
{
    struct http_connection *connection = context;
    struct http_listener *listener = connection->listener;
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    listener->connections--;
    free(connection);
    http_listener_resume(listener);
}

static void listener_add(struct http_listener *listener, h2o_socket_t *socket)
{
    struct http_connection *connection = ev_memory_new(struct http_connection);
    struct http_connection **first = &listener->loop->connections;
    connection->listener = listener;
    connection->socket = socket;
    connection->next = *first;
    connection->link = first;
    if (*first)
        (*first)->link = &connection->next;
    *first = connection;
    listener->connections++;
    socket->on_close.cb = on_connection_close;
    socket->on_close.data = connection;
    h2o_accept(&listener->accept, socket);
}

static void listener_pause(struct http_listener *listener)
{
    listener->paused = true;
    h2o_socket_read_stop(listener->socket);
}

static void on_accept(h2o_socket_t *socket, const char *fault)
{
    struct http_listener *listener = socket->data;
    if (fault)
        return;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        if (listener->connections == listener->connections_max) {
            listener_pause(listener);
            return;
        }
        h2o_socket_t *accepted = h2o_evloop_socket_accept(socket);
        if (!accepted) {
            /* Out of descriptors or memory: the listener stays readable, so it must rest or the loop would spin. */
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                listener_pause(listener);
            return;
        }
        listener_add(listener, accepted);
    }
}

void http_listener_open(struct http_listener *listener, struct http_loop *loop, const struct http_side *side,
                        unsigned connections_max)
{
    *listener = (struct http_listener){.loop = loop, .connections_max = connections_max};
    if (side->fd < 0)
        return;
    listener->hosts[0] = side->host;
    listener->accept.ctx = &loop->context;
    listener->accept.hosts = listener->hosts;
    int fd = dup(side->fd);
    if (fd < 0)
        ev_fatal("dup of a listening socket: %s", strerror(errno));
    listener->socket = h2o_evloop_socket_create(loop->evloop, fd, H2O_SOCKET_FLAG_DONT_READ);
    listener->socket->data = listener;
    h2o_socket_read_start(listener->socket, on_accept);
}

void http_listener_resume(struct http_listener *listener)
{
    if (!listener->socket || !listener->paused || listener->connections >= listener->connections_max)
        return;
    listener->paused = false;
    h2o_socket_read_start(listener->socket, on_accept);
}

void http_listener_close(struct http_listener *listener)
{
    if (!listener->socket)
        return;
    h2o_socket_close(listener->socket);
    listener->socket = NULL;
}

void http_connection_shut_reading(struct http_connection *connection)
{
    /* ENOTCONN: the peer was first. What has arrived is still read; then comes the end of the stream. */
    shutdown(h2o_socket_get_fd(connection->socket), SHUT_RD);
}

/* Something arrived, or the peer has gone, while an exchange is running: h2o looks at it when the answer was written.
 */
static void on_early_input(h2o_socket_t *socket, const char *fault)
{
    (void)fault;
    h2o_socket_read_stop(socket);
}

void http_connection_rest(struct http_connection *connection)
{
    h2o_socket_dont_read(connection->socket, 1);
    h2o_socket_read_start(connection->socket, on_early_input);
}

void http_connection_wake(struct http_connection *connection)
{
    h2o_socket_dont_read(connection->socket, 0);
}

struct http_connection *http_connection_of(h2o_req_t *req)
{
    h2o_socket_t *socket = req->conn->callbacks->get_socket(req->conn);
    return socket ? socket->on_close.data : NULL;
}
