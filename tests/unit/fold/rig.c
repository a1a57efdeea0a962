#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gen/cart.h"
#include "gen/topics.h"
#include "gen/views.h"

#define RIG_STEPS_MAX 1000

static struct ev_str rig_cart_id(const struct cart_event *event)
{
    switch (event->type) {
    case CART_ITEM_ADDED:
        return event->cart_item_added->cart_id;
    case CART_CHECKED_OUT:
        return event->cart_checked_out->cart_id;
    case CART_CREATED:
    case CART_ITEM_QUANTITY_CHANGED:
    case CART_ITEM_REMOVED:
    case CART_EMPTIED:
        break;
    }
    return EV_STR_NULL;
}

static size_t rig_key_of(const struct ev_event *event, const struct ev_fold_context *context,
                         char ret_key[EV_VIEW_KEY_MAX])
{
    (void)context;
    struct cart_event cart = cart_event_of(event);
    struct ev_str id = rig_cart_id(&cart);
    if (id.length)
        memcpy(ret_key, id.data, id.length);
    return id.length;
}

static enum ev_fold_result rig_fold(void *untyped, bool is_new, const struct ev_event *event,
                                    const struct ev_fold_context *context)
{
    struct carts_document *document = untyped;
    struct cart_event cart = cart_event_of(event);
    if (is_new) {
        assert_int_equal(document->units, 0); /* also after it was deleted */
        document->cart_id = rig_cart_id(&cart);
    }
    document->updated_at = context->offset;
    switch (cart.type) {
    case CART_ITEM_ADDED:
        document->units += cart.cart_item_added->quantity;
        return cart.cart_item_added->quantity == 0 ? EV_FOLD_FAIL : EV_FOLD_KEEP;
    case CART_CHECKED_OUT:
        return EV_FOLD_DELETE;
    case CART_CREATED:
    case CART_ITEM_QUANTITY_CHANGED:
    case CART_ITEM_REMOVED:
    case CART_EMPTIED:
        break;
    }
    return EV_FOLD_KEEP;
}

static size_t rig_stream_key(struct ev_str stream_id, char ret_key[EV_VIEW_KEY_MAX])
{
    memcpy(ret_key, stream_id.data, stream_id.length);
    return stream_id.length;
}

const struct ev_view rig_stream_view = {
    .name = "rig",
    .version = 1,
    .topic = &cart_topic,
    .document = &carts_document_record,
    .key_of = rig_key_of,
    .stream_key = rig_stream_key,
    .fold = rig_fold,
};

const struct ev_view rig_view = {
    .name = "rig",
    .version = 1,
    .topic = &cart_topic,
    .document = &carts_document_record,
    .key_of = rig_key_of,
    .fold = rig_fold,
};

static int rig_interfere(void *context, enum ev_memory_sink_call call, struct ev_sink_document *document,
                         struct ev_error *error)
{
    struct rig *rig = context;
    if (call == EV_MEMORY_SINK_WRITE && rig->before_write) {
        void (*before_write)(struct rig *) = rig->before_write;
        rig->before_write = NULL;
        before_write(rig);
    }
    if (rig->remaining == 0 || call != rig->call)
        return 0;
    if (call == EV_MEMORY_SINK_WRITE_ONE && rig->only_key && !ev_str_equal(document->key, ev_str_of(rig->only_key)))
        return 0;
    rig->remaining--;
    if (rig->fatal)
        ev_error_set(error, EV_ERR_INVALID, "the store refuses it");
    else
        ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "the store is away");
    return call == EV_MEMORY_SINK_WRITE_ONE && rig->result ? (int)rig->result : (int)error->code;
}

void rig_init(struct rig *rig, int32_t partitions)
{
    *rig = (struct rig){0};
    fake_log_init(&rig->log, partitions);
    for (int32_t i = 0; i < partitions; i++)
        fake_log_fence(&rig->log, i);
    ev_memory_sink_init(&rig->store);
    rig->store.interfere = rig_interfere;
    rig->store.context = rig;
    ev_fake_clock_init(&rig->clock, 100000);
    ev_fake_random_init(&rig->random, 7);
}

void rig_finish(struct rig *rig)
{
    fake_log_finish(&rig->log);
    ev_memory_sink_finish(&rig->store);
}

struct ev_projection *rig_projection(struct rig *rig)
{
    struct fake_reader *reader = &rig->readers[rig->reader_count++ % RIG_READERS_MAX];
    const struct ev_projection_options options = {
        .view = rig->view ? rig->view : &rig_view,
        .source = fake_reader_source(reader, &rig->log),
        .sink = &rig->store.sink,
        .clock = &rig->clock.clock,
        .random = &rig->random.random,
        .metrics = rig->metrics,
        .batch = rig->bounds,
        .cache_bytes_max = rig->cache_bytes_max,
    };
    return ev_projection_create(&options);
}

