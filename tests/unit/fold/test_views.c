/* The views' folds, given-when-then: events go through a projection into a store in memory, and the documents are
 * compared as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/timestamp.h"
#include "fake_log.h"
#include "fold/memory_sink.h"
#include "fold/projection.h"
#include "gen/adjustment.h"
#include "gen/cart.h"
#include "gen/order.h"
#include "gen/product.h"
#include "gen/returns.h"
#include "gen/stock.h"
#include "gen/views.h"
#include "views/views.h"

static struct fake_log the_log;
static struct fake_reader the_reader;
static struct ev_memory_sink the_store;

static int begin(void **state)
{
    (void)state;
    fake_log_init(&the_log, 2);
    fake_log_fence(&the_log, 0);
    fake_log_fence(&the_log, 1);
    ev_memory_sink_init(&the_store);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_log_finish(&the_log);
    ev_memory_sink_finish(&the_store);
    return 0;
}

static int64_t at(const char *time)
{
    int64_t ms = 0;
    assert_true(ev_timestamp_parse(ev_str_of(time), &ms));
    return ms;
}

static void given_at(const char *time)
{
    the_log.now_ms = at(time);
}

/* What a view says of a stream holds for each of its events. */
static void check_stream_keys(int32_t partition, const char *stream_id, const struct ev_event *event)
{
    const struct ev_commit commit = {.stream_id = ev_str_of(stream_id)};
    const struct ev_fold_context context = {.commit = &commit, .partition = partition};
    for (size_t i = 0; i < orderlog_view_count; i++) {
        const struct ev_view *view = orderlog_views[i];
        char key[EV_VIEW_KEY_MAX], of_stream[EV_VIEW_KEY_MAX];
        bool is_of_topic = false;
        for (size_t n = 0; n < view->topic->type_count; n++)
            is_of_topic = is_of_topic || view->topic->types[n] == event->type;
        size_t length = is_of_topic && view->stream_key ? view->key_of(event, &context, key) : 0;
        if (length == 0)
            continue;
        assert_int_equal(view->stream_key(commit.stream_id, of_stream), length);
        assert_memory_equal(of_stream, key, length);
    }
}

static void given_in(int32_t partition, const char *stream_id, const struct ev_event_type *type, const void *body)
{
    const struct ev_event event = {type, body};
    check_stream_keys(partition, stream_id, &event);
    fake_log_commit(&the_log, partition, stream_id, &event, 1);
}
#define given(stream_id, type, ...) given_in(0, stream_id, &type##_event, &(const struct type){__VA_ARGS__})

#define S(literal)                                                                                                     \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }
#define LINES(kind, ...)                                                                                               \
    {                                                                                                                  \
        .items = (struct kind[]){__VA_ARGS__}, .count = sizeof((struct kind[]){__VA_ARGS__}) / sizeof(struct kind)     \
    }

/* Folds the log into the store: once in one batch, and once record by record. */
static void fold(const struct ev_view *view, size_t records_max)
{
    struct ev_fake_clock clock;
    struct ev_fake_random random;
    struct ev_error error = {0};
    ev_fake_clock_init(&clock, 1);
    ev_fake_random_init(&random, 1);
    const struct ev_projection_options options = {
        .view = view,
        .source = fake_reader_source(&the_reader, &the_log),
        .sink = &the_store.sink,
        .clock = &clock.clock,
        .random = &random.random,
        .batch.records_max = records_max,
    };
    struct ev_projection *projection = ev_projection_create(&options);
    for (int i = 0; i < 100; i++)
        assert_true(ev_projection_step(projection, 0, &error) >= 0);
    ev_projection_destroy(projection);
}

static void assert_document(const struct ev_view *view, const char *key, const char *want)
{
    struct ev_sink_document stored;
    struct ev_arena arena;
    struct ev_buffer text = {0};
    struct ev_json_writer writer;
    struct ev_error error;
    assert_int_equal(the_store.parked.count, 0);
    if (!ev_memory_sink_get(&the_store, view, ev_str_of(key), &stored)) {
        if (want)
            fail_msg("there is no document %s", key);
        return;
    }
    assert_non_null(want);
    ev_arena_init(&arena, 0);
    void *value = ev_arena_alloc(&arena, view->document->size);
    assert_int_equal(ev_record_decode(view->document, stored.body, &arena, value, &error), 0);
    ev_json_init(&writer, &text);
    ev_record_print(view->document, value, &writer);
    ev_buffer_append_byte(&text, '\0');
    assert_string_equal(text.data, want);
    ev_buffer_finish(&text);
    ev_arena_finish(&arena);
}

