#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

void client_init(struct client *client, struct drill_node *node, const struct drill *drill, enum client_kind kind,
                 int64_t first, int64_t end)
{
    *client = (struct client){
        .node = node,
        .drill = drill,
        .kind = kind,
        .next = first,
        .end = end,
        .timeout_ms = 5000,
        .retries = true,
        .slots = ev_memory_alloc_array((size_t)drill->window, sizeof(struct client_slot)),
        .buyer = ev_memory_alloc((size_t)drill->payload + 1),
        .latencies_us = ev_memory_alloc_array((size_t)(end - first) + 1, sizeof(int64_t)),
    };
    memset(client->buyer, 'b', (size_t)drill->payload);
}

void client_finish(struct client *client)
{
    for (int i = 0; i < client->drill->window; i++)
        ev_arena_finish(&client->slots[i].arena);
    free(client->slots);
    free(client->buyer);
    free(client->latencies_us);
}

static void submit(struct client_slot *slot);

static void on_done(struct ev_request *request, const struct ev_result *result)
{
    struct client_slot *slot = (struct client_slot *)request;
    struct client *client = slot->client;
    client->outcomes[result->outcome]++;
    if (result->outcome == EV_OUTCOME_COMMITTED)
        client->late_commits += client->forbidden;
    if (result->outcome == EV_OUTCOME_FAILED) {
        client->last_error = result->error;
        client->faults += !result->error.retriable;
        if (client->retries && result->error.retriable) {
            submit(slot);
            return;
        }
    }
    client->latencies_us[client->finished++] = drill_now_us() - slot->started_us;
    client->open--;
    slot->busy = false;
}

static void put_number(char *text, int64_t number)
{
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *text++ = digits[--count];
    *text = '\0';
}

static void submit(struct client_slot *slot)
{
    struct client *client = slot->client;
    const struct drill *drill = client->drill;
    int64_t now = ev_clock_monotonic_ms(&ev_clock_system);
    ev_arena_reset(&slot->arena);
    bool stocks = client->kind == CLIENT_STOCKS;
    if (stocks)
        slot->body.stock = (struct stock_shelf){.units = INT64_C(1) << 40};
    else
        slot->body.sell = (struct sell_units){.units = 1, .buyer = {client->buyer, (size_t)drill->payload}};
    slot->request = (struct ev_request){
        .type = stocks ? &stock_shelf_command : &sell_units_command,
        .body = &slot->body,
        .stream_id = ev_str_of(slot->stream_id),
        .command_id = slot->command_id,
        .request_hash = slot->request_hash,
        .correlation_id = ev_str_of(slot->correlation_id),
        .causation_id = EV_STR(""),
        .actor = EV_STR("drill"),
        .traceparent = EV_STR_NULL,
        .now_ms = ev_clock_wall_ms(&ev_clock_system),
        .deadline_ms = now + client->timeout_ms,
        .expected_version = -1,
        .arena = &slot->arena,
        .done = on_done,
    };
    ev_executor_submit(client->node->executor, &slot->request);
}

/* Names that are a function of kind and number, made cheaply: what is measured is the executor. */
static void name_command(struct client_slot *slot)
{
    const struct client *client = slot->client;
    memset(&slot->command_id, 0, sizeof(slot->command_id));
    memcpy(slot->command_id.bytes, &slot->number, sizeof(slot->number));
    slot->command_id.bytes[6] = 0x80 | (uint8_t)client->kind; /* numbers are far smaller */
    memcpy(slot->request_hash.bytes, slot->command_id.bytes, sizeof(slot->request_hash.bytes));
    char *end = stpcpy(slot->stream_id, client->kind == CLIENT_ASKS_UNKNOWN ? "shelf-none" : "shelf-");
    put_number(end, slot->number % client->drill->streams);
    slot->correlation_id[0] = (char)('0' + client->kind);
    slot->correlation_id[1] = '/';
    put_number(slot->correlation_id + 2, slot->number);
}

void client_push(struct client *client)
{
    for (int i = 0; i < client->drill->window && client->next < client->end; i++) {
        struct client_slot *slot = &client->slots[i];
        if (slot->busy)
            continue;
        slot->busy = true;
        slot->client = client;
        slot->number = client->next++;
        name_command(slot);
        slot->started_us = drill_now_us();
        client->open++;
        submit(slot);
    }
}

static void tell_progress(const struct client *client, int64_t us)
{
    struct ev_partition_status status;
    struct ev_kafka_log_stats log;
    ev_executor_partition_status(client->node->executor, 0, &status);
    ev_kafka_log_stats(client->node->log, &log);
    fprintf(stderr,
            "%6.1f s  %lld finished, partition 0 %s, epoch %lld, %zu in flight, %lld queued, %lld producers: %s\n",
            (double)us / 1e6, (long long)client->finished, ev_owner_state_name(status.state), (long long)status.epoch,
            status.inflight, (long long)log.queued_messages, (long long)log.producers, status.last_error.message);
}

int64_t client_run(struct client *client)
{
    int64_t start = drill_now_us(), told = start;
    while (!client_is_done(client)) {
        client_push(client);
        drill_node_turn(client->node, 10);
        if (client->drill->progress && drill_now_us() - told >= 500000) {
            told = drill_now_us();
            tell_progress(client, told - start);
        }
    }
    return drill_now_us() - start;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t client_latency_us(struct client *client, int per_mille)
{
    if (client->finished == 0)
        return 0;
    qsort(client->latencies_us, (size_t)client->finished, sizeof(int64_t), compare);
    return client->latencies_us[(client->finished - 1) * per_mille / 1000];
}
