/* An executor on a log in memory, for tests that read as given, when, then. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_log.h"
#include "shelf.h"

#define STAGE_ASKS_MAX 4096

/* A request and what became of it. */
struct ask {
    struct ev_request request; /* first */
    struct stage *stage;
    struct ev_arena arena;
    union {
        struct stock_shelf stock;
        struct sell_units sell;
    } body;
    char id_text[32];
    int answers; /* must become 1, never 2 */
    struct ev_result result;
    char detail[EV_DECISION_DETAIL_MAX], pointer[128];
};

struct stage {
    struct fake_log log;
    struct fake_port port;
    struct ev_fake_clock clock;
    struct ev_fake_random random;
    struct ev_executor_options options;
    struct ev_executor *executor;
    struct ask *asks[STAGE_ASKS_MAX];
    int ask_count;
    int lost, served, drained;
};

void stage_init(struct stage *stage);
void stage_finish(struct stage *stage);
/* A new process on the same log; the one before is gone with all that it had in flight. */
void stage_restart(struct stage *stage);
void stage_stop(struct stage *stage);
void stage_start(struct stage *stage);
void stage_serve(struct stage *stage);
void stage_settle(struct stage *stage);
void stage_pass(struct stage *stage, int64_t ms); /* time passes, then a tick */

/* Not submitted yet: change what you like, then stage_submit. The id is a function of the number. */
struct ask *stage_sell(struct stage *stage, const char *stream, int64_t units, int number);
struct ask *stage_stock(struct stage *stage, const char *stream, int64_t units, int number);
struct ask *stage_submit(struct ask *ask);

void assert_open(const struct ask *ask);
void assert_answer(const struct ask *ask, enum ev_outcome outcome, int64_t version, int64_t offset);
void assert_failed(const struct ask *ask, enum ev_error_code code);