/* NULL: there is no such document. */
static void then(const struct ev_view *view, const char *key, const char *want)
{
    struct ev_error error;
    fold(view, 0);
    assert_document(view, key, want);
    assert_int_equal(the_store.sink.reset(&the_store.sink, view, &error), 0);
    fold(view, 1);
    assert_document(view, key, want);
    assert_int_equal(the_store.sink.reset(&the_store.sink, view, &error), 0);
}

/* Orders */

#define PLACED_AT at("2010-12-01T08:26:00Z")
#define ORDER                                                                                                          \
    .order_id = S("1"), .customer_id = S("17850"), .country = S("United Kingdom"), .currency = S("GBP"),               \
    .placed_at = PLACED_AT,                                                                                            \
    .lines = LINES(order_line, {1, S("tea"), S("TEA"), 6, 25500, LINE_KIND_GOODS},                                     \
                   {2, S("post"), S("POSTAGE"), 1, 180000, LINE_KIND_SERVICE},                                         \
                   {3, S("tea"), S("TEA"), 2, 0, LINE_KIND_GOODS})

static void test_order_placed(void **state)
{
    (void)state;
    given_at("2026-01-01T00:00:00Z");
    given("order-1", order_placed, ORDER);
    then(&orders_view, "order-1",
         "{\"id\":\"order-1\",\"kind\":\"ORDER\",\"status\":\"PLACED\",\"customer_id\":\"17850\","
         "\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"placed_at\":\"2010-12-01T08:26:00Z\","
         "\"day\":\"2010-12-01\",\"cart_id\":null,\"lines\":["
         "{\"line_no\":1,\"sku\":\"tea\",\"title\":\"TEA\",\"kind\":\"GOODS\",\"quantity\":6,\"unit_price\":\"2.55\","
         "\"value\":\"15.30\",\"cancelled\":0,\"returned\":0},"
         "{\"line_no\":2,\"sku\":\"post\",\"title\":\"POSTAGE\",\"kind\":\"SERVICE\",\"quantity\":1,"
         "\"unit_price\":\"18.00\",\"value\":\"18.00\",\"cancelled\":0,\"returned\":0},"
         "{\"line_no\":3,\"sku\":\"tea\",\"title\":\"TEA\",\"kind\":\"GOODS\",\"quantity\":2,\"unit_price\":\"0.00\","
         "\"value\":\"0.00\",\"cancelled\":0,\"returned\":0}],"
         "\"units\":7,\"free_units\":2,\"value\":\"33.30\",\"cancelled_units\":0,\"cancelled_value\":\"0.00\","
         "\"returned_units\":0,\"returned_value\":\"0.00\",\"amount\":\"0.00\",\"reason\":null,"
         "\"updated_at\":\"2026-01-01T00:00:00Z\",\"version\":1}");
}

#define CANCEL .order_id = S("1"), .customer_id = S("17850"), .country = S("United Kingdom"), .currency = S("GBP")

static void test_order_cancelled_in_part_and_returned(void **state)
{
    (void)state;
    given_at("2026-01-02T00:00:00Z");
    given("order-1", order_placed, ORDER);
    given("order-1", order_cancelled, CANCEL, .cancelled_at = at("2011-01-02T00:00:00Z"), .reason = S("too late"),
          .lines =
              LINES(line_quantity, {1, S("tea"), 2, 25500, LINE_KIND_GOODS}, {3, S("tea"), 1, 0, LINE_KIND_GOODS}));
    given("order-1", order_goods_returned, CANCEL, .returned_at = at("2011-01-03T00:00:00Z"),
          .lines = LINES(line_quantity, {1, S("tea"), 3, 25500, LINE_KIND_GOODS}));
    then(&orders_view, "order-1",
         "{\"id\":\"order-1\",\"kind\":\"ORDER\",\"status\":\"PARTLY_RETURNED\",\"customer_id\":\"17850\","
         "\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"placed_at\":\"2010-12-01T08:26:00Z\","
         "\"day\":\"2010-12-01\",\"cart_id\":null,\"lines\":["
         "{\"line_no\":1,\"sku\":\"tea\",\"title\":\"TEA\",\"kind\":\"GOODS\",\"quantity\":6,\"unit_price\":\"2.55\","
         "\"value\":\"15.30\",\"cancelled\":2,\"returned\":3},"
         "{\"line_no\":2,\"sku\":\"post\",\"title\":\"POSTAGE\",\"kind\":\"SERVICE\",\"quantity\":1,"
         "\"unit_price\":\"18.00\",\"value\":\"18.00\",\"cancelled\":0,\"returned\":0},"
         "{\"line_no\":3,\"sku\":\"tea\",\"title\":\"TEA\",\"kind\":\"GOODS\",\"quantity\":2,\"unit_price\":\"0.00\","
         "\"value\":\"0.00\",\"cancelled\":1,\"returned\":0}],"
         "\"units\":7,\"free_units\":2,\"value\":\"33.30\",\"cancelled_units\":2,\"cancelled_value\":\"5.10\","
         "\"returned_units\":3,\"returned_value\":\"7.65\",\"amount\":\"0.00\",\"reason\":\"too late\","
         "\"updated_at\":\"2026-01-02T00:00:00Z\",\"version\":3}");
}