static struct ev_str cart_name(int cart, char buffer[32])
{
    int length = snprintf(buffer, 32, "cart-%d", cart);
    return (struct ev_str){buffer, (size_t)length};
}

static int64_t rig_commit(struct rig *rig, int cart, const struct ev_event *events, size_t count)
{
    char name[32];
    rig->log.now_ms = rig->clock.now_ms;
    return fake_log_commit(&rig->log, cart % rig->log.partition_count, cart_name(cart, name).data, events, count);
}

int64_t rig_add(struct rig *rig, int cart, int64_t units)
{
    char name[32];
    const struct cart_item_added added = {.cart_id = cart_name(cart, name), .quantity = units};
    const struct ev_event event = {&cart_item_added_event, &added};
    return rig_commit(rig, cart, &event, 1);
}

void rig_void(struct rig *rig, int cart, int64_t units)
{
    char name[32];
    const struct cart_item_added added = {.cart_id = cart_name(cart, name), .quantity = units};
    const struct ev_event event = {&cart_item_added_event, &added};
    fake_log_void(&rig->log, cart % rig->log.partition_count, name, &event);
}

int64_t rig_add_twice(struct rig *rig, int cart, int64_t first, int64_t second)
{
    char name[32];
    const struct cart_item_added added[2] = {
        {.cart_id = cart_name(cart, name), .quantity = first},
        {.cart_id = cart_name(cart, name), .quantity = second},
    };
    const struct ev_event events[2] = {{&cart_item_added_event, &added[0]}, {&cart_item_added_event, &added[1]}};
    return rig_commit(rig, cart, events, 2);
}

int64_t rig_check_out(struct rig *rig, int cart)
{
    char name[32];
    const struct cart_checked_out out = {.cart_id = cart_name(cart, name)};
    const struct ev_event event = {&cart_checked_out_event, &out};
    return rig_commit(rig, cart, &event, 1);
}

int rig_step(struct rig *rig, struct ev_projection *projection, struct ev_error *error)
{
    int r = ev_projection_step(projection, 0, error);
    int64_t pause = ev_projection_pause_ms(projection);
    rig->clock.now_ms += pause > 0 ? pause : 1;
    return r;
}

/* The checkpoints are at the log's end, or before what stopped their partition. */
static bool rig_is_done(const struct rig *rig, struct ev_projection *projection)
{
    struct ev_projection_status status;
    ev_projection_status(projection, &status);
    if (status.state != EV_PROJECTION_LIVE)
        return false;
    for (int32_t i = 0; i < status.partition_count; i++)
        if (!status.partitions[i].stopped && status.partitions[i].position != (int64_t)rig->log.partitions[i].count)
            return false;
    return true;
}

void rig_run(struct rig *rig, struct ev_projection *projection)
{
    struct ev_error error = {0};
    for (int i = 0; i < RIG_STEPS_MAX; i++)
        if (rig_step(rig, projection, &error) == 0 && rig_is_done(rig, projection))
            return;
    fail_msg("the projection didn't come to rest: %s", error.message);
}

void rig_look_and_run(struct rig *rig, struct ev_projection *projection)
{
    struct ev_error error;
    rig->clock.now_ms += EV_PROJECTION_CONTROL_INTERVAL_MS;
    rig_step(rig, projection, &error);
    rig_run(rig, projection);
}

int64_t rig_units(struct rig *rig, int cart)
{
    char name[32];
    struct ev_sink_document stored;
    struct ev_arena arena;
    struct carts_document document;
    struct ev_error error;
    if (!ev_memory_sink_get(&rig->store, &rig_view, cart_name(cart, name), &stored))
        return -1;
    if (stored.deleted)
        return -2;
    ev_arena_init(&arena, 0);
    assert_int_equal(ev_record_decode(&carts_document_record, stored.body, &arena, &document, &error), 0);
    ev_arena_finish(&arena);
    return document.units;
}

void rig_assert_true_to_log(struct rig *rig)
{
    struct rig fresh = *rig;
    struct ev_digest want[FAKE_LOG_PARTITIONS_MAX], have[FAKE_LOG_PARTITIONS_MAX];
    struct ev_error error;
    ev_memory_sink_init(&fresh.store);
    struct ev_projection *projection = rig_projection(&fresh);
    rig_run(&fresh, projection);
    ev_projection_destroy(projection);
    assert_int_equal(ev_digest_scan(&fresh.store.sink, &rig_view, want, FAKE_LOG_PARTITIONS_MAX, &error), 0);
    assert_int_equal(ev_digest_scan(&rig->store.sink, &rig_view, have, FAKE_LOG_PARTITIONS_MAX, &error), 0);
    for (int i = 0; i < FAKE_LOG_PARTITIONS_MAX; i++)
        assert_true(ev_digest_equal(&want[i], &have[i]));
    ev_memory_sink_finish(&fresh.store);
}
