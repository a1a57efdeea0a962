/* What the command API is measured against: a bare h2o handler that appends the request's body to a topic and answers
 * 201 when Kafka has acknowledged it. No validation, no fence, no state. Same librdkafka settings as
 * libevents/log/kafka_log.c. One loop, one producer.
 *
 *   bare_handler BROKERS TOPIC PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOTS_MAX 4096
#define DELIVERIES_MAX 1024
#define BODY_MAX (256 * 1024)

struct slot {
    h2o_req_t *request; /* NULL: the client has gone, or the slot is free */
    uint32_t next_free;
};

static struct slot slots[SLOTS_MAX];
static uint32_t first_free;
static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;
static rd_kafka_t *producer;
static rd_kafka_topic_t *topic;
static rd_kafka_queue_t *queue;
static int32_t partition_count = 1, next_partition;

static void on_dispose(void *data)
{
    struct slot **owner = data;
    (*owner)->request = NULL;
}

static void answer(h2o_req_t *request, int status, const char *reason, const char *body)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t text = h2o_strdup(&request->pool, body, SIZE_MAX);
    request->res.status = status;
    request->res.reason = reason;
    request->res.content_length = text.len;
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/json"));
    h2o_start_response(request, &generator);
    h2o_send(request, &text, 1, H2O_SEND_STATE_FINAL);
}

static int handle(h2o_handler_t *handler, h2o_req_t *request)
{
    (void)handler;
    if (h2o_memis(request->method.base, request->method.len, H2O_STRLIT("GET"))) { /* whether it is up */
        answer(request, 200, "OK", "{}");
        return 0;
    }
    if (first_free == SLOTS_MAX) {
        answer(request, 503, "Service Unavailable", "{}");
        return 0;
    }
    uint32_t index = first_free;
    struct slot *slot = &slots[index];
    first_free = slot->next_free;
    slot->request = request;
    struct slot **owner = h2o_mem_alloc_shared(&request->pool, sizeof(struct slot *), on_dispose);
    *owner = slot;
    if (rd_kafka_produce(topic, next_partition, RD_KAFKA_MSG_F_COPY, request->entity.base, request->entity.len, NULL, 0,
                         (void *)(uintptr_t)(index + 1)) != 0) {
        slot->request = NULL;
        slot->next_free = first_free;
        first_free = index;
        answer(request, 503, "Service Unavailable", "{}");
    }
    next_partition = (next_partition + 1) % partition_count;
    return 0;
}

static void on_deliveries(h2o_socket_t *wakeup, const char *fault)
{
    rd_kafka_event_t *event;
    (void)fault;
    h2o_buffer_consume(&wakeup->input, wakeup->input->size);
    while ((event = rd_kafka_queue_poll(queue, 0))) {
        const rd_kafka_message_t *messages[DELIVERIES_MAX];
        size_t count;
        while (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR &&
               (count = rd_kafka_event_message_array(event, messages, DELIVERIES_MAX)) > 0) {
            for (size_t i = 0; i < count; i++) {
                uint32_t index = (uint32_t)(uintptr_t)messages[i]->_private - 1;
                h2o_req_t *request = slots[index].request;
                slots[index].request = NULL;
                slots[index].next_free = first_free;
                first_free = index;
                if (request)
                    answer(request, messages[i]->err ? 503 : 201, messages[i]->err ? "Service Unavailable" : "Created",
                           "{\"ok\":true}");
            }
        }
        rd_kafka_event_destroy(event);
    }
}

static void set(rd_kafka_conf_t *settings, const char *name, const char *value)
{
    char fault[256];
    if (rd_kafka_conf_set(settings, name, value, fault, sizeof(fault)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "bare_handler: %s\n", fault);
        exit(1);
    }
}

static void start_producer(const char *brokers, const char *name)
{
    char fault[256];
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    set(settings, "bootstrap.servers", brokers);
    set(settings, "enable.idempotence", "true");
    set(settings, "acks", "all");
    set(settings, "message.timeout.ms", "0");
    set(settings, "linger.ms", "0");
    set(settings, "max.in.flight.requests.per.connection", "5");
    set(settings, "socket.nagle.disable", "true");
    rd_kafka_conf_set_events(settings, RD_KAFKA_EVENT_DR);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, settings, fault, sizeof(fault));
    if (!producer) {
        fprintf(stderr, "bare_handler: %s\n", fault);
        exit(1);
    }
    topic = rd_kafka_topic_new(producer, name, NULL);
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(producer, 0, topic, &metadata, 10000) != 0 || metadata->topics[0].partition_cnt == 0) {
        fprintf(stderr, "bare_handler: no topic %s at %s\n", name, brokers);
        exit(1);
    }
    partition_count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    queue = rd_kafka_queue_get_main(producer);
}

static void on_accept(h2o_socket_t *listener, const char *fault)
{
    h2o_socket_t *socket;
    if (!fault && (socket = h2o_evloop_socket_accept(listener)))
        h2o_accept(&accept_context, socket);
}

static void listen_on(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        fprintf(stderr, "bare_handler: port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ), on_accept);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: bare_handler BROKERS TOPIC PORT\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    for (uint32_t i = 0; i < SLOTS_MAX; i++)
        slots[i].next_free = i + 1;
    start_producer(argv[1], argv[2]);
    h2o_config_init(&config);
    config.max_request_entity_size = BODY_MAX;
    config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = handle;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
    int wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    static const uint64_t one = 1;
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, wakeup, 0), on_deliveries);
    rd_kafka_queue_io_event_enable(queue, wakeup, &one, sizeof(one));
    listen_on((int)strtol(argv[3], NULL, 10));
    while (h2o_evloop_run(context.loop, 1000) == 0)
        ;
    return 0;
}