#define SMALL_ORDER                                                                                                    \
    .order_id = S("2"), .country = S("France"), .currency = S("EUR"), .placed_at = PLACED_AT, .cart_id = S("c"),       \
    .lines = LINES(order_line, {1, S("tea"), S("TEA"), 2, 10, LINE_KIND_GOODS})
#define SMALL_PARTY .order_id = S("2"), .country = S("France"), .currency = S("EUR")

static void assert_status(const char *want)
{
    char json[900];
    const char *at_line = strcmp(want, "PLACED") == 0             ? "\"cancelled\":0,\"returned\":0"
                          : strcmp(want, "CANCELLED") == 0        ? "\"cancelled\":2,\"returned\":0"
                          : strcmp(want, "PARTLY_CANCELLED") == 0 ? "\"cancelled\":1,\"returned\":0"
                                                                  : "\"cancelled\":1,\"returned\":1";
    int cancelled = at_line[12] - '0', returned = strcmp(want, "RETURNED") == 0, version = 1 + cancelled + returned;
    snprintf(json, sizeof(json),
             "{\"id\":\"order-2\",\"kind\":\"ORDER\",\"status\":\"%s\",\"customer_id\":null,\"country\":\"France\","
             "\"currency\":\"EUR\",\"placed_at\":\"2010-12-01T08:26:00Z\",\"day\":\"2010-12-01\",\"cart_id\":\"c\","
             "\"lines\":[{\"line_no\":1,\"sku\":\"tea\",\"title\":\"TEA\",\"kind\":\"GOODS\",\"quantity\":2,"
             "\"unit_price\":\"0.001\",\"value\":\"0.002\",%s}],\"units\":2,\"free_units\":0,\"value\":\"0.002\","
             "\"cancelled_units\":%d,\"cancelled_value\":\"%s\",\"returned_units\":%d,\"returned_value\":\"%s\","
             "\"amount\":\"0.00\",\"reason\":null,\"updated_at\":\"1970-01-01T00:00:01Z\",\"version\":%d}",
             want, at_line, cancelled,
             cancelled == 0   ? "0.00"
             : cancelled == 1 ? "0.001"
                              : "0.002",
             returned, returned ? "0.001" : "0.00", version);
    then(&orders_view, "order-2", json);
}

static void test_order_statuses(void **state)
{
    (void)state;
    given("order-2", order_placed, SMALL_ORDER);
    assert_status("PLACED");
    given("order-2", order_cancelled, SMALL_PARTY,
          .lines = LINES(line_quantity, {1, S("tea"), 1, 10, LINE_KIND_GOODS}));
    assert_status("PARTLY_CANCELLED");
    given("order-2", order_goods_returned, SMALL_PARTY,
          .lines = LINES(line_quantity, {1, S("tea"), 1, 10, LINE_KIND_GOODS}));
    assert_status("RETURNED");
}

static void test_order_cancelled_whole(void **state)
{
    (void)state;
    given("order-2", order_placed, SMALL_ORDER);
    given("order-2", order_cancelled, SMALL_PARTY,
          .lines = LINES(line_quantity, {1, S("tea"), 1, 10, LINE_KIND_GOODS}));
    given("order-2", order_cancelled, SMALL_PARTY, .whole = true,
          .lines = LINES(line_quantity, {1, S("tea"), 1, 10, LINE_KIND_GOODS}));
    assert_status("CANCELLED");
}

#define RETURN                                                                                                         \
    .return_id = S("C9"), .customer_id = S("17850"), .country = S("United Kingdom"), .currency = S("GBP"),             \
    .returned_at = at("2010-12-05T23:59:59Z"),                                                                         \
    .lines = LINES(order_line, {1, S("tea"), S("TEA"), 4, 25500, LINE_KIND_GOODS},                                     \
                   {2, S("cup"), S("CUP"), 1, 0, LINE_KIND_GOODS})

