/* Requests by real sockets: answered, refused, waited for and woken. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "forward_events.h"

#define LONG_MS 10000
#define REQUESTS 8
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Answers REQUESTS connections, when it has them all: the requests are under way together. */
struct server {
    int fd, port;
    pthread_t thread;
};

static int listen_on_any_port(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void *serve(void *context)
{
    const struct server *server = context;
    int connections[REQUESTS];
    char request[4096];
    for (int i = 0; i < REQUESTS; i++)
        connections[i] = accept(server->fd, NULL, NULL);
    for (int i = 0; i < REQUESTS; i++) {
        bool good = read(connections[i], request, sizeof(request)) > 0 &&
                    write(connections[i], ANSWER, sizeof(ANSWER) - 1) == sizeof(ANSWER) - 1;
        close(connections[i]);
        if (!good)
            return "a request did not arrive";
    }
    return NULL;
}

static size_t drop(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count;
}

static CURL *begin(struct forward_events *events, int port)
{
    char url[64];
    CURL *handle = curl_easy_init();
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)LONG_MS);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, drop);
    assert_int_equal(curl_multi_add_handle(events->multi, handle), CURLM_OK);
    return handle;
}

/* How many have ended; the result of the last. */
static int ended(struct forward_events *events, CURLcode *ret_code)
{
    int count = 0, left;
    for (CURLMsg *message; (message = curl_multi_info_read(events->multi, &left)); count++) {
        CURL *handle = message->easy_handle;
        *ret_code = message->data.result;
        curl_multi_remove_handle(events->multi, handle);
        curl_easy_cleanup(handle);
    }
    return count;
}

static void test_requests_are_answered(void **state)
{
    struct forward_events events;
    struct ev_error error;
    struct server server;
    CURLcode code = CURLE_FAILED_INIT;
    void *fault;
    (void)state;
    server.fd = listen_on_any_port(&server.port);
    assert_int_equal(listen(server.fd, REQUESTS), 0);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
    assert_int_equal(forward_events_init(&events, &error), 0);
    for (int i = 0; i < REQUESTS; i++)
        begin(&events, server.port);
    for (int left = REQUESTS; left > 0; left -= ended(&events, &code))
        forward_events_run(&events, LONG_MS);
    assert_int_equal(code, CURLE_OK);
    assert_int_equal(pthread_join(server.thread, &fault), 0);
    assert_null(fault);
    close(server.fd);
    forward_events_finish(&events);
}

static void test_a_refused_connection_ends_the_request(void **state)
{
    struct forward_events events;
    struct ev_error error;
    CURLcode code = CURLE_OK;
    int port, fd = listen_on_any_port(&port); /* bound, and nobody listens */
    (void)state;
    assert_int_equal(forward_events_init(&events, &error), 0);
    begin(&events, port);
    while (ended(&events, &code) == 0)
        forward_events_run(&events, LONG_MS);
    assert_int_equal(code, CURLE_COULDNT_CONNECT);
    close(fd);
    forward_events_finish(&events);
}

/* The server never answers: libcurl's own timer has to end it. */
static void test_a_deadline_ends_the_request(void **state)
{
    struct forward_events events;
    struct ev_error error;
    CURLcode code = CURLE_OK;
    int port, fd = listen_on_any_port(&port);
    (void)state;
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(forward_events_init(&events, &error), 0);
    curl_easy_setopt(begin(&events, port), CURLOPT_TIMEOUT_MS, 50L);
    while (ended(&events, &code) == 0)
        forward_events_run(&events, LONG_MS);
    assert_int_equal(code, CURLE_OPERATION_TIMEDOUT);
    close(fd);
    forward_events_finish(&events);
}

static void *wake(void *context)
{
    forward_events_wake(context);
    return NULL;
}

static void test_a_wait_is_woken(void **state)
{
    struct forward_events events;
    struct ev_error error;
    pthread_t thread;
    (void)state;
    assert_int_equal(forward_events_init(&events, &error), 0);
    int64_t begun = ev_clock_monotonic_ms(&ev_clock_system);
    assert_int_equal(pthread_create(&thread, NULL, wake, &events), 0);
    forward_events_run(&events, LONG_MS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(ev_clock_monotonic_ms(&ev_clock_system) - begun < LONG_MS);
    forward_events_run(&events, 0); /* taken once */
    forward_events_finish(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_answered),
        cmocka_unit_test(test_a_refused_connection_ends_the_request),
        cmocka_unit_test(test_a_deadline_ends_the_request),
        cmocka_unit_test(test_a_wait_is_woken),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return r;
}
