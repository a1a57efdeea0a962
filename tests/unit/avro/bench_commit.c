/* What encoding and decoding a commit costs: an order with three lines. Prints the best of several rounds, in
 * nanoseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "avro/commit.h"
#include "gen/order.h"
#include "gen/topics.h"

#define ROUNDS 20
#define TIMES 20000

static int get_schema(void *context, int32_t id, struct ev_str *ret_json, struct ev_error *error)
{
    (void)context, (void)id, (void)error;
    *ret_json = ev_str_of(order_topic.commit_schema);
    return 0;
}

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

struct bench {
    struct ev_commit commit;
    struct ev_buffer bytes;
    struct ev_arena arena;
    struct ev_commit_decoder *decoder;
};

static void encode(struct bench *bench)
{
    ev_buffer_clear(&bench->bytes);
    if (ev_commit_encode(&order_topic, 1, &bench->commit, &bench->bytes, NULL) < 0)
        abort();
}

static void decode(struct bench *bench)
{
    struct ev_commit commit;
    ev_arena_reset(&bench->arena);
    if (ev_commit_decode(bench->decoder, ev_buffer_str(&bench->bytes), &bench->arena, &commit, NULL) < 0)
        abort();
}

static void decode_head(struct bench *bench)
{
    struct ev_commit commit;
    if (ev_commit_decode_head(bench->decoder, ev_buffer_str(&bench->bytes), &commit, NULL) < 0)
        abort();
}

static void measure(const char *name, struct bench *bench, void (*function)(struct bench *))
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < TIMES; i++)
            function(bench);
        double taken = (now_ns() - start) / TIMES;
        best = taken < best ? taken : best;
    }
    printf("%-12s %6.0f ns\n", name, best);
}

int main(void)
{
    struct order_line lines[] = {
        {1, EV_STR("85123A"), EV_STR("WHITE HANGING HEART T-LIGHT HOLDER"), 6, 25500, LINE_KIND_GOODS},
        {2, EV_STR("71053"), EV_STR("WHITE METAL LANTERN"), 6, 33900, LINE_KIND_GOODS},
        {3, EV_STR("POST"), EV_STR("POSTAGE"), 1, 180000, LINE_KIND_SERVICE},
    };
    struct order_placed placed = {.order_id = EV_STR("536365"),
                                  .customer_id = EV_STR("17850"),
                                  .country = EV_STR("United Kingdom"),
                                  .currency = EV_STR("GBP"),
                                  .placed_at = INT64_C(1291191960000),
                                  .lines = {lines, 3, 3}};
    struct ev_event event = {&order_placed_event, &placed};
    struct bench bench = {
        .commit = {.stream_id = EV_STR("order-536365"),
                   .epoch = 7,
                   .seq = 123456,
                   .correlation_id = EV_STR("0192f0c1-2b3c-7def-8123-456789abcdef"),
                   .causation_id = EV_STR("0192f0c1-2b3c-7def-8123-456789abcdef"),
                   .actor = EV_STR("customer:17850"),
                   .traceparent = EV_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                   .occurred_at = INT64_C(1291191960000),
                   .events = &event,
                   .event_count = 1},
    };
    struct ev_schema_source source = {get_schema, NULL};
    ev_buffer_init(&bench.bytes);
    ev_arena_init(&bench.arena, 0);
    ev_commit_decoder_create(&order_topic, &source, &bench.decoder, NULL);
    measure("encode", &bench, encode);
    measure("decode", &bench, decode);
    measure("decode head", &bench, decode_head);
    printf("%zu bytes\n", bench.bytes.length);
    ev_commit_decoder_destroy(bench.decoder);
    ev_arena_finish(&bench.arena);
    ev_buffer_finish(&bench.bytes);
    return 0;
}