static void test_return_recorded(void **state)
{
    (void)state;
    given("returns-C9", return_recorded, RETURN);
    then(&orders_view, "returns-C9",
         "{\"id\":\"returns-C9\",\"kind\":\"RETURN\",\"status\":\"RECORDED\",\"customer_id\":\"17850\","
         "\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"placed_at\":\"2010-12-05T23:59:59Z\","
         "\"day\":\"2010-12-05\",\"cart_id\":null,\"lines\":["
         "{\"line_no\":1,\"sku\":\"tea\",\"title\":\"TEA\",\"kind\":\"GOODS\",\"quantity\":4,\"unit_price\":\"2.55\","
         "\"value\":\"10.20\",\"cancelled\":0,\"returned\":4},"
         "{\"line_no\":2,\"sku\":\"cup\",\"title\":\"CUP\",\"kind\":\"GOODS\",\"quantity\":1,\"unit_price\":\"0.00\","
         "\"value\":\"0.00\",\"cancelled\":0,\"returned\":1}],"
         "\"units\":4,\"free_units\":1,\"value\":\"10.20\",\"cancelled_units\":0,\"cancelled_value\":\"0.00\","
         "\"returned_units\":4,\"returned_value\":\"10.20\",\"amount\":\"0.00\",\"reason\":null,"
         "\"updated_at\":\"1970-01-01T00:00:01Z\",\"version\":1}");
}

#define BAD_DEBT                                                                                                       \
    .adjustment_id = S("A1"), .country = S("United Kingdom"), .currency = S("GBP"),                                    \
    .adjusted_at = at("2011-08-12T14:50:00Z"), .amount = -110620600, .reason = S("Adjust bad debt")

static void test_bad_debt(void **state)
{
    (void)state;
    given("adjustment-A1", bad_debt_adjusted, BAD_DEBT);
    then(&orders_view, "adjustment-A1",
         "{\"id\":\"adjustment-A1\",\"kind\":\"BAD_DEBT\",\"status\":\"RECORDED\",\"customer_id\":null,"
         "\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"placed_at\":\"2011-08-12T14:50:00Z\","
         "\"day\":\"2011-08-12\",\"cart_id\":null,\"lines\":[],\"units\":0,\"free_units\":0,\"value\":\"0.00\","
         "\"cancelled_units\":0,\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\","
         "\"amount\":\"-11062.06\",\"reason\":\"Adjust bad debt\",\"updated_at\":\"1970-01-01T00:00:01Z\","
         "\"version\":1}");
    then(&customers_view, "", NULL);
    then(&sales_daily_view, "2011-08-12|United Kingdom|GBP|0",
         "{\"day\":\"2011-08-12\",\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"partition\":0,\"orders\":0,"
         "\"units\":0,\"free_units\":0,\"value\":\"0.00\",\"cancellations\":0,\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returns\":0,\"returned_units\":0,\"returned_value\":\"0.00\",\"bad_debts\":1,"
         "\"bad_debt_value\":\"-11062.06\",\"items\":[]}");
}

/* Sales by day and by customer */

static void given_a_week(void)
{
    given("order-1", order_placed, ORDER);
    given("order-3", order_placed, .order_id = S("3"), .customer_id = S("17850"), .country = S("EIRE"),
          .currency = S("GBP"), .placed_at = at("2010-12-01T23:59:59.999Z"),
          .lines = LINES(order_line, {1, S("tea"), S("TEA"), 1, 30000, LINE_KIND_GOODS}));
    given("order-4", order_placed, .order_id = S("4"), .customer_id = S("17850"), .country = S("United Kingdom"),
          .currency = S("GBP"), .placed_at = at("2010-12-01T00:00:00Z"),
          .lines = LINES(order_line, {1, S("cup"), S("CUP"), 10, 0, LINE_KIND_GOODS}));
    given("order-1", order_cancelled, CANCEL, .cancelled_at = at("2010-12-01T09:00:00Z"),
          .lines =
              LINES(line_quantity, {1, S("tea"), 2, 25500, LINE_KIND_GOODS}, {3, S("tea"), 1, 0, LINE_KIND_GOODS}));
    given("order-1", order_goods_returned, CANCEL, .returned_at = at("2010-12-01T10:00:00Z"),
          .lines = LINES(line_quantity, {1, S("tea"), 1, 25500, LINE_KIND_GOODS}));
    given("returns-C9", return_recorded, RETURN);
}

