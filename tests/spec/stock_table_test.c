/* The table of reservations at its bounds, and what a reservation costs with many of them. With the argument "bench" it
 * measures; otherwise it tests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buffer.h"
#include "core/memory.h"
#include "domain/domain.h"
#include "domain/rejections.h"
#include "domain/reservations.h"

#define NOW INT64_C(1291190400000)

static struct ev_arena arena; /* what lives as long as the state */
static struct stock_state *state;
static struct ev_decision *decision;

static void begin(void)
{
    ev_arena_finish(&arena);
    state = ev_arena_new(&arena, struct stock_state);
    state->sku = EV_STR("tea");
    state->received = state->available = INT64_C(1000000000);
    if (!decision)
        decision = ev_memory_new(struct ev_decision);
}

static struct ev_str order_id(int64_t number)
{
    return ev_arena_printf(&arena, "01890a5d-ac96-774b-bcce-%012" PRId64, number);
}

static int decide(const struct ev_command_type *type, const void *body, int64_t now_ms)
{
    const struct ev_command command = {type, body, EV_STR("stock-tea"), EV_STR("tea"), now_ms};
    decision->events.arena = &arena;
    decision->events.count = 0;
    return stock_decider.decide(state, 1, &command, decision);
}

static void evolve(void)
{
    for (size_t i = 0; i < decision->events.count; i++)
        stock_decider.evolve(state, &decision->events.items[i], &arena);
}

static int reserve(int64_t number, int64_t now_ms)
{
    struct reserve_stock_lines_item line = {1, 1};
    const struct reserve_stock command = {
        .sku = EV_STR("tea"), .order_id = order_id(number), .lines = {&line, 1, 1}, .ttl_seconds = 900};
    int rejection = decide(&reserve_stock_command, &command, now_ms);
    if (rejection == 0)
        evolve();
    return rejection;
}

static int confirm(int64_t number, int64_t now_ms)
{
    int64_t line = 1;
    const struct confirm_reservation command = {
        .sku = EV_STR("tea"), .order_id = order_id(number), .lines = {&line, 1, 1}};
    int rejection = decide(&confirm_reservation_command, &command, now_ms);
    if (rejection == 0)
        evolve();
    return rejection;
}

#define check(holds) check_named((holds), #holds, __LINE__)
static void check_named(bool holds, const char *condition, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: doesn't hold: %s\n", __FILE__, line, condition);
    exit(1);
}

/* Every reservation is found in the bucket where it is looked for, and the counts are right. */
static void check_table(void)
{
    int32_t open = 0, closed = 0;
    for (size_t i = 0; i < state->buckets.count; i++) {
        const struct reservation_bucket *bucket = &state->buckets.items[i];
        for (size_t j = 0; j < bucket->reservations.count; j++) {
            const struct reservation *reservation = &bucket->reservations.items[j];
            check(reservations_find(state, reservation->order_id, reservation->line) == reservation);
            if (reservation->status == RESERVATION_STATUS_OPEN)
                check(reservation->until >= bucket->next_expiry);
            *(reservation->status == RESERVATION_STATUS_OPEN ? &open : &closed) += 1;
        }
    }
    check(open == state->open && closed == state->closed);
}

static void test_open_bound(void)
{
    begin();
    for (int64_t i = 0; i < RESERVATIONS_OPEN_MAX; i++)
        check(reserve(i, NOW) == 0);
    check(reserve(RESERVATIONS_OPEN_MAX, NOW) == REJECTION_RESERVATIONS_FULL);
    check(reserve(7, NOW) == 0 && decision->events.count == 0); /* that one is reserved already */
    check_table();
    check(confirm(0, NOW) == 0);
    check(reserve(RESERVATIONS_OPEN_MAX, NOW) == 0);
    check_table();
}

static void test_closed_bound(void)
{
    const int64_t sold = RESERVATIONS_CLOSED_MAX + 5000;
    begin();
    for (int64_t i = 0; i < sold; i++)
        check(reserve(i, NOW + i) == 0 && confirm(i, NOW + i) == 0);
    check_table();
    check(state->sold == sold && state->open == 0);
    check(state->closed == RESERVATIONS_CLOSED_MAX);
    /* The oldest of their buckets are gone: nearly all of the newer half is known still. */
    int64_t known = 0;
    for (int64_t i = sold / 2; i < sold; i++)
        known += reservations_find(state, order_id(i), 1) != NULL;
    check(known >= (sold - sold / 2) * 99 / 100);
    /* A day later the places are cleared as they are needed. */
    for (int64_t i = 0; i < 5000; i++)
        check(reserve(sold + i, NOW + sold + RESERVATIONS_REMEMBERED_MS) == 0);
    check(state->closed == 0 && state->open == 5000);
    check_table();
}

/* Bench */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* As the executor does without a cache: the state is decoded before and encoded after each command. */
static double cost_by_bytes(int rounds, size_t *ret_bytes)
{
    struct ev_buffer bytes = {0};
    struct ev_arena once = {0};
    struct ev_error error;
    ev_record_encode(&stock_state_record, state, &bytes);
    *ret_bytes = bytes.length;
    double start = seconds();
    for (int i = 0; i < rounds; i++) {
        char *copy = ev_memory_copy(bytes.data, bytes.length);
        ev_arena_reset(&once);
        struct stock_state *decoded = ev_arena_new(&once, struct stock_state);
        check(ev_record_decode(&stock_state_record, (struct ev_str){copy, bytes.length}, &once, decoded, &error) == 0);
        ev_buffer_clear(&bytes);
        ev_record_encode(&stock_state_record, decoded, &bytes);
        free(copy);
    }
    double each = (seconds() - start) / rounds;
    ev_arena_finish(&once);
    ev_buffer_finish(&bytes);
    return each;
}

static void bench(void)
{
    static const int64_t sizes[] = {0, 1000, 5000, 20000};
    printf("%12s %12s %16s %16s\n", "lines", "bytes", "codec us", "decide+fold us");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t bytes;
        const int64_t rounds = 2000;
        begin();
        for (int64_t n = 0; n < sizes[i]; n++)
            check(reserve(n, NOW) == 0 && (n >= RESERVATIONS_CLOSED_MAX || confirm(n, NOW) == 0));
        double codec = cost_by_bytes(200, &bytes);
        double start = seconds();
        for (int64_t n = 0; n < rounds; n++)
            check(reserve(sizes[i] + n, NOW) == 0 && confirm(sizes[i] + n, NOW) == 0);
        double fold = (seconds() - start) / (double)rounds / 2;
        printf("%12" PRId64 " %12zu %16.1f %16.2f\n", sizes[i], bytes, codec * 1e6, fold * 1e6);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        bench();
    } else {
        test_open_bound();
        test_closed_bound();
    }
    ev_arena_finish(&arena);
    free(decision);
    return 0;
}
