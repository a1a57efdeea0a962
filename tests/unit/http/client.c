#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libhttp/problem.h"

struct http_server *server;
char answer[ANSWER_MAX];

int client_connect(bool is_private)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(server, is_private))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void client_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* refused before everything was sent: the answer says so */
        bytes += sent;
        length -= (size_t)sent;
    }
}

static size_t client_read_more(int fd, size_t have)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, DEADLINE_MS), 1);
    ssize_t got = recv(fd, answer + have, sizeof(answer) - have - 1, 0);
    return got < 0 ? 0 : (size_t)got;
}

/* What came behind the answer that was read last, and on which connection. */
static char ahead_bytes[4096];
static size_t ahead_length;
static int ahead_fd = -1;

static size_t take_ahead(int fd)
{
    size_t length = fd == ahead_fd ? ahead_length : 0;
    memcpy(answer, ahead_bytes, length);
    ahead_length = 0;
    answer[length] = '\0';
    return length;
}

static void keep_ahead(int fd, const char *bytes, size_t length)
{
    assert_true(length < sizeof(ahead_bytes));
    memcpy(ahead_bytes, bytes, length);
    ahead_length = length;
    ahead_fd = fd;
}

/* Reads one answer; its status, with all of it in `answer`. 0: the connection ended without one. */
int client_read(int fd)
{
    size_t have = take_ahead(fd);
    char *end = strstr(answer, "\r\n\r\n");
    while (!end) {
        size_t got = client_read_more(fd, have);
        if (got == 0)
            return 0;
        answer[have += got] = '\0';
        end = strstr(answer, "\r\n\r\n");
    }
    const char *length = strcasestr(answer, "content-length: ");
    size_t size = (size_t)(end - answer) + 4 + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
    while (have < size) {
        size_t got = client_read_more(fd, have);
        assert_int_not_equal(got, 0);
        answer[have += got] = '\0';
    }
    keep_ahead(fd, answer + size, have - size);
    answer[size] = '\0';
    return (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10);
}

int ask(bool is_private, const char *request)
{
    int fd = client_connect(is_private);
    client_send(fd, request, strlen(request));
    int status = client_read(fd);
    close(fd);
    return status;
}

int post_body(bool is_private, const char *path, size_t length)
{
    char head[256];
    int fd = client_connect(is_private);
    int head_length = snprintf(
        head, sizeof(head),
        "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", path, length);
    client_send(fd, head, (size_t)head_length);
    char *body = calloc(1, length + 1);
    memset(body, 'x', length);
    client_send(fd, body, length);
    free(body);
    int status = client_read(fd);
    close(fd);
    return status;
}

void assert_problem(const char *slug)
{
    char type[128];
    snprintf(type, sizeof(type), "\"type\":\"" HTTP_PROBLEM_TYPE_PREFIX "%s\"", slug);
    assert_non_null(strstr(answer, "content-type: application/problem+json\r\n"));
    assert_non_null(strstr(answer, type));
}