static void test_sales_daily(void **state)
{
    (void)state;
    given_a_week();
    then(&sales_daily_view, "2010-12-01|United Kingdom|GBP|0",
         "{\"day\":\"2010-12-01\",\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"partition\":0,\"orders\":1,"
         "\"units\":7,\"free_units\":12,\"value\":\"33.30\",\"cancellations\":1,\"cancelled_units\":2,"
         "\"cancelled_value\":\"5.10\",\"returns\":1,\"returned_units\":1,\"returned_value\":\"2.55\",\"bad_debts\":0,"
         "\"bad_debt_value\":\"0.00\",\"items\":["
         "{\"sku\":\"cup\",\"orders\":0,\"units\":0,\"free_units\":10,\"value\":\"0.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"},"
         "{\"sku\":\"post\",\"orders\":1,\"units\":1,\"free_units\":0,\"value\":\"18.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"},"
         "{\"sku\":\"tea\",\"orders\":1,\"units\":6,\"free_units\":2,\"value\":\"15.30\",\"cancelled_units\":2,"
         "\"cancelled_value\":\"5.10\",\"returned_units\":1,\"returned_value\":\"2.55\"}]}");
    then(&sales_daily_view, "2010-12-05|United Kingdom|GBP|0",
         "{\"day\":\"2010-12-05\",\"country\":\"United Kingdom\",\"currency\":\"GBP\",\"partition\":0,\"orders\":0,"
         "\"units\":0,\"free_units\":0,\"value\":\"0.00\",\"cancellations\":0,\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returns\":1,\"returned_units\":4,\"returned_value\":\"10.20\",\"bad_debts\":0,"
         "\"bad_debt_value\":\"0.00\",\"items\":["
         "{\"sku\":\"cup\",\"orders\":0,\"units\":0,\"free_units\":0,\"value\":\"0.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"},"
         "{\"sku\":\"tea\",\"orders\":0,\"units\":0,\"free_units\":0,\"value\":\"0.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":4,\"returned_value\":\"10.20\"}]}");
    then(&sales_daily_view, "2010-12-02|EIRE|GBP|0", NULL); /* a millisecond before midnight is still the day before */
}

/* Each partition has a part of its own. */
static void test_sales_daily_by_partition(void **state)
{
    (void)state;
    const struct order_placed placed = {SMALL_ORDER};
    given("order-2", order_placed, SMALL_ORDER);
    given_in(1, "order-5", &order_placed_event, &placed);
    given_in(1, "order-6", &order_placed_event, &placed);
#define PART(partition, orders, units, value)                                                                          \
    "{\"day\":\"2010-12-01\",\"country\":\"France\",\"currency\":\"EUR\",\"partition\":" partition                     \
    ",\"orders\":" orders ",\"units\":" units ",\"free_units\":0,\"value\":\"" value                                   \
    "\",\"cancellations\":0,\"cancelled_units\":0,\"cancelled_value\":\"0.00\",\"returns\":0,\"returned_units\":0,"    \
    "\"returned_value\":\"0.00\",\"bad_debts\":0,\"bad_debt_value\":\"0.00\",\"items\":[{\"sku\":\"tea\","             \
    "\"orders\":" orders ",\"units\":" units ",\"free_units\":0,\"value\":\"" value                                    \
    "\",\"cancelled_units\":0,\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"}]}"
    then(&sales_daily_view, "2010-12-01|France|EUR|0", PART("0", "1", "2", "0.002"));
    then(&sales_daily_view, "2010-12-01|France|EUR|1", PART("1", "2", "4", "0.004"));
}

static void test_customers(void **state)
{
    (void)state;
    given_a_week();
    given("order-2", order_placed, SMALL_ORDER); /* a guest's */
    then(&customers_view, "17850|GBP|0",
         "{\"customer_id\":\"17850\",\"partition\":0,\"currency\":\"GBP\",\"country\":\"EIRE\",\"orders\":2,"
         "\"units\":8,\"free_units\":12,\"value\":\"36.30\",\"cancellations\":1,\"cancelled_units\":2,"
         "\"cancelled_value\":\"5.10\",\"returns\":2,\"returned_units\":5,\"returned_value\":\"12.75\","
         "\"first_order_at\":\"2010-12-01T00:00:00Z\",\"last_order_at\":\"2010-12-01T23:59:59.999Z\",\"items\":["
         "{\"sku\":\"cup\",\"orders\":0,\"units\":0,\"free_units\":10,\"value\":\"0.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"},"
         "{\"sku\":\"post\",\"orders\":1,\"units\":1,\"free_units\":0,\"value\":\"18.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"},"
         "{\"sku\":\"tea\",\"orders\":2,\"units\":7,\"free_units\":2,\"value\":\"18.30\",\"cancelled_units\":2,"
         "\"cancelled_value\":\"5.10\",\"returned_units\":5,\"returned_value\":\"12.75\"}]}");
    fold(&customers_view, 0);
    assert_int_equal(the_store.documents.count, 1);
}

