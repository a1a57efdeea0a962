/* A server of two loops on loopback ports of the system's choice, and clients on plain sockets. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libhttp/health.h"
#include "libhttp/problem.h"

static pthread_t server_thread, worker_thread;
static int run_result;
static struct ev_metrics *metrics;
static atomic_bool kafka_is_there = true;

/* An exchange that another thread owes the answer, and that there is one. */
static _Atomic(struct http_exchange *) parked;
static sem_t parked_there;

static void handle_echo(struct http_exchange *exchange, void *context)
{
    (void)context;
    struct ev_str value;
    struct http_reply reply = {.status = 200, .body = exchange->body};
    if (!http_exchange_query(exchange, "name", &value)) {
        http_reply_problem(exchange, &(struct http_problem){.status = 400, .slug = "bad-query", .title = "Bad query"});
        return;
    }
    if (value.data)
        http_reply_add_header(&reply, "x-name", value);
    if (exchange->path_value_count)
        http_reply_add_header(&reply, "x-id", exchange->path_values[0].value);
    http_reply(exchange, &reply);
}

static void handle_empty(struct http_exchange *exchange, void *context)
{
    (void)context;
    http_reply(exchange, &(struct http_reply){.status = 204});
}

static void handle_parked(struct http_exchange *exchange, void *context)
{
    (void)context;
    atomic_store(&parked, exchange);
    sem_post(&parked_there);
}

static void handle_large(struct http_exchange *exchange, void *context)
{
    (void)context;
    size_t size = 3 * 1024 * 1024;
    char *body = ev_arena_alloc(&exchange->arena, size);
    memset(body, 'x', size);
    http_reply(exchange, &(struct http_reply){.status = 200, .content_type = "text/plain", .body = {body, size}});
}

static bool check_kafka(void *context, char ret_detail[256])
{
    (void)context;
    if (!atomic_load(&kafka_is_there))
        snprintf(ret_detail, 256, "no broker answers");
    return atomic_load(&kafka_is_there);
}

static struct http_exchange *wait_parked(void)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += DEADLINE_MS / 1000;
    assert_int_equal(sem_timedwait(&parked_there, &deadline), 0);
    struct http_exchange *exchange = atomic_exchange(&parked, NULL);
    assert_non_null(exchange);
    return exchange;
}

struct second_run {
    struct http_server *server;
    int result;
    struct ev_error error;
};

static void *run_second(void *argument)
{
    struct second_run *run = argument;
    run->result = http_server_run(run->server, 50, &run->error);
    return NULL;
}

