#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static void on_serving(void *context, int32_t partition)
{
    (void)partition;
    ((struct stage *)context)->served++;
}

static void on_lost(void *context, int32_t partition)
{
    (void)partition;
    ((struct stage *)context)->lost++;
}

static void on_drained(void *context, int32_t partition)
{
    (void)partition;
    ((struct stage *)context)->drained++;
}

void stage_start(struct stage *stage)
{
    struct ev_error error;
    fake_port_init(&stage->port, &stage->log);
    if (ev_executor_create(&stage->options, &stage->port.port, &stage->executor, &error) < 0)
        fail_msg("%s", error.message);
}

void stage_init(struct stage *stage)
{
    memset(stage, 0, sizeof(*stage));
    fake_log_init(&stage->log);
    ev_fake_clock_init(&stage->clock, 1000000);
    ev_fake_random_init(&stage->random, 7);
    stage->options = (struct ev_executor_options){
        .topic = &shelf_topic,
        .topic_name = "test.shelf",
        .deciders = shelf_deciders,
        .partition_count = 1,
        .dedup_entries_max = 1000,
        .dedup_window_ms = 3600000,
        .requests_max = 100,
        .owner_id = "stage",
        .clock = stage->clock.clock,
        .schema_id = SHELF_SCHEMA_ID,
        .schemas = shelf_schemas,
        .random = &stage->random.random,
        .on_serving = on_serving,
        .on_lost = on_lost,
        .on_drained = on_drained,
        .context = stage,
    };
    stage_start(stage);
}

void stage_stop(struct stage *stage)
{
    ev_executor_destroy(stage->executor);
    fake_port_finish(&stage->port);
}

void stage_restart(struct stage *stage)
{
    stage_stop(stage);
    stage_start(stage);
}

void stage_finish(struct stage *stage)
{
    stage_stop(stage);
    for (int i = 0; i < stage->ask_count; i++) {
        ev_arena_finish(&stage->asks[i]->arena);
        free(stage->asks[i]);
    }
    fake_log_finish(&stage->log);
}

void stage_serve(struct stage *stage)
{
    ev_executor_acquire(stage->executor, 0);
    stage_settle(stage);
    assert_true(ev_executor_is_serving(stage->executor, 0));
}

void stage_settle(struct stage *stage)
{
    fake_port_settle(&stage->port, 100000);
}

void stage_pass(struct stage *stage, int64_t ms)
{
    stage->clock.now_ms += ms;
    (void)ev_executor_tick(stage->executor);
}

static void on_done(struct ev_request *request, const struct ev_result *result)
{
    struct ask *ask = (struct ask *)request;
    ask->answers++;
    ask->result = *result;
    if (result->decision) {
        snprintf(ask->detail, sizeof(ask->detail), "%s", result->decision->detail);
        snprintf(ask->pointer, sizeof(ask->pointer), "%s", result->decision->pointer);
    }
}

static struct ask *new_ask(struct stage *stage, const char *stream, int number, const struct ev_command_type *type)
{
    struct ask *ask = ev_memory_new(struct ask);
    assert_true(stage->ask_count < STAGE_ASKS_MAX);
    stage->asks[stage->ask_count++] = ask;
    ask->stage = stage;
    int length = snprintf(ask->id_text, sizeof(ask->id_text), "%d", number);
    ask->request = (struct ev_request){
        .type = type,
        .body = &ask->body,
        .stream_id = ev_str_of(stream),
        .command_id = ev_uuid_v5(&ev_uuid_namespace_orderlog, (struct ev_str){ask->id_text, (size_t)length}),
        .request_hash = ev_hash128((struct ev_str){ask->id_text, (size_t)length}),
        .correlation_id = EV_STR("correlation"),
        .causation_id = EV_STR(""),
        .actor = EV_STR("actor"),
        .now_ms = stage->clock.now_ms,
        .deadline_ms = stage->clock.now_ms + 5000,
        .expected_version = -1,
        .arena = &ask->arena,
        .done = on_done,
    };
    return ask;
}

struct ask *stage_sell(struct stage *stage, const char *stream, int64_t units, int number)
{
    struct ask *ask = new_ask(stage, stream, number, &sell_units_command);
    ask->body.sell = (struct sell_units){units, EV_STR("buyer")};
    return ask;
}

struct ask *stage_stock(struct stage *stage, const char *stream, int64_t units, int number)
{
    struct ask *ask = new_ask(stage, stream, number, &stock_shelf_command);
    ask->body.stock = (struct stock_shelf){units};
    return ask;
}

struct ask *stage_submit(struct ask *ask)
{
    ev_executor_submit(ask->stage->executor, &ask->request);
    return ask;
}

static const char *text_of(enum ev_outcome outcome)
{
    static const char *const texts[] = {"committed", "unchanged", "duplicate", "rejected",
                                        "mismatch",  "reused",    "failed"};
    return texts[outcome];
}

void assert_open(const struct ask *ask)
{
    if (ask->answers != 0)
        fail_msg("%s has the answer '%s' (%s)", ask->id_text, text_of(ask->result.outcome), ask->result.error.message);
}

void assert_answer(const struct ask *ask, enum ev_outcome outcome, int64_t version, int64_t offset)
{
    if (ask->answers != 1)
        fail_msg("%s has %d answers", ask->id_text, ask->answers);
    if (ask->result.outcome != outcome || ask->result.version != version || ask->result.offset != offset)
        fail_msg("%s: %s, version %lld, offset %lld; expected %s, %lld, %lld %s", ask->id_text,
                 text_of(ask->result.outcome), (long long)ask->result.version, (long long)ask->result.offset,
                 text_of(outcome), (long long)version, (long long)offset, ask->result.error.message);
}

void assert_failed(const struct ask *ask, enum ev_error_code code)
{
    if (ask->answers != 1 || ask->result.outcome != EV_OUTCOME_FAILED || ask->result.error.code != code)
        fail_msg("%s has %d answers, the last '%s' (%s)", ask->id_text, ask->answers, text_of(ask->result.outcome),
                 ask->result.error.message);
}