/* An order with a SKU on several lines is one order of it. */
static void test_repeated_lines(void **state)
{
    (void)state;
    given("order-8", order_placed, .order_id = S("8"), .customer_id = S("anna"), .country = S("France"),
          .currency = S("EUR"), .placed_at = PLACED_AT,
          .lines = LINES(order_line, {1, S("tea"), S("TEA"), 1, 10000, LINE_KIND_GOODS},
                         {2, S("cup"), S("CUP"), 1, 10000, LINE_KIND_GOODS},
                         {3, S("tea"), S("TEA"), 2, 20000, LINE_KIND_GOODS}));
    then(&customers_view, "anna|EUR|0",
         "{\"customer_id\":\"anna\",\"partition\":0,\"currency\":\"EUR\",\"country\":\"France\",\"orders\":1,"
         "\"units\":4,\"free_units\":0,\"value\":\"6.00\",\"cancellations\":0,\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returns\":0,\"returned_units\":0,\"returned_value\":\"0.00\","
         "\"first_order_at\":\"2010-12-01T08:26:00Z\",\"last_order_at\":\"2010-12-01T08:26:00Z\",\"items\":["
         "{\"sku\":\"cup\",\"orders\":1,\"units\":1,\"free_units\":0,\"value\":\"1.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"},"
         "{\"sku\":\"tea\",\"orders\":1,\"units\":3,\"free_units\":0,\"value\":\"5.00\",\"cancelled_units\":0,"
         "\"cancelled_value\":\"0.00\",\"returned_units\":0,\"returned_value\":\"0.00\"}]}");
}

/* A sum that leaves 64 bits parks its document, as it was before, and no other. */
static void test_sums_that_overflow_park(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        given("order-7", order_placed, .order_id = S("7"), .customer_id = S("rich"), .country = S("France"),
              .currency = S("EUR"), .placed_at = PLACED_AT,
              .lines = LINES(order_line, {1, S("gold"), S("GOLD"), 600, 9000000000000000, LINE_KIND_GOODS}));
    }
    given("order-1", order_placed, ORDER);
    fold(&customers_view, 0);
    struct ev_sink_document stored;
    assert_int_equal(the_store.parked.count, 1);
    assert_true(ev_memory_sink_get(&the_store, &customers_view, EV_STR("rich|EUR|0"), &stored));
    assert_int_equal(stored.meta.sequence, 1);
    assert_true(ev_memory_sink_get(&the_store, &customers_view, EV_STR("17850|GBP|0"), &stored));
}

/* Carts */

static void test_carts(void **state)
{
    (void)state;
    given_at("2026-02-01T10:00:00Z");
    given("cart-c", cart_created, .cart_id = S("c"), .customer_id = S("anna"), .currency = S("EUR"));
    given("cart-c", cart_item_added, .cart_id = S("c"), .sku = S("tea"), .title = S("Tea"), .quantity = 2,
          .unit_price = 25500);
    given("cart-c", cart_item_added, .cart_id = S("c"), .sku = S("cup"), .title = S("Cup"), .quantity = 1,
          .unit_price = 10000);
    given("cart-c", cart_item_added, .cart_id = S("c"), .sku = S("tea"), .title = S("Green tea"), .quantity = 3,
          .unit_price = 30000);
    given_at("2026-02-01T11:00:00Z");
    given("cart-c", cart_item_quantity_changed, .cart_id = S("c"), .sku = S("cup"), .quantity = 4);
    then(&carts_view, "c",
         "{\"cart_id\":\"c\",\"customer_id\":\"anna\",\"currency\":\"EUR\",\"status\":\"OPEN\",\"items\":["
         "{\"sku\":\"tea\",\"title\":\"Green tea\",\"quantity\":5,\"unit_price\":\"3.00\",\"value\":\"15.00\"},"
         "{\"sku\":\"cup\",\"title\":\"Cup\",\"quantity\":4,\"unit_price\":\"1.00\",\"value\":\"4.00\"}],"
         "\"units\":9,\"total\":\"19.00\",\"order_id\":null,\"created_at\":\"2026-02-01T10:00:00Z\","
         "\"updated_at\":\"2026-02-01T11:00:00Z\",\"version\":5}");
    given("cart-c", cart_item_removed, .cart_id = S("c"), .sku = S("tea"));
    given("cart-c", cart_checked_out, .cart_id = S("c"), .order_id = S("o"), .country = S("France"));
    then(&carts_view, "c",
         "{\"cart_id\":\"c\",\"customer_id\":\"anna\",\"currency\":\"EUR\",\"status\":\"CHECKED_OUT\",\"items\":["
         "{\"sku\":\"cup\",\"title\":\"Cup\",\"quantity\":4,\"unit_price\":\"1.00\",\"value\":\"4.00\"}],"
         "\"units\":4,\"total\":\"4.00\",\"order_id\":\"o\",\"created_at\":\"2026-02-01T10:00:00Z\","
         "\"updated_at\":\"2026-02-01T11:00:00Z\",\"version\":7}");
}