static void test_an_answer_carries_body_values_and_identity(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "POST /echo/a%20b?name=c+d HTTP/1.1\r\nHost: h\r\nX-Request-Id: r1\r\n"
                                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                                "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"),
                     200);
    assert_non_null(strstr(answer, "x-name: c d\r\n"));
    assert_non_null(strstr(answer, "x-id: a b\r\n"));
    assert_non_null(strstr(answer, "x-request-id: r1\r\n"));
    assert_non_null(strstr(answer, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
    assert_non_null(strstr(answer, "content-type: application/json\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\n{}"));
}

static void test_a_connection_serves_many_requests(void **state)
{
    (void)state;
    int fd = client_connect(false);
    for (int i = 0; i < 100; i++) {
        const char *request =
            i % 2 ? "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n" : "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n";
        client_send(fd, request, strlen(request));
        assert_int_equal(client_read(fd), i % 2 ? 204 : 404);
    }
    close(fd);
}

static void test_faults_are_problems(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"), 404);
    assert_problem("no-such-resource");
    assert_non_null(strstr(answer, "\"trace_id\":\""));
    assert_int_equal(ask(false, "PUT /empty HTTP/1.1\r\nHost: h\r\n\r\n"), 405);
    assert_problem("method-not-allowed");
    assert_non_null(strstr(answer, "allow: GET, HEAD\r\n"));
    assert_int_equal(ask(false, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_problem("bad-path");
    assert_int_equal(ask(false, "GET /empty?%ff HTTP/1.1\r\nHost: h\r\n\r\n"), 204);
    assert_int_equal(ask(false, "POST /echo/1?name=%f HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_problem("bad-query");
    assert_int_equal(ask(false, "POST /echo/1?name=1&name=2 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

/* As GET, with no body behind it: the next answer on the connection follows at once. */
static void test_head_is_get_without_a_body(void **state)
{
    (void)state;
    static const char requests[] = "HEAD /large HTTP/1.1\r\nHost: h\r\n\r\nGET /empty HTTP/1.1\r\nHost: h\r\n"
                                   "Connection: close\r\n\r\n";
    char got[4096];
    size_t size = 0;
    ssize_t more;
    int fd = client_connect(false);
    client_send(fd, requests, strlen(requests));
    while ((more = recv(fd, got + size, sizeof(got) - 1 - size, 0)) > 0)
        size += (size_t)more;
    got[size] = '\0';
    close(fd);
    assert_int_equal(strncmp(got, "HTTP/1.1 200", 12), 0);
    assert_non_null(strstr(got, "Content-Length: 3145728\r\n"));
    const char *end = strstr(got, "\r\n\r\n");
    assert_int_equal(strncmp(end + 4, "HTTP/1.1 204", 12), 0);
}

/* Bodies of requests that wait have a bound in sum; what needs no body still gets its answer. */
static void test_the_bodies_that_wait_have_a_bound(void **state)
{
    (void)state;
    static const struct http_route routes[] = {
        {.method = "POST", .path = "/echo/{id}", .exposure = HTTP_BOTH, .name = "echo", .handler = handle_echo},
        {.method = "POST", .path = "/parked", .exposure = HTTP_BOTH, .name = "parked", .handler = handle_parked},
        {.method = "GET", .path = "/empty", .exposure = HTTP_BOTH, .name = "empty", .handler = handle_empty}};
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .threads = 1, .connections_max = 8, .service = "second", .bodies_max = 1000};
    static const char parked_body[] = "POST /parked HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 5\r\n\r\n12345";
    struct second_run run = {0};
    struct http_server *first = server;
    pthread_t thread;
    assert_int_equal(http_server_create(&options, routes, 3, &run.server, &run.error), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_second, &run), 0);
    server = run.server;
    int fd = client_connect(false);
    client_send(fd, parked_body, strlen(parked_body));
    struct http_exchange *exchange = wait_parked();
    assert_int_equal(post_body(false, "/echo/1", 996), 503);
    assert_problem("overloaded");
    assert_non_null(strstr(answer, "retry-after: 1\r\n"));
    assert_int_equal(ask(false, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"), 204);
    assert_int_equal(post_body(false, "/echo/1", 995), 200);
    http_reply(exchange, &(struct http_reply){.status = 200, .body = EV_STR("{}")});
    assert_int_equal(client_read(fd), 200);
    assert_int_equal(post_body(false, "/echo/1", 996), 200);
    close(fd);
    http_server_stop(run.server);
    server = first;
    pthread_join(thread, NULL);
    http_server_destroy(run.server);
}

static void test_bodies_other_than_json_are_refused(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"), 415);
    assert_problem("unsupported-media-type");
    assert_int_equal(ask(false, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/jsonx\r\n"
                                "Content-Length: 2\r\n\r\n{}"),
                     415);
    assert_int_equal(ask(false, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
                     415);
    assert_int_equal(ask(false, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Type: Application/JSON\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
                     200);
}

static void test_bodies_have_a_bound_by_listener_and_route(void **state)
{
    (void)state;
    assert_int_equal(post_body(false, "/echo/1", HTTP_BODY_MAX), 200);
    assert_int_equal(post_body(false, "/echo/1", HTTP_BODY_MAX + 1), 413);
    assert_problem("body-too-large");
    assert_int_equal(post_body(true, "/echo/1", HTTP_BODY_MAX + 1), 200);
    assert_int_equal(post_body(true, "/echo/1", HTTP_BODY_MAX_PRIVATE + 1), 413);
    assert_int_equal(post_body(true, "/small", 11), 413);
    assert_int_equal(post_body(true, "/small", 10), 200);
}

/* Beyond what any route takes h2o refuses while it reads. */
static void test_a_body_that_is_announced_too_large_is_refused_unread(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                "Content-Length: 99999999\r\n\r\n"),
                     413);
    assert_problem("body-too-large");
    assert_non_null(strstr(answer, "\"trace_id\":\""));
    assert_non_null(strstr(answer, "traceparent: 00-"));
    assert_int_equal(ask(false, "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
                     400);
    assert_problem("bad-request");
}

/* `count` times `part` between the two others; the caller frees it. */
static char *make_request(const char *begin, const char *part, size_t count, const char *end)
{
    struct ev_buffer request = {0};
    ev_buffer_append_str(&request, ev_str_of(begin));
    for (size_t i = 0; i < count; i++)
        ev_buffer_append_str(&request, ev_str_of(part));
    ev_buffer_append_str(&request, ev_str_of(end));
    return ev_buffer_take(&request, NULL);
}

static int ask_repeated(const char *begin, const char *part, size_t count, const char *end)
{
    char *request = make_request(begin, part, count, end);
    int status = ask(false, request);
    free(request);
    return status;
}

static void test_uris_and_headers_have_bounds(void **state)
{
    (void)state;
    static const char head[] = "GET /empty HTTP/1.1\r\nHost: h\r\n";
    assert_int_equal(ask_repeated("GET /empty?", "a", HTTP_URI_MAX, " HTTP/1.1\r\nHost: h\r\n\r\n"), 414);
    assert_problem("uri-too-long");
    assert_int_equal(ask_repeated(head, "x-a: 1\r\n", HTTP_HEADER_MAX, "\r\n"), 204);
    assert_int_equal(ask_repeated(head, "x-a: 1\r\n", HTTP_HEADER_MAX + 1, "\r\n"), 431);
    assert_problem("headers-too-large");
    assert_int_equal(ask_repeated("GET /empty HTTP/1.1\r\nHost: h\r\nx-a: ", "a", HTTP_HEADER_BYTES_MAX, "\r\n\r\n"),
                     431);
}

static void test_private_routes_are_not_on_the_public_listener(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "GET /metrics HTTP/1.1\r\nHost: private\r\n\r\n"), 404);
    assert_int_equal(ask(true, "GET /metrics HTTP/1.1\r\nHost: public\r\n\r\n"), 200);
    assert_non_null(strstr(answer, "orderlog_http_requests_total{service=\"test\",route=\"echo\",class=\"2xx\"}"));
    assert_non_null(strstr(answer, "orderlog_http_request_seconds_count{service=\"test\",route=\"none\"}"));
}

static void test_readiness_follows_the_required_checks(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    atomic_store(&kafka_is_there, false);
    assert_int_equal(ask(true, "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"), 503);
    assert_problem("not-ready");
    assert_non_null(strstr(answer, "retry-after: 1\r\n"));
    assert_non_null(strstr(answer, "\"detail\":\"kafka: no broker answers\""));
    assert_int_equal(ask(true, "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    atomic_store(&kafka_is_there, true);
}

static void test_an_answer_may_come_from_another_thread(void **state)
{
    (void)state;
    int fd = client_connect(false);
    for (int i = 0; i < 20; i++) {
        const char *request = "GET /parked HTTP/1.1\r\nHost: h\r\n\r\n";
        client_send(fd, request, strlen(request));
        struct http_exchange *exchange = wait_parked();
        struct http_reply reply = {.status = 200, .body = ev_arena_printf(&exchange->arena, "{\"n\":%d}", i)};
        http_reply(exchange, &reply);
        assert_int_equal(client_read(fd), 200);
    }
    close(fd);
}

static void test_an_answer_to_a_client_that_has_gone_is_harmless(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = client_connect(false);
        const char *request = "GET /parked HTTP/1.1\r\nHost: h\r\n\r\n";
        client_send(fd, request, strlen(request));
        struct http_exchange *exchange = wait_parked();
        struct linger reset = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        http_reply(exchange, &(struct http_reply){.status = 200, .body = EV_STR("{}")});
    }
    assert_int_equal(ask(false, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"), 204);
}

/* While an answer is awaited the connection is watched, but nothing is read from it. */
static void test_a_client_may_send_ahead_or_leave_early(void **state)
{
    (void)state;
    int fd = client_connect(false);
    const char *request = "GET /parked HTTP/1.1\r\nHost: h\r\n\r\n";
    const char *ahead =
        "POST /echo/1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    for (int i = 0; i < 5; i++) {
        client_send(fd, request, strlen(request));
        struct http_exchange *exchange = wait_parked();
        client_send(fd, ahead, strlen(ahead));
        assert_int_equal(ask(false, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"), 204);
        http_reply(exchange, &(struct http_reply){.status = 204});
        assert_int_equal(client_read(fd), 204);
        assert_int_equal(client_read(fd), 200);
        assert_non_null(strstr(answer, "{\"a\":1}"));
    }
    client_send(fd, request, strlen(request));
    struct http_exchange *exchange = wait_parked();
    shutdown(fd, SHUT_WR);
    assert_int_equal(ask(false, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"), 204);
    http_reply(exchange, &(struct http_reply){.status = 200, .body = EV_STR("{\"half\":1}")});
    assert_int_equal(client_read(fd), 200);
    close(fd);
}

static void test_a_large_answer_arrives_whole(void **state)
{
    (void)state;
    assert_int_equal(ask(false, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 3 * 1024 * 1024);
}

/* An answer that never comes doesn't keep the process; one that comes too late does no harm. */
static void test_stopping_has_a_deadline(void **state)
{
    (void)state;
    static const struct http_route route = {
        .method = "GET", .path = "/parked", .exposure = HTTP_BOTH, .name = "parked", .handler = handle_parked};
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .threads = 1, .connections_max = 4, .service = "second"};
    struct second_run run = {0};
    struct http_server *first = server;
    pthread_t thread;
    assert_int_equal(http_server_create(&options, &route, 1, &run.server, &run.error), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_second, &run), 0);
    server = run.server;
    int fd = client_connect(false);
    server = first;
    const char *request = "GET /parked HTTP/1.1\r\nHost: h\r\n\r\n";
    client_send(fd, request, strlen(request));
    struct http_exchange *exchange = wait_parked();
    http_server_stop(run.server);
    pthread_join(thread, NULL);
    assert_int_equal(run.result, EV_ERR_TIMEOUT);
    assert_non_null(strstr(run.error.message, "1 exchange"));
    http_server_destroy(run.server);
    http_reply(exchange, &(struct http_reply){.status = 200, .body = EV_STR("{}")});
    close(fd);
}

static void *answer_after_stop(void *exchange)
{
    http_reply(exchange, &(struct http_reply){.status = 200, .body = EV_STR("{\"late\":true}")});
    return NULL;
}

/* Told to leave and to stop, a server takes requests until the delay is over, and says that it should get no more. */
static void test_leaving_takes_requests_until_the_delay_is_over(void **state)
{
    (void)state;
    static struct http_health health = {.count = 0};
    struct http_route routes[4] = {
        {.method = "GET", .path = "/empty", .exposure = HTTP_BOTH, .name = "empty", .handler = handle_empty}};
    size_t count = 1 + http_health_routes(&health, routes + 1);
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .threads = 1, .connections_max = 8, .service = "second", .stop_delay_ms = 300};
    struct second_run run = {0};
    struct http_server *first = server;
    pthread_t thread;
    assert_int_equal(http_server_create(&options, routes, count, &run.server, &run.error), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_second, &run), 0);
    server = run.server;
    assert_int_equal(ask(false, "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_null(strstr(answer, "onnection: close"));
    int64_t told_ms = ev_clock_monotonic_ms(&ev_clock_system);
    http_server_leave(run.server);
    http_server_stop(run.server);
    assert_int_equal(ask(false, "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"), 503);
    assert_int_equal(ask(false, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n"), 204);
    assert_non_null(strstr(answer, "onnection: close"));
    server = first;
    pthread_join(thread, NULL);
    assert_true(ev_clock_monotonic_ms(&ev_clock_system) - told_ms >= 300);
    assert_int_equal(run.result, 0);
    http_server_destroy(run.server);
}

/* The last test: the server is gone afterwards. */
static void test_stopping_lets_a_running_exchange_end(void **state)
{
    (void)state;
    int idle = client_connect(false), running = client_connect(false);
    const char *request = "GET /parked HTTP/1.1\r\nHost: h\r\n\r\n", *empty = "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n";
    client_send(idle, empty, strlen(empty));
    assert_int_equal(client_read(idle), 204);
    client_send(running, request, strlen(request));
    struct http_exchange *exchange = wait_parked();
    http_server_stop(server);
    assert_int_equal(client_read(idle), 0); /* closed, with nothing to wait for */
    assert_int_equal(pthread_create(&worker_thread, NULL, answer_after_stop, exchange), 0);
    assert_int_equal(client_read(running), 200);
    assert_non_null(strstr(answer, "{\"late\":true}"));
    pthread_join(worker_thread, NULL);
    pthread_join(server_thread, NULL);
    assert_int_equal(run_result, 0);
    close(idle);
    close(running);
}

static void *run_server(void *context)
{
    (void)context;
    struct ev_error error;
    run_result = http_server_run(server, DEADLINE_MS, &error);
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    static struct http_health health = {.checks = {{.name = "kafka", .required = true, .check = check_kafka}},
                                        .count = 1};
    struct http_route routes[16] = {
        {.method = "POST", .path = "/echo/{id}", .exposure = HTTP_BOTH, .name = "echo", .handler = handle_echo},
        {.method = "POST",
         .path = "/small",
         .exposure = HTTP_BOTH,
         .name = "small",
         .handler = handle_echo,
         .body_max = 10},
        {.method = "GET", .path = "/empty", .exposure = HTTP_BOTH, .name = "empty", .handler = handle_empty},
        {.method = "GET", .path = "/parked", .exposure = HTTP_BOTH, .name = "parked", .handler = handle_parked},
        {.method = "GET", .path = "/large", .exposure = HTTP_BOTH, .name = "large", .handler = handle_large},
    };
    metrics = health.metrics = ev_metrics_create();
    size_t count = 5 + http_health_routes(&health, routes + 5);
    struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .private_listen = "127.0.0.1:0",
        .threads = 2,
        .connections_max = 64,
        .service = "test",
        .api = "test",
        .metrics = metrics,
    };
    struct ev_error error;
    if (sem_init(&parked_there, 0, 0) != 0 || http_server_create(&options, routes, count, &server, &error) < 0)
        return -1;
    return pthread_create(&server_thread, NULL, run_server, NULL);
}

static int teardown(void **state)
{
    (void)state;
    http_server_destroy(server);
    ev_metrics_destroy(metrics);
    return 0;
}

static void test_a_port_that_is_taken_is_named(void **state)
{
    (void)state;
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", http_server_port(server, false));
    struct http_server_options options = {.listen = address, .threads = 1, .connections_max = 1, .service = "test"};
    struct http_server *second = NULL;
    struct ev_error error = {0};
    assert_int_equal(http_server_create(&options, NULL, 0, &second, &error), EV_ERR_IO);
    assert_non_null(strstr(error.message, address));
    options.listen = "nonsense";
    assert_int_equal(http_server_create(&options, NULL, 0, &second, &error), EV_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_carries_body_values_and_identity),
        cmocka_unit_test(test_a_connection_serves_many_requests),
        cmocka_unit_test(test_faults_are_problems),
        cmocka_unit_test(test_head_is_get_without_a_body),
        cmocka_unit_test(test_the_bodies_that_wait_have_a_bound),
        cmocka_unit_test(test_bodies_other_than_json_are_refused),
        cmocka_unit_test(test_bodies_have_a_bound_by_listener_and_route),
        cmocka_unit_test(test_a_body_that_is_announced_too_large_is_refused_unread),
        cmocka_unit_test(test_uris_and_headers_have_bounds),
        cmocka_unit_test(test_private_routes_are_not_on_the_public_listener),
        cmocka_unit_test(test_readiness_follows_the_required_checks),
        cmocka_unit_test(test_an_answer_may_come_from_another_thread),
        cmocka_unit_test(test_an_answer_to_a_client_that_has_gone_is_harmless),
        cmocka_unit_test(test_a_large_answer_arrives_whole),
        cmocka_unit_test(test_a_port_that_is_taken_is_named),
        cmocka_unit_test(test_stopping_has_a_deadline),
        cmocka_unit_test(test_leaving_takes_requests_until_the_delay_is_over),
        cmocka_unit_test(test_a_client_may_send_ahead_or_leave_early),
        cmocka_unit_test(test_stopping_lets_a_running_exchange_end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
