/* A tiny aggregate for tests of the log and the executor: a shelf that units are put on and sold from, never below
 * zero. Its schema is a table written by hand: libevents knows no shop. */
#pragma once

#include "stream/executor.h"

struct units_stocked {
    int64_t units;
};
struct units_sold {
    int64_t units;
    struct ev_str buyer;
};
struct shelf_state {
    int64_t stocked, sold;
    struct ev_str last_buyer;
};

struct stock_shelf { /* command: puts units on the shelf, which it makes */
    int64_t units;
};
struct sell_units { /* command: 0 units change nothing */
    int64_t units;
    struct ev_str buyer;
};

enum shelf_rejection { SHELF_SOLD_OUT = 1, SHELF_UNKNOWN = 2 };

extern const struct ev_record units_stocked_record, units_sold_record, shelf_state_record;
extern const struct ev_event_type units_stocked_event, units_sold_event;
extern const struct ev_command_type stock_shelf_command, sell_units_command;
extern const struct ev_topic_schema shelf_topic;
extern const struct ev_decider shelf_decider;
extern const struct ev_decider *const shelf_deciders[];

#define SHELF_SCHEMA_ID 7
/* Knows shelf_topic's schema under SHELF_SCHEMA_ID and nothing else. */
extern const struct ev_schema_source shelf_schemas;