static void test_cart_emptied(void **state)
{
    (void)state;
    given("cart-c", cart_created, .cart_id = S("c"), .currency = S("EUR"));
    given("cart-c", cart_item_added, .cart_id = S("c"), .sku = S("tea"), .title = S("Tea"), .quantity = 2,
          .unit_price = 25500);
    given("cart-c", cart_emptied, .cart_id = S("c"));
    then(&carts_view, "c",
         "{\"cart_id\":\"c\",\"customer_id\":null,\"currency\":\"EUR\",\"status\":\"OPEN\",\"items\":[],\"units\":0,"
         "\"total\":\"0.00\",\"order_id\":null,\"created_at\":\"1970-01-01T00:00:01Z\","
         "\"updated_at\":\"1970-01-01T00:00:01Z\",\"version\":3}");
}

/* Products */

static void test_products(void **state)
{
    (void)state;
    given_at("2026-03-01T00:00:00Z");
    given("stock-tea", stock_received, .sku = S("tea"), .quantity = 100);
    then(&products_view, "tea",
         "{\"sku\":\"tea\",\"title\":null,\"titles\":[],\"short_description\":null,\"supplier\":null,\"eans\":[],"
         "\"images\":[],\"released_on\":null,\"attributes\":[],\"price\":null,\"currency\":null,\"prices\":[],"
         "\"discontinued\":false,\"catalogued\":false,\"received\":100,\"adjusted\":0,\"available\":100,"
         "\"reserved\":0,\"sold\":0,"
         "\"created_at\":\"2026-03-01T00:00:00Z\",\"updated_at\":\"2026-03-01T00:00:00Z\",\"version\":0,"
         "\"stock_version\":1}");
    given_at("2026-03-02T00:00:00Z");
    given("product-tea", product_created, .sku = S("tea"),
          .details = {.short_description = S("Leaves"),
                      .supplier = S("Acme"),
                      .eans = {.items = (struct ev_str[]){S("4006381333931")}, .count = 1},
                      .released_on = {true, at("2020-05-17T00:00:00Z")},
                      .attributes = LINES(product_attribute, {.name = S("grams"), .number = {true, -0.0}})});
    given("product-tea", product_titled, .sku = S("tea"), .title = S("Tea"), .valid_from = at("2026-01-01T00:00:00Z"));
    given("product-tea", product_titled, .sku = S("tea"), .title = S("Later"),
          .valid_from = at("2027-01-01T00:00:00Z"));
    given("product-tea", product_titled, .sku = S("tea"), .title = S("Old"), .valid_from = at("2025-01-01T00:00:00Z"));
    given("product-tea", product_priced, .sku = S("tea"), .price = 25500, .currency = S("EUR"),
          .valid_from = at("2026-01-01T00:00:00Z"));
    given("product-tea", product_priced, .sku = S("tea"), .price = 26000, .currency = S("EUR"),
          .valid_from = at("2026-01-01T00:00:00Z"));
    given("stock-tea", stock_adjusted, .sku = S("tea"), .delta = -30, .reason = S("damp"));
    then(&products_view, "tea",
         "{\"sku\":\"tea\",\"title\":\"Tea\",\"titles\":[{\"title\":\"Old\",\"valid_from\":\"2025-01-01T00:00:00Z\"},"
         "{\"title\":\"Tea\",\"valid_from\":\"2026-01-01T00:00:00Z\"},"
         "{\"title\":\"Later\",\"valid_from\":\"2027-01-01T00:00:00Z\"}],\"short_description\":\"Leaves\","
         "\"supplier\":\"Acme\",\"eans\":[\"4006381333931\"],\"images\":[],\"released_on\":\"2020-05-17\","
         "\"attributes\":[{\"name\":\"grams\",\"text\":null,\"number\":0.0}],\"price\":\"2.60\",\"currency\":\"EUR\","
         "\"prices\":[{\"price\":\"2.60\",\"currency\":\"EUR\",\"valid_from\":\"2026-01-01T00:00:00Z\"}],"
         "\"discontinued\":false,\"catalogued\":true,\"received\":100,\"adjusted\":-30,\"available\":70,"
         "\"reserved\":0,\"sold\":0,"
         "\"created_at\":\"2026-03-02T00:00:00Z\",\"updated_at\":\"2026-03-02T00:00:00Z\",\"version\":6,"
         "\"stock_version\":2}");
    given_at("2027-06-01T00:00:00Z");
    given("product-tea", product_details_changed, .sku = S("tea"), .details = {.supplier = S("Other")});
    given("product-tea", product_discontinued, .sku = S("tea"));
    then(&products_view, "tea",
         "{\"sku\":\"tea\",\"title\":\"Later\",\"titles\":[{\"title\":\"Old\",\"valid_from\":\"2025-01-01T00:00:00Z\"},"
         "{\"title\":\"Tea\",\"valid_from\":\"2026-01-01T00:00:00Z\"},"
         "{\"title\":\"Later\",\"valid_from\":\"2027-01-01T00:00:00Z\"}],\"short_description\":null,"
         "\"supplier\":\"Other\",\"eans\":[],\"images\":[],\"released_on\":null,\"attributes\":[],\"price\":\"2.60\","
         "\"currency\":\"EUR\","
         "\"prices\":[{\"price\":\"2.60\",\"currency\":\"EUR\",\"valid_from\":\"2026-01-01T00:00:00Z\"}],"
         "\"discontinued\":true,\"catalogued\":true,\"received\":100,\"adjusted\":-30,\"available\":70,"
         "\"reserved\":0,\"sold\":0,"
         "\"created_at\":\"2026-03-02T00:00:00Z\",\"updated_at\":\"2027-06-01T00:00:00Z\",\"version\":8,"
         "\"stock_version\":2}");
}

