#include "shelf.h"

#include <stddef.h>

static const struct ev_field units_stocked_fields[] = {
    {.name = "units", .kind = EV_KIND_LONG, .offset = offsetof(struct units_stocked, units)},
};
const struct ev_record units_stocked_record = {.name = "UnitsStocked",
                                               .full_name = "test.shelf.UnitsStocked",
                                               .size = sizeof(struct units_stocked),
                                               .field_count = 1,
                                               .fields = units_stocked_fields};

static const struct ev_field units_sold_fields[] = {
    {.name = "units", .kind = EV_KIND_LONG, .offset = offsetof(struct units_sold, units)},
    {.name = "buyer", .kind = EV_KIND_STRING, .offset = offsetof(struct units_sold, buyer)},
};
const struct ev_record units_sold_record = {.name = "UnitsSold",
                                            .full_name = "test.shelf.UnitsSold",
                                            .size = sizeof(struct units_sold),
                                            .field_count = 2,
                                            .fields = units_sold_fields};

static const struct ev_field shelf_state_fields[] = {
    {.name = "stocked", .kind = EV_KIND_LONG, .offset = offsetof(struct shelf_state, stocked)},
    {.name = "sold", .kind = EV_KIND_LONG, .offset = offsetof(struct shelf_state, sold)},
    {.name = "last_buyer", .kind = EV_KIND_STRING, .offset = offsetof(struct shelf_state, last_buyer)},
};
const struct ev_record shelf_state_record = {.name = "ShelfState",
                                             .full_name = "test.shelf.ShelfState",
                                             .size = sizeof(struct shelf_state),
                                             .field_count = 3,
                                             .fields = shelf_state_fields};

enum { UNITS_STOCKED, UNITS_SOLD };
const struct ev_event_type units_stocked_event = {
    .name = "UnitsStocked", .category = "shelf", .number = UNITS_STOCKED, .record = &units_stocked_record};
const struct ev_event_type units_sold_event = {
    .name = "UnitsSold", .category = "shelf", .number = UNITS_SOLD, .record = &units_sold_record};

enum { STOCK_SHELF, SELL_UNITS };
const struct ev_command_type stock_shelf_command = {
    .name = "StockShelf", .category = "shelf", .number = STOCK_SHELF, .key = "shelf_id"};
const struct ev_command_type sell_units_command = {
    .name = "SellUnits", .category = "shelf", .number = SELL_UNITS, .key = "shelf_id"};

static const struct ev_event_type *const types[] = {&units_stocked_event, &units_sold_event};
static const char *const categories[] = {"shelf", NULL};
const struct ev_topic_schema shelf_topic = {
    .name = "shelf",
    .types = types,
    .type_count = 2,
    .categories = categories,
    .commit_schema =
        "{\"type\":\"record\",\"name\":\"Commit\",\"namespace\":\"test.shelf\",\"fields\":["
        "{\"name\":\"stream_id\",\"type\":\"string\"},{\"name\":\"base_version\",\"type\":\"long\"},"
        "{\"name\":\"epoch\",\"type\":\"long\"},{\"name\":\"seq\",\"type\":\"long\"},"
        "{\"name\":\"command_id\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}},"
        "{\"name\":\"request_hash\",\"type\":\"bytes\"},{\"name\":\"correlation_id\",\"type\":\"string\"},"
        "{\"name\":\"causation_id\",\"type\":\"string\"},{\"name\":\"actor\",\"type\":\"string\"},"
        "{\"name\":\"traceparent\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"occurred_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
        "{\"name\":\"events\",\"type\":{\"type\":\"array\",\"items\":["
        "{\"type\":\"record\",\"name\":\"UnitsStocked\",\"fields\":[{\"name\":\"units\",\"type\":\"long\"}]},"
        "{\"type\":\"record\",\"name\":\"UnitsSold\",\"fields\":[{\"name\":\"units\",\"type\":\"long\"},"
        "{\"name\":\"buyer\",\"type\":\"string\"}]}]}}]}",
};

static int stock(const struct stock_shelf *command, struct ev_decision *ret)
{
    struct units_stocked *event = ev_events_add(&ret->events, &units_stocked_event);
    event->units = command->units;
    return 0;
}

static int sell(const struct shelf_state *shelf, int64_t version, const struct sell_units *command,
                struct ev_decision *ret)
{
    if (version == 0)
        return ev_reject(ret, SHELF_UNKNOWN, "", "there is no such shelf");
    if (shelf->sold + command->units > shelf->stocked)
        return ev_reject(ret, SHELF_SOLD_OUT, "/units", "%lld units are left",
                         (long long)(shelf->stocked - shelf->sold));
    if (command->units == 0)
        return 0;
    struct units_sold *event = ev_events_add(&ret->events, &units_sold_event);
    event->units = command->units;
    event->buyer = command->buyer;
    return 0;
}

static int decide(const void *state, int64_t version, const struct ev_command *command, struct ev_decision *ret)
{
    if (command->type == &stock_shelf_command)
        return stock(command->body, ret);
    return sell(state, version, command->body, ret);
}

static void evolve(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct shelf_state *shelf = state;
    (void)arena;
    if (event->type == &units_stocked_event) {
        shelf->stocked += ((const struct units_stocked *)event->body)->units;
    } else {
        const struct units_sold *sold = event->body;
        shelf->sold += sold->units;
        shelf->last_buyer = sold->buyer;
    }
}

const struct ev_decider shelf_decider = {"shelf", &shelf_state_record, decide, evolve};
const struct ev_decider *const shelf_deciders[] = {&shelf_decider, NULL};

static int get_schema(void *context, int32_t schema_id, struct ev_str *ret_json, struct ev_error *error)
{
    (void)context;
    if (schema_id != SHELF_SCHEMA_ID)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no schema %d", (int)schema_id);
    *ret_json = ev_str_of(shelf_topic.commit_schema);
    return 0;
}
const struct ev_schema_source shelf_schemas = {.get = get_schema};