/* Received 100, of which 40 + 5 + 7 + 3 were reserved; 40 were sold and 4 came back, 5 were released, 7 expired. */
static void test_product_sale(void **state)
{
    (void)state;
    given_at("2026-03-01T00:00:00Z");
    given("stock-tea", stock_received, .sku = S("tea"), .quantity = 100);
    given("stock-tea", stock_reserved, .sku = S("tea"), .order_id = S("1"), .line = 1, .quantity = 40);
    given("stock-tea", stock_reserved, .sku = S("tea"), .order_id = S("1"), .line = 2, .quantity = 5);
    given("stock-tea", stock_reserved, .sku = S("tea"), .order_id = S("2"), .line = 1, .quantity = 7);
    given("stock-tea", stock_reserved, .sku = S("tea"), .order_id = S("3"), .line = 1, .quantity = 3);
    given("stock-tea", reservation_confirmed, .sku = S("tea"), .order_id = S("1"), .line = 1, .quantity = 40);
    given("stock-tea", reservation_released, .sku = S("tea"), .order_id = S("1"), .line = 2, .quantity = 5);
    given("stock-tea", reservation_expired, .sku = S("tea"), .order_id = S("2"), .line = 1, .quantity = 7);
    given("stock-tea", stock_returned, .sku = S("tea"), .order_id = S("1"), .line = 1, .quantity = 4,
          .reference = S("r"));
    then(&products_view, "tea",
         "{\"sku\":\"tea\",\"title\":null,\"titles\":[],\"short_description\":null,\"supplier\":null,\"eans\":[],"
         "\"images\":[],\"released_on\":null,\"attributes\":[],\"price\":null,\"currency\":null,\"prices\":[],"
         "\"discontinued\":false,\"catalogued\":false,\"received\":100,\"adjusted\":0,\"available\":61,"
         "\"reserved\":3,\"sold\":36,"
         "\"created_at\":\"2026-03-01T00:00:00Z\",\"updated_at\":\"2026-03-01T00:00:00Z\",\"version\":0,"
         "\"stock_version\":9}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_placed, begin, end),
        cmocka_unit_test_setup_teardown(test_order_cancelled_in_part_and_returned, begin, end),
        cmocka_unit_test_setup_teardown(test_order_statuses, begin, end),
        cmocka_unit_test_setup_teardown(test_order_cancelled_whole, begin, end),
        cmocka_unit_test_setup_teardown(test_return_recorded, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_debt, begin, end),
        cmocka_unit_test_setup_teardown(test_sales_daily, begin, end),
        cmocka_unit_test_setup_teardown(test_sales_daily_by_partition, begin, end),
        cmocka_unit_test_setup_teardown(test_customers, begin, end),
        cmocka_unit_test_setup_teardown(test_repeated_lines, begin, end),
        cmocka_unit_test_setup_teardown(test_sums_that_overflow_park, begin, end),
        cmocka_unit_test_setup_teardown(test_carts, begin, end),
        cmocka_unit_test_setup_teardown(test_cart_emptied, begin, end),
        cmocka_unit_test_setup_teardown(test_products, begin, end),
        cmocka_unit_test_setup_teardown(test_product_sale, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
